"""Threads that run one at a time, in the order that a schedule says: they change over where they lock, wait or wake.

:class:`Turns` stands in the place of the module ``threading``.
"""

import threading
from collections.abc import Callable
from typing import Final, Literal

from tests.model.schedule import Schedule

_STUCK_S: Final = 20.0


class Abandoned(BaseException):
    """Ends a thread of a run that has failed."""


class _Worker:
    def __init__(self, name: str, target: Callable[[], None]) -> None:
        self.name = name
        self.may_run = threading.Semaphore(0)
        self.waits_for: Callable[[], bool] | None = None
        self.until: float | None = None
        self.timed_out = False
        self.done = False
        self.thread = threading.Thread(target=target, daemon=True)

    @property
    def ready(self) -> bool:
        return not self.done and (self.waits_for is None or self.waits_for())


class Turns:
    """Runs functions as threads; who goes on is chosen at each change, and a wait that times out is a deviation."""

    def __init__(self, schedule: Schedule) -> None:
        self.now = 0.0
        self._schedule = schedule
        self._workers: list[_Worker] = []
        self._current: _Worker | None = None
        self._stopped = threading.Semaphore(0)
        self._abandoned = False
        self._failure: BaseException | None = None

    def clock(self) -> float:
        """The time; it passes when a wait times out."""
        return self.now

    def run(self, *targets: Callable[[], None]) -> None:
        """Runs them to their ends; fails where nobody can go on any more, but for those whose time will be up."""
        self._workers = [_Worker(f"thread {n}", self._body(n, target)) for n, target in enumerate(targets)]
        for worker in self._workers:
            worker.thread.start()
        try:
            while not all(worker.done for worker in self._workers) and self._failure is None:
                self._let_run(self._next())
        finally:
            self._abandon()
        if self._failure is not None:
            raise self._failure

    def pause(self) -> None:
        """Somebody else may go on here."""
        self.wait(None)

    def wait(self, condition: Callable[[], bool] | None, *, timeout: float | None = None) -> bool:
        """Somebody else goes on until ``condition`` holds; ``False`` when the time was up before."""
        worker = self._current
        assert worker is not None
        worker.waits_for, worker.timed_out = condition, False
        worker.until = None if timeout is None else self.now + timeout
        self._stopped.release()
        assert worker.may_run.acquire(timeout=_STUCK_S)
        if self._abandoned:
            raise Abandoned
        worker.waits_for = worker.until = None
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

    def _body(self, number: int, target: Callable[[], None]) -> Callable[[], None]:
        def body() -> None:
            worker = self._workers[number]
            assert worker.may_run.acquire(timeout=_STUCK_S)
            try:
                if not self._abandoned:
                    target()
            except Abandoned:
                pass
            except BaseException as error:  # noqa: BLE001 - raised by run()
                self._failure = self._failure or error
            worker.done = True
            self._stopped.release()

        return body

    def _next(self) -> _Worker:
        ready = [worker for worker in self._workers if worker.ready]
        assert ready, "everybody waits, and nobody will wake them"
        running = self._current is not None and self._current in ready
        if running:
            ready.sort(key=lambda worker: worker is not self._current)
        late = [w for w in self._workers if not w.done and not w.ready and w.until is not None]
        options = [worker.name for worker in ready] + [f"{worker.name}'s time is up" for worker in late]
        choice = self._schedule.choose(options, usual=1 if running else len(ready))
        worker = (ready + late)[choice]
        if worker in late:
            worker.timed_out = True
            assert worker.until is not None
            self.now = max(self.now, worker.until)
        return worker

    def _let_run(self, worker: _Worker) -> None:
        self._current = worker
        worker.may_run.release()
        assert self._stopped.acquire(timeout=_STUCK_S)

    def _abandon(self) -> None:
        self._abandoned = True
        for worker in self._workers:
            worker.may_run.release()
        for worker in self._workers:
            worker.thread.join(_STUCK_S)


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
        notified = self._turns.wait(lambda: me not in self._waiting, timeout=timeout)
        if not notified:
            self._waiting.remove(me)
        self._lock.__enter__()
        return notified

    def notify_all(self) -> None:
        """Wakes all."""
        assert self._lock.held
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
        return self._turns.wait(lambda: self._set, timeout=timeout)
