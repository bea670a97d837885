"""Goes through every world that can come about, breadth first, and shows the shortest way to one that must not be."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.model import client, database, faults
from tests.model.invariants import INVARIANTS
from tests.model.scenario import Scenario
from tests.model.world import Step, World


@dataclass(frozen=True, slots=True)
class Counterexample:
    """What does not hold (the name of the invariant, what is wrong) and the steps that lead there."""

    invariant: str
    wrong: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"  {number:2d}. {name}" for number, name in enumerate(self.trace, 1))
        return f"{self.invariant}: {self.wrong}\n{steps}"


@dataclass(frozen=True, slots=True)
class Explored:
    """How many worlds and steps there are, how many worlds end a run, and what was found wrong first, if anything."""

    worlds: int
    steps: int
    ends: int
    found: Counterexample | None


def steps(world: World, scenario: Scenario) -> Iterator[Step]:
    """Everything that may happen next."""
    yield from client.steps(world, scenario)
    yield from database.steps(world, scenario)
    yield from faults.steps(world, scenario)


def explore(scenario: Scenario) -> Explored:
    """All worlds of ``scenario``; stops at the first one in which an invariant does not hold."""
    start = scenario.start()
    numbers = {start: 0}
    worlds = [start]
    came: list[tuple[int, str]] = [(-1, "")]
    progress: list[list[int]] = []
    total = 0
    for here, world in enumerate(worlds):
        progress.append([])
        for step in steps(world, scenario):
            total += 1
            there = numbers.setdefault(step.world, len(worlds))
            if there == len(worlds):
                worlds.append(step.world)
                came.append((here, step.name))
                for invariant in INVARIANTS:
                    if wrong := invariant(step.world, scenario):
                        found = Counterexample(invariant.__name__, wrong, _trace(came, there))
                        return Explored(len(worlds), total, 0, found)
            if step.progress:
                progress[here].append(there)
    ends = [number for number, after in enumerate(progress) if not after]
    return Explored(len(worlds), total, len(ends), _unanswered(worlds, progress, came))


def _unanswered(worlds: list[World], progress: list[list[int]], came: list[tuple[int, str]]) -> Counterexample | None:
    """I8: without further faults, and before any deadline, every run comes to an end in which every caller is answered.

    So nothing stops before (nobody waits for ever), and nothing goes round in a circle (nobody tries for ever).
    """
    for number, after in enumerate(progress):
        if not after and any(caller.phase not in {"done", "gone"} for caller in worlds[number].callers):
            return Counterexample("every_caller_is_answered", "nothing can happen any more", _trace(came, number))
    circle = _circle(progress)
    if circle is not None:
        return Counterexample("every_caller_is_answered", "from here it may go in a circle", _trace(came, circle))
    return None


def _circle(progress: list[list[int]]) -> int | None:
    """The first world from which steps without faults may come back to it."""
    waiting = [len(after) for after in progress]
    before: list[list[int]] = [[] for _ in progress]
    for number, after in enumerate(progress):
        for there in after:
            before[there].append(number)
    ended = [number for number, count in enumerate(waiting) if not count]
    for number in ended:
        for earlier in before[number]:
            waiting[earlier] -= 1
            if not waiting[earlier]:
                ended.append(earlier)
    return None if len(ended) == len(progress) else next(number for number, count in enumerate(waiting) if count)


def _trace(came: list[tuple[int, str]], number: int) -> tuple[str, ...]:
    names = []
    while number:
        number, name = came[number]
        names.append(name)
    return tuple(reversed(names))
