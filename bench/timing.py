"""Taking times side by side, so that whatever else the machine does hits all contenders alike."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Contender: TypeAlias = Callable[[], Callable[[], object]]
"""Prepares one piece of work, untimed, and returns what is to be timed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Repeated times of one thing: the median and, to see how much it varied, the quartiles. Seconds."""

    median: float
    low: float
    high: float
    late: float
    """What one in a hundred takes longer than; of few times, little more than the longest."""
    times: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Sample":
        low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
        return cls(median, low, high, statistics.quantiles(seconds, n=100, method="inclusive")[98], len(seconds))

    def rate(self, items: int) -> float:
        """Items per second at the median time."""
        return items / self.median


def side_by_side(contenders: Mapping[str, Contender], *, rounds: int, warm_up: int) -> dict[str, Sample]:
    """Times the contenders one after another in every round, each round in the opposite order of the one before."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(warm_up + rounds):
        for name in names:
            taken = _timed(contenders[name]())
            if number >= warm_up:
                seconds[name].append(taken)
        names.reverse()
    return {name: Sample.of(times) for name, times in seconds.items()}


def tell(what: str) -> None:
    """Says on stderr what is going on."""
    print(f"  {what}", file=sys.stderr, flush=True)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
