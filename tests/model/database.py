"""The database: an append waits for the log's lock, reads the head, is checked, and commits or fails as a whole."""

from collections.abc import Iterator

from tests.model.scenario import Scenario
from tests.model.world import Backend, Entry, Reply, Step, World


def steps(world: World, scenario: Scenario) -> Iterator[Step]:
    """What the database may do next, for clients that wait and for backends whose client is gone."""
    locked = scenario.rules.log_lock and any(b.head >= 0 and b.reply is None for b in _backends(world))
    for process, append in enumerate(world.appends):
        if append is not None and append.reply is None:
            for name, after, backend in _moves(world, append, scenario, locked=locked):
                yield Step(f"database: {name} p{process}'s append", after.with_append(process, backend))
    for zombie in dict.fromkeys(world.zombies):
        left = _without(world, zombie)
        shown = f"the zombie of p{zombie.recorder} with {_shown(zombie)}"
        yield Step(f"database: {shown} ends without commit", left, progress=False)
        for name, after, backend in _moves(world, zombie, scenario, locked=locked):
            rest = left._replace(log=after.log, flushed=after.flushed)
            yield Step(f"database: {name} {shown}", rest if backend.reply else rest.with_zombie(backend))


def _moves(world: World, backend: Backend, scenario: Scenario, *, locked: bool) -> Iterator[tuple[str, World, Backend]]:
    if backend.head >= 0:
        yield _commit(world, backend, scenario)
        return
    if locked:
        return
    for reply in _verdicts(world, backend, scenario):
        if reply is None:
            yield "takes the lock for", world, backend._replace(head=len(world.log))
        else:
            yield f"answers {reply.kind} to", world, backend._replace(reply=reply)


def _verdicts(world: World, backend: Backend, scenario: Scenario) -> Iterator[Reply | None]:
    """What the checks may say; None is approval. A stateful event (an approval's use) may be refused or pass."""
    for position, (event, _) in enumerate(backend.batch):
        if event in scenario.malformed:
            yield Reply("refused", position)
            return
    if scenario.rules.unique_ids and _twice(world, backend):
        yield Reply("exists")
        return
    if scenario.rules.door_orders_numbers and backend.batch[0][1] <= _last_number(world, backend.recorder):
        yield Reply("numbers")
        return
    yield None
    for position, (event, _) in enumerate(backend.batch):
        if event in scenario.stateful:
            yield Reply("refused", position)


def _commit(world: World, backend: Backend, scenario: Scenario) -> tuple[str, World, Backend]:
    rules = scenario.rules
    forked = rules.primary_key and backend.head != len(world.log)
    if forked or (rules.unique_ids and _twice(world, backend)):
        return "answers exists to", world, backend._replace(reply=Reply("exists"))
    events = [event for event, _ in backend.batch]
    links = [world.log[backend.head - 1].event if backend.head else "", *events]
    entries = tuple(
        Entry(event, backend.recorder, number, after, opens=position == 0)
        for position, ((event, number), after) in enumerate(zip(backend.batch, links, strict=False))
    )
    log = world.log + entries
    flushed = world.flushed if rules.early else len(log)
    return "commits", world._replace(log=log, flushed=flushed), backend._replace(reply=Reply("ok"))


def _twice(world: World, backend: Backend) -> bool:
    ids = [entry.event for entry in world.log] + [event for event, _ in backend.batch]
    return any(ids.count(event) > 1 for event, _ in backend.batch)


def _last_number(world: World, recorder: int) -> int:
    return max((entry.number for entry in world.log if entry.recorder == recorder), default=0)


def _backends(world: World) -> Iterator[Backend]:
    yield from (append for append in world.appends if append is not None)
    yield from world.zombies


def _without(world: World, zombie: Backend) -> World:
    zombies = list(world.zombies)
    zombies.remove(zombie)
    return world._replace(zombies=tuple(zombies))


def _shown(backend: Backend) -> str:
    return " ".join(f"{event}#{number}" for event, number in backend.batch)
