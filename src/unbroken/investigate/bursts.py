"""Errors by the minute, counted anew from the error entries themselves, once they are verified."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeAlias

from unbroken.core.times import format_time
from unbroken.investigate.investigations import Row, Shown, Span
from unbroken.investigate.verified import CHUNK, Source, Verified, read_verified
from unbroken.store.investigations import ErrorBurst
from unbroken.verify.finding import Finding, FindingList

BURST_COLUMNS: Final = ("minute", "errors", "agents", "sessions", "first_seq", "last_seq")
_MINUTE: Final = timedelta(minutes=1)

SeqsOf: TypeAlias = Callable[[Span], Iterable[int]]
"""Gives the numbers of the error entries in a span, bounded on both sides, as the database knows them."""


@dataclass
class _Count:
    """What verified error entries add up to."""

    seqs: set[int] = field(default_factory=set)
    agents: set[str | None] = field(default_factory=set)
    sessions: set[str | None] = field(default_factory=set)

    def values(self) -> dict[str, int | None]:
        """By column, but for the minute."""
        return {
            "errors": len(self.seqs),
            "agents": len(self.agents - {None}),
            "sessions": len(self.sessions - {None}),
            "first_seq": min(self.seqs, default=None),
            "last_seq": max(self.seqs, default=None),
        }


def bursts(found: Sequence[ErrorBurst], source: Source, *, span: Span, seqs_of: SeqsOf, shown: Shown) -> list[Row]:
    """Minutes and their errors; ``span`` is what was asked for."""
    spans = [_within(each.minute, span) for each in found]
    return [
        _row(each, source, within=within, seqs=seqs_of(within), shown=shown)
        for each, within in zip(found, spans, strict=True)
    ]


def _within(minute: datetime, span: Span) -> Span:
    """The part of a minute that lies in the span."""
    end = minute + _MINUTE
    return Span(max(minute, span.since or minute), min(end, span.until or end))


def _row(each: ErrorBurst, source: Source, *, within: Span, seqs: Iterable[int], shown: Shown) -> Row:
    count, findings = _Count(), FindingList()
    # One more than the database counts shows that it miscounts; a list without end shows no more.
    for entry in _verified(source, islice(seqs, each.errors + 1)):
        for finding in entry.findings:
            findings.add(finding)
        if entry.entry is None or entry.event is None:
            continue
        if entry.event.event_type == "error" and within.holds(entry.entry.recorded_at):
            count.seqs.add(entry.seq)
            count.agents.add(entry.event.agent_id)
            count.sessions.add(entry.event.session_id)
            shown(entry.entry)
        else:
            findings.add(Finding("column_disagrees", entry.seq, "an error of this minute", "another entry", entry.log))
    values = count.values()
    for name, value in values.items():
        if getattr(each, name) != value:
            findings.add(_miscounted(each, source.log, name=name, value=value))
    return Row({"minute": format_time(each.minute), **values}, tuple(findings.kept))


def _miscounted(each: ErrorBurst, log: str, *, name: str, value: int | None) -> Finding:
    expected = f"{name} = {value} by the entries that could be verified"
    return Finding("column_disagrees", each.first_seq, expected, f"{getattr(each, name)} in the database's answer", log)


def _verified(source: Source, seqs: Iterable[int]) -> Iterator[Verified]:
    left = iter(seqs)
    while some := list(islice(left, CHUNK)):
        yield from read_verified(source, some).values()
