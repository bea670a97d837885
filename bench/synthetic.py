"""A large log made up in a hurry: whole sessions, with true lines and hashes, as rows for COPY.

It goes round the door, as a superuser, because the door takes hours for ten million entries. The chain is whole all the
same, and the tables beside the entries say what the door would have made them say, so that the log verifies.
"""

import hashlib
import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

import msgspec

from unbroken.core.entry import hash_of, line_of

CHUNK: Final = 1 << 17
"""Entries that are made at a time; sessions and approvals do not reach from one chunk into the next."""
START: Final = datetime(2026, 1, 5, tzinfo=UTC)
PER_MINUTE: Final = 77.0
AGENTS: Final = 25
ACTORS: Final = 200_000
RESOURCES: Final = 300_000

_ACTIVE: Final = 150
_BURST_EVERY: Final = 60
_IN_BURST: Final = 0.5
_OUTSIDE_BURST: Final = 0.003
_TOGETHER: Final = 0.3
_STEP_BACK: Final = timedelta(minutes=30)
_READING: Final = ("find_slots", "read_chart", "list_prescriptions", "check_coverage")
_ACTING: Final = ("book_appointment", "send_message", "refill_prescription", "cancel_visit")
# How calls with side effects came to be, out of a hundred.
_GOVERNED: Final = {
    "approved": 70,
    "self_attested": 5,
    "no_decision": 18,
    "denied": 1,
    "after_the_fact": 2,
    "by_caller": 1,
    "other_arguments": 1,
    "not_claimed": 2,
}


@dataclass(slots=True)
class Rows:
    """One chunk, each table's rows as text for COPY."""

    entries: list[str] = field(default_factory=list)
    payloads: list[str] = field(default_factory=list)
    approvals: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    head: bytes = bytes(32)


@dataclass(slots=True)
class _Approval:
    """What the table of approvals says of one request; numbers are filled in as its entries get theirs."""

    request: str
    tool: str
    call_id: str
    arguments_hash: str
    actor: str
    agent: str
    requested_at: datetime
    outcome: str | None = None
    requested_seq: int | None = None
    decided_seq: int | None = None
    used_seq: int | None = None
    self_attested: bool | None = None


@dataclass(slots=True)
class _Made:
    """An event on its way to becoming an entry."""

    fields: dict[str, Any]
    writer: str = "agents"
    inputs: dict[str, str] | None = None
    tells: tuple[_Approval, str] | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """An event with its place in the log; only the chain is missing. ``payload``: the value of its inputs, the salt."""

    seq: int
    at: str
    session_seq: int
    writer: str
    fields: dict[str, Any]
    text: bytes
    payload: tuple[bytes, bytes] | None


@dataclass(slots=True)
class _Session:
    number: str
    about: dict[str, Any]
    events: Iterator[_Made]
    entries: int = 0
    first: int = 0
    last: int = 0


class Chunk:
    """The entries ``first`` to ``first + size - 1``: made without the chain, then chained by :meth:`rows`."""

    def __init__(self, first: int, size: int, *, log: int, name: str, seed: int, steps_back: bool = False) -> None:
        self._first, self._size, self._log, self._name = first, size, log, name
        self._random = random.Random(f"{seed}:{first}")  # noqa: S311 - content, no secret
        self._steps_back = steps_back
        self._bursts: dict[int, bool] = {}
        self._approvals: list[_Approval] = []
        self._sessions: list[_Session] = []
        self._now = START
        self._placed = list(self._place())

    def rows(self, head: bytes) -> Rows:
        """The chunk behind ``head``, the hash of the entry before it."""
        rows = Rows(head=head)
        for each in self._placed:
            previous, rows.head = rows.head, self._hash(each, rows.head)
            rows.entries.append(self._entry(each, previous, rows.head))
            rows.event_ids.append(_row(self._log, each.fields["id"], each.seq))
            if each.payload is not None:
                value, salt = each.payload
                rows.payloads.append(_row(self._log, each.seq, value.decode(), _bytea(salt)))
        rows.approvals += [self._approval(each) for each in self._approvals if each.requested_seq is not None]
        rows.sessions += [
            _row(self._log, each.number, each.entries, each.first, each.last) for each in self._sessions if each.entries
        ]
        return rows

    def _place(self) -> Iterator[_Placed]:
        """The events in order, with their times; one session goes on, then another."""
        active = [self._session() for _ in range(min(_ACTIVE, max(1, self._size // 20)))]
        times = self._times()
        for seq in range(self._first, self._first + self._size):
            at = self._now = next(times)
            place = self._random.randrange(len(active))
            made = self._error() if self._random.random() < self._share_of_errors(at) else None
            while made is None:
                made = next(active[place].events, None)
                if made is None:
                    active[place] = self._session()
            yield self._placed_in(active[place], made, seq, at)

    def _placed_in(self, session: _Session, made: _Made, seq: int, at: datetime) -> _Placed:
        session.entries += 1
        session.first = session.first or seq
        session.last = seq
        if made.tells is not None:
            setattr(made.tells[0], made.tells[1], seq)
        event = {
            "id": self._id(at),
            "recorder": _RECORDER[made.writer],
            "recorder_seq": seq,
            "session_id": session.number,
            "ts": _time_text(at),
            **session.about,
            **made.fields,
        }
        payload = None
        if made.inputs is not None:
            payload = (_canonical(made.inputs), self._random.randbytes(32))
            event["inputs"] = hashlib.sha256(payload[1] + payload[0]).hexdigest()
        return _Placed(seq, event["ts"], session.entries, made.writer, event, _canonical(event), payload)

    def _times(self) -> Iterator[datetime]:
        """Several entries of one commit share their time. Each chunk begins where the one before must have ended."""
        mean = 60 / PER_MINUTE / (1 - _TOGETHER)
        at = START + timedelta(minutes=(self._first - 1) / PER_MINUTE)
        for number in range(self._size):
            if self._random.random() >= _TOGETHER:
                at += timedelta(seconds=self._random.expovariate(1 / mean) * 0.98)
            if self._steps_back and number == self._size // 2:
                at -= _STEP_BACK
            yield at

    def _share_of_errors(self, at: datetime) -> float:
        minute = int((at - START).total_seconds() // 60)
        if minute not in self._bursts:
            self._bursts[minute] = self._random.randrange(_BURST_EVERY) == 0
        return _IN_BURST if self._bursts[minute] else _OUTSIDE_BURST

    def _hash(self, each: _Placed, previous: bytes) -> bytes:
        return hash_of(
            line_of(
                each.text,
                log=self._name,
                prev_hash=previous.hex(),
                principal=None,
                recorded_at=each.at,
                seq=each.seq,
                session_seq=each.session_seq,
                writer=each.writer,
            )
        )

    def _entry(self, each: _Placed, previous: bytes, digest: bytes) -> str:
        event = each.fields
        searched = ("actor_id", "agent_id", "session_id", "tool", "side_effect")
        return _row(
            self._log,
            each.seq,
            each.session_seq,
            each.at,
            each.writer,
            _bytea(previous),
            _bytea(digest),
            each.text.decode(),
            event["id"],
            event["event_type"],
            *map(event.get, searched),
            event.get("decision", {}).get("outcome"),
            event.get("resource_type"),
            event.get("resource_id"),
        )

    def _approval(self, each: _Approval) -> str:
        until = _time_text(each.requested_at + timedelta(hours=24))
        return _row(
            self._log,
            each.request,
            each.requested_seq,
            each.tool,
            each.call_id,
            each.arguments_hash,
            each.actor,
            each.agent,
            until,
            each.decided_seq,
            each.outcome if each.decided_seq is not None else None,
            until if each.decided_seq is not None and each.outcome == "approved" else None,
            each.used_seq,
            each.self_attested if each.decided_seq is not None else None,
        )

    # ---- what happens in a session ----

    def _session(self) -> _Session:
        number = self._id(self._now)
        about = {
            "actor_id": f"user-{self._skewed(ACTORS)}",
            "actor_type": "user",
            "agent_id": f"agent-{self._skewed(AGENTS)}",
            "agent_version": "2026.1",
        }
        session = _Session(number, about, self._turns(about))
        self._sessions.append(session)
        return session

    def _turns(self, about: dict[str, Any]) -> Iterator[_Made]:
        patient = f"patient-{self._skewed(RESOURCES)}"
        place = {"resource_type": "patient", "resource_id": patient}
        for _ in range(1 + min(int(self._random.expovariate(0.2)), 60)):
            turn = {"turn_id": self._id(self._now)}
            yield _Made({"event_type": "request", **turn})
            yield _Made({"event_type": "model_call", "model": "model-1", **turn})
            yield _Made(
                {"event_type": "model_result", "model": "model-1", "input_tokens": 812, "output_tokens": 96, **turn}
            )
            for _ in range(self._random.choice((0, 1, 1, 2))):
                if self._random.random() < 0.75:
                    yield from self._reading({**turn, **place})
                else:
                    yield from self._acting(about, {**turn, **place})
            yield _Made({"event_type": "response", "status": "ok", **turn})

    def _reading(self, fields: dict[str, Any]) -> Iterator[_Made]:
        call = {**fields, "tool": self._random.choice(_READING), "call_id": self._call_id()}
        called = self._id(self._now)
        yield _Made({"event_type": "tool_call", "side_effect": False, "id": called, **call})
        yield _Made({"event_type": "tool_result", "status": "ok", "latency_ms": 31, "parent_id": called, **call})
        yield _Made({"event_type": "data_accessed", "parent_id": called, **call})

    def _acting(self, about: dict[str, Any], fields: dict[str, Any]) -> Iterator[_Made]:
        call = {**fields, "tool": self._random.choice(_ACTING), "call_id": self._call_id()}
        called = self._id(self._now)
        inputs = {"note": self._random.randbytes(60).hex(), "slot": f"{self._random.randrange(24):02}:00"}
        how = self._random.choices(list(_GOVERNED), cum_weights=_WEIGHTS)[0]
        made = {"event_type": "tool_call", "side_effect": True, "id": called, **call}
        if how == "no_decision":
            yield _Made(made, inputs=inputs)
        else:
            yield from self._governed(how, about, made, inputs)
        yield _Made({"event_type": "tool_result", "status": "ok", "latency_ms": 74, "parent_id": called, **call})
        yield _Made({"event_type": "data_modified", "parent_id": called, **call})

    def _governed(
        self, how: str, about: dict[str, Any], made: dict[str, Any], inputs: dict[str, str]
    ) -> Iterator[_Made]:
        """A call with what was asked and decided about it."""
        hashed = f"k1:{self._random.randbytes(32).hex()}"
        asked = {key: made[key] for key in made if key not in ("event_type", "side_effect", "id")}
        request, boss = self._id(self._now), f"boss-{self._random.randrange(40)}"
        held = _Approval(
            request, made["tool"], made["call_id"], hashed, about["actor_id"], about["agent_id"], self._now
        )
        held.outcome = "denied" if how == "denied" else "approved"
        held.self_attested = how == "self_attested"
        self._approvals.append(held)
        until = [f"valid_until={_time_text(held.requested_at + timedelta(hours=24))}"]
        yield _Made(
            {
                "event_type": "approval_requested",
                "id": request,
                "decision": {"arguments_hash": hashed},
                "scope": until,
                **asked,
            },
            inputs=inputs,
            tells=(held, "requested_seq"),
        )
        stated = {
            "arguments_hash": hashed,
            "at": _time_text(self._now),
            "by": boss,
            "outcome": held.outcome,
            "request": request,
        }
        told = {"event_type": "approval_decided", "actor_id": boss, "decision": stated, "scope": until}
        decided = _Made(
            {
                **told,
                "tool": made["tool"],
                "call_id": made["call_id"],
                "parent_id": request,
                "turn_id": made["turn_id"],
            },
            writer="agents" if held.self_attested else "approver",
            tells=(held, "decided_seq"),
        )
        if how in ("approved", "self_attested"):
            call = _Made({**made, "decision": stated}, inputs=inputs, tells=(held, "used_seq"))
        elif how == "by_caller":
            call = _Made({**made, "actor_id": boss}, inputs=inputs)
        elif how == "other_arguments":
            call = _Made(made, inputs={**inputs, "slot": "never"})
        else:
            call = _Made(made, inputs=inputs)
        yield from (call, decided) if how == "after_the_fact" else (decided, call)

    def _error(self) -> _Made:
        return _Made({"event_type": "error", "status": "timeout", "tool": self._random.choice(_READING)})

    def _skewed(self, count: int) -> int:
        """A number below ``count``; the n-th has a share of about 1/n."""
        return bisect_left(_harmonic(count), self._random.random())

    def _call_id(self) -> str:
        return f"call_{self._random.randbytes(9).hex()}"

    def _id(self, at: datetime) -> str:
        """A UUIDv7 as of ``at``."""
        digits = f"{int(at.timestamp() * 1000):012x}7{self._random.randbytes(10).hex()}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-8{digits[17:20]}-{digits[20:32]}"


_WEIGHTS: Final = list(accumulate(_GOVERNED.values()))
_RECORDER: Final = {
    "agents": "01970000-0000-7000-8000-00000000a6e7",
    "approver": "01970000-0000-7000-8000-00000000b055",
}
_SHARES: dict[int, list[float]] = {}


def _harmonic(count: int) -> list[float]:
    if count not in _SHARES:
        sums = list(accumulate(1 / (rank + 1) for rank in range(count)))
        _SHARES[count] = [each / sums[-1] for each in sums]
    return _SHARES[count]


def _canonical(fields: dict[str, Any]) -> bytes:
    """RFC 8785, as long as all is ASCII with nothing to escape: then it takes no more than sorted keys."""
    return msgspec.json.encode(fields, order="sorted")


def _time_text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def _row(*values: object) -> str:
    """A row of COPY; no value here holds a character that COPY would take for anything but itself."""
    return "\t".join("\\N" if value is None else str(value) for value in values) + "\n"


def _bytea(value: bytes) -> str:
    return "\\\\x" + value.hex()
