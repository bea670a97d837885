"""Continuing a log under its next incarnation: what goes along, what stays, and that the old one is closed for ever."""

import json
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database.losing import ANCHORED, CONTINUE, NEW, OLD, continued, end_of
from tests.database.raw import Connection, append, new_id, sent
from unbroken.errors import ContinuityError, ContradictionError
from unbroken.store.administration import as_owner
from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_log


def value(connection: Connection, statement: str, *given: object) -> Any:
    row = connection.execute(statement, given).fetchone()
    return None if row is None else row[0]


def record(database: Database, count: int = 1, **fields: Any) -> None:
    with database.connect("writer") as writer:
        for _ in range(count):
            append(writer, [sent(**fields)])


def details_of(database: Database, log: str, seq: int) -> Any:
    return json.loads(
        value(
            database.admin,
            "select p.details from unbroken.payloads p join unbroken.logs l on l.log = p.log"
            " where l.origin || '~' || l.incarnation = %s and p.seq = %s",
            log,
            seq,
        )
    )


def refused(connection: Connection, state: str, statement: str, *given: object) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement, given)
    assert caught.value.sqlstate == state


def test_the_first_entry_names_what_was_kept_and_what_was_lost(database: Database) -> None:
    record(database, 3)
    kept, digest = end_of(database, OLD)
    assert continued(database)[0] == NEW
    assert details_of(database, NEW, 1) == {
        "after": OLD,
        "kept": kept,
        "kept_hash": digest.hex(),
        "anchored": ANCHORED,
        "lost_from": kept + 1,
        "lost_to": 5,
        "reason": "the disk failed",
    }
    with LogReader(database.conninfo("verifier"), NEW) as reader:
        assert verify_log(reader).findings == ()
    with LogReader(database.conninfo("verifier"), OLD) as reader:
        assert verify_log(reader).head.seq == kept


def test_without_a_later_anchor_no_loss_is_named(database: Database) -> None:
    record(database, 3)
    continued(database, anchored={**ANCHORED, "size": 3})
    assert not {"lost_from", "lost_to"} & details_of(database, NEW, 1).keys()


def test_a_log_that_goes_on_meanwhile_is_not_continued_from_an_older_end(database: Database) -> None:
    record(database, 2)
    kept, digest = end_of(database, OLD)
    record(database)
    with pytest.raises(ContradictionError), as_owner(database.admin):
        database.admin.execute(CONTINUE, (OLD, kept, digest, kept + 1, None, "why", [], []))
    assert value(database.admin, "select count(*) from unbroken.logs") == 1


def test_continuing_again_changes_nothing(database: Database) -> None:
    record(database)
    assert continued(database) == continued(database)
    assert value(database.admin, "select count(*) from unbroken.logs") == 2


def test_what_comes_goes_to_the_newest_and_the_old_one_stays_as_it_was(database: Database) -> None:
    record(database, 2)
    before = end_of(database, OLD)
    continued(database)
    start = end_of(database, NEW)[0]
    record(database, 2)
    assert end_of(database, NEW)[0] == start + 2
    assert end_of(database, OLD) == before


def test_an_append_that_waited_for_the_lock_does_not_get_into_the_old_one(database: Database) -> None:
    record(database)
    before = end_of(database, OLD)
    old = value(database.admin, "select log from unbroken.logs")
    continued(database)
    # As one that looked the log up before and came to its lock after.
    with pytest.raises(ContinuityError), as_owner(database.admin):
        database.admin.execute("select unbroken.chain(%s, 'w', null, '{e}', '{}', '{}')", (old,))
    assert end_of(database, OLD) == before


def test_duties_go_along_each_with_its_entry_and_the_newest_says_who_has_them(database: Database) -> None:
    record(database)
    active = "select count(*) from unbroken.grants where revoked_at is null"
    held = value(database.admin, active)
    row = continued(database, without_logins=("ops",))
    assert row[1] == held - 1
    told = "select count(*) from unbroken.entries where event_type = 'access_granted' and log = 2"
    assert value(database.admin, told.replace("= 2", "= (select max(log) from unbroken.logs)")) == held - 1
    with database.connect("ops") as ops:
        # Not even the old one: its grant there counts for nothing any more.
        refused(ops, "UB003", "select * from unbroken.log_head(%s)", OLD)
    with database.connect("verifier") as verifier:
        assert value(verifier, "select seq from unbroken.log_head(%s)", OLD) == end_of(database, OLD)[0]


def test_a_login_left_out_records_into_neither(database: Database) -> None:
    record(database)
    before = end_of(database, OLD)
    continued(database, without_logins=("writer",))
    with database.connect("writer") as writer, pytest.raises(psycopg.Error) as caught:
        append(writer, [sent()])
    assert caught.value.sqlstate == "UB003"
    assert end_of(database, OLD) == before


def test_people_keep_their_pseudonyms_but_for_those_who_were_erased(database: Database) -> None:
    pseudonyms = [f"p-{n:032x}" for n in range(3)]
    identify = "select unbroken.identify(%s, %s, %s, %s)"
    lookups = [bytes([n]) * 32 for n in range(3)]
    with database.connect("writer") as writer:
        writer.execute(identify, (LOG, lookups, pseudonyms, [b"sealed"] * 3))
        append(writer, [sent()])
        assert continued(database, without_people=(pseudonyms[1],))[2] == 2
        other = [f"p-{n:032x}" for n in range(7, 10)]
        found = value(writer, identify, LOG, lookups, other, [b"sealed"] * 3)
    assert found == [pseudonyms[0], other[1], pseudonyms[2]]


def test_reading_the_old_one_is_told_in_the_newest(database: Database) -> None:
    record(database, 2)
    continued(database)
    before = end_of(database, OLD)
    with LogReader(database.conninfo("compliance"), OLD, writes=True) as reader:
        ticket = reader.open_ticket(purpose="test")
        assert [entry.seq for lot in reader.entries() for entry in lot] == list(range(1, before[0] + 1))
        seq = reader.close_ticket(ticket, outcome="complete", count=0, digest="0" * 64)
    assert end_of(database, OLD) == before
    assert end_of(database, NEW)[0] == seq
    assert details_of(database, NEW, ticket.seq)["log"] == OLD
    with LogReader(database.conninfo("verifier"), NEW) as reader:
        assert verify_log(reader).findings == ()


def test_a_recorder_finds_what_an_earlier_incarnation_holds(database: Database) -> None:
    kept, lost = sent(), sent()
    with database.connect("writer") as writer:
        append(writer, [kept])
        continued(database)
        ids = [json.loads(str(each.text))["id"] for each in (kept, lost)]
        rows = writer.execute(
            "select id::text, log, state, seq from unbroken.earlier_receipts(%s, %s::uuid[], %s)",
            (LOG, ids, [None, None]),
        ).fetchall()
    assert [row[:3] for row in rows] == [(ids[0], OLD, "present")]


@pytest.mark.parametrize("is_continued", [False, True])
@pytest.mark.parametrize(("ids", "hashes"), [(0, 0), (5001, 5001), (2, 1)])
def test_earlier_ones_are_asked_for_in_lots_whether_or_not_there_are_any(
    database: Database, ids: int, hashes: int, is_continued: bool
) -> None:
    with database.connect("writer") as writer:
        append(writer, [sent()])
        if is_continued:
            continued(database)
        with pytest.raises(psycopg.Error) as caught:
            writer.execute(
                "select * from unbroken.earlier_receipts(%s, %s::uuid[], %s::bytea[])",
                (LOG, [new_id()] * ids, [None] * hashes),
            )
    assert caught.value.sqlstate == "UB002"


def test_the_registry_goes_along(database: Database) -> None:
    with LogReader(database.conninfo("compliance"), LOG, writes=True) as reader:
        reader.load_registry("version = 1\n", reason="first")
        reader.load_registry("version = 1\n# more\n", reason="second")
    record(database)
    assert continued(database)[3] == 2
    with LogReader(database.conninfo("compliance"), LOG) as reader:
        newest = reader.registry()
    assert newest is not None
    assert (newest.version, newest.text) == (1, "version = 1\n# more\n")
