"""Code that the garbage collector runs: the ends of generators, above all.

It may do so anywhere, also in the middle of a write and in the thread that makes it, which holds locks that a second
write would wait for in vain. What the end of a generator has to do waits until its thread has come out of its own
write. A question to the log holds the same locks, so for this it counts as a write.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unbroken.errors import UnavailableError

_log = logging.getLogger("unbroken")


class _Thread(threading.local):
    """What one thread is at."""

    def __init__(self) -> None:
        self.is_writing = False
        self.is_catching_up = False
        self.put_off: list[Callable[[], None]] = []


_here = _Thread()


@contextmanager
def writing() -> Iterator[None]:
    """Round a write. At its end comes what was put off meanwhile, whose errors are not those of this write.

    Raises :class:`UnavailableError` in the middle of a write of the same thread.
    """
    if _here.is_writing:
        raise UnavailableError(
            "something was to be recorded by code that interrupted a write of its own thread, such as a finaliser or a "
            "signal handler: nothing of it was recorded"
        )
    _here.is_writing = True
    try:
        yield
    finally:
        _here.is_writing = False
        _catch_up()


def when_not_writing(work: Callable[[], None]) -> None:
    """Does ``work`` at once, or where this thread is writing, after that."""
    if _here.is_writing:
        _here.put_off.append(work)
    else:
        work()


def _catch_up() -> None:
    """Does what was put off, one after the other: it may write, too, and is not to be overtaken then."""
    if _here.is_catching_up:
        return
    _here.is_catching_up = True
    try:
        while _here.put_off:
            _make_up_for(_here.put_off.pop(0))
    finally:
        _here.is_catching_up = False


def _make_up_for(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - the last lines of a generator may raise anything
        # Nobody is there to raise it to. What could not be recorded has stopped its turn.
        _log.error("the end of a generator that was given up has failed: %s", type(error).__qualname__)
