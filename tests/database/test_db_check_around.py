"""What `unbroken db check` finds around the schema: its guards, roles, settings, and ways past it."""

import pytest

from tests.conftest import _SERVERS, LOG, Server
from tests.database.tampered import Admin, Tampering, disarm, findings, found_after, is_found
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import Installation
from unbroken.store import administration
from unbroken.store.check import check
from unbroken.store.connection import connect
from unbroken.store.facts import impostors_among
from unbroken.store.migrations import install
from unbroken.store.sql import script

# ---- Tampering with the guards ----

OFF = "drop event trigger unbroken_refuse_ddl; drop event trigger unbroken_refuse_drop;"
ON = script("ddl_guard")[script("ddl_guard").index("drop event trigger") :]

GUARDS = [
    Tampering(
        "drop event trigger unbroken_refuse_drop", "guards", "event trigger unbroken_refuse_drop", "is not there"
    ),
    Tampering(OFF, "guards", "event trigger unbroken_refuse_ddl", "is not there"),
    Tampering(
        "alter event trigger unbroken_refuse_ddl disable",
        "guards",
        "event trigger unbroken_refuse_ddl",
        "runs is: never on ddl_command_end",
    ),
    Tampering(
        "alter event trigger unbroken_refuse_ddl enable",
        "guards",
        "event trigger unbroken_refuse_ddl",
        "not as replica",
    ),
    Tampering(
        f"{OFF} create event trigger unbroken_refuse_ddl on ddl_command_end when tag in ('COMMENT')"
        " execute function unbroken_guard.refuse_ddl()",
        "guards",
        "event trigger unbroken_refuse_ddl",
        "for COMMENT",
    ),
    Tampering(
        f"{OFF} create or replace function unbroken_guard.refuse_ddl() returns event_trigger language plpgsql"
        f" security definer set search_path = pg_catalog, pg_temp as $$ begin end $$; {ON}",
        "guards",
        "function unbroken_guard.refuse_ddl()",
        "functions body is",
    ),
    Tampering(
        f"{OFF} grant execute on function unbroken_guard.refuse_ddl() to public; {ON}",
        "guards",
        "function unbroken_guard.refuse_ddl()",
        "privileges PUBLIC is not",
    ),
    Tampering(
        f"{OFF} alter function unbroken_guard.facts() owner to unbroken_owner; {ON}",
        "guards",
        "function unbroken_guard.facts()",
        "owner is: unbroken_owner; released as: a superuser",
    ),
    Tampering(
        f"{OFF} grant select, update on unbroken_guard.seal to unbroken_owner; {ON}",
        "guards",
        "table unbroken_guard.seal",
        "privileges unbroken_owner is not",
    ),
    Tampering(
        f"{OFF} create function unbroken_guard.state(int) returns text language sql as 'select null::text'; {ON}",
        "strangers",
        "function unbroken_guard.state(integer)",
    ),
]


@pytest.mark.parametrize("case", GUARDS, ids=lambda case: case.statements[-60:])
def test_tampering_with_the_guards_is_found(admin: Admin, case: Tampering) -> None:
    admin.execute(case.statements.encode())
    found = findings(check(admin))
    is_found(Tampering(case.statements, "guards", case.object, case.found), found)
    assert {each[0] for each in found} == {"guards"}


def without_guards(admin: Admin) -> None:
    disarm(admin)
    admin.execute("drop schema unbroken_guard cascade")


def test_guards_that_were_never_there_are_told_and_are_no_fault(admin: Admin) -> None:
    without_guards(admin)
    ((name, severity, _, found),) = findings(check(admin))
    assert (name, severity, "only a superuser" in found) == ("guards", "warning", True), "a superuser could make them"
    admin.execute("set local role ops")
    assert [each[:2] for each in findings(check(admin))] == [("guards", "note")]


def test_guards_can_be_demanded(admin: Admin) -> None:
    without_guards(admin)
    assert [each[:2] for each in findings(check(admin, guarded=True))] == [("guards", "fault")]


# ---- Tables that a verifier reads ----


@pytest.mark.parametrize(
    ("statements", "impostors"),
    [
        ("select 1", []),
        ("create policy hide on unbroken.entries as restrictive for select using (seq > 1)", ["entries"]),
        ("alter policy verifier on unbroken.payloads using (seq > 1)", ["payloads"]),
        ("drop policy owner on unbroken.sessions", ["sessions"]),
        ("alter table unbroken.event_ids no force row level security", ["event_ids"]),
        ("create rule gone as on insert to unbroken.event_ids do instead nothing", ["event_ids"]),
        ("create table public.more () inherits (unbroken.logs)", ["logs"]),
        ("create table public.more partition of unbroken.entries for values from (77, 1) to (77, 9)", ["entries"]),
        (
            "alter table unbroken.sessions rename to t; create view unbroken.sessions as table unbroken.t",
            ["sessions"],
        ),
        ("alter table unbroken.event_ids rename to was", ["event_ids"]),
        ("alter table unbroken.grants disable row level security", []),
    ],
)
def test_a_table_that_could_show_other_rows_is_told(admin: Admin, statements: str, impostors: list[str]) -> None:
    disarm(admin)
    admin.execute(statements.encode())
    assert impostors_among(admin, ["logs", "entries", "payloads", "event_ids", "sessions"]) == impostors


# ---- Roles, settings, and what goes around the schema ----

WARNING, NOTE = "warning", "note"

OUTSIDE = [
    Tampering("grant unbroken_owner to writer", "owner", "role writer", "can act as unbroken_owner:"),
    Tampering(
        "create role staff; grant unbroken_owner to staff; grant staff to verifier",
        "owner",
        "role verifier",
        "can act as unbroken_owner through staff:",
    ),
    Tampering("alter role unbroken_writer login", "groups", "role unbroken_writer", "can log in"),
    Tampering("alter role unbroken_owner superuser", "groups", "role unbroken_owner", "is a superuser"),
    Tampering("alter role unbroken_ops bypassrls", "groups", "role unbroken_ops", "bypasses row security"),
    Tampering("grant unbroken_verifier to unbroken_ops", "groups", "role unbroken_ops", "member of unbroken_verifier"),
    Tampering("grant pg_read_all_data to unbroken_ops", "groups", "role unbroken_ops", "member of pg_read_all_data"),
    Tampering("alter role unbroken_legal rename to x", "groups", "role unbroken_legal", "is not there"),
    Tampering("grant unbroken_ops to ops with admin option", "groups", "role ops", "may make any login", NOTE),
    Tampering("grant unbroken_verifier to writer", "duties", "role writer", "writer and verifier: it would", WARNING),
    Tampering("grant unbroken_retention to writer", "duties", "role writer", "it could record, and", WARNING),
    Tampering("grant unbroken_access to ops", "duties", "role ops", "ops and access: it could grant", WARNING),
    Tampering("grant unbroken_writer to ops", "duties", "role ops", "holds the duties writer and ops; a login", NOTE),
    Tampering("grant unbroken_owner to ops", "duties", "role ops", "owner and ops: it can do everything", WARNING),
    Tampering(
        "create role staff; grant unbroken_verifier to staff; grant staff to writer",
        "duties",
        "role writer",
        "writer and verifier",
        WARNING,
    ),
    Tampering("alter role verifier superuser", "powers", "role verifier", "is a superuser"),
    Tampering("alter role ops bypassrls", "powers", "role ops", "bypasses row security"),
    Tampering("alter role writer replication", "powers", "role writer", "replication"),
    Tampering("alter role writer createdb", "powers", "role writer", "may make databases", NOTE),
    Tampering("create role boss bypassrls; grant boss to ops", "powers", "role ops", "bypasses row security as boss"),
    Tampering("grant pg_read_all_data to ops", "predefined", "role ops", "member of pg_read_all_data, which reads"),
    Tampering(
        "create role staff; grant pg_write_all_data to staff; grant staff to writer",
        "predefined",
        "role writer",
        "is a member of pg_write_all_data through staff",
    ),
    Tampering("grant pg_signal_backend to writer", "predefined", "role writer", "ends the sessions", WARNING),
    Tampering("grant pg_monitor to ops", "predefined", "role ops", "pg_monitor", NOTE),
    Tampering(
        "alter table unbroken.grants disable trigger user;"
        "insert into unbroken.grants (log, login, duty, granted_at, granted_by)"
        " values (1, 'nobody', 'writer', now(), 'x');"
        "alter table unbroken.grants enable always trigger refuse_untold_grant",
        "grants",
        "role nobody",
        f"is granted writer in {LOG}~1, and there is no such login",
        WARNING,
    ),
    Tampering(
        "revoke unbroken_writer from writer", "grants", "role writer", "is no member of unbroken_writer", WARNING
    ),
    Tampering(
        "create role idle login; grant unbroken_ops to idle", "grants", "role idle", "has no grant in this", NOTE
    ),
    Tampering(
        "grant set on parameter session_replication_role to writer",
        "parameters",
        "parameter session_replication_role",
        "writer may set it",
    ),
    Tampering("grant alter system on parameter fsync to public", "parameters", "parameter fsync", "PUBLIC may alter"),
    Tampering(
        "grant set on parameter log_statement to ops",
        "parameters",
        "parameter log_statement",
        "ops may set it",
        WARNING,
    ),
    Tampering(
        "alter role verifier set search_path = public", "settings", "role verifier", "search_path = pub", WARNING
    ),
    Tampering("alter role writer set synchronous_commit = off", "settings", "role writer", "synchronous_com", WARNING),
    Tampering(
        "alter role writer in database postgres set row_security = off",
        "settings",
        "role writer in this database",
        "row_security = off",
        WARNING,
    ),
    Tampering("alter database postgres set search_path = public", "settings", "this database", "search_path", WARNING),
    Tampering(
        "alter database postgres set session_replication_role = replica",
        "settings",
        "this database",
        "session_replication_role = replica",
    ),
    Tampering(
        "alter role all set session_replication_role = replica",
        "settings",
        "every database",
        "session_replication_role",
    ),
    Tampering(
        "create role dba superuser; alter role dba set session_replication_role = replica",
        "settings",
        "role dba",
        "session_replication_role = replica",
    ),
    Tampering("grant temporary on database postgres to public", "database", "database postgres", "PUBLIC", WARNING),
    Tampering("grant create on database postgres to ops", "database", "database postgres", "ops may make sch", WARNING),
    Tampering("grant create on database postgres to public", "database", "database postgres", "PUBLIC may m", NOTE),
    Tampering("alter database postgres owner to writer", "database", "database postgres", "belongs to writer", WARNING),
    Tampering("grant create on schema public to public", "database", "schema public", "PUBLIC may create", NOTE),
    Tampering(
        "create publication everything for all tables",
        "replication",
        "publication everything",
        "publishes inserts, updates, deletes, truncates of unbroken.access_requests, unbroken.agents",
        WARNING,
    ),
    Tampering(
        "create publication part for table unbroken.payloads with (publish = 'insert')",
        "replication",
        "publication part",
        "publishes inserts of unbroken.payloads",
        NOTE,
    ),
    Tampering(
        "create publication one for table unbroken.entries_1_0",
        "replication",
        "publication one",
        "of unbroken.entries",
        WARNING,
    ),
    Tampering(
        "create publication space for tables in schema unbroken", "replication", "publication space", "", WARNING
    ),
    Tampering(
        "create subscription feed connection 'dbname=x' publication p with (connect = false);"
        "insert into pg_subscription_rel select oid, 'unbroken.event_ids'::regclass, 'i' from pg_subscription",
        "replication",
        "subscription feed",
        "writes into unbroken.event_ids",
    ),
    Tampering(
        "create function pg_catalog.clock_timestamp(int default 1) returns timestamptz language sql as 'select now()'",
        "catalogue",
        "function clock_timestamp(integer) of sql",
        "PostgreSQL has a function of that name",
    ),
    Tampering(
        "create or replace function pg_catalog.sha256(bytea) returns bytea language plpgsql"
        " as $$ begin return ''; end $$",
        "catalogue",
        "function sha256(bytea)",
        "its body is of plpgsql",
    ),
    Tampering(
        "create operator pg_catalog.= (leftarg = int, rightarg = text, function = public.eq)",
        "catalogue",
        "operator =(integer,text)",
        "is not PostgreSQL's",
    ),
    Tampering("create cast (text as uuid) with inout as implicit", "catalogue", "cast (text as uuid)"),
]


@pytest.mark.parametrize("case", OUTSIDE, ids=lambda case: case.statements[:60])
def test_what_goes_around_the_schema_is_found(admin: Admin, case: Tampering) -> None:
    disarm(admin)
    is_found(case, found_after(admin, case))


def test_a_role_that_may_make_roles_weighs_as_much_as_its_version_lets_it(cluster: Cluster, admin: Admin) -> None:
    admin.execute("alter role ops createrole")
    severity = "fault" if admin.info.server_version < 160000 else "warning"
    assert findings(check(admin)) == [("powers", severity, "role ops", "may make roles")]


def test_admin_on_the_owner_is_a_warning_where_versions_give_it_apart(cluster: Cluster, admin: Admin) -> None:
    """From 16 on whoever makes a role holds ADMIN on it and nothing else, and can't be kept from it."""
    admin.execute("create role installer login createrole")
    if admin.info.server_version < 160000:
        admin.execute("grant unbroken_owner to installer with admin option")
    else:
        admin.execute("grant unbroken_owner to installer with admin true, inherit false, set false")
    of_owner = [each for each in findings(check(admin)) if each[0] == "owner"]
    assert [each[1:3] for each in of_owner] == [
        ("fault" if admin.info.server_version < 160000 else "warning", "role installer")
    ]


def test_what_an_installation_without_a_superuser_leaves_is_told(server: Server) -> None:
    for new in _SERVERS[server.kind]():
        new.execute("create role installer login createrole")
        new.execute("create database owned owner installer")
        with connect(new.conninfo("installer", "owned")) as installer:
            install(installer)
            administration.create_log(installer, LOG)
            administration.add_login(installer, "ops", duty="ops", password=None)
            administration.install_grant(installer, LOG, "ops", duty="ops")
        with connect(new.conninfo("ops", "owned")) as connection:
            told = [each[:3] for each in findings(check(connection)) if each[0] != "server"]
    handing_out = [] if server.kind == "debian15" else [("groups", "note", "role installer")]
    assert told == [
        ("guards", "note", "event triggers of unbroken"),
        ("owner", "warning", "role installer"),
        *handing_out,
    ]


def test_grants_that_a_login_does_not_see_are_not_judged(cluster: Cluster, admin: Admin) -> None:
    """It sees those of its own logs, so that a membership without one may have it elsewhere."""
    admin.execute("create role idle login")
    admin.execute("grant unbroken_ops to idle")
    assert [each[2] for each in findings(check(admin))] == ["role idle"]
    admin.execute("set local role ops")
    assert findings(check(admin)) == []


def test_settings_of_the_server_are_told(installation: Installation) -> None:
    weak = {"fsync": "off", "full_page_writes": "off", "listen_addresses": "*", "password_encryption": "md5"}
    with cluster_of(installation, settings={**weak, "synchronous_commit": "off"}) as running, running.admin() as admin:
        found = [(severity, name) for check_, severity, name, _ in findings(check(admin)) if check_ == "server"]
    settings = ("fsync", "full_page_writes", "password_encryption", "ssl", "synchronous_commit")
    assert sorted(found) == [("warning", f"setting {name}") for name in settings]
