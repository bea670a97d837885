"""Prevention: what each role can't do, what triggers refuse to everybody, and what the readers' views show.

A refusal for the wrong reason proves nothing, so each test names the SQLSTATE that it expects: UB010 comes from the
guards on rows, UB011 from the guard on definitions, 42501 from a privilege that is not there.
"""

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, Server
from tests.conftest import LOGINS as DUTIES
from tests.database import raw
from tests.database.raw import Connection, append, sent
from unbroken.store.migrations import install

OWNED = (
    *("entries", "payloads", "event_ids", "sessions", "logs", "grants", "migrations", "recorders", "approvals"),
    *("access_requests", "tickets", "denials", "pseudonym_keys"),
    *("agents", "identities", "name_lookups", "registries", "unclassified"),
    *("subject_keys", "wrapped_keys", "originals", "openings", "erasures", "erasure_sessions"),
    *("forgotten", "recoveries"),
    *("tiles", "checkpoints", "anchorings", "key_statements", "continuity", "alarms"),
    *("holds", "hold_scopes", "hold_requests"),
    *("policy_sets", "start_events", "standing_approvals"),
    *("disposals", "disposal_lots", "disposal_places", "disposal_groups", "disposal_decisions"),
)
PARTITIONS = ("entries_1_0", "originals_1_0", "payloads_1_0")
EMPTY = (
    *("approvals", "access_requests", "tickets", "denials", "agents", "name_lookups", "registries"),
    *("subject_keys", "wrapped_keys", "originals", "originals_1_0", "openings"),
    *("erasures", "erasure_sessions", "forgotten"),
    *("tiles", "checkpoints", "anchorings", "key_statements", "continuity", "alarms"),
    *("holds", "hold_scopes", "hold_requests"),
    *("policy_sets", "start_events", "standing_approvals"),
    *("disposals", "disposal_lots", "disposal_places", "disposal_groups", "disposal_decisions"),
)
"""Tables in which this module's log has no row."""
AGENT_AUDIT = (
    "id ts actor_id agent_id session_id event_type prompt_hash inputs outputs decision tokens cost_usd prev_hash hash"
)
AUDIT_LOG = (
    "id timestamp action actor_id actor_type conversation_id agent_name resource_type resource_id details"
    " data_classification integrity_hash previous_hash"
)


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[Database]:
    """One database for attacks that all fail, with a row in every table; both verifiers accept it afterwards."""
    with raw.database_on(server) as database, database.connect("writer") as writer:
        decision = {"outcome": "approved", "by": "d"}
        parts = {"inputs": '{"a":1}', "outputs": "2", "details": "null"}
        append(
            writer, [sent(parts, session_id="s", input_tokens=1, output_tokens=2, cost_usd="0.5", decision=decision)]
        )
        append(writer, [sent({"outputs": '"x"'}, session_id="s", agent_id='q"\\\n'), sent()])
        names = ([b"x" * 32], [f"p-{'0' * 32}"], [b"sealed"])
        writer.execute("select unbroken.identify(%s, %s, %s, %s)", (LOG, *names))
        writer.execute("select unbroken.note_unclassified(%s, '{tool}', '{wire}')", (LOG,))
        yield database
        raw.both_accept(database)


@pytest.fixture
def untouched(filled: Database) -> Iterator[Database]:
    """The same, and that nothing of it changed."""
    before = {table: raw.rows(filled.admin, table) for table in OWNED}
    assert all(rows or table in EMPTY for table, rows in before.items())
    yield filled
    assert {table: raw.rows(filled.admin, table) for table in OWNED} == before


def on(relation: str, statement: str) -> str:
    """``statement`` with the relation's full name in place of ``@``."""
    return statement.replace("@", f"unbroken.{relation}")


def attempt(database: Database, statement: str, *, role: str | None = None, replica: bool = False) -> str | None:
    """The SQLSTATE with which ``statement`` is refused, ``None`` when it isn't; whatever it does is undone."""
    with database.admin.transaction(force_rollback=True):
        if replica:
            database.admin.execute("set local session_replication_role = replica")
        if role is not None:
            database.admin.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        try:
            database.admin.execute(statement.encode())
        except psycopg.Error as error:
            return error.sqlstate
    return None


# ---- Rows ----


def changes() -> Iterator[str]:
    columns = {
        "logs": "origin",
        "migrations": "name",
        "recorders": "login",
        "pseudonym_keys": "log",
        "recoveries": "at",
    }
    for table in (
        *("entries", "payloads", "event_ids", "logs", "migrations", "recorders", "pseudonym_keys", "recoveries"),
        *("entries_1_0", "payloads_1_0"),
    ):
        column = columns.get(table, "seq")
        yield on(table, "update @ set # = #").replace("#", column)
        yield on(table, "update @ set # = # where ctid is not null").replace("#", column)
        yield on(table, "delete from @")
    yield "delete from unbroken.sessions"
    yield "delete from unbroken.grants"
    yield "update unbroken.grants set login = 'mallory'"
    yield "update unbroken.grants set granted_seq = 1"
    yield "update unbroken.grants set revoked_at = now(), revoked_by = 'x', revoked_seq = 1"
    yield "insert into unbroken.grants values (1, 'mallory', 'dpo', now(), 'x', 1)"
    yield (
        "insert into unbroken.tickets values"
        " (1, gen_random_uuid(), 'ops', 'ops', 1, now(), now() + interval '1 h', pg_current_xact_id())"
    )
    yield "update unbroken.sessions set entries = entries"
    yield "update unbroken.sessions set entries = entries - 1"
    yield "update unbroken.sessions set last_seq = last_seq + 1"
    yield "update unbroken.sessions set entries = entries + 1"
    yield "update unbroken.sessions set entries = entries + 1, last_seq = last_seq + 1, first_seq = 2"
    yield "update unbroken.sessions set entries = entries + 1, last_seq = last_seq + 1, session_id = 'x'"
    yield "update unbroken.sessions set entries = entries + 1, last_seq = last_seq + 1, log = 2"
    for table in (*OWNED, *PARTITIONS):
        yield f"truncate unbroken.{table} cascade"
    yield "merge into unbroken.entries e using (select 1) x on true when matched then update set writer = 'x'"
    yield "merge into unbroken.payloads p using (select 1) x on true when matched then delete"
    yield (
        "insert into unbroken.event_ids select * from unbroken.event_ids"
        " on conflict (log, id) do update set seq = excluded.seq"
    )


@pytest.mark.parametrize("statement", [*changes()])
def test_no_row_is_changed_or_removed(untouched: Database, statement: str) -> None:
    # Its own partitions show the owner no row, so that there is nothing to change.
    hidden = any(f"{verb} unbroken.{part}" in statement for verb in ("update", "delete from") for part in PARTITIONS)
    for role, replica in ((None, False), ("unbroken_owner", False), (None, True)):
        expected = None if hidden and role else "UB010"
        assert attempt(untouched, statement, role=role, replica=replica) == expected, (role, replica)


def test_triggers_fire_always_and_on_every_partition(filled: Database) -> None:
    tables = filled.admin.execute(
        "select c.relname, array_agg(t.tgname order by t.tgname), bool_and(t.tgenabled = 'A') from pg_class c"
        " left join pg_trigger t on t.tgrelid = c.oid and (not t.tgisinternal or t.tgparentid <> 0)"
        " where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p') group by 1"
    ).fetchall()
    found = {name: (triggers, always) for name, triggers, always in tables}
    both = (["refuse_change", "refuse_truncate"], True)
    assert found == {
        **dict.fromkeys(("entries", "entries_1_0", "event_ids", "logs", "migrations", "recorders"), both),
        "pseudonym_keys": both,
        "sessions": (["refuse_delete", "refuse_truncate", "refuse_uncounting"], True),
        "grants": (["refuse_delete", "refuse_truncate", "refuse_untold_grant"], True),
        "approvals": (["refuse_delete", "refuse_truncate", "refuse_undeciding"], True),
        "access_requests": (["refuse_delete", "refuse_redeciding", "refuse_truncate"], True),
        "tickets": (["refuse_delete", "refuse_truncate", "refuse_untold_ticket"], True),
        "denials": (["refuse_delete", "refuse_truncate"], True),
        "agents": (["refuse_delete", "refuse_truncate", "refuse_unseen_agent"], True),
        "unclassified": both,
        **dict.fromkeys(
            ("payloads", "payloads_1_0", "originals", "originals_1_0"),
            (["refuse_change", "refuse_truncate", "refuse_unasked_erasing"], True),
        ),
        "identities": (["refuse_change", "refuse_forgetting", "refuse_truncate"], True),
        "subject_keys": (["refuse_delete", "refuse_reassigning", "refuse_truncate"], True),
        "wrapped_keys": (["refuse_truncate", "refuse_unwrapping"], True),
        "openings": (["refuse_delete", "refuse_truncate", "refuse_untold_opening"], True),
        "erasures": (["refuse_delete", "refuse_truncate", "refuse_untold_erasure"], True),
        "forgotten": (["refuse_change", "refuse_truncate", "refuse_untold_forgetting"], True),
        "recoveries": (["refuse_change", "refuse_truncate", "refuse_untold_recovery"], True),
        "tiles": (["refuse_delete", "refuse_regrowing", "refuse_truncate"], True),
        "checkpoints": (["refuse_delete", "refuse_resigning", "refuse_truncate"], True),
        "continuity": (["refuse_delete", "refuse_reopening", "refuse_truncate"], True),
        "key_statements": (["refuse_change", "refuse_truncate", "refuse_untold_key"], True),
        **dict.fromkeys(("anchorings", "alarms", "retention_classes", "retention_locks"), both),
        "policy_sets": (["refuse_delete", "refuse_truncate", "refuse_untold_policy_set"], True),
        "start_events": (["refuse_delete", "refuse_truncate", "refuse_untold_start"], True),
        "standing_approvals": (["refuse_delete", "refuse_truncate", "refuse_untold_standing"], True),
        "disposals": (["refuse_delete", "refuse_truncate", "refuse_untold_disposal"], True),
        "disposal_places": (["refuse_delete", "refuse_truncate", "refuse_unseen_place"], True),
        "disposal_lots": (["refuse_truncate", "refuse_unfrozen_lot"], True),
        "disposal_groups": (["refuse_truncate", "refuse_unfrozen_group"], True),
        "disposal_decisions": (["refuse_change", "refuse_truncate", "refuse_untold_decision"], True),
        "holds": (["refuse_delete", "refuse_truncate", "refuse_untold_hold"], True),
        "hold_scopes": (["refuse_delete", "refuse_truncate", "refuse_untold_hold_scope"], True),
        "hold_requests": (["refuse_delete", "refuse_truncate", "refuse_untold_hold_request"], True),
        "erasure_sessions": (["refuse_change", "refuse_foreign_session", "refuse_truncate"], True),
        "name_lookups": (["refuse_change", "refuse_truncate", "refuse_untold_lookup"], True),
        "registries": (["refuse_change", "refuse_truncate", "refuse_untold_registry"], True),
    }


# ---- Definitions ----

NOOP = "returns trigger language plpgsql as $$ begin return coalesce(new, old); end $$"
INSIDE = "PL/pgSQL function attach_partition(integer,bigint)"
_APPEND = "unbroken.append(text,text[],text[],bytea[],text[],bytea[],text[],bytea[],text,bytea[])"
DEFINITIONS = (
    "alter table unbroken.entries disable trigger user",
    "alter table unbroken.entries disable trigger all",
    "alter table unbroken.entries disable trigger refuse_change",
    "alter table unbroken.entries_1_0 disable trigger refuse_change",
    "alter table unbroken.payloads_1_0 disable trigger refuse_truncate",
    "alter table unbroken.entries enable replica trigger refuse_change",
    "alter table unbroken.entries detach partition unbroken.entries_1_0",
    "alter table unbroken.entries add column more text",
    "alter table unbroken.entries alter column hash drop not null",
    "alter table unbroken.sessions drop column last_seq",
    "alter table unbroken.sessions alter column entries type numeric",
    "alter table unbroken.entries rename to entries2",
    "alter table unbroken.entries rename column hash to hash2",
    "alter table unbroken.entries disable row level security",
    "alter table unbroken.payloads no force row level security",
    "alter table unbroken.entries_1_0 no force row level security",
    "alter policy ticketed on unbroken.entries using (true)",
    "drop policy owner on unbroken.entries",
    "alter table unbroken.entries drop constraint entries_pkey",
    "alter table unbroken.entries add constraint c check (seq < 3) not valid",
    "alter table unbroken.event_ids drop constraint event_ids_pkey",
    "alter table unbroken.sessions set unlogged",
    "alter table unbroken.logs replica identity full",
    "alter sequence unbroken.logs_log_seq restart with 1",
    "alter index unbroken.entries_pkey rename to p",
    "alter function unbroken.refuse_change() rename to refuse_change2",
    f"alter function {_APPEND} security invoker",
    "alter function unbroken.refuse_change() reset all",
    "alter type unbroken.event add attribute zz text",
    "alter type unbroken.decision rename attribute by to by_whom",
    "alter view unbroken.audit_log set (security_invoker = false)",
    "alter trigger refuse_change on unbroken.entries rename to r",
    "drop table unbroken.entries cascade",
    "drop table unbroken.entries_1_0",
    "drop table unbroken.sessions",
    "drop trigger refuse_change on unbroken.entries",
    "drop trigger refuse_truncate on unbroken.entries_1_0",
    "drop function unbroken.refuse_change() cascade",
    f"drop function {_APPEND}",
    "drop view unbroken.audit_log",
    "drop type unbroken.event cascade",
    "drop index unbroken.entries_recorded_at_idx",
    "drop schema unbroken cascade",
    "drop owned by unbroken_owner",
    "drop owned by unbroken_owner cascade",
    f"create or replace function unbroken.refuse_change() {NOOP}",
    "create or replace function unbroken.caller() returns text language sql as $$ select 'x'::text $$",
    "create or replace view unbroken.audit_log as table unbroken.audit_log limit 1",
    "create function unbroken.helper() returns int language sql as 'select 1'",
    "create trigger t before insert on unbroken.entries for each row execute function unbroken.refuse_change()",
    "create rule r as on insert to unbroken.entries do instead nothing",
    "create rule r as on update to unbroken.sessions do instead nothing",
    "create policy p on unbroken.entries using (false)",
    "create table unbroken.entries_1_7 (like unbroken.entries)",
    "create table unbroken.more as select 1",
    "select * into unbroken.more from unbroken.logs",
    "create view unbroken.v as select 1",
    "create index on unbroken.entries (actor_id)",
    "comment on schema unbroken is 'another fingerprint'",
    # Names and texts that pretend to be the one function that may.
    f"do $d$ begin execute '/* {INSIDE} */ alter table unbroken.entries disable trigger user'; end $d$",
    f"do $d$ begin execute '-- {INSIDE}' || chr(10) || 'alter table unbroken.payloads disable trigger user'; end $d$",
    f"do $d$ begin perform '{INSIDE}'; alter table unbroken.sessions disable trigger user; end $d$",
)


@pytest.mark.parametrize("role", ["unbroken_owner", None], ids=["owner", "superuser"])
@pytest.mark.parametrize("statement", DEFINITIONS)
def test_no_definition_is_changed(untouched: Database, statement: str, role: str | None) -> None:
    expected = {"UB011"}
    if statement == "drop owned by unbroken_owner":
        expected.add("2BP01")
    assert attempt(untouched, statement, role=role) in expected


@pytest.mark.parametrize(
    "statement",
    [
        "alter schema unbroken rename to elsewhere",
        "alter table unbroken.sessions set schema public",
        "alter function unbroken.refuse_change() set schema public",
        "alter schema unbroken owner to writer",
    ],
)
def test_nothing_is_moved_out_of_the_schema(untouched: Database, statement: str) -> None:
    assert attempt(untouched, statement, role="unbroken_owner") in {"42501", "UB011"}
    # The owner may come to hold these privileges: where a database was handed to it, or a schema was made for it.
    assert attempt(untouched, statement) == "UB011"


@pytest.mark.parametrize(
    "statement",
    [
        "create table public.more () inherits (unbroken.sessions)",
        "create table public.more partition of unbroken.entries for values from (77, 1) to (77, 9)",
        "create cast (unbroken.event as text) with inout",
        "create cast (text as unbroken.event) with inout as implicit",
    ],
)
def test_nothing_outside_is_tied_to_the_schema(untouched: Database, statement: str) -> None:
    assert attempt(untouched, statement, role="unbroken_owner") in {"42501", "UB011"}


@pytest.mark.parametrize(
    "statement",
    [
        "grant select on unbroken.payloads to unbroken_ops",
        "grant update, delete on unbroken.sessions to unbroken_writer",
        "grant execute on function unbroken.attach_partition(integer, bigint) to unbroken_writer",
        "revoke execute on function unbroken.receipts(text, uuid[], bytea[]) from unbroken_writer",
        "alter default privileges for role unbroken_owner grant execute on functions to public",
    ],
)
def test_no_privilege_is_changed_as_owner(untouched: Database, statement: str) -> None:
    assert attempt(untouched, statement, role="unbroken_owner") == "UB011"


@pytest.mark.parametrize(
    "schema",
    [
        "evil",
        "PL/pgSQL function attach_partition(integer,bigint)",
        "x PL/pgSQL function unbroken.attach_partition(integer,bigint)",
    ],
)
@pytest.mark.parametrize("name", ["attach_partition", INSIDE, "unbroken.attach_partition"])
def test_a_function_of_the_same_name_elsewhere_does_not_pass(untouched: Database, schema: str, name: str) -> None:
    where, full = sql.Identifier(schema), sql.Identifier(schema, name)
    with untouched.admin.transaction(force_rollback=True):
        untouched.admin.execute(sql.SQL("create schema {} authorization unbroken_owner").format(where))
        untouched.admin.execute("set local role unbroken_owner")
        untouched.admin.execute(
            sql.SQL(
                "create function {}(integer, bigint) returns void language plpgsql as $$"
                " begin alter table unbroken.entries disable trigger user; end $$"
            ).format(full)
        )
        untouched.admin.execute(sql.SQL("set local search_path = {}").format(where))
        with pytest.raises(psycopg.Error) as caught:
            untouched.admin.execute(sql.SQL("select {}(1, 1)").format(full))
        assert caught.value.sqlstate == "UB011"


@pytest.mark.parametrize("number", [-1, 2**40, 2**43])
def test_the_owner_attaches_nothing_but_empty_partitions(untouched: Database, number: int) -> None:
    """The one function that the guard lets through can't be used to take anything away."""
    assert attempt(untouched, "select unbroken.attach_partition(1, 0)", role="unbroken_owner") is None
    attempt(untouched, f"select unbroken.attach_partition(1, {number})", role="unbroken_owner")


@pytest.mark.parametrize(
    "statement",
    [
        "create table public.mine (a int)",
        "create schema mine create table t (a int) create view v as select 1 as a",
        "create function public.f() returns int language sql as 'select 1'",
        "create table public.entries_1_0 (a int)",
        "create type public.event as (a int)",
        "create temporary table logs (a int)",
        "grant create on schema public to writer",
        "comment on schema public is 'mine'",
        "create extension if not exists plpgsql",
        "do $d$ begin create table public.a (); alter table public.a add b int; drop table public.a; end $d$",
    ],
)
def test_the_rest_of_the_database_is_free(untouched: Database, statement: str) -> None:
    """The database may hold other things; the guard is none of their business."""
    assert attempt(untouched, statement) is None


@pytest.mark.parametrize("role", ["unbroken_owner", *("writer", "verifier", "ops")])
def test_nobody_but_a_superuser_comes_near_the_guard(untouched: Database, role: str) -> None:
    statements = (
        "drop event trigger unbroken_refuse_ddl",
        "alter event trigger unbroken_refuse_drop disable",
        "create event trigger e on ddl_command_end execute function unbroken.refuse_change()",
        "set session_replication_role = replica",
        "set event_triggers = off",
    )
    for statement in statements:
        assert attempt(untouched, statement, role=role) in {"42501", "42P17", "42704"}, statement
    functions = untouched.admin.execute(
        "select p.oid::regprocedure::text, p.proacl::text, pg_get_userbyid(p.proowner) from pg_event_trigger e"
        " join pg_proc p on p.oid = e.evtfoid"
    ).fetchall()
    assert len(functions) == 2
    for name, _, owner in functions:
        assert owner == "postgres"
        rights = untouched.admin.execute("select has_function_privilege(%s, %s::regprocedure, 'execute')", (role, name))
        assert rights.fetchone() == (False,)


SPY = "language plpgsql as $$ begin raise exception 'ran as %', current_user using errcode = 'UB099'; end $$"


@pytest.mark.parametrize(
    "statement",
    [
        f"create function unbroken.concat_ws(text, text, oid, aclitem[], text) returns text {SPY}",
        f"create function unbroken.concat_ws(text, text, name, text) returns text {SPY}",
        f"create function unbroken.concat_ws(text, text, text, boolean, boolean) returns text {SPY}",
        f"create function unbroken.regexp_match(name, text) returns text[] {SPY}",
        f"create function unbroken.format(text, name) returns text {SPY}",
        f"create function unbroken.obj_description(oid, text) returns text {SPY}",
    ],
)
def test_nothing_that_the_owner_makes_runs_with_the_guards_rights(untouched: Database, statement: str) -> None:
    """A function is there, and could be found, before the guard refuses it."""
    with untouched.connect("postgres") as fresh:
        fresh.execute("set role unbroken_owner")
        with pytest.raises(psycopg.Error) as caught:
            fresh.execute(statement.encode())
    assert caught.value.sqlstate == "UB011", caught.value.diag.message_primary


# ---- Privileges ----

LOGINS = tuple(login for login in DUTIES if login != "access2")


def privilege(connection: Connection, statement: str) -> str | None:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


@pytest.mark.parametrize("login", LOGINS)
def test_no_login_writes(untouched: Database, login: str) -> None:
    with untouched.connect(login) as connection:
        for table in (*OWNED, *PARTITIONS):
            for template in (
                "insert into @ default values",
                "insert into @ overriding system value select * from @",
                "delete from @",
                "truncate @",
                "lock table @ in access exclusive mode",
                "drop table @",
                "alter table @ disable trigger user",
                "create index on @ ((1))",
                "copy @ from program 'true'",
            ):
                statement = on(table, template)
                # One that reads as well may first be asked for its ticket.
                refusals = {"42501", "UB007"} if "select" in template else {"42501"}
                assert privilege(connection, statement) in refusals, statement


@pytest.mark.parametrize("login", LOGINS)
def test_no_login_makes_or_grants_anything(untouched: Database, login: str) -> None:
    statements = (
        "create temporary table entries (log int)",
        "create temporary view logs as select 1",
        "create table unbroken.t ()",
        "create table public.t ()",
        "create schema s",
        "create function unbroken.f() returns int language sql as 'select 1'",
        "create function public.f() returns int language sql as 'select 1'",
        "create role r",
        "grant unbroken_owner to current_user",
        "grant pg_read_all_data to current_user",
        "set role unbroken_owner",
        "set session authorization postgres",
        "set session_replication_role = replica",
        "create publication p for all tables",
        "select pg_read_file('PG_VERSION')",
        "copy (select 1) to program 'true'",
    )
    with untouched.connect(login) as connection:
        for statement in statements:
            assert privilege(connection, statement) == "42501", statement


def test_a_writer_reads_nothing(untouched: Database) -> None:
    with untouched.connect("writer") as connection:
        for relation in (*OWNED, *PARTITIONS, "agent_audit", "audit_log"):
            assert privilege(connection, on(relation, "select from @")) == "42501", relation
            assert privilege(connection, on(relation, "select count(*) from @")) == "42501", relation
        assert privilege(connection, "set role unbroken_writer") is None
        assert privilege(connection, "set role unbroken_verifier") == "42501"


def test_a_verifier_reads_payloads(untouched: Database) -> None:
    with untouched.connect("verifier") as connection:
        shown = connection.execute(
            "select inputs::text, outputs::text from unbroken.agent_audit order by seq"
        ).fetchall()
        assert shown == [('{"a":1}', "2"), (None, '"x"'), (None, None)]
        assert connection.execute("select details::text from unbroken.audit_log where seq = 1").fetchone() == ("null",)
        assert len(raw.rows(connection, "payloads")) == 2


def test_public_has_nothing(filled: Database) -> None:
    rights = filled.admin.execute(
        "select 'function', p.oid::regprocedure::text from pg_proc p, aclexplode(coalesce(p.proacl,"
        " acldefault('f', p.proowner))) a"
        " where p.pronamespace = 'unbroken'::regnamespace and a.grantee = 0"
        " union all select 'relation', c.relname from pg_class c, aclexplode(c.relacl) a"
        " where c.relnamespace = 'unbroken'::regnamespace and a.grantee = 0"
        " union all select 'schema', n.nspname from pg_namespace n, aclexplode(n.nspacl) a"
        " where n.nspname = 'unbroken' and a.grantee = 0"
        " union all select 'database', a.privilege_type from pg_database d, aclexplode(coalesce(d.datacl,"
        " acldefault('d', d.datdba))) a"
        " where d.datname = current_database() and a.grantee = 0 and a.privilege_type <> 'CONNECT'"
    ).fetchall()
    assert rights == []


FOR_WRITERS = {
    *("append", "append_early", "barrier", "receipts", "describe_log"),
    *("stop_recorder", "declare_gap", "approvals_of"),
    *("identify", "registry", "registry_version", "note_unclassified", "vault_keys", "covered", "concern_erased"),
    "earlier_receipts",
}
FOR_GRANTED = {"asks_with_grant", "granted_logs", "log_head", "log_size", "read_tiles"}
FOR_PEOPLE = {
    *FOR_GRANTED,
    *(
        "open_ticket",
        "close_ticket",
        "asks_with_ticket",
        "has_ticket",
        "readable_logs",
        "readable_sessions",
        "ticketed_logs",
        "is_open",
    ),
}
QUESTIONS = {
    *("agent_actions", "unapproved_calls", "error_bursts", "resource_access", "entries_containing"),
    *("investigated_log", "place_after", "said_in"),
}
FOR_KEEPERS = {
    *("policy_sets", "start_events", "standing_approvals"),
    *("retention_classes", "class_counts", "retention_of"),
}
OF_DISPOSALS = {"disposals", "disposal_policies", "gone_state", "disposed_entries"}
FOR_REVIEWERS = {
    *OF_DISPOSALS,
    *("disposal_groups", "disposal_decisions", "decide_disposal", "review_disposal", "approve_disposal"),
    "withdraw_disposal",
}
FOR_RETENTION = {
    *OF_DISPOSALS,
    *("start_disposal", "freeze_disposal", "propose_disposal", "withdraw_disposal", "begin_disposal", "dispose_batch"),
    *("drop_empty", "note_gone", "finish_disposal", "disposal_decisions"),
}
FOR_INVESTIGATORS = {
    *FOR_REVIEWERS,
    *FOR_PEOPLE,
    *QUESTIONS,
    *("line", "pseudonyms_of", "ask_names", "names", "registry", "unclassified"),
    *("vault_state", "reads_are_open", "erasures", "confirm_erasure", "withdraw_erasure", "record_export"),
    *("holds", "hold_scopes", "hold_requests"),
    *FOR_KEEPERS,
    *("propose_policies", "confirm_policies", "withdraw_policies"),
    *("ask_standing", "confirm_standing", "end_standing"),
}
FOR_HOLDERS = {
    *("issue_hold", "hold_reach", "note_hold_reach", "review_hold"),
    *("ask_hold_change", "confirm_hold_change", "withdraw_hold_change"),
}
FOR_OPENERS = {
    *("refill_vault", "ask_originals", "originals", "opened_keys", "close_opening"),
    *("ask_rewrapping", "keys_to_rewrap", "rewrap_keys", "close_rewrapping"),
    *("find_person", "ask_erasure", "prepare_erasure", "begin_erasure", "erase_batch", "finish_erasure"),
}
EXECUTES = {
    "writer": FOR_WRITERS,
    "server": FOR_WRITERS | {"tell_start"},
    "ops": FOR_PEOPLE | {"end_lock_holder", "registry", "unclassified", "vault_state", "reads_are_open"},
    "compliance": FOR_INVESTIGATORS | FOR_HOLDERS | {"pseudonym", "load_registry", "tell_start"},
    "legal": FOR_INVESTIGATORS | FOR_HOLDERS | {"tell_start"},
    "dpo": FOR_INVESTIGATORS | FOR_OPENERS,
    "subjects": set(),
    "retention": FOR_GRANTED | FOR_KEEPERS | FOR_RETENTION,
    "verifier": {
        *(*FOR_GRANTED, *QUESTIONS, "barrier", "line", "open_ticket", "close_ticket", "registry"),
        *("vault_state", "reads_are_open", "erasures", "key_absences", "known_pseudonyms"),
        *("leaves", "record_verification", "holds", "hold_scopes", "hold_requests"),
        *(*FOR_KEEPERS, *OF_DISPOSALS, "disposal_groups", "disposal_decisions"),
    },
    "notary": {
        *(*FOR_GRANTED, "barrier", "leaves", "notary_state", "store_tiles", "store_checkpoint", "confirm_continuity"),
        *("close_log", "store_receipt", "store_key_statement", "raise_alarm"),
    },
    "access": {*FOR_GRANTED, "registry", "grant_access", "confirm_access", "withdraw_access", "revoke_access"},
}


def test_each_login_executes_its_own_functions_and_no_other(filled: Database) -> None:
    granted: dict[str, set[str]] = {}
    for login in LOGINS:
        rows = filled.admin.execute(
            "select p.proname from pg_proc p where p.pronamespace = 'unbroken'::regnamespace"
            " and has_function_privilege(%s, p.oid, 'execute')"
            " and has_schema_privilege(%s, 'unbroken', 'usage')",
            (login, login),
        )
        granted[login] = {name for (name,) in rows.fetchall()}
    assert granted == EXECUTES


def test_no_inner_function_can_be_called(untouched: Database) -> None:
    inner = untouched.admin.execute(
        "select format('select unbroken.%%I(%%s)', p.proname,"
        "   (select string_agg(format('null::%%s', format_type(t, null)), ', ' order by o) from"
        " unnest(p.proargtypes) with ordinality as a (t, o)))"
        " from pg_proc p where p.pronamespace = 'unbroken'::regnamespace and p.prorettype not in"
        " ('trigger'::regtype, 'event_trigger'::regtype)"
        " and p.proname <> all (%s)",
        ([*set().union(*EXECUTES.values())],),
    ).fetchall()
    assert len(inner) >= 8
    for login in LOGINS:
        with untouched.connect(login) as connection:
            for (statement,) in inner:
                assert privilege(connection, statement) == "42501", statement


def test_functions_that_run_as_the_owner_have_a_fixed_search_path(filled: Database) -> None:
    functions = filled.admin.execute(
        "select proname, prosecdef, proconfig, lanname, prosrc, prosqlbody is not null, pg_get_userbyid(proowner)"
        " from pg_proc p"
        " join pg_language l on l.oid = p.prolang where pronamespace = 'unbroken'::regnamespace"
    ).fetchall()
    called = set().union(*EXECUTES.values())
    definers = {row[0] for row in functions if row[1]}
    # The questions run as who asks, so that its own policies apply.
    assert definers - {"only_duty"} == called - {"line"} - QUESTIONS
    for name, definer, config, language, source, bound, owner in functions:
        fixed = bool(config) and "search_path=unbroken, pg_temp" in config
        # One that an earlier statement inlines has no settings of its own, and is called by functions that do.
        # The questions, which run as who asks, have their names bound instead.
        assert fixed or (language == "sql" and not definer and (bound if name in QUESTIONS else name not in called)), (
            name
        )
        assert source or bound, name
        assert owner == "unbroken_owner"


def test_views_show_what_the_reader_itself_may_see(filled: Database) -> None:
    options = filled.admin.execute(
        "select relname, reloptions from pg_class where relnamespace = 'unbroken'::regnamespace and relkind ="
        " 'v' order by 1"
    ).fetchall()
    wanted = ["security_invoker=true", "security_barrier=true"]
    assert options == [("agent_audit", wanted), ("audit_log", wanted)]
    with filled.admin.transaction(force_rollback=True):
        filled.disarm()
        filled.admin.execute("grant select on unbroken.agent_audit to unbroken_writer")
        filled.admin.execute("set local role unbroken_writer")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            filled.admin.execute("select * from unbroken.agent_audit")


def test_no_group_role_is_more_than_it_should_be(filled: Database) -> None:
    attributes = filled.admin.execute(
        "select rolname from pg_roles where rolname ^@ 'unbroken_'"
        " and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)"
    )
    assert attributes.fetchall() == []
    above = filled.admin.execute(
        "select r.rolname, m.roleid::regrole::text from pg_auth_members m join pg_roles r on r.oid = m.member"
        " where r.rolname ^@ 'unbroken_' or r.rolname = any (%s) order by 1",
        (list(LOGINS),),
    )
    assert above.fetchall() == sorted(
        [*((login, f"unbroken_{login}") for login in LOGINS), ("unbroken_owner", "pg_signal_backend")]
    )


def test_the_owner_has_no_member_after_an_install(database: Database) -> None:
    database.admin.execute("drop event trigger unbroken_refuse_ddl")
    database.admin.execute("comment on schema unbroken is 'older'")
    install(database.admin)
    members = database.admin.execute(
        "select pg_get_userbyid(member), to_jsonb(m) from pg_auth_members m where roleid = 'unbroken_owner'::regrole"
    )
    assert members.fetchall() == []


# ---- Names that stand in the way ----


def test_nothing_in_a_schema_that_comes_first_is_used(database: Database) -> None:
    evil = (
        "create schema evil",
        "create function evil.sha256(bytea) returns bytea language sql as $$ select '\\x00'::bytea $$",
        "create function evil.caller() returns text language sql as $$ select 'mallory' $$",
        "create function evil.clock_timestamp() returns timestamptz return '2000-01-01'::timestamptz",
        "create function evil.log_for_writer(text) returns int language sql as $$ select 1 $$",
        "create function evil.to_json(text) returns json language sql as $$ select '1'::json $$",
        "create function evil.convert_to(text, name) returns bytea language sql as $$ select '\\x00'::bytea $$",
        "create function evil.unnest(text[]) returns setof text language sql as $$ select 'x' $$",
        "create function evil.truth(text, text) returns boolean language sql as $$ select true $$",
        "create operator evil.~ (leftarg = text, rightarg = text, function = evil.truth)",
        "create operator evil.= (leftarg = text, rightarg = text, function = evil.truth)",
        "create table evil.logs (log int, origin text, incarnation int)",
        "create table evil.entries (like unbroken.entries)",
        "create table evil.event_ids (like unbroken.event_ids)",
        "create table evil.sessions (like unbroken.sessions)",
        "create type evil.event as (actor_id text)",
        "grant all on schema evil to public",
        "grant all on all tables in schema evil to public",
    )
    for statement in evil:
        database.admin.execute(statement.encode())
    with database.connect("writer") as writer:
        writer.execute("set search_path = evil, pg_catalog, unbroken")
        append(writer, [sent({"inputs": "1"}, session_id="s"), sent()])
        append(writer, [sent(session_id="s")])
        raw.refused(database, writer, [sent(ts="x" * 27)])
    assert raw.both_accept(database) == 3
    assert {entry.writer for entry in raw.read_all(database)} == {"writer"}
    with database.connect("verifier") as verifier:
        verifier.execute("set search_path = evil, pg_catalog, unbroken")
        assert len(raw.rows(verifier, "agent_audit")) == 3


@pytest.mark.parametrize("login", LOGINS)
def test_temporary_objects_can_not_stand_in_the_way(database: Database, login: str) -> None:
    with database.connect(login) as connection:
        assert privilege(connection, "create temporary table logs (log int, origin text, incarnation int)") == "42501"
        assert (
            privilege(connection, "create function pg_temp.caller() returns text language sql as 'select 1::text'")
            == "42501"
        )
    database.admin.execute(sql.SQL("grant temporary on database {} to public").format(sql.Identifier(database.name)))
    if login == "writer":
        with database.connect(login) as connection:
            connection.execute("create temporary table logs (log int, origin text, incarnation int)")
            connection.execute("create temporary table grants (log int, login text, duty text)")
            connection.execute("create temporary table entries (like pg_class)")
            connection.execute("insert into logs values (1, 'x', 1)")
            append(connection, [sent(), sent()])
        assert raw.both_accept(database) == 2


# ---- What readers see ----


def test_views_have_the_documented_columns(filled: Database) -> None:
    for view, names in (("agent_audit", AGENT_AUDIT), ("audit_log", AUDIT_LOG)):
        cursor = filled.admin.execute(sql.SQL("select * from unbroken.{} limit 0").format(sql.Identifier(view)))
        assert [column.name for column in cursor.description or ()] == [*names.split(), "log", "seq"]


def test_views_say_what_the_entries_say(filled: Database) -> None:
    with filled.connect("verifier") as verifier:
        audit = verifier.execute(
            "select id::text, to_char(ts at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), actor_id,"
            " agent_id, session_id,"
            " event_type, prompt_hash, inputs::text, outputs::text, decision::text, tokens, cost_usd::text,"
            " prev_hash, hash"
            " from unbroken.agent_audit order by log, seq"
        ).fetchall()
        log = verifier.execute(
            "select id::text, timestamp, action, actor_id, actor_type, conversation_id, agent_name,"
            " resource_type, resource_id,"
            " details::text, data_classification, integrity_hash, previous_hash from unbroken.audit_log order"
            " by log, seq"
        ).fetchall()
    entries = raw.read_all(filled)
    assert len(entries) == len(audit) == len(log) == 3
    for entry, one, other in zip(entries, audit, log, strict=True):
        event = json.loads(entry.event)
        get = event.get
        tokens = None if get("input_tokens") is None else event["input_tokens"] + event["output_tokens"]
        decision = None if get("decision") is None else json.dumps(event["decision"], separators=(",", ":"))
        parts = {name: part.value.decode() for name, part in entry.parts.items()}
        hashes = (entry.prev_hash.hex(), entry.hash.hex())
        assert one == (
            *(get(key) for key in ("id", "ts", "actor_id", "agent_id", "session_id", "event_type", "prompt_hash")),
            *(parts.get("inputs"), parts.get("outputs"), decision, tokens, get("cost_usd"), *hashes),
        )
        assert other[:1] + other[2:] == (
            *(get(key) for key in ("id", "event_type", "actor_id", "actor_type", "session_id", "agent_name")),
            *(get("resource_type"), get("resource_id"), parts.get("details"), get("classification"), *reversed(hashes)),
        )


def test_tokens_are_shown_also_when_only_one_kind_was_counted(database: Database) -> None:
    with database.connect("writer") as writer:
        append(writer, [sent(input_tokens=3), sent(output_tokens=4), sent(input_tokens=1, output_tokens=2), sent()])
    shown = database.admin.execute("select tokens from unbroken.agent_audit order by seq").fetchall()
    assert shown == [(3,), (4,), (3,), (None,)]


def test_views_bear_every_value_that_the_door_lets_in(database: Database) -> None:
    extremes = sent(
        {"inputs": '"\\ud83d\\ude00"', "details": ' {"a":1,"a":2} '},
        cost_usd="9" * 1000,
        input_tokens=2**53 - 1,
        output_tokens=2**53 - 1,
        ts="0001-01-01T00:00:00.000000Z",
        actor_id="\x01\x7f\u2028",
    )
    with database.connect("writer") as writer:
        append(writer, [extremes, sent(ts="9999-12-31T23:59:59.999999Z", cost_usd="0." + "0" * 1000 + "1")])
    for login in ("verifier", "compliance"):
        with database.connect(login) as connection:
            raw.open_ticket(connection)
            assert len(raw.rows(connection, "agent_audit")) >= len(raw.rows(connection, "audit_log")) >= 2
    raw.both_accept(database)


def test_the_databases_line_is_the_line_that_was_hashed(database: Database) -> None:
    with database.connect("writer") as writer:
        append(writer, [sent({"inputs": "1"}, session_id="é"), sent(agent_id='q"\\\n')])
    with database.connect("verifier") as verifier, database.connect("legal") as legal:
        raw.open_ticket(legal)
        lines = verifier.execute("select unbroken.line(e) from unbroken.entries e order by seq").fetchall()
        assert legal.execute("select unbroken.line(e) from unbroken.entries e order by seq").fetchall() == lines
    assert [line.encode() for (line,) in lines] == [entry.line for entry in raw.read_all(database, LOG)]
