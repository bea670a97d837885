"""``unbroken grant``, ``revoke`` and ``access``: two people where it takes two, at once where one is enough."""

import csv
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.system.access_cli import ACCESS_LOG, PEOPLE, Clinic, open_clinic
from tests.system.cli import Cli, conversation
from tests.system.test_cli_approvals import on_terminal
from unbroken.errors import AccessDeniedError
from unbroken.ledger.ledger import Ledger
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.log_writer import LogWriter

UNKNOWN = "01900000-0000-4000-8000-000000000000"


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Clinic:
    return open_clinic(database, tmp_path / "state")


@pytest.fixture
def reviewed(clinic: Clinic) -> Clinic:
    """With clara, who may read the report."""
    clinic.grant("clara", "compliance")
    return clinic


@contextmanager
def recording(clinic: Clinic) -> Iterator[Ledger]:
    """A ledger of the login agent."""
    ledger = Ledger(lambda _: LogWriter(clinic.database.conninfo("agent"), ACCESS_LOG))
    try:
        yield ledger
    finally:
        with suppress(AccessDeniedError):
            ledger.close()


# ---- granting ----


def test_a_duty_that_takes_one_is_granted_at_once(clinic: Clinic) -> None:
    done = clinic("anna")("grant", "agent", "writer", "--reason", "release 12", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Granted: agent has the duty writer for {ACCESS_LOG} since entry 4.\n"
    with recording(clinic) as ledger:
        ledger.record(conversation("s-1"))
    again = clinic("bert").json("grant", "agent", "writer", "--reason", "again", "--yes")
    assert (again["state"], again["seq"], again["request"]) == ("granted", 4, None)


def test_a_dangerous_duty_waits_for_a_second_person_who_is_told_what_to_run(clinic: Clinic) -> None:
    done = clinic("anna")("grant", "clara", "compliance", "--reason", "audit", "--yes")
    requested, nothing_yet, command = done.stdout.split("\n", 2)
    (waiting,) = clinic("bert").json("access", "requests")["requests"]
    assert (done.returncode, done.stderr) == (0, "")
    assert requested == "Requested, in entry 4. clara has nothing yet: compliance takes a second person."
    assert nothing_yet.startswith(f"Another access administrator of {ACCESS_LOG} confirms it by 20")
    assert command.startswith(f"  unbroken access confirm {waiting['request']} --log {ACCESS_LOG} --store ")
    assert (waiting["login"], waiting["duty"], waiting["requested_by"]) == ("clara", "compliance", "anna")
    refused = clinic("clara")("access", "report")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    confirmed = clinic("bert")("access", "confirm", waiting["request"], "--yes")
    assert (confirmed.returncode, confirmed.stderr) == (0, "")
    assert confirmed.stdout.endswith(f"Granted: clara has the duty compliance for {ACCESS_LOG} since entry 5.\n")
    assert "clara the duty compliance" in confirmed.stdout
    (grant,) = [each for each in clinic.report()["grants"] if each["login"] == "clara"]
    assert (grant["basis"], grant["requested_by"], grant["confirmed_by"], grant["reason"]) == (
        "two people",
        "anna",
        "bert",
        "audit",
    )


def test_the_second_person_is_somebody_else(clinic: Clinic) -> None:
    """Neither who asked nor who is granted, nor anybody who is no access administrator."""
    clinic.grant("cleo", "access")
    request = clinic.request("dora", "compliance")
    for login in ("anna", "dora", "agent", "monitor"):
        done = clinic(login)("access", "confirm", request, "--yes")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), login
    own = clinic("cleo")("grant", "cleo", "access", "--reason", "more", "--yes")
    assert own.returncode == 0, "what it holds already is left as it is"
    assert clinic("cleo")("grant", "cleo", "compliance", "--reason", "more", "--yes").returncode == 2
    assert clinic("cleo")("access", "confirm", request, "--yes").returncode == 0


def test_who_is_granted_access_can_not_confirm_it(clinic: Clinic) -> None:
    """Also where the requester of the grant is revoked meanwhile and it would be the only one left to."""
    request = clinic.request("cleo", "access")
    assert clinic("cleo")("access", "confirm", request, "--yes").returncode == 2
    assert clinic("cleo")("access", "requests").returncode == 2
    assert clinic("bert")("access", "confirm", request, "--yes").returncode == 0
    assert clinic("cleo")("access", "requests").returncode == 0


def test_a_request_is_withdrawn_or_expires(clinic: Clinic) -> None:
    withdrawn, expired = clinic.request("clara", "compliance"), clinic.request("dora", "compliance")
    done = clinic("bert")("access", "withdraw", withdrawn)
    assert (done.returncode, done.stdout) == (
        0,
        "Withdrawn: compliance for clara is not granted; entry 6 says so.\n",
    )
    clinic.database.disarm()
    clinic.database.admin.execute(
        "update unbroken.access_requests set expires_at = now() - interval '1 s' where request = %s", (expired,)
    )
    for request in (withdrawn, expired):
        for command in (("confirm", request, "--yes"), ("withdraw", request)):
            done = clinic("bert")("access", *command)
            assert (done.returncode, done.stderr.count("\n"), "expired" in done.stderr) == (2, 1, True)
    assert clinic("bert")("access", "requests").stdout == "Nothing waits for a second person.\n"
    listed = clinic("bert").json("access", "requests", "--all")["requests"]
    assert [(each["request"], each["state"]) for each in listed[1:]] == [(withdrawn, "withdrawn"), (expired, "expired")]
    assert [each["state"] for each in listed] == ["granted", "withdrawn", "expired"]
    text = clinic("bert")("access", "requests", "--all").stdout
    assert "withdrawn by bert" in text
    assert max(map(len, text.splitlines())) <= 160


def test_what_can_not_be_granted_is_one_line_and_2(clinic: Clinic) -> None:
    refused = [
        (("agent", "boss", "--reason", "x", "--yes"), "a login is for one of writer, server"),
        (("never_made", "writer", "--reason", "x", "--yes"), "there is no login never_made"),
        (("agent", "writer", "--reason", " ", "--yes"), "say why"),
        (("anna", "writer", "--reason", "x", "--yes"), "another duty"),
        (("agent", "writer", "--reason", "x"), "--yes"),
        (("agent", "writer", "--reason", "x", "--yes", "--log", "clinic.example/none"), "no such log"),
    ]
    for arguments, said in refused:
        done = clinic("anna")("grant", *arguments)
        lines = [line for line in done.stderr.splitlines() if "not a member" not in line]
        assert (done.returncode, len(lines)) == (2, 1), done.stderr
        assert said in lines[0]
    for request in (UNKNOWN, "nonsense\x1b[2J"):
        done = clinic("bert")("access", "confirm", request, "--yes")
        assert (done.returncode, "holds no request" in done.stderr, "\x1b" in done.stderr) == (2, True, False)
    assert clinic("anna")("grant", "agent", "writer", "--yes").returncode == 2, "a reason is needed"


def test_a_grant_without_the_group_is_made_with_a_warning(clinic: Clinic) -> None:
    done = clinic("anna")("grant", "monitor", "writer", "--reason", "x", "--yes")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert (
        "monitor is not a member of unbroken_writer, so the grant opens nothing until: unbroken login add"
        in done.stderr
    )
    given = json.loads(clinic("anna")("grant", "monitor", "writer", "--reason", "x", "--yes", "--json").stdout)
    assert len(given["warnings"]) == 1


def test_only_access_administrators_grant_and_revoke(clinic: Clinic) -> None:
    for login in ("clara", "agent", "monitor", "cleo"):
        for command in (
            ("grant", "agent", "writer", "--reason", "x", "--yes"),
            ("revoke", "bert", "access", "--reason", "x", "--yes"),
        ):
            done = clinic(login)(*command)
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), (login, done.stderr)
    assert len(clinic("anna").json("access", "requests", "--all")["requests"]) == 1


def test_somebody_at_a_terminal_is_asked(clinic: Clinic) -> None:
    command = ("grant", "agent", "writer", "--reason", "x")
    code, printed = on_terminal(clinic("anna"), *command, answer="n")
    assert (code, printed.strip()) == (0, "Nothing was granted.")
    code, printed = on_terminal(clinic("anna"), *command, answer="y")
    assert (code, printed.strip().startswith("Granted: agent")) == (0, True)
    code, printed = on_terminal(clinic("anna"), "revoke", "agent", "writer", "--reason", "x", answer="n")
    assert (code, printed.strip()) == (0, "Nothing was revoked.")
    code, printed = on_terminal(clinic("bert"), "access", "confirm", clinic.request("clara", "compliance"), answer="n")
    assert (code, printed.endswith("Nothing was confirmed.\n")) == (0, True)


# ---- revoking ----


def test_revoking_takes_effect_on_a_ticket_that_is_open(reviewed: Clinic) -> None:
    with reviewed.database.connect("clara") as connection:
        opened = connection.execute(
            "select ticket from unbroken.open_ticket(%s, 'a look', null, '{\"what\": \"psql\"}', '1 h')", (ACCESS_LOG,)
        ).fetchone()
        assert opened is not None
        assert connection.execute("select count(*) > 0 from unbroken.entries").fetchone() == (True,)
        done = reviewed("bert")("revoke", "clara", "compliance", "--reason", "left", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Revoked: clara no longer has the duty compliance for {ACCESS_LOG}; entry ")
        with pytest.raises(psycopg.DatabaseError) as refused:
            connection.execute("select count(*) from unbroken.entries")
    assert refused.value.sqlstate in ("UB003", "UB007")
    assert reviewed("clara")("access", "report").returncode == 2
    twice = reviewed("bert")("revoke", "clara", "compliance", "--reason", "left", "--yes")
    assert (twice.returncode, twice.stderr.count("\n")) == (2, 1)
    assert reviewed("bert")("revoke", "clara", "compliance", "--reason", "left").returncode == 2, "nobody was asked"


def test_a_revoked_writer_records_nothing_more(clinic: Clinic) -> None:
    clinic.grant("agent", "writer")
    with recording(clinic) as ledger:
        ledger.record(conversation("s-1"))
        assert clinic("anna").json("revoke", "agent", "writer", "--reason", "stolen", "--yes")["duty"] == "writer"
        with pytest.raises(AccessDeniedError):
            ledger.record(conversation("s-2"))


# ---- the report ----


def test_the_report_lists_it_all(reviewed: Clinic) -> None:
    clinic = reviewed
    clinic.grant("agent", "writer", confirmed_by=None)
    clinic.grant("monitor", "ops", confirmed_by=None)
    waiting = clinic.request("dora", "compliance", by="bert")
    clinic("anna")("revoke", "monitor", "ops", "--reason", "replaced", "--yes")
    with clinic.database.connect("dora") as connection:
        asked = "select refused from unbroken.open_ticket(%s, 'curious', null, '{}', '1 h')"
        assert connection.execute(asked, (ACCESS_LOG,)).fetchone() == ("no grant",)
    assert clinic("clara")("sessions", "--purpose", "complaint 4711", "--case", "C-12").returncode == 0
    report = clinic.report()
    assert (report["exit_code"], report["findings"], report["log"]) == (0, [], f"{ACCESS_LOG}~1")
    assert [(each["duty"], each["login"], each["basis"]) for each in report["grants"]] == [
        ("writer", "agent", "one person"),
        ("access", "anna", "installation"),
        ("access", "bert", "two people"),
        ("compliance", "clara", "two people"),
    ]
    (ended,) = report["ended"]
    assert (ended["login"], ended["revoked"]["by"], ended["revoked"]["reason"]) == ("monitor", "anna", "replaced")
    assert [(each["request"], each["requested_by"]) for each in report["waiting"]] == [(waiting, "bert")]
    (denied,) = report["denied"]
    assert (denied["login"], denied["refused"]) == ("dora", "no grant")
    complaint, own = report["reads"]
    assert (complaint["login"], complaint["duty"], complaint["purpose"], complaint["case"], complaint["state"]) == (
        "clara",
        "compliance",
        "complaint 4711",
        "C-12",
        "complete",
    )
    assert complaint["scope"]["what"] == "sessions"
    assert (own["scope"]["what"], own["state"], own["completed"]) == ("access report", "open", None)
    topics = {(each["topic"], each["login"]) for each in report["remarks"]}
    assert ("outside_policies", "postgres") in topics
    assert ("one_decider", "agent") in topics
    assert ("no_grant", "dora") in topics
    assert not any(topic in ("unused", "toxic_pair", "no_membership") for topic, _ in topics)


def test_the_report_as_text_fits_80_columns_and_names_itself(reviewed: Clinic) -> None:
    reviewed.grant("agent", "writer")
    done = reviewed("clara", COLUMNS="80")("access", "report")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    for words in (
        "compliance  clara  since ",
        "asked for by anna, confirmed by bert: as agreed",
        "by postgres alone, at installation: set up",
        "clara, compliance  (this report)",
        "what=access report",
        "postgres  superuser",
    ):
        assert words in done.stdout, done.stdout


def test_a_report_counts_what_it_rests_on(reviewed: Clinic) -> None:
    reviewed.report()
    first, _ = reviewed.report()["reads"]
    assert (first["state"], first["completed"]["count"]) == ("complete", 6)
    assert len(first["completed"]["digest"]) == 64


def test_the_report_as_csv_is_no_formula(reviewed: Clinic, tmp_path: Path) -> None:
    reviewed("clara")("sessions", "--purpose", "=HYPERLINK(1)")
    file = tmp_path / "access.csv"
    done = reviewed("clara")("access", "report", "--csv", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    assert {row["row"] for row in rows} >= {"grant", "read", "remark"}
    assert next(row for row in rows if row["scope"].startswith("limit="))["why"] == "'=HYPERLINK(1)"
    assert reviewed("clara")("access", "report", "--csv", file, "--json").returncode == 2


def test_who_looked_for_a_person(reviewed: Clinic) -> None:
    reviewed.grant("agent", "writer")
    with recording(reviewed) as ledger:
        ledger.record(conversation("s-1", actor="u-17") + conversation("s-2", actor="u-18"))
    for session in ("s-1", "s-2"):
        assert reviewed("clara")("show", session).returncode == 0
    reviewed.report("--about", "u-18")
    reviewed.report()
    report = reviewed.report("--about", "u-17")
    reads = {each["seq"]: each["scope"] for each in report["reads"]}
    found = report["about"]
    assert [reads[seq] for seq in found["named"]] == [{"what": "access report", "about": found["recorded_as"][0]}]
    assert [reads[seq].get("session") for seq in found["session"]] == ["s-1"]
    assert [reads[seq] for seq in found["wide"]] == [{"what": "access report"}]
    assert (found["other_sessions"], found["other_people"]) == (1, 1)
    text = reviewed("clara")("access", "report", "--about", "u-17").stdout
    assert "u-17" not in text
    assert "looked for it: entries " in text


def test_the_report_of_a_time_gone_by(reviewed: Clinic) -> None:
    then = reviewed.report()["as_of"]
    time.sleep(1.1)
    reviewed("anna")("revoke", "bert", "access", "--reason", "left", "--yes")
    now, before = reviewed.report(), reviewed.report("--as-of", then, "--until", then)
    assert {each["login"] for each in now["grants"]} == {"anna", "clara"}
    assert {each["login"] for each in before["grants"]} == {"anna", "bert", "clara"}
    assert [len(each["reads"]) for each in (now, before)] == [2, 1]
    assert before["ended"] == []
    assert reviewed("clara")("access", "report", "--since", "yesterday").returncode == 2


def test_only_compliance_reports(reviewed: Clinic) -> None:
    reviewed.grant("agent", "writer")
    reviewed.grant("monitor", "ops")
    for login in ("anna", "agent", "monitor", "dora"):
        done = reviewed(login)("access", "report")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), (login, done.stderr)
        assert "Traceback" not in done.stderr
    assert set(PEOPLE) >= {"anna", "agent"}


# ---- what was tampered with ----


PLANT_GRANT = """
    insert into unbroken.grants (log, login, duty, granted_at, granted_seq, granted_by, confirmed_by)
    select log, 'dora', 'compliance', now(), {}, 'anna', 'bert' from unbroken.grants where login = 'anna'"""
PLANT_TICKET = """
    insert into unbroken.tickets (log, ticket, login, duty, opened_seq, opened_at, expires_at, opened_xid)
    select log, gen_random_uuid(), 'clara', 'compliance', 3, now(), now() + interval '1 h', '3'
      from unbroken.grants where login = 'anna'"""
REVOKE = "update unbroken.grants set revoked_at = now(), revoked_seq = 2, revoked_by = 'anna' where login = 'bert'"


@pytest.mark.parametrize(
    ("tampering", "kind"),
    [
        (PLANT_GRANT.format("999"), "grant_disagrees"),
        (PLANT_GRANT.format("null"), "grant_disagrees"),
        ("update unbroken.grants set login = 'cleo' where login = 'bert'", "grant_disagrees"),
        ("update unbroken.grants set granted_by = 'cleo' where login = 'bert'", "grant_disagrees"),
        (REVOKE, "grant_disagrees"),
        ("delete from unbroken.access_requests where login = 'bert'", "request_disagrees"),
        ("update unbroken.access_requests set requested_by = 'cleo' where login = 'bert'", "request_disagrees"),
        (PLANT_TICKET, "ticket_disagrees"),
        ("update unbroken.payloads set details = replace(details, 'bert', 'dora') where seq = 3", "altered_payload"),
        ("update unbroken.entries set writer = 'cleo' where seq = 3", "altered_entry"),
        ("update unbroken.entries set actor_id = 'cleo' where seq = 3", "column_disagrees"),
    ],
)
def test_tampered_tables_and_entries_are_found(reviewed: Clinic, tampering: str, kind: str) -> None:
    where = " and log = (select log from unbroken.logs where origin = 'clinic.example/access')"
    reviewed.database.disarm()
    changed = reviewed.database.admin.execute(tampering + (where if tampering.startswith(("update", "delete")) else ""))
    assert changed.rowcount == 1
    done = reviewed("clara")("access", "report")
    assert done.returncode == 1
    assert f"{kind}" in done.stdout.split("Who may do what")[0]


def test_a_login_that_is_gone_or_in_two_groups_is_remarked(reviewed: Clinic) -> None:
    for statement in ("create role ghost login in role unbroken_writer", "grant unbroken_retention to agent"):
        reviewed.database.admin.execute(statement)
    try:
        reviewed.grant("ghost", "writer")
        reviewed.database.admin.execute("drop role ghost")
        remarks = {(each["topic"], each["login"]) for each in reviewed.report()["remarks"]}
    finally:
        reviewed.database.admin.execute("revoke unbroken_retention from agent")
        reviewed.database.admin.execute("drop role if exists ghost")
    assert {("no_login", "ghost"), ("toxic_pair", "agent")} <= remarks


def test_the_installing_role_grants_until_there_are_two(database: Database, tmp_path: Path) -> None:
    """It is no superuser and in no duty's group; that it may make itself the owner is what it grants by."""
    origin = "clinic.example/young"
    with connect(database.server.conninfo("postgres", database.name)) as connection:
        administration.create_log(connection, origin)
        for login, duty in PEOPLE.items():
            administration.add_login(connection, login, duty=duty, password=None)
    database.admin.execute("create role installer login createrole")
    database.admin.execute("grant unbroken_owner to installer with admin option")
    if database.admin.info.server_version >= 160000:
        # What whoever makes the groups is given there.
        database.admin.execute("grant unbroken_access to installer with admin true, inherit false, set false")
    settings = {"UNBROKEN_LOG": origin, "UNBROKEN_PURPOSE": "a review"}
    installer, anna, agent = (
        Cli(database.conninfo(login), tmp_path, settings) for login in ("installer", "anna", "agent")
    )
    try:
        first = installer.json("grant", "anna", "access", "--reason", "set up", "--yes")
        second = installer.json("grant", "bert", "access", "--reason", "set up", "--yes")
        assert (first["state"], second["state"]) == ("granted", "requested")
        assert anna("access", "confirm", second["request"], "--yes").returncode == 0
        late = installer("grant", "cleo", "access", "--reason", "more", "--yes")
        assert (late.returncode, late.stderr.count("\n"), "no access administrator" in late.stderr) == (2, 1, True)
        assert agent("grant", "cleo", "access", "--reason", "more", "--yes").returncode == 2
    finally:
        database.admin.execute("drop owned by installer")
        database.admin.execute("drop role installer")
