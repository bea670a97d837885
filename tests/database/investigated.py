"""Logs planted by a superuser, in which all happens that an investigation may ask for, and what is true of them.

Rows go round the door, so that there is also what the door refuses. The answers here are worked out in the plainest
way, from all rows at once, to hold the database's against them.
"""

import json
import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg

from unbroken.store.investigations import AgentAction, ErrorBurst, ResourceAccess, UnapprovedCall

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
AGENTS = ["triage", 'o\'neil "the" agent; --', None]
ACTORS = ["u-1", "%s $1 \\ {}", "größer 病人", "triage"]
RESOURCES = ["r-1", "r'2\""]
KINDS = ["visit", "patient", None]
SESSIONS = ["s-1", "s-2", None]
TOOLS = ["wire", "mail"]
CALLS = ["c-1", "c-2", "c'3"]
HASHES = ["k1:" + "a" * 64, "k1:" + "b" * 64]
INPUTS = ['{"amount":1}', '{"amount":2}', None]
TYPES = ["request", "error", "error", "tool_result", "data_accessed", "approval_requested", "approval_decided"]


_ENTRY: Final[LiteralString] = (
    "insert into unbroken.entries (log, seq, recorded_at, writer, prev_hash, hash, event, id, event_type, actor_id,"
    " agent_id, session_id, tool, side_effect, outcome, resource_type, resource_id)"
    " values (%s, %s, %s, 'writer', sha256('x'), sha256('y'), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_PAYLOAD: Final[LiteralString] = (
    "insert into unbroken.payloads (log, seq, inputs, inputs_salt) values (%s, %s, %s, sha256('salt'))"
)
_APPROVAL: Final[LiteralString] = (
    "insert into unbroken.approvals (log, request, requested_seq, tool, call_id, arguments_hash, actor_id, agent_id,"
    " requested_until, decided_seq, outcome, approved_until, used_seq, self_attested)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry's row, with what only its event and its payload hold."""

    seq: int
    recorded_at: datetime
    event_type: str
    actor_id: str
    agent_id: str | None = None
    session_id: str | None = None
    tool: str | None = None
    side_effect: bool | None = None
    outcome: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    call_id: str | None = None
    parent_id: str | None = None
    request: str | None = None
    arguments_hash: str | None = None
    inputs: str | None = None

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"entry {self.seq}"))


@dataclass(frozen=True, slots=True)
class Approval:
    """A row of the table of approvals."""

    request: str
    requested_seq: int
    tool: str
    call_id: str
    arguments_hash: str
    actor_id: str
    agent_id: str | None
    requested_until: datetime
    decided_seq: int | None = None
    outcome: str | None = None
    approved_until: datetime | None = None
    used_seq: int | None = None
    self_attested: bool | None = None


@dataclass(frozen=True)
class World:
    """Everything in one log."""

    entries: list[Entry]
    approvals: list[Approval]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def random_world(seed: int, size: int = 250) -> World:
    """A log in which anything may follow anything, with times that stand still, and go back, now and then."""
    chosen = random.Random(seed)  # noqa: S311
    now, entries = START, []
    for seq in range(1, size + 1):
        now += timedelta(seconds=chosen.choice((0, 0, 1, 7.5, 60, 600)))
        now -= timedelta(minutes=45) if chosen.random() < 0.02 else timedelta()
        entries.append(_random_entry(chosen, seq, now))
    return World(entries, list(_random_approvals(chosen, entries)))


def _random_entry(chosen: random.Random, seq: int, now: datetime) -> Entry:
    is_call = chosen.random() < 0.4
    return Entry(
        seq=seq,
        recorded_at=now,
        event_type="tool_call" if is_call else chosen.choice(TYPES),
        actor_id=chosen.choice(ACTORS),
        agent_id=chosen.choice(AGENTS),
        session_id=chosen.choice(SESSIONS),
        tool=chosen.choice((*TOOLS, *TOOLS, None)),
        side_effect=chosen.choice((True, True, True, False, None)),
        outcome=chosen.choice(("approved", "approved", "denied", None)),
        resource_type=chosen.choice(KINDS),
        resource_id=chosen.choice((*RESOURCES, None)),
        call_id=chosen.choice((*CALLS, *CALLS, None)),
        parent_id=chosen.choice(
            (None, None, str(uuid.uuid5(uuid.NAMESPACE_OID, f"entry {chosen.randrange(1, seq + 1)}")))
        ),
        request=_request(chosen.randrange(1, seq + 1)),
        arguments_hash=chosen.choice((*HASHES, None)),
        inputs=chosen.choice(INPUTS),
    )


def _request(seq: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"request {seq}"))


def _random_approvals(chosen: random.Random, entries: list[Entry]) -> Iterator[Approval]:
    decided = chosen.sample(range(1, len(entries) + 1), len(entries))
    used = chosen.sample([each.seq for each in entries if each.event_type == "tool_call"], 30)
    for number in chosen.sample(range(1, len(entries) + 1), 90):
        asked = entries[number - 1]
        outcome = chosen.choice(("approved", "approved", "approved", "denied", None))
        # The table of approvals of a real log agrees with its entries mostly.
        call = chosen.choice([each for each in entries if each.event_type == "tool_call"])
        yield Approval(
            request=_request(number),
            requested_seq=number,
            tool=call.tool or "wire",
            call_id=call.call_id or "c-1",
            arguments_hash=chosen.choice(HASHES),
            actor_id=asked.actor_id,
            agent_id=asked.agent_id,
            requested_until=at(1000),
            decided_seq=decided.pop() if outcome else None,
            outcome=outcome,
            approved_until=chosen.choice((at(5), at(50000))) if outcome == "approved" else None,
            used_seq=used.pop() if outcome == "approved" and used and chosen.random() < 0.5 else None,
            self_attested=chosen.choice((True, False, None)) if outcome else None,
        )


def plant(connection: psycopg.Connection[tuple[Any, ...]], log: int, world: World) -> None:
    """Puts the rows into the log, as a superuser."""
    with connection.cursor() as cursor:
        cursor.executemany(_ENTRY, [(log, each.seq, each.recorded_at, *_columns(each)) for each in world.entries])
        payloads = [(log, each.seq, each.inputs) for each in world.entries if each.inputs is not None]
        cursor.executemany(
            "insert into unbroken.payloads (log, seq, inputs, inputs_salt) values (%s, %s, %s, sha256('salt'))",
            payloads,
        )
        cursor.executemany(_APPROVAL, [(log, *astuple(each)) for each in world.approvals])


def _columns(each: Entry) -> tuple[Any, ...]:
    return (
        _event(each),
        each.id,
        each.event_type,
        each.actor_id,
        each.agent_id,
        each.session_id,
        each.tool,
        each.side_effect,
        each.outcome,
        each.resource_type,
        each.resource_id,
    )


def _event(each: Entry) -> str:
    decision = {"arguments_hash": each.arguments_hash, "request": each.request, "outcome": each.outcome}
    event = {
        "actor_id": each.actor_id,
        "call_id": each.call_id,
        "decision": {key: value for key, value in decision.items() if value is not None},
        "parent_id": each.parent_id,
    }
    return json.dumps({key: value for key, value in event.items() if value})


# ---- what is true ----


def actions(world: World, agent: str | None, actor: str | None, since: datetime, upto: datetime) -> list[AgentAction]:
    names = [field.name for field in fields(AgentAction)]
    return [
        AgentAction(*(getattr(each, name) for name in names))
        for each in in_time(world.entries)
        if each.agent_id == agent is not None and each.actor_id == actor and since <= each.recorded_at < upto
    ]


def unapproved(world: World, since: datetime, upto: datetime) -> list[UnapprovedCall]:
    found = []
    for each in in_time(world.entries):
        if (
            each.event_type == "tool_call"
            and each.side_effect
            and since <= each.recorded_at < upto
            and not _is_approved(world, each)
        ):
            best = _decision_about(world, each)
            found.append(
                UnapprovedCall(
                    each.seq,
                    each.recorded_at,
                    each.tool,
                    each.call_id,
                    each.session_id,
                    each.actor_id,
                    each.agent_id,
                    "no_decision" if best is None else _reason(world, each, best),
                    best.decided_seq if best else None,
                    best.requested_seq if best else None,
                )
            )
    return found


def _is_approved(world: World, call: Entry) -> bool:
    used = [each for each in world.approvals if each.used_seq == call.seq]
    if call.outcome != "approved" or not used:
        return False
    (held,) = used
    if held.self_attested is not False or held.decided_seq is None or held.decided_seq >= call.seq:
        return False
    decision = world.entries[held.decided_seq - 1]
    told = (decision.event_type, decision.outcome) == ("approval_decided", "approved")
    return told and held.tool == call.tool and decision.actor_id not in (call.actor_id, call.agent_id)


def _decision_about(world: World, call: Entry) -> Approval | None:
    def rank(each: Approval) -> tuple[bool, bool, bool, int]:
        assert each.decided_seq is not None
        return (
            each.used_seq != call.seq,
            not _same_arguments(world, call, each),
            each.decided_seq >= call.seq,
            abs(each.decided_seq - call.seq),
        )

    about = [
        each
        for each in world.approvals
        if each.decided_seq is not None
        and (each.tool, each.call_id) == (call.tool, call.call_id)
        and (world.entries[each.requested_seq - 1].session_id == call.session_id or each.used_seq == call.seq)
    ]
    return min(about, key=rank, default=None)


def _same_arguments(world: World, call: Entry, held: Approval) -> bool:
    if call.arguments_hash is not None:
        return held.arguments_hash == call.arguments_hash
    known = {world.entries[held.requested_seq - 1].inputs, call.inputs}
    return None in known or len(known) == 1


def _reason(world: World, call: Entry, held: Approval) -> str:
    assert held.decided_seq is not None
    decision = world.entries[held.decided_seq - 1]
    if not _same_arguments(world, call, held):
        return "other_arguments"
    if held.decided_seq >= call.seq:
        return "after_the_fact"
    if held.outcome == "denied":
        return "denied"
    if decision.event_type == "approval_decided" and decision.actor_id in (call.actor_id, call.agent_id):
        return "by_caller"
    if held.used_seq == call.seq:
        return "self_attested" if held.self_attested else "no_decision"
    if held.used_seq is not None and held.used_seq < call.seq:
        return "no_decision"
    assert held.approved_until is not None
    return "no_decision" if held.approved_until < call.recorded_at else "not_claimed"


def bursts(world: World, since: datetime, upto: datetime, least: int) -> list[ErrorBurst]:
    minutes: dict[datetime, list[Entry]] = defaultdict(list)
    for each in world.entries:
        if each.event_type == "error" and since <= each.recorded_at < upto:
            minutes[each.recorded_at.replace(second=0, microsecond=0)].append(each)
    return [
        ErrorBurst(
            minute,
            len(errors),
            len({each.agent_id for each in errors} - {None}),
            len({each.session_id for each in errors} - {None}),
            min(each.seq for each in errors),
            max(each.seq for each in errors),
        )
        for minute, errors in sorted(minutes.items(), reverse=True)
        if len(errors) >= least
    ]


def accesses(world: World, resource: str | None, kind: str | None) -> list[ResourceAccess]:
    return [
        _access(world, each)
        for each in world.entries
        if each.resource_id == resource is not None and (kind is None or each.resource_type == kind)
    ]


def _access(world: World, each: Entry) -> ResourceAccess:
    held = _approval_behind(world, each)
    role, by, decided = "touched", None, held.decided_seq if held else None
    if each.event_type == "approval_requested":
        role = (held.outcome if held else None) or "asked"
    if each.event_type == "approval_decided":
        role = each.outcome or "touched"
        by = each.actor_id if each.outcome == "approved" else None
        decided = each.seq
    elif held is not None and held.outcome == "approved" and held.decided_seq is not None:
        decision = world.entries[held.decided_seq - 1]
        by = decision.actor_id if decision.event_type == "approval_decided" else None
    asked = held.requested_seq if held else None
    return ResourceAccess(
        each.seq,
        each.recorded_at,
        each.event_type,
        role,
        each.actor_id,
        each.agent_id,
        each.tool,
        each.session_id,
        by,
        decided,
        asked,
    )


def _approval_behind(world: World, each: Entry) -> Approval | None:
    def concerns(held: Approval) -> bool:
        if each.event_type == "approval_requested":
            return held.requested_seq == each.seq
        if each.event_type == "approval_decided":
            return held.request == each.request
        if held.used_seq is None or each.event_type == "tool_call":
            return held.used_seq == each.seq
        call = world.entries[held.used_seq - 1]
        return call.seq < each.seq and call.session_id == each.session_id and each.parent_id in (None, call.id)

    about = [
        held for held in world.approvals if (held.tool, held.call_id) == (each.tool, each.call_id) and concerns(held)
    ]
    return max(about, key=lambda held: held.used_seq or 0, default=None)


def in_time(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda each: (each.recorded_at, each.seq))


def paged(page: Callable[[Any], list[Any]], *, begin: Any, key: str, size: int) -> list[Any]:
    """All pages of ``size`` rows, one after the other; ``page`` gives the one behind a row's ``key``."""
    rows: list[Any] = []
    behind = begin
    while found := page(behind):
        rows += found
        assert len(rows) <= 10_000, "pages that come again and again"
        behind = getattr(found[-1], key)
        if len(found) < size:
            break
    return rows
