"""Threads that run one at a time, in the order that a schedule says: they change over where they lock, wait or wake.

:class:`Turns` stands in the place of the module ``threading``. Its threads are greenlets, which change over fast enough
to go through many orders.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from tests.model.clock import Clock
from tests.model.schedule import Schedule


class _Worker:
    def __init__(self, name: str, target: Callable[[], None]) -> None:
        self.name = name
        self.run = greenlet(target)
        self.waits_for: Callable[[], bool] | None = None
        self.until: float | None = None
        self.timed_out = False
        self.may_be_interrupted = False

    @property
    def waits(self) -> bool:
        return not self.run.dead and self.waits_for is not None and not self.waits_for()

    @property
    def ready(self) -> bool:
        return not self.run.dead and not self.waits


class Turns:
    """Runs functions as threads. To change over where the same one could go on is a deviation.

    So is a wait that times out, if ``time_is_free`` does not make it usual; ``clock`` goes on with it. And so are
    ``interrupts``: that many waits for an event or a condition may end with a :class:`KeyboardInterrupt`.
    """

    def __init__(self, schedule: Schedule, *, interrupts: int = 0, time_is_free: bool = False) -> None:
        self.clock = Clock()
        self._interrupts = interrupts
        self._time_is_free = time_is_free
        self._schedule = schedule
        self._main = getcurrent()
        self._workers: Sequence[_Worker] = ()
        self._current: _Worker | None = None

    def run(self, *targets: Callable[[], None]) -> None:
        """Runs them to their ends; fails where nobody can go on any more but by waiting until its time is up."""
        self._workers = [_Worker(f"thread {number}", target) for number, target in enumerate(targets)]
        try:
            while not all(worker.run.dead for worker in self._workers):
                self._go_on()
        finally:
            for worker in self._workers:
                worker.run.throw()

    def pause(self) -> None:
        """Another thread may go on here."""
        self.wait(None)

    def wait(
        self, condition: Callable[[], bool] | None, *, timeout: float | None = None, may_be_interrupted: bool = False
    ) -> bool:
        """Others go on until ``condition`` holds; ``False`` when the time was up before."""
        worker = self._current
        assert worker is not None
        worker.waits_for, worker.timed_out, worker.may_be_interrupted = condition, False, may_be_interrupted
        worker.until = None if timeout is None else self.clock.now + timeout
        try:
            self._main.switch()
        finally:
            worker.waits_for = worker.until = None
            worker.may_be_interrupted = False
        return not worker.timed_out

    def Lock(self) -> "_Lock":  # noqa: N802 - as in threading
        """A lock."""
        return _Lock(self)

    def Condition(self, lock: "_Lock") -> "_Condition":  # noqa: N802 - as in threading
        """A condition of a lock."""
        return _Condition(self, lock)

    def Event(self) -> "_Event":  # noqa: N802 - as in threading
        """An event."""
        return _Event(self)

    def _go_on(self) -> None:
        """Does what the schedule chooses: a thread goes on, has no time left to wait, or is interrupted."""
        ready = [(worker, "goes on") for worker in self._workers if worker.ready]
        assert ready, "everybody waits, and nobody will wake them"
        same = [move for move in ready if move[0] is self._current]
        late = [(worker, "has no time left") for worker in self._workers if worker.waits and worker.until is not None]
        hit = [(worker, "is interrupted") for worker in self._workers if worker.may_be_interrupted and self._interrupts]
        usual = (same or ready) + (late if self._time_is_free else [])
        moves = usual + [move for move in ready + late + hit if move not in usual]
        choice = self._schedule.choose([f"{worker.name} {what}" for worker, what in moves], usual=len(usual))
        self._current, what = moves[choice]
        self._resume(self._current, what)

    def _resume(self, worker: _Worker, what: str) -> None:
        if what == "is interrupted":
            self._interrupts -= 1
            worker.run.throw(KeyboardInterrupt)
            return
        if what == "has no time left":
            assert worker.until is not None
            worker.timed_out = True
            self.clock.now = max(self.clock.now, worker.until)
        worker.run.switch()


class _Lock:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.held = False

    def __enter__(self) -> None:
        self._turns.wait(lambda: not self.held)
        self.held = True

    def __exit__(self, *_error: object) -> Literal[False]:
        self.held = False
        self._turns.pause()
        return False


class _Condition:
    def __init__(self, turns: Turns, lock: _Lock) -> None:
        self._turns = turns
        self._lock = lock
        self._waiting: list[object] = []

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *error: object) -> Literal[False]:
        return self._lock.__exit__(*error)

    def wait(self, timeout: float | None = None) -> bool:
        """Gives up the lock until it is notified."""
        me = object()
        self._waiting.append(me)
        self._lock.held = False
        try:
            return self._turns.wait(lambda: me not in self._waiting, timeout=timeout, may_be_interrupted=True)
        finally:
            if me in self._waiting:
                self._waiting.remove(me)
            self._lock.__enter__()

    def notify_all(self) -> None:
        """Wakes all."""
        assert self._lock.held, "notified without the lock"
        self._waiting.clear()


class _Event:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._set = False

    def set(self) -> None:
        """Wakes all."""
        self._turns.pause()
        self._set = True

    def wait(self, timeout: float | None = None) -> bool:
        """Until it is set."""
        return self._turns.wait(lambda: self._set, timeout=timeout, may_be_interrupted=True)
