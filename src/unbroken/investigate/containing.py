"""Entries in which something personal or secret was found: by their lines, which kinds, and how many of each."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from unbroken.core.kinds import contained
from unbroken.investigate.investigations import Row, Shown, Span, Value, contradicted, facts_of
from unbroken.investigate.short_forms import is_scanned
from unbroken.investigate.verified import Source, Verified, read_verified
from unbroken.store.investigations import ContainingEntry
from unbroken.verify.finding import Finding

CONTAINS_COLUMNS: Final = (
    "seq", "recorded_at", "ts", "event_type", "actor_id", "agent_id", "session_id", "tool", "contains", "redactions",
    "classification", "domains", "rules", "writer", "hash",
)  # fmt: skip
_OF_LINE: Final = ("recorded_at", "ts", "event_type", "actor_id", "agent_id", "session_id", "tool", "writer", "hash")


def containing(
    found: Sequence[ContainingEntry],
    source: Source,
    *,
    flags: Collection[str],
    span: Span,
    shown: Shown,
) -> list[Row]:
    """Entries with at least one of ``flags``, in order; what was masked is as the event counts it."""
    read = read_verified(source, (each.seq for each in found))
    rows = []
    for each in found:
        entry = read[each.seq]
        said: dict[str, Value] = {
            name: getattr(each, name) for name in ("event_type", "session_id", "agent_id", "tool")
        }
        wrong = (*contradicted(entry, said, span), *_not_containing(each, entry, flags=flags))
        rows.append(
            Row(
                {"seq": each.seq, **_facts(entry)},
                tuple(dict.fromkeys((*entry.findings, *wrong))),
                scanned=entry.event is not None and is_scanned(entry.event),
            )
        )
        if entry.entry is not None:
            shown(entry.entry)
    return rows


def _facts(verified: Verified) -> dict[str, Value]:
    facts, event = facts_of(verified), verified.event
    values: dict[str, Value] = {name: facts[name] for name in _OF_LINE}
    if event is not None:
        values["contains"] = contained(event.redactions or ())
        values |= {name: getattr(event, name) for name in ("redactions", "classification", "domains", "rules")}
    return values


def _not_containing(each: ContainingEntry, entry: Verified, *, flags: Collection[str]) -> Iterator[Finding]:
    """Where the database says otherwise of an entry than what was masked in it does."""
    if entry.event is None or any("contains" in finding.expected for finding in entry.findings):
        return  # else it would be told twice
    expected = contained(entry.event.redactions or ())
    if tuple(each.contains) != expected or not set(flags) & set(expected):
        stated = f"contains = {', '.join(expected) or 'nothing'}, by what was masked in the event"
        yield Finding(
            "column_disagrees",
            entry.seq,
            stated,
            "another answer by the database",
            entry.log,
            session=entry.event.session_id,
        )
