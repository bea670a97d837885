"""Detection: a superuser takes the guards away and changes what is stored; verification finds it and says where."""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, SHARED, Database, Server, add_log
from tests.database import raw
from tests.plain import draft, import_chat
from unbroken.core.entry import Head, hash_of, line_of
from unbroken.core.keyed import LogKey
from unbroken.errors import AccessDeniedError
from unbroken.ledger.ledger import Ledger
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.verify.finding import Finding, Kind, Report
from unbroken.verify.run import verify_log, verify_range, verify_session

CONVERSATIONS = SHARED / "data" / "airline" / "conversations.json"
TAMPERINGS = 1000
FEW_TAMPERINGS = 200
SEED = 20260301

Row = dict[str, Any]


# ---- 1,000 single bytes of real conversations ----


@pytest.fixture(scope="module")
def library(server: Server) -> Iterator[Database]:
    """A hundred real conversations where they are at hand, some entries that use every column, and no guards."""
    with raw.database_on(server) as database:
        for name in ("second", "third"):
            add_log(database.admin, name)
        with closing(Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG), key=LogKey.generate())) as ledger:
            if CONVERSATIONS.exists():
                import_chat(ledger, [CONVERSATIONS])
            else:
                ledger.record([plain(n) for n in range(3000)])
            ledger.record([full(n) for n in range(200)])
        database.disarm()
        database.admin.execute("set synchronous_commit = off")
        yield database


def plain(number: int) -> Any:
    text = {"text": f"message {number}, größer"}
    return draft("request", actor_id="p-1", actor_type="user", session_id=f"s{number % 100}", inputs=text)


def full(number: int) -> Any:
    return draft(
        "tool_call",
        actor_id=f"p-{number}",
        actor_type="agent",
        agent_id="triage",
        session_id=f"full-{number % 7}",
        tool="move_visit",
        side_effect=number % 2 == 0,
        decision={"outcome": "denied", "by": "d-1"},
        resource_type="visit",
        resource_id=f"v-{number}",
        inputs={"visit": number, "note": "größer"},
        outputs=[number],
        details=None,
    )


@dataclass(frozen=True)
class Tampering:
    """One change of one byte, and what verification has to say of it."""

    table: str
    column: str
    key: tuple[int, int]
    before: Any
    after: Any
    kind: str
    part: str | None = None
    moved: bool = False


TEXT_COLUMNS = ("event_type", "actor_id", "agent_id", "session_id", "tool", "outcome", "resource_type", "resource_id")
ENTRY_COLUMNS = (
    *(
        "hash",
        "prev_hash",
        "event",
        "writer",
        "principal",
        "recorded_at",
        "session_seq",
        "seq",
        "log",
        "id",
        "side_effect",
    ),
    *TEXT_COLUMNS,
)
PAYLOAD_COLUMNS = ("inputs", "inputs_salt", "outputs", "outputs_salt", "details", "details_salt", "seq", "log")
COLUMNS = [
    *(("entries", column) for column in ENTRY_COLUMNS),
    *(("payloads", column) for column in PAYLOAD_COLUMNS),
]


def flipped(random_: random.Random, value: bytes) -> bytes:
    at, bit = random_.randrange(len(value)), 1 << random_.randrange(8)
    return value[:at] + bytes([value[at] ^ bit]) + value[at + 1 :]


def flipped_text(random_: random.Random, value: str | None) -> str:
    """Another text that differs in one bit of one byte and that PostgreSQL can hold; one byte in place of none."""
    if value is None:
        return random_.choice("abc")
    while True:
        changed = flipped(random_, value.encode())
        try:
            if b"\x00" not in changed:
                return changed.decode()
        except UnicodeDecodeError:
            continue


def tampering(random_: random.Random, entries: dict[int, Row], payloads: dict[int, Row]) -> Tampering:
    """A random one, over all columns of both tables alike."""
    while True:
        table, column = random_.choice(COLUMNS)
        rows = entries if table == "entries" else payloads
        made = changed(random_, table, column, rows[random_.choice(list(rows))], last=max(entries))
        if made is not None:
            return made


def changed(random_: random.Random, table: str, column: str, row: Row, *, last: int) -> Tampering | None:
    """The change of one byte of this column, or ``None`` where it has none that could be stored."""
    before, key = row[column], (row["log"], row["seq"])
    if column in ("log", "seq"):
        after = 3 if column == "log" else before ^ (1 << random_.randrange(20))
        taken = column == "seq" and after <= last
        return None if taken else Tampering(table, column, key, before, after, "missing", moved=True)
    if table == "payloads":
        if before is None:
            return None
        after = flipped(random_, before) if column.endswith("_salt") else flipped_text(random_, before)
        return Tampering(table, column, key, before, after, "altered_payload", column.removesuffix("_salt"))
    after = _CHANGES.get(column, flipped_text)(random_, before)
    kind = "altered_entry" if column in IN_LINE else "column_disagrees"
    return Tampering(table, column, key, before, after, kind)


def flipped_number(random_: random.Random, value: int | None) -> int:
    return 1 if value is None else value ^ (1 << random_.randrange(40))


def flipped_id(random_: random.Random, value: str) -> str:
    return str(uuid.UUID(bytes=flipped(random_, uuid.UUID(value).bytes)))


IN_LINE = ("hash", "prev_hash", "event", "writer", "principal", "recorded_at", "session_seq")
_CHANGES: dict[str, Callable[[random.Random, Any], Any]] = {
    "hash": flipped,
    "prev_hash": flipped,
    "recorded_at": flipped_number,
    "session_seq": flipped_number,
    "side_effect": lambda _, value: not value,
    "id": flipped_id,
}
_PLAIN = sql.SQL("update unbroken.{} set {} = %(value)s where log = %(log)s and seq = %(seq)s")
_TIME = sql.SQL(
    "update unbroken.{} set {} = timestamptz 'epoch' + %(value)s * interval '1 microsecond'"
    " where log = %(log)s and seq = %(seq)s"
)


def put(database: Database, change: Tampering, *, value: Any, seq: int, log: int) -> None:
    template = _TIME if change.column == "recorded_at" else _PLAIN
    statement = template.format(sql.Identifier(change.table), sql.Identifier(change.column))
    cursor = database.admin.execute(statement, {"value": value, "log": log, "seq": seq})
    assert cursor.rowcount == 1


def tamper(database: Database, change: Tampering) -> None:
    log, seq = change.key
    put(database, change, value=change.after, seq=seq, log=log)


def restore(database: Database, change: Tampering) -> None:
    log, seq = change.key
    now = {"log": log, "seq": seq} | ({change.column: change.after} if change.column in ("log", "seq") else {})
    put(database, change, value=change.before, **now)


def rows_of(database: Database, table: str) -> dict[int, Row]:
    """The first log's rows of a table by seq; times in microseconds since 1970."""
    cursor = database.admin.execute(sql.SQL("select * from unbroken.{} where log = 1").format(sql.Identifier(table)))
    names = [column.name for column in cursor.description or ()]
    rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    for row in rows if table == "entries" else ():
        row["recorded_at"] = (row["recorded_at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        row["id"] = str(row["id"])
    return {row["seq"]: row for row in rows}


def groups(changes: list[Tampering]) -> Iterator[list[Tampering]]:
    """Changes that are verified together: what was moved alone, the others by five, no two of them side by side."""
    group: list[Tampering] = []
    for change in changes:
        close = any(abs(change.key[1] - other.key[1]) < 2 for other in group)
        if group and (change.moved or group[0].moved or close or len(group) == 5):
            yield group
            group = []
        group.append(change)
    yield group


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [FEW_TAMPERINGS, pytest.param(TAMPERINGS, marks=pytest.mark.long)])
def test_each_of_many_random_single_byte_tamperings_is_found_and_named(library: Database, number: int) -> None:
    random_ = random.Random(SEED)  # noqa: S311 - the same changes in every run
    entries, payloads = rows_of(library, "entries"), rows_of(library, "payloads")
    changes = sorted((tampering(random_, entries, payloads) for _ in range(number)), key=lambda change: change.moved)
    assert {(change.table, change.column) for change in changes} == {*COLUMNS}
    with LogReader(library.conninfo("verifier"), LOG) as reader:
        head = reader.head()
        assert head.seq > 3000
        assert verify_log(reader, expect=head).verdict == "proven"
        checked = 0
        for group in groups(changes):
            for change in group:
                tamper(library, change)
            report = verify_log(reader, expect=head)
            for change in group:
                restore(library, change)
            named(group, report, head)
            checked += len(group)
        assert checked == number
        assert verify_log(reader, expect=head).verdict == "proven"


def named(group: list[Tampering], report: Report, head: Head) -> None:
    """Demands that the report names each change at its entry, and nothing else."""
    assert report.verdict == "findings", group
    found = Counter(place(finding) for finding in report.findings)
    if not group[0].moved:
        assert found == Counter((change.kind, change.key[1], change.part) for change in group)
        return
    # What was moved leaves a hole, and turns up after the end or in another log.
    (change,) = group
    seq = change.key[1]
    kinds = {kind for kind, where, _ in found if where == seq}
    assert kinds & {"missing", "truncated"}, (change, report.findings)
    assert {where for _, where, _ in found} <= {seq, head.seq, head.seq + 1, head.seq + 2}, (change, report.findings)


# ---- A small log, on every server ----


@dataclass(frozen=True)
class Small:
    """A log of ten entries in two sessions, without guards, and the head that was kept outside."""

    database: Database
    head: Head

    def do(self, statement: str, *values: Any) -> None:
        self.database.admin.execute(statement.encode(), values)

    def cut(self, *tables: str) -> None:
        """Removes everything after entry 7 from these tables."""
        for table in tables:
            statement = sql.SQL("delete from unbroken.{} where seq > 7").format(sql.Identifier(table))
            self.database.admin.execute(statement)

    def report(self, *, expect: Head | None = None, kept: Head | None = None) -> Report:
        return raw.report(self.database, expect=expect, kept=kept)

    def found(self, *, expect: Head | None = None) -> list[tuple[str, int, str | None]]:
        return [place(finding) for finding in self.report(expect=expect).findings]


def place(finding: Finding) -> tuple[str, int, str | None]:
    return finding.kind, finding.seq, finding.part


@pytest.fixture(scope="module")
def small_made(server: Server) -> Iterator[Small]:
    """To be copied: nobody is connected to it."""
    with raw.database_on(server) as database:
        add_log(database.admin, "second")
        with database.connect("writer") as writer:
            for number in range(1, 11):
                parts = {"inputs": f'{{"n":{number}}}', "outputs": '"é"'} if number % 2 else {}
                session = {0: "a", 1: "b"}.get(number % 3)
                batch = [raw.sent(parts, session_id=session, tool="t", agent_id="a", side_effect=True, resource_id="r")]
                received = raw.append(writer, batch)
        database.disarm()
        head = Head(10, received[-1].hash.hex())
        assert raw.report(database, expect=head).verdict == "proven"
        database.admin.close()
        yield Small(database, head)


@pytest.fixture
def small(small_made: Small) -> Iterator[Small]:
    with raw.database_on(small_made.database.server, small_made.database.name) as database:
        yield Small(database, small_made.head)


def test_a_removed_row_is_missing(small: Small) -> None:
    small.do("delete from unbroken.entries where seq = 4")
    assert small.found() == [("missing", 4, None)]
    assert small.report(expect=small.head).verdict == "findings"


def test_removed_rows_in_a_run_are_one_finding(small: Small) -> None:
    small.do("delete from unbroken.entries where seq between 3 and 6")
    small.do("delete from unbroken.payloads where seq between 3 and 6")
    small.do("delete from unbroken.event_ids where seq between 3 and 6")
    assert small.found() == [("missing", 3, None)]


def test_the_first_row_removed_is_missing(small: Small) -> None:
    small.do("delete from unbroken.entries where seq = 1")
    assert ("missing", 1, None) in small.found()


def test_two_rows_swapped_are_altered(small: Small) -> None:
    small.do("update unbroken.entries set seq = 1000000 where seq = 4")
    small.do("update unbroken.entries set seq = 4 where seq = 5")
    small.do("update unbroken.entries set seq = 5 where seq = 1000000")
    found = small.found()
    assert ("altered_entry", 4, None) in found
    assert ("altered_entry", 5, None) in found
    # What follows linked to the one that stood last: it may be told as a fork.
    assert {seq for _, seq, _ in found} <= {4, 5, 6}


def test_a_tail_cut_in_all_tables_needs_an_outside_head(small: Small) -> None:
    small.cut("entries", "payloads", "event_ids")
    small.do("update unbroken.sessions set entries = 2, last_seq = 6 where session_id = 'a'")
    small.do("update unbroken.sessions set entries = 3, last_seq = 7 where session_id = 'b'")
    assert small.found() == []
    assert small.report().verdict == "consistent"
    for report in (small.report(expect=small.head), small.report(kept=small.head)):
        assert [place(finding) for finding in report.findings] == [("truncated", 8, None)]


@pytest.mark.parametrize("witness", ["payloads", "event_ids", "sessions"])
def test_a_tail_cut_that_another_table_still_knows_of_is_found(small: Small, witness: str) -> None:
    small.cut(*({"entries", "payloads", "event_ids"} - {witness}))
    if witness != "sessions":
        small.do("update unbroken.sessions set entries = 2, last_seq = 6 where session_id = 'a'")
        small.do("update unbroken.sessions set entries = 3, last_seq = 7 where session_id = 'b'")
    assert ("truncated", 8, None) in small.found()


def test_a_log_emptied_of_entries_is_truncated(small: Small) -> None:
    small.do("truncate unbroken.entries")
    assert ("truncated", 1, None) in small.found()
    for table in ("payloads", "event_ids", "sessions", "recorders"):
        small.do(f"truncate unbroken.{table}")
    assert small.found() == [("table_disagrees", 0, "retention_classes")]
    small.do("truncate unbroken.retention_classes cascade")
    assert small.found() == []
    assert small.found(expect=small.head) == [("truncated", 1, None)]


def rewrite(small: Small, *, first: int, change: Callable[[Row], None]) -> None:
    """Makes every hash from ``first`` on fit a change of that entry, as whoever owns the whole log can."""
    rows = small.database.admin.execute(
        "select seq, session_seq, writer, event, prev_hash, hash, to_char(recorded_at at time zone 'UTC',"
        ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') from unbroken.entries where seq >= %s order by seq',
        (first,),
    ).fetchall()
    previous: bytes | None = None
    for seq, session_seq, writer, event, prev_hash, _, recorded_at in rows:
        row: Row = {"event": event, "writer": writer, "prev_hash": previous or prev_hash, "session_seq": session_seq}
        if seq == first:
            change(row)
        line = line_of(
            row["event"].encode(),
            log=f"{LOG}~1",
            prev_hash=row["prev_hash"].hex(),
            principal=None,
            recorded_at=recorded_at,
            seq=seq,
            session_seq=row["session_seq"],
            writer=row["writer"],
        )
        previous = hash_of(line)
        small.do(
            "update unbroken.entries set event = %s, writer = %s, prev_hash = %s, session_seq = %s, hash = %s"
            " where seq = %s",
            *(row["event"], row["writer"], row["prev_hash"], row["session_seq"], previous, seq),
        )


def test_a_consistent_rewrite_is_found_by_the_outside_head_alone(small: Small) -> None:
    rewrite(small, first=4, change=lambda row: row.update(writer="mallory"))
    assert small.found() == []
    assert small.report().verdict == "consistent"
    assert small.found(expect=small.head) == [("forked", 10, None)]
    report = small.report(kept=small.head)
    assert [place(finding) for finding in report.findings] == [("forked", 10, None)]


def test_a_rewrite_of_one_entry_forks(small: Small) -> None:
    def change(row: Row) -> None:
        row["prev_hash"] = b"\x07" * 32

    rewrite(small, first=4, change=change)
    assert small.found() == [("forked", 4, None)]


def test_a_rewritten_event_that_is_not_canonical_is_told(small: Small) -> None:
    rewrite(small, first=4, change=lambda row: row.update(event=row["event"].replace(",", ", ", 1)))
    assert ("non_canonical", 4, None) in small.found()


def test_a_rewritten_session_number_is_a_gap(small: Small) -> None:
    rewrite(small, first=6, change=lambda row: row.update(session_seq=row["session_seq"] + 1))
    assert ("session_gap", 6, None) in small.found()


def test_a_row_planted_twice_is_a_duplicate(small: Small) -> None:
    small.do("alter table unbroken.entries drop constraint entries_pkey")
    small.do("insert into unbroken.entries select * from unbroken.entries where seq = 4")
    assert ("duplicate", 4, None) in small.found()


def test_a_payload_planted_twice_is_found(small: Small) -> None:
    small.do("alter table unbroken.payloads drop constraint payloads_pkey")
    small.do("insert into unbroken.payloads select * from unbroken.payloads where seq = 3")
    assert small.report().verdict == "findings"
    assert {seq for _, seq, _ in small.found()} == {3}


def test_an_entry_of_another_log_is_found(small: Small) -> None:
    small.do(
        "insert into unbroken.entries"
        " select 2, e.seq, e.session_seq, e.recorded_at, e.writer, e.principal, e.prev_hash,"
        " e.hash, e.event, e.id, e.event_type, e.actor_id, e.agent_id, e.session_id, e.tool, e.side_effect, e.outcome,"
        " e.resource_type, e.resource_id from unbroken.entries e where log = 1"
    )
    report = raw.report(small.database, log="second")
    assert report.verdict == "findings"
    assert ("altered_entry", 1) in {(finding.kind, finding.seq) for finding in report.findings}
    assert small.report(expect=small.head).verdict == "proven"


# ---- Tables beside the entries ----


TABLE_CHANGES: dict[str, tuple[str, list[tuple[str, int]]]] = {
    "id row removed": ("delete from unbroken.event_ids where seq = 4", [("column_disagrees", 4)]),
    "id row of the last removed": ("delete from unbroken.event_ids where seq = 10", [("column_disagrees", 10)]),
    "id row names another seq": (
        "update unbroken.event_ids set seq = 5 where seq = 4",
        [("column_disagrees", 4), ("column_disagrees", 5)],
    ),
    "id row names a seq to come": ("update unbroken.event_ids set seq = 77 where seq = 4", [("column_disagrees", 4)]),
    "id row names another id": (
        "update unbroken.event_ids set id = '00000000-0000-4000-8000-000000000000' where seq = 4",
        [("column_disagrees", 4)],
    ),
    "id planted for an entry": (
        "insert into unbroken.event_ids values (1, '00000000-0000-4000-8000-000000000000', 4)",
        [("column_disagrees", 4)],
    ),
    "id planted for the future": (
        "insert into unbroken.event_ids values (1, '00000000-0000-4000-8000-000000000000', 11)",
        [("truncated", 11)],
    ),
    "id planted at 0": (
        "insert into unbroken.event_ids values (1, '00000000-0000-4000-8000-000000000000', 0)",
        [("column_disagrees", 0)],
    ),
    "session row removed": ("delete from unbroken.sessions where session_id = 'a'", [("column_disagrees", 9)]),
    "session count changed": (
        "update unbroken.sessions set entries = 2 where session_id = 'a'",
        [("column_disagrees", 9)],
    ),
    "session begins elsewhere": (
        "update unbroken.sessions set first_seq = 2 where session_id = 'a'",
        [("column_disagrees", 9)],
    ),
    "session ends earlier": (
        "update unbroken.sessions set last_seq = 8 where session_id = 'a'",
        [("column_disagrees", 9)],
    ),
    "session renamed": (
        "update unbroken.sessions set session_id = 'c' where session_id = 'a'",
        [("column_disagrees", 3), ("column_disagrees", 9)],
    ),
    "session planted": ("insert into unbroken.sessions values (1, 'c', 1, 2, 2)", [("column_disagrees", 2)]),
    "empty session id planted": ("insert into unbroken.sessions values (1, '', 1, 2, 2)", [("column_disagrees", 2)]),
    "session planted beyond the end": ("insert into unbroken.sessions values (1, 'c', 1, 12, 12)", [("truncated", 11)]),
    "payload row removed": ("delete from unbroken.payloads where seq = 3", [("missing", 3), ("missing", 3)]),
    "payload planted for an entry": (
        "insert into unbroken.payloads values (1, 4, '1', '\\x00', null, null, null, null)",
        [("commitment_wrong", 4)],
    ),
    "payload planted for the future": (
        "insert into unbroken.payloads values (1, 11, '1', '\\x00', null, null, null, null)",
        [("truncated", 11)],
    ),
    "empty payload planted": ("insert into unbroken.payloads (log, seq) values (1, 4)", []),
    "payload moved to another entry": (
        "update unbroken.payloads set seq = 4 where seq = 3",
        [("missing", 3), ("missing", 3), ("commitment_wrong", 4), ("commitment_wrong", 4)],
    ),
    "payload part moved to another part": (
        (
            "update unbroken.payloads set details = inputs, details_salt = inputs_salt,"
            " inputs = null, inputs_salt = null where seq = 3"
        ),
        [("missing", 3), ("commitment_wrong", 3)],
    ),
    "payload parts exchanged": (
        (
            "update unbroken.payloads set inputs = outputs, inputs_salt = outputs_salt, outputs = inputs,"
            " outputs_salt = inputs_salt where seq = 3"
        ),
        [("altered_payload", 3), ("altered_payload", 3)],
    ),
    "payload taken from another entry": (
        (
            "update unbroken.payloads p set inputs = o.inputs, inputs_salt = o.inputs_salt from unbroken.payloads o"
            " where p.seq = 3 and o.seq = 5"
        ),
        [("altered_payload", 3)],
    ),
    "value without salt": ("update unbroken.payloads set inputs_salt = null where seq = 3", [("commitment_wrong", 3)]),
    "salt without value": ("update unbroken.payloads set inputs = null where seq = 3", [("missing", 3)]),
    "salt where nothing was": (
        "update unbroken.payloads set details_salt = '\\x00' where seq = 3",
        [("commitment_wrong", 3)],
    ),
    "salt cut short": (
        "update unbroken.payloads set inputs_salt = substr(inputs_salt, 1, 31) where seq = 3",
        [("commitment_wrong", 3)],
    ),
    "bytes moved from value to salt": (
        (
            "update unbroken.payloads set inputs_salt = inputs_salt || convert_to(left(inputs, 1), 'UTF8'),"
            " inputs = substr(inputs, 2) where seq = 3"
        ),
        [("commitment_wrong", 3)],
    ),
    "clock at infinity": ("update unbroken.entries set recorded_at = 'infinity' where seq = 4", [("altered_entry", 4)]),
    "clock at minus infinity": (
        "update unbroken.entries set recorded_at = '-infinity' where seq = 4",
        [("altered_entry", 4)],
    ),
    "clock in the year 20000": (
        "update unbroken.entries set recorded_at = '20000-01-01' where seq = 4",
        [("altered_entry", 4)],
    ),
    "clock before Christ": (
        "update unbroken.entries set recorded_at = '4000-01-01 BC' where seq = 4",
        [("altered_entry", 4)],
    ),
    "empty event": ("update unbroken.entries set event = '' where seq = 4", [("altered_entry", 4)]),
    "empty hash": ("update unbroken.entries set hash = '' where seq = 4", [("altered_entry", 4)]),
    "empty prev_hash": ("update unbroken.entries set prev_hash = '' where seq = 4", [("altered_entry", 4)]),
    "hash of a megabyte": (
        "update unbroken.entries set hash = decode(repeat('00', 1000000), 'hex') where seq = 4",
        [("altered_entry", 4)],
    ),
    "session_seq taken away": ("update unbroken.entries set session_seq = null where seq = 3", [("altered_entry", 3)]),
    "session_seq below zero": ("update unbroken.entries set session_seq = -1 where seq = 3", [("altered_entry", 3)]),
    "side_effect taken away": (
        "update unbroken.entries set side_effect = null where seq = 4",
        [("column_disagrees", 4)],
    ),
    "tool taken away": ("update unbroken.entries set tool = null where seq = 4", [("column_disagrees", 4)]),
    "two columns": (
        "update unbroken.entries set tool = 'x', agent_id = 'x' where seq = 4",
        [("column_disagrees", 4)] * 2,
    ),
    "principal invented": ("update unbroken.entries set principal = 'x' where seq = 4", [("altered_entry", 4)]),
    "principal empty": ("update unbroken.entries set principal = '' where seq = 4", [("altered_entry", 4)]),
}


@pytest.mark.parametrize(("statement", "expected"), TABLE_CHANGES.values(), ids=TABLE_CHANGES)
def test_a_change_of_the_tables_is_found_at_its_place(
    small: Small, statement: str, expected: list[tuple[str, int]]
) -> None:
    small.do(statement)
    found = [(kind, seq) for kind, seq, _ in small.found()]
    assert all(item in found for item in expected), found
    assert Counter(expected) <= Counter(found), found
    assert {seq for _, seq in found} <= {seq for _, seq in expected} | {11}, found
    if not expected:
        assert small.report(expect=small.head).verdict == "proven"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        *((name, "altered_entry") for name in ("hash", "prev_hash", "event", "writer", "recorded_at")),
        *((name, "column_disagrees") for name in ("id", "event_type", "actor_id")),
    ],
)
def test_a_null_where_none_may_be_is_found(small: Small, column: str, expected: str) -> None:
    small.do(f"alter table unbroken.entries alter column {column} drop not null")
    small.do("update unbroken.entries set # = null where seq = 4".replace("#", column))
    found = [(kind, seq) for kind, seq, _ in small.found()]
    assert (expected, 4) in found or ("unverifiable", 4) in found, found


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        *(("entries", name, "altered_entry") for name in ("event", "writer")),
        *(("entries", name, "column_disagrees") for name in ("actor_id", "event_type", "session_id", "tool")),
        *(("payloads", name, "altered_payload") for name in ("inputs", "outputs")),
    ],
)
def test_bytes_that_are_no_utf8_are_found(small: Small, table: str, column: str, kind: str) -> None:
    """One changed byte on disk need not leave valid text behind."""
    small.do("create cast (bytea as text) without function")
    statement = "update unbroken.@ set # = (overlay(convert_to(#, 'UTF8') placing '\\xff'::bytea from 1))::text"
    small.do(statement.replace("@", table).replace("#", column) + " where seq = 3")
    found = [(k, seq) for k, seq, _ in small.found()]
    assert (kind, 3) in found or ("unverifiable", 3) in found, found


@pytest.mark.parametrize("column", ["hash", "prev_hash"])
def test_a_column_of_another_type_is_found(small: Small, column: str) -> None:
    small.do("drop view unbroken.agent_audit, unbroken.audit_log")
    small.do("drop function unbroken.line(unbroken.entries)")
    small.do(f"alter table unbroken.entries alter column {column} type text using encode({column}, 'hex')")
    assert small.report(expect=small.head).verdict in {"findings", "unverifiable"}


# ---- Impostors ----


def test_a_view_in_place_of_the_logs_shuts_everybody_out(small: Small) -> None:
    """What may be read hangs on them, and the functions that ask are not let into a view."""
    small.do("alter table unbroken.logs rename to true_logs")
    small.do("create view unbroken.logs as select * from unbroken.true_logs")
    small.do("grant select on unbroken.logs to unbroken_verifier")
    with pytest.raises(AccessDeniedError, match="view logs"):
        small.report(expect=small.head)


@pytest.mark.parametrize("table", ["entries", "payloads", "event_ids", "sessions"])
def test_a_view_in_place_of_a_table_is_told(small: Small, table: str) -> None:
    small.do(f"alter table unbroken.{table} rename to true_{table}")
    small.do("create view unbroken.@ as select * from unbroken.true_@".replace("@", table))
    small.do(f"grant select on unbroken.{table} to unbroken_verifier")
    report = small.report(expect=small.head)
    assert report.verdict == "unverifiable"
    # The policy of payloads names entries, and would follow the rename.
    assert {finding.kind for finding in report.findings} == {"unverifiable"}
    assert any(finding.expected.startswith(table) for finding in report.findings)


@pytest.mark.parametrize("table", ["entries", "payloads", "event_ids", "sessions", "logs"])
def test_a_policy_on_a_table_is_told(small: Small, table: str) -> None:
    small.do(f"alter table unbroken.{table} enable row level security")
    small.do(f"create policy p on unbroken.{table} using (true)")
    report = small.report(expect=small.head)
    assert "unverifiable" in {finding.kind for finding in report.findings}


def test_a_policy_on_a_partition_hides_nothing(small: Small) -> None:
    small.do("alter table unbroken.entries_1_0 enable row level security")
    report = small.report(expect=small.head)
    assert report.entries == 10
    assert report.verdict in {"proven", "unverifiable"}


def test_an_inheriting_table_can_not_slip_rows_in(small: Small) -> None:
    small.do("create table public.more () inherits (unbroken.sessions)")
    small.do("insert into public.more values (1, 'c', 1, 2, 2)")
    assert small.report().verdict in {"findings", "unverifiable"}


def test_a_function_in_the_readers_way_does_not_hide_a_change(small: Small) -> None:
    """Whoever owns the database sets where the verifier's login looks first, and shows it the true text alone."""
    small.do("update unbroken.entries set event = replace(event, 'zebra', 'mallo') where seq = 4")
    assert small.found() == [("altered_entry", 4, None)]
    small.do("create schema evil")
    small.do(
        "create function evil.convert_to(t text, e text) returns bytea language sql as"
        " $$ select pg_catalog.convert_to(replace(t, 'mallo', 'zebra'), e::name) $$"
    )
    small.do("grant usage on schema evil to public")
    alter = sql.SQL("alter role verifier in database {} set search_path = evil, pg_catalog")
    small.database.admin.execute(alter.format(sql.Identifier(small.database.name)))
    assert small.found() == [("altered_entry", 4, None)]


def test_every_kind_that_a_database_can_show_is_shown(small: Small) -> None:
    """Entries are read in the order of seq, so only an export can hold them in another.

    What is no plain table is held against nothing, so ``table_disagrees`` is in test_replay.py; certificates are in
    test_cli_certificates.py, and what policies and holds bring with them in test_disposed_verified.py.
    """
    erased = "jsonb_build_object('erasure', gen_random_uuid(), 'payloads', '1')"
    small.do(f"select unbroken.append_own(1, 'log.erased', {erased})")
    rewrite(small, first=8, change=lambda row: row.update(prev_hash=b"\x07" * 32))
    rewrite(small, first=9, change=lambda row: row.update(session_seq=7))
    rewrite(small, first=10, change=lambda row: row.update(event=row["event"] + " "))
    small.do("update unbroken.entries set writer = 'x' where seq = 2")
    small.do("update unbroken.payloads set inputs = '1' where seq = 3")
    small.do("delete from unbroken.entries where seq = 4")
    small.do("update unbroken.payloads set inputs_salt = '\\x00' where seq = 5")
    small.do("update unbroken.entries set tool = 'x' where seq = 7")
    small.do("alter table unbroken.entries drop constraint entries_pkey")
    small.do("insert into unbroken.entries select * from unbroken.entries where seq = 1")
    small.do("alter table unbroken.logs enable row level security")
    small.do("create policy p on unbroken.logs using (true)")
    report = small.report(expect=Head(12, "00" * 32))
    assert report.verdict == "findings"
    others = {"reordered", "rewritten", "table_disagrees", "certificate_disagrees"}
    others |= {"held_destroyed", "not_approved", "class_disagrees"}
    assert {finding.kind for finding in report.findings} == {*get_args(Kind)} - others


# ---- Parts of a log ----


def test_a_range_and_a_session_find_their_own(small: Small) -> None:
    small.do("update unbroken.entries set writer = 'x' where seq = 6")
    with LogReader(small.database.conninfo("verifier"), LOG) as reader:
        assert [place(f) for f in verify_range(reader, first=1, last=5).findings] == []
        assert [place(f) for f in verify_range(reader, first=4, last=10).findings] == [("altered_entry", 6, None)]
        assert verify_range(reader, first=7, last=10).verdict == "consistent"
        assert verify_session(reader, "b").verdict == "consistent"
        broken = verify_session(reader, "a")
        assert [finding.kind for finding in broken.findings][:1] == ["altered_entry"]


def test_a_withheld_entry_of_a_session_is_a_gap(small: Small) -> None:
    small.do("delete from unbroken.entries where seq = 6")
    with LogReader(small.database.conninfo("verifier"), LOG) as reader:
        kinds = [finding.kind for finding in verify_session(reader, "a").findings]
    assert "session_gap" in kinds


def test_an_entry_hidden_from_its_session_is_a_gap(small: Small) -> None:
    small.do("update unbroken.entries set session_id = 'c' where seq = 6")
    with LogReader(small.database.conninfo("verifier"), LOG) as reader:
        kinds = [finding.kind for finding in verify_session(reader, "a").findings]
    assert "session_gap" in kinds
    assert ("column_disagrees", 6, None) in small.found()


def test_what_was_tampered_with_stays_appendable_and_found(small: Small) -> None:
    small.do("update unbroken.entries set writer = 'x' where seq = 6")
    with small.database.connect("writer") as writer:
        raw.append(writer, [raw.sent(session_id="a"), raw.sent()])
    assert small.found() == [("altered_entry", 6, None)]


def test_a_tampered_head_is_found_also_after_more_was_appended(small: Small) -> None:
    small.do("update unbroken.entries set hash = sha256(hash) where seq = 10")
    assert small.found() == [("altered_entry", 10, None)]
    with small.database.connect("writer") as writer:
        raw.append(writer, [raw.sent(), raw.sent()])
    assert ("altered_entry", 10, None) in small.found()


def test_a_reader_refuses_what_it_has_no_right_to(small: Small) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), small.database.connect("ops") as ops:
        ops.execute("select * from unbroken.payloads")
