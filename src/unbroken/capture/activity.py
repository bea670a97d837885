"""What goes on in one turn: the operations under way, and what its response will be told to have used."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from unbroken.capture.stop import Stop


class Activity:
    """Shared by all tasks and threads that work for one turn."""

    def __init__(self, *, around: "Activity | None" = None) -> None:
        self.around = around
        self.stop: Stop = around.stop if around is not None else Stop()
        # Owns everything below it.
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._waiting: list[Future[None]] = []
        self._closed = False
        self._tools: dict[str, None] = {}
        self._model: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the turn was left; what still comes is late."""
        return self._closed

    @property
    def model(self) -> str | None:
        """The model that was asked last."""
        return self._model

    def begin(self, operation: str) -> None:
        """Counts an operation, named by an id, as under way."""
        with self._lock:
            self._under_way.add(operation)

    def end(self, operation: str) -> None:
        """The operation is over and recorded, or has failed to be."""
        with self._lock:
            self._under_way.discard(operation)
            done = self._take_waiting()
        for future in done:
            future.set_result(None)

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
        with self._lock:
            self._waiting.append(future)
            done = self._take_waiting()
        for ready in done:
            ready.set_result(None)
        return future

    def under_way(self) -> tuple[str, ...]:
        """The ids of the operations that are not over."""
        with self._lock:
            return tuple(sorted(self._under_way))

    def note_tool(self, name: str) -> None:
        with self._lock:
            self._tools.setdefault(name)

    def note_model(self, name: str) -> None:
        with self._lock:
            self._model = name

    def tools_used(self) -> list[str]:
        """Names of the tools called so far, in the order of their first call."""
        with self._lock:
            return list(self._tools)

    def _take_waiting(self) -> list[Future[None]]:
        if self._under_way or not self._waiting:
            return []
        self._closed = True
        done, self._waiting = self._waiting, []
        return done
