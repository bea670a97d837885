"""A log that has lost what came last, as after a restore, made within one database."""

import json
from typing import Any, Final

from tests.conftest import LOG, Database
from tests.database.tampered import disarm
from unbroken.store.administration import as_owner

OLD, NEW = f"{LOG}~1", f"{LOG}~2"
CONTINUE = (
    "select log, grants, names, registry from unbroken.continue_log(%s, %s, %s, 2, %s, %s::jsonb, '{}', %s, %s, %s)"
)
ANCHORED = {"size": 5, "root": "ab" * 32, "note_sha256": "cd" * 32}

_DELETE: Final = (
    """delete from unbroken.identities i
        where i.made_at > (select e.recorded_at from unbroken.entries e where e.log = i.log and e.seq = %s)""",
    "delete from unbroken.payloads where log = (select max(log) from unbroken.logs) and seq > %s",
    "delete from unbroken.event_ids where log = (select max(log) from unbroken.logs) and seq > %s",
    "delete from unbroken.entries where log = (select max(log) from unbroken.logs) and seq > %s",
)


def end_of(database: Database, log: str) -> tuple[int, bytes]:
    """Number and hash of a log's newest entry."""
    row = database.admin.execute(
        "select e.seq, e.hash from unbroken.entries e join unbroken.logs l on l.log = e.log"
        " where l.origin || '~' || l.incarnation = %s order by e.seq desc limit 1",
        (log,),
    ).fetchone()
    assert row is not None
    return int(row[0]), bytes(row[1])


def continued(
    database: Database,
    log: str = OLD,
    *,
    anchored: dict[str, Any] | None = ANCHORED,
    without_people: tuple[str, ...] = (),
    without_logins: tuple[str, ...] = (),
) -> tuple[Any, ...]:
    """Has the log go on under its next incarnation, as its owner does."""
    kept, digest = end_of(database, log)
    given = (log, kept, digest, kept + 1, None if anchored is None else json.dumps(anchored), "the disk failed")
    with as_owner(database.admin):
        row = database.admin.execute(CONTINUE, (*given, list(without_people), list(without_logins))).fetchone()
    assert row is not None
    return row


def lose(database: Database, after: int) -> None:
    """The newest incarnation has no entries after this number any more, nor names that came since."""
    admin = database.admin
    with admin.transaction():
        disarm(admin)
        for table in ("entries", "payloads", "event_ids", "sessions", "identities"):
            admin.execute(f"alter table unbroken.{table} disable trigger user".encode())
        for statement in _DELETE:
            admin.execute(statement, (after,))
        admin.execute("delete from unbroken.sessions where log = (select max(log) from unbroken.logs)")
        admin.execute(
            "insert into unbroken.sessions select log, session_id, count(*), min(seq), max(seq) from unbroken.entries"
            " where log = (select max(log) from unbroken.logs) and session_id is not null group by 1, 2"
        )
