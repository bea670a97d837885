"""What goes on in one turn: the operations under way, and what its response will be told to have used."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from unbroken.capture.forks import PerProcess
from unbroken.capture.stop import Stop
from unbroken.capture.unstarted import Unstarted


class _Work:
    """What one process does for a turn."""

    def __init__(self) -> None:
        # Owns what is below it. Reentrant: the garbage collector may end a generator in the thread that holds it.
        self.lock = threading.RLock()
        self.under_way: dict[str, str] = {}
        self.standing: dict[str, _Standing] = {}
        self.waiting: list[Future[None]] = []


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where an operation that stands still was last at work, and what ends it."""

    where: tuple[int, int | None]
    give_up: Callable[[], None]


class Activity:
    """Shared by all tasks and threads that work for one turn. A forked child begins with nothing under way."""

    def __init__(self, *, around: "Activity | None" = None) -> None:
        self.around = around
        self.stop: Stop = around.stop if around is not None else Stop()
        self.unstarted = Unstarted()
        # A child has neither its parent's threads nor, perhaps, a lock that nobody holds.
        self._works = PerProcess(_Work)
        self._closed = False
        # Changed in single steps of the interpreter only.
        self._tools: dict[str, None] = {}
        self._model: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the turn was left; what still comes is late."""
        return self._closed

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked inside the turn."""
        return self.unstarted.is_inherited

    @property
    def model(self) -> str | None:
        """The model that was asked last."""
        return self._model

    def begin(self, operation: str) -> None:
        """Counts an operation, named by an id, as under way."""
        work = self._works.here()
        with work.lock:
            work.under_way[operation] = operation

    def end(self, operation: str) -> None:
        """The operation is over and recorded, or has failed to be."""
        work = self._works.here()
        with work.lock:
            work.under_way.pop(operation, None)
            done = self._take_waiting(work)
        for future in done:
            future.set_result(None)

    def known_as(self, operation: str, event_id: str) -> None:
        """The operation turned out to be that of another event, recorded before it began."""
        work = self._works.here()
        with work.lock:
            if operation in work.under_way:
                work.under_way[operation] = event_id

    @contextmanager
    def operation(self, operation: str) -> Iterator[None]:
        """:meth:`begin` and :meth:`end` round a block."""
        self.begin(operation)
        try:
            yield
        finally:
            self.end(operation)

    def close(self) -> Future[None]:
        """A future that is done as soon as nothing is under way, from which moment on the turn is closed."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # so that a waiter who is cancelled can't cancel it for others
        work = self._works.here()
        with work.lock:
            work.waiting.append(future)
            done = self._take_waiting(work)
        for ready in done:
            ready.set_result(None)
        return future

    def under_way(self) -> tuple[str, ...]:
        """The ids of the operations that are not over."""
        work = self._works.here()
        with work.lock:
            return tuple(sorted(work.under_way.values()))

    def stand_still(self, operation: str, *, give_up: Callable[[], None]) -> None:
        """The operation waits to be gone on with, probably by who is here; ``give_up`` ends it in place of that."""
        work = self._works.here()
        with work.lock:
            work.standing[operation] = _Standing(_here(), give_up)

    def go_on(self, operation: str) -> bool:
        """The operation is gone on with; ``False`` when it was given up, or stands still in the process forked from."""
        work = self._works.here()
        with work.lock:
            return work.standing.pop(operation, None) is not None

    def take_standing(self) -> Callable[[], None] | None:
        """What gives up one of the operations that only the thread or task could go on with that leaves the turn here.

        To be called until there is none: what is not taken may still be gone on with.
        """
        work = self._works.here()
        with work.lock:
            mine = next((operation for operation, at in work.standing.items() if at.where == _here()), None)
            return None if mine is None else work.standing.pop(mine).give_up

    def note_tool(self, name: str) -> None:
        self._tools.setdefault(name)

    def note_model(self, name: str) -> None:
        self._model = name

    def tools_used(self) -> list[str]:
        """Names of the tools called so far, in the order of their first call."""
        return list(self._tools)

    def _take_waiting(self, work: _Work) -> list[Future[None]]:
        if work.under_way or not work.waiting:
            return []
        self._closed = True
        done, work.waiting = work.waiting, []
        return done


def _here() -> tuple[int, int | None]:
    """This thread and, where there is one, this task."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.get_ident(), None if task is None else id(task)
