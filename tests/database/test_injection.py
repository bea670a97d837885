"""Hostile strings in every parameter that takes text: they stay data, whatever they look like.

Functions and parameters are read from the catalogue. What goes through the package and the command follows below.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from tests.conftest import LOG, Server
from tests.database import raw
from tests.database.calls import CALLS, Call
from tests.database.catalogue import Function, calling, functions
from tests.database.raw import MARKER
from tests.database.tenants import DUTIES, Tenants, tenants_on
from unbroken.cli.app import app
from unbroken.errors import UnbrokenError
from unbroken.store import administration
from unbroken.store.log_reader import LogReader

HOSTILE: Final = tuple(
    template.replace("@", MARKER)
    for template in (
        "@'",
        '@"',
        "@''",
        "'; drop table unbroken.entries cascade; -- @",
        "'); delete from public.canary; -- @",
        "' || (select pg_sleep(1)) || '@",
        "@' or '1'='1",
        "@'); select set_config('role', 'unbroken_owner', false); --",
        "$$@$$",
        "$body$ @ $body$; drop schema public cascade; $body$",
        "@ -- comment",
        "@ /* comment */",
        "/* @",
        "@\\",
        "@\\'; drop table canary; --",
        "E'\\x27@",
        "\\u0027@",
        "@\\u0000",
        "@%s",
        "%I %L %% @",
        "%1$s%2$s%99$s@",
        "{0}{1}{@}",
        "@\n; drop table canary;",
        "@\r\n\t\x01\x7f",
        "@\u02bc \uff07 \u2032 \u2019 \u2018 \uff02",
        "@\u202e\u2066\u200b\ufeff",
        "@\U0001f600\u0301",
        "unbroken.entries @",
        "pg_catalog, public; set search_path = evil -- @",
        "clinic.example/agents@~1",
        "@ as unbroken_owner",
        "unbroken_owner @",
        "*@?[a-z]+(.*)$",
        "'{@,\"}",
        '{"@": "\'"}',
        "null@",
        "@" + "x" * 300,
        "@" + "'" * 5_000,
        "(@" + "(" * 3_000,
        "@" + "é" * 70_000,
    )
)

KNOWN: Final = frozenset({"42501", "23505", "54000", "55P03"})
"""SQLSTATEs that may come besides those of class 22 and the schema's own."""
UNDONE: Final = frozenset({"close_log", "store_checkpoint", "store_key_statement"})
"""After which nothing more could be tried, or verification rightly finds that a note is none."""
TEXTUAL: Final = frozenset({"text", "text[]", "jsonb", "json"})


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Tenants]:
    """One database for all: nothing that is sent here may change what was there."""
    with tenants_on(server) as made:
        made.admin.execute("create table public.canary as select 1 as alive")
        made.open_tickets()
        made.admin.execute("create table public.before as select log, seq from unbroken.entries")
        yield made


def facts(tenants: Tenants) -> dict[str, Any]:
    """What no string may change: definitions, roles, settings, and every row that was there."""
    admin = tenants.admin
    return {
        "schema": tenants.scalar("select unbroken_guard.state()"),
        "canary": tenants.scalar("select count(*) from public.canary"),
        "classes": tenants.scalar("select count(*) from pg_class where relname !~ '^pg_toast'"),
        "roles": admin.execute("select rolname, rolsuper, rolcanlogin, rolconfig from pg_roles order by 1").fetchall(),
        "members": admin.execute("select roleid, member from pg_auth_members order by 1, 2").fetchall(),
        "settings": admin.execute(
            "select setdatabase, setrole, setconfig from pg_db_role_setting order by 1, 2"
        ).fetchall(),
        "logs": admin.execute("select origin from unbroken.logs order by 1").fetchall(),
        "entries": admin.execute(
            "select log, seq, hash from unbroken.entries natural join public.before order by 1, 2"
        ).fetchall(),
    }


def variants(kind: str, value: str) -> Iterator[Any]:
    """The value in the shapes that a parameter of this type takes."""
    if kind == "text":
        yield value
    elif kind == "text[]":
        yield [value]
        yield [value, None, value]
    else:
        yield json.dumps(value)
        yield json.dumps({"what": value})
        yield json.dumps({value: "x"})
        yield json.dumps({"session": value, "actor": value, "about": value})
        yield json.dumps([value])


def loads(function: Function, given: Mapping[str, Any], value: str) -> Iterator[dict[str, Any]]:
    """The arguments with the value in one textual parameter at a time, and in all at once."""
    textual = {name: kind for name, kind in function.parameters if kind in TEXTUAL}
    for name, kind in textual.items():
        for shaped in variants(kind, value):
            yield {**given, name: shaped}
    if len(textual) > 1:
        yield {**given, **{name: next(variants(kind, value)) for name, kind in textual.items()}}


def fire(tenants: Tenants, login: str, function: Function, arguments: Mapping[str, Any]) -> str | None:
    """Calls and commits, but for what is :data:`UNDONE`.

    Gives the SQLSTATE of a refusal, which must be a known one and not quote what was sent.
    """
    statement, values = calling(function, arguments)
    try:
        with tenants.login(login).transaction(force_rollback=function.name in UNDONE):
            tenants.login(login).execute(statement, values)
    except psycopg.DataError as error:
        if error.sqlstate is None:
            return None  # NUL: the client can't even send it
        return judged(error)
    except psycopg.Error as error:
        return judged(error)
    return None


def judged(error: psycopg.Error) -> str | None:
    state = error.sqlstate or ""
    assert state in KNOWN or state[:2] in {"22", "UB"}, raw.said(error)
    # Before any function runs, PostgreSQL itself says what is wrong with the JSON of an argument, and quotes it.
    if "PL/pgSQL" in raw.said(error) or state[:2] == "UB":
        assert MARKER not in raw.said(error), raw.said(error)
    return state


def callable_ones(tenants: Tenants) -> dict[str, tuple[Function, Call]]:
    """Each function that a duty may call and that takes text, with arguments that make sense."""
    first = {call.function: call for call in reversed(CALLS)}
    found = {}
    for function in functions(tenants.admin):
        if function.executors and any(kind in TEXTUAL for _, kind in function.parameters):
            assert function.name in first, f"{function.name} has no call to be tried with"
            found[function.name] = (function, first[function.name])
    return found


@pytest.mark.parametrize("duty", DUTIES)
def test_a_string_stays_a_string_in_every_parameter(tenants: Tenants, duty: str) -> None:
    before = facts(tenants)
    fired = 0
    for function, call in callable_ones(tenants).values():
        if duty not in function.executors:
            continue
        for value in HOSTILE:
            for arguments in loads(function, call.arguments(tenants, LOG, duty), value):
                fire(tenants, duty, function, arguments)
                fired += 1
    assert fired > 200 or duty in {"subjects", "retention"}
    assert facts(tenants) == before
    raw.both_accept(tenants.database)


def test_every_function_that_takes_text_is_covered(tenants: Tenants) -> None:
    covered = callable_ones(tenants)
    assert {"append", "grant_access", "open_ticket", "approvals_of", "declare_gap"} <= set(covered)


def test_what_is_accepted_is_kept_as_it_was_sent(tenants: Tenants) -> None:
    """Reasons, purposes and names of logins: in the entry stands what was said, to the letter."""
    access = tenants.login("access")
    for value in HOSTILE:
        if len(value.encode()) > 60 or not value.isprintable() or " as " in value:
            continue
        access.execute("select unbroken.grant_access(%s, %s, 'writer', %s)", (LOG, value, value))
        details = tenants.scalar(
            "select p.details from unbroken.payloads p where p.log = 1 order by p.seq desc limit 1"
        )
        told = json.loads(details)
        assert (told["login"], told["reason"]) == (value, value)
        assert (
            tenants.scalar("select count(*) from unbroken.grants where login = %s and revoked_at is null", value) == 1
        )
    raw.both_accept(tenants.database)


def test_a_registry_of_any_text_is_kept_and_so_is_a_name_that_is_not_in_it(tenants: Tenants) -> None:
    before = facts(tenants)
    for value in HOSTILE:
        tenants.login("compliance").execute("select unbroken.load_registry(%s, %s, 'a test')", (LOG, value))
        row = tenants.login("writer").execute("select text, sha256 from unbroken.registry(%s)", (LOG,)).fetchone()
        assert row == (value, hashlib.sha256(value.encode()).hexdigest())
        if len(value.encode()) <= 1024:
            tenants.login("writer").execute("select unbroken.note_unclassified(%s, '{tool}', %s)", (LOG, [value]))
            noted = tenants.scalar("select count(*) from unbroken.unclassified where log = 1 and name = %s", value)
            assert noted == 1
    assert facts(tenants) == before
    raw.both_accept(tenants.database)


# ---- Through the package ----


@pytest.mark.parametrize("value", [value for value in HOSTILE if len(value) < 400])
def test_a_log_of_any_name_is_not_found(tenants: Tenants, value: str) -> None:
    if "\x00" in value:
        pytest.skip("can't be sent")
    for login in ("verifier", "compliance"):
        with pytest.raises(UnbrokenError):
            LogReader(tenants.database.conninfo(login), value)


def test_a_session_of_any_name_is_looked_for_as_it_is(tenants: Tenants) -> None:
    with LogReader(tenants.database.conninfo("verifier"), LOG) as reader:
        for value in HOSTILE:
            assert reader.sessions_beginning(value, limit=10) == []
            assert list(reader.entries(session=value)) == []


def test_a_purpose_and_a_scope_of_any_text_are_recorded_or_refused(tenants: Tenants) -> None:
    before = facts(tenants)
    with LogReader(tenants.database.conninfo("compliance"), LOG) as reader:
        for value in HOSTILE:
            try:
                ticket = reader.open_ticket(purpose=value, case=value[:50], scope={"what": value, "about": value})
            except UnbrokenError as error:
                told = str(error)
            else:
                told = ""
                reader.close_ticket(ticket, outcome="complete", count=0, digest="0" * 64)
            assert MARKER not in told
    assert facts(tenants) == before
    raw.both_accept(tenants.database)


def test_a_login_of_any_name_is_that_login_and_nothing_else(tenants: Tenants) -> None:
    before = facts(tenants)
    made = []
    try:
        for value in HOSTILE:
            try:
                administration.add_login(tenants.admin, value, duty="ops", password="'" + value)
            except UnbrokenError:
                continue
            made.append(value)
        assert len(made) > 15
        known = tenants.admin.execute("select rolname from pg_roles where rolname = any (%s)", (made,)).fetchall()
        assert {name for (name,) in known} == set(made)
    finally:
        for value in made:
            tenants.admin.execute(sql.SQL("drop role {}").format(sql.Identifier(value)))
    assert facts(tenants) == before


def test_a_log_can_have_such_a_name(tenants: Tenants) -> None:
    """And is then a log like others."""
    before = facts(tenants)
    made = []
    for value in HOSTILE[::4]:
        try:
            administration.create_log(tenants.admin, value)
        except UnbrokenError:
            continue
        made.append(value)
    assert len(made) > 4
    names = {name for (name,) in tenants.admin.execute("select origin from unbroken.logs").fetchall()}
    assert set(made) < names
    after = facts(tenants)
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"logs", "classes"}


# ---- Through the command ----

COMMANDS: Final = (
    ("show", "@", "--log", LOG),
    ("show", "s-1", "--log", "@"),
    ("show", "s-1", "--log", LOG, "--purpose", "@", "--case", "@"),
    ("sessions", "--log", "@"),
    ("tail", "--log", "@"),
    ("status", "--log", "@"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_takes_any_text_for_what_it_is(
    tenants: Tenants, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("UNBROKEN_STORE", tenants.database.conninfo("compliance"))
    monkeypatch.setenv("UNBROKEN_PURPOSE", "a test")
    before = facts(tenants)
    for value in HOSTILE:
        if len(value) > 1_000:
            continue
        done = CliRunner().invoke(app, [value if part == "@" else part for part in command])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            assert isinstance(done.exception, UnbrokenError), repr(done.exception)
            assert "syntax error" not in str(done.exception)
    assert facts(tenants) == before
