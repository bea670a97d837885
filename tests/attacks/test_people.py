"""Who somebody is to the database: one login, one duty, and two people where it takes two."""

from contextlib import closing

import psycopg
import pytest
from psycopg import sql

from tests.attacks.installed import INSTALLED
from tests.attacks.scene import Connection, Scene
from tests.conftest import LOG, LOGINS
from tests.database import raw

NAMING = (
    "select seq from unbroken.append(%s, array[%s], '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', %s)"
)

DECIDED = (
    "update unbroken.access_requests set outcome = 'granted', decided_seq = 1, decided_by = @ where outcome is null"
)


def requested(scene: Scene, *, login: str = "attack_stranger", duty: str = "compliance") -> str:
    with closing(scene.connect("access")) as access:
        row = access.execute(
            "select request from unbroken.grant_access(%s, %s, %s, 'an audit')", (LOG, login, duty)
        ).fetchone()
        access.commit()
    assert row is not None
    return str(row[0])


def state(connection: Connection, statement: str, *values: object) -> str | None:
    try:
        connection.execute(statement.encode(), values)
    except psycopg.Error as error:
        return error.sqlstate
    finally:
        connection.rollback()
    return None


@pytest.mark.parametrize("login", LOGINS)
def test_no_login_becomes_another(stage: Scene, login: str) -> None:
    """So that a bug behind one login can't show more than its role may see."""
    own = {"none", login, f"unbroken_{login.rstrip('2')}"}
    roles = {*LOGINS, *INSTALLED.groups, "unbroken_owner", "postgres", "pg_read_all_data", "pg_signal_backend"}
    with closing(stage.connect(login)) as connection:
        for role in sorted(roles - own):
            assert state(connection, f"set role {role}") == "42501", role
            assert state(connection, f"set session authorization {role}") == "42501", role
            assert state(connection, f"grant {role} to {login}") == "42501", role


def test_no_two_duties_share_a_group(stage: Scene) -> None:
    shared = stage.value(
        "select array_agg(m.member::regrole::text) from pg_auth_members m join pg_auth_members o using (member)"
        " where m.roleid <> o.roleid and m.roleid::regrole::text like 'unbroken_%'"
        " and m.member::regrole::text <> 'unbroken_owner'"
    )
    assert shared is None


def test_only_a_server_names_whom_it_records_for(stage: Scene) -> None:
    with closing(stage.connect("writer")) as writer:
        assert state(writer, NAMING, LOG, raw.text_of(raw.fields()), "u-1") == "UB003"
        assert state(writer, NAMING, LOG, raw.text_of(raw.fields()), None) is None
    with closing(stage.connect("server")) as server:
        text = raw.text_of(raw.fields(recorder=raw.new_id()))
        assert state(server, NAMING, LOG, text, "u-1") is None
        for principal in ("", "a\nb", "x" * 1025):
            assert state(server, NAMING, LOG, text, principal) == "UB009"


def test_a_request_that_was_decided_or_withdrawn_is_not_confirmed(scene: Scene) -> None:
    request = requested(scene)
    confirm = "select unbroken.confirm_access(%s, %s)"
    with closing(scene.connect("access2")) as second:
        second.execute(confirm, (LOG, request))
        second.commit()
        assert state(second, confirm, LOG, request) == "UB009"
        withdrawn = requested(scene, login="attack_reads_all")
        second.execute("select unbroken.withdraw_access(%s, %s)", (LOG, withdrawn))
        second.commit()
        assert state(second, confirm, LOG, withdrawn) == "UB009"
        assert state(second, confirm, LOG, raw.new_id()) == "UB009"


def test_an_administrator_who_was_revoked_confirms_nothing(scene: Scene) -> None:
    request = requested(scene)
    with closing(scene.connect("access")) as access:
        access.execute("select unbroken.revoke_access(%s, 'access2', 'access', 'left')", (LOG,))
        access.commit()
    with closing(scene.connect("access2")) as second:
        assert state(second, "select unbroken.confirm_access(%s, %s)", LOG, request) == "UB003"


def test_the_installing_role_does_not_confirm_beside_two_administrators(scene: Scene) -> None:
    """A superuser can do anything else; what it can't is pass for the second person through the door."""
    request = requested(scene)
    with closing(scene.connect("owner")) as owner:
        assert state(owner, "select unbroken.confirm_access(%s, %s)", LOG, request) == "UB003"
        assert state(owner, "select from unbroken.grant_access(%s, 'attack_stranger', 'ops', 'x')", LOG) == "UB003"


@pytest.mark.parametrize(
    "change", ["decided_by = 'access2'", "outcome = 'granted', decided_seq = 1, decided_by = 'access2'"]
)
def test_not_even_the_owner_decides_a_request_without_its_entry(scene: Scene, change: str) -> None:
    requested(scene)
    with closing(scene.connect("owner")) as owner:
        assert (
            state(owner, "update unbroken.access_requests set @ where outcome is null".replace("@", change)) == "UB010"
        )
        assert state(owner, "delete from unbroken.access_requests") == "UB010"


def test_a_decision_by_who_asked_is_refused_by_the_table_itself(scene: Scene) -> None:
    """The constraint holds where every function and guard is gone."""
    requested(scene)
    with closing(scene.connect("superuser")) as superuser:
        for name in ("unbroken_refuse_ddl", "unbroken_refuse_drop"):
            superuser.execute(sql.SQL("drop event trigger {}").format(sql.Identifier(name)))
        superuser.execute("alter table unbroken.access_requests disable trigger user")
        for who in ("requested_by", "login"):
            change = DECIDED.replace("@", who)
            with pytest.raises(psycopg.errors.CheckViolation), superuser.transaction():
                superuser.execute(change.encode())
