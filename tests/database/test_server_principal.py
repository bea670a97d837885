"""A login with the duty server may name the principal for whom it records; the line says so, and nobody else can."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Server
from tests.database import raw
from tests.database.calls import batch
from tests.database.catalogue import Function, calling, functions
from tests.database.raw import Connection, Sent, sent
from tests.database.tenants import OTHER, Tenants, of_other, tenants_on
from unbroken.store import administration


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Tenants]:
    with tenants_on(server) as made:
        yield made


def named(tenants: Tenants, name: str) -> Function:
    (function,) = [function for function in functions(tenants.admin) if function.name == name]
    return function


def append(tenants: Tenants, login: str, *items: Sent, name: str = "append", log: str = LOG, **more: Any) -> list[Any]:
    statement, values = calling(named(tenants, name), batch(log, *items, **more))
    return tenants.login(login).execute(statement, values).fetchall()


def refused(tenants: Tenants, login: str, state: str, *items: Sent, **given: Any) -> None:
    before = raw.contents(tenants.database)
    with pytest.raises(psycopg.Error) as caught:
        append(tenants, login, *items, **given)
    assert caught.value.sqlstate == state, raw.said(caught.value)
    assert raw.MARKER not in raw.said(caught.value)
    assert raw.contents(tenants.database) == before


def grant_server(tenants: Tenants, login: str) -> None:
    """It takes two people."""
    asked = administration.grant(tenants.login("access"), LOG, login, duty="server", reason="a test")
    assert asked.request is not None
    administration.confirm(tenants.login("access2"), LOG, asked.request)


def mine() -> Sent:
    return sent({"inputs": "1"}, session_id="s", recorder=raw.new_id())


@pytest.mark.parametrize("name", ["append", "append_early"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_line_says_for_whom_it_was_recorded(tenants: Tenants, name: str, count: int) -> None:
    """One event takes another way than several, to the same lines."""
    size = len(raw.read_all(tenants.database))
    append(tenants, "server", *(mine() for _ in range(count)), name=name, p_principal="u-17")
    entries = raw.read_all(tenants.database)[size:]
    assert [entry.principal for entry in entries] == ["u-17"] * count
    for entry in entries:
        line = json.loads(entry.line)
        assert (line["principal"], line["writer"]) == ("u-17", "server")
    raw.both_accept(tenants.database)


def test_a_server_need_not_name_one(tenants: Tenants) -> None:
    append(tenants, "server", mine(), p_principal="u-1")
    append(tenants, "server", mine())
    first, second = raw.read_all(tenants.database)[-2:]
    assert first.principal == "u-1"
    assert second.principal is None
    assert "principal" not in json.loads(second.line)


@pytest.mark.parametrize("login", ["writer", of_other("server"), "member_server", "granted", "owner"])
@pytest.mark.parametrize("count", [1, 2])
def test_nobody_else_names_one(tenants: Tenants, login: str, count: int) -> None:
    state = "42501" if login == "granted" else "UB003"
    refused(tenants, login, state, *(mine() for _ in range(count)), p_principal=raw.MARKER)


def test_a_server_names_nobody_in_another_log(tenants: Tenants) -> None:
    refused(tenants, "server", "UB003", mine(), log=OTHER, p_principal=raw.MARKER)


def test_both_halves_of_the_right_are_of_the_same_duty(tenants: Tenants) -> None:
    """A grant as server to a login in the group of writers lets it name nobody."""
    administration.add_login(tenants.admin, "crossed", duty="writer", password=None)
    grant_server(tenants, "crossed")
    refused(tenants, "crossed", "UB003", mine(), p_principal=raw.MARKER)


@pytest.mark.parametrize(
    "principal",
    [
        "p" * 1024,
        "é" * 512,
        'q","writer":"unbroken_owner',
        "back\\slash",
        "a'b",
        "%s{}",
        "\u2028\U0001f600\ue000",
        " ",
        "server as unbroken_owner",
    ],
)
def test_a_principal_of_any_text_stands_in_the_line_as_it_is(tenants: Tenants, principal: str) -> None:
    append(tenants, "server", mine(), p_principal=principal)
    append(tenants, "server", mine(), mine(), p_principal=principal)
    entries = raw.read_all(tenants.database)[-3:]
    assert {entry.principal for entry in entries} == {principal}
    assert {json.loads(entry.line)["principal"] for entry in entries} == {principal}
    raw.both_accept(tenants.database)


@pytest.mark.parametrize("principal", ["", "p" * 1025, "é" * 513, "a\nb", "\x01", "\x7f", f"{raw.MARKER}\t"], ids=repr)
def test_a_principal_has_its_limits(tenants: Tenants, principal: str) -> None:
    for items in ([mine()], [mine(), mine()]):
        refused(tenants, "server", "UB009", *items, p_principal=principal)


def test_an_event_can_not_name_one_by_itself(tenants: Tenants) -> None:
    refused(tenants, "server", "UB001", sent(recorder=raw.new_id(), principal=raw.MARKER))


def test_a_principal_that_was_changed_is_found(tenants: Tenants) -> None:
    append(tenants, "server", mine(), p_principal="u-17")
    seq = raw.read_all(tenants.database)[-1].seq
    changed = "update unbroken.entries set principal = %s where log = 1 and seq = %s"
    admin = tenants.admin
    admin.execute("alter event trigger unbroken_refuse_ddl disable")
    admin.execute("alter table unbroken.entries disable trigger refuse_change")
    try:
        for value in ("u-18", None):
            admin.execute(changed, (value, seq))
            report = raw.report(tenants.database)
            assert [(finding.kind, finding.seq) for finding in report.findings] == [("altered_entry", seq)]
    finally:
        admin.execute(changed, ("u-17", seq))
        admin.execute("alter table unbroken.entries enable always trigger refuse_change")
        admin.execute("alter event trigger unbroken_refuse_ddl enable always")
    raw.both_accept(tenants.database)


def test_a_server_loses_it_with_its_grant(tenants: Tenants) -> None:
    administration.add_login(tenants.admin, "short_lived", duty="server", password=None)
    grant_server(tenants, "short_lived")
    append(tenants, "short_lived", mine(), p_principal="u-1")
    administration.revoke(tenants.login("access"), LOG, "short_lived", duty="server", reason="a test")
    refused(tenants, "short_lived", "UB003", mine(), p_principal=raw.MARKER)
    raw.both_accept(tenants.database)


def test_events_are_the_same_with_and_without(tenants: Tenants) -> None:
    """The principal is the log's word and not the event's: asked again by id, the event is known."""
    item = mine()
    connection: Connection = tenants.login("server")
    (row,) = append(tenants, "server", item, p_principal="u-17")
    event = json.loads(str(item.text))
    known = connection.execute(
        "select state, seq from unbroken.receipts(%s, %s::uuid[], array[null::bytea])", (LOG, [event["id"]])
    ).fetchall()
    assert known == [("present", None)]
    assert row[0] == raw.read_all(tenants.database)[-1].seq
