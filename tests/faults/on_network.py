"""The network between recorders and server: one answer that is lost or late, or everything for a while."""

from typing import Final

from tests.faults.scene import Scene, of

_CUTS: Final = (
    "swallow the request",
    "tear the request",
    "cut at once",
    "cut before the answer",
    "cut in the answer",
    "cut after the answer",
)


def strike(scene: Scene, *, blow: str, seconds: float = 0.0) -> str:
    """One blow to the next request that records."""
    network = of(scene.network)
    network.order(
        "strike", blow=blow, size=scene.dice.randint(1, 200), reset=scene.dice.random() < 0.5, seconds=seconds
    )
    network.await_blow()
    return blow


def lose_an_answer(scene: Scene) -> str:
    """The connection ends around one answer to a commit: before it, in it, after it, or already in the request."""
    return strike(scene, blow=scene.dice.choice(_CUTS))


def lose_answers(scene: Scene) -> str:
    """The same to several requests one after the other: also what is sent again is lost."""
    for _ in range(scene.dice.randint(2, 6)):
        strike(scene, blow=scene.dice.choice(_CUTS))
    return "several in a row"


def cut_again_and_again(scene: Scene) -> str:
    """All connections end every few milliseconds, whatever they are at: connecting, recording or asking."""
    for _ in range(scene.dice.randint(10, 30)):
        of(scene.network).order("hang up", reset=scene.dice.random() < 0.5)
        scene.pause(0, 0.06)
    return "all connections, again and again"


def black_hole(scene: Scene) -> str:
    """One request arrives, and from then on nothing comes back over this connection, not even its end."""
    return strike(scene, blow="black hole", seconds=scene.dice.uniform(0, scene.deadline_s))


def delay_an_answer(scene: Scene) -> str:
    """One answer comes late, within the deadline or past it."""
    return strike(scene, blow="late answer", seconds=_lateness(scene))


def delay_a_request(scene: Scene) -> str:
    """The connection ends and its request arrives all the same, when the recorder may have given it up long ago."""
    return strike(scene, blow="late request", seconds=_lateness(scene))


def _lateness(scene: Scene) -> float:
    return scene.dice.uniform(0.05, 1.5 * scene.deadline_s)


def part(scene: Scene) -> str:
    """A partition: no byte passes, connects hang. Then what was held back arrives, or the connections are gone."""
    of(scene.network).order("part")
    scene.pause(0.2, 1.5 * scene.deadline_s)
    end = scene.dice.choice(("join", "hang up"))
    of(scene.network).order(end, reset=scene.dice.random() < 0.5)
    return f"partition, then {end}"
