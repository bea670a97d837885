"""Policies through the door: proposed by one login, confirmed by another, told by entries."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.held import issue
from tests.database.policies import AT_ONCE, PAST, TEXT, ask_standing, proposed, put_in_force, tell
from tests.database.raw import sent
from unbroken.core.entry import StoredEntry
from unbroken.retention.catalogue import DEFAULT, built_in
from unbroken.retention.period import Period
from unbroken.retention.policy_file import set_in
from unbroken.retention.policy_set import set_from, set_of
from unbroken.store.log_reader import LogReader
from unbroken.store.retention import Retention

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def compliance(database: Database) -> Iterator[Connection]:
    with database.connect("compliance") as connection:
        yield connection


def details(entries: Callable[[], list[StoredEntry]], event_type: str) -> list[dict[str, Any]]:
    return [
        json.loads(entry.parts["details"].value)
        for entry in entries()
        if json.loads(entry.event)["event_type"] == event_type
    ]


def refusal(connection: Connection, statement: str, given: tuple[Any, ...] = ()) -> str | None:
    """With which state a statement is refused; ``None`` where it isn't."""
    try:
        connection.execute(statement, given)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def confirm(connection: Connection, version: int) -> None:
    connection.execute("select unbroken.confirm_policies(%s, %s::integer)", (LOG, version))


def test_one_login_proposes_another_confirms_and_entries_tell(
    database: Database, entries: Callable[[], list[StoredEntry]]
) -> None:
    assert put_in_force(database, AT_ONCE) == 1
    (told,) = details(entries, "log.policies_proposed")
    assert told["text"] == TEXT
    assert told["simulated"] == {"entries": 0}
    assert set_from(told["text"]) == set_in(AT_ONCE)
    (confirmed,) = details(entries, "log.policies_confirmed")
    assert confirmed == {"version": 1, "sha256": told["sha256"]}


def test_whoever_proposed_can_not_confirm(compliance: Connection) -> None:
    version = proposed(compliance, TEXT)
    with pytest.raises(psycopg.Error) as refused:
        confirm(compliance, version)
    assert refused.value.sqlstate == "UB008"


def test_the_table_itself_asks_for_two_people(database: Database, compliance: Connection) -> None:
    version = proposed(compliance, TEXT)
    database.disarm()
    with pytest.raises(psycopg.errors.CheckViolation):
        database.admin.execute(
            "update unbroken.policy_sets set outcome = 'confirmed', decided_by = proposed_by, decided_at = now(),"
            " decided_seq = 1 where version = %s",
            (version,),
        )


def test_a_proposal_is_decided_once(database: Database, compliance: Connection, legal: Connection) -> None:
    version = proposed(compliance, TEXT)
    compliance.execute("select unbroken.withdraw_policies(%s, %s::integer)", (LOG, version))
    with pytest.raises(psycopg.Error, match="no such set"):
        confirm(legal, version)
    confirm(legal, proposed(compliance, TEXT))
    with pytest.raises(psycopg.Error, match="no such set"):
        confirm(legal, version + 1)


def test_a_proposal_that_a_newer_one_overtook_is_not_confirmed(compliance: Connection, legal: Connection) -> None:
    older = proposed(compliance, TEXT)
    newer = proposed(compliance, set_in("").text)
    confirm(legal, newer)
    with pytest.raises(psycopg.Error, match="overtaken"):
        confirm(legal, older)


def test_a_proposal_expires(database: Database, compliance: Connection, legal: Connection) -> None:
    version = proposed(compliance, TEXT)
    database.disarm()
    database.admin.execute("update unbroken.policy_sets set expires_at = now() - interval '1 second'")
    with pytest.raises(psycopg.Error, match="expired"):
        confirm(legal, version)


def test_what_is_in_force_already_is_not_proposed(database: Database, compliance: Connection) -> None:
    put_in_force(database, AT_ONCE)
    with pytest.raises(psycopg.Error, match="in force already"):
        proposed(compliance, TEXT)


FAULTS: dict[str, Callable[[str], str]] = {
    "no JSON": lambda text: text[:-1],
    "not canonical": lambda text: text.replace(",", ", ", 1),
    "another version of the form": lambda text: text.replace('"v":1', '"v":2'),
    "a key too many": lambda text: text.replace('"v":1', '"v":1,"w":1'),
    "no such default": lambda text: text.replace('"default":"default.one_year"', '"default":"none"'),
    "a default that names what it is for": lambda text: text.replace(
        '"default":"default.one_year"', '"default":"own.account"'
    ),
    "an unknown key of a policy": lambda text: text.replace('"zone":"UTC"', '"zonk":"UTC"'),
    "no time zone": lambda text: text.replace('"zone":"UTC"', '"zone":"Mars/Base"'),
    "a time zone by its rule": lambda text: text.replace('"zone":"UTC"', '"zone":"EST5EDT,M3.2.0,M11.1.0"'),
    "no period": lambda text: text.replace('"floor":"1y"', '"floor":"1 year"'),
    "a period in other words": lambda text: text.replace('"floor":"1y"', '"floor":"12m"'),
    "no periods at all": lambda text: text.replace('"ceiling":"2y",', "").replace('"floor":"1y",', ""),
    "no key for its event": lambda text: text.replace('"start_key":"account",', ""),
    "a key without event": lambda text: text.replace('"start":"account_closed"', '"start":"record"'),
    "another basis": lambda text: text.replace('"basis":"organisation"', '"basis":"whim"'),
    "for nothing": lambda text: text.replace('"domains":["accounts"],', ""),
    "an empty list": lambda text: text.replace('"domains":["accounts"]', '"domains":[]'),
    "a list out of order": lambda text: text.replace('["accounts"]', '["b","a"]'),
    "two of one id": lambda text: text.replace('"id":"own.account"', '"id":"default.one_year"'),
    "an id that is none": lambda text: text.replace('"id":"own.account"', '"id":"Own"'),
    "no id": lambda text: text.replace('"id":"own.account",', ""),
    "a policy that is none": lambda text: text.replace('"policies":[', '"policies":["zz",'),
    "two lines": lambda text: text.replace('"citation":"a test"', '"citation":"a\\ntest"'),
    "a version that is none": lambda text: text.replace('"version":1', '"version":0'),
    "not everything": lambda text: text.replace('"everything":true', '"everything":false'),
    "a text in place of truth": lambda text: text.replace('"everything":true', '"everything":"true"'),
    "a part that is none": lambda text: text.replace('"start":', '"parts":["keys"],"start":'),
    "both parts": lambda text: text.replace('"start":', '"parts":["originals","payloads"],"start":'),
    "no parts": lambda text: text.replace('"start":', '"parts":[],"start":'),
    "a part in place of a list": lambda text: text.replace('"start":', '"parts":"originals","start":'),
    "a default of one part": lambda text: text.replace('"start":"record"', '"parts":["originals"],"start":"record"'),
    "no title": lambda text: text.replace('"title":"What belongs to an account that was closed",', ""),
}


def test_what_is_no_set_is_refused_by_the_database_too(compliance: Connection) -> None:
    for fault, change in FAULTS.items():
        assert change(TEXT) != TEXT, fault
        statement = "select unbroken.propose_policies(%s, %s, 'a test', '{\"entries\": 0}')"
        assert refusal(compliance, statement, (LOG, change(TEXT))) == "UB009", fault


def test_what_was_simulated_is_counts(compliance: Connection) -> None:
    for simulated in ({}, {"entries": -1}, {"entries": 1.5}, {"entries": "1"}, {"En": 1}, [1], None):
        statement = "select unbroken.propose_policies(%s, %s, 'a test', %s)"
        assert refusal(compliance, statement, (LOG, TEXT, Jsonb(simulated))) == "UB009", simulated


def test_a_start_event_is_told_corrected_and_not_told_twice(
    database: Database, entries: Callable[[], list[StoredEntry]]
) -> None:
    first = tell(database)
    assert tell(database) == first
    second = tell(database, at=PAST + timedelta(days=1))
    assert second > first
    told = details(entries, "log.start_told")
    assert [each["at"] for each in told] == ["2015-03-01T12:00:00.000000Z", "2015-03-02T12:00:00.000000Z"]
    with LogReader(database.conninfo("retention"), LOG) as reader:
        (event,) = Retention(reader).start_events()
    assert (event.at, event.seq, event.told_by) == (PAST + timedelta(days=1), second, "compliance")


def test_what_is_no_start_event(compliance: Connection) -> None:
    for kind, item, at in (
        ("Account", "account=1", PAST),
        ("record", "account=1", PAST),
        ("account_closed", "account", PAST),
        ("account_closed", "account=", PAST),
        ("account_closed", "account=1\n", PAST),
        ("account_closed", "account=1", datetime(1899, 1, 1, tzinfo=UTC)),
        ("account_closed", "account=1", datetime(2200, 1, 1, tzinfo=UTC)),
        ("account_closed", "account=1", None),
    ):
        statement = "select unbroken.tell_start(%s, %s, %s, %s, 'a test')"
        assert refusal(compliance, statement, (LOG, kind, item, at)) == "UB009", (kind, item, at)


def test_a_server_may_tell_what_happened(database: Database) -> None:
    with database.connect("server") as connection:
        connection.execute("select unbroken.tell_start(%s, 'account_closed', 'account=1', %s, 'the bank')", (LOG, PAST))
    with database.connect("dpo") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select unbroken.tell_start(%s, 'account_closed', 'account=1', %s, 'the bank')", (LOG, PAST))


def standing(database: Database) -> dict[str, tuple[str, list[str]]]:
    with LogReader(database.conninfo("verifier"), LOG) as reader:
        return {each.approval: (each.state, each.unchanged) for each in Retention(reader).standing_approvals()}


def test_an_approval_in_advance_takes_two_people_and_one_ends_it(
    database: Database, compliance: Connection, legal: Connection
) -> None:
    put_in_force(database, AT_ONCE)
    approval = ask_standing(compliance, ["own.account", "own.account"])
    assert standing(database) == {approval: ("asked", ["own.account"])}
    with pytest.raises(psycopg.Error) as refused:
        compliance.execute("select unbroken.confirm_standing(%s, %s)", (LOG, approval))
    assert refused.value.sqlstate == "UB008"
    legal.execute("select unbroken.confirm_standing(%s, %s)", (LOG, approval))
    assert standing(database)[approval][0] == "in force"
    compliance.execute("select unbroken.end_standing(%s, %s, 'a test')", (LOG, approval))
    assert standing(database)[approval][0] == "ended"
    with pytest.raises(psycopg.Error, match="has ended"):
        legal.execute("select unbroken.end_standing(%s, %s, 'a test')", (LOG, approval))


def test_the_table_of_approvals_asks_for_two_people_itself(database: Database, compliance: Connection) -> None:
    put_in_force(database, AT_ONCE)
    ask_standing(compliance, ["own.account"])
    database.disarm()
    with pytest.raises(psycopg.errors.CheckViolation):
        database.admin.execute(
            "update unbroken.standing_approvals set confirmed_by = asked_by, confirmed_at = now(), confirmed_seq = 1"
        )


def test_what_can_not_be_approved_in_advance(database: Database, compliance: Connection) -> None:
    put_in_force(database, AT_ONCE)
    for policies, days in ((["own.other"], 30), ([], 30), (["own.account"], 401), (["own.account"], -1)):
        with pytest.raises(psycopg.Error) as refused:
            ask_standing(compliance, policies, days=days)
        assert refused.value.sqlstate == "UB009"


def test_an_approval_is_not_for_a_policy_that_took_the_name_later(
    database: Database, compliance: Connection, legal: Connection
) -> None:
    put_in_force(database, AT_ONCE)
    approval = ask_standing(compliance, ["default.one_year", "own.account"])
    legal.execute("select unbroken.confirm_standing(%s, %s)", (LOG, approval))
    put_in_force(database, AT_ONCE.replace('floor = "1y"', 'floor = "1d"'))
    assert standing(database)[approval] == ("in force", ["default.one_year"])
    counted = database.admin.execute(
        "select policies from unbroken.standing_in_force((select max(log) from unbroken.logs))"
    ).fetchall()
    assert counted == [(["default.one_year"],)]


UNTOLD = (
    """insert into unbroken.policy_sets
         (log, version, text, sha256, simulated, reason, proposed_by, proposed_at, proposed_seq, expires_at)
       select log, 99, text, sha256, simulated, reason, proposed_by, proposed_at, proposed_seq, expires_at
         from unbroken.policy_sets""",
    "update unbroken.policy_sets set text = replace(text, '1y', '9y')",
    "update unbroken.policy_sets set simulated = '{}' where outcome is null",
    """update unbroken.policy_sets
          set outcome = 'withdrawn', decided_by = 'compliance', decided_at = now(), decided_seq = 1
        where outcome is null""",
    """update unbroken.policy_sets set outcome = 'confirmed', decided_by = 'legal', decided_at = now(), decided_seq = 2
        where outcome is null""",
    "update unbroken.policy_sets set outcome = null, decided_by = null, decided_at = null, decided_seq = null",
    "update unbroken.policy_sets set expires_at = expires_at + interval '1 day'",
    "update unbroken.start_events set at = at - interval '1 year'",
    "update unbroken.start_events set item = 'account=2'",
    """insert into unbroken.start_events
       select log, kind, 'account=2', at, evidence, told_by, told_at, seq from unbroken.start_events""",
    "update unbroken.standing_approvals set valid_until = valid_until + interval '1 year'",
    "update unbroken.standing_approvals set confirmed_by = 'legal', confirmed_at = now(), confirmed_seq = asked_seq",
    "update unbroken.standing_approvals set ended_by = 'legal', ended_at = now(), ended_seq = asked_seq",
    "delete from unbroken.policy_sets",
    "delete from unbroken.start_events",
    "delete from unbroken.standing_approvals",
)


def test_rows_change_with_their_entries_alone(database: Database, compliance: Connection) -> None:
    put_in_force(database, AT_ONCE)
    proposed(compliance, set_in("").text)
    tell(database)
    ask_standing(compliance, ["own.account"])
    for statement in UNTOLD:
        assert refusal(database.admin, statement) == "UB010", statement


def test_what_there_is_is_counted_by_class_and_quarter(database: Database) -> None:
    with database.connect("writer") as writer:
        raw.append(writer, [sent({"inputs": '"a"'}, scope=["account=1"], domains=["accounts"]) for _ in range(3)])
        raw.append(writer, [sent({"inputs": '"b"'}), sent({})])
    with LogReader(database.conninfo("retention"), LOG) as reader:
        door = Retention(reader)
        (page,) = door.counts()
        kinds = {each.number: each for each in door.classes([count.class_number for count in page.counts])}
        counted = {(tuple(kinds[count.class_number].scope or ()), count.entries, count.held) for count in page.counts}
        assert counted == {(("account=1",), 3, 0), ((), 1, 0)}
        assert page.upto == page.head == 5
        assert [each.upto for each in door.counts(limit=2)] == [2, 4, 5]
        assert all(count.recorded_at.minute % 15 == 0 for count in page.counts)


def test_the_whole_catalogue_can_be_put_into_force_and_says_the_same_there(database: Database) -> None:
    rules = set_of(built_in().values(), default=DEFAULT)
    put_in_force(database, rules)
    rows = database.admin.execute(
        "select r.id, r.is_law, r.floor_months, r.floor_days, r.ceiling_months, r.ceiling_days, r.start, r.start_key,"
        " r.zone from unbroken.logs l, unbroken.rules_in_force(l.log) r order by 1"
    ).fetchall()

    def length(period: Period | None) -> tuple[int | None, int | None]:
        return (None, None) if period is None else (period.months, period.days)

    assert rows == [
        (
            each.id,
            each.basis == "law",
            *length(each.floor),
            *length(each.ceiling),
            each.start,
            each.start_key,
            each.zone.key,
        )
        for each in rules.policies
    ]


def test_which_holds_there_are_is_not_for_the_duty_that_disposes(database: Database) -> None:
    with database.connect("writer") as writer:
        raw.append(writer, [sent({"inputs": '"a"'}, session_id="s-1")])
    with database.connect("legal") as legal:
        hold = issue(legal, {"sessions": ["s-1"]})
    known = {}
    for duty in ("retention", "verifier", "dpo"):
        with LogReader(database.conninfo(duty), LOG) as reader:
            (row,) = Retention(reader).entry("1")
            known[duty] = (row.held, row.holds, row.matters is None)
    assert known == {"retention": (True, None, True), **dict.fromkeys(("verifier", "dpo"), (True, [hold], False))}
