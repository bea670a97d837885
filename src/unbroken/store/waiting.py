"""Waiting for PostgreSQL until a deadline and no longer, and never leaving a connection half used."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, inf
from time import monotonic
from typing import Final, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

T = TypeVar("T")

_EVENTS: Final = {
    Wait.R: select.POLLIN,
    Wait.W: select.POLLOUT,
    Wait.RW: select.POLLIN | select.POLLOUT,
}
# How long the library waits between two looks at signals and at the clock.
_LOOK_S: Final = 0.1
# poll() refuses more milliseconds than fit into its argument.
_HOUR_S: Final = 3600.0


class NoAnswerError(psycopg.OperationalError):
    """The deadline came before the server's answer."""


class BoundedConnection(psycopg.Connection[tuple[object, ...]]):
    """A connection on which no wait outlasts the block of :meth:`within`, and which closes when one is cut short.

    Whoever gives up waiting, at the deadline or by an interruption, leaves a statement whose answer would be taken for
    the next one's. The connection closes then and there: to ask the server to cancel is another wait for the server.
    """

    _deadline: float = inf

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Ends the block's waits after ``seconds`` in all, with :class:`NoAnswerError`."""
        self._deadline = monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = inf

    def wait(self, gen: PQGen[T], interval: float = 0.0, timeout: float | None = None) -> T:  # noqa: ARG002 - psycopg's
        """Runs what psycopg does on this connection."""
        look_s = max(0.0, min(_LOOK_S, self._deadline - monotonic()))
        try:
            return waiting.wait(_until(gen, self._deadline), self.fileno(), interval=look_s)
        except BaseException as error:
            if isinstance(error, NoAnswerError) or not isinstance(error, psycopg.Error):
                self.close()
            raise


def _until(gen: PQGen[T], deadline: float) -> PQGen[T]:
    """``gen``, which ends with :class:`NoAnswerError` once the deadline has passed."""
    try:
        ready = yield next(gen)
        while True:
            wanted = gen.send(ready)
            # After what has arrived was used, so that no time left still means one look.
            if monotonic() >= deadline:
                raise NoAnswerError("no answer in time")
            ready = yield wanted
    except StopIteration as done:
        result: T = done.value
        return result


def readiness(descriptor: int, wanted: Wait, *, deadline: float) -> Ready:
    """For what of ``wanted`` the socket is ready; nothing at the ``deadline``, a time of :func:`time.monotonic`."""
    poll = select.poll()
    poll.register(descriptor, _EVENTS[wanted])
    happened = poll.poll(ceil(1000 * min(_HOUR_S, max(0.0, deadline - monotonic()))))
    if not happened:
        return Ready.NONE
    events = happened[0][1]
    if events & select.POLLNVAL:
        raise psycopg.OperationalError("the connection was closed")
    # An error or a hang-up is for the library to find, by reading or writing.
    ready = (wanted & Wait.R if events & ~select.POLLOUT else 0) | (wanted & Wait.W if events & ~select.POLLIN else 0)
    return Ready(ready)
