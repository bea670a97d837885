"""What a fault finds: a server, recorders at work on it, and the means to harm them."""

import random
import time
from dataclasses import dataclass
from typing import Final, TypeVar

from tests.conftest import LOG
from tests.faults.careless import Careless
from tests.faults.clock import Clock
from tests.faults.cluster import LOOPBACK, Admin, Cluster
from tests.faults.disk import Disk
from tests.faults.network import Network
from tests.faults.recorder import Settings
from tests.faults.recorders import Recorder, Recorders
from tests.faults.waiting import eventually

T = TypeVar("T")

_BACKENDS: Final = "select pid from pg_stat_activity where usename = 'writer' and backend_type = 'client backend'"


@dataclass(frozen=True, slots=True)
class Load:
    """What the recorders of a run do; ``think_s`` is the mean pause between two calls of a thread.

    ``early`` of the recorders, as a share, release the log's lock early.
    """

    processes: int = 2
    threads: int = 3
    batches: tuple[int, ...] = (1, 1, 2, 5, 20)
    think_s: float = 0.02
    payload: int = 100
    early: float = 1 / 3


@dataclass(frozen=True)
class Scene:
    """Everything of one run. What a fault does not need is not there."""

    cluster: Cluster
    recorders: Recorders
    load: Load
    deadline_s: float
    dice: random.Random
    network: Network | None = None
    disk: Disk | None = None
    clock: Clock | None = None
    careless: Careless = ""

    def start_recorder(self) -> Recorder:
        """One more recorder, over the network where there is one."""
        return self.recorders.start(
            Settings(
                name="",
                conninfo=self._conninfo(),
                log=LOG,
                journal="",
                deadline_s=self.deadline_s,
                threads=self.load.threads,
                batches=self.load.batches,
                think_s=self.load.think_s,
                payload=self.load.payload,
                early_release=self.dice.random() < self.load.early,
                careless=self.careless,
                clock=self.recorders.clock,
            )
        )

    def _conninfo(self) -> str:
        if self.network is not None:
            return self.cluster.conninfo("writer", host=LOOPBACK, port=self.network.port)
        return self.cluster.conninfo("writer", host=self.dice.choice((None, LOOPBACK)))

    def pause(self, least_s: float, most_s: float) -> None:
        """A wait of random length."""
        time.sleep(self.dice.uniform(least_s, most_s))

    def backends(self) -> list[int]:
        """The server's processes that serve recorders, zombies of given-up connections among them."""
        with self.cluster.admin() as admin:
            return self.backends_of(admin)

    @staticmethod
    def backends_of(admin: Admin) -> list[int]:
        """The same over a connection that is there."""
        return [row[0] for row in admin.execute(_BACKENDS)]

    def a_backend(self) -> int:
        """One of them; waits for one where there is none."""
        there: list[int] = []

        def connected() -> bool:
            # Asked once: between two questions the last recorder may have gone.
            there[:] = self.backends()
            return bool(there)

        eventually(connected, "a recorder was connected")
        return self.dice.choice(there)

    def await_errors(self, *, since: float) -> None:
        """Returns when every living recorder has been told an error after ``since``."""

        def told() -> bool:
            return all(
                any(note.at >= since and note.what in ("refused", "unknown") for note in one.notes())
                for one in self.recorders.living()
            )

        eventually(told, "every recorder was told an error", seconds=self.deadline_s + 20)


def of(thing: T | None) -> T:
    """What a fault has asked for in the catalogue, and therefore has."""
    if thing is None:
        raise LookupError("the catalogue does not give this fault what it uses")
    return thing
