"""Several faults, each before recorders have recovered from the last."""

from tests.faults import on_network, on_processes, on_server
from tests.faults.scene import Scene

_FAULTS = (
    on_processes.kill_a_recorder,
    on_processes.terminate_a_backend,
    on_processes.kill_a_backend,
    on_server.kill_the_server,
    on_server.stop_at_once,
    on_server.restart,
    on_network.lose_an_answer,
    on_network.delay_a_request,
    on_network.cut_again_and_again,
    on_network.part,
)


def storm(scene: Scene) -> str:
    """Three to five of the others, in any order."""
    return ", ".join(inject(scene) for inject in scene.dice.choices(_FAULTS, k=scene.dice.randint(3, 5)))
