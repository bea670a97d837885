"""The PostgreSQL servers that are measured, each as it is by default, in a folder that is removed afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from unbroken.store import administration, embedded
from unbroken.store.connection import connect
from unbroken.store.embedded.accounts import Account, account_of, runner_for
from unbroken.store.embedded.programs import programs_for
from unbroken.store.migrations import install

LOG: Final = "bench.example/agents"
_DEBIAN: Final = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL on a Unix socket, in which any login may connect without a password."""

    kind: str
    host: str
    port: int
    data: Path

    def conninfo(self, user: str, dbname: str = "postgres") -> str:
        return make_conninfo(host=self.host, port=self.port, user=user, dbname=dbname)

    @property
    def postmaster(self) -> int:
        """The process that every backend is forked from."""
        return int((self.data / "postmaster.pid").read_text().split(maxsplit=1)[0])


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own with the schema, the log :data:`LOG`, and logins: writer, verifier and notary."""

    server: Server
    name: str

    def conninfo(self, user: str) -> str:
        return self.server.conninfo(user, self.name)

    def connect(self, user: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.conninfo(user), autocommit=True)


@contextmanager
def fresh_database(server: Server, name: str) -> Iterator[Database]:
    """An empty log, dropped afterwards."""
    database = Database(server, name)
    administer(server, "create database {}", name)
    try:
        with connect(database.conninfo("postgres")) as connection:
            install(connection)
            administration.create_log(connection, LOG)
            for login in ("writer", "verifier", "notary"):
                administration.add_login(connection, login, duty=login, password=None)
                administration.install_grant(connection, LOG, login, duty=login)
        yield database
    finally:
        administer(server, "drop database {} with (force)", name)


def add_log(database: Database, log: str) -> None:
    """One more log that the login ``writer`` may record into."""
    with connect(database.conninfo("postgres")) as connection:
        administration.create_log(connection, log)
        administration.install_grant(connection, log, "writer", duty="writer")


def administer(server: Server, statement: str, name: str) -> None:
    """Carries out a command on the server as a whole about something named ``name``."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@contextmanager
def _folder() -> Iterator[Path]:
    """Directly below the temporary directory: when root runs this, the server's user must be able to reach it."""
    folder = Path(tempfile.mkdtemp(prefix="ub-bench-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _embedded() -> Iterator[Server]:
    with _folder() as folder, embedded.enter(folder / "store", allow_root=True) as server:
        yield Server("embedded", str(server.socket_dir), server.port, server.folder / "pgdata")


@contextmanager
def kept_server(kind: str, folder: Path) -> Iterator[Server]:
    """A server whose data stay in ``folder``, for the next time."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = folder.resolve()
    if kind != "embedded":
        with own_server(kind, kept=folder) as server:
            yield server
        return
    with embedded.enter(folder / "store", allow_root=True) as running:
        yield Server(kind, str(running.socket_dir), running.port, running.folder / "pgdata")


@contextmanager
def own_server(
    kind: str,
    *,
    settings: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    kept: Path | None = None,
) -> Iterator[Server]:
    """A PostgreSQL set up by hand with ``settings``; ``environment`` is what its processes see besides ours."""
    with _folder() if kept is None else nullcontext(kept) as folder:
        programs, account = _installation(kind, folder)
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(folder, account.uid, account.gid)
            who = {"user": account.uid, "group": account.gid, "extra_groups": []}
        data = folder / "data"

        def run(program: str, *arguments: str) -> None:
            subprocess.run(  # noqa: S603
                [programs / program, "-D", data, *arguments],
                check=True,
                cwd="/",
                stdout=subprocess.DEVNULL,
                timeout=120,
                env={**os.environ, **(environment or {})},
                **who,
            )

        if not data.exists():
            run("initdb", "--locale=C", "--encoding=UTF8", "--auth=trust", "--username=postgres")
        given = {"listen_addresses": "''", "timezone": "UTC", **(settings or {})}
        options = " ".join([f"-k {folder}", *(f"-c {name}={value}" for name, value in given.items())])
        run("pg_ctl", "--wait", f"--log={folder}/log", f"--options={options}", "start")
        try:
            yield Server(kind, str(folder), 5432, data)
        finally:
            run("pg_ctl", "--wait", f"--mode={'immediate' if kept is None else 'fast'}", "stop")


def _installation(kind: str, folder: Path) -> tuple[Path, Account]:
    """Where a server's programs are, and who runs it where root can't."""
    us = account_of(os.geteuid())
    if kind == "embedded":
        runner = runner_for(us, allow_root=True)
        return programs_for(runner, client=us, folder=folder).server, runner
    return _DEBIAN, account_of(pwd.getpwnam("postgres").pw_uid) if us.uid == 0 else us


SERVERS: Final[dict[str, Callable[[], AbstractContextManager[Server]]]] = {
    "embedded": _embedded,
    "debian15": partial(own_server, "debian15"),
}


def is_installed(kind: str) -> bool:
    """Whether this machine has the server at all."""
    return kind != "debian15" or (_DEBIAN / "initdb").exists()
