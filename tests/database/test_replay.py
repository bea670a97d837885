"""Tables beside the entries: a superuser changes any row of any of them, and verification says which."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import pytest
from psycopg import sql

from tests.conftest import LOG, Database, Server, add_log
from tests.database import raw
from tests.database.governed import DIGEST, fill
from tests.database.test_agents_followed import asks
from tests.database.test_approval_door import decision, request
from tests.database.test_vault_door import value
from unbroken.store.log_reader import LogReader
from unbroken.store.tables import TABLES
from unbroken.verify.finding import Finding, Report
from unbroken.verify.run import verify_log

UNCOMPARED: Final = {
    "migrations": "says what the schema is; `db check` compares that",
    "logs": "a log's name stands in every line",
    "entries": "compared as such",
    "payloads": "held against the commitments",
    "originals": "held against the commitments",
    "event_ids": "compared with the entries, number by number",
    "sessions": "compared with the entries, session by session",
    "identities": "which name a pseudonym stands for no entry says; that it is gone is held against what was erased",
    "wrapped_keys": "which are gone is held against what was erased",
    "erasure_sessions": "found again from the entries by whoever erases",
    "pseudonym_keys": "a secret of the database's",
    "denials": "refusals that are no entries yet",
    "unclassified": "a list for people, from names in entries that nobody vouches for",
    "tiles": "compared by the roots that were signed",
    "checkpoints": "signed, and compared with those outside",
    "anchorings": "receipts prove themselves",
    "continuity": "whether the notary found its checkpoint here, which no entry says",
    "retention_locks": "nothing but locks",
    "disposal_groups": "what candidates there are of each class, for whoever reviews; counted from the lots",
    "disposal_places": "what this server has vacuumed",
}
"""The tables of which no row follows from an entry, and why."""
UNTOLD: Final = {
    ("tickets", "opened_xid"): "means nothing but on this server, while the ticket is open",
    ("name_lookups", "asked_xid"): "the same",
    ("openings", "asked_xid"): "the same",
    **{
        ("subject_keys", column): "what nobody but the vault knows of a key; endorsed where it is used"
        for column in ("public", "endorsement", "made_at", "made_by", "holder_kind", "holder", "assigned_at")
    },
    ("subject_keys", "assigned_to"): "the same",
    ("subject_keys", "asked_at"): "the same",
    ("subject_keys", "spent_at"): "which keys disposals look at again; worked out anew before one is destroyed",
    ("disposals", "started_by"): "looks for candidates, which are told of when they are proposed",
    ("disposals", "started_at"): "the same",
}
"""Columns that no entry tells of, and why."""
FOLLOWS_NO_ENTRY: Final = {"grants": "granted_seq", "recoveries": "seq", "subject_keys": "destroyed_seq"}
"""Where a column is absent, the row is not an entry's: a grant planted by the tests, the first server, a key in use."""
ADDED_UP: Final = {"disposal_lots": "another list"}
"""What is found as well where a row is gone: rows that only their hash is told of, all together."""
OTHERWISE: Final = {
    "text": "@ || 'x'",
    "bigint": "@ + 1",
    "integer": "@ + 1000",
    "oid": "(@::bigint + 1)::oid",
    "boolean": "not @",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "@ + interval '1 day'",
    "text[]": "@ || array['x']",
    "bigint[]": "@ || array[99999::bigint]",
    "integer[]": "@ || array[99999]",
    "int8multirange": "@ + '{[99999,100000)}'",
    "jsonb": "@ || '{\"payloads\": 99999}'",
}
"""How a value of each type becomes another one."""
NOW_THERE: Final = {
    "text": "'x'",
    "bigint": "1",
    "integer": "1",
    "boolean": "true",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "'2020-01-01'",
    "text[]": "array['x']",
    "bigint[]": "array[99999::bigint]",
    "integer[]": "array[99999]",
    "int8multirange": "'{[99999,100000)}'",
    "jsonb": "'{}'",
}
"""What may stand where there was nothing."""


@pytest.fixture(scope="module")
def governed(server: Server) -> Iterator[Database]:
    """Without guards or constraints; in the schema ``before`` stands what the tables held."""
    with raw.database_on(server) as database:
        add_log(database.admin, "second")
        fill(database)
        database.disarm()
        _run(database, "create schema before")
        for table in TABLES:
            _run(database, "create table before.{0} as select * from unbroken.{0}", table)
        for table, name in _all(database, _CONSTRAINTS):
            _run(database, "alter table unbroken.{0} drop constraint if exists {1} cascade", table, name)
        for (name,) in _all(database, _UNIQUE, list(TABLES)):
            _run(database, "drop index unbroken.{0}", name)
        for table, name in _all(database, _NOT_NULL, list(TABLES)):
            _run(database, "alter table unbroken.{0} alter column {1} drop not null", table, name)
        yield database


_CONSTRAINTS = """
    select t.relname, c.conname from pg_constraint c join pg_class t on t.oid = c.conrelid
     where c.contype in ('c', 'f', 'u') and c.connamespace = 'unbroken'::regnamespace and c.conparentid = 0
     order by c.contype desc"""
_UNIQUE = """
    select x.relname from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
     where t.relnamespace = 'unbroken'::regnamespace and t.relname = any (%s)
       and i.indisunique and not i.indisprimary"""
_COLUMNS = """
    select t.relname, a.attname, format_type(a.atttypid, null), a.attnotnull
      from pg_attribute a join pg_class t on t.oid = a.attrelid
     where t.relnamespace = 'unbroken'::regnamespace and t.relname = any (%s) and a.attnum > 0 and not a.attisdropped
     order by 1, a.attnum"""
_NOT_NULL = """
    select t.relname, a.attname from pg_attribute a join pg_class t on t.oid = a.attrelid
     where t.relnamespace = 'unbroken'::regnamespace and t.relname = any (%s) and a.attnum > 0 and a.attnotnull
       and not exists (select from pg_constraint k
                        where k.conrelid = t.oid and k.contype = 'p' and a.attnum = any (k.conkey))"""


def _run(database: Database, statement: LiteralString, *names: str) -> int:
    """Runs a statement about tables and columns of these names; how many rows it concerned."""
    return database.admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names))).rowcount


def _all(database: Database, statement: LiteralString, *given: object) -> list[tuple[Any, ...]]:
    return database.admin.execute(statement, given).fetchall()


@contextmanager
def put_back(database: Database, *tables: str) -> Iterator[None]:
    """What is done to these tables here is undone behind."""
    try:
        yield
    finally:
        for table in tables:
            _run(database, "delete from unbroken.{0}", table)
            _run(database, "insert into unbroken.{0} select * from before.{0}", table)


@dataclass(frozen=True)
class Column:
    """One column of a table that is compared."""

    table: str
    name: str
    type: str
    is_key: bool

    def changes(self) -> Iterator[tuple[str, sql.Composed]]:
        """In words, and as a statement, each way in which one of its values can become another."""
        otherwise = "@ + 99999" if self.name == "reached" else OTHERWISE[self.type]
        yield "another", self._put(otherwise.replace("@", self.name), "is not null")
        if not self.is_key:
            yield "none", self._put("null", "is not null")
            yield "some", self._put(NOW_THERE[self.type], "is null")

    def _put(self, value: str, where: LiteralString) -> sql.Composed:
        row = sql.SQL("{} and {} " + where).format(told_rows(self.table), sql.Identifier(self.name))
        return sql.SQL(
            "update unbroken.{0} set {1} = {2} where ctid = (select max(ctid) from unbroken.{0} where {3})"
        ).format(
            sql.Identifier(self.table),
            sql.Identifier(self.name),
            sql.SQL(value),
            row,
        )


def told_rows(table: str) -> sql.Composable:
    """Which rows of a table follow from entries."""
    told = FOLLOWS_NO_ENTRY.get(table)
    return sql.SQL("log = 1") if told is None else sql.SQL("log = 1 and {} is not null").format(sql.Identifier(told))


def columns_of(database: Database, table: str) -> list[Column]:
    columns = [Column(*row) for row in _all(database, _COLUMNS, [table])]
    return [column for column in columns if (column.table, column.name) not in UNTOLD]


class Quick(LogReader):
    """A reader that does not look whether tables are tables each time, which takes longer than all the rest."""

    def impostors(self) -> list[str]:
        return []


def report(database: Database) -> Report:
    with Quick(database.conninfo("verifier"), LOG) as reader:
        return verify_log(reader)


def tables_in(told: Report) -> set[str | None]:
    """The tables that findings are about, and nothing else; a log that seems to be cut off is about any."""
    findings = [finding for finding in told.findings if not is_about_keys(finding)]
    assert {finding.kind for finding in findings} <= {"table_disagrees", "truncated"}, findings
    return {finding.part for finding in findings}


def is_about_keys(finding: Finding) -> bool:
    """Whether it tells that a key's private half is there or not, which is looked at as well."""
    return finding.part == "key"


def test_what_the_log_s_functions_did_is_what_its_entries_say(governed: Database) -> None:
    assert raw.report(governed).findings == ()
    for table in TABLES:
        assert _run(governed, "select from unbroken.{0}", table) > 0, table


def test_every_table_is_compared_or_there_is_a_reason(governed: Database) -> None:
    found = _all(
        governed,
        "select relname from pg_class where relnamespace = 'unbroken'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition",
    )
    assert {row[0] for row in found} == {*TABLES, *UNCOMPARED}
    assert not {*TABLES} & UNCOMPARED.keys()


@pytest.mark.parametrize("table", TABLES)
def test_a_change_of_any_column_is_found(governed: Database, table: str) -> None:
    tried = []
    for column in columns_of(governed, table):
        for way, statement in column.changes():
            with put_back(governed, table):
                if governed.admin.execute(statement).rowcount:
                    found = tables_in(report(governed))
                    assert table in found or found == {None}, (column, way)
                    tried.append((column.name, way))
    assert {name for name, _ in tried} == {column.name for column in columns_of(governed, table)}
    assert report(governed).findings == ()


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_gone_is_found(governed: Database, table: str) -> None:
    gone = sql.SQL("delete from unbroken.{0} where ctid = (select max(ctid) from unbroken.{0} where {1})")
    with put_back(governed, table):
        assert governed.admin.execute(gone.format(sql.Identifier(table), told_rows(table))).rowcount == 1
        found = [finding for finding in report(governed).findings if not is_about_keys(finding)]
    told = {(finding.kind, finding.part, finding.found) for finding in found}
    assert told == {("table_disagrees", table, ADDED_UP.get(table, "none"))}
    assert found[0].seq > 0


def test_a_grant_without_an_entry_is_found(governed: Database) -> None:
    """Also one that says of itself that it is older than its entries would be: those were given one."""
    with put_back(governed, "grants"):
        governed.admin.execute(
            "insert into unbroken.grants (log, login, duty, granted_at, granted_by)"
            " values (1, 'mallory', 'dpo', '2020-01-01', 'access')"
        )
        found = report(governed).findings
    assert [(finding.kind, finding.seq, finding.part) for finding in found] == [("table_disagrees", 0, "grants")]


def test_somebody_s_words_are_not_repeated(governed: Database) -> None:
    with put_back(governed, "access_requests"):
        governed.admin.execute("update unbroken.access_requests set reason = 'zebra7391', login = 'zebra7391'")
        found = report(governed).findings
    assert len(found) == 3
    assert "zebra7391" not in repr(found)
    assert "needed" not in repr(found)


def test_a_time_at_no_time_is_found(governed: Database) -> None:
    with put_back(governed, "tickets"):
        governed.admin.execute("update unbroken.tickets set expires_at = 'infinity' where closed_seq is null")
        found = tables_in(report(governed))
    assert found == {"tickets"}


def test_bytes_that_are_no_utf8_are_found(governed: Database) -> None:
    with put_back(governed, "agents"):
        governed.admin.execute("create cast (bytea as text) without function")
        governed.admin.execute("update unbroken.agents set model = '\\xff'::bytea::text where agent_id = 'other'")
        found = tables_in(report(governed))
    assert found == {"agents"}


def test_a_table_in_another_shape_is_told(governed: Database) -> None:
    governed.admin.execute("alter table unbroken.forgotten rename column seq to number")
    told = report(governed)
    governed.admin.execute("alter table unbroken.forgotten rename column number to seq")
    assert [(finding.kind, finding.seq) for finding in told.findings] == [("unverifiable", 0)]
    assert "forgotten" in told.findings[0].expected
    assert report(governed).findings == ()


# ---- While it happens ----


def test_a_log_at_work_agrees_with_its_tables(database: Database) -> None:
    """Rows come and change while the entries are read: both are compared as of one moment."""
    stop = threading.Event()

    def work(login: str, step: Callable[[raw.Connection, int], object]) -> None:
        with database.connect(login) as connection:
            for number in itertools.count():
                if stop.is_set():
                    return
                step(connection, number)

    def read(connection: raw.Connection, _: int) -> None:
        ticket = raw.open_ticket(connection)
        value(connection, "select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", LOG, ticket, DIGEST)

    def ask(connection: raw.Connection, number: int) -> None:
        asked = request(call_id=f"c-{number}")
        raw.append(connection, [asked])
        raw.append(connection, [decision(asked, "denied", call_id=f"c-{number}"), asks(prompt=number % 3)])

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(work, "compliance", read), pool.submit(work, "writer", ask)]
        try:
            reports = [report(database) for _ in range(6)]
        finally:
            stop.set()
        for each in working:
            each.result()
    assert [each.findings for each in reports] == [()] * 6
    assert reports[-1].entries > reports[0].entries
    assert report(database).entries > 20
