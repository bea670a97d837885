"""The report on access says what verified entries say, and where anything contradicts them."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.access_entries import DIGEST, START, Story, administered
from unbroken.core.ids import new_id
from unbroken.investigate.access import AccessReport, Period
from unbroken.investigate.access_entries import DANGEROUS, Problem
from unbroken.investigate.access_review import Server, is_toxic
from unbroken.store.access import Role
from unbroken.store.administration import DUTIES

HOUR = timedelta(hours=1)


def problems(report: AccessReport) -> list[tuple[str, int | None]]:
    return [(each.kind, each.seq) for each in report.problems]


def remarked(report: AccessReport, topic: str) -> list[tuple[str, str]]:
    return [(each.login, each.what) for each in report.remarks if each.topic == topic]


def role(name: str, *groups: str, **facts: Any) -> Role:
    held: dict[str, Any] = {"can_login": True, "superuser": False, "bypasses_policies": False, "reads_files": False}
    return Role(name, groups=groups, reachable=facts.pop("reachable", ()), **{**held, **facts})


# ---- who may do what ----


def test_grants_are_told_with_who_decided_and_why() -> None:
    story = administered()
    story.request("clara", "compliance")
    seq = story.confirm("r-1")
    story.grant("agent", "writer", reason="a new agent")
    report = story.report()
    assert report.problems == ()
    assert [(each.login, each.duty, each.basis) for each in report.grants] == [
        ("agent", "writer", "one person"),
        ("anna", "access", "installation"),
        ("bert", "access", "two people"),
        ("clara", "compliance", "two people"),
    ]
    clara = report.grants[-1]
    assert (clara.seq, clara.requested_by, clara.confirmed_by, clara.reason) == (seq, "anna", "bert", "to review")
    assert clara.since == START + (seq - 1) * HOUR


def test_a_revoked_grant_is_told_as_ended_and_may_be_given_again() -> None:
    story = administered()
    first = story.grant("agent", "writer")
    ended = story.revoke("agent", "writer", by="bert")
    again = story.grant("agent", "writer")
    report = story.report()
    assert report.problems == ()
    assert [(each.seq, each.ended) for each in report.grants if each.login == "agent"] == [(again, None)]
    (past,) = report.ended
    assert past.seq == first
    assert past.ended is not None
    assert (past.ended.seq, past.ended.by, past.ended.reason) == (ended, "bert", "left")


def test_a_report_as_of_a_time_shows_what_stood_then() -> None:
    story = administered()
    story.grant("agent", "writer")
    story.request("clara", "compliance")
    before = story.now - HOUR / 2
    story.revoke("agent", "writer")
    story.confirm("r-1")
    then = story.report(period=Period(START, before, before))
    assert {each.login for each in then.grants} == {"agent", "anna", "bert"}
    assert [each.request for each in then.requests] == ["r-1"]
    assert then.problems == ()
    now = story.report()
    assert {each.login for each in now.grants} == {"anna", "bert", "clara"}
    assert now.requests == ()


def test_requests_wait_until_they_are_decided_or_expire() -> None:
    story = administered()
    for number, days in ((1, 7), (2, 7), (3, 0)):
        story.request("clara", "compliance", request=f"r-{number}", days=days)
    story.withdraw("r-2")
    report = story.report()
    assert (problems(report), [each.request for each in report.requests]) == ([], ["r-1"])


def test_what_an_agent_records_is_not_taken_for_the_log_s_own() -> None:
    story = administered()
    story.add(
        "access_granted",
        writer="agent",
        actor_id="agent",
        actor_type="system",
        recorder=new_id(),
        recorder_seq=1,
        details={"login": "mallory", "duty": "compliance", "basis": "two people"},
    )
    story.add(
        "access_granted",
        writer="agent",
        actor_id="anna",
        actor_type="system",
        details={"login": "mallory", "duty": "compliance", "basis": "two people"},
    )
    story.add(
        "access_granted",
        writer="agent",
        actor_id="agent",
        actor_type="user",
        details={"login": "mallory", "duty": "compliance", "basis": "two people"},
    )
    report = story.report()
    assert (report.problems, {each.login for each in report.grants}) == ((), {"anna", "bert"})


# ---- rules ----


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"by": "anna"}, "by one login"),
        ({"by": "clara"}, "requested or confirmed by clara"),
        ({"request": "r-9"}, "without a request"),
        ({"login": "mallory"}, "a request for something else"),
        ({"duty": "verifier"}, "a request for something else"),
        ({"reason": "to pry"}, "a request for something else"),
    ],
)
def test_a_grant_that_two_people_did_not_make_is_found(changed: dict[str, str], said: str) -> None:
    story = administered()
    story.request("clara", "compliance")
    given = {"by": "bert", "request": "r-1", "login": "clara", "duty": "compliance", "reason": "to review"}
    given |= changed
    login, duty, by = given.pop("login"), given.pop("duty"), given.pop("by")
    seq = story.grant(login, duty, confirmed_by=by, **given)
    found = [each for each in story.report().problems if each.kind == "rule_broken"]
    assert [each.seq for each in found] == [seq]
    assert said in found[0].what


def test_a_grant_that_names_another_confirmer_than_it_came_from_is_found() -> None:
    story = administered()
    story.request("clara", "compliance")
    named = {"requested_by": "anna", "confirmed_by": "bert", "request": "r-1", "basis": "two people"}
    seq = story.own("access_granted", "mallory", login="clara", duty="compliance", **named)
    assert ("rule_broken", seq) in problems(story.report())


def test_a_request_is_withdrawn_once() -> None:
    story = administered()
    story.request("clara", "compliance")
    story.withdraw("r-1")
    again = story.own("log.access_withdrawn", "bert", request="r-1")
    assert problems(story.report()) == [("rule_broken", again)]


def test_a_request_serves_once_and_not_after_its_time() -> None:
    story = administered()
    story.request("clara", "compliance", request="r-1")
    story.request("dora", "compliance", request="r-2", days=0)
    story.request("emma", "compliance", request="r-3")
    story.withdraw("r-3")
    story.confirm("r-1")
    story.revoke("clara", "compliance")
    wrong = [story.confirm(request) for request in ("r-1", "r-2", "r-3")]
    found = [each for each in story.report().problems if each.kind == "rule_broken"]
    assert [each.seq for each in found] == wrong
    assert [each.what.rsplit(" ", 1)[1] for each in found] == ["granted", "expired", "withdrawn"]


@pytest.mark.parametrize("duty", DUTIES)
def test_dangerous_duties_take_two(duty: str) -> None:
    story = administered()
    seq = story.grant("clara", duty)
    expected = [("rule_broken", seq)] if duty in DANGEROUS else []
    assert problems(story.report()) == expected
    assert (duty in DANGEROUS) == (duty not in ("writer", "ops"))


def test_what_is_granted_twice_or_revoked_without_a_grant_is_found() -> None:
    story = administered()
    story.grant("agent", "writer")
    twice = story.grant("agent", "writer")
    never = story.own("access_revoked", "anna", login="clara", duty="legal", reason="?")
    assert problems(story.report()) == [("rule_broken", twice), ("rule_broken", never)]


# ---- the tables against the entries ----


def test_a_row_that_no_entry_grants_is_found() -> None:
    story = administered()
    story.grants.append(dataclasses.replace(story.grants[0], login="mallory", granted_seq=10**12))
    story.grants.append(dataclasses.replace(story.grants[0], login="mallory", granted_seq=None))
    assert problems(story.report()) == [("grant_disagrees", 10**12), ("grant_disagrees", None)]


@pytest.mark.parametrize(
    "changed",
    [
        {"login": "mallory"},
        {"duty": "compliance"},
        {"granted_by": "bert"},
        {"confirmed_by": "clara"},
        {"revoked_at": START, "revoked_seq": 4, "revoked_by": "anna"},
    ],
    ids=str,
)
def test_a_row_that_was_changed_is_found(changed: dict[str, Any]) -> None:
    story = administered()
    story.grants[0] = dataclasses.replace(story.grants[0], **changed)
    assert problems(story.report()) == [("grant_disagrees", 1)]


def test_a_revocation_that_was_undone_or_changed_in_the_table_is_found() -> None:
    story = administered()
    seq = story.grant("agent", "writer")
    story.revoke("agent", "writer")
    revoked = story.grants[-1]
    story.grants[-1] = dataclasses.replace(revoked, revoked_at=None, revoked_seq=None, revoked_by=None)
    assert problems(story.report()) == [("grant_disagrees", seq)]
    story.grants[-1] = dataclasses.replace(revoked, revoked_by="bert")
    assert problems(story.report()) == [("grant_disagrees", seq)]


def test_rows_that_are_gone_are_found() -> None:
    story = administered()
    story.grants.pop()
    story.requests.pop()
    assert problems(story.report()) == [("grant_disagrees", 3), ("request_disagrees", 2)]


@pytest.mark.parametrize(
    "changed",
    [
        {"login": "mallory"},
        {"requested_by": "mallory"},
        {"reason": "no reason"},
        {"expires_at": START + timedelta(days=400)},
        {"outcome": None, "decided_seq": None, "decided_by": None},
        {"outcome": "withdrawn"},
    ],
    ids=str,
)
def test_a_request_that_was_changed_in_the_table_is_found(changed: dict[str, Any]) -> None:
    story = administered()
    story.requests[0] = dataclasses.replace(story.requests[0], **changed)
    assert problems(story.report()) == [("request_disagrees", 2)]


def test_entries_that_came_after_the_tables_were_read_are_no_difference() -> None:
    story = administered()
    story.request("clara", "compliance")
    grants, requests, settled = list(story.grants), list(story.requests), len(story.entries)
    story.confirm("r-1")
    story.revoke("bert", "access")
    story.request("dora", "compliance", request="r-2")
    assert story.report(grants=grants, requests=requests, settled=settled).problems == ()
    assert problems(story.report(grants=grants, requests=requests)) != []


@pytest.mark.parametrize(
    "changed",
    [{"ticket": "t-9"}, {"login": "mallory"}, {"session_id": None}, {"expires_at": START + 9000 * HOUR}],
    ids=str,
)
def test_a_ticket_without_its_entry_or_wider_than_it_is_found(changed: dict[str, Any]) -> None:
    story = administered()
    seq = story.read(scope={"what": "show", "session": "s-1"})
    assert story.report().problems == ()
    story.tickets[0] = dataclasses.replace(story.tickets[0], **changed)
    assert problems(story.report()) == [("ticket_disagrees", seq)]


# ---- altered entries ----


def test_an_altered_entry_is_a_finding_and_tells_nothing() -> None:
    story = administered()
    story.read(purpose="a complaint")
    entry = story.entries[-1]
    entry.event = entry.event.replace(b'"clara"', b'"laura"')
    report = story.report(tickets=[])
    assert problems(report) == [("altered_entry", entry.seq)]
    assert report.reads == ()
    assert report.exit_code == 1


def test_an_altered_payload_or_column_is_a_finding() -> None:
    story = administered()
    payload, column = story.read(ticket="t-1"), story.read(ticket="t-2")
    details = story.entries[payload - 1].details
    assert details is not None
    story.entries[payload - 1].details = details.replace(b"complaint", b"colleague")
    columns = story.entries[column - 1].columns
    assert columns is not None
    story.entries[column - 1].columns = ("mallory", *columns[1:])
    report = story.report(tickets=[])
    assert problems(report) == [("altered_payload", payload), ("column_disagrees", column)]
    assert [each.ticket for each in report.reads] == ["t-2"]


def test_problems_quote_no_payload() -> None:
    story = administered()
    seq = story.read(purpose="Jane Doe's complaint")
    story.entries[seq - 1].details_salt = b"x" * 32
    assert not any("Jane" in each.what for each in story.report(tickets=[]).problems)


# ---- who looked ----


def test_a_read_is_told_with_its_end() -> None:
    story = administered()
    story.read(case="C-12", scope={"what": "show", "session": "s-1"})
    story.complete(count=7)
    (read,) = story.report().reads
    assert (read.login, read.duty, read.purpose, read.case, read.session) == (
        "clara",
        "compliance",
        "a complaint",
        "C-12",
        "s-1",
    )
    assert read.completion is not None
    assert (read.completion.outcome, read.completion.count, read.completion.digest) == ("complete", 7, DIGEST)
    assert read.completion.at - read.at == HOUR


def test_a_read_that_nobody_completed_says_so_once_its_time_is_over() -> None:
    story = administered()
    story.read(ticket="t-1")
    story.own("log.read_denied", "clara", login="mallory", refused="no grant", duty="compliance", attempts=41)
    story.read(ticket="t-2")
    report = story.report(now=story.now - 50 / 60 * HOUR)
    assert [each.state(report.now) for each in report.reads] == ["never completed", "open"]
    (denial,) = report.denials
    assert (denial.login, denial.refused, denial.attempts) == ("mallory", "no grant", 41)


def test_only_reads_of_the_time_asked_for_are_listed_with_their_later_ends() -> None:
    story = administered()

    def everything(number: int) -> None:
        story.read(ticket=f"t-{number}")
        story.own("log.read_denied", "clara", login=f"mallory-{number}", refused="no grant", attempts=1)
        story.grant("agent", "writer")
        story.revoke("agent", "writer", by=f"anna-{number}")

    everything(1)
    since = story.now
    everything(2)
    until = story.now
    story.complete(ticket="t-2")
    everything(3)
    report = story.report(period=Period(since, until, until - HOUR / 2))
    (read,), (denial,), (ended,) = report.reads, report.denials, report.ended
    assert (read.ticket, read.completion is None, denial.login) == ("t-2", False, "mallory-2")
    assert ended.ended is not None
    assert ended.ended.by == "anna-2"


def test_reads_about_a_person() -> None:
    story = administered()
    scopes: list[dict[str, str]] = [
        {"what": "query", "actor": "p:jane"},
        {"what": "query", "actor": "p:joe"},
        {"what": "show", "session": "s-1"},
        {"what": "show", "session": "s-2"},
        {"what": "tail"},
        {"what": "query", "subject": "p:jane", "session": "s-2"},
        {"what": "query", "resource": "p:joe", "session": "s-1"},
    ]
    seqs = [story.read(ticket=f"t-{number}", scope=scope) for number, scope in enumerate(scopes)]
    found = story.about("p:jane", sessions=("s-1",)).about
    assert found is not None
    assert found.named == (seqs[0], seqs[5])
    assert found.session == (seqs[2], seqs[6])
    assert found.wide == (seqs[4],)
    assert (found.other_sessions, found.other_people) == (1, 1)


JANE, JOE = "p-" + "1" * 32, "p-" + "2" * 32


def test_a_read_is_told_with_the_names_that_were_looked_up_under_it() -> None:
    story = administered()
    story.read(ticket="t-1")
    story.read("dora", ticket="t-2")
    seqs = [story.names(JANE, JOE), story.names(JOE, ticket="t-2", login="dora"), story.names(JANE)]
    report = story.report()
    assert [[(one.seq, one.pseudonyms) for one in read.lookups] for read in report.reads] == [
        [(seqs[0], (JANE, JOE)), (seqs[2], (JANE,))],
        [(seqs[1], (JOE,))],
    ]
    assert report.problems == ()


@pytest.mark.parametrize(("ticket", "login"), [("t-2", "clara"), ("t-1", "dora")])
def test_a_lookup_without_a_read_of_that_login_is_a_finding(ticket: str, login: str) -> None:
    story = administered()
    story.read(ticket="t-1")
    seq = story.names(JANE, ticket=ticket, login=login)
    assert problems(story.report()) == [("lookup_disagrees", seq)]


def test_a_lookup_whose_read_began_before_what_was_gathered_is_none() -> None:
    story = administered()
    story.names(JANE, ticket="an earlier one")
    assert problems(story.report(period=Period(story.now, story.now, story.now))) == []


def test_who_looked_a_persons_name_up() -> None:
    story = administered()
    story.read(ticket="t-1", scope={"what": "show", "session": "s-1"})
    seqs = [story.names(JANE, JOE), story.names(JOE)]
    story.read(ticket="t-2", scope={"what": "query", "actor": "p:of her pseudonym"})
    found = story.about("p:jane", "p:of her pseudonym", known_as=(JANE,), sessions=("s-1",)).about
    assert found is not None
    assert found.looked_up == (seqs[0],)
    assert len(found.named) == len(found.session) == 1


# ---- what to look at ----


def test_toxic_pairs_by_membership_or_by_grant() -> None:
    story = administered()
    story.grant("anna", "writer")
    story.roles += [role("eve", "retention", "writer"), role("olga", "legal", "dpo"), role("root", "owner", "verifier")]
    story.roles += [role("group", "access", "legal", can_login=False)]
    report = story.report()
    assert sorted(remarked(report, "toxic_pair")) == [("eve", "retention and writer"), ("root", "owner and verifier")]
    assert [login for login, _ in remarked(report, "several_duties")] == ["anna", "olga"]
    assert not is_toxic("writer", "ops")
    assert all(is_toxic("owner", duty) for duty in DUTIES)
    assert {duty for duty in DUTIES if is_toxic("access", duty)} == {
        *("ops", "compliance", "legal", "dpo", "verifier", "notary")
    }


def test_rights_that_nobody_uses() -> None:
    story = administered()
    for number, login in enumerate(("clara", "dora")):
        story.request(login, "compliance", request=f"r-{number + 1}")
        story.confirm(f"r-{number + 1}")
    for login in ("agent", "idle"):
        story.grant(login, "writer")
    begun = story.now
    story.read("clara")
    story.grant("newcomer", "ops", by="bert")
    server = dataclasses.replace(story.evidence().server, recording=frozenset({"agent"}), unused_since=begun)
    report = story.report(server=server)
    assert [login for login, _ in remarked(report, "unused")] == ["anna", "dora", "idle"]


def test_revoking_is_a_use_of_access() -> None:
    story = administered()
    story.grant("agent", "writer")
    begun = story.now
    story.revoke("agent", "writer", by="bert")
    server = dataclasses.replace(story.evidence().server, unused_since=begun)
    assert remarked(story.report(server=server), "unused") == [("anna", "access: no grant and no revocation")]


def test_halves_of_a_right() -> None:
    story = administered()
    story.grant("agent", "writer")
    evidence = story.evidence()
    roles = (role("anna", "access"), role("stray", "verifier"), role("bert"), role("root", "owner"))
    server = Server(roles, frozenset({"anna", "bert", "stray"}), frozenset(), evidence.server.unused_since)
    report = story.report(server=server)
    assert [login for login, _ in remarked(report, "no_login")] == ["agent"]
    assert [login for login, _ in remarked(report, "no_membership")] == ["bert"]
    assert [login for login, _ in remarked(report, "no_grant")] == ["stray"]


def test_grants_that_one_person_made_are_marked() -> None:
    story = administered()
    story.grant("agent", "writer")
    story.grant("old", "writer", by="dba", basis="migration")
    taken = story.grant("mallory", "access", by="dba", basis="installation")
    report = story.report()
    assert [login for login, _ in remarked(report, "one_decider")] == ["agent", "anna", "mallory", "old"]
    (overruled,) = remarked(report, "overruled")
    assert (overruled[0], "anna and bert" in overruled[1]) == ("mallory", True)
    assert (report.problems, story.entries[-1].seq) == ((), taken)


def test_whoever_the_policies_do_not_bind_is_named() -> None:
    story = administered()
    story.roles += [
        role("postgres", superuser=True),
        role("backup", bypasses_policies=True),
        role("dba", reachable=("access", "owner")),
        role("robot", reads_files=True),
        role("heir", "owner", can_login=False),
    ]
    named = remarked(story.report(), "outside_policies")
    assert [login for login, _ in named] == ["postgres", "backup", "dba", "robot", "heir"]
    assert "ticket" in named[0][1]
    assert "unbroken_access, unbroken_owner" in named[2][1]


def test_nothing_wrong_is_exit_code_0() -> None:
    assert administered().report().exit_code == 0
    assert Story().report().exit_code == 0
    assert Problem("rule_broken", 1, "x").kind == "rule_broken"
