"""What a report on access reads from real servers: as the login's rights allow, by index, and under a ticket."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.system.access_cli import ACCESS_LOG, Clinic, open_clinic
from tests.system.cli import conversation
from unbroken.errors import AccessDeniedError
from unbroken.investigate.access import Period, assembled, gathered
from unbroken.investigate.access_entries import DANGEROUS, GRANT_TYPES, READ_TYPES
from unbroken.ledger.ledger import Ledger
from unbroken.store import administration
from unbroken.store.access import AccessTables, login_state
from unbroken.store.administration import DUTIES
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.store.sql import query

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Clinic:
    return open_clinic(database, tmp_path)


def grant(clinic: Clinic, login: str, duty: str) -> None:
    """A grant by two people, or by one where that is enough."""
    with connect(clinic.database.conninfo("anna")) as connection:
        done = administration.grant(connection, ACCESS_LOG, login, duty=duty, reason="as agreed")
    if done.request is not None:
        with connect(clinic.database.conninfo("bert")) as connection:
            administration.confirm(connection, ACCESS_LOG, done.request)


@pytest.fixture
def clara(clinic: Clinic) -> Iterator[LogReader]:
    grant(clinic, "clara", "compliance")
    with LogReader(clinic.database.conninfo("clara"), ACCESS_LOG) as reader:
        yield reader


def test_the_duties_that_take_two_are_the_database_s(database: Database) -> None:
    for duty in DUTIES:
        row = database.admin.execute("select unbroken.needs_two_people(%s)", (duty,)).fetchone()
        assert row == (duty in DANGEROUS,), duty


def test_nothing_is_read_without_a_ticket(clara: LogReader) -> None:
    with pytest.raises(AccessDeniedError):
        AccessTables(clara).entries(GRANT_TYPES)
    clara.open_ticket(purpose="a review")
    assert AccessTables(clara).entries(GRANT_TYPES) == [1, 2, 3, 4, 5]


def test_a_ticket_for_one_session_is_not_enough(clara: LogReader) -> None:
    ticket = clara.open_ticket(purpose="a review", scope={"session": "s-1"})
    now = datetime.now(UTC)
    report = assembled(gathered(clara, Period(LONG_AGO, now, now), settled=ticket.seq), Period(LONG_AGO, now, now))
    assert {each.kind for each in report.problems} == {"grant_disagrees", "request_disagrees", "ticket_disagrees"}


def test_the_entries_are_found_by_their_index(clinic: Clinic, clara: LogReader) -> None:
    grant(clinic, "agent", "writer")
    with closing(Ledger(lambda _: LogWriter(clinic.database.conninfo("agent"), ACCESS_LOG))) as ledger:
        for number in range(50):
            ledger.record(conversation(f"s-{number}"))
    clinic.database.admin.execute("analyze unbroken.entries")
    clara.open_ticket(purpose="a review")
    given = {"log": clara.number, "types": READ_TYPES, "since": LONG_AGO}
    with clinic.database.connect("clara") as connection:
        plan = "\n".join(row[0] for row in connection.execute("explain " + query("access_entries"), given))
    partial = clinic.database.admin.execute(
        "select indexrelid::regclass::text from pg_index where pg_get_expr(indpred, indrelid) like '%log.read_denied%'"
    ).fetchall()
    assert any(name.removeprefix("unbroken.") in plan for (name,) in partial), plan
    assert AccessTables(clara).entries(READ_TYPES) == [clara.head().seq]


def test_grants_and_reads_are_read_as_they_are(clinic: Clinic, clara: LogReader) -> None:
    ticket = clara.open_ticket(purpose="a review", scope={"about": "u-17"}, valid_for=timedelta(minutes=1))
    tables = AccessTables(clara)
    anna, bert, reader = tables.grants()
    assert (anna.login, anna.granted_by, anna.confirmed_by, anna.granted_seq) == ("anna", "postgres", None, 1)
    assert (bert.login, bert.granted_by, bert.confirmed_by, bert.granted_seq) == ("bert", "postgres", "anna", 3)
    assert (reader.login, reader.granted_by, reader.confirmed_by, reader.revoked_at) == ("clara", "anna", "bert", None)
    assert [(row.login, row.outcome, row.decided_by) for row in tables.requests()] == [
        ("bert", "granted", "anna"),
        ("clara", "granted", "bert"),
    ]
    (row,) = tables.tickets(LONG_AGO)
    assert (row.ticket, row.login, row.opened_seq, row.session_id) == (ticket.id, "clara", ticket.seq, None)
    assert tables.tickets(tables.now()) == []
    now = tables.now()
    report = assembled(gathered(clara, Period(LONG_AGO, now, now), settled=ticket.seq), Period(LONG_AGO, now, now))
    assert report.problems == ()
    assert report.reads[0].scope == {"about": tables.pseudonym("u-17")}


def test_the_server_s_roles_are_told(database: Database, clara: LogReader) -> None:
    statements = [
        "create role report_heir nologin in role unbroken_owner",
        "create role report_dba login createrole in role report_heir",
        "create role report_backup login bypassrls in role pg_read_server_files",
        "create role unbroken_lookalike login in role unbroken_verifier",
        "create role report_admin login",
        "grant unbroken_access to report_admin with admin option",
    ]
    names = ["report_dba", "report_heir", "report_backup", "unbroken_lookalike", "report_admin"]
    try:
        for statement in statements:
            database.admin.execute(statement)
        roles = {role.name: role for role in AccessTables(clara).roles()}
    finally:
        for name in names:
            database.admin.execute(f"drop role if exists {name}")
    assert roles["report_dba"].groups == roles["report_heir"].groups == ("owner",)
    assert (roles["report_dba"].can_login, roles["report_heir"].can_login) == (True, False)
    assert roles["report_backup"].bypasses_policies
    assert roles["report_backup"].reads_files
    assert roles["unbroken_lookalike"].groups == ("verifier",)
    assert roles["report_admin"].reachable == ("access",)
    assert roles["postgres"].superuser
    assert roles["postgres"].groups == ()
    assert roles["clara"].groups == ("compliance",)
    assert not {"unbroken_owner", "unbroken_access"} & set(roles)


def test_recorders_and_sessions_are_counted_for_the_log_alone(clinic: Clinic, clara: LogReader) -> None:
    grant(clinic, "agent", "writer")
    with closing(Ledger(lambda _: LogWriter(clinic.database.conninfo("agent"), ACCESS_LOG))) as ledger:
        ledger.record(conversation("s-1", actor="u-17") + conversation("s-2", actor="u-18"))
    clara.open_ticket(purpose="a review")
    tables = AccessTables(clara)
    assert tables.recorders_since(LONG_AGO) == {"agent"}
    assert tables.recorders_since(tables.now()) == set()
    assert (tables.sessions_with("u-17"), tables.sessions_with("nobody")) == ({"s-1"}, set())


def test_a_login_s_state_is_seen_by_everybody(clinic: Clinic) -> None:
    with connect(clinic.database.conninfo("anna")) as connection:
        states = [
            login_state(connection, login, duty=duty)
            for login, duty in (
                ("agent", "writer"),
                ("agent", "ops"),
                ("unbroken_ops", "ops"),
                ("not made", "writer"),
            )
        ]
    assert [(each.exists, each.is_member) for each in states] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]
