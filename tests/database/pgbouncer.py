"""A real PgBouncer in transaction mode: each transaction in whatever session is free, of very few."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from tests.faults.cluster import Cluster
from tests.faults.installation import SUPERUSER, open_folder
from tests.faults.waiting import eventually

LOGINS = ("writer", "verifier", "other", "nobody_there", SUPERUSER)
_PORT = 6432


@dataclass
class Pooler:
    """PgBouncer in ``folder``, before ``cluster``; it listens on a Unix socket only."""

    program: str
    cluster: Cluster
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def conninfo(self, user: str, dbname: str = SUPERUSER) -> str:
        return make_conninfo(host=str(self.folder), port=_PORT, user=user, dbname=dbname)

    def start(self) -> None:
        (self.folder / "pgbouncer.pid").unlink(missing_ok=True)
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [self.program, "-q", self.folder / "pgbouncer.ini"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.cluster.installation.started_as(),
        )
        eventually(self._socket.exists, "PgBouncer listened")

    @property
    def _socket(self) -> Path:
        return self.folder / f".s.PGSQL.{_PORT}"

    def kill(self) -> None:
        """``kill -9``: every client and every server loses its connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
        self._process = None


@contextmanager
def pooled(cluster: Cluster, **settings: Any) -> Iterator[Pooler]:
    """A running PgBouncer before ``cluster``, two sessions for each login unless ``settings`` say otherwise."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed")
    with open_folder("ub-pool-") as folder:
        pooler = Pooler(program, cluster, folder)
        _configure(pooler, settings)
        try:
            pooler.start()
            yield pooler
        finally:
            pooler.kill()


def _configure(pooler: Pooler, settings: dict[str, Any]) -> None:
    chosen = {
        "listen_addr": "",
        "listen_port": _PORT,
        "unix_socket_dir": pooler.folder,
        "auth_type": "trust",
        "auth_file": pooler.folder / "logins",
        "pidfile": pooler.folder / "pgbouncer.pid",
        "logfile": pooler.folder / "pgbouncer.log",
        "pool_mode": "transaction",
        "default_pool_size": 2,
        "max_client_conn": 100,
        "server_login_retry": 1,
        **settings,
    }
    lines = [f"{name} = {value}" for name, value in chosen.items()]
    target = f"host=127.0.0.1 port={pooler.cluster.port}"
    (pooler.folder / "pgbouncer.ini").write_text("\n".join(["[databases]", f"* = {target}", "[pgbouncer]", *lines, ""]))
    (pooler.folder / "logins").write_text("".join(f'"{login}" ""\n' for login in LOGINS))
    pooler.cluster.installation.own(pooler.folder, pooler.folder / "pgbouncer.ini", pooler.folder / "logins")
