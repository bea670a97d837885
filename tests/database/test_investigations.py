"""The four questions of every investigation: the right rows, all of them, once each, and only for who may read."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, LiteralString

import psycopg
import pytest

from tests import plain
from tests.conftest import LOG, Database, Server, add_login
from tests.database import investigated as told
from tests.database import raw
from tests.database.investigated import Approval, Entry, World, at, paged
from unbroken.capture.trail import Trail
from unbroken.core.keyed import LogKey
from unbroken.errors import AccessDeniedError, ConfigurationError, NotApprovedError
from unbroken.ledger.ledger import Ledger
from unbroken.store import administration
from unbroken.store.investigations import MOST, Investigations
from unbroken.store.log_writer import LogWriter

OTHER = "other.example/agents"
EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
SEEDS = range(3)
# Within the planted time, at its borders, and where there is nothing.
RANGES = [
    (None, None),
    (at(0), at(1)),
    (at(30), at(400)),
    (at(200), None),
    (None, at(100)),
    (at(9e6), None),
    (at(50), at(50)),
]
QUERIES: dict[str, LiteralString] = {
    "agent_actions": "select * from unbroken.agent_actions(%(log)s, 'triage', 'u-1', null, null, null, null)",
    "unapproved_calls": "select * from unbroken.unapproved_calls(%(log)s, null, null, null, null)",
    "error_bursts": "select * from unbroken.error_bursts(%(log)s, null, null, null, null, null)",
    "resource_access": "select * from unbroken.resource_access(%(log)s, null, 'r-1', null, null)",
}
Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module", params=SEEDS)
def planted(server: Server, request: pytest.FixtureRequest) -> Iterator[tuple[Database, World]]:
    """A log, and another in which other things happened to the same names."""
    world = told.random_world(request.param)
    with raw.database_on(server) as database:
        administration.create_log(database.admin, OTHER)
        told.plant(database.admin, 1, world)
        told.plant(database.admin, 2, told.random_world(request.param + 1000))
        yield database, world


@contextmanager
def asking(database: Database, user: str = "verifier", log: str = LOG) -> Iterator[Investigations]:
    with database.connect(user) as connection:
        yield Investigations(connection, log)


def open_ticket(connection: Connection, log: str = LOG, **scope: str) -> None:
    row = connection.execute(
        "select ticket, refused from unbroken.open_ticket(%s, 'a test', 'case 1', %s::jsonb, '1 hour')",
        (log, json.dumps(scope)),
    ).fetchone()
    assert row is not None
    assert row[0] is not None, row[1]


def bounds(since: datetime | None, upto: datetime | None) -> tuple[datetime, datetime]:
    return since or EVER[0], upto or EVER[1]


# ---- what they answer ----


@pytest.mark.parametrize(("since", "upto"), RANGES)
def test_what_an_agent_did_for_somebody(
    planted: tuple[Database, World], since: datetime | None, upto: datetime | None
) -> None:
    database, world = planted
    with asking(database) as ask:
        for agent in told.AGENTS:
            for actor in told.ACTORS:
                expected = told.actions(world, agent, actor, *bounds(since, upto))
                assert ask.agent_actions(agent, actor, since=since, upto=upto, limit=MOST) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("since", "upto"), RANGES)
def test_calls_without_a_proper_approval(
    planted: tuple[Database, World], since: datetime | None, upto: datetime | None
) -> None:
    database, world = planted
    with asking(database) as ask:
        assert ask.unapproved_calls(since=since, upto=upto, limit=MOST) == told.unapproved(world, *bounds(since, upto))


@pytest.mark.parametrize(("since", "upto"), RANGES)
def test_minutes_with_errors(planted: tuple[Database, World], since: datetime | None, upto: datetime | None) -> None:
    database, world = planted
    with asking(database) as ask:
        for least in (-1, 0, 1, 2, 3, 1000):
            expected = told.bursts(world, *bounds(since, upto), least)
            assert ask.error_bursts(least=least, since=since, upto=upto, limit=MOST) == expected
        for row in told.bursts(world, *bounds(since, upto), 2):
            end = min(row.minute + timedelta(minutes=1), upto or EVER[1])
            numbers = ask.errors_between(max(row.minute, since or EVER[0]), end, limit=MOST)
            assert len(numbers) == row.errors
            assert (min(numbers), max(numbers)) == (row.first_seq, row.last_seq)


def test_who_touched_a_resource_and_who_approved_it(planted: tuple[Database, World]) -> None:
    database, world = planted
    with asking(database) as ask:
        for resource in (*told.RESOURCES, "nowhere", ""):
            for kind in told.KINDS:
                assert ask.resource_access(resource, kind=kind, limit=MOST) == told.accesses(world, resource, kind)


def test_the_planted_logs_hold_every_kind_of_answer() -> None:
    worlds = [told.random_world(seed) for seed in SEEDS]
    reasons = {row.reason for world in worlds for row in told.unapproved(world, *EVER)}
    roles = {row.role for world in worlds for each in told.RESOURCES for row in told.accesses(world, each, None)}
    assert reasons == {
        *("no_decision", "denied", "other_arguments", "after_the_fact", "by_caller", "self_attested", "not_claimed")
    }
    assert roles == {"touched", "asked", "approved", "denied"}
    assert any(
        row.approved_by for world in worlds for row in told.accesses(world, "r-1", None) if row.role == "touched"
    )
    calls = {
        each.seq for world in worlds for each in world.entries if each.event_type == "tool_call" and each.side_effect
    }
    assert len(calls) > len({row.seq for row in told.unapproved(worlds[0], *EVER)})
    assert any(row.errors > 2 for world in worlds for row in told.bursts(world, *EVER, 1))


def test_a_time_begins_with_its_first_moment_and_ends_before_its_last(database: Database) -> None:
    errors = [_entry(seq, "error") for seq in (1, 2, 3, 4)]
    calls = [_call(seq + 4, call_id=f"c-{seq}") for seq in (1, 2, 3, 4)]
    told.plant(database.admin, 1, World([*errors, *calls], []))
    with asking(database) as ask:
        during: dict[str, Any] = {"since": at(2), "upto": at(4), "limit": MOST}
        assert [row.seq for row in ask.agent_actions("triage", "u-1", **during)] == [2, 3]
        assert [row.minute for row in ask.error_bursts(**during)] == [at(3), at(2)]
        assert ask.errors_between(at(2), at(4), limit=MOST) == [2, 3]
        assert [row.seq for row in ask.unapproved_calls(since=at(6), upto=at(8), limit=MOST)] == [6, 7]


def test_of_a_minute_that_the_range_cuts_what_lies_within_counts(database: Database) -> None:
    errors = [
        Entry(seq, at(1 + seq / 10), "error", "u-1", agent_id=f"agent-{seq}", session_id=f"s-{seq}")
        for seq in range(1, 9)
    ]
    told.plant(database.admin, 1, World(errors, []))
    with asking(database) as ask:
        for since, upto, first, last in (
            (None, None, 1, 8),
            (at(1.25), None, 3, 8),
            (None, at(1.65), 1, 6),
            (at(1.25), at(1.65), 3, 6),
        ):
            (row,) = ask.error_bursts(since=since, upto=upto, limit=9)
            assert (row.minute, row.errors, row.agents, row.sessions) == (at(1), *[last - first + 1] * 3)
            assert (row.first_seq, row.last_seq) == (first, last)
        assert ask.error_bursts(before=at(1.9), limit=9) == [], "the minute was not over then"
        assert len(ask.error_bursts(before=at(2), limit=9)) == 1


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pages_together_are_the_whole(planted: tuple[Database, World], size: int) -> None:
    database, world = planted
    with asking(database) as ask:
        for since, upto in ((None, None), (at(30), at(400))):
            found = paged(
                lambda seq: ask.agent_actions("triage", "u-1", since=since, upto=upto, after=seq, limit=size),  # noqa: B023
                begin=0,
                key="seq",
                size=size,
            )
            assert found == told.actions(world, "triage", "u-1", *bounds(since, upto))
            calls = paged(
                lambda seq: ask.unapproved_calls(since=since, upto=upto, after=seq, limit=size),  # noqa: B023
                begin=0,
                key="seq",
                size=size,
            )
            assert calls == told.unapproved(world, *bounds(since, upto))
            minutes = paged(
                lambda minute: ask.error_bursts(least=2, since=since, upto=upto, before=minute, limit=size),  # noqa: B023
                begin=None,
                key="minute",
                size=size,
            )
            assert minutes == told.bursts(world, *bounds(since, upto), 2)
        touched = paged(lambda seq: ask.resource_access("r-1", after=seq, limit=size), begin=0, key="seq", size=size)
        assert touched == told.accesses(world, "r-1", None)


@pytest.mark.parametrize(("since", "upto"), RANGES)
def test_a_page_begins_after_any_entry(
    planted: tuple[Database, World], since: datetime | None, upto: datetime | None
) -> None:
    """Also where the clock was set back: behind it in time, and not in number."""
    database, world = planted
    known = told.unapproved(world, *bounds(since, upto))
    with asking(database) as ask:
        for before in world.entries[::5]:
            expected = [row for row in known if (row.recorded_at, row.seq) > (before.recorded_at, before.seq)]
            assert ask.unapproved_calls(since=since, upto=upto, after=before.seq, limit=MOST) == expected


def test_a_page_begins_also_after_a_number_that_is_not_there(database: Database) -> None:
    told.plant(database.admin, 1, World([_entry(seq) for seq in (1, 2, 5, 6)], []))
    with asking(database) as ask:
        read = partial(ask.agent_actions, "triage", "u-1", limit=MOST)
        assert [row.seq for row in read(after=3)] == [5, 6]
        assert [row.seq for row in read(after=3, since=at(5.5))] == [6]
        assert [row.seq for row in read(after=-4)] == [1, 2, 5, 6]
        assert read(after=9) == []
        assert [row.seq for row in ask.resource_access("r-1", after=3, limit=MOST)] == [5, 6]


@pytest.mark.parametrize(
    ("asked", "given"), [(None, MOST), (0, 1), (-5, 1), (1, 1), (MOST + 1, MOST), (2**31 - 1, MOST)]
)
def test_in_sql_a_limit_is_bounded(database: Database, asked: int | None, given: int) -> None:
    told.plant(database.admin, 1, World([_entry(seq, event_type="error") for seq in range(1, MOST + 5)], []))
    with database.connect("verifier") as connection:
        rows = connection.execute(
            "select * from unbroken.agent_actions(%s, 'triage', 'u-1', null, null, null, %s)", (LOG, asked)
        ).fetchall()
        assert len(rows) == given
        minutes = connection.execute(
            "select * from unbroken.error_bursts(%s, null, null, null, null, %s)", (LOG, asked)
        ).fetchall()
        assert len(minutes) == given


@pytest.mark.parametrize("limit", [0, -1, MOST + 1])
def test_in_python_a_limit_is_refused_in_place_of_a_page_that_is_cut(database: Database, limit: int) -> None:
    with asking(database) as ask:
        with pytest.raises(ConfigurationError):
            ask.unapproved_calls(limit=limit)
        with pytest.raises(ConfigurationError):
            ask.error_bursts(limit=limit)


def test_an_origin_stands_for_its_newest_incarnation(database: Database) -> None:
    database.admin.execute("insert into unbroken.logs (origin, incarnation) values (%s, 2)", (LOG,))
    with database.admin.transaction():
        database.admin.execute("set local role unbroken_owner")
        database.admin.execute("select unbroken.attach_partition(log, 0) from unbroken.logs where incarnation = 2")
    told.plant(database.admin, 1, World([_entry(1)], []))
    told.plant(database.admin, 2, World([_entry(1), _entry(2)], []))
    for name, seqs in ((LOG, [1, 2]), (f"{LOG}~2", [1, 2]), (f"{LOG}~1", [1])):
        rows = Investigations(database.admin, name).agent_actions("triage", "u-1", limit=9)
        assert [row.seq for row in rows] == seqs


# ---- reasons, one by one ----


def _entry(seq: int, event_type: str = "tool_call", **given: Any) -> Entry:
    made = {"agent_id": "triage", "session_id": "s-1", "tool": "wire", "call_id": "c-1", "resource_id": "r-1", **given}
    return Entry(seq, at(seq), event_type, **{"actor_id": "u-1", **made})


def _asked(**given: Any) -> Approval:
    made = {"requested_seq": 1, "tool": "wire", "call_id": "c-1", "arguments_hash": told.HASHES[0], "actor_id": "u-1"}
    return Approval(**{"request": str(uuid.uuid4()), "agent_id": "triage", "requested_until": at(99), **made, **given})


def _approved(**given: Any) -> Approval:
    held = {"decided_seq": 2, "outcome": "approved", "approved_until": at(99), "self_attested": False}
    return _asked(**{**held, **given})


def _request(seq: int = 1, **given: Any) -> Entry:
    return _entry(seq, "approval_requested", **given)


def _decision(seq: int = 2, by: str = "boss", outcome: str = "approved") -> Entry:
    return _entry(seq, "approval_decided", actor_id=by, agent_id=None, outcome=outcome)


def _call(seq: int = 3, **given: Any) -> Entry:
    return _entry(seq, side_effect=True, **given)


CLAIMED: dict[str, Any] = {"outcome": "approved", "arguments_hash": told.HASHES[0]}
CASES: dict[str, tuple[str | None, list[Entry], list[Approval]]] = {
    "approved": (None, [_request(), _decision(), _call(**CLAIMED)], [_approved(used_seq=3)]),
    "nobody asked": ("no_decision", [_call(1)], []),
    "asked, not decided": ("no_decision", [_request(), _call(2)], [_asked()]),
    "another call": ("no_decision", [_request(), _decision(), _call(call_id="c-9")], [_approved()]),
    "another tool": ("no_decision", [_request(), _decision(), _call(tool="mail")], [_approved()]),
    "another session": ("no_decision", [_request(), _decision(), _call(session_id="s-9")], [_approved()]),
    "no id": ("no_decision", [_request(), _decision(), _call(call_id=None)], [_approved()]),
    "denied": ("denied", [_request(), _decision(outcome="denied"), _call()], [_asked(decided_seq=2, outcome="denied")]),
    "other hash": ("other_arguments", [_request(), _decision(), _call(arguments_hash=told.HASHES[1])], [_approved()]),
    "other inputs": (
        "other_arguments",
        [_request(inputs=told.INPUTS[0]), _decision(), _call(inputs=told.INPUTS[1])],
        [_approved()],
    ),
    "same inputs": (
        "not_claimed",
        [_request(inputs=told.INPUTS[0]), _decision(), _call(inputs=told.INPUTS[0])],
        [_approved()],
    ),
    "erased inputs": ("not_claimed", [_request(), _decision(), _call(inputs=told.INPUTS[0])], [_approved()]),
    "too late": ("after_the_fact", [_request(), _call(2), _decision(3)], [_approved(decided_seq=3)]),
    "by the actor": ("by_caller", [_request(), _decision(by="u-9"), _call(actor_id="u-9")], [_approved()]),
    "by the agent": ("by_caller", [_request(), _decision(by="triage"), _call()], [_approved()]),
    "one login": (
        "self_attested",
        [_request(), _decision(), _call(**CLAIMED)],
        [_approved(used_seq=3, self_attested=True)],
    ),
    "spent": ("no_decision", [_request(), _decision(), _call(3, **CLAIMED), _call(4)], [_approved(used_seq=3)]),
    "run out": ("no_decision", [_request(), _decision(), _call()], [_approved(approved_until=at(2.5))]),
    # What the door refuses, and only who took it away can record.
    "claimed of nobody": ("no_decision", [_call(1, **CLAIMED)], []),
    "claimed though pending": ("no_decision", [_request(), _call(2, **CLAIMED)], [_asked()]),
    "claimed though denied": (
        "denied",
        [_request(), _decision(outcome="denied"), _call(**CLAIMED)],
        [_asked(decided_seq=2, outcome="denied")],
    ),
    "claimed with a used approval": (
        "no_decision",
        [_request(), _decision(), _call(3, **CLAIMED), _call(4, **CLAIMED)],
        [_approved(used_seq=3)],
    ),
    "claimed before the decision": (
        "after_the_fact",
        [_request(), _call(2, **CLAIMED), _decision(3)],
        [_approved(decided_seq=3, used_seq=2)],
    ),
    "claimed by who decided": (
        "by_caller",
        [_request(), _decision(by="u-1"), _call(**CLAIMED)],
        [_approved(used_seq=3)],
    ),
    "claimed by an agent that decided": (
        "by_caller",
        [_request(), _decision(by="triage"), _call(**CLAIMED)],
        [_approved(used_seq=3)],
    ),
    "claimed, and not known who asked": (
        "no_decision",
        [_request(), _decision(), _call(**CLAIMED)],
        [_approved(used_seq=3, self_attested=None)],
    ),
    "claimed, and not known as used": ("not_claimed", [_request(), _decision(), _call(**CLAIMED)], [_approved()]),
    "claimed for another tool": (
        "no_decision",
        [_request(), _decision(), _call(tool="mail", **CLAIMED)],
        [_approved(used_seq=3)],
    ),
    "claimed, and the decision is none": (
        "no_decision",
        [_request(), _entry(2, "request", actor_id="boss", agent_id=None), _call(**CLAIMED)],
        [_approved(used_seq=3)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_why_a_call_counts_as_unapproved(database: Database, case: str) -> None:
    reason, entries, approvals = CASES[case]
    told.plant(database.admin, 1, World(entries, approvals))
    with asking(database) as ask:
        found = [(row.seq, row.reason) for row in ask.unapproved_calls(limit=9)]
    last = max(each.seq for each in entries if each.event_type == "tool_call")
    assert found == ([] if reason is None else [(last, reason)])


@pytest.mark.parametrize("text", ["", "{", "[" * 30_000, '"text"', "null", '{"call_id":"\\u0000"}'])
def test_an_event_that_was_made_unreadable_does_not_hide_the_others(database: Database, text: str) -> None:
    told.plant(database.admin, 1, World([_call(1), _call(2)], []))
    database.disarm()
    database.admin.execute("update unbroken.entries set event = %s where seq = 1", (text,))
    with asking(database) as ask:
        assert [(row.seq, row.call_id) for row in ask.unapproved_calls(limit=9)] == [(1, None), (2, "c-1")]
        assert [row.seq for row in ask.resource_access("r-1", limit=9)] == [1, 2]


def test_what_is_recorded_through_the_door(database: Database) -> None:
    """The same by way of the library, where agent and approver have a login each."""
    key = LogKey.generate()
    add_login(database.admin, name := f"approver_{uuid.uuid4().hex[:8]}", duty="writer")
    with (
        closing(Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG), key=key)) as agents,
        closing(Ledger(lambda _: LogWriter(database.conninfo(name), LOG), key=key)) as approver,
    ):
        trail, desk = plain.Trail(agents), plain.Trail(approver)

        @trail.tool(side_effect=True, requires_approval=True, resource=("account", "account"))
        def wire(account: str) -> str:
            return account

        @trail.tool(side_effect=True, resource=("account", "account"))
        def close_account(account: str) -> str:
            return account

        def run(call_id: str, decide: Trail | None) -> None:
            with trail.session(actor="u-1", agent="teller") as session, session.turn("go") as turn:
                with trail.called_as(call_id):
                    try:
                        wire("a-1")
                    except NotApprovedError as error:
                        assert decide is not None
                        decide.decide(str(error.request_id), "approve", by="boss")
                        wire("a-1")
                turn.respond("done")

        run("c-1", desk)
        run("c-2", trail)
        with trail.session(actor="u-1", agent="teller") as session, session.turn("go") as turn:
            close_account("a-1")
            turn.respond("done")
    with asking(database) as ask:
        rows = ask.unapproved_calls(limit=MOST)
        assert [(row.tool, row.reason) for row in rows] == [("wire", "self_attested"), ("close_account", "no_decision")]
        assert rows[0].call_id == "c-2"
        accesses = ask.resource_access("a-1", kind="account", limit=MOST)
    by = {(row.event_type, row.role, row.tool): row.approved_by for row in accesses}
    assert by == {
        ("approval_requested", "approved", "wire"): "boss",
        ("tool_call", "touched", "wire"): "boss",
        ("tool_result", "touched", "wire"): "boss",
        ("data_modified", "touched", "wire"): "boss",
        ("tool_call", "touched", "close_account"): None,
        ("tool_result", "touched", "close_account"): None,
        ("data_modified", "touched", "close_account"): None,
    }


# ---- who may ask ----


def call_all(connection: Connection, log: str = LOG) -> dict[str, list[tuple[Any, ...]]]:
    return {name: connection.execute(text, {"log": log}).fetchall() for name, text in QUERIES.items()}


def each_fails(connection: Connection, state: str, log: str = LOG) -> None:
    for name, text in QUERIES.items():
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(text, {"log": log})
        assert caught.value.sqlstate == state, name


@pytest.mark.parametrize("login", ["compliance", "legal", "dpo"])
def test_people_get_the_same_rows_under_a_ticket(planted: tuple[Database, World], login: str) -> None:
    database, _ = planted
    with database.connect("verifier") as verifier, database.connect(login) as person:
        expected = call_all(verifier)
        assert all(expected.values())
        open_ticket(person)
        assert call_all(person) == expected == call_all(database.admin)


def test_a_ticket_for_a_session_opens_that_session_alone(database: Database) -> None:
    world = told.random_world(1)
    told.plant(database.admin, 1, world)
    with database.connect("legal") as person:
        open_ticket(person, session="s-1")
        rows = Investigations(person, LOG).agent_actions("triage", "u-1", limit=MOST)
        expected = told.actions(world, "triage", "u-1", *EVER)
        assert [row for row in expected if row.session_id == "s-1"] == rows != expected
        sessions = {row[4] for row in call_all(person)["unapproved_calls"]}
        assert sessions == {"s-1"}


@pytest.mark.parametrize("login", ["compliance", "legal", "dpo"])
def test_without_a_ticket_there_is_an_error_and_no_empty_answer(database: Database, login: str) -> None:
    told.plant(database.admin, 1, told.random_world(1))
    with database.connect(login) as person:
        each_fails(person, "UB007")
        with pytest.raises(AccessDeniedError):
            Investigations(person, LOG).unapproved_calls(limit=1)


@pytest.mark.parametrize("login", ["writer", "server", "ops", "subjects", "retention", "access"])
def test_other_duties_may_not_ask(database: Database, login: str) -> None:
    with database.connect(login) as connection:
        each_fails(connection, "42501")


def test_another_log_is_none_and_so_is_one_that_is_not_there(database: Database) -> None:
    administration.create_log(database.admin, OTHER)
    told.plant(database.admin, 1, told.random_world(1))
    told.plant(database.admin, 2, World([_entry(1, actor_id="u-2")], []))
    add_login(database.admin, name := f"compliance_{uuid.uuid4().hex[:8]}", duty="compliance", log=OTHER)
    with database.connect(name) as stranger:
        open_ticket(stranger, OTHER)
        for log in (LOG, f"{LOG}~1", f"{OTHER}~2", "nowhere", "", "' or true --"):
            each_fails(stranger, "UB003", log)
        rows = call_all(stranger, OTHER)
        assert {name: len(found) for name, found in rows.items()} == {
            "agent_actions": 0,
            "unapproved_calls": 0,
            "error_bursts": 0,
            "resource_access": 1,
        }
    with asking(database) as ask, pytest.raises(AccessDeniedError):
        Investigations(ask._connection, OTHER).error_bursts(limit=1)


# ---- how ----


PLANS: dict[str, tuple[str, ...]] = {
    "agent_actions": ("actor_id = ", "agent_id = ", "ROW(recorded_at, seq) > "),
    "unapproved_calls": ("ROW(recorded_at, seq) > ", "recorded_at < "),
    "error_bursts": ("recorded_at >= ", "recorded_at < "),
    "resource_access": ("resource_id = ", "seq > "),
}


@pytest.mark.parametrize("name", QUERIES)
def test_an_index_serves_under_row_security(planted: tuple[Database, World], name: str) -> None:
    """The functions are planned as part of the query, and no policy stands between a condition and its index.

    Pages read in order cost much besides: which way a policy's EXISTS is asked goes by costs alone, and in a log this
    small, once it is vacuumed, all entries hashed are cheaper than a few looked up.
    """
    database, _ = planted
    with database.connect("compliance") as connection:
        open_ticket(connection)
        connection.execute("set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off")
        connection.execute("set seq_page_cost = 1000000")
        explained: LiteralString = "explain " + QUERIES[name]
        plan = [row[0] for row in connection.execute(explained, {"log": LOG})]
    assert not [line for line in plan if f"Function Scan on {name}" in line or "Seq Scan on entries" in line]
    conditions = [line for line in plan if "Index Cond: " in line]
    assert any(all(part in line for part in PLANS[name]) for line in conditions), plan


def test_nothing_that_the_caller_sets_changes_what_a_name_means(planted: tuple[Database, World]) -> None:
    database, _ = planted
    with database.connect("verifier") as connection:
        expected = call_all(connection)
        for name, value in (("search_path", ""), ("search_path", "public, unbroken"), ("timezone", "Asia/Kathmandu")):
            connection.execute("select set_config(%s, %s, false)", (name, value))
            assert call_all(connection) == expected
