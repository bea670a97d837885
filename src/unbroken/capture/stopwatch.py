"""Durations, by the monotonic clock."""

import time


class Stopwatch:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def milliseconds(self) -> int:
        """Whole milliseconds since then."""
        return int((time.monotonic() - self._start) * 1000)
