"""A PostgreSQL of a test's own that holds a log with a vault, and what it leaves on the disk."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from tests.conftest import Database, Server, plant_grants
from tests.faults.cluster import Admin, Cluster, cluster_of
from tests.faults.installation import SUPERUSER, Installation
from tests.faults.waiting import eventually
from tests.planted.places import store_uncompressed
from unbroken.store import administration
from unbroken.store.sql import script

DUTIES: Final = ("dpo", "legal", "compliance", "server")
"""Logins besides those that every template has, each named after its duty."""
SETTINGS: Final = {
    # What runs by itself at some time or other would tell one run from the next.
    "autovacuum": "off",
    # Segments are removed and not renamed for later: a renamed one keeps what was written into it.
    "wal_recycle": "off",
    "fsync": "off",
    # Asked for what is in no archive when a backup is restored.
    "restore_command": "/bin/false",
    "shared_buffers": "16MB",
}


@contextmanager
def vault_cluster(installation: Installation, *, archive: Path | None = None) -> Iterator[Cluster]:
    """A running server with a log and a login for each duty, which stores every value as it is.

    With ``archive``, an empty folder of the server's user, it keeps its write-ahead log there.
    """
    archiving = {} if archive is None else {"archive_mode": "on", "archive_command": f"cp %p {archive}/%f"}
    with cluster_of(installation, settings={**SETTINGS, **archiving}) as cluster:
        with cluster.admin() as admin:
            for duty in DUTIES:
                administration.add_login(admin, duty, duty=duty, password=None)
            plant_grants(admin, [(duty, duty) for duty in DUTIES])
            store_uncompressed(database_of(cluster, admin))
        yield cluster


def database_of(cluster: Cluster, admin: Admin) -> Database:
    """The cluster's database, for what takes one; ``admin`` is a superuser's connection to it."""
    return Database(Server(cluster.installation.kind, str(cluster.folder), cluster.port), SUPERUSER, admin)


def sample(admin: Admin) -> None:
    """Has the statistics hold values of every column, as they do where an earlier release was installed first."""
    columns = admin.execute(
        "select c.oid::regclass::text, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0"
        " and not a.attisdropped and a.attstattarget = 0"
    ).fetchall()
    for target in (100, 0):
        with admin.transaction():
            admin.execute(script("ddl_guard_off"))
            for table, column in columns:
                change = f"alter table {table} alter column {{}} set statistics {target}"
                admin.execute(sql.SQL(change).format(sql.Identifier(column)))
            admin.execute(script("ddl_guard"))
        admin.execute("analyze")


def connected(cluster: Cluster, user: str) -> Admin:
    """A login's connection in autocommit mode, for a ``with``."""
    return psycopg.connect(cluster.conninfo(user), autocommit=True)


def forget_wal(cluster: Cluster) -> None:
    """Has the server remove every segment of its write-ahead log that it does not need any more."""
    with cluster.admin() as admin:
        for _ in range(2):
            admin.execute("select pg_switch_wal()")
            await_archive(cluster)
            admin.execute("checkpoint")


def await_archive(cluster: Cluster) -> None:
    """Returns when no finished segment waits for being archived."""
    waiting = cluster.data / "pg_wal" / "archive_status"
    eventually(lambda: not list(waiting.glob("*.ready")), "the write-ahead log was archived")


def written(cluster: Cluster) -> Iterator[tuple[str, bytes]]:
    """The files of a server: data, write-ahead log, and the log that it writes for people."""
    if not cluster.ended:
        with cluster.admin() as admin:
            admin.execute("checkpoint")
    for path in _files(cluster.folder):
        kind = "write-ahead log" if "pg_wal" in path.parts else "data" if "base" in path.parts else "file"
        yield f"{kind} {path.relative_to(cluster.folder)}", _content(path)


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files of a folder of ours."""
    for path in _files(folder):
        yield f"{folder.name}/{path.relative_to(folder)}", path.read_bytes()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # the server removes files as it goes
        return b""


def backed_up(cluster: Cluster, backup: Path) -> None:
    """A base backup of the running server into the folder ``backup``, with the write-ahead log that it needs."""
    with cluster.admin() as admin:
        admin.execute("select pg_backup_start('a test', true)")
        shutil.rmtree(backup, ignore_errors=True)
        _copied(cluster.data, backup, live=True)
        row = admin.execute("select labelfile from pg_backup_stop(false)").fetchone()
    assert row is not None
    _copied(f"{cluster.data}/pg_wal/.", backup / "pg_wal", live=True)
    (backup / "postmaster.pid").unlink()
    (backup / "backup_label").write_text(row[0])
    cluster.installation.own(backup / "backup_label")


def copied(cluster: Cluster, backup: Path) -> None:
    """A copy of the data of the stopped server, which is started again."""
    cluster.end("fast")
    _copied(cluster.data, backup)
    cluster.start()


def put_back(cluster: Cluster, backup: Path) -> None:
    """Has the server go on with a copy of its data as if nothing had happened since."""
    _replace(cluster, backup)
    cluster.start()


def restored(cluster: Cluster, backup: Path, **settings: str) -> None:
    """Puts a base backup in the place of the data, and starts it: on a new time line, to the end of what it holds."""
    _replace(cluster, backup)
    signal = cluster.data / "recovery.signal"
    signal.touch()
    cluster.installation.own(signal)
    usual = cluster.settings
    cluster.settings = {**usual, **settings}
    cluster.start()
    cluster.settings = usual
    await_promotion(cluster)


def _replace(cluster: Cluster, backup: Path) -> None:
    if not cluster.ended:
        cluster.end("immediate")
    shutil.rmtree(cluster.data)
    _copied(backup, cluster.data)


def await_promotion(cluster: Cluster) -> None:
    """Returns when the server takes writes."""

    def promoted() -> bool:
        with cluster.admin() as admin:
            return admin.execute("select pg_is_in_recovery()").fetchone() == (False,)

    eventually(promoted, "the server took writes")


def _copied(source: Path | str, target: Path, *, live: bool = False) -> None:
    # Of a running server files go while they are copied; whether all that it takes is there shows when it is started.
    subprocess.run(["/bin/cp", "-a", source, target], check=not live, stderr=subprocess.DEVNULL)
