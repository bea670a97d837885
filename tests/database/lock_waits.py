"""Waiting until a session waits for another one's lock."""

from time import monotonic, sleep

from tests.conftest import Database


def until_somebody_waits(database: Database) -> None:
    """Returns once a session of the database waits for a lock; fails after ten seconds."""
    deadline = monotonic() + 10
    while monotonic() < deadline:
        waiting = database.admin.execute(
            "select count(*) from pg_stat_activity where datname = %s and wait_event_type = 'Lock'", (database.name,)
        ).fetchone()
        if waiting != (0,):
            return
        sleep(0.01)
    raise AssertionError("nobody waits")
