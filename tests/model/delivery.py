"""What a leader does with a batch: sends it, asks after a loss, sends what is missing, passes the barrier, answers."""

from collections.abc import Iterator
from typing import TypeAlias

from tests.model.scenario import Scenario
from tests.model.world import Backend, Delivery, Process, Step, Told, World

Answers: TypeAlias = list[Told] | None
"""What the batch's calls are told with a step, where it is the last one."""


def steps(
    world: World, scenario: Scenario, home: int, batch: Delivery, *, late: bool
) -> Iterator[tuple[Step, Answers]]:
    """What the leader of process ``home`` may do next."""
    name, append = f"p{home}'s leader", world.appends[home]
    if append is not None:
        if append.reply is not None:
            yield from _hear(world, scenario, home, append)
        if late:
            yield Step(f"{name} gives up its connection", lose_connection(world, scenario, home)), None
    elif late:
        yield _give_up(world, scenario, home)
    elif batch.must_ask:
        yield Step(f"{name} asks for receipts", _ask(world, scenario, home)), None
    elif batch.unflushed:
        yield Step(f"{name} passes the barrier", _pass_barrier(world, scenario, home)), None
    elif _missing(world.processes[home]):
        yield Step(f"{name} sends {_shown(world.processes[home])}", _send(world, scenario, home)), None
    else:
        answers = _final(world.processes[home], scenario)
        yield Step(f"{name} answers", _take_numbers(world, scenario, home, answers)), answers


def wanted(batch: Delivery) -> tuple[str, ...]:
    """The events of the batch, in order, but for those of refused calls."""
    return tuple(e for position, call in enumerate(batch.calls) if position not in batch.dropped for e in call)


def _batch(process: Process) -> Delivery:
    assert process.delivery is not None
    return process.delivery


def _numbered(process: Process) -> tuple[tuple[str, int], ...]:
    """Each event has its number from when the batch was formed, or from when a refused call left it."""
    return tuple((event, number) for number, event in enumerate(wanted(_batch(process)), process.next))


def _missing(process: Process) -> tuple[tuple[str, int], ...]:
    """The wanted events of which the log did not say that it has them."""
    return tuple((event, number) for event, number in _numbered(process) if event not in _batch(process).known)


def _send(world: World, scenario: Scenario, home: int) -> World:
    append = Backend(home, _missing(world.processes[home]))
    if scenario.rules.commit_before_ack:
        return world.with_append(home, append)
    heard = _with_batch(world, home, _heard_ok(world, _batch(world.processes[home]), append, scenario))
    return heard.with_zombie(append)


def _hear(world: World, scenario: Scenario, home: int, append: Backend) -> Iterator[tuple[Step, Answers]]:
    batch, reply = _batch(world.processes[home]), append.reply
    assert reply is not None
    name = f"p{home}'s leader hears {reply.kind}"
    world = world.with_append(home, None)
    match reply.kind:
        case "ok":
            batch = _heard_ok(world, batch, append, scenario)
        case "exists" if not scenario.rules.asks_after_exists:
            batch = batch._replace(dropped=frozenset(range(len(batch.calls))))
        case "exists" | "numbers":
            batch = batch._replace(must_ask=True)
        case "refused":
            event = append.batch[reply.position][0]
            if batch.lost and event in scenario.stateful and scenario.rules.refusal_after_loss_is_unknown:
                yield _end(Step(name, world), scenario, home, ["unknown"] * len(batch.calls))
                return
            batch = _without(batch, event, scenario)
        case _:
            pass
    yield Step(name, _with_batch(world, home, batch)), None


def _heard_ok(world: World, batch: Delivery, append: Backend, scenario: Scenario) -> Delivery:
    events = frozenset(event for event, _ in append.batch)
    flush = scenario.rules.early and scenario.rules.barrier
    seen = world.log[: append.head + len(append.batch)] if flush else ()
    return batch._replace(known=batch.known | events, seen=seen)


def _without(batch: Delivery, event: str, scenario: Scenario) -> Delivery:
    """A refused event takes its whole call along, and nobody else's."""
    if not scenario.rules.whole_calls:
        return batch._replace(known=batch.known | {event})
    dropped = {position for position, call in enumerate(batch.calls) if event in call}
    return batch._replace(dropped=batch.dropped | dropped)


def _ask(world: World, scenario: Scenario, home: int) -> World:
    process = world.processes[home]
    batch, own = _batch(process), _numbered(process)
    entries = [entry for entry in world.log if entry.event in wanted(batch)]
    if not scenario.rules.equal_whatever_number:
        foreign = {e.event for e in entries if e.recorder != home or (e.event, e.number) not in own}
        dropped = {position for position, call in enumerate(batch.calls) if foreign & set(call)}
        batch = batch._replace(dropped=batch.dropped | dropped)
    flush = entries and scenario.rules.early and scenario.rules.barrier_after_ask
    seen = world.log[: world.log.index(entries[-1]) + 1] if flush else ()
    known = frozenset(entry.event for entry in entries)
    return _with_batch(world, home, batch._replace(known=known, must_ask=False, seen=seen))


def _pass_barrier(world: World, scenario: Scenario, home: int) -> World:
    """A durable commit: all before it is flushed. Where what was reported is gone, the leader asks again."""
    batch = _batch(world.processes[home])
    match scenario.rules.barrier_confirms:
        case "chain":
            there = world.log[: len(batch.seen)] == batch.seen
        case "id":
            there = any(entry.event == batch.seen[-1].event for entry in world.log)
        case "nothing":
            there = True
    return _with_batch(world, home, batch._replace(seen=(), must_ask=not there))._replace(flushed=len(world.log))


def _give_up(world: World, scenario: Scenario, home: int) -> tuple[Step, Answers]:
    batch = _batch(world.processes[home])
    if batch.lost and scenario.rules.lost_is_unknown:
        answers: list[Told] = ["unknown"] * len(batch.calls)
    else:
        answers = [_given_up(batch, position) for position in range(len(batch.calls))]
    return _end(Step(f"p{home}'s leader gives up", world), scenario, home, answers)


def _given_up(batch: Delivery, position: int) -> Told:
    """Nothing of the batch is under way; what the log said is true unless it waits for the barrier."""
    if position in batch.dropped:
        return "refused"
    certain = not (batch.unflushed or batch.must_ask)
    if certain and batch.known.issuperset(batch.calls[position]):
        return "recorded"
    return "not recorded" if certain or not batch.known else "unknown"


def _final(process: Process, scenario: Scenario) -> list[Told]:
    batch = _batch(process)
    return ["refused" if position in batch.dropped else "recorded" for position in range(len(batch.calls))]


def _end(step: Step, scenario: Scenario, home: int, answers: list[Told]) -> tuple[Step, Answers]:
    return step._replace(world=_take_numbers(step.world, scenario, home, answers)), answers


def _take_numbers(world: World, scenario: Scenario, home: int, answers: list[Told]) -> World:
    """Numbers that may be in the log are taken, and declared where they may be missing; others go to the next batch."""
    process = world.processes[home]
    if not any(answer in {"recorded", "unknown"} for answer in answers):
        return world
    if "unknown" in answers and not scenario.rules.burns_unknown_numbers:
        return world
    mine = {entry.number for entry in world.log if entry.recorder == home}
    used = frozenset(number for _, number in _numbered(process))
    return world.with_process(home, _past(process, used if "unknown" in answers else used - mine, scenario))


def _past(process: Process, gaps: frozenset[int], scenario: Scenario) -> Process:
    declared = process.gaps | gaps if scenario.rules.declares_gaps else process.gaps
    return process._replace(next=process.next + len(_numbered(process)), gaps=declared)


def interrupted(world: World, scenario: Scenario, home: int) -> World:
    """The leader's thread is torn out of what it did: nobody knows more than that the batch may have been sent."""
    process = world.processes[home]
    if scenario.rules.burns_interrupted_numbers:
        process = _past(process, frozenset(number for _, number in _numbered(process)), scenario)
    return _orphaned(world.with_process(home, process), home)


def lose_connection(world: World, scenario: Scenario, home: int) -> World:
    """The client's connection is gone; what was under way on it goes on without a client."""
    batch = _batch(world.processes[home])._replace(lost=True, must_ask=scenario.rules.asks_after_loss)
    return _orphaned(_with_batch(world, home, batch), home)


def _orphaned(world: World, home: int) -> World:
    append = world.appends[home]
    if append is not None and append.reply is None:
        world = world.with_zombie(append)
    return world.with_append(home, None)


def _with_batch(world: World, home: int, batch: Delivery) -> World:
    return world.with_process(home, world.processes[home]._replace(delivery=batch))


def _shown(process: Process) -> str:
    return " ".join(f"{event}#{number}" for event, number in _missing(process))
