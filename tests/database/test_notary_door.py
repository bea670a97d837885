"""The notary's functions: tiles that only grow, checkpoints in order, receipts, keys, alarms, and the gate."""

import hashlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database.raw import Connection, append, sent

ROOT = b"\x01" * 32
OTHER = b"\x02" * 32


@pytest.fixture
def notary(database: Database) -> Iterator[Connection]:
    with database.connect("notary") as connection:
        yield connection


def value(connection: Connection, statement: str, *given: object) -> Any:
    row = connection.execute(statement, given).fetchone()
    return None if row is None else row[0]


def refused_to(login: str, database: Database, state: str, statement: str, *given: object) -> None:
    with database.connect(login) as connection:
        refused(connection, state, statement, *given)


def refused(connection: Connection, state: str, statement: str, *given: object) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement, given)
    assert caught.value.sqlstate == state


STORE = "select unbroken.store_checkpoint(%s, %s, %s, %s, now() + %s * interval '1 s', true)"
TILES = "select unbroken.store_tiles(%s, %s::int[], %s::bigint[], %s::bytea[])"


def test_tiles_only_grow(database: Database, notary: Connection) -> None:
    notary.execute(TILES, (LOG, [1], [0], [ROOT]))
    notary.execute(TILES, (LOG, [1], [0], [ROOT + OTHER]))
    notary.execute(TILES, (LOG, [1], [0], [ROOT]))
    assert value(notary, "select hashes from unbroken.tiles") == ROOT + OTHER
    refused(notary, "UB013", TILES, LOG, [1], [0], [OTHER])
    refused(notary, "UB013", TILES, LOG, [1], [0], [ROOT + ROOT])
    assert value(notary, "select hashes from unbroken.tiles") == ROOT + OTHER
    with pytest.raises(psycopg.Error, match="only grows"):
        database.admin.execute("update unbroken.tiles set hashes = %s", (OTHER + OTHER,))


def test_tiles_and_leaves_are_what_the_entries_are(database: Database, notary: Connection) -> None:
    _record(database, 5)
    hashes = [row[0] for row in database.admin.execute("select hash from unbroken.entries order by seq")]
    assert notary.execute("select * from unbroken.leaves(%s, 0, 3)", (LOG,)).fetchone() == (3, b"".join(hashes[:3]))
    assert notary.execute("select * from unbroken.leaves(%s, 3, 60)", (LOG,)).fetchone() == (5, b"".join(hashes[3:]))
    assert notary.execute("select * from unbroken.leaves(%s, 5, 60)", (LOG,)).fetchone() == (5, b"")
    read = notary.execute(
        "select * from unbroken.read_tiles(%s, array[0, 0, 1], array[0, 0, 0]::bigint[], array[2, 256, 1])", (LOG,)
    ).fetchall()
    assert read == [(1, b"".join(hashes[:2])), (2, b"".join(hashes)), (3, None)]


def test_a_hole_is_no_leaf(database: Database, notary: Connection) -> None:
    _record(database, 3)
    database.disarm()
    database.admin.execute("delete from unbroken.entries where seq = 2")
    refused(notary, "UB013", "select * from unbroken.leaves(%s, 0, 3)", LOG)


def test_checkpoints_follow_one_another(database: Database, notary: Connection) -> None:
    _record(database, 4)
    notary.execute(STORE, (LOG, 2, ROOT, "first", 0))
    notary.execute(STORE, (LOG, 2, ROOT, "earlier", -5))
    assert value(notary, "select note from unbroken.checkpoints") == "first"
    notary.execute(STORE, (LOG, 2, ROOT, "later", 5))
    assert value(notary, "select note from unbroken.checkpoints") == "later"
    refused(notary, "UB013", STORE, LOG, 2, OTHER, "forked", 9)
    refused(notary, "UB013", STORE, LOG, 5, ROOT, "beyond the end", 9)
    notary.execute(STORE, (LOG, 4, OTHER, "next", 9))
    refused(notary, "UB013", STORE, LOG, 3, ROOT, "older", 9)
    state = notary.execute(
        "select head, is_confirmed, closed_because, size, root from unbroken.notary_state(%s)", (LOG,)
    )
    assert state.fetchone() == (4, True, None, 4, OTHER)
    with database.connect("writer") as writer:
        assert value(writer, "select size from unbroken.covered(%s)", LOG) == 4


def test_an_unconfirmed_start_takes_no_entries(database: Database, notary: Connection) -> None:
    _record(database, 2)
    notary.execute(STORE, (LOG, 2, ROOT, "first", 0))
    _record(database, 1)
    _forget_start(database)
    for count in (1, 2):
        with pytest.raises(psycopg.Error) as caught:
            _record(database, count)
        assert caught.value.sqlstate == "UB012"
    refused_to("ops", database, "UB012", "select unbroken.open_ticket(%s, 'why', null, '{}', '1 min')", LOG)
    refused(notary, "UB013", "select unbroken.confirm_continuity(%s, 2, %s, true)", LOG, OTHER)
    refused(notary, "UB013", "select unbroken.confirm_continuity(%s, 1, %s, true)", LOG, ROOT)
    notary.execute("select unbroken.confirm_continuity(%s, 2, %s, true)", (LOG, ROOT))
    _record(database, 2)


def test_without_each_start_the_same_server_goes_on(database: Database, notary: Connection) -> None:
    _record(database, 1)
    notary.execute(STORE.replace("true", "false"), (LOG, 1, ROOT, "first", 0))
    assert value(database.admin, "select started_at from unbroken.continuity") is None
    _record(database, 2)
    database.admin.execute("update unbroken.continuity set timeline = timeline + 1")
    with pytest.raises(psycopg.Error) as caught:
        _record(database, 1)
    assert caught.value.sqlstate == "UB012"


def test_a_closed_log_stays_closed(database: Database, notary: Connection) -> None:
    _record(database, 2)
    notary.execute("select unbroken.close_log(%s, 'its end is gone')", (LOG,))
    with pytest.raises(psycopg.Error, match="its notary closed it"):
        _record(database, 1)
    refused(notary, "UB012", "select unbroken.confirm_continuity(%s, 2, %s, true)", LOG, ROOT)
    refused(notary, "UB012", STORE, LOG, 2, ROOT, "first", 0)
    with pytest.raises(psycopg.Error, match="closed for good"):
        database.admin.execute(
            "update unbroken.continuity set closed_because = null, closed_at = null, closed_by = null"
        )


def test_receipts_are_kept_once_and_stay(database: Database, notary: Connection) -> None:
    for _ in range(2):
        notary.execute("select unbroken.store_receipt(%s, 'nas', 'directory', 3, %s, 'receipt', null)", (LOG, ROOT))
    found = notary.execute("select anchor, size, digest from unbroken.anchorings").fetchall()
    assert found == [("nas", 3, hashlib.sha256(b"receipt").digest())]
    with pytest.raises(psycopg.Error, match="append-only"):
        database.admin.execute("delete from unbroken.anchorings")


def test_keys_are_stated_by_entries(database: Database, notary: Connection) -> None:
    state = "select unbroken.store_key_statement(%s, %s, %s, %s)"
    refused(notary, "UB013", state, LOG, "rotated", "k2", "note")
    seq = value(notary, state, LOG, "first", "k1", "note")
    assert value(notary, state, LOG, "first", "k1", "note") == seq
    refused(notary, "UB013", state, LOG, "first", "k2", "another")
    assert value(notary, state, LOG, "rotated", "k2", "next") == seq + 1
    told = database.admin.execute(
        "select e.event_type, p.details::json ->> 'key'"
        " from unbroken.entries e join unbroken.payloads p using (log, seq) order by e.seq"
    ).fetchall()
    assert told == [("log.key_stated", "k1"), ("log.key_stated", "k2")]


def test_an_alarm_is_told_once_an_hour(notary: Connection) -> None:
    alarm = "select unbroken.raise_alarm(%s, %s, %s::jsonb)"
    assert value(notary, alarm, LOG, "log.anchoring_late", '{"size": 3}') == 1
    assert value(notary, alarm, LOG, "log.anchoring_late", '{"size": 3}') is None
    assert value(notary, alarm, LOG, "log.anchoring_late", '{"size": 4}') == 2
    refused(notary, "UB009", alarm, LOG, "log.erased", "{}")
    refused(notary, "UB009", alarm, LOG, "log.anchoring_late", '{"a": {"b": 1}}')
    refused(notary, "UB009", alarm, LOG, "log.anchoring_late", '{"a": 1.5}')


@pytest.mark.parametrize("login", ["writer", "verifier", "ops", "compliance", "dpo", "access"])
def test_only_the_notary_signs(database: Database, login: str) -> None:
    for statement in (
        STORE % ("'a'", "1", "''", "''", "0"),
        "select unbroken.close_log('a', 'b')",
        "select unbroken.raise_alarm('a', 'b', '{}')",
        "select unbroken.store_key_statement('a', 'first', 'b', 'c')",
    ):
        refused_to(login, database, "42501", statement)


def test_what_a_verifier_and_an_exporter_record(database: Database) -> None:
    with database.connect("verifier") as verifier, database.connect("compliance") as compliance:
        assert value(verifier, 'select unbroken.record_verification(%s, \'{"verdict": "proven"}\')', LOG) == 1
        refused(verifier, "UB009", "select unbroken.record_verification(%s, '[]')", LOG)
        export = "select unbroken.record_export(%s, %s, '{\"entries\": 2}')"
        refused(compliance, "UB007", export, LOG, "00000000-0000-4000-8000-000000000000")
        ticket = value(compliance, "select ticket from unbroken.open_ticket(%s, 'why', null, '{}', '1 min')", LOG)
        assert value(compliance, export, LOG, ticket) == 3
        refused_to("legal", database, "UB007", export, LOG, ticket)


def _forget_start(database: Database) -> None:
    """As if the server had been started anew."""
    database.admin.execute("update unbroken.continuity set started_at = started_at - interval '1 s'")


def _record(database: Database, count: int) -> None:
    with database.connect("writer") as writer:
        append(writer, [sent() for _ in range(count)])
