"""The ledger's callers: they queue, one leads and forms a batch, all are answered, and the lead is handed over."""

from collections.abc import Iterator, Sequence

from tests.model import delivery
from tests.model.scenario import Scenario
from tests.model.world import Caller, Delivery, Process, Step, Told, World


def steps(world: World, scenario: Scenario) -> Iterator[Step]:
    """What callers may do next, and what leaders may do with the batch that they carry."""
    for index, caller in enumerate(world.callers):
        yield from _caller_steps(world, scenario, index, caller)
    for home, process in enumerate(world.processes):
        if process.delivery is not None:
            for step, told in delivery.steps(world, scenario, home, process.delivery, late=_late(world, process)):
                yield step if told is None else step._replace(world=settle(step.world, scenario, home, told))


def _late(world: World, process: Process) -> bool:
    """A batch has the earliest deadline of those who wait for it."""
    assert process.delivery is not None
    return any(index >= 0 and world.callers[index].late for index in process.delivery.callers)


def _caller_steps(world: World, scenario: Scenario, index: int, caller: Caller) -> Iterator[Step]:
    name, home = f"caller {index}", scenario.calls[index].process
    leads = world.processes[home].leader == index
    match caller.phase:
        case "idle":
            yield Step(f"{name} wants to record {' '.join(scenario.calls[index].events)}", _enqueue(world, index, home))
        case "queued" if caller.late:
            yield Step(f"{name} leaves the queue", _leave(world, scenario, index, home))
        case "queued" if leads:
            yield Step(f"{name} leads", _form(world, scenario, index, home))
        case "taken" if caller.late and not leads:
            yield Step(f"{name} leaves its leader", _abandon(world, scenario, index, home))
        case "done" if caller.told in {"unknown", "not recorded"} and caller.retries:
            again = Caller(retries=caller.retries - 1)
            yield Step(f"{name} will try again", world.with_caller(index, again), progress=False)
        case _:
            pass
    if caller.phase in {"queued", "taken"} and not caller.late:
        yield Step(f"{name}'s deadline passes", world.with_caller(index, caller._replace(late=True)), progress=False)


def _enqueue(world: World, index: int, home: int) -> World:
    process = world.processes[home]
    leader = index if process.leader < 0 else process.leader
    world = world.with_process(home, process._replace(queue=(*process.queue, index), leader=leader))
    return world.with_caller(index, world.callers[index]._replace(phase="queued"))


def _form(world: World, scenario: Scenario, leader: int, home: int) -> World:
    """The leader takes its own call and those behind it; two calls with an id in common go into different batches."""
    process = world.processes[home]
    taken: list[int] = []
    ids: set[str] = set()
    for index in (leader, *(i for i in process.queue if i != leader)):
        events = scenario.calls[index].events
        if len(taken) == scenario.batch_calls or (scenario.rules.one_id_per_batch and ids & set(events)):
            break
        taken.append(index)
        ids |= set(events)
    batch = Delivery(tuple(taken), tuple(scenario.calls[index].events for index in taken))
    queue = tuple(index for index in process.queue if index not in taken)
    world = world.with_process(home, process._replace(queue=queue, delivery=batch))
    for index in taken:
        world = world.with_caller(index, world.callers[index]._replace(phase="taken"))
    return world


def _leave(world: World, scenario: Scenario, index: int, home: int) -> World:
    """A call that no leader took was not sent."""
    process = world.processes[home]
    if scenario.rules.leaver_takes_request_along:
        process = process._replace(queue=tuple(i for i in process.queue if i != index))
    if process.leader == index:
        process = _handed_over(process, scenario)
    return _tell(world.with_process(home, process), scenario, index, "not recorded")


def _abandon(world: World, scenario: Scenario, index: int, home: int) -> World:
    """The leader goes on with what it carries, but nobody waits for this call any more."""
    process = world.processes[home]
    assert process.delivery is not None
    callers = tuple(-1 if i == index else i for i in process.delivery.callers)
    world = world.with_process(home, process._replace(delivery=process.delivery._replace(callers=callers)))
    return _tell(world, scenario, index, "unknown", leaver=True)


def settle(world: World, scenario: Scenario, home: int, told: Sequence[Told]) -> World:
    """The leader answers those who wait for its batch, call by call, and the next one leads."""
    process = world.processes[home]
    assert process.delivery is not None
    callers = process.delivery.callers
    world = world.with_process(home, _handed_over(process._replace(delivery=None), scenario))
    for index, answer in zip(callers, told, strict=True):
        if index >= 0:
            world = _tell(world, scenario, index, answer)
    return world


def _tell(world: World, scenario: Scenario, index: int, told: Told, *, leaver: bool = False) -> World:
    """Answers one caller. After one was told "unknown", none is told "not recorded" until somebody heard the truth."""
    home, call = scenario.calls[index].process, scenario.calls[index].events
    process = world.processes[home]
    if _in_doubt(process, scenario, call, told):
        told = "unknown"
    if told == "unknown" and not (leaver and not scenario.rules.remembers_doubt_of_leavers):
        process = process._replace(doubt=process.doubt | set(call))
    elif told in {"recorded", "refused"}:
        process = process._replace(doubt=process.doubt - set(call))
    world = world.with_process(home, process)
    return world.with_caller(index, world.callers[index]._replace(phase="done", told=told, late=False))


def _in_doubt(process: Process, scenario: Scenario, call: tuple[str, ...], told: Told) -> bool:
    """An earlier try of the call may be recorded yet; but what is malformed is refused whenever it arrives."""
    if not scenario.rules.remembers_doubt or process.doubt.isdisjoint(call):
        return False
    return told == "not recorded" or (told == "refused" and scenario.malformed.isdisjoint(call))


def _handed_over(process: Process, scenario: Scenario) -> Process:
    waiting = process.queue and scenario.rules.hands_over
    return process._replace(leader=process.queue[0] if waiting else -1)
