"""A client that holds the log's lock in an open transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.conftest import LOG
from tests.faults.scene import Scene, of
from tests.faults.waiting import eventually
from tests.plain import draft
from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.store.log_writer import LogWriter

_WAITING = "select count(*) from pg_stat_activity where usename = 'writer' and wait_event_type = 'Lock'"


@contextmanager
def lock_held(scene: Scene) -> Iterator[LogWriter]:
    """A writer has appended and does not commit; it has put off the time-outs that bound accidents.

    What it appended is in nobody's journal: that it is rolled back is seen by the check.
    """
    event = draft("annotated", actor_id="u-0", actor_type="user", recorder=new_id(), recorder_seq=1).event
    holder = LogWriter(scene.cluster.conninfo("writer"), LOG)
    try:
        holder._connection.execute("set idle_in_transaction_session_timeout = 0")
        holder._connection.execute("begin")
        holder.append([encode_event(event)], [{}])
        yield holder
    finally:
        holder.close()


def hold_the_lock(scene: Scene) -> str:
    """Every recorder gives up a call at its deadline; then ops ends the holder."""
    with lock_held(scene) as holder:
        scene.await_errors(since=scene.recorders.now())
        with psycopg.connect(scene.cluster.conninfo("ops"), autocommit=True) as ops:
            ops.execute("select unbroken.end_lock_holder(%s, interval '1 second')", (LOG,))
        eventually(lambda: _is_gone(holder), "the holder's connection ended")
    return "unbroken.end_lock_holder"


def _is_gone(holder: LogWriter) -> bool:
    try:
        holder._connection.execute("select 1")
    except psycopg.OperationalError:
        return True
    return False


def hold_the_lock_and_cut(scene: Scene) -> str:
    """The connections of waiting recorders end. Their backends don't notice, wait on, and may commit much later."""
    with lock_held(scene):
        eventually(lambda: _waiting(scene) == len(scene.recorders.living()), "every recorder waited for the lock")
        of(scene.network).order("hang up", reset=scene.dice.random() < 0.5)
        scene.pause(0.1, 1.5 * scene.deadline_s)
    return "lock held, connections cut"


def _waiting(scene: Scene) -> int:
    with scene.cluster.admin() as admin:
        row = admin.execute(_WAITING).fetchone()
    return 0 if row is None else int(row[0])
