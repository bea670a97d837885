"""Wall clocks that are set."""

from typing import Final

from tests.faults.on_locks import lock_held
from tests.faults.scene import Scene, of

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S


def nudge_the_server(scene: Scene) -> str:
    """Small steps, as NTP makes them: the log's times must not go back."""
    for offset in scene.dice.choices(range(-4, 5), k=4):
        of(scene.clock).set(offset)
        scene.pause(0.05, 0.2)
    of(scene.clock).set(-4)
    scene.pause(0.05, 0.2)
    return "steps up to 8 s"


def step_the_server(scene: Scene) -> str:
    """Large steps, the last one back: they stay visible in the log, which verifies nonetheless."""
    of(scene.clock).set(scene.dice.choice((HOUR_S, DAY_S)))
    scene.recorders.await_acknowledgement(since=scene.recorders.now())
    of(scene.clock).set(-scene.dice.choice((0, HOUR_S, DAY_S)))
    return "steps of hours"


def step_the_server_under_lock(scene: Scene) -> str:
    """The clock goes back by an hour while recorders wait for the log's lock: deadlines must not wait for it."""
    since = scene.recorders.now()
    with lock_held(scene):
        scene.pause(0.1, 0.5)
        of(scene.clock).set(-HOUR_S)
        scene.await_errors(since=since)
    return "back by an hour, lock held"


def step_the_recorders(scene: Scene) -> str:
    """The recorders' own clocks go back and forth, also while they wait for a server that does not answer.

    Only what they state as their time follows, not their deadlines.
    """
    for offset in (-DAY_S, DAY_S):
        of(scene.clock).set(offset)
        scene.recorders.await_acknowledgement(since=scene.recorders.now())
    since = scene.recorders.now()
    with scene.cluster.frozen():
        scene.pause(0.1, 0.5)
        of(scene.clock).set(-scene.dice.choice((2, HOUR_S)))
        scene.await_errors(since=since)
    return "steps of hours"
