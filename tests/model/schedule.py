"""Runs real code under every schedule: whatever may go one way or another asks here, and every way is gone once."""

from collections.abc import Callable, Iterator, Sequence


class Schedule:
    """The choices of one run; all but the usual ones are *deviations*, of which a run has no more than a given number.

    ``given`` are the choices of an earlier run to repeat; after them the first option is taken.
    """

    def __init__(self, given: tuple[int, ...] = (), *, deviations: int = 0) -> None:
        self._given = given
        self._left = deviations
        self.taken: list[int] = []
        self.open: list[int] = []
        self.told: list[str] = []

    def choose(self, options: Sequence[str], *, usual: int = 1) -> int:
        """The position of the option to take now; the first ``usual`` of them are no deviations."""
        at = len(self.taken)
        choice = self._given[at] if at < len(self._given) else 0
        self.open.append(len(options) if self._left else usual)
        self._left -= choice >= usual
        self.taken.append(choice)
        self.told.append(options[choice])
        return choice

    def __str__(self) -> str:
        return "\n".join(f"  {number:2d}. {told}" for number, told in enumerate(self.told, 1))


def count_schedules(run: Callable[[Schedule], None], *, deviations: int) -> int:
    """Runs ``run`` under every schedule with at most so many deviations, and says how many there are.

    What ``run`` raises names its schedule.
    """
    return sum(1 for _ in _every_schedule(run, deviations=deviations))


def _every_schedule(run: Callable[[Schedule], None], *, deviations: int) -> Iterator[Schedule]:
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        given = waiting.pop()
        schedule = Schedule(given, deviations=deviations)
        try:
            run(schedule)
        except AssertionError as error:
            error.add_note(f"schedule:\n{schedule}")
            raise
        yield schedule
        for at in range(len(given), len(schedule.taken)):
            waiting += [(*schedule.taken[:at], other) for other in range(1, schedule.open[at])]
