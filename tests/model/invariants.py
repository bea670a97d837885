"""What must hold in every world. Each function says what is wrong, or nothing.

That every caller is answered once faults stop is not a statement about one world; the exploration checks it (I8).
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from tests.model.scenario import Scenario
from tests.model.world import World

Invariant: TypeAlias = Callable[[World, Scenario], str | None]


def acknowledged_is_there_once(world: World, scenario: Scenario) -> str | None:
    """I1: every event that a caller was told to be recorded is in the log, exactly once."""
    ids = [entry.event for entry in world.log]
    for caller, call in zip(world.callers, scenario.calls, strict=True):
        wrong = [event for event in call.events if ids.count(event) != 1] if caller.told == "recorded" else []
        if wrong:
            return f"{wrong[0]} was acknowledged and is in the log {ids.count(wrong[0])} times"
    return None


def no_id_twice(world: World, scenario: Scenario) -> str | None:
    """I2: no event is in the log twice, acknowledged or not."""
    ids = [entry.event for entry in world.log]
    return None if len(set(ids)) == len(ids) else f"the log holds {' '.join(ids)}"


def not_recorded_is_final(world: World, scenario: Scenario) -> str | None:
    """I3: what a caller was told to be not recorded, or refused, is not in the log and does not come to be.

    Unless somebody else records an event of that id: another process, which no recorder can know, or another caller.
    """
    for index, (caller, call) in enumerate(zip(world.callers, scenario.calls, strict=True)):
        if caller.told in {"not recorded", "refused"}:
            others = scenario.calls[:index] + scenario.calls[index + 1 :]
            shared = {event for other in others if other.process == call.process for event in other.events}
            own = set(call.events) - shared
            there = [entry.event for entry in world.log if entry.event in own and entry.recorder == call.process]
            if there:
                return f"{there[0]} was told to be {caller.told} and is in the log"
    return None


def calls_are_whole(world: World, scenario: Scenario) -> str | None:
    """I4: when a process recorded one event of a call, all of the call are in the log."""
    for call in scenario.calls:
        there = {entry.event for entry in world.log}
        own = {entry.event for entry in world.log if entry.recorder == call.process}
        if own & set(call.events) and not set(call.events) <= there:
            return f"of the call {' '.join(call.events)} only a part is in the log"
    return None


def no_number_twice(world: World, scenario: Scenario) -> str | None:
    """I5: no number of a recorder stands for two events."""
    used = [(entry.recorder, entry.number) for entry in world.log]
    return None if len(set(used)) == len(used) else f"recorders and numbers in the log: {used}"


def numbers_rise(world: World, scenario: Scenario) -> str | None:
    """I5: one recorder's numbers rise along the log, but for those that it declared unknown: they may come late.

    Where the door insists on the order of numbers, there is no exception.
    """
    for recorder, process in enumerate(world.processes):
        declared = frozenset() if scenario.rules.door_orders_numbers else process.gaps
        numbers = [e.number for e in world.log if e.recorder == recorder and e.number not in declared]
        if numbers != sorted(numbers):
            return f"p{recorder}'s numbers stand in the log as {numbers}"
    return None


def every_number_is_accounted_for(world: World, scenario: Scenario) -> str | None:
    """I6: whenever no batch is under way, each number that a living recorder took is in the log or declared."""
    for recorder, process in enumerate(world.processes):
        there = {entry.number for entry in world.log if entry.recorder == recorder} | process.gaps
        lacking = set(range(1, process.next)) - there if process.delivery is None else set()
        if lacking:
            return f"p{recorder}'s numbers {sorted(lacking)} were taken and never seen again"
    return None


def refused_alone(world: World, scenario: Scenario) -> str | None:
    """I6: a call is refused only for an event of its own; the others of its batch are not."""
    for caller, call in zip(world.callers, scenario.calls, strict=True):
        if caller.told == "refused" and not set(call.events) & (scenario.malformed | scenario.stateful):
            return f"the call {' '.join(call.events)} was refused, and nothing is wrong with it"
    return None


def one_chain(world: World, scenario: Scenario) -> str | None:
    """I7: each entry's hash covers the entry before it, the first one's covers none: no gap, no fork."""
    before = ["", *(entry.event for entry in world.log)]
    for entry, neighbour in zip(world.log, before, strict=False):
        if entry.after != neighbour:
            return f"{entry.event} stands behind {neighbour or 'nothing'} and covers {entry.after or 'nothing'}"
    return None


def acknowledged_is_flushed(world: World, scenario: Scenario) -> str | None:
    """I9: every event that a caller was told to be recorded has reached the disk, also with early release."""
    durable = {entry.event for entry in world.log[: world.flushed]}
    for caller, call in zip(world.callers, scenario.calls, strict=True):
        if caller.told == "recorded" and not set(call.events) <= durable:
            return f"{' '.join(call.events)} was acknowledged and would not survive a crash"
    return None


INVARIANTS: Final[tuple[Invariant, ...]] = (
    acknowledged_is_there_once,
    no_id_twice,
    not_recorded_is_final,
    calls_are_whole,
    no_number_twice,
    numbers_rise,
    every_number_is_accounted_for,
    refused_alone,
    one_chain,
    acknowledged_is_flushed,
)
