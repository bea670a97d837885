"""A lock that a forked child finds free."""

import os
import threading
from types import TracebackType


class ProcessLock:
    """One lock for each process: a child has nothing to do with threads of its parent, which may hold theirs.

    Reentrant, because the garbage collector runs other code in the thread that holds it.
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}

    def __enter__(self) -> None:
        self._here().acquire()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._here().release()

    def _here(self) -> "threading.RLock":
        pid = os.getpid()
        # Of several threads that come here first, one sets the lock that all of them get.
        return self._locks.get(pid) or self._locks.setdefault(pid, threading.RLock())
