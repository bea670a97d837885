"""Generators that the garbage collector ends.

It may do so anywhere, also in the middle of a write and in the thread that makes it, which holds locks that a second
write would wait for in vain. What such an end has to record waits until its thread has come out of its own write.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unbroken.errors import UnbrokenError

_log = logging.getLogger("unbroken")


class _Thread(threading.local):
    """What one thread is at."""

    def __init__(self) -> None:
        self.is_writing = False
        self.put_off: list[Callable[[], None]] = []


_here = _Thread()


@contextmanager
def writing() -> Iterator[None]:
    """Round a write. At its end comes what was put off meanwhile, whose errors are not those of this write."""
    if _here.is_writing:
        yield
        return
    _here.is_writing = True
    try:
        yield
    finally:
        _here.is_writing = False
        while _here.put_off:
            _make_up_for(_here.put_off.pop(0))


def when_not_writing(work: Callable[[], None]) -> None:
    """Does ``work`` at once, or where this thread is writing, after that."""
    if _here.is_writing:
        _here.put_off.append(work)
    else:
        work()


def _make_up_for(work: Callable[[], None]) -> None:
    try:
        work()
    except UnbrokenError as error:
        # Nobody is there to raise it to. The turn that it belongs to, if any, has stopped.
        _log.error("the end of a generator could not be recorded: %s", type(error).__qualname__)
