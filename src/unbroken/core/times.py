"""Timestamps as the format writes them: RFC 3339, UTC, microseconds, exactly 27 characters."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from unbroken.errors import InvalidEventError

_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}[.][0-9]{6}Z")


def format_time(moment: datetime) -> str:
    """``moment`` as ``2026-01-31T09:30:00.000000Z``; it must know its time zone."""
    if moment.tzinfo is None:
        raise InvalidEventError("a time without a time zone can't be recorded: give an aware datetime")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds").zfill(26) + "Z"


def parse_time(text: str) -> datetime:
    """The aware UTC datetime that ``text`` states; the inverse of :func:`format_time`."""
    if not is_time(text):
        raise InvalidEventError("not a timestamp of the form YYYY-MM-DDTHH:MM:SS.ffffffZ")
    return datetime.fromisoformat(text)


def is_time(text: str) -> bool:
    """Whether ``text`` has the one accepted form and names a real calendar time."""
    return _SHAPE.fullmatch(text) is not None and _is_in_calendar(text[:19])


@lru_cache(maxsize=4096)
def _is_in_calendar(second: str) -> bool:
    try:
        datetime.fromisoformat(second)
    except ValueError:
        return False
    return True
