"""What the database says of values stays out of errors, also out of their causes, which loggers write."""

import traceback

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from unbroken.errors import AccessDeniedError, UnavailableError
from unbroken.store.connection import connect, translated

MARKER = "alice" + "@example.com"


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("select %s::text::uuid", "22P02"),
        ("insert into held values (%s)", "23514"),
        ("insert into once values (%s), ('b')", "23505"),
    ],
)
def test_an_answer_that_quotes_a_value_is_not_kept(statement: str, state: str, database: Database) -> None:
    database.admin.execute("create temp table held (name text check (name = 'b'))")
    database.admin.execute("create temp table once (name text primary key)")
    database.admin.execute("insert into once values (%s)", (MARKER,))
    with pytest.raises(psycopg.Error) as said:
        database.admin.execute(sql.SQL(statement), (MARKER,))
    assert MARKER in str(said.value)
    with pytest.raises(UnavailableError, match=state) as caught, translated():
        database.admin.execute(sql.SQL(statement), (MARKER,))
    assert MARKER not in "".join(traceback.format_exception(caught.value))
    assert isinstance(caught.value.__cause__, type(said.value))
    assert caught.value.__cause__.sqlstate == state


def test_what_tells_of_rights_is_kept(database: Database) -> None:
    with connect(database.conninfo("writer")) as connection, pytest.raises(AccessDeniedError) as caught, translated():
        connection.execute("select * from unbroken.entries")
    assert "entries" in str(caught.value.__cause__)
    assert isinstance(caught.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_a_state_of_the_log_s_own_is_kept(database: Database) -> None:
    with pytest.raises(AccessDeniedError) as caught, translated():
        database.admin.execute("select unbroken.grant_access('nowhere.example/log', 'a', 'writer', 'a test')")
    assert getattr(caught.value.__cause__, "sqlstate", None) == "UB003"
