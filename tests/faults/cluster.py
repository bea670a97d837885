"""A PostgreSQL of a test's own, with durable settings, that may be killed, stopped, frozen and started again."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
from psycopg.conninfo import make_conninfo

from tests.conftest import LOG, plant_grants
from tests.faults.installation import SUPERUSER, Installation, initialised, open_folder
from tests.faults.processes import kill_all_in, send, working_in
from tests.faults.waiting import eventually
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.migrations import install

Admin = psycopg.Connection[tuple[Any, ...]]
Mode = Literal["smart", "fast", "immediate"]

DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_SIGNALS: Final = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
# Below the ports that Linux hands to clients, or one of these could take a port while its server is down.
_PORTS: Final = range(20000, 32000)
LOOPBACK: Final = "127.0.0.1"


@dataclass
class Cluster:
    """One data directory in ``folder`` and the server on it, which listens on a Unix socket and on the loopback."""

    installation: Installation
    folder: Path
    data: Path
    port: int
    settings: Mapping[str, str]
    environment: Mapping[str, str]
    _postmaster: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    def conninfo(self, user: str, *, host: str | None = None, port: int | None = None) -> str:
        """How to connect: over the Unix socket unless told otherwise."""
        return make_conninfo(host=host or str(self.folder), port=port or self.port, user=user, dbname=SUPERUSER)

    @contextmanager
    def admin(self) -> Iterator[Admin]:
        """A superuser's connection in autocommit mode."""
        with psycopg.connect(self.conninfo(SUPERUSER), autocommit=True, connect_timeout=5) as connection:
            yield connection

    def start(self) -> None:
        """Starts the server and returns when it takes connections, which may be after its recovery from a crash."""
        # No process works here any more, and by now the number in this file may be anybody's.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        with self.log.open("ab") as log:
            self._postmaster = subprocess.Popen(
                [self.installation.programs / "postgres", "-D", self.data, "-p", str(self.port), *options],
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.installation.started_as(),
            )
        eventually(self.answers, "the server took connections", seconds=60)

    def answers(self) -> bool:
        """Whether a connection can be made now; raises :class:`ChildProcessError` when the server has ended."""
        if self.ended:
            raise ChildProcessError(f"the server ended: {self.log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(psycopg.OperationalError), self.admin():
            return True
        return False

    @property
    def ended(self) -> bool:
        """Whether the postmaster is gone."""
        return self._postmaster is None or self._postmaster.poll() is not None

    def end(self, mode: Mode) -> None:
        """What ``pg_ctl stop`` does: asks the postmaster to end and waits until no process is left."""
        if self._postmaster is not None:
            self._postmaster.send_signal(_SIGNALS[mode])
            self._postmaster.wait(timeout=60)
        eventually(lambda: not working_in(self.data), "the server's last process ended")

    def restart(self, mode: Mode) -> None:
        """What ``pg_ctl restart`` does."""
        self.end(mode)
        self.start()

    def kill(self) -> None:
        """``kill -9`` of the postmaster and then of every other process of the server."""
        if self._postmaster is not None:
            self._postmaster.kill()
            self._postmaster.wait(timeout=60)
        kill_all_in(self.data)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All processes of the server are stopped for a block, the postmaster first, so that it makes no new ones."""
        try:
            send(self._postmaster_first(), signal.SIGSTOP)
            yield
        finally:
            send(self._postmaster_first(), signal.SIGCONT)

    def _postmaster_first(self) -> list[int]:
        first = [] if self._postmaster is None or self.ended else [self._postmaster.pid]
        return [*first, *(pid for pid in working_in(self.data) if pid not in first)]

    def remove(self) -> None:
        """Ends the server whatever state it is in; in order if it can, since that clears its shared memory away."""
        send(self._postmaster_first(), signal.SIGCONT)
        if not self.ended:
            with contextlib.suppress(subprocess.TimeoutExpired, TimeoutError):
                self.end("fast")
        self.kill()


@contextmanager
def prepared(kind: str) -> Iterator[Installation]:
    """An installation whose template has the schema, the log :data:`LOG` and the logins writer, verifier and ops."""
    with initialised(kind) as installation:
        settings = {"listen_addresses": "", "unix_socket_directories": str(installation.folder), **DURABLE}
        cluster = Cluster(installation, installation.folder, installation.template, _free_port(), settings, {})
        try:
            cluster.start()
            with connect(cluster.conninfo(SUPERUSER)) as connection:
                install(connection)
                administration.create_log(connection, LOG)
                for login in ("writer", "verifier", "ops"):
                    administration.add_login(connection, login, duty=login, password=None)
                    plant_grants(connection, [(login, login)])
            _slim(cluster)
            cluster.end("fast")
        finally:
            cluster.remove()
        yield installation


def _slim(cluster: Cluster) -> None:
    """Drops the databases that only new ones are made from: two thirds of the files that each run would copy."""
    with cluster.admin() as admin:
        admin.execute("alter database template0 is_template false")
        admin.execute("alter database template1 is_template false")
        admin.execute("drop database template0")
        admin.execute("drop database template1")


@contextmanager
def cluster_of(
    installation: Installation,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    data: Path | None = None,
    wal: Path | None = None,
) -> Iterator[Cluster]:
    """A running copy of the template. ``data`` and ``wal`` are empty folders for its parts that lie elsewhere."""
    with open_folder("ub-fault-") as folder:
        installation.own(folder)
        place = (data or folder) / "data"
        _copy(installation.template, place, wal=wal)
        port = _free_port()
        fixed = {"listen_addresses": LOOPBACK, "unix_socket_directories": str(folder), "timezone": "UTC", **DURABLE}
        cluster = Cluster(installation, folder, place.resolve(), port, {**fixed, **(settings or {})}, environment or {})
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.remove()


def _copy(template: Path, target: Path, *, wal: Path | None) -> None:
    subprocess.run(["/bin/cp", "-a", template, target], check=True)
    if wal is not None:
        shutil.rmtree(wal / "pg_wal", ignore_errors=True)
        subprocess.run(["/bin/mv", target / "pg_wal", wal / "pg_wal"], check=True)
        (target / "pg_wal").symlink_to(wal / "pg_wal")


def _free_port() -> int:
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise OSError("found no free port")
