"""Answers to the questions that investigations begin with, made of verified lines.

The database only finds: which entries, and why. What a row says is read from the lines of these entries once they are
verified; where the database said something else, that is a finding beside the row. A value that no verified line
vouches for is ``None``, but for ``reason`` and ``role``: they are the database's, and held against the lines.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.core.times import format_time
from unbroken.investigate.reasons import Case, decision_of, not_about, refuted
from unbroken.investigate.short_forms import is_scanned
from unbroken.investigate.verified import Source, Verified, read_verified
from unbroken.store.investigations import AgentAction, ResourceAccess, UnapprovedCall
from unbroken.verify.finding import Finding

Value: TypeAlias = str | int | bool | tuple[str, ...] | None
Shown: TypeAlias = Callable[[StoredEntry], object]
"""Is told each verified entry that rows rest on, in the order of the rows; of some rows each entry once."""

FACTS: Final = (
    "recorded_at", "ts", "event_type", "actor_id", "agent_id", "session_id", "tool", "call_id", "side_effect",
    "outcome", "decision_by", "status", "resource_type", "resource_id", "writer", "hash",
)  # fmt: skip
"""What a row says of its entry, by the entry's line; ``hash`` is in hex, times are RFC 3339 in UTC."""
DECISION: Final = ("decided_seq", "decided_outcome", "decided_by", "decided_at", "decided_hash")
"""What a row says of the decision that the database named, by the decision's line."""
ACTION_COLUMNS: Final = ("seq", *FACTS)
CALL_COLUMNS: Final = ("seq", "reason", *FACTS, *DECISION)
ACCESS_COLUMNS: Final = ("seq", "role", *FACTS, *DECISION)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an answer: its values by column, what is wrong with it, and whether redaction has seen its entry."""

    values: Mapping[str, Value]
    findings: tuple[Finding, ...] = ()
    scanned: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The times in question: ``since <= recorded_at < until``, aware UTC; open where ``None``."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, recorded_at: str) -> bool:
        """Whether a time as a line states it lies in the span."""
        begun = self.since is None or recorded_at >= format_time(self.since)
        return begun and (self.until is None or recorded_at < format_time(self.until))


def actions(
    found: Sequence[AgentAction], source: Source, *, agent: str, actors: Sequence[str], span: Span, shown: Shown
) -> list[Row]:
    """What one agent did for one user, known by one or several ids."""
    read = read_verified(source, (each.seq for each in found))
    rows = []
    for each in found:
        entry = read[each.seq]
        said = _said(each, "event_type", "session_id", "tool", "side_effect", "outcome", "resource_type", "resource_id")
        wrong = contradicted(entry, {**said, "agent_id": agent, "actor_id": _one_of(entry, "actor_id", actors)}, span)
        rows.append(
            Row({"seq": each.seq, **facts_of(entry)}, _distinct(entry.findings, wrong), scanned=_is_scanned(entry))
        )
    _show(read, (each.seq for each in found), shown)
    return rows


def unapproved_calls(found: Sequence[UnapprovedCall], source: Source, *, span: Span, shown: Shown) -> list[Row]:
    """Calls with a side effect that were not approved, each with a reason that its lines were held against."""
    read, rows = _read_cases(found, source), []
    for each in found:
        case = _case(each, read)
        said = _said(each, "tool", "call_id", "session_id", "actor_id", "agent_id")
        unreasonable = (
            _disagrees(case.call, f"what the reason {each.reason} says", why) for why in refuted(each.reason, case)
        )
        rows.append(
            Row(
                {"seq": each.seq, "reason": each.reason, **facts_of(case.call), **_decided(case.decided)},
                _distinct(_findings_in(case), contradicted(case.call, said, span), unreasonable),
                scanned=_is_scanned(case.call),
            )
        )
    _show(read, _places(found), shown)
    return rows


def accesses(
    found: Sequence[ResourceAccess], source: Source, *, resources: Sequence[str], kind: str | None, shown: Shown
) -> list[Row]:
    """What names one resource, known by one or several ids, and who decided about it."""
    read, rows = _read_cases(found, source), []
    typed = {} if kind is None else {"resource_type": kind}
    for each in found:
        case = _case(each, read)
        asked_for = {"resource_id": _one_of(case.call, "resource_id", resources), **typed}
        said = {**_said(each, "event_type", "tool", "session_id", "actor_id", "agent_id"), **asked_for}
        rows.append(
            Row(
                {"seq": each.seq, "role": each.role, **facts_of(case.call), **_decided(case.decided)},
                _distinct(_findings_in(case), contradicted(case.call, said, Span()), _undecided(each, case)),
                scanned=_is_scanned(case.call),
            )
        )
    _show(read, _places(found), shown)
    return rows


def facts_of(verified: Verified) -> dict[str, Value]:
    """What an entry's line says under :data:`FACTS`; nothing of an entry that could not be verified."""
    entry, event = verified.entry, verified.event
    if entry is None or event is None:
        return dict.fromkeys(FACTS)
    envelope: dict[str, Value] = {
        "recorded_at": entry.recorded_at,
        "outcome": decision_of(event).outcome,
        "decision_by": decision_of(event).by,
        "writer": entry.writer,
        "hash": entry.hash.hex(),
    }
    return {name: envelope[name] if name in envelope else getattr(event, name) for name in FACTS}


def _is_scanned(verified: Verified) -> bool:
    return verified.event is not None and is_scanned(verified.event)


def _decided(decided: Verified | None) -> dict[str, Value]:
    """What the line of a decision says under :data:`DECISION`."""
    if decided is None:
        return dict.fromkeys(DECISION)
    facts = facts_of(decided)
    said = (decided.seq, facts["outcome"], facts["actor_id"], facts["recorded_at"], facts["hash"])
    return dict(zip(DECISION, said, strict=True))


def _read_cases(found: Sequence[UnapprovedCall] | Sequence[ResourceAccess], source: Source) -> dict[int, Verified]:
    return read_verified(source, (seq for seq in _places(found) if seq is not None))


def _places(found: Sequence[UnapprovedCall] | Sequence[ResourceAccess]) -> Iterator[int | None]:
    for each in found:
        yield from (each.seq, each.asked_seq, each.decided_seq)


def _case(each: UnapprovedCall | ResourceAccess, read: Mapping[int, Verified]) -> Case:
    decided, asked = (None if seq is None else read[seq] for seq in (each.decided_seq, each.asked_seq))
    return Case(read[each.seq], decided, asked)


def _findings_in(case: Case) -> Iterator[Finding]:
    for each in (case.call, case.asked, case.decided):
        if each is not None:
            yield from each.findings


def _undecided(each: ResourceAccess, case: Case) -> Iterator[Finding]:
    """What the lines say against the role and the approver that the database gave."""
    event, decided = case.call.event, None if case.decided is None else case.decided.event
    if event is None or (case.decided is not None and decided is None):
        return
    outcome = None if decided is None else decision_of(decided).outcome
    if each.role != _role(event, outcome):
        yield _disagrees(case.call, f"the role {_role(event, outcome)}", "another role in the database's answer")
    if each.approved_by != (decided.actor_id if decided is not None and outcome == "approved" else None):
        yield _disagrees(case.call, "who approved, as the decision states it", "somebody else in the database's answer")
    if decided is not None:
        for why in not_about(event, decided, case.asked):
            yield _disagrees(case.call, "a decision about this call", why)


def _role(event: Event, outcome: str | None) -> str:
    """What an event is to the resource that it names, ``outcome`` being what was decided about it."""
    if event.event_type == "approval_requested":
        return outcome or "asked"
    is_decision = event.event_type == "approval_decided" and outcome in ("approved", "denied")
    return outcome if is_decision and outcome is not None else "touched"


def _said(found: object, *names: str) -> dict[str, Value]:
    return {name: getattr(found, name) for name in names}


def _one_of(entry: Verified, name: str, wanted: Sequence[str]) -> str:
    """Which of the ids that were looked for the line should have: its own, where that is one of them."""
    own = facts_of(entry)[name]
    return own if isinstance(own, str) and own in wanted else wanted[0]


def contradicted(entry: Verified, said: Mapping[str, Value], span: Span) -> Iterator[Finding]:
    """Where the database's answer says something else than the line, unless the entry's own columns do so as well."""
    if entry.entry is None:
        return
    facts, known = facts_of(entry), {finding.expected for finding in entry.findings}
    for name, value in said.items():
        expected = f"{name} as the event states it"
        if facts[name] != value and expected not in known:
            yield _disagrees(entry, expected, f"another {name} in the database's answer")
    if not span.holds(entry.entry.recorded_at):
        yield _disagrees(entry, "a time in the span asked for", entry.entry.recorded_at)


def _disagrees(entry: Verified, expected: str, found: str) -> Finding:
    session = None if entry.event is None else entry.event.session_id
    return Finding("column_disagrees", entry.seq, expected, found, entry.log, session=session)


def _distinct(*findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(finding for some in findings for finding in some))


def _show(read: Mapping[int, Verified], places: Iterable[int | None], shown: Shown) -> None:
    for seq in dict.fromkeys(places):
        entry = None if seq is None else read[seq].entry
        if entry is not None:
            shown(entry)
