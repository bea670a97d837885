"""A database of the third migration with entries in it: they stay, and get what append gives by now."""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, Server
from tests.database import raw
from tests.database.raw import Connection, append, sent
from tests.database.test_contains import REDACTIONS, expected
from unbroken.store.connection import connect
from unbroken.store.migrations import install, numbered
from unbroken.store.sql import query, script

_GUARDED: LiteralString = """
create function unbroken.refuse_change() returns trigger language plpgsql as $$
begin raise exception 'append-only' using errcode = 'UB010'; end $$;
create table unbroken.entries_1_0 (like unbroken.entries including all);
alter table unbroken.entries attach partition unbroken.entries_1_0 for values from (1, 1) to (1, 1048577);
create table unbroken.payloads_1_0 (like unbroken.payloads including all);
alter table unbroken.payloads attach partition unbroken.payloads_1_0 for values from (1, 1) to (1, 1048577);
create trigger refuse_change before update or delete on unbroken.entries
  for each row execute function unbroken.refuse_change();
alter table unbroken.entries enable always trigger refuse_change;
alter table unbroken.entries enable row level security;
alter table unbroken.entries force row level security;
create policy owner on unbroken.entries to unbroken_owner using (true) with check (true)
"""
"""What stood around the entries then, as far as a migration meets it."""


CLASSED: list[dict[str, Any]] = [
    {},
    {"domains": ["hipaa", "pci"]},
    {"scope": ['account="1"', "system={x}"]},
    {"domains": ["gdpr"], "scope": [f"account={number:04}" for number in range(300)]},
]


@pytest.fixture
def older(server: Server) -> Iterator[Database]:
    """A database of the third migration, guarded, with an empty log."""
    name = f"older_{uuid.uuid4().hex}"
    server.execute("create database {} template template0", name)
    with connect(server.conninfo("postgres", name)) as connection, connection.transaction():
        for prepared in ("roles", "become_owner", "schema"):
            connection.execute(script(prepared))
        connection.execute("set local role unbroken_owner")
        connection.execute(script("migrations"))
        for number, title, text in islice(numbered(), 3):
            connection.execute(text)
            checksum = hashlib.sha256(text.encode()).digest()
            connection.execute(query("record_migration"), (number, title, checksum))
        connection.execute("insert into unbroken.logs (origin) values (%s)", (LOG,))
        connection.execute(
            "insert into unbroken.grants (log, login, duty, granted_at, granted_by)"
            " select 1, duty, duty, now(), 'postgres' from unnest(array['writer', 'verifier']) as duty"
        )
        connection.execute(_GUARDED)
        connection.execute("reset role")
        connection.execute(script("leave_owner"))
    admin = psycopg.connect(server.conninfo("postgres", name), autocommit=True)
    with closing(admin):
        yield Database(server, name, admin)
    server.execute("drop database {} with (force)", name)


def _copy(source: Connection, target: Connection, table: LiteralString) -> None:
    """All rows, with the columns that the older table has."""
    names = target.execute(
        "select attname::text from pg_attribute where attrelid = %s::regclass and attnum > 0", (f"unbroken.{table}",)
    ).fetchall()
    columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in names)
    relation = sql.Identifier("unbroken", table)
    out = sql.SQL("copy (select {} from {}) to stdout").format(columns, relation)
    into = sql.SQL("copy {} ({}) from stdin").format(relation, columns)
    with source.cursor().copy(out) as rows, target.cursor().copy(into) as held:
        for row in rows:
            held.write(row)


@pytest.fixture
def filled(database: Database, older: Database) -> Database:
    """The older database with what was recorded through the door of another one."""
    with database.connect("writer") as writer:
        append(writer, [sent({"inputs": "1"}, session_id="s", redactions=redactions) for redactions in REDACTIONS])
        append(writer, [sent(tool=',"redactions":["UK_NHS:1"]')])
        append(writer, [sent(**facts) for facts in CLASSED])
    for table in ("entries", "payloads", "event_ids", "sessions", "recorders"):
        _copy(database.admin, older.admin, table)
    return older


def contains(database: Database) -> list[list[str] | None]:
    rows = database.admin.execute(
        "select contains from unbroken.entries where seq <= %s order by seq", (len(REDACTIONS) + 1,)
    ).fetchall()
    return [row[0] for row in rows]


def test_entries_get_what_append_would_have_given_them(filled: Database) -> None:
    with connect(filled.conninfo("postgres")) as connection:
        assert install(connection)[0] == "privacy"
    assert contains(filled) == [*map(expected, REDACTIONS), None]
    raw.both_accept(filled)
    with filled.connect("writer") as writer:
        append(writer, [sent(redactions=["UK_NHS:1"])])
    raw.both_accept(filled)


def classes(database: Database) -> list[tuple[object, ...]]:
    return database.admin.execute(
        "select e.seq, c.key, c.event_type, c.domains, c.scope from unbroken.entries e"
        " left join unbroken.retention_classes c on c.log = e.log and c.class = e.class order by e.seq"
    ).fetchall()


def test_entries_are_of_the_class_that_append_gives(database: Database, filled: Database) -> None:
    with connect(filled.conninfo("postgres")) as connection:
        install(connection)
    recorded = classes(database)
    assert len({key for _, key, *_ in recorded}) == len(CLASSED)
    assert classes(filled)[: len(recorded)] == recorded
    with filled.connect("writer") as writer:
        append(writer, [sent(**facts) for facts in CLASSED])
    assert len({key for _, key, *_ in classes(filled)} - {None}) == len(CLASSED)


def test_the_guard_stands_afterwards(filled: Database) -> None:
    with connect(filled.conninfo("postgres")) as connection:
        install(connection)
    for table in ("entries", "entries_1_0"):
        updating = sql.SQL("update {} set contains = null").format(sql.Identifier("unbroken", table))
        with pytest.raises(psycopg.errors.DatabaseError) as caught:
            filled.admin.execute(updating)
        assert caught.value.sqlstate == "UB010"
    modes = filled.admin.execute(
        "select distinct tgenabled::text from pg_trigger where tgname = 'refuse_change'"
        " and tgrelid in ('unbroken.entries'::regclass, 'unbroken.entries_1_0'::regclass)"
    ).fetchall()
    assert modes == [("A",)]


@pytest.mark.parametrize(
    "text", ["nothing", '{"x","redactions":[', '{"a":1,"redactions":["x":1]}', '{"a":1,"redactions":[{}]}']
)
def test_an_entry_that_is_no_event_any_more_is_in_nobodys_way(filled: Database, text: str) -> None:
    filled.admin.execute("alter table unbroken.entries disable trigger refuse_change")
    filled.admin.execute("update unbroken.entries set event = %s where seq = 3", (text,))
    filled.admin.execute("alter table unbroken.entries enable always trigger refuse_change")
    with connect(filled.conninfo("postgres")) as connection:
        install(connection)
    rest = [*map(expected, REDACTIONS), None]
    assert [flags for seq, flags in enumerate(contains(filled), 1) if seq != 3] == [*rest[:2], *rest[3:]]
    assert raw.report(filled).verdict == "findings"


def test_the_index_over_reads_holds_who_asked_for_names(database: Database) -> None:
    row = database.admin.execute(
        "select count(*) from pg_indexes where schemaname = 'unbroken' and tablename = 'entries'"
        " and indexdef like '%''log.names_asked''%' and indexdef like '%''log.read_denied''%'"
    ).fetchone()
    assert row == (1,)
