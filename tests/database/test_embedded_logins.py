"""The logins of a folder: made once, and left alone by whoever opens it again."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from unbroken import wiring
from unbroken.store.administration import create_log, duties_held, install_grant

Admin = psycopg.Connection[tuple[Any, ...]]
FOLDER_LOG = "folder.example/agents"
SETTINGS = "select unnest(setconfig) from pg_db_role_setting where setrole = 'reader'::regrole"


@pytest.fixture
def admin(database: Database) -> Iterator[Admin]:
    """A superuser where the logins are there already; those that no other test has are dropped, as all share them."""
    create_log(database.admin, FOLDER_LOG)
    try:
        wiring.add_embedded_logins(database.admin, FOLDER_LOG)
        yield database.admin
    finally:
        database.admin.execute("drop role if exists recorder, reader")


def test_they_hold_their_duties(admin: Admin) -> None:
    expected = {
        *(("recorder", "writer"), ("verifier", "verifier"), ("reader", "compliance"), ("dpo", "dpo")),
        ("notary", "notary"),
    }
    assert duties_held(admin, FOLDER_LOG) == expected
    assert duties_held(admin, "another.example/log") == set()


def test_a_duty_that_was_revoked_is_not_held(admin: Admin) -> None:
    admin.execute("select unbroken.revoke_access(%s, 'reader', 'compliance', 'a test')", (FOLDER_LOG,))
    assert ("reader", "compliance") not in duties_held(admin, FOLDER_LOG)


def test_where_they_are_there_nothing_is_written(admin: Admin) -> None:
    with admin.transaction():
        wiring.add_embedded_logins(admin, FOLDER_LOG)
        written = admin.execute("select pg_current_xact_id_if_assigned()").fetchone()
    assert written == (None,)


def test_a_setting_that_is_another_one_is_mended(admin: Admin) -> None:
    made = set(admin.execute(SETTINGS))
    admin.execute("alter role reader set statement_timeout = '7s'")
    assert set(admin.execute(SETTINGS)) != made
    wiring.add_embedded_logins(admin, FOLDER_LOG)
    assert set(admin.execute(SETTINGS)) == made


def test_where_others_grant_access_it_is_left_to_them(database: Database) -> None:
    """As in a folder of an earlier release, whose logins were others."""
    create_log(database.admin, FOLDER_LOG)
    install_grant(database.admin, FOLDER_LOG, "access", duty="access")
    try:
        wiring.add_embedded_logins(database.admin, FOLDER_LOG)
        assert duties_held(database.admin, FOLDER_LOG) == {("access", "access")}
    finally:
        database.admin.execute("drop role if exists recorder, reader")
