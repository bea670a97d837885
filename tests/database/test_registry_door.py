"""The registry's versions: each with its entry, in order, for ever; and what no registry knows."""

import hashlib
import json
import threading
from typing import Any, LiteralString

import psycopg
import pytest

from tests.conftest import LOG, Database, add_log
from tests.database import raw
from tests.database.lock_waits import until_somebody_waits
from tests.database.raw import Connection, append, sent
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter

TEXT = '[redaction]\nprofile = "strict"\n'
LOAD: LiteralString = "select version, seq from unbroken.load_registry(%s, %s, 'a test')"
NOTE: LiteralString = "select unbroken.note_unclassified(%s, %s::text[], %s::text[])"


# ---- Versions ----


def test_nothing_loaded_is_version_zero(recording: LogWriter, compliance: LogReader) -> None:
    assert recording.registry() is None
    assert recording.registry_version() == 0
    assert compliance.registry() is None


def test_each_load_is_a_version_and_an_entry(recording: LogWriter, compliance: LogReader, database: Database) -> None:
    assert compliance.load_registry(TEXT, reason="first") == (1, 1)
    other = TEXT + "# größer 病人\n"
    assert compliance.load_registry(other, reason="second") == (2, 2)
    assert recording.registry() == (2, other)
    assert recording.registry_version() == 2
    digest = hashlib.sha256(other.encode()).hexdigest()
    newest, first = compliance.registry(), compliance.registry(1)
    assert newest is not None
    assert first is not None
    assert (newest.version, newest.text, newest.sha256, newest.loaded_by) == (2, other, digest, "compliance")
    assert (first.version, first.text) == (1, TEXT)
    assert first.loaded_at <= newest.loaded_at
    assert compliance.registry(3) is None
    entry = raw.read_all(database)[1]
    assert json.loads(entry.event)["event_type"] == "log.registry_loaded"
    assert json.loads(entry.details or b"") == {"version": 2, "sha256": digest, "reason": "second"}
    raw.both_accept(database)


def test_the_present_text_is_not_loaded_again(compliance: LogReader) -> None:
    compliance.load_registry(TEXT, reason="a test")
    assert compliance.load_registry(TEXT, reason="once more") == (1, 1)
    assert compliance.load_registry("", reason="nothing in it") == (2, 2)
    assert compliance.load_registry(TEXT, reason="back again") == (3, 3)


def test_each_log_has_versions_of_its_own(database: Database, compliance: LogReader) -> None:
    add_log(database.admin, "other.example/agents", "writer", "compliance")
    compliance.load_registry(TEXT, reason="a test")
    with LogReader(database.conninfo("compliance"), "other.example/agents", writes=True) as other:
        assert other.registry() is None
        assert other.load_registry(TEXT, reason="a test") == (1, 1)


def test_two_that_load_at_once_make_two_versions(database: Database, compliance: LogReader) -> None:
    loaded: list[tuple[int, int]] = []
    with database.connect("compliance") as first:
        with first.transaction():
            first.execute(LOAD, (LOG, TEXT))
            thread = threading.Thread(target=lambda: loaded.append(compliance.load_registry("# two", reason="x")))
            thread.start()
            until_somebody_waits(database)
        thread.join(20)
    assert loaded == [(2, 2)]


def test_a_registry_has_a_size_and_a_reason(compliance: LogReader) -> None:
    most = "#" + "é" * 524_287 + "x"
    assert len(most.encode()) == 1_048_576
    assert compliance.load_registry(most, reason="the largest") == (1, 1)
    with pytest.raises(ConfigurationError, match="1048576"):
        compliance.load_registry(most + "x", reason="larger")
    for reason in ("", " \n", "x" * 2001):
        with pytest.raises(ConfigurationError, match="say why"):
            compliance.load_registry(TEXT, reason=reason)


@pytest.mark.parametrize("login", ["writer", "server", "ops", "legal", "dpo", "verifier", "access", "retention"])
def test_only_compliance_loads(database: Database, login: str) -> None:
    with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(LOAD, (LOG, TEXT))


@pytest.mark.parametrize("login", ["writer", "server", "ops", "compliance", "legal", "dpo", "verifier", "access"])
def test_whoever_works_with_the_log_reads_it(database: Database, compliance: LogReader, login: str) -> None:
    compliance.load_registry(TEXT, reason="a test")
    with database.connect(login) as connection:
        rows = connection.execute("select version, text from unbroken.registry(%s)", (LOG,)).fetchall()
    assert rows == [(1, TEXT)]


@pytest.mark.parametrize("login", ["retention", "subjects"])
def test_others_do_not(database: Database, login: str) -> None:
    with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from unbroken.registry(%s)", (LOG,))


@pytest.mark.parametrize("login", ["writer", "compliance"])
def test_not_of_a_log_that_one_has_no_grant_for(database: Database, login: str) -> None:
    add_log(database.admin, "other.example/agents", "ops")
    with database.connect(login) as connection, pytest.raises(psycopg.errors.DatabaseError) as caught:
        connection.execute("select * from unbroken.registry('other.example/agents')")
    assert caught.value.sqlstate == "UB003"


# ---- What stands ----


TELL: LiteralString = """
select unbroken.append_own(1, 'log.registry_loaded', jsonb_build_object(
  'version', %(told_version)s::int, 'sha256', encode(sha256(%(told_text)s::bytea), 'hex'), 'reason', 'r'))
"""
PLANT: LiteralString = """
insert into unbroken.registries
values (1, %(version)s, %(text)s, encode(sha256(%(hashed)s::bytea), 'hex'), now(), %(login)s, %(seq)s)
"""
TOLD = {"told_version": 1, "told_text": "x", "version": 1, "text": "x", "hashed": "x", "login": "postgres", "seq": 2}


def plant(database: Database, **changed: Any) -> None:
    """A version with its entry, which is the log's second, put in by the owner."""
    given = TOLD | changed
    with database.admin.transaction(force_rollback=True):
        database.admin.execute("set local role unbroken_owner")
        database.admin.execute(TELL, given)
        database.admin.execute(PLANT, given)


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"told_version": 2, "version": 2},
        {"text": "y"},
        {"text": "y", "hashed": "y"},
        {"told_text": "y"},
        {"login": "compliance"},
        {"seq": 1},
        {"seq": 3},
    ],
    ids=str,
)
def test_a_version_is_planted_by_nobody(database: Database, writer: Connection, changed: dict[str, Any]) -> None:
    append(writer, [sent()])
    with pytest.raises(psycopg.errors.DatabaseError) as caught:
        plant(database, **changed)
    assert caught.value.sqlstate == "UB010"


def test_a_version_that_is_as_its_entry_says_is_let_in(database: Database, writer: Connection) -> None:
    """The control: what is refused above is refused for what differs."""
    append(writer, [sent()])
    plant(database)


@pytest.mark.parametrize(
    "statement", ["update unbroken.{} set log = log", "delete from unbroken.{}", "truncate unbroken.{}"]
)
@pytest.mark.parametrize("table", ["registries", "unclassified"])
def test_versions_and_notes_stay_as_they_are(
    database: Database, recording: LogWriter, compliance: LogReader, statement: str, table: str
) -> None:
    compliance.load_registry(TEXT, reason="a test")
    recording.note_unclassified([("tool", "wire")])
    with pytest.raises(psycopg.errors.DatabaseError) as caught:
        database.admin.execute(statement.format(table).encode())
    assert caught.value.sqlstate == "UB010"


# ---- What no registry knows ----


def test_what_is_unknown_is_noted_once(recording: LogWriter, database: Database) -> None:
    recording.note_unclassified([("tool", "wire"), ("source", "ehr"), ("tool", "wire")])
    recording.note_unclassified([("resource", "patient"), ("tool", "wire")])
    recording.note_unclassified([])
    with LogReader(database.conninfo("ops"), LOG) as ops:
        noted = ops.unclassified()
    assert {(each.kind, each.name) for each in noted} == {("tool", "wire"), ("source", "ehr"), ("resource", "patient")}
    assert noted[-1].kind == "resource"


def test_many_are_noted(recording: LogWriter, compliance: LogReader) -> None:
    recording.note_unclassified([("tool", f"t-{number}") for number in range(250)])
    assert len(compliance.unclassified()) == 250


def test_a_log_has_room_for_so_many_and_drops_the_rest(recording: LogWriter, database: Database) -> None:
    database.admin.execute(
        "insert into unbroken.unclassified (log, kind, name)"
        " select 1, 'tool', 't-' || n from generate_series(1, 9999) n"
    )
    recording.note_unclassified([("tool", "x-1"), ("tool", "x-2"), ("tool", "t-1")])
    recording.note_unclassified([("tool", "x-3")])
    noted = database.admin.execute("select name from unbroken.unclassified where name ^@ 'x-'").fetchall()
    assert noted == [("x-1",)]


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        ([], []),
        (None, None),
        (["tool"], ["a", "b"]),
        (["thing"], ["a"]),
        (["tool"], [""]),
        (["tool"], [None]),
        ([None], ["a"]),
        (["tool"], ["é" * 513]),
        (["tool"] * 101, [f"t-{number}" for number in range(101)]),
        ([["tool"]], [["a"]]),
    ],
)
def test_what_is_no_note_is_refused(writer: Connection, kinds: Any, names: Any) -> None:
    with pytest.raises(psycopg.errors.DatabaseError) as caught:
        writer.execute(NOTE, (LOG, kinds, names))
    assert caught.value.sqlstate == "UB009"


def test_two_that_note_the_same_in_other_orders_do_not_wait_for_each_other_for_ever(database: Database) -> None:
    names = [f"t-{number}" for number in range(80)]
    done: list[str] = []
    begin = threading.Barrier(2)

    def run(login: str, listed: list[str]) -> None:
        with database.connect(login) as connection:
            begin.wait(20)
            for start in range(0, 80, 20):
                with connection.transaction():
                    connection.execute(NOTE, (LOG, ["tool"] * 20, listed[start : start + 20]))
        done.append(login)

    threads = [
        threading.Thread(target=run, args=("writer", names)),
        threading.Thread(target=run, args=("server", [*reversed(names)])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == ["server", "writer"]
    assert database.admin.execute("select count(*) from unbroken.unclassified").fetchone() == (80,)


def test_noting_waits_for_no_log(database: Database, recording: LogWriter) -> None:
    with database.connect("server") as other, other.transaction():
        append(other, [sent(recorder=raw.new_id())])
        recording.note_unclassified([("tool", "wire")], wait_s=2)


@pytest.mark.parametrize("login", ["ops", "compliance", "verifier"])
def test_only_who_records_notes(database: Database, login: str) -> None:
    with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(NOTE, (LOG, ["tool"], ["wire"]))


@pytest.mark.parametrize("login", ["writer", "server", "verifier", "access", "retention"])
def test_others_do_not_see_what_was_noted(database: Database, login: str) -> None:
    with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from unbroken.unclassified(%s)", (LOG,))


def test_who_has_no_grant_does_not_either(database: Database) -> None:
    add_log(database.admin, "other.example/agents", "writer")
    with LogReader(database.conninfo("ops"), LOG) as ops, pytest.raises(AccessDeniedError):
        ops._rows("unclassified", ("other.example/agents",))
