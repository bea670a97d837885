"""Waiting for something to come true, never for ever."""

import time
from collections.abc import Callable

_STEP_S = 0.02


def eventually(condition: Callable[[], object], what: str, *, seconds: float = 30.0) -> None:
    """Returns when ``condition`` holds; raises :class:`TimeoutError` naming ``what`` when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"within {seconds:g} s it did not happen that {what}")
        time.sleep(_STEP_S)
