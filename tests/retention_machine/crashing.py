"""A server that is killed while it destroys, and started again: what it had committed is there, and nothing else."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.conftest import LOGINS, Server, plant_grants
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import Installation
from tests.retention_machine.doors import Refused
from tests.retention_machine.interrupting import SOON
from tests.retention_machine.machine import Machine
from tests.retention_machine.place import WHICH, one, where
from unbroken.store import administration

MOST: Final = 3
"""In one run, as each takes seconds."""


@contextmanager
def crashing(installation: Installation) -> Iterator[Cluster]:
    """A durable server of its own, in which databases can be made as in the shared ones."""
    with cluster_of(installation) as cluster:
        with cluster.admin() as admin:
            there = {row[0] for row in admin.execute("select rolname from pg_roles").fetchall()}
            for login in sorted(set(LOGINS) - there):
                administration.add_login(admin, login, duty=login.rstrip("2"), password=None)
                plant_grants(admin, [(login, login.rstrip("2"))])
            admin.execute("create database unbroken_template template postgres")
        yield cluster


class Crashing(Machine):
    """The machine on a server that may be killed."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.crashes = 0
        super().__init__(Server(cluster.installation.kind, str(cluster.folder), cluster.port))

    @rule(which=WHICH, soon=SOON)
    @where(lambda self: self.crashes < MOST and any(d.state == "begun" for d in self.world.disposals.values()))
    def crash_disposing(self, which: int, soon: float) -> None:
        begun = {name: each for name, each in self.world.disposals.items() if each.state == "begun"}
        name, disposal = one(begun, which)
        now = self.now()
        self._crash("retention", "dispose_batch", (name, 1000), soon)
        self.disposed(name, disposal, None, now)

    @rule(which=WHICH, soon=SOON, limit=st.sampled_from([2, 1000]))
    @where(lambda self: self.crashes < MOST and any(e.state == "begun" for e in self.world.erasures.values()))
    def crash_erasing(self, which: int, soon: float, limit: int) -> None:
        name, case = one({n: each for n, each in self.world.erasures.items() if each.state == "begun"}, which)
        self._crash("dpo", "erase_batch", (name, limit), soon)
        gone = self.gone()
        assert gone <= {each.seq for each in self.world.about(case)} - self.world.held()
        self.world.erase(gone)

    @rule(which=WHICH, soon=SOON)
    @where(lambda self: self.crashes < MOST and any(c.state == "asked" for c in self.world.changes.values()))
    def crash_releasing(self, which: int, soon: float) -> None:
        request, change = one({n: each for n, each in self.world.changes.items() if each.state == "asked"}, which)
        second = "legal" if change.by == "compliance" else "compliance"
        self._crash(second, "confirm_hold_change", (request,), soon)
        ((outcome,),) = self.doors.rows("select outcome from unbroken.hold_requests where request = %s", request)
        if outcome == "confirmed":
            self.changed(change)

    def end_in_its_midst(self, which: int) -> None:
        """The server is, now and then."""
        if self.crashes < MOST:
            self.crash_disposing(which, 0.004 * (which % 7))
        else:
            super().end_in_its_midst(which)

    def _crash(self, login: str, function: str, given: tuple[Any, ...], soon: float) -> None:
        """Kills every process of the server while a call is at work, and starts it again."""
        self.crashes += 1
        answers: list[tuple[Any, ...] | Refused] = []
        self.doors.of(login)
        call = threading.Thread(target=lambda: answers.append(self.doors.ask(login, function, *given)))
        call.start()
        time.sleep(soon)
        self.cluster.kill()
        call.join(timeout=60)
        self.doors.close()
        self.cluster.start()
        admin = psycopg.connect(self.database.conninfo("postgres"), autocommit=True)
        self.cleanup.callback(admin.close)
        self.database = self.doors.database = replace(self.database, admin=admin)
