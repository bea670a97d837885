"""Runs real code under every schedule: whatever may go one way or another asks here, and each combination is tried once."""

from collections.abc import Callable, Iterator


class Schedule:
    """One run's choices. The first of the options is what happens when nothing special does; others are *deviations*.

    ``given`` are the choices to repeat from an earlier run; after them the first option is taken.
    """

    def __init__(self, given: tuple[int, ...], *, deviations: int) -> None:
        self._given = given
        self._left = deviations
        self.taken: list[int] = []
        self.open: list[int] = []
        self.told: list[str] = []

    def choose(self, options: list[str], *, free: bool = False) -> int:
        """The position of the option to take now; ``free`` choices are no deviations."""
        at = len(self.taken)
        choice = self._given[at] if at < len(self._given) else 0
        self.open.append(len(options) if free or self._left else 1)
        self._left -= choice > 0 and not free
        self.taken.append(choice)
        self.told.append(options[choice])
        return choice

    def __str__(self) -> str:
        return "\n".join(f"  {number:2d}. {told}" for number, told in enumerate(self.told, 1))


def every_schedule(run: Callable[[Schedule], None], *, deviations: int) -> Iterator[Schedule]:
    """Runs ``run`` under every schedule with at most so many deviations, depth first; yields each after its run."""
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        given = waiting.pop()
        schedule = Schedule(given, deviations=deviations)
        run(schedule)
        yield schedule
        for at in range(len(given), len(schedule.taken)):
            waiting += [(*schedule.taken[:at], other) for other in range(1, schedule.open[at])]
