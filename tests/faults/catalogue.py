"""Every fault there is, and what each needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.faults import on_clocks, on_everything, on_locks, on_network, on_processes, on_resources, on_server
from tests.faults.clock import can_step
from tests.faults.disk import can_mount
from tests.faults.scene import Load, Scene

_SHORT_S: Final = 1.5
_WAL_KEPT_SHORT: Final = {"min_wal_size": "2MB", "max_wal_size": "4MB"}


@dataclass(frozen=True)
class Fault:
    """``inject`` harms a scene, heals it and names what it did; it raises where the harm did not take place.

    ``slack_s`` is what a call may take beyond its deadline before that counts as broken: a busy machine is no fault of
    the ledger. ``steps_back``: the log's own times go back visibly. ``certain``: the server answers in time, so
    that no outcome is unknown.
    """

    name: str
    inject: Callable[[Scene], str]
    deadline_s: float = 10.0
    slack_s: float = 2.0
    load: Load = field(default_factory=Load)
    settings: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    disk: Literal["wal", "data"] | None = None
    clock: Literal["server", "recorder"] | None = None
    steps_back: bool = False
    certain: bool = False

    def obstacle(self) -> str | None:
        """Why this machine can't show the fault, if it can't."""
        if self.disk is not None and not can_mount():
            return "needs a small file system: only root may mount a tmpfs"
        if self.clock == "server" and not can_step():
            return "needs libfaketime: install the package faketime"
        return None


FAULTS: Final = (
    Fault("recorder killed", on_processes.kill_a_recorder, load=Load(batches=(1, 20, 100))),
    Fault("backend terminated", on_processes.terminate_a_backend, certain=True),
    Fault("recorder frozen", on_processes.freeze_a_recorder, deadline_s=_SHORT_S, slack_s=4.0),
    Fault("statements cancelled", on_processes.cancel_statements, certain=True),
    Fault("backend killed", on_processes.kill_a_backend),
    Fault("server killed", on_server.kill_the_server),
    Fault("server stopped, immediate", on_server.stop_at_once),
    Fault("server restarted, fast", on_server.restart),
    Fault("server frozen, short", on_server.freeze, certain=True),
    Fault("server frozen, past deadline", on_server.freeze_past_the_deadline, deadline_s=_SHORT_S),
    Fault("lock held", on_locks.hold_the_lock, deadline_s=_SHORT_S, certain=True),
    Fault("lock held, connections cut", on_locks.hold_the_lock_and_cut, deadline_s=_SHORT_S, network=True),
    Fault("answer lost", on_network.lose_an_answer, network=True, certain=True),
    Fault("answers lost in a row", on_network.lose_answers, network=True, certain=True),
    Fault("connections cut", on_network.cut_again_and_again, network=True, certain=True),
    Fault("black hole", on_network.black_hole, deadline_s=_SHORT_S, network=True),
    Fault("answer late", on_network.delay_an_answer, deadline_s=_SHORT_S, network=True),
    Fault("request late", on_network.delay_a_request, deadline_s=_SHORT_S, network=True),
    Fault("partition", on_network.part, deadline_s=_SHORT_S, network=True),
    Fault(
        "connections exhausted",
        on_resources.exhaust_connections,
        deadline_s=_SHORT_S,
        settings={"max_connections": "10"},
    ),
    Fault("disk full, WAL", on_resources.fill_the_wal_disk, disk="wal", settings=_WAL_KEPT_SHORT),
    Fault(
        "disk full, tables", on_resources.fill_the_data_disk, disk="data", load=Load(payload=4000), deadline_s=_SHORT_S
    ),
    Fault("server's clock, small steps", on_clocks.nudge_the_server, clock="server", certain=True),
    Fault("server's clock, large steps", on_clocks.step_the_server, clock="server", steps_back=True, certain=True),
    Fault(
        "server's clock, under lock",
        on_clocks.step_the_server_under_lock,
        deadline_s=_SHORT_S,
        clock="server",
        steps_back=True,
    ),
    Fault("recorder's clock", on_clocks.step_the_recorders, deadline_s=_SHORT_S, clock="recorder"),
    Fault("several faults", on_everything.storm, network=True, deadline_s=_SHORT_S),
)
