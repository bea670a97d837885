"""Rows are made of verified lines, and where the database says something else, that stands beside them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.plain import draft
from unbroken.core.entry import GENESIS, StoredEntry, hash_of
from unbroken.core.event import encode_event
from unbroken.core.times import format_time
from unbroken.investigate.bursts import bursts
from unbroken.investigate.investigations import (
    ACCESS_COLUMNS,
    ACTION_COLUMNS,
    CALL_COLUMNS,
    Row,
    Span,
    accesses,
    actions,
    unapproved_calls,
)
from unbroken.investigate.reasons import IN_WORDS
from unbroken.investigate.verified import CHUNK, read_verified
from unbroken.store.investigations import AgentAction, ErrorBurst, ResourceAccess, UnapprovedCall
from unbroken.verify.examine import columns_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HASH, OTHER_HASH = f"k1:{'a' * 64}", f"k1:{'b' * 64}"
REQUEST = "01900000-0000-7000-8000-000000000001"
WHO: dict[str, Any] = {
    "actor_id": "u-7",
    "actor_type": "user",
    "agent_id": "teller",
    "session_id": "s-2",
    "tool": "wire",
    "call_id": "c1",
}
ACCOUNT: dict[str, Any] = {"resource_type": "account", "resource_id": "NL-1"}


class Log:
    """Entries by number, as a store would give them; ``shown`` are the numbers of those that were."""

    log = "test.example/agents~1"

    def __init__(self) -> None:
        self.entries: dict[int, StoredEntry] = {}
        self.chunks: list[int] = []
        self.shown: list[int] = []

    def entries_at(self, seqs: Sequence[int]) -> list[StoredEntry]:
        self.chunks.append(len(seqs))
        return [self.entries[seq] for seq in seqs if seq in self.entries]

    def erasures(self) -> Iterator[list[StoredEntry]]:
        return iter(())

    def show(self, entry: StoredEntry) -> None:
        self.shown.append(entry.seq)

    def add(
        self, event_type: str, *, seq: int | None = None, writer: str = "agents", at: datetime = NOON, **fields: Any
    ) -> int:
        """Records an event; returns the entry's number."""
        seq = seq or len(self.entries) + 1
        made = draft(event_type, **{**WHO, "ts": NOON, **fields})
        event = made.event
        entry = StoredEntry(
            log=self.log,
            seq=seq,
            session_seq=seq if event.session_id else None,
            recorded_at=format_time(at),
            writer=writer,
            principal=None,
            prev_hash=bytes.fromhex(GENESIS),
            hash=b"",
            event=encode_event(event),
            columns=columns_of(event),
        )
        for name, part in made.parts.items():
            setattr(entry, name, part.value)
            setattr(entry, f"{name}_salt", part.salt)
        entry.hash = hash_of(entry.line)
        self.entries[seq] = entry
        return seq

    def alter(self, seq: int, **fields: Any) -> None:
        self.entries[seq] = msgspec.structs.replace(self.entries[seq], **fields)


@pytest.fixture
def log() -> Log:
    return Log()


def kinds(row: Row) -> list[tuple[str, int]]:
    return [(finding.kind, finding.seq) for finding in row.findings]


# ---- what an agent did ----


def action(seq: int, **said: Any) -> AgentAction:
    event = {
        "event_type": "tool_call",
        "session_id": "s-2",
        "tool": "wire",
        "side_effect": True,
        "outcome": None,
        "resource_type": "account",
        "resource_id": "NL-1",
        **said,
    }
    return AgentAction(seq=seq, recorded_at=NOON, **event)


def told(log: Log, *found: AgentAction, span: Span = Span()) -> list[Row]:  # noqa: B008
    return actions(found, log, agent="teller", actors=["u-7"], span=span, shown=log.show)


def test_a_row_says_what_the_line_says(log: Log) -> None:
    log.add("tool_call", side_effect=True, inputs={"a": 1}, **ACCOUNT)
    (row,) = told(log, action(1))
    assert tuple(row.values) == ACTION_COLUMNS
    assert row.findings == ()
    expected = {
        "seq": 1,
        "recorded_at": "2026-01-31T12:00:00.000000Z",
        "event_type": "tool_call",
        "actor_id": "u-7",
        "side_effect": True,
        "outcome": None,
        "resource_id": "NL-1",
        "writer": "agents",
        "hash": log.entries[1].hash.hex(),
    }
    assert {name: row.values[name] for name in expected} == expected
    assert log.shown == [1]


def test_where_the_database_says_something_else_the_line_counts(log: Log) -> None:
    log.add("tool_call", side_effect=True, **ACCOUNT)
    (row,) = told(log, action(1, tool="harmless", resource_id=None))
    assert (row.values["tool"], row.values["resource_id"]) == ("wire", "NL-1")
    assert [finding.expected for finding in row.findings] == [
        "tool as the event states it",
        "resource_id as the event states it",
    ]
    assert kinds(row) == [("column_disagrees", 1)] * 2


def test_a_column_that_was_altered_is_one_finding(log: Log) -> None:
    log.add("tool_call", side_effect=True, **ACCOUNT)
    columns = tuple("harmless" if value == "wire" else value for value in log.entries[1].columns or ())
    log.alter(1, columns=columns)
    (row,) = told(log, action(1, tool="harmless"))
    assert (row.values["tool"], kinds(row)) == ("wire", [("column_disagrees", 1)])


@pytest.mark.parametrize("foreign", [{"agent_id": "desk"}, {"actor_id": "u-8"}, {"agent_id": None}])
def test_an_entry_of_somebody_else_is_a_finding(log: Log, foreign: dict[str, Any]) -> None:
    log.add("tool_call", side_effect=True, **{**ACCOUNT, **foreign})
    (row,) = told(log, action(1))
    assert kinds(row) == [("column_disagrees", 1)]


def test_an_altered_entry_is_not_shown_as_a_fact(log: Log) -> None:
    log.add("tool_call", side_effect=True, **ACCOUNT)
    log.alter(1, event=log.entries[1].event.replace(b"NL-1", b"NL-2"))
    (row,) = told(log, action(1))
    assert kinds(row) == [("altered_entry", 1)]
    assert {value for name, value in row.values.items() if name != "seq"} == {None}
    assert log.shown == []


def test_an_entry_that_is_not_there_is_a_finding(log: Log) -> None:
    (row,) = told(log, action(7))
    assert kinds(row) == [("missing", 7)]
    assert row.findings[0].log == log.log


def test_an_altered_payload_stands_beside_its_line(log: Log) -> None:
    log.add("tool_call", side_effect=True, inputs={"a": 1}, **ACCOUNT)
    log.alter(1, inputs=b'{"a":2}')
    (row,) = told(log, action(1))
    assert (row.values["tool"], kinds(row)) == ("wire", [("altered_payload", 1)])


@pytest.mark.parametrize(
    ("since", "until", "holds"),
    [
        (None, None, True),
        (NOON, None, True),
        (NOON + timedelta(microseconds=1), None, False),
        (None, NOON, False),
        (None, NOON + timedelta(microseconds=1), True),
    ],
)
def test_a_time_is_in_the_span_from_its_beginning_to_before_its_end(
    log: Log, since: datetime | None, until: datetime | None, holds: bool
) -> None:
    log.add("tool_call", side_effect=True, **ACCOUNT)
    (row,) = told(log, action(1), span=Span(since, until))
    assert kinds(row) == ([] if holds else [("column_disagrees", 1)])


def test_entries_are_read_some_at_a_time_and_each_once(log: Log) -> None:
    seqs = [log.add("tool_call", side_effect=True, inputs="x", **ACCOUNT) for _ in range(CHUNK + 1)]
    rows = told(log, *map(action, [*seqs, 1]))
    assert len(rows) == CHUNK + 2
    assert log.chunks == [CHUNK, 1]
    assert log.shown == seqs
    assert all(read.entry is not None and read.entry.inputs is None for read in read_verified(log, seqs).values())


# ---- calls that were not approved ----


def decide(
    log: Log,
    outcome: str = "approved",
    *,
    arguments: str = HASH,
    by: str = "alice",
    writer: str = "approvers",
    **fields: Any,
) -> int:
    decision = {"arguments_hash": arguments, "by": by, "outcome": outcome, "request": REQUEST, "at": NOON}
    decision["at"] = format_time(NOON)
    event = {"actor_id": by, "agent_id": None, "decision": decision, **fields}
    return log.add("approval_decided", writer=writer, **event)


def request(log: Log, **fields: Any) -> int:
    return log.add("approval_requested", **{"id": REQUEST, "decision": {"arguments_hash": HASH}, **ACCOUNT, **fields})


def call(log: Log, **fields: Any) -> int:
    return log.add("tool_call", **{"side_effect": True, **ACCOUNT, **fields})


def because(log: Log, reason: str, made: int, decided: int | None = None, asked: int | None = None, **said: Any) -> Row:
    fields = {"tool": "wire", "call_id": "c1", "session_id": "s-2", "actor_id": "u-7", "agent_id": "teller", **said}
    found = UnapprovedCall(seq=made, recorded_at=NOON, reason=reason, decided_seq=decided, asked_seq=asked, **fields)
    (row,) = unapproved_calls([found], log, span=Span(), shown=log.show)
    return row


def test_each_reason_that_the_lines_bear_out(log: Log) -> None:
    asked, approved = request(log), decide(log)
    denied, own = decide(log, "denied"), decide(log, writer="agents as recorder")
    others, late = decide(log, arguments=OTHER_HASH), 20
    decide(log, seq=late)
    plain, stated = call(log), call(log, decision={"arguments_hash": HASH})
    by_alice = call(log, actor_id="alice")
    assert [
        because(log, "no_decision", plain).findings,
        because(log, "no_decision", plain, approved, asked).findings,
        because(log, "denied", plain, denied, asked).findings,
        because(log, "other_arguments", stated, others, asked).findings,
        because(log, "after_the_fact", plain, late, asked).findings,
        because(log, "by_caller", by_alice, approved, asked, actor_id="alice").findings,
        because(log, "self_attested", plain, own, asked).findings,
        because(log, "not_claimed", plain, approved, asked).findings,
    ] == [()] * 8


def test_each_reason_that_the_lines_refute(log: Log) -> None:
    asked, approved = request(log), decide(log)
    denied, late, own, denied_late = decide(log, "denied"), 20, decide(log, "denied", writer="agents"), 21
    decide(log, seq=late)
    decide(log, "denied", seq=denied_late)
    made = call(log, seq=10, decision={"arguments_hash": HASH})
    wrong: dict[str, list[int | None]] = {
        "no_decision": [denied, late],
        "denied": [approved, late, denied_late, None],
        "other_arguments": [approved, None],
        "after_the_fact": [approved, denied, None],
        "by_caller": [approved, None],
        "self_attested": [approved, denied, own, None],
        "not_claimed": [denied, late, None],
        "a reason of tomorrow": [approved, None],
    }
    assert wrong.keys() >= IN_WORDS.keys()
    for reason, decisions in wrong.items():
        for decided in decisions:
            assert kinds(because(log, reason, made, decided, asked)) == [("column_disagrees", made)], (reason, decided)


def test_other_arguments_are_compared_where_the_call_states_no_hash(log: Log) -> None:
    asked, decided = request(log, inputs={"amount": 5}), decide(log)
    same, other = call(log, inputs={"amount": 5}), call(log, inputs={"amount": 6})
    assert kinds(because(log, "other_arguments", other, decided, asked)) == []
    assert kinds(because(log, "other_arguments", same, decided, asked)) == [("column_disagrees", same)]
    log.alter(other, inputs=b'{"amount":5}')
    assert kinds(because(log, "other_arguments", other, decided, asked)) == [("altered_payload", other)]
    log.alter(same, inputs=None, inputs_salt=None)
    assert kinds(because(log, "other_arguments", same, decided, asked)) == [("missing", same)]


@pytest.mark.parametrize(
    "about", [{"call_id": "c2"}, {"tool": "other"}, {"decision": {"outcome": "denied", "by": "alice"}}]
)
def test_a_decision_about_something_else_is_a_finding(log: Log, about: dict[str, Any]) -> None:
    asked, decided = request(log), decide(log, "denied", **about)
    made = call(log)
    assert kinds(because(log, "denied", made, decided, asked)) == [("column_disagrees", made)]


def test_what_is_no_call_with_a_side_effect_is_a_finding(log: Log) -> None:
    read, result = call(log, side_effect=False), log.add("tool_result", side_effect=True)
    assert kinds(because(log, "no_decision", read)) == [("column_disagrees", read)]
    assert kinds(because(log, "no_decision", result)) == [("column_disagrees", result)]


def test_the_decision_is_shown_as_its_own_line_has_it(log: Log) -> None:
    asked, decided = request(log), decide(log, "denied", by="bob")
    row = because(log, "denied", call(log), decided, asked)
    assert tuple(row.values) == CALL_COLUMNS
    shown = [row.values[name] for name in ("decided_seq", "decided_outcome", "decided_by", "decided_hash")]
    assert shown == [decided, "denied", "bob", log.entries[decided].hash.hex()]
    assert log.shown == [3, asked, decided]


def test_a_decision_that_was_altered_says_nothing(log: Log) -> None:
    asked, decided = request(log), decide(log, "denied", by="bob")
    log.alter(decided, event=log.entries[decided].event.replace(b"bob", b"eve"))
    row = because(log, "denied", call(log), decided, asked)
    assert kinds(row) == [("altered_entry", decided)]
    assert (row.values["decided_seq"], row.values["decided_by"]) == (decided, None)


# ---- who touched a resource ----


def touch(log: Log, seq: int, role: str, decided: int | None = None, asked: int | None = None, **said: Any) -> Row:
    fields = {
        "event_type": "tool_call",
        "actor_id": "u-7",
        "agent_id": "teller",
        "tool": "wire",
        "session_id": "s-2",
        "approved_by": None,
        **said,
    }
    found = ResourceAccess(seq=seq, recorded_at=NOON, role=role, decided_seq=decided, asked_seq=asked, **fields)
    (row,) = accesses([found], log, resources=["NL-1"], kind="account", shown=log.show)
    return row


def test_what_touched_a_resource_and_who_approved(log: Log) -> None:
    asked, decided = request(log), decide(log)
    made = call(log)
    row = touch(log, made, "touched", decided, asked, approved_by="alice")
    assert (tuple(row.values), row.findings) == (ACCESS_COLUMNS, ())
    assert (row.values["role"], row.values["decided_by"]) == ("touched", "alice")
    requested = {"event_type": "approval_requested"}
    assert touch(log, asked, "approved", decided, asked, approved_by="alice", **requested).findings == ()
    assert touch(log, asked, "asked", None, asked, **requested).findings == ()
    assert touch(log, call(log), "touched").findings == ()


def test_a_role_or_an_approver_that_the_lines_refute(log: Log) -> None:
    asked, decided = request(log), decide(log, "denied")
    made, requested = call(log), {"event_type": "approval_requested"}
    assert len(touch(log, asked, "approved", decided, asked, approved_by="alice", **requested).findings) == 2
    assert len(touch(log, asked, "asked", decided, asked, **requested).findings) == 1
    assert len(touch(log, made, "approved").findings) == 1
    assert len(touch(log, made, "touched", approved_by="alice").findings) == 1
    assert len(touch(log, made, "touched", asked, asked).findings) == 2


def test_an_entry_about_another_resource_is_a_finding(log: Log) -> None:
    row = touch(log, call(log, resource_id="NL-2", resource_type="loan"), "touched")
    assert [finding.expected.split()[0] for finding in row.findings] == ["resource_id", "resource_type"]


# ---- errors by the minute ----


def counted(log: Log, *seqs: int, span: Span = Span(), **said: Any) -> Row:  # noqa: B008
    known = {"errors": len(seqs), "agents": 1, "sessions": 1, "first_seq": min(seqs), "last_seq": max(seqs), **said}
    asked: list[Span] = []

    def seqs_of(within: Span) -> Iterator[int]:
        asked.append(within)
        yield from seqs

    (row,) = bursts([ErrorBurst(minute=NOON, **known)], log, span=span, seqs_of=seqs_of, shown=log.show)
    end = NOON + timedelta(minutes=1)
    assert asked == [Span(max(span.since or NOON, NOON), min(span.until or end, end))]
    return row


def errors(log: Log, number: int, **fields: Any) -> list[int]:
    return [log.add("error", status="error", **fields) for _ in range(number)]


def test_errors_are_counted_by_their_entries(log: Log) -> None:
    seqs = [*errors(log, 2), *errors(log, 1, agent_id="desk"), *errors(log, 1, agent_id=None, session_id=None)]
    row = counted(log, *seqs, agents=2)
    assert row.findings == ()
    assert row.values == {
        "minute": "2026-01-31T12:00:00.000000Z",
        "errors": 4,
        "agents": 2,
        "sessions": 1,
        "first_seq": 1,
        "last_seq": 4,
    }
    assert log.shown == seqs


@pytest.mark.parametrize(
    "wrong", [{"errors": 4}, {"errors": 2}, {"agents": 2}, {"sessions": 0}, {"first_seq": 2}, {"last_seq": 9}]
)
def test_a_count_that_the_entries_do_not_bear_out_is_a_finding(log: Log, wrong: dict[str, Any]) -> None:
    row = counted(log, *errors(log, 3), **wrong)
    (name,) = wrong
    assert [finding.expected.split()[0] for finding in row.findings] == [name]
    assert row.values["errors"] == 3


def test_an_error_that_was_altered_is_not_counted(log: Log) -> None:
    seqs = errors(log, 3)
    log.alter(2, hash=bytes(32))
    row = counted(log, *seqs)
    assert (row.values["errors"], kinds(row)) == (2, [("altered_entry", 2), ("column_disagrees", 1)])


def test_only_errors_of_the_minute_count(log: Log) -> None:
    seqs = [*errors(log, 1), *errors(log, 1, at=NOON + timedelta(minutes=1)), log.add("tool_call")]
    row = counted(log, *seqs)
    assert (row.values["errors"], row.values["last_seq"]) == (1, 1)
    assert [kind for kind in kinds(row) if kind[1] > 1] == [("column_disagrees", 2), ("column_disagrees", 3)]


def test_a_minute_is_cut_where_the_question_ends(log: Log) -> None:
    seqs = errors(log, 1, at=NOON + timedelta(seconds=30))
    assert counted(log, *seqs, span=Span(NOON + timedelta(seconds=30), NOON + timedelta(seconds=31))).findings == ()
    row = counted(log, *seqs, span=Span(until=NOON + timedelta(seconds=30)))
    assert row.values["errors"] == 0


def test_an_endless_list_of_errors_ends(log: Log) -> None:
    def endless(_: Span) -> Iterator[int]:
        while True:
            yield 1

    errors(log, 1)
    burst = ErrorBurst(minute=NOON, errors=250, agents=1, sessions=1, first_seq=1, last_seq=1)
    (row,) = bursts([burst], log, span=Span(), seqs_of=endless, shown=log.show)
    assert (row.values["errors"], kinds(row)) == (1, [("column_disagrees", 1)])
