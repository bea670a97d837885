"""What runs out: connections, the disk under the WAL, the disk under the tables."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg

from tests.faults.scene import Scene, of
from tests.faults.waiting import eventually

_END_ALL = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where usename = 'writer' and backend_type = 'client backend'"
)


def exhaust_connections(scene: Scene) -> str:
    """Idle clients take every connection, those of the recorders too, which are ended for it."""
    with _all_connections_taken(scene):
        scene.pause(0.2, 1.5 * scene.deadline_s)
    return "no connection left"


@contextmanager
def _all_connections_taken(scene: Scene) -> Iterator[None]:
    with ExitStack() as stack:
        admin = stack.enter_context(scene.cluster.admin())

        def taken() -> bool:
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(psycopg.connect(scene.cluster.conninfo("verifier"), autocommit=True))
            return not scene.backends_of(admin)

        # Otherwise recorders are quicker than the clients that wait for their places.
        with scene.recorders.halted():
            admin.execute(_END_ALL)
            eventually(taken, "idle clients had every connection")
        yield


def fill_the_wal_disk(scene: Scene) -> str:
    """No room for the next WAL segment: PostgreSQL panics, and is started again when there is room."""
    disk, cluster = of(scene.disk), scene.cluster

    def panicked() -> bool:
        disk.fill()
        with suppress(psycopg.OperationalError), cluster.admin() as admin:
            admin.execute("select pg_logical_emit_message(false, 'filler', repeat('x', 500000))")
        return "PANIC" in cluster.log.read_text(errors="replace")

    try:
        eventually(panicked, "PostgreSQL panicked")
        scene.pause(0, 0.5)
    finally:
        disk.free()
    cluster.kill()
    cluster.start()
    return "pg_wal full"


def fill_the_data_disk(scene: Scene) -> str:
    """No room for the tables to grow: PostgreSQL refuses what does not fit, and goes on."""
    disk, since = of(scene.disk), scene.recorders.now()

    def told() -> bool:
        disk.fill()
        return any(
            note.at >= since and note.what in ("refused", "unknown")
            for one in scene.recorders.living()
            for note in one.notes()
        )

    try:
        eventually(told, "a recorder was told an error")
        scene.pause(0, 0.5)
    finally:
        disk.free()
    if scene.cluster.ended:
        scene.cluster.start()
    return "data directory full"
