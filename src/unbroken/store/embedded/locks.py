"""Locks on files that the kernel gives up with the process, and that a forked child does not keep."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

if sys.platform != "win32":
    import fcntl


class Lock:
    """A flock on a descriptor of its own, given up by closing it; it belongs to who opened it, not to a child."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        _open.add(self)

    def exclusively(self) -> bool:
        """Try to hold it alone, and tell whether that worked; like :meth:`shared` it does not wait."""
        return self._try(fcntl.LOCK_EX)

    def shared(self) -> bool:
        """Try to hold it together with others, and tell whether that worked."""
        return self._try(fcntl.LOCK_SH)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give it up; later calls do nothing."""
        if self in _open:
            _open.discard(self)
            os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# Changed only under the process's guard (membership.py), which a fork waits for: a child sees every lock or none of it.
_open: Final[set[Lock]] = set()


def drop_inherited() -> None:
    """Hold nothing, in a forked child. Closing a descriptor leaves the lock of the parent, who has it too, as it is."""
    for lock in tuple(_open):
        lock.close()
