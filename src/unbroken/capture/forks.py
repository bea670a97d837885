"""What a forked child does not share with its parent, a lock above all."""

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value for each process, made by ``make`` when it is first asked for; a parent's is left as it is."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    def here(self) -> T:
        """This process's own."""
        pid = os.getpid()
        made = self._made.get(pid)
        # Of several threads that come here first, one sets what all of them get.
        return self._made.setdefault(pid, self._make()) if made is None else made


class ProcessLock:
    """One lock for each process: a child has nothing to do with threads of its parent, which may hold theirs.

    Reentrant, because the garbage collector runs other code in the thread that holds it.
    """

    def __init__(self) -> None:
        self._locks = PerProcess(threading.RLock)

    def __enter__(self) -> None:
        self._locks.here().acquire()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._locks.here().release()
