"""What lists say of sessions and approvals, from verified lines: the database only finds the rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from unbroken.core.times import parse_time
from unbroken.investigate.short_forms import is_scanned
from unbroken.investigate.verified import Source, Verified, read_verified
from unbroken.store.log_reader import ApprovalRequest, SessionSummary
from unbroken.verify.finding import Finding

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """A row as its entries have it, and what is wrong with them or between them and what the database said."""

    row: Row
    findings: tuple[Finding, ...]
    entries: tuple[Verified, ...]

    @property
    def scanned(self) -> bool:
        """Whether redaction has seen what the row was made of."""
        return any(each.event is not None and is_scanned(each.event) for each in self.entries)


def listed_sessions(source: Source, rows: Iterable[SessionSummary]) -> list[Listed[SessionSummary]]:
    """Sessions: who, when and how many entries, from their ends' lines. Of errors the database's word is taken."""
    rows = list(rows)
    read = read_verified(source, (seq for row in rows for seq in (row.first_seq, row.last_seq)))
    return [_session(row, read) for row in rows]


def _session(row: SessionSummary, read: Mapping[int, Verified]) -> Listed[SessionSummary]:
    ends = tuple(read[seq] for seq in dict.fromkeys((row.first_seq, row.last_seq)))
    findings = [finding for end in ends for finding in end.findings]
    first, last = ends[0], ends[-1]
    for end, number in ((first, 1), (last, row.entries)):
        if end.event is not None and end.entry is not None:
            place = (end.event.session_id, end.entry.session_seq)
            if place != (row.session_id, number):
                findings.append(_disagrees(end, f"entry {number} of session {row.session_id}"))
    if first.event is not None and first.entry is not None:
        row = replace(
            row,
            first_at=parse_time(first.entry.recorded_at),
            actor_id=first.event.actor_id,
            agent_id=first.event.agent_id or row.agent_id,
        )
    if last.entry is not None:
        row = replace(row, last_at=parse_time(last.entry.recorded_at))
    return Listed(row, tuple(findings), ends)


def listed_approvals(source: Source, rows: Iterable[ApprovalRequest]) -> list[Listed[ApprovalRequest]]:
    """Requests: what was asked and decided, from both lines. That one was used is the database's word."""
    rows = list(rows)
    seqs = (seq for row in rows for seq in (row.seq, row.decided_seq) if seq is not None)
    read = read_verified(source, seqs)
    return [_approval(row, read) for row in rows]


def _approval(row: ApprovalRequest, read: Mapping[int, Verified]) -> Listed[ApprovalRequest]:
    asked = read[row.seq]
    decided = None if row.decided_seq is None else read[row.decided_seq]
    findings = [*asked.findings, *(() if decided is None else decided.findings)]
    if asked.event is not None and asked.entry is not None:
        event = asked.event
        if (event.event_type, event.id, event.tool, event.call_id) != (
            *("approval_requested", row.request),
            *(row.tool, row.call_id),
        ):
            findings.append(_disagrees(asked, f"request {row.request} as the database states it"))
        row = replace(
            row,
            tool=event.tool or row.tool,
            call_id=event.call_id or row.call_id,
            session_id=event.session_id,
            actor_id=event.actor_id,
            agent_id=event.agent_id,
            requested_at=parse_time(asked.entry.recorded_at),
        )
    if decided is not None and decided.event is not None and decided.entry is not None:
        decision = decided.event.decision
        if decision is None or decision.request != row.request or not _fits(row.state, decision.outcome):
            findings.append(_disagrees(decided, f"a decision on {row.request} after which it is {row.state}"))
        row = replace(row, decided_by=decided.event.actor_id, decided_at=_recorded(decided))
    return Listed(row, tuple(findings), tuple(end for end in (asked, decided) if end is not None))


def _fits(state: str, outcome: str | None) -> bool:
    """Whether a request can be in ``state`` after its newest decision said ``outcome``."""
    return outcome == ("denied" if state == "denied" else "approved")


def _recorded(verified: Verified) -> datetime | None:
    return None if verified.entry is None else parse_time(verified.entry.recorded_at)


def _disagrees(verified: Verified, expected: str) -> Finding:
    return Finding("column_disagrees", verified.seq, expected, "another one in its line", verified.log)
