"""What tests share: real PostgreSQL servers, a fresh database with a log, and logins for each duty.

``server`` runs every test that uses it on the embedded PostgreSQL and, where installed, on Debian's PostgreSQL 15.
Folders lie directly below the temporary directory: when root runs the tests, the server's user can't pass through
pytest's own.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from tests import plain
from tests.memory import temporary_files
from tests.unseen.sitecustomize import PLANTED, leave_planted_out
from unbroken.capture.trail import Trail
from unbroken.core.entry import StoredEntry
from unbroken.core.keyed import LogKey
from unbroken.ledger.ledger import Ledger
from unbroken.store import administration, embedded, tables
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.store.migrations import install
from unbroken.store.sql import script

if TYPE_CHECKING:
    from tests.faults.installation import Installation

LOG = "clinic.example/agents"
LOGINS = (
    *("writer", "server", "ops", "compliance", "legal", "dpo", "subjects", "retention", "verifier", "notary"),
    *("access", "access2"),
)
"""A login for each duty, and a second access administrator; each is named after its duty."""
SHARED = Path(__file__).parents[2] / "shared"
_DEBIAN = Path("/usr/lib/postgresql/15/bin")
TEMPLATE = "unbroken_template"

os.environ.setdefault("UNBROKEN_ALLOW_ROOT", "1")
leave_planted_out(tables)
# A shell that starts the tests in the background has them ignore interrupts, and with them all that they start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL in which any login may connect without a password."""

    kind: str
    host: str
    port: int

    def conninfo(self, user: str, dbname: str) -> str:
        return f"host={self.host} port={self.port} user={user} dbname={dbname}"

    def execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.conninfo("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@dataclass(frozen=True)
class Database:
    """A database of its own with the schema, the log :data:`LOG`, and the logins :data:`LOGINS`."""

    server: Server
    name: str
    admin: psycopg.Connection[tuple[Any, ...]]

    def conninfo(self, user: str) -> str:
        return self.server.conninfo(user, self.name)

    def connect(self, user: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.conninfo(user), autocommit=True)

    def disarm(self) -> None:
        """Takes every guard away, as a superuser can."""
        self.admin.execute("drop event trigger if exists unbroken_refuse_ddl")
        self.admin.execute("drop event trigger if exists unbroken_refuse_drop")
        tables = self.admin.execute(
            "select c.oid::regclass::text from pg_class c where c.relnamespace = 'unbroken'::regnamespace"
            " and c.relkind in ('r', 'p')"
        ).fetchall()
        for (table,) in tables:
            self.admin.execute(f"alter table {table} disable trigger user")


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    folder.chmod(0o755)
    return folder


def _embedded_server() -> Iterator[Server]:
    folder = _folder()
    with embedded.enter(folder / "store", allow_root=True) as server:
        yield Server("embedded", str(server.socket_dir), server.port)
    shutil.rmtree(folder)


def _debian_server() -> Iterator[Server]:
    if not (_DEBIAN / "initdb").exists():
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    user: dict[str, Any] = {}
    folder = _folder()
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    folder.chmod(0o700)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [_DEBIAN / program, "-D", data, *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            timeout=60,
            **user,
        )

    run("initdb", "--locale=C", "--encoding=UTF8", "--auth=trust", "--username=postgres", "--no-sync")
    options = f"-c listen_addresses='' -k {folder} -c timezone=UTC"
    run("pg_ctl", "--wait", f"--log={folder}/log", f"--options={options}", "start")
    try:
        yield Server("debian15", str(folder), 5432)
    finally:
        run("pg_ctl", "--wait", "--mode=immediate", "stop")
        shutil.rmtree(folder)


def add_login(connection: psycopg.Connection[tuple[Any, ...]], login: str, *, duty: str, log: str = LOG) -> None:
    """A login with its duty for a log, planted by a superuser without its entry, as from a time before there were any.

    So the entries of a test are the first of its log.
    """
    administration.add_login(connection, login, duty=duty, password=None)
    plant_grants(connection, [(login, duty)], log)


def add_log(connection: psycopg.Connection[tuple[Any, ...]], origin: str, *logins: str) -> None:
    """Another log, granted to ``logins``, each named after its duty; by default a writer and a verifier."""
    with unguarded(connection):
        administration.create_log(connection, origin)
        _plant_grants(connection, [(login, login) for login in logins or ("writer", "verifier")], origin)


def plant_grants(
    connection: psycopg.Connection[tuple[Any, ...]], grants: list[tuple[str, str]], log: str = LOG
) -> None:
    """Logins with their duties for a log, without entries."""
    with unguarded(connection):
        _plant_grants(connection, grants, log)


def _plant_grants(connection: psycopg.Connection[tuple[Any, ...]], grants: list[tuple[str, str]], log: str) -> None:
    connection.execute("alter table unbroken.grants disable trigger refuse_untold_grant")
    for login, duty in grants:
        connection.execute(
            "insert into unbroken.grants (log, login, duty, granted_at, granted_by)"
            " select log, %s, %s, now(), %s from unbroken.logs where origin = %s",
            (login, duty, PLANTED[1], log),
        )
    connection.execute("alter table unbroken.grants enable always trigger refuse_untold_grant")


@contextmanager
def unguarded(connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[None]:
    """A transaction without the guard on definitions, which looks at the whole schema after each command."""
    with connection.transaction():
        connection.execute(script("ddl_guard_off"))
        yield
        connection.execute(script("ddl_guard"))


ON_BOTH = frozenset(
    {
        *("test_door.py", "test_guards.py", "test_partitions.py", "test_migrations.py", "test_db_check.py"),
        *("test_identities_door.py", "test_registry_door.py", "test_approval_door.py", "test_vault_door.py"),
        *("test_openings_door.py", "test_erasures_door.py", "test_notary_door.py", "test_fuzz_append.py"),
        *("test_vault_migration.py", "test_privacy_migration.py", "test_db_restore.py", "test_failover.py"),
        *("test_poolers.py", "test_tls.py", "test_passwords.py", "test_deadlines.py", "test_early_release.py"),
        *("test_continuing.py", "test_rewritten.py", "test_erased_verified.py", "test_prepared_statements.py"),
        *("test_attacks.py", "test_nothing_left.py"),
    }
)
"""What tries the schema and the server themselves, where two versions can differ."""


def pytest_configure(config: pytest.Config) -> None:
    # Processes that run tests for another one find TMPDIR set by it.
    until_the_end = ExitStack()
    until_the_end.enter_context(temporary_files())
    config.add_cleanup(until_the_end.close)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For ``--dist loadscope``: the order is that of the collection."""
    if config.getvalue("dist") != "loadscope":
        return None
    from tests.scheduling import LongestFirst

    config.option.loadscopereorder = False
    return LongestFirst(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """All else is tried on the second server by ``make test-long`` alone."""
    for item in items:
        if "debian15" in item.name and item.path.name not in ON_BOTH:
            item.add_marker(pytest.mark.long)
    yield
    # The others have left out what is long by now, and put the rest into a random order.
    if hasattr(config, "workerinput"):
        from tests.scheduling import longest_first

        longest_first(items)


_SERVERS = {"embedded": _embedded_server, "debian15": _debian_server}


@contextmanager
def _with_template(kind: str) -> Iterator[Server]:
    for running in _SERVERS[kind]():
        # No test here pulls the plug, and databases are made and dropped by the hundred.
        for setting in ("fsync = off", "max_wal_size = '128MB'", "min_wal_size = '32MB'"):
            running.execute(f"alter system set {setting}")
        running.execute("select pg_reload_conf()")
        running.execute("create database {}", TEMPLATE)
        with connect(running.conninfo("postgres", TEMPLATE)) as connection:
            install(connection)
            administration.create_log(connection, LOG)
            for login in LOGINS:
                administration.add_login(connection, login, duty=login.rstrip("2"), password=None)
            plant_grants(connection, [(login, login.rstrip("2")) for login in LOGINS])
        yield running


@pytest.fixture(scope="session")
def _servers() -> Iterator[Callable[[str], Server]]:
    """Each kind's server, made when it is first asked for: were it made by ``server``, then anew at each change."""
    with ExitStack() as stack:
        yield cache(lambda kind: stack.enter_context(_with_template(kind)))


@pytest.fixture(scope="session", params=list(_SERVERS))
def server(request: pytest.FixtureRequest, _servers: Callable[[str], Server]) -> Server:
    return _servers(request.param)


@pytest.fixture(scope="session")
def _installations() -> Iterator[Callable[[str], "Installation"]]:
    """Data to start servers from, with the schema, a log and its logins, made once for each kind of server."""
    from tests.faults.cluster import prepared
    from tests.faults.installation import is_installed

    def made(kind: str) -> "Installation":
        if not is_installed(kind):
            pytest.skip("Debian's PostgreSQL 15 is not installed")
        return stack.enter_context(prepared(kind))

    with ExitStack() as stack:
        yield cache(made)


@pytest.fixture(scope="session", params=["embedded", "debian15"])
def installation(request: pytest.FixtureRequest, _installations: Callable[[str], "Installation"]) -> "Installation":
    """One of them for each PostgreSQL that this machine has."""
    return _installations(request.param)


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    name = f"test_{uuid.uuid4().hex}"
    server.execute("create database {} template {} strategy file_copy", name, TEMPLATE)
    admin = psycopg.connect(server.conninfo("postgres", name), autocommit=True)
    # The privilege on TEMP belongs to the database and is not copied from the template.
    admin.execute(sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(name)))
    yield Database(server, name, admin)
    admin.close()
    server.execute("drop database {} with (force)", name)


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    made = Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG), key=LogKey.generate())
    yield made
    made.close()


@pytest.fixture
def trail(ledger: Ledger) -> Trail:
    return plain.Trail(ledger)


@pytest.fixture
def reader(database: Database) -> Iterator[LogReader]:
    with LogReader(database.conninfo("verifier"), LOG) as made:
        yield made


@pytest.fixture
def entries(database: Database) -> Callable[[], list[StoredEntry]]:
    """All entries that are committed by now, in order, read over a connection of its own."""

    def read() -> list[StoredEntry]:
        with LogReader(database.conninfo("verifier"), LOG) as reader:
            return [entry for lot in reader.entries() for entry in lot]

    return read
