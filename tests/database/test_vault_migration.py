"""A database of the fifth migration with entries: they stay, people are found in them, and old recorders go on."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, Server
from tests.database import raw
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.test_vault_door import ANN, BOB, erase, value
from tests.database.vaulting import Vault, record_about
from unbroken.store.connection import connect
from unbroken.store.migrations import install, numbered
from unbroken.store.sql import query, script

_GUARDED: Final[LiteralString] = """
create function unbroken.refuse_change() returns trigger language plpgsql as $$
begin raise exception 'append-only' using errcode = 'UB010'; end $$;
do $$
declare
  v_table text;
begin
  foreach v_table in array array['entries', 'payloads'] loop
    for n in 0..1 loop
      execute format('create table unbroken.%s_1_%s (like unbroken.%s including all)', v_table, n, v_table);
      execute format('alter table unbroken.%s attach partition unbroken.%s_1_%s for values from (1, %s) to (1, %s)',
                     v_table, v_table, n, (n << 20) + 1, ((n + 1) << 20) + 1);
    end loop;
    execute format('create trigger refuse_change before update or delete on unbroken.%s'
                   ' for each row execute function unbroken.refuse_change()', v_table);
    execute format('alter table unbroken.%s enable always trigger refuse_change', v_table);
    execute format('alter table unbroken.%s enable row level security', v_table);
    execute format('alter table unbroken.%s force row level security', v_table);
    execute format('create policy owner on unbroken.%s to unbroken_owner using (true) with check (true)', v_table);
  end loop;
end $$
"""
"""What stood around the entries then, as far as a migration meets it; the next partition was made beforehand."""
_OF_LOG: Final = ("entries", "payloads", "event_ids", "sessions", "recorders", "pseudonym_keys")
SUBJECTS: Final[list[list[str] | None]] = [
    [ANN],
    None,
    [ANN, BOB],
    [',"subjects":["x"]', "a\"\\'{},", "ä\u202e", "é"],
    ["NULL", "null"],
    None,
]


@pytest.fixture
def older(server: Server) -> Iterator[Database]:
    """A database of the fifth migration, guarded, with an empty log."""
    name = f"older_{uuid.uuid4().hex}"
    server.execute("create database {} template template0", name)
    with connect(server.conninfo("postgres", name)) as connection, connection.transaction():
        for prepared in ("roles", "become_owner", "schema"):
            connection.execute(script(prepared))
        connection.execute("set local role unbroken_owner")
        connection.execute(script("migrations"))
        for number, title, text in islice(numbered(), 5):
            connection.execute(text)
            checksum = hashlib.sha256(text.encode()).digest()
            connection.execute(query("record_migration"), (number, title, checksum))
        connection.execute("insert into unbroken.logs (origin) values (%s)", (LOG,))
        connection.execute(
            "insert into unbroken.grants (log, login, duty, granted_at, granted_by)"
            " select 1, duty, duty, now(), 'postgres'"
            " from unnest(array['writer', 'server', 'verifier', 'dpo', 'legal']) as duty"
        )
        connection.execute(_GUARDED)
        connection.execute("reset role")
        connection.execute(script("leave_owner"))
    admin = psycopg.connect(server.conninfo("postgres", name), autocommit=True)
    with closing(admin):
        yield Database(server, name, admin)
    server.execute("drop database {} with (force)", name)


def _copy(source: Connection, target: Connection, table: str) -> None:
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
        for subjects in SUBJECTS:
            given: dict[str, Any] = {} if subjects is None else {"subjects": sorted(subjects)}
            append(writer, [sent({"inputs": '"something"'}, session_id="s-1", **given)])
        append(writer, [sent(tool='"subjects":["y"]')])
    for table in _OF_LOG:
        _copy(database.admin, older.admin, table)
    return older


@pytest.fixture
def migrated(filled: Database) -> Database:
    with connect(filled.conninfo("postgres")) as connection:
        assert install(connection)[0] == "vault"
    return filled


def test_entries_get_the_subjects_of_their_events(migrated: Database) -> None:
    rows = migrated.admin.execute(
        "select subjects, event::json ->> 'subjects' from unbroken.entries where seq <= 7 order by seq"
    ).fetchall()
    assert [row[0] for row in rows] == [*(None if each is None else sorted(each) for each in SUBJECTS), None]
    assert all(held == (None if told is None else json.loads(told)) for held, told in rows)
    raw.both_accept(migrated)


def test_the_guard_stands_afterwards(migrated: Database) -> None:
    for table in ("entries", "entries_1_0", "entries_1_1"):
        modes = migrated.admin.execute(
            "select tgenabled::text from pg_trigger where tgname = 'refuse_change' and tgrelid = %s::regclass",
            (f"unbroken.{table}",),
        ).fetchall()
        assert modes == [("A",)], table
    with pytest.raises(psycopg.Error) as caught:
        migrated.admin.execute("update unbroken.entries set subjects = null")
    assert caught.value.sqlstate == "UB010"


def test_originals_have_the_partitions_that_payloads_have(migrated: Database) -> None:
    bounds = (
        "select array_agg(pg_get_expr(c.relpartbound, c.oid) order by 1), bool_and(c.relforcerowsecurity),"
        " bool_and(exists (select from pg_trigger t"
        " where t.tgrelid = c.oid and t.tgtype & 32 = 32 and t.tgenabled = 'A'))"
        " from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = %s::regclass"
    )
    found = [migrated.admin.execute(bounds, (f"unbroken.{each}",)).fetchone() for each in ("payloads", "originals")]
    assert found[0] is not None
    assert len(found[0][0]) == 2
    assert found[0][0] == (found[1] or ((),))[0]
    assert (found[1] or ())[1:] == (True, True)


def test_a_recorder_of_the_release_before_goes_on(migrated: Database) -> None:
    """It knows neither originals nor keys, and names a principal or leaves it out."""
    shorter = "select seq from unbroken.append(%s, %s, '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}'"
    early = shorter.replace("append", "append_early")
    with migrated.connect("writer") as writer, migrated.connect("server") as served:
        append(writer, [sent({"inputs": "1"}, subjects=[ANN])])
        for statement in (shorter, early):
            value(writer, statement + ")", LOG, [sent().text])
            value(writer, statement + ", %s)", LOG, [sent().text], None)
            value(served, statement + ", %s)", LOG, [sent(recorder=raw.new_id()).text], "u-17")
        with pytest.raises(psycopg.Error) as caught:
            append(writer, [sent(original="0" * 64)])
        assert caught.value.sqlstate == "UB001"
    raw.both_accept(migrated)


def test_people_are_found_opened_and_erased_in_what_was_there_before(migrated: Database) -> None:
    with migrated.connect("writer") as writer, migrated.connect("dpo") as dpo:
        Vault().refill(dpo, 3)
        record_about(writer, ANN, {"inputs": "Ann"})
        assert open_ticket(dpo)
        erase(migrated, dpo, ANN)
    left = migrated.admin.execute("select seq from unbroken.payloads where seq <= 7 order by 1").fetchall()
    assert left == [(2,), (4,), (5,), (6,)]
    assert raw.report(migrated).findings_total == 0


@pytest.mark.parametrize(
    "text",
    ["nothing", '{"x","subjects":[', '{"a":1,"subjects":["x":1]}', '{"a":1,"subjects":[{}]}', '{"a":1,"subjects":[]}'],
)
def test_an_entry_that_is_no_event_any_more_is_in_nobodys_way(filled: Database, text: str) -> None:
    filled.admin.execute("alter table unbroken.entries disable trigger refuse_change")
    filled.admin.execute("update unbroken.entries set event = %s where seq = 3", (text,))
    filled.admin.execute("alter table unbroken.entries enable always trigger refuse_change")
    with connect(filled.conninfo("postgres")) as connection:
        install(connection)
    assert filled.admin.execute("select subjects from unbroken.entries where seq = 1").fetchall() == [([ANN],)]
    assert raw.report(filled).verdict == "findings"
