"""A wall clock that can be stepped for some processes; their monotonic clock goes on as it is.

For a server libfaketime does that. In a recorder, whose sleep it would break, Python's sources of time are replaced.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

from unbroken.ledger import draft

_LIBRARIES: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def can_step() -> bool:
    """Whether the library is installed (Debian's package ``faketime``)."""
    return bool(_LIBRARIES)


class Clock:
    """The clock of every process that is started with :attr:`environment` or follows :attr:`file`."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """What puts a process under this clock."""
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset_s: int) -> None:
        """Lets the clock be ``offset_s`` seconds off from now on. Readers see the old offset or the new one."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{offset_s:+d}\n")
        fresh.chmod(0o644)
        fresh.replace(self.file)


def follow(file: Path) -> None:
    """Puts this Python process under the clock of ``file``: what it states as its time, and what ids are made from."""

    def offset() -> timedelta:
        return timedelta(seconds=int(file.read_text()))

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + offset()

    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + offset().total_seconds()
    time.time_ns = lambda: now_ns() + offset() // timedelta(microseconds=1) * 1000
    draft.datetime = Stepped  # type: ignore[attr-defined]
