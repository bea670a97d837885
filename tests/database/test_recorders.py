"""What recorders say of themselves: whose id it is, that they have stopped, and which numbers may be missing."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database, add_log, add_login
from tests.database import raw
from tests.database.raw import Connection, append, sent
from tests.plain import draft
from unbroken.core.entry import StoredEntry
from unbroken.errors import UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.store.log_writer import LogWriter

Entries = Callable[[], list[StoredEntry]]


@pytest.fixture
def other(database: Database) -> Iterator[Connection]:
    """Another login that may write the same log."""
    add_login(database.admin, "other_writer", duty="writer")
    with database.connect("other_writer") as connection:
        yield connection


def note(**fields: Any) -> Draft:
    return draft("request", actor_id="u-1", actor_type="user", inputs="hello", **fields)


def own(entries: Entries, kind: str) -> list[dict[str, Any]]:
    """The details of the log's own entries of this type."""
    found = [entry for entry in entries() if json.loads(entry.event)["event_type"] == kind]
    return [json.loads(entry.details or b"null") for entry in found]


def refuse(connection: Connection, statement: str, *values: object) -> str | None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement, values)
    assert raw.MARKER not in raw.said(caught.value)
    return caught.value.sqlstate


@pytest.mark.parametrize("key", ["recorder", "recorder_seq"])
def test_every_event_says_whose_it_is(database: Database, writer: Connection, key: str) -> None:
    error = raw.refused(database, writer, [sent(), sent(**{key: None})])
    assert error.diag.message_detail == "1"


def test_a_recorder_belongs_to_the_login_that_used_it_first(
    database: Database, writer: Connection, other: Connection
) -> None:
    mine, theirs = raw.new_id(), raw.new_id()
    append(writer, [sent(recorder=mine)])
    error = raw.refused(database, other, [sent(recorder=theirs), sent(recorder=mine)])
    assert error.diag.message_detail == "1"
    append(other, [sent(recorder=theirs)])
    raw.refused(database, writer, [sent(recorder=theirs)])
    raw.both_accept(database)


def test_recorders_are_bound_log_by_log(database: Database, writer: Connection, other: Connection) -> None:
    add_log(database.admin, "second")
    add_login(database.admin, "other_writer", duty="writer", log="second")
    recorder = raw.new_id()
    append(writer, [sent(recorder=recorder)])
    append(other, [sent(recorder=recorder)], log="second")
    assert raw.both_accept(database, log="second") == 1


def test_a_recorder_that_closes_says_how_many_numbers_it_used(database: Database, entries: Entries) -> None:
    ledger = Ledger(lambda wait_s: LogWriter(database.conninfo("writer"), LOG, wait_s=wait_s))
    recorder = ledger.recorder
    ledger.record([note(), note(), note()])
    ledger.close()
    assert own(entries, "log.recorder_stopped") == [{"count": 3, "recorder": recorder}]
    last = entries()[-1]
    event = json.loads(last.event)
    assert (event["actor_id"], event["actor_type"], last.writer, last.session_seq) == (
        "writer",
        "system",
        "writer",
        None,
    )
    raw.both_accept(database)


def test_a_recorder_that_recorded_nothing_leaves_nothing(database: Database, entries: Entries) -> None:
    Ledger(lambda wait_s: LogWriter(database.conninfo("writer"), LOG, wait_s=wait_s)).close()
    assert entries() == []


def test_numbers_whose_outcome_is_unknown_are_declared(database: Database, entries: Entries) -> None:
    made: list[LogWriter] = []
    outage = {"on": False}

    class Breaks(LogWriter):
        def append(self, *args: Any, **options: Any) -> Any:
            if outage["on"]:
                self.close()
                raise UnavailableError("cut off")
            return super().append(*args, **options)

    def connect(wait_s: float) -> LogWriter:
        if outage["on"]:
            raise UnavailableError("no route")
        made.append(Breaks(database.conninfo("writer"), LOG, wait_s=wait_s))
        return made[-1]

    with closing(Ledger(connect, deadline_s=0.5)) as ledger:
        ledger.record([note()])
        outage["on"] = True
        lost = [note(), note()]
        with pytest.raises(Exception, match="may or may not"):
            ledger.record(lost)
        outage["on"] = False
        ledger.record([note()])
        expected = {"recorder": ledger.recorder, "reason": "unknown", "first": 2, "last": 3, "count": 2, "refused": []}
        (gap,) = own(entries, "log.gap")
        assert {**gap, "from": None, "to": None} == {**expected, "from": None, "to": None}
        assert [gap["from"], gap["to"]] == [lost[0].event.ts, lost[1].event.ts]
        numbers = [json.loads(entry.event).get("recorder_seq") for entry in entries()]
        assert numbers == [1, 4, None]
    raw.both_accept(database)


GAP = "select unbroken.declare_gap(%s, %s::uuid, %s, %s, %s, %s, %s, %s, %s::uuid[])"
EARLY, LATE = "2026-03-01T09:00:00.000000Z", "2026-03-01T10:00:00.000000Z"
GOOD: list[Any] = [LOG, raw.RECORDER, "outage", 1, 5, 5, EARLY, LATE, []]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (1, None),
        *((2, value) for value in (None, "", "other")),
        *((3, value) for value in (None, -1, 6, 2**53)),
        *((4, value) for value in (None, 0, 2**53)),
        *((5, value) for value in (None, -1)),
        *((6, value) for value in (None, raw.MARKER, "", "2026-03-01T11:00:00.000000Z", "2026-13-01T09:00:00.000000Z")),
        *((7, value) for value in (None, raw.MARKER)),
        *((8, value) for value in (None, [None], [raw.RECORDER] * 1001)),
    ],
)
def test_a_gap_is_told_in_numbers_and_times_and_nothing_else(writer: Connection, at: int, value: object) -> None:
    values = [*GOOD]
    values[at] = value
    assert refuse(writer, GAP, *values) == "UB002"


def test_what_a_recorder_says_of_itself_is_only_of_itself(
    database: Database, writer: Connection, other: Connection
) -> None:
    append(writer, [sent()])
    assert refuse(other, GAP, *GOOD) == "UB001"
    assert refuse(other, "select unbroken.stop_recorder(%s, %s::uuid, 1)", LOG, raw.RECORDER) == "UB001"
    assert refuse(writer, GAP, "second", *GOOD[1:]) == "UB003"
    assert refuse(writer, "select unbroken.stop_recorder(%s, %s::uuid, -1)", LOG, raw.RECORDER) == "UB002"
    writer.execute(GAP, GOOD)
    assert raw.both_accept(database) == 2


def test_the_logs_own_words_stay_its_own(database: Database, writer: Connection) -> None:
    for kind in ("log.gap", "log.recorder_stopped", "log.unlocked"):
        raw.refused(database, writer, [sent(event_type=kind)])


# ---- The lock ----


def test_whoever_sits_on_the_lock_is_ended_by_ops(database: Database, entries: Entries) -> None:
    sitter = psycopg.connect(database.conninfo("writer"))
    append(sitter, [sent()])
    pid = sitter.info.backend_pid
    with closing(sitter), database.connect("ops") as ops:
        statement = "select pid, login from unbroken.end_lock_holder(%s, '100 ms')"
        assert ops.execute(statement, (LOG,)).fetchall() == [(pid, "writer")]
        with pytest.raises(psycopg.OperationalError):
            sitter.execute("select 1")
        assert ops.execute(statement, (LOG,)).fetchall() == []
    assert own(entries, "log.unlocked") == [{"login": "writer", "pid": pid}]
    with database.connect("writer") as writer:
        append(writer, [sent()])
    assert raw.both_accept(database) == 2


def test_a_sitter_that_shares_the_row_with_others_is_found(database: Database) -> None:
    """A foreign key's check locks the same row, so that its xmax names several transactions."""
    sitter = psycopg.connect(database.conninfo("writer"))
    with closing(sitter), psycopg.connect(database.conninfo("postgres")) as granting, database.connect("ops") as ops:
        append(sitter, [sent()])
        granting.execute("select from unbroken.logs for key share")
        found = ops.execute("select pid from unbroken.end_lock_holder(%s, '50 ms')", (LOG,)).fetchall()
        assert found == [(sitter.info.backend_pid,)]


def test_one_who_lets_go_in_time_is_left_alone(database: Database) -> None:
    with database.connect("writer") as writer, database.connect("ops") as ops:
        append(writer, [sent()])
        assert ops.execute("select pid from unbroken.end_lock_holder(%s, '0 s')", (LOG,)).fetchall() == []
        append(writer, [sent()])


@pytest.mark.parametrize(
    ("log", "patience", "state"), [("nobody", "0 s", "UB003"), (LOG, "31 s", "UB002"), (LOG, "-1 s", "UB002")]
)
def test_the_watchdog_refuses_nonsense(database: Database, log: str, patience: str, state: str) -> None:
    with database.connect("ops") as ops:
        assert refuse(ops, "select unbroken.end_lock_holder(%s, %s::interval)", log, patience) == state


# ---- Early release ----


def test_what_an_early_release_acknowledges_is_there(database: Database, entries: Entries) -> None:
    connect = lambda wait_s: LogWriter(database.conninfo("writer"), LOG, wait_s=wait_s)  # noqa: E731
    with closing(Ledger(connect, early=True)) as ledger:
        receipts = ledger.record([note(), note()])
        assert [entry.seq for entry in entries()] == [receipt.seq for receipt in receipts]  # type: ignore[union-attr]
    raw.both_accept(database)


def test_a_barrier_misses_what_is_not_there(writer: Connection) -> None:
    (row,) = append(writer, [sent()])
    statement = "select unbroken.barrier(%s, %s::bigint, %s)"
    writer.execute(statement, (LOG, row.seq, row.hash))
    assert refuse(writer, statement, LOG, row.seq, bytes(32)) == "UB006"
    assert refuse(writer, statement, LOG, row.seq + 1, row.hash) == "UB006"


def test_an_early_release_leaves_the_session_as_it_was(writer: Connection) -> None:
    statement = raw._APPEND.replace("unbroken.append(", "unbroken.append_early(")
    before = writer.execute("show synchronous_commit").fetchone()
    writer.execute(statement, (LOG, *raw.columns_of([sent()])))
    assert writer.execute("show synchronous_commit").fetchone() == before
