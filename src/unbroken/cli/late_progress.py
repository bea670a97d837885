"""A progress bar for work that may be over at once: it appears on a terminal after a while, and leaves nothing."""

import time
from types import TracebackType
from typing import Final, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from unbroken.cli.printing import console

PATIENCE_S: Final = 2.0


class LateProgress:
    """Call it with what is done and what there is to do; a context manager."""

    def __init__(self, label: str, *, patience: float = PATIENCE_S) -> None:
        errors = console(stderr=True)
        self._shown = False
        self._due = time.monotonic() + patience
        self._bar = Progress(
            TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=errors, transient=True, disable=not errors.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task(label, total=None)

    def __call__(self, done: int, of: int) -> None:
        """Shows the state, once it is time to."""
        if not self._shown and time.monotonic() >= self._due:
            self._shown = True
            self._bar.start()
        if self._shown:
            self._bar.update(self._task, completed=done, total=of)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
