"""Runs of recorders in turn, and what came out of them."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from recorders import Did, Task, run
from timing import Sample, tell

K = TypeVar("K")


def in_turn(tasks: Mapping[K, Task], *, runs: int, what: str) -> dict[K, list[Did]]:
    """Has every task carried out ``runs`` times, in each round in the opposite order of the one before."""
    done: dict[K, list[Did]] = {key: [] for key in tasks}
    keys = list(tasks)
    for number in range(runs):
        tell(f"{what}, run {number + 1} of {runs}")
        for key in keys:
            done[key].append(run(tasks[key]))
        keys.reverse()
    return done


def summary(runs: Sequence[Did]) -> dict[str, Any]:
    """The median rate of the runs, and over all of them the events per commit and the times of calls."""
    seconds = [each for did in runs for each in did.latencies]
    calls = Sample.of(seconds)
    return {
        "events_per_s": statistics.median(did.rate for did in runs),
        "events_per_commit": len(seconds) / sum(len(did.commits) for did in runs),
        "p50_ms": calls.median * 1e3,
        "p99_ms": calls.late * 1e3,
        "runs": [did.rate for did in runs],
    }
