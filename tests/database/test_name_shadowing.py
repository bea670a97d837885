"""Nobody is fooled by objects of the same name: temporary, in ``public``, or first in a search path.

TEMP and CREATE are granted for the test: an installation revokes the first, and the second is often given without
much thought. Whoever has neither can't even begin.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Server
from tests.database import raw
from tests.database.calls import CALLS, batch
from tests.database.catalogue import calling, functions, relations
from tests.database.operations import on
from tests.database.raw import Connection, Sent, sent
from tests.database.shadows import GIVEN_AWAY, PATH, cast_shadows, cast_temporary_shadows
from tests.database.tenants import DUTIES, OWNER, Tenants, tenants_on

SAFE = "pg_catalog, pg_temp"
FIXED = "search_path=unbroken, pg_temp"


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Tenants]:
    with tenants_on(server) as made:
        counted = cast_shadows(made.database)
        assert min(counted.values()) > 10, counted
        made.open_tickets()
        yield made


@pytest.fixture
def misled(tenants: Tenants) -> Iterator[dict[str, Connection]]:
    """Connections of every login, whose search path begins with shadows, with temporary ones of their own."""
    opened: dict[str, Connection] = {}

    class Opening(dict[str, Connection]):
        def __missing__(self, login: str) -> Connection:
            connection = opened[login] = self[login] = tenants.connect(login)
            assert cast_temporary_shadows(connection) > 10
            connection.execute(sql.SQL("set search_path = {}").format(sql.SQL(PATH)))
            return connection

    yield Opening()
    for connection in opened.values():
        connection.close()


def on_path(connection: Connection, path: str) -> None:
    connection.execute(sql.SQL("set search_path = {}").format(sql.SQL(path)))


def outcome(connection: Connection, statement: sql.Composed, values: list[Any]) -> tuple[Any, ...]:
    """What a statement comes to, in a way that two runs of it have in common; it is undone."""
    try:
        with connection.transaction(force_rollback=True):
            told: tuple[Any, ...] = ("rows", connection.execute(statement, values or None).rowcount)
    except psycopg.Error as error:
        told = (error.sqlstate, error.diag.message_primary)
    assert told[0] != GIVEN_AWAY, told
    return told


@pytest.mark.parametrize("duty", DUTIES)
def test_no_function_takes_a_shadow_for_what_it_needs(
    tenants: Tenants, misled: dict[str, Connection], duty: str
) -> None:
    named = {function.name: function for function in functions(tenants.admin)}
    honest = tenants.login(duty)
    on_path(honest, SAFE)
    tried = [call for call in CALLS if duty in named[call.function].executors]
    for call in tried:
        statement, values = calling(named[call.function], call.arguments(tenants, LOG, duty))
        expected = outcome(honest, statement, values)
        assert outcome(misled[duty], statement, values) == expected, (call.function, call.label)
    assert tried or duty == "subjects"


@pytest.mark.parametrize("duty", DUTIES)
def test_no_policy_and_no_view_takes_a_shadow_for_what_it_needs(
    tenants: Tenants, misled: dict[str, Connection], duty: str
) -> None:
    honest = tenants.login(duty)
    on_path(honest, SAFE)
    for relation in relations(tenants.admin):
        statement = on("select * from @", relation.name)
        assert outcome(misled[duty], statement, []) == outcome(honest, statement, []), relation.name


def test_no_guard_takes_a_shadow_for_what_it_needs(tenants: Tenants, misled: dict[str, Connection]) -> None:
    """As the owner, whom only the triggers stop."""
    honest = tenants.login(OWNER)
    on_path(honest, SAFE)
    for relation in relations(tenants.admin):
        if relation.is_view:
            continue
        for template in (
            "delete from @",
            "truncate @ cascade",
            "update @ set # = null",
            "alter table @ disable trigger user",
        ):
            statement = on(template, relation.name, relation.plain[-1])
            assert outcome(misled[OWNER], statement, []) == outcome(honest, statement, []), (template, relation.name)


def test_what_is_recorded_among_shadows_is_recorded(tenants: Tenants, misled: dict[str, Connection]) -> None:
    (function,) = [function for function in functions(tenants.admin) if function.name == "append"]

    def append(*items: Sent) -> int:
        return misled["writer"].execute(*calling(function, batch(LOG, *items))).rowcount

    before = raw.both_accept(tenants.database)
    session = {"session_id": "s", "recorder": raw.new_id()}
    append(sent({"inputs": "1"}, **session), sent(recorder=raw.new_id()))
    append(sent(None, **session))
    with pytest.raises(psycopg.Error) as caught:
        append(sent(ts="x" * 27))
    assert caught.value.sqlstate == "UB001"
    assert raw.both_accept(tenants.database) == before + 3
    entries = raw.read_all(tenants.database)[-3:]
    assert [(entry.writer, entry.session_seq) for entry in entries] == [("writer", 1), ("writer", None), ("writer", 2)]


@pytest.mark.parametrize("where", ["role", "database"])
def test_readers_of_the_package_are_not_led_astray(tenants: Tenants, where: str) -> None:
    """Whoever owns the database decides where a login looks names up first."""
    target = "role verifier in database {}" if where == "role" else "database {}"
    named = sql.SQL("alter " + target).format(sql.Identifier(tenants.database.name))
    expected = [entry.hash for entry in raw.read_all(tenants.database)]
    tenants.admin.execute(named + sql.SQL(" set search_path = {}").format(sql.SQL(PATH)))
    try:
        assert [entry.hash for entry in raw.read_all(tenants.database)] == expected
        raw.both_accept(tenants.database)
    finally:
        tenants.admin.execute(named + sql.SQL(" reset search_path"))


def test_names_of_functions_are_looked_up_where_they_should_be(tenants: Tenants) -> None:
    """What runs as the owner has a fixed path, temporary objects last. So has what anybody can call or set off, or its
    names were bound when it was made; the rest is called by these alone.
    """
    found = functions(tenants.admin)
    assert len([function for function in found if function.definer]) > 5
    for function in found:
        if function.definer or function.is_trigger:
            assert function.settings[:1] == (FIXED,), function.signature
        elif function.executors:
            assert function.settings[:1] == (FIXED,) or function.bound, function.signature


def test_views_are_the_readers_own(tenants: Tenants) -> None:
    options = tenants.admin.execute(
        "select relname, reloptions from pg_class where relnamespace = 'unbroken'::regnamespace and relkind = 'v'"
    ).fetchall()
    assert options
    for name, given in options:
        assert set(given or ()) == {"security_invoker=true", "security_barrier=true"}, name


def test_a_shadow_does_give_itself_away(tenants: Tenants, misled: dict[str, Connection]) -> None:
    """Or nothing above would show anything."""
    for statement in (
        "select sha256('\\x00'::pg_catalog.bytea)",
        "select 'a'::pg_catalog.text = 'b'::pg_catalog.text",
        "select log_for_writer('x'::pg_catalog.text)",
    ):
        with pytest.raises(psycopg.Error) as caught:
            misled["writer"].execute(statement.encode())
        assert caught.value.sqlstate == GIVEN_AWAY, statement
    assert misled["writer"].execute("select * from logs").fetchall() == []
    with pytest.raises(psycopg.Error):
        misled["writer"].execute("select 'a'::text")
