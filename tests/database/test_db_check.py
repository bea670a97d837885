"""What `unbroken db check` finds: nothing in a fresh installation, and each of many ways to weaken its schema.

Every tampering is made by a superuser who took the guards against DDL away first, and undone after it was looked for.
"""

from datetime import timedelta

import psycopg
import pytest

from tests.conftest import Server
from tests.database.schema_facts import fresh_facts
from tests.database.tampered import Admin, Tampering, disarm, findings, found_after, is_found
from tests.faults.cluster import Cluster
from unbroken.errors import SchemaError, UnavailableError
from unbroken.store.check import WHY, check
from unbroken.store.connection import connect
from unbroken.store.facts import PARTITION, differences, guard_objects, released, schema_objects
from unbroken.store.sql import query

# ---- As released ----


def test_a_fresh_installation_has_nothing_to_tell(cluster: Cluster, admin: Admin) -> None:
    outcomes = check(admin)
    assert [each.name for each in outcomes] == list(WHY)
    assert findings(outcomes) == []
    assert [each.undone for each in outcomes] == [None] * len(outcomes)
    assert findings(check(admin, guarded=True)) == []


def test_a_fresh_installation_is_what_the_manifest_says(server: Server) -> None:
    """Run ``python -m tests.database.schema_facts`` after any change of the schema."""
    facts = fresh_facts(server.conninfo("postgres", "postgres"))
    assert list(differences(facts, [*schema_objects(), *guard_objects()])) == []
    assert {PARTITION.sub(r"table unbroken.\1_LOG_NUMBER", fact.object) for fact in facts} == set(released())


def test_no_property_is_told_twice(server: Server) -> None:
    """One of two values would hide the other."""
    facts = fresh_facts(server.conninfo("postgres", "postgres"))
    assert len(facts) > 1000
    assert len({(fact.object, fact.check, fact.property) for fact in facts}) == len(facts)


def test_what_every_definer_relies_on_is_in_the_manifest() -> None:
    """The facts say something of what matters most, so that no query can lose it unnoticed."""
    of = released()
    door = next(name for name in of if name.startswith("function unbroken.append("))
    assert of[door]["functions", "runs as"] == {"its owner"}
    assert of[door]["functions", "setting search_path"] == {"unbroken, pg_temp"}
    assert of["table unbroken.entries"]["row_security", "row security"] == {"enabled and forced"}
    assert of["table unbroken.entries_LOG_NUMBER"]["row_security", "row security"] == {"enabled and forced"}
    assert ("row_security", "policy verifier") in of["table unbroken.entries"]
    assert of["view unbroken.audit_log"]["views", "options"] == {"security_barrier=true, security_invoker=true"}
    assert not any(key[1].endswith("PUBLIC") for facts in of.values() for key in facts)
    assert {
        value[:6]
        for name, facts in of.items()
        if name.startswith("table unbroken.")
        for key, values in facts.items()
        if key[1].startswith("trigger")
        for value in values
    } == {"always"}


@pytest.mark.parametrize("login", ["verifier", "ops", "writer"])
def test_any_login_can_check(cluster: Cluster, login: str) -> None:
    with connect(cluster.conninfo(login)) as connection:
        outcomes = check(connection)
    assert findings(outcomes) == []
    undone = {each.name for each in outcomes if each.undone is not None}
    assert undone == ({"migrations", "grants"} if login == "writer" else set())


def test_a_check_changes_nothing_and_leaves_the_session_as_it_was(cluster: Cluster) -> None:
    with connect(cluster.conninfo("verifier")) as connection:
        asked = "select current_setting('search_path'), current_setting('transaction_read_only')"
        before = connection.execute(asked).fetchone()
        check(connection)
        assert connection.execute(asked).fetchone() == before
    assert "transaction_read_only = on" in query("steady", of="check")


def test_what_a_login_was_set_to_changes_nothing(cluster: Cluster) -> None:
    """Names that could be looked up elsewhere, and another way of printing: neither makes or hides a difference."""
    options = "-c search_path=unbroken,public -c quote_all_identifiers=on -c IntervalStyle=iso_8601 -c DateStyle=German"
    with connect(psycopg.conninfo.make_conninfo(cluster.conninfo("ops"), options=options)) as connection:
        assert findings(check(connection)) == []


def test_a_database_without_a_schema_is_no_finding(cluster: Cluster, admin: Admin) -> None:
    disarm(admin)
    admin.execute("drop schema unbroken cascade")
    with pytest.raises(SchemaError, match="unbroken init"):
        check(admin)


def test_patience_ends(cluster: Cluster, admin: Admin) -> None:
    with pytest.raises(UnavailableError):
        check(admin, patience=timedelta(milliseconds=1))


# ---- Tampering with the schema ----

NOOP = (
    "returns trigger language plpgsql set search_path = unbroken, pg_temp as $$ begin return coalesce(new, old); end $$"
)
APPEND = "text,text[],text[],bytea[],text[],bytea[],text[],bytea[],text,bytea[]"

SCHEMA = [
    # What functions do.
    Tampering(
        f"create or replace function unbroken.refuse_change() {NOOP}",
        "functions",
        "function unbroken.refuse_change()",
        "body is",
    ),
    Tampering(
        "alter function unbroken.describe_log(text) reset all",
        "functions",
        "function unbroken.describe_log(text)",
        "setting search_path is missing",
    ),
    Tampering(
        "alter function unbroken.refuse_change() set search_path = public, unbroken",
        "functions",
        "function unbroken.refuse_change()",
        "setting search_path is: public, unbroken",
    ),
    Tampering(
        "alter function unbroken.granted_logs() set row_security = off",
        "functions",
        "function unbroken.granted_logs()",
        "setting row_security is not the release's",
    ),
    Tampering(
        f"alter function unbroken.append({APPEND}) security invoker",
        "functions",
        f"function unbroken.append({APPEND})",
        "runs as is: its caller",
    ),
    Tampering(
        "alter function unbroken.readable_logs() immutable", "functions", "function unbroken.readable_logs()", "kind is"
    ),
    Tampering(
        "alter function unbroken.granted_logs() leakproof", "functions", "function unbroken.granted_logs()", "leakproof"
    ),
    Tampering("drop function unbroken.log_size(text)", "functions", "function unbroken.log_size(text)", "is not there"),
    # What stands in the schema.
    Tampering(
        "create function unbroken.describe_log(name) returns int language sql as 'select 1'",
        "strangers",
        "function unbroken.describe_log(name)",
        "is not the release's",
    ),
    Tampering(
        "create table unbroken.more as select * from unbroken.logs",
        "strangers",
        "table unbroken.more",
        "is not the release's",
    ),
    Tampering(
        "create materialized view unbroken.copy as select * from unbroken.entries",
        "strangers",
        "materialized view unbroken.copy",
    ),
    Tampering("create sequence unbroken.s", "strangers", "sequence unbroken.s"),
    Tampering("create type unbroken.mood as enum ('ok')", "strangers", "type unbroken.mood"),
    Tampering("create domain unbroken.d as int", "strangers", "type unbroken.d"),
    Tampering('create collation unbroken.c from "C"', "strangers", "collation c"),
    Tampering("create cast (unbroken.event as text) with inout", "strangers", "cast (unbroken.event as text)"),
    Tampering(
        "create operator unbroken.= (leftarg = int, rightarg = text, function = pg_catalog.int4_sum)".replace(
            "pg_catalog.int4_sum", "public.eq"
        ),
        "strangers",
        "operator unbroken.=(integer,text)",
    ),
    Tampering(
        "create table public.child () inherits (unbroken.sessions)",
        "strangers",
        "table unbroken.sessions",
        "child public.child",
    ),
    Tampering(
        "create table public.refers (log int references unbroken.logs on delete cascade)",
        "strangers",
        "table unbroken.logs",
        "foreign key refers_log_fkey of public.refers",
    ),
    # Tables.
    Tampering("alter table unbroken.entries add more text", "tables", "table unbroken.entries", "column more is not"),
    Tampering(
        "alter table unbroken.entries alter hash drop not null", "tables", "table unbroken.entries", "column hash is"
    ),
    Tampering(
        "alter table unbroken.sessions alter entries type numeric",
        "tables",
        "table unbroken.sessions",
        "column entries is: 3: numeric",
    ),
    Tampering(
        "alter table unbroken.entries_1_0 alter writer set default 'x'",
        "tables",
        "table unbroken.entries_1_0",
        "column writer is",
    ),
    Tampering(
        "alter table unbroken.event_ids drop constraint event_ids_pkey",
        "tables",
        "table unbroken.event_ids",
        "constraint event_ids_pkey is missing",
    ),
    Tampering(
        "alter table unbroken.entries add constraint few check (seq < 10) not valid",
        "tables",
        "table unbroken.entries",
        "constraint few is not the release's",
    ),
    Tampering(
        "alter table unbroken.access_requests drop constraint access_requests_check1",
        "tables",
        "table unbroken.access_requests",
        "constraint access_requests_check1 is missing",
    ),
    Tampering("alter table unbroken.grants disable trigger all", "tables", "table unbroken.grants", "(not enforced)"),
    Tampering(
        "drop index unbroken.entries_log_session_id_seq_idx",
        "tables",
        "table unbroken.entries",
        "index entries_log_session_id_seq_idx is missing",
    ),
    Tampering(
        "create index peep on unbroken.entries_1_0 (upper(event))",
        "tables",
        "table unbroken.entries_1_0",
        "index peep is not the release's",
    ),
    Tampering(
        "update pg_index set indisvalid = false where indexrelid = 'unbroken.event_ids_pkey'::regclass",
        "tables",
        "table unbroken.event_ids",
        "(not in use)",
    ),
    Tampering("alter table unbroken.sessions set unlogged", "tables", "table unbroken.sessions", "unlogged"),
    Tampering("alter sequence unbroken.logs_log_seq cycle", "tables", "sequence unbroken.logs_log_seq", "again"),
    Tampering("alter type unbroken.event add attribute zz text", "tables", "type unbroken.event", "column zz is not"),
    # Triggers.
    Tampering(
        "alter table unbroken.event_ids disable trigger refuse_change",
        "triggers",
        "table unbroken.event_ids",
        "trigger refuse_change is: disabled",
    ),
    Tampering(
        "alter table unbroken.sessions enable replica trigger refuse_uncounting",
        "triggers",
        "table unbroken.sessions",
        "trigger refuse_uncounting is: only as replica",
    ),
    Tampering(
        "alter table unbroken.entries_1_0 enable trigger refuse_change",
        "triggers",
        "table unbroken.entries_1_0",
        "trigger refuse_change is: not as replica",
    ),
    Tampering(
        "drop trigger refuse_truncate on unbroken.payloads_1_0",
        "triggers",
        "table unbroken.payloads_1_0",
        "trigger refuse_truncate is missing",
    ),
    Tampering(
        "create trigger spy before insert on unbroken.payloads for each row execute function unbroken.refuse_change()",
        "triggers",
        "table unbroken.payloads_1_0",
        "trigger spy is not the release's",
    ),
    Tampering(
        "create or replace trigger refuse_change before delete on unbroken.recorders"
        " for each row execute function unbroken.refuse_change();"
        "alter table unbroken.recorders enable always trigger refuse_change",
        "triggers",
        "table unbroken.recorders",
        "trigger refuse_change is: always: BEFORE DELETE FOR",
    ),
    Tampering(
        "create rule lose as on insert to unbroken.event_ids do instead nothing",
        "triggers",
        "table unbroken.event_ids",
        "rule lose is not the release's",
    ),
    # Row security.
    Tampering(
        "drop policy verifier on unbroken.entries",
        "row_security",
        "table unbroken.entries",
        "policy verifier is missing",
    ),
    Tampering("drop policy owner on unbroken.event_ids", "row_security", "table unbroken.event_ids", "policy owner is"),
    Tampering(
        "alter policy ticketed on unbroken.payloads using (true)",
        "row_security",
        "table unbroken.payloads",
        "policy ticketed is: permissive select to unbroken_compliance, unbroken_dpo, unbroken_legal using (true)",
    ),
    Tampering(
        "alter policy ticketed on unbroken.entries to public",
        "row_security",
        "table unbroken.entries",
        "policy ticketed is: permissive select to PUBLIC",
    ),
    Tampering(
        "create policy more on unbroken.grants to unbroken_writer using (true)",
        "row_security",
        "table unbroken.grants",
        "policy more is not the release's",
    ),
    Tampering(
        "create policy hide on unbroken.entries as restrictive for select to unbroken_verifier using (seq > 1)",
        "row_security",
        "table unbroken.entries",
        "policy hide is not the release's: restrictive",
    ),
    Tampering(
        "create policy peep on unbroken.entries_1_0 using (true)",
        "row_security",
        "table unbroken.entries_1_0",
        "policy peep is not the release's",
    ),
    Tampering(
        "alter table unbroken.tickets disable row level security",
        "row_security",
        "table unbroken.tickets",
        "row security is: forced, not enabled",
    ),
    Tampering(
        "alter table unbroken.entries no force row level security",
        "row_security",
        "table unbroken.entries",
        "row security is: enabled, not forced",
    ),
    Tampering(
        "alter table unbroken.payloads_1_0 disable row level security",
        "row_security",
        "table unbroken.payloads_1_0",
        "row security is: forced, not enabled",
    ),
    Tampering(
        "alter table unbroken.entries_1_0 no force row level security",
        "row_security",
        "table unbroken.entries_1_0",
        "row security is: enabled, not forced",
    ),
    # Owners.
    Tampering("alter schema unbroken owner to postgres", "owners", "schema unbroken", "owner is: postgres"),
    Tampering("alter table unbroken.grants owner to access_boss", "owners", "table unbroken.grants", "access_boss"),
    Tampering("alter table unbroken.entries_1_0 owner to postgres", "owners", "table unbroken.entries_1_0", "postgres"),
    Tampering("alter view unbroken.audit_log owner to postgres", "owners", "view unbroken.audit_log", "postgres"),
    Tampering(
        f"alter function unbroken.append({APPEND}) owner to postgres",
        "owners",
        f"function unbroken.append({APPEND})",
        "owner is: postgres; released as: unbroken_owner",
    ),
    Tampering("alter type unbroken.event owner to postgres", "owners", "type unbroken.event", "postgres"),
    # Privileges.
    Tampering("grant usage on schema unbroken to public", "privileges", "schema unbroken", "PUBLIC is not the release"),
    Tampering("grant create on schema unbroken to unbroken_ops", "privileges", "schema unbroken", "CREATE, USAGE"),
    Tampering("grant select on unbroken.logs to public", "privileges", "table unbroken.logs", "PUBLIC is not"),
    Tampering(
        "grant select (actor_id) on unbroken.entries to unbroken_ops",
        "privileges",
        "table unbroken.entries",
        "column actor_id for unbroken_ops is not the release's: SELECT",
    ),
    Tampering(
        "grant select on unbroken.entries_1_0 to unbroken_verifier",
        "privileges",
        "table unbroken.entries_1_0",
        "unbroken_verifier is not",
    ),
    Tampering(
        "grant select on unbroken.recorders to unbroken_ops with grant option",
        "privileges",
        "table unbroken.recorders",
        "SELECT with grant option",
    ),
    Tampering("grant insert on unbroken.grants to writer", "privileges", "table unbroken.grants", "writer is not"),
    Tampering(
        "revoke select on unbroken.event_ids from unbroken_verifier",
        "privileges",
        "table unbroken.event_ids",
        "unbroken_verifier is missing",
    ),
    Tampering(
        "revoke insert on unbroken.event_ids from unbroken_owner", "privileges", "table unbroken.event_ids", "released"
    ),
    Tampering(
        "grant execute on function unbroken.attach_partition(integer, bigint) to unbroken_writer",
        "privileges",
        "function unbroken.attach_partition(integer,bigint)",
        "unbroken_writer is not",
    ),
    Tampering(
        "grant execute on function unbroken.granted_logs() to public",
        "privileges",
        "function unbroken.granted_logs()",
        "PUBLIC is not",
    ),
    Tampering("grant usage on sequence unbroken.logs_log_seq to ops", "privileges", "sequence unbroken.logs_log_seq"),
    Tampering("grant usage on type unbroken.event to public", "privileges", "type unbroken.event", "PUBLIC"),
    Tampering(
        "alter default privileges for role unbroken_owner grant execute on functions to public",
        "privileges",
        "default privileges of unbroken_owner",
        "is not there",
    ),
    Tampering(
        "alter default privileges for role unbroken_owner in schema unbroken grant select on tables to ops",
        "strangers",
        "default privileges of unbroken_owner in schema unbroken",
    ),
    # Views.
    Tampering(
        "alter view unbroken.audit_log set (security_invoker = false)",
        "views",
        "view unbroken.audit_log",
        "options is: security_barrier=true, security_invoker=false",
    ),
    Tampering(
        "alter view unbroken.agent_audit reset (security_barrier)", "views", "view unbroken.agent_audit", "options"
    ),
    Tampering(
        "do $$ begin execute 'create or replace view unbroken.audit_log with (security_invoker = true,"
        " security_barrier = true) as '"
        " || rtrim(pg_get_viewdef('unbroken.audit_log'), ';') || ' where e.seq > 1'; end $$",
        "views",
        "view unbroken.audit_log",
        "definition is",
    ),
    Tampering("drop view unbroken.agent_audit", "views", "view unbroken.agent_audit", "is not there"),
    # Partitions.
    Tampering(
        "alter table unbroken.entries detach partition unbroken.entries_1_0",
        "partitions",
        "table unbroken.entries_1_0",
        "attached is: no",
    ),
    Tampering(
        "drop table unbroken.entries_1_0, unbroken.payloads_1_0",
        "partitions",
        "table unbroken.payloads_1_0",
        "is not there",
    ),
    Tampering(
        "select unbroken.attach_partition(1, 1); drop table unbroken.payloads_1_1",
        "partitions",
        "table unbroken.payloads_1_1",
        "is not there",
    ),
    Tampering("select unbroken.attach_partition(1, 2)", "partitions", "table unbroken.entries_1_1", "is not there"),
    Tampering(
        "create table public.mine partition of unbroken.entries for values from (77, 1) to (77, 9)",
        "strangers",
        "table unbroken.entries",
        "child public.mine",
    ),
    Tampering(
        "create table public.rest partition of unbroken.payloads default", "strangers", "table unbroken.payloads"
    ),
    Tampering(
        "select unbroken.attach_partition(1, 1); alter table unbroken.entries detach partition unbroken.entries_1_1;"
        "alter table unbroken.entries attach partition unbroken.entries_1_1 for values from (9, 1) to (9, 2)",
        "partitions",
        "table unbroken.entries_1_1",
        "attached is: to unbroken.entries FOR VALUES FROM (9, '1') TO (9, '2')",
    ),
    Tampering(
        "create table unbroken.payloads_1_1 (like unbroken.entries including all);"
        "alter table unbroken.entries attach partition unbroken.payloads_1_1"
        " for values from (1, 1048577) to (1, 2097153)",
        "partitions",
        "table unbroken.payloads_1_1",
        "attached is: to unbroken.entries",
    ),
    # What stands outside, and what the schema says of itself.
    Tampering("comment on schema unbroken is 'unbroken of yesterday'", "release", "schema unbroken", "another release"),
    Tampering("comment on schema unbroken is null", "release", "schema unbroken", "does not say"),
    Tampering(
        "alter table unbroken.migrations disable trigger user;"
        "update unbroken.migrations set checksum = '' where number = 2",
        "migrations",
        "migration 2",
        "is not this release's",
    ),
    Tampering(
        "alter table unbroken.migrations disable trigger user; delete from unbroken.migrations where number = 2",
        "migrations",
        "migration 2",
        "was not applied",
    ),
    Tampering(
        "insert into unbroken.migrations (number, name, checksum) values (99, 'later', '')",
        "migrations",
        "migration 99",
        "does not know it",
    ),
]


@pytest.mark.parametrize("case", SCHEMA, ids=lambda case: case.statements[:60])
def test_tampering_with_the_schema_is_found(admin: Admin, case: Tampering) -> None:
    disarm(admin)
    is_found(case, found_after(admin, case))
