"""A clock that moves only when somebody waits."""


class Clock:
    """Calling it tells the time, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Waits."""
        self.now += seconds
