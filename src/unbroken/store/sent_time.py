"""Times as the server sends them in binary."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from unbroken.core.times import format_time

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def sent_time(sent: bytes) -> str:
    """A timestamptz as the server sends it, microseconds since 2000, as a line writes it.

    What no line can hold, such as infinity, becomes a text that no line holds either.
    """
    try:
        return format_time(_EPOCH + timedelta(microseconds=int.from_bytes(sent, signed=True)))
    except OverflowError:
        return f"out of range: {sent.hex()}"
