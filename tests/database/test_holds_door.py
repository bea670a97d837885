"""Legal holds at the database's door: what they cover, who issues, asks and confirms, and what nobody gets past."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.conftest import LOG, Database, Server, add_log, add_login
from tests.database import raw
from tests.database.held import (
    ASK,
    CONFIRM,
    ISSUE,
    REVIEW,
    WITHDRAW,
    ask_narrowing,
    ask_release,
    held_numbers,
    issue,
    narrow,
    release,
    value,
)
from tests.database.losing import continued
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.vaulting import append as append_sealed
from tests.database.vaulting import laid_out, plain_keys
from unbroken.core.canonical import canonical
from unbroken.store.administration import DUTIES

ANN, BOB, EVE = "p-" + "a" * 32, "p-" + "b" * 32, "p-" + "e" * 32
EVERYTHING = {"everything": True}
_IDENTIFY = "select unbroken.identify(%s, %s, %s, %s, %s)"
_REACH = "select upto, preserved, originals, gone from unbroken.hold_reach(%s, %s, %s, %s)"
_NOTE = "select unbroken.note_hold_reach(%s, %s, %s, %s, %s, %s)"
_TOLD = (
    "select e.event_type, e.actor_id, p.details::json from unbroken.entries e join unbroken.payloads p using (log, seq)"
    " where e.event_type like 'log.hold%' order by e.log, e.seq"
)
_STATE = "select state from unbroken.holds(%s) where hold = %s"
_REQUEST = "select state from unbroken.hold_requests(%s) where request = %s"


@pytest.fixture
def compliance(database: Database) -> Iterator[Connection]:
    with database.connect("compliance") as connection:
        yield connection


@dataclass(frozen=True)
class Standing:
    """A database with one hold, which somebody asked to release, for what is refused."""

    database: Database
    legal: Connection
    hold: str
    request: str


@pytest.fixture(scope="module")
def prepared(server: Server) -> Iterator[Standing]:
    with raw.database_on(server) as database, database.connect("legal") as legal:
        hold = issue(legal, EVERYTHING, grace_days=30)
        yield Standing(database, legal, hold, ask_release(legal, hold))


@pytest.fixture
def standing(prepared: Standing) -> Iterator[Standing]:
    """The same, and that nothing of it changed."""
    tables = ("entries", "payloads", "holds", "hold_scopes", "hold_requests")
    before = [raw.rows(prepared.database.admin, table) for table in tables]
    yield prepared
    assert [raw.rows(prepared.database.admin, table) for table in tables] == before


def refused(connection: Connection, statement: str, *given: Any) -> str | None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode(), given)
    return caught.value.sqlstate


def told(database: Database) -> list[tuple[Any, ...]]:
    return database.admin.execute(_TOLD.encode()).fetchall()


def said(**fields: Any) -> raw.Sent:
    return sent({"inputs": '"something"'}, **fields)


def reached(connection: Connection, hold: str, limit: int, *, log: str = LOG) -> tuple[int, ...]:
    """What a hold covers, counted in pages of so many entries: payloads, originals, and what had gone."""
    sums, after = [0, 0, 0], 0
    while (page := connection.execute(_REACH, (log, hold, after, limit)).fetchone()) and page[0] is not None:
        assert page[0] > after
        after = page[0]
        sums = [total + count for total, count in zip(sums, page[1:], strict=True)]
    return tuple(sums)


def time_in(database: Database, hours: int) -> str:
    """A time so many hours from now, as entries have it."""
    statement = "select unbroken.time_text(clock_timestamp() + make_interval(hours => %s))"
    return str(value(database.admin, statement, hours))


# ---- What a hold covers ----

MANY: dict[str, Any] = {
    "session_id": "s-1",
    "agent_id": "bot",
    "tool": "mail",
    "resource_type": "patient",
    "resource_id": "r-1",
    "subjects": [ANN],
    "domains": ["health", "hr"],
    "scope": ["account=17", "site=9"],
}


FITTING: tuple[dict[str, Any], ...] = (
    {"sessions": ["s-0", "s-1"]},
    {"actors": [raw.MARKER], "sessions": ["s-1"]},
    {"subjects": [ANN, BOB]},
    {"agents": ["bot"]},
    {"resource_types": ["patient"]},
    {"resource_ids": ["r-1"]},
    {"event_types": ["response"]},
    {"tools": ["mail"]},
    {"domains": ["hr"]},
    {"scope": ["account=17", "account=18"]},
    {"subjects": [ANN], "domains": ["health"], "scope": ["site=9"], "tools": ["mail"]},
)


def test_a_hold_covers_what_has_one_of_the_values_of_each_key(
    database: Database, writer: Connection, legal: Connection, compliance: Connection
) -> None:
    other = {"session_id": "s-9", "agent_id": "cat", "tool": "sms", "resource_type": "room", "resource_id": "r-9"}
    rows = append(writer, [said(**MANY, event_type="response"), said(subjects=[EVE], **other), said()])
    fitting = [rows[0].seq]
    for scope in FITTING:
        hold = issue(legal, scope)
        assert held_numbers(database.admin) == fitting, scope
        # Where one key does not fit, nothing else makes up for it.
        others = [
            issue(legal, {**scope, "to": "2001-01-01T00:00:00.000000Z"}),
            issue(legal, {**scope, "event_types": ["error"]}),
        ]
        assert held_numbers(database.admin) == fitting, scope
        later = append(writer, [said(**MANY, event_type="response"), said(subjects=[EVE], **other)])
        fitting.append(later[0].seq)
        assert held_numbers(database.admin) == fitting, scope
        for each in (hold, *others):
            release(legal, compliance, each)
        assert held_numbers(database.admin) == []


def test_a_window_holds_from_its_beginning_to_before_its_end(
    database: Database, writer: Connection, legal: Connection
) -> None:
    rows = append(writer, [said()]) + append(writer, [said()])
    times = [value(database.admin, "select unbroken.time_text(%s)", row.recorded_at) for row in rows]
    issue(legal, {"from": times[0], "to": times[1]})
    assert held_numbers(database.admin) == [rows[0].seq]
    issue(legal, {"from": time_in(database, 1)})
    assert held_numbers(database.admin) == [rows[0].seq]
    issue(legal, {"to": time_in(database, 1)})
    assert held_numbers(database.admin) == [row.seq for row in rows]


def test_what_was_recorded_before_there_were_classes_is_held_by_what_it_says(
    database: Database, writer: Connection, legal: Connection
) -> None:
    append(writer, [said(**MANY), said(domains=["health"]), said()])
    database.disarm()
    database.admin.execute("update unbroken.entries set class = null")
    issue(legal, {"domains": ["hr"], "scope": ["account=17"]})
    assert held_numbers(database.admin) == [1]


def test_everything_is_what_there_is_and_what_comes(database: Database, writer: Connection, legal: Connection) -> None:
    append(writer, [said(), said()])
    issue(legal, EVERYTHING)
    append(writer, [said()])
    assert len(held_numbers(database.admin)) == 3


def test_a_person_is_held_by_all_their_pseudonyms_whenever_they_came(
    database: Database, writer: Connection, legal: Connection
) -> None:
    value(writer, _IDENTIFY, LOG, [b"\1" * 32], [ANN], [b"\1"], True)
    rows = append(writer, [said(subjects=[ANN]), said(subjects=[BOB]), said(subjects=[EVE])])
    issue(legal, {"subjects": [ANN]})
    issue(legal, {"actors": [ANN]})
    issue(legal, {"resource_ids": [ANN]})
    assert held_numbers(database.admin) == [rows[0].seq]
    # A pseudonym that was made up in an outage comes to the same name afterwards.
    value(writer, _IDENTIFY, LOG, [b"\1" * 32], [EVE], [b"\2"], True)
    assert held_numbers(database.admin) == [rows[0].seq, rows[2].seq]
    more = append(writer, [said(actor_id=EVE), said(resource_id=EVE), said(actor_id=BOB)])
    assert held_numbers(database.admin) == [rows[0].seq, rows[2].seq, more[0].seq, more[1].seq]


def test_a_hold_covers_all_incarnations_and_is_changed_from_the_newest(
    database: Database, writer: Connection, legal: Connection, compliance: Connection
) -> None:
    append(writer, [said(session_id="s-1"), said(session_id="s-2")])
    hold = issue(legal, {"sessions": ["s-1", "s-2"]})
    continued(database, anchored=None)
    rows = append(writer, [said(session_id="s-1"), said(session_id="s-3")])
    number = value(database.admin, "select log from unbroken.logs where incarnation = 2")
    assert held_numbers(database.admin) == [1, 2]
    assert held_numbers(database.admin, log=number) == [rows[0].seq]
    assert reached(legal, hold, 100, log=f"{LOG}~1") == (2, 0, 0)
    assert reached(legal, hold, 100) == (1, 0, 0)
    value(legal, REVIEW, LOG, hold, "still in court")
    narrow(legal, compliance, hold, {"sessions": ["s-1"]})
    assert held_numbers(database.admin) == [1]
    later = issue(compliance, {"sessions": ["s-2", "s-3"]})
    assert held_numbers(database.admin) == [1, 2]
    assert held_numbers(database.admin, log=number) == [row.seq for row in rows]
    release(compliance, legal, hold, log=f"{LOG}~1")
    release(compliance, legal, later, log=f"{LOG}~1")
    assert held_numbers(database.admin) == held_numbers(database.admin, log=number) == []
    assert [row[0] for row in legal.execute("select log from unbroken.holds(%s)", (LOG,))] == [f"{LOG}~2", f"{LOG}~1"]


def test_what_two_holds_cover_is_free_when_both_are_released(
    database: Database, writer: Connection, legal: Connection, compliance: Connection
) -> None:
    append(writer, [said(session_id="s-1", subjects=[ANN])])
    one, other = issue(legal, {"sessions": ["s-1"]}), issue(compliance, {"subjects": [ANN]}, matter="M-2")
    release(legal, compliance, one)
    assert held_numbers(database.admin) == [1]
    assert value(database.admin, "select unbroken.any_hold(1)")
    release(legal, compliance, other)
    assert held_numbers(database.admin) == []
    assert not value(database.admin, "select unbroken.any_hold(1)")


def test_other_logs_are_not_held(database: Database, writer: Connection, legal: Connection) -> None:
    append(writer, [said(session_id="s-1")])
    add_log(database.admin, "lab.example/robots")
    issue(legal, EVERYTHING)
    number = value(database.admin, "select log from unbroken.logs where origin = 'lab.example/robots'")
    assert value(database.admin, "select unbroken.any_hold(1)")
    assert not value(database.admin, "select unbroken.any_hold(%s)", number)


# ---- Scopes ----

_LONG = [f"s-{number:04}" for number in range(1001)]


@pytest.mark.parametrize(
    "scope",
    [
        None,
        "null",
        "[]",
        '"everything"',
        "{}",
        '{"everything": false}',
        '{"everything": true, "sessions": ["s-1"]}',
        '{"session": ["s-1"]}',
        '{"sessions": "s-1"}',
        '{"sessions": []}',
        '{"sessions": [""]}',
        '{"sessions": [1]}',
        '{"sessions": [null]}',
        '{"sessions": [["s-1"]]}',
        '{"sessions": ["s-2", "s-1"]}',
        '{"sessions": ["s-1", "s-1"]}',
        '{"sessions": ["s\\n1"]}',
        json.dumps({"sessions": ["x" * 1025]}),
        json.dumps({"sessions": _LONG}),
        json.dumps({"sessions": [f"{number:04}" + "x" * 1000 for number in range(1000)], "tools": ["x" * 1024] * 50}),
        '{"scope": ["account"]}',
        '{"scope": ["=17"]}',
        '{"from": "2026-01-31"}',
        '{"from": "2026-02-30T00:00:00.000000Z"}',
        '{"to": "2026-01-31T24:00:00.000000Z"}',
        '{"to": "infinity"}',
        '{"to": 17}',
        '{"from": "2026-01-31T00:00:00.000000Z", "to": "2026-01-31T00:00:00.000000Z"}',
    ],
    ids=lambda scope: str(scope)[:40],
)
def test_what_is_no_scope_holds_nothing(standing: Standing, scope: str | None) -> None:
    assert refused(standing.legal, ISSUE, LOG, "M-1", "litigation", scope, "why", 0, 90) == "UB009"


@pytest.mark.parametrize(
    "given",
    [
        (None, "litigation", "why", 0, 90),
        (" ", "litigation", "why", 0, 90),
        ("x" * 201, "litigation", "why", 0, 90),
        ("M\n1", "litigation", "why", 0, 90),
        ("M-1", "whim", "why", 0, 90),
        ("M-1", None, "why", 0, 90),
        ("M-1", "litigation", " ", 0, 90),
        ("M-1", "litigation", None, 0, 90),
        ("M-1", "litigation", "why", -1, 90),
        ("M-1", "litigation", "why", None, 90),
        ("M-1", "litigation", "why", 3651, 90),
        ("M-1", "litigation", "why", 0, 0),
        ("M-1", "litigation", "why", 0, None),
    ],
)
def test_a_hold_needs_matter_kind_reason_and_periods(standing: Standing, given: tuple[Any, ...]) -> None:
    matter, kind, *rest = given
    assert refused(standing.legal, ISSUE, LOG, matter, kind, '{"everything": true}', *rest) == "UB009"


def test_the_same_scope_has_one_hash(database: Database, legal: Connection) -> None:
    scope: dict[str, Any] = {
        "tools": ["a\u00e9", "\U0001f600"],
        "sessions": ['q"\\'],
        "to": "2026-01-31T09:30:00.000001Z",
    }
    issue(legal, json.dumps(scope))
    issue(legal, json.dumps(dict(reversed(scope.items())), ensure_ascii=False, indent=1))
    rows = legal.execute("select distinct sha256 from unbroken.holds(%s)", (LOG,)).fetchall()
    assert rows == [(hashlib.sha256(canonical(scope)).hexdigest(),)]


NARROWINGS: list[tuple[Mapping[str, Any], Mapping[str, Any], bool]] = [
    ({"sessions": ["a", "b"]}, {"sessions": ["b"]}, True),
    ({"sessions": ["a", "b"]}, {"sessions": ["a", "b"], "tools": ["t"]}, True),
    ({"sessions": ["a", "b"]}, {"sessions": ["a", "b"]}, False),
    ({"sessions": ["a", "b"]}, {"sessions": ["b", "c"]}, False),
    ({"sessions": ["a", "b"]}, {"tools": ["t"]}, False),
    ({"sessions": ["a"], "tools": ["t"]}, {"sessions": ["a"]}, False),
    ({"sessions": ["a"]}, EVERYTHING, False),
    (EVERYTHING, {"sessions": ["a"]}, True),
    (EVERYTHING, {"from": "2026-01-31T00:00:00.000000Z"}, True),
    (EVERYTHING, EVERYTHING, False),
    ({"from": "2026-01-31T00:00:00.000000Z"}, {"from": "2026-02-01T00:00:00.000000Z"}, True),
    ({"from": "2026-01-31T00:00:00.000000Z"}, {"from": "2026-01-30T00:00:00.000000Z"}, False),
    ({"to": "2026-01-31T00:00:00.000000Z"}, {"to": "2026-01-30T00:00:00.000000Z"}, True),
    ({"to": "2026-01-31T00:00:00.000000Z"}, {"to": "2026-02-01T00:00:00.000000Z"}, False),
    ({"to": "2026-01-31T00:00:00.000000Z"}, {"from": "2026-01-01T00:00:00.000000Z"}, False),
    ({"sessions": ["a"]}, {"sessions": ["a"], "to": "2026-01-01T00:00:00.000000Z"}, True),
]


def test_a_hold_is_narrowed_and_never_widened(legal: Connection) -> None:
    for old, new, narrower in NARROWINGS:
        hold = issue(legal, old)
        if narrower:
            ask_narrowing(legal, hold, new)
        else:
            assert refused(legal, ASK, LOG, hold, "narrow", json.dumps(new), "why") == "UB009", (old, new)


# ---- Steps, by whom, and what is told of them ----


def test_every_step_is_an_entry(
    database: Database, writer: Connection, legal: Connection, compliance: Connection
) -> None:
    append(writer, [said(session_id="s-1")])
    wide: dict[str, Any] = {"sessions": ["s-1", "s-2"]}
    narrower: dict[str, Any] = {"sessions": ["s-1"]}
    hold = issue(legal, wide, grace_days=30)
    value(legal, _NOTE, LOG, hold, 2, 1, 0, 0)
    value(compliance, REVIEW, LOG, hold, "still needed")
    withdrawn = ask_release(compliance, hold)
    value(legal, WITHDRAW, LOG, withdrawn)
    asked = ask_narrowing(compliance, hold, narrower)
    value(legal, CONFIRM, LOG, asked)
    released = ask_release(legal, hold)
    value(compliance, CONFIRM, LOG, released)
    hashes = {
        name: hashlib.sha256(canonical(scope)).hexdigest() for name, scope in (("wide", wide), ("narrow", narrower))
    }
    steps = told(database)
    assert [(kind, who) for kind, who, _ in steps] == [
        ("log.hold_issued", "legal"),
        ("log.hold_counted", "legal"),
        ("log.hold_reviewed", "compliance"),
        ("log.hold_change_asked", "compliance"),
        ("log.hold_change_withdrawn", "legal"),
        ("log.hold_change_asked", "compliance"),
        ("log.hold_changed", "legal"),
        ("log.hold_change_asked", "legal"),
        ("log.hold_changed", "compliance"),
    ]
    details = [what for _, _, what in steps]
    assert details[0] == {
        "hold": hold,
        "matter": "M-1",
        "kind": "litigation",
        "scope": wide,
        "sha256": hashes["wide"],
        "reason": "a complaint came in",
        "grace_days": 30,
        "review_days": 90,
    }
    assert details[1] == {"hold": hold, "version": 1, "upto": 2, "preserved": 1, "originals": 0, "gone": 0}
    assert details[5].pop("valid_until") > time_in(database, 167)
    assert details[5] == {
        "request": asked,
        "hold": hold,
        "kind": "narrow",
        "version": 1,
        "sha256": hashes["wide"],
        "scope": narrower,
        "reason": "the rest is not needed",
    }
    assert time_in(database, 30 * 24 - 1) < details[6].pop("ends_at") < time_in(database, 30 * 24)
    assert details[6] == {"request": asked, "hold": hold, "kind": "narrow", "version": 2, "sha256": hashes["narrow"]}
    assert details[8].pop("ends_at") < time_in(database, 30 * 24)
    assert details[8] == {"request": released, "hold": hold, "kind": "release", "version": 2}
    report = raw.report(database)
    assert report.findings == ()


def test_until_the_grace_period_is_over_the_older_scope_covers_on(
    database: Database, writer: Connection, legal: Connection, compliance: Connection
) -> None:
    append(writer, [said(session_id="s-1"), said(session_id="s-2")])
    hold = issue(legal, {"sessions": ["s-1", "s-2"]}, grace_days=30)
    narrow(legal, compliance, hold, {"sessions": ["s-1"]})
    assert value(legal, _STATE, LOG, hold) == "in force"
    release(legal, compliance, hold)
    assert held_numbers(database.admin) == [1, 2]
    assert value(legal, _STATE, LOG, hold) == "in grace"
    rows = legal.execute("select version, ends_at > clock_timestamp() from unbroken.hold_scopes(%s, %s)", (LOG, hold))
    assert rows.fetchall() == [(1, True), (2, True)]
    at_once = issue(legal, {"sessions": ["s-2"]}, grace_days=0)
    release(legal, compliance, at_once)
    assert value(legal, _STATE, LOG, at_once) == "over"


@pytest.mark.parametrize("kind", ["narrow", "release"])
def test_who_asked_does_not_confirm(database: Database, legal: Connection, compliance: Connection, kind: str) -> None:
    hold = issue(legal, EVERYTHING)
    request = ask_release(legal, hold) if kind == "release" else ask_narrowing(legal, hold, {"tools": ["t"]})
    assert refused(legal, CONFIRM, LOG, request) == "UB008"
    legal.execute("set role unbroken_legal")
    assert refused(legal, CONFIRM, LOG, request) == "UB008"
    assert value(database.admin, "select unbroken.any_hold(1)")
    value(compliance, CONFIRM, LOG, request)
    assert value(database.admin, "select count(*) from unbroken.hold_scopes where ends_at is not null") == 1


def test_two_people_of_one_duty_are_two_people(database: Database, legal: Connection) -> None:
    add_login(database.admin, "legal2", duty="legal")
    hold = issue(legal, EVERYTHING)
    with database.connect("legal2") as other:
        release(legal, other, hold)


def test_the_schema_itself_knows_two_people(database: Database, legal: Connection, compliance: Connection) -> None:
    """Without any guard: the constraint alone."""
    hold = issue(legal, EVERYTHING)
    ask_release(legal, hold)
    database.disarm()
    by_hand = (
        "update unbroken.hold_requests set outcome = 'confirmed', decided_at = now(), decided_seq = 3, decided_by = %s"
    )
    assert refused(database.admin, by_hand, "legal") == "23514"
    database.admin.execute(by_hand.encode(), ("compliance",))


def test_a_request_is_decided_once(legal: Connection, compliance: Connection) -> None:
    hold = issue(legal, EVERYTHING)
    request = ask_release(legal, hold)
    value(legal, WITHDRAW, LOG, request)
    assert value(legal, _REQUEST, LOG, request) == "withdrawn"
    for connection, statement in ((compliance, CONFIRM), (compliance, WITHDRAW)):
        assert refused(connection, statement, LOG, request) == "UB009"
    again = ask_release(legal, hold)
    value(compliance, CONFIRM, LOG, again)
    assert value(legal, _REQUEST, LOG, again) == "confirmed"
    assert refused(compliance, CONFIRM, LOG, again) == "UB009"
    assert refused(compliance, CONFIRM, LOG, raw.new_id()) == "UB009"


def test_a_request_is_for_the_scope_that_it_was_asked_for(legal: Connection, compliance: Connection) -> None:
    hold = issue(legal, {"sessions": ["s-1", "s-2"]})
    overtaken = ask_release(legal, hold)
    narrow(legal, compliance, hold, {"sessions": ["s-1"]})
    assert value(legal, _REQUEST, LOG, overtaken) == "overtaken"
    assert refused(compliance, CONFIRM, LOG, overtaken) == "UB009"
    value(compliance, WITHDRAW, LOG, overtaken)
    release(legal, compliance, hold)


def test_a_request_is_good_for_seven_days(database: Database, legal: Connection, compliance: Connection) -> None:
    request = ask_release(legal, issue(legal, EVERYTHING))
    lasting = "select round(extract(epoch from expires_at - asked_at) / 3600) from unbroken.hold_requests(%s)"
    assert value(legal, lasting, LOG) == 168
    database.disarm()
    database.admin.execute("update unbroken.hold_requests set expires_at = clock_timestamp() - interval '1 s'")
    assert value(legal, _REQUEST, LOG, request) == "expired"
    assert refused(compliance, CONFIRM, LOG, request) == "UB009"


def test_what_is_released_is_over(legal: Connection, compliance: Connection) -> None:
    hold = issue(legal, {"sessions": ["s-1", "s-2"]}, grace_days=30)
    other = ask_narrowing(legal, hold, {"sessions": ["s-1"]})
    release(legal, compliance, hold)
    assert refused(compliance, CONFIRM, LOG, other) == "UB009"
    assert refused(legal, REVIEW, LOG, hold, "why") == "UB009"
    assert refused(legal, ASK, LOG, hold, "release", None, "why") == "UB009"
    assert refused(legal, ASK, LOG, hold, "narrow", '{"sessions": ["s-1"]}', "why") == "UB009"


@pytest.mark.parametrize(
    ("kind", "scope", "reason"),
    [
        ("release", '{"everything": true}', "why"),
        ("narrow", None, "why"),
        ("widen", None, "why"),
        (None, None, "why"),
        ("release", None, " "),
        ("release", None, None),
        ("narrow", '{"sessions": ["b", "a"]}', "why"),
    ],
)
def test_a_change_is_asked_for_in_full(
    standing: Standing, kind: str | None, scope: str | None, reason: str | None
) -> None:
    assert refused(standing.legal, ASK, LOG, standing.hold, kind, scope, reason) == "UB009"


def test_a_review_puts_the_next_one_off(database: Database, legal: Connection, compliance: Connection) -> None:
    hold = issue(legal, EVERYTHING, review_days=7)
    due = (
        "select is_overdue, round(extract(epoch from review_due_at - clock_timestamp()) / 3600) from unbroken.holds(%s)"
    )
    assert legal.execute(due, (LOG,)).fetchone() == (False, 168)
    database.disarm()
    database.admin.execute("update unbroken.holds set issued_at = issued_at - interval '192 hours'")
    assert legal.execute(due, (LOG,)).fetchone() == (True, -24)
    value(compliance, REVIEW, LOG, hold, "still needed")
    assert legal.execute(due, (LOG,)).fetchone() == (False, 168)
    assert refused(compliance, REVIEW, LOG, hold, "") == "UB009"
    # Nobody is reminded of what is released; and silence releases nothing.
    release(legal, compliance, hold)
    assert legal.execute(due, (LOG,)).fetchone() == (False, None)


# ---- What is preserved, and what had gone ----


def test_issuing_tells_what_is_preserved_and_what_had_gone(
    database: Database, writer: Connection, legal: Connection
) -> None:
    with database.connect("dpo") as dpo:
        value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("some", 3))
    (key,) = (
        writer.execute("select key_id from unbroken.vault_keys(%s, '{subject}', %s)", (LOG, [ANN])).fetchone() or ()
    )
    original = {"subjects": [ANN], "session_id": "s-1", "original": "0" * 64}
    append_sealed(writer, [(said(**original), laid_out(key)), (sent(None, **original), laid_out(key))])
    append(
        writer, [said(session_id="s-1"), said(session_id="s-2"), sent(None, session_id="s-1"), said(session_id="s-1")]
    )
    hold = issue(legal, {"sessions": ["s-1"]})
    assert reached(legal, hold, 10_000) == (3, 2, 0)
    # Somebody took an original, and what a third one held, before it came.
    last = value(database.admin, "select max(seq) from unbroken.entries where session_id = 's-1'")
    database.disarm()
    database.admin.execute("delete from unbroken.originals where seq = (select min(seq) from unbroken.originals)")
    database.admin.execute("delete from unbroken.payloads where seq = %s", (last,))
    assert reached(legal, hold, 10_000) == (2, 1, 2)
    assert reached(legal, hold, 2) == (2, 1, 2)


@pytest.mark.parametrize("counts", [(None, 0, 0, 0), (1, -1, 0, 0), (1, 0, None, 0), (99, 0, 0, 0), (1, 0, 0, 2**60)])
def test_what_is_counted_is_numbers_up_to_an_entry(standing: Standing, counts: tuple[int | None, ...]) -> None:
    assert refused(standing.legal, _NOTE, LOG, standing.hold, *counts) == "UB009"


# ---- What nobody gets past ----


def test_nothing_held_is_deleted_by_anybody(
    database: Database, writer: Connection, legal: Connection, compliance: Connection
) -> None:
    append(writer, [said(subjects=[ANN], session_id="s-1")])
    hold = issue(legal, {"sessions": ["s-1"]}, grace_days=1)
    for role in ("postgres", "unbroken_owner"):
        with database.admin.transaction(force_rollback=True):
            database.admin.execute(f"set local role {role}".encode())
            assert refused(database.admin, "delete from unbroken.payloads where seq = 1") == "UB014"
    release(legal, compliance, hold)
    assert refused(database.admin, "delete from unbroken.payloads where seq = 1") == "UB014"


BY_HAND = (
    "update unbroken.holds set matter = 'another'",
    "update unbroken.holds set grace_days = 0",
    "update unbroken.holds set released_at = now(), released_seq = issued_seq",
    "update unbroken.holds set reviewed_at = now(), reviewed_by = 'legal', reviewed_seq = issued_seq",
    """update unbroken.hold_scopes set scope = '{"sessions": ["s-9"]}'""",
    "update unbroken.hold_scopes set ends_at = now(), ended_seq = seq",
    "update unbroken.hold_scopes set ends_at = now() + interval '31 days', ended_seq = seq + 1",
    (
        "update unbroken.hold_requests set outcome = 'confirmed', decided_by = 'compliance', decided_at = now(),"
        " decided_seq = asked_seq"
    ),
    "update unbroken.hold_requests set expires_at = 'infinity'",
    """update unbroken.hold_requests set kind = 'narrow', scope = '{"sessions": ["s-9"]}'""",
    "delete from unbroken.holds",
    "delete from unbroken.hold_scopes",
    "delete from unbroken.hold_requests",
    (
        "insert into unbroken.holds select log, gen_random_uuid(), matter, kind, reason, 0, 90, issued_by, now(),"
        " issued_seq from unbroken.holds"
    ),
    "insert into unbroken.hold_scopes select log, hold, 2, scope, sha256, now(), seq from unbroken.hold_scopes",
    (
        "insert into unbroken.hold_requests select log, gen_random_uuid(), hold, kind, version, sha256, scope, reason,"
        " asked_by, now(), asked_seq, now() from unbroken.hold_requests"
    ),
)


@pytest.mark.parametrize("role", ["postgres", "unbroken_owner"])
@pytest.mark.parametrize("statement", BY_HAND)
def test_a_hold_is_not_changed_by_hand(standing: Standing, statement: str, role: str) -> None:
    """Not by the owner or a superuser either, as long as the guards stand."""
    with standing.database.admin.transaction(force_rollback=True):
        standing.database.admin.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        assert refused(standing.database.admin, statement) == "UB010"


_CHANGED = (
    "select unbroken.append_own(1, 'log.hold_changed', jsonb_build_object('request', r.request, 'hold', r.hold,"
    " 'kind', 'release', 'version', 1, 'ends_at', %s::text)) from unbroken.hold_requests r where r.request = %s"
)
_DECIDED = (
    "update unbroken.hold_requests set outcome = 'confirmed', decided_by = %s, decided_at = now(), decided_seq = %s"
)


def test_with_an_entry_of_ones_own_making_nothing_is_released(database: Database, legal: Connection) -> None:
    """The owner, who can call what makes the log's own entries, is one login and not two."""
    request = ask_release(legal, issue(legal, EVERYTHING))
    seq = value(database.admin, _CHANGED, time_in(database, 1), request)
    assert refused(database.admin, _DECIDED, "compliance", seq) == "UB010"
    assert (
        refused(database.admin, "update unbroken.hold_scopes set ends_at = 'infinity', ended_seq = %s", seq) == "UB010"
    )


def test_a_grace_period_is_not_cut_short(database: Database, legal: Connection) -> None:
    """Not even with an entry that tells of it, and with another login's word."""
    request = ask_release(legal, issue(legal, EVERYTHING, grace_days=30))
    admin = database.admin
    for hours, refusal in ((24, "UB010"), (31 * 24, None)):
        with admin.transaction(force_rollback=True):
            until = value(admin, "select unbroken.time_text(now() + make_interval(hours => %s))", hours)
            seq = value(admin, _CHANGED, until, request)
            admin.execute(_DECIDED.encode(), ("postgres", seq))
            given = ("update unbroken.hold_scopes set ends_at = %s, ended_seq = %s", until, seq)
            if refusal:
                assert refused(admin, *given) == refusal
            else:
                admin.execute(given[0].encode(), given[1:])


# ---- Who may know of it ----

TABLES = tuple(f"table unbroken.{name}" for name in ("holds", "hold_scopes", "hold_requests"))
MAY_SEE = ("legal", "compliance", "dpo", "verifier")
MAY_CHANGE = ("legal", "compliance")
EVERYBODY = (
    "writer",
    "server",
    "ops",
    "compliance",
    "legal",
    "dpo",
    "subjects",
    "retention",
    "verifier",
    "access",
    "notary",
)


@pytest.mark.parametrize("duty", DUTIES)
def test_who_may_issue_and_who_may_know(prepared: Standing, duty: str) -> None:
    hold, request = prepared.hold, ask_release(prepared.legal, prepared.hold)
    with prepared.database.connect(duty) as login:
        seeing: tuple[tuple[str, ...], ...] = (
            ("select * from unbroken.holds(%s)", LOG),
            ("select * from unbroken.hold_scopes(%s, %s)", LOG, hold),
            ("select * from unbroken.hold_requests(%s)", LOG),
        )
        for statement, *given in seeing:
            if duty in MAY_SEE:
                assert login.execute(statement.encode(), given).fetchall() != []
            else:
                assert refused(login, statement, *given) == "42501"
        changing: tuple[tuple[Any, ...], ...] = (
            (ISSUE, LOG, "M-1", "litigation", '{"everything": true}', "why", 0, 90),
            (REVIEW, LOG, hold, "why"),
            (_NOTE, LOG, hold, 1, 1, 0, 0),
            (ASK, LOG, hold, "release", None, "why"),
            (WITHDRAW, LOG, request),
        )
        for statement, *given in changing:
            if duty in MAY_CHANGE:
                value(login, statement, *given)
            else:
                assert refused(login, statement, *given) == "42501"
        if duty not in MAY_CHANGE:
            assert refused(login, CONFIRM, LOG, request) == "42501"
        for statement in TABLES:
            if duty == "verifier":
                assert login.execute(statement.encode()).fetchall() != []
            else:
                assert refused(login, statement) == "42501"


def test_operations_see_no_trace_of_a_hold(database: Database, writer: Connection, legal: Connection) -> None:
    append(writer, [said(session_id="s-1")])
    ask_release(legal, issue(legal, {"sessions": ["s-1"]}, matter="the secret matter"))
    statement = "select seq, event_type, writer from unbroken.entries order by seq"
    with database.connect("ops") as ops:
        open_ticket(ops)
        rows = ops.execute(statement.encode()).fetchall()
    assert [row[1] for row in rows] == ["request", "log.read"]
    assert "legal" not in {row[2] for row in rows}
    open_ticket(legal)
    assert [row[1] for row in legal.execute("select seq, event_type from unbroken.entries order by seq")][1:3] == [
        "log.hold_issued",
        "log.hold_change_asked",
    ]


def test_without_a_grant_there_is_nothing_to_see(database: Database, legal: Connection) -> None:
    hold = issue(legal, EVERYTHING)
    add_login(database.admin, "of_another", duty="legal", log=LOG)
    database.disarm()
    database.admin.execute("delete from unbroken.grants where login = 'of_another'")
    with database.connect("of_another") as other:
        assert refused(other, "select * from unbroken.holds(%s)", LOG) == "UB003"
        assert refused(other, REVIEW, LOG, hold, "why") == "UB003"


# ---- The lock ----


def test_holds_are_issued_in_read_committed(database: Database, legal: Connection) -> None:
    legal.execute("set default_transaction_isolation = 'repeatable read'")
    assert refused(legal, ISSUE, LOG, "M-1", "litigation", '{"everything": true}', "why", 0, 90) == "UB004"


def test_a_hold_waits_for_whoever_destroys_and_for_nobody_else(
    database: Database, writer: Connection, legal: Connection
) -> None:
    with database.connect("postgres") as destroyer, destroyer.transaction(force_rollback=True):
        destroyer.execute("select unbroken.lock_holds(1)")
        append(writer, [said()])
        legal.execute("set lock_timeout = '50ms'")
        assert refused(legal, ISSUE, LOG, "M-1", "litigation", '{"everything": true}', "why", 0, 90) == "55P03"
    issue(legal, EVERYTHING)


# ---- One row and many ----

_PEOPLE = [f"p-{digit * 32}" for digit in "abc"]


def _some(*texts: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(texts), min_size=1, max_size=2, unique=True).map(sorted)


_EVENTS = st.fixed_dictionaries(
    {"actor_id": st.sampled_from(_PEOPLE), "event_type": st.sampled_from(["request", "response"])},
    optional={
        "session_id": st.sampled_from("12"),
        "agent_id": st.sampled_from("12"),
        "tool": st.sampled_from("12"),
        "resource_type": st.sampled_from("12"),
        "resource_id": st.sampled_from(_PEOPLE),
        "subjects": _some(*_PEOPLE),
        "domains": _some("1", "2"),
        "scope": _some("a=1", "a=2"),
    },
)
_KEYS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("sessions", "agents", "tools", "resource_types", "domains"), _some("1", "2")),
    **dict.fromkeys(("actors", "subjects", "resource_ids"), _some(*_PEOPLE)),
    "scope": st.just(["a=1"]),
    "event_types": st.just(["request"]),
    "from": st.sampled_from(["2001-01-01T00:00:00.000000Z", "2998-01-01T00:00:00.000000Z"]),
    "to": st.sampled_from(["2002-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"]),
}
_SCOPES = (
    st.lists(st.sampled_from(sorted(_KEYS)), min_size=1, max_size=2, unique=True)
    .flatmap(lambda keys: st.fixed_dictionaries({key: _KEYS[key] for key in keys}))
    .filter(lambda scope: bool(scope.get("from", "") < scope.get("to", "9")))
)


@given(events=st.lists(_EVENTS, min_size=10, max_size=20), scopes=st.lists(_SCOPES, min_size=1, max_size=2))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_asked_of_one_row_is_what_is_asked_of_many(
    database: Database, events: list[dict[str, Any]], scopes: list[dict[str, Any]]
) -> None:
    """Which the guards do, over people with several pseudonyms and entries without a class."""
    admin = database.admin
    with admin.transaction(force_rollback=True):
        admin.execute("set local session authorization writer")
        value(admin, _IDENTIFY, LOG, [b"\1" * 32] * 2, _PEOPLE[:2], [b"\1"] * 2, True)
        rows = append(admin, [said(**event) for event in events])
        admin.execute("set local session authorization legal")
        holds = [issue(admin, scope) for scope in scopes]
        counts = [reached(admin, hold, 3)[0] for hold in holds]
        admin.execute("reset session authorization")
        seqs = [row.seq for row in rows]
        each = "select coalesce(cardinality(unbroken.held_among(1, %s, %s)), 0)"
        assert counts == [value(admin, each, seqs, hold) for hold in holds]
        many = value(admin, "select unbroken.held_among(1, %s)", seqs)
        assert [seq for seq in seqs if value(admin, "select unbroken.is_held(1, %s)", seq)] == many
