"""What may go wrong, each as often as the scenario's budget allows."""

from collections.abc import Iterator

from tests.model.client import settle
from tests.model.delivery import interrupted, lose_connection
from tests.model.scenario import Scenario
from tests.model.world import Process, Reply, Step, World


def steps(world: World, scenario: Scenario) -> Iterator[Step]:
    """Every fault that may happen now."""
    for home in range(len(world.processes)):
        yield from _breaks(world, scenario, home)
        yield from _kills(world, scenario, home)
        yield from _interrupts(world, scenario, home)
        yield from _timeouts(world, home)
    yield from _crashes(world, scenario)


def _breaks(world: World, scenario: Scenario, home: int) -> Iterator[Step]:
    """Before anything is sent or known, a broken connection is only made anew."""
    left = world.budget.breaks - 1
    if left >= 0 and _depends_on_connection(world, home):
        broken = lose_connection(world, scenario, home)
        yield _fault(f"p{home}'s connection breaks", broken._replace(budget=world.budget._replace(breaks=left)))


def _kills(world: World, scenario: Scenario, home: int) -> Iterator[Step]:
    """A process that nobody waits in is as good as gone already."""
    left = world.budget.kills - 1
    if left >= 0 and world.processes[home].leader >= 0:
        killed = _killed(world, scenario, home)
        yield _fault(f"p{home} is killed", killed._replace(budget=world.budget._replace(kills=left)))


def _killed(world: World, scenario: Scenario, home: int) -> World:
    append, gaps = world.appends[home], world.processes[home].gaps
    if append is not None and append.reply is None:
        world = world.with_zombie(append)
    for index, caller in enumerate(world.callers):
        if scenario.calls[index].process == home:
            stopped = caller._replace(late=False, retries=0)
            world = world.with_caller(index, stopped if caller.phase == "done" else stopped._replace(phase="gone"))
    return world.with_process(home, Process(gaps=gaps)).with_append(home, None)


def _interrupts(world: World, scenario: Scenario, home: int) -> Iterator[Step]:
    """An exception from outside, as of a signal handler: those who waited are told that nobody knows."""
    left, batch = world.budget.interrupts - 1, world.processes[home].delivery
    if left >= 0 and batch is not None:
        broken = settle(interrupted(world, scenario, home), scenario, home, ["unknown"] * len(batch.calls))
        yield _fault(f"p{home}'s leader is interrupted", broken._replace(budget=world.budget._replace(interrupts=left)))


def _timeouts(world: World, home: int) -> Iterator[Step]:
    left, append = world.budget.timeouts - 1, world.appends[home]
    if left >= 0 and append is not None and append.reply is None and append.head < 0:
        busy = world.with_append(home, append._replace(reply=Reply("busy")))
        yield _fault(f"p{home}'s append waits too long", busy._replace(budget=world.budget._replace(timeouts=left)))


def _crashes(world: World, scenario: Scenario) -> Iterator[Step]:
    """Of what is not flushed, any number of commits may be lost from the end; nothing that was under way goes on.

    Through a pooler, only those who wait for an answer hear of it.
    """
    left = world.budget.crashes - 1
    if left < 0 or not (world.log or any(world.appends) or world.zombies):
        return
    boundaries = [at for at, entry in enumerate(world.log) if entry.opens]
    for kept in (at for at in (*boundaries, len(world.log)) if at >= world.flushed):
        crashed = world._replace(log=world.log[:kept], flushed=kept)
        for home in range(len(world.processes)):
            if world.appends[home] or (_depends_on_connection(world, home) and not scenario.rules.pooled):
                crashed = lose_connection(crashed, scenario, home)
        crashed = crashed._replace(zombies=(), budget=world.budget._replace(crashes=left))
        yield _fault(f"the database crashes and keeps {kept} entries", crashed)


def _depends_on_connection(world: World, home: int) -> bool:
    delivery = world.processes[home].delivery
    return world.appends[home] is not None or (delivery is not None and bool(delivery.known))


def _fault(name: str, world: World) -> Step:
    return Step(name, world, progress=False)
