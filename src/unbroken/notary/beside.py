"""Work that may take long, in a thread beside: one piece at a time, and always the newest there is."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Beside(Generic[T]):
    """Calls ``work`` with what is offered; what was not begun when more is offered is left out.

    ``work`` raises nothing. The thread doesn't keep the process from ending.
    """

    def __init__(self, work: Callable[[T], object]) -> None:
        self._work = work
        self._changed = threading.Condition()  # guards _offered, which is None or holds one value
        self._offered: tuple[T] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def offer(self, value: T) -> None:
        """Has ``work`` called with it, soon and from the other thread."""
        with self._changed:
            self._offered = (value,)
            self._changed.notify()
        if not self._thread.is_alive():
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._offered is None:
                    self._changed.wait()
                (value,), self._offered = self._offered, None
            self._work(value)
