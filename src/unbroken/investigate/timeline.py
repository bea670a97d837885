"""A session as a person reads it: one item for each entry, in order, with what matters about it.

All texts of a timeline are printable (see :mod:`unbroken.investigate.printable`); nothing here knows of a terminal.
Give it entries that were verified: it shows what they say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event, decode_event
from unbroken.core.kinds import UNSCANNED, contained
from unbroken.core.times import is_time, parse_time
from unbroken.investigate.calls import NOT_EXECUTED, Fates, fates_of, is_in_place_of
from unbroken.investigate.content import folded
from unbroken.investigate.destroyed import told_gone
from unbroken.investigate.masked import counts_of, in_words
from unbroken.investigate.notes import NOTES
from unbroken.investigate.printable import printable
from unbroken.investigate.short_forms import MASKED, ShortForms
from unbroken.investigate.wording import NOTHING_GONE, told
from unbroken.investigate.words import Wording
from unbroken.verify.declaration import Declaration

SIDE_EFFECT: Final = "side effect"
NO_RESULT: Final = "no result"
NOT_RUN: Final = "not run"
REPLACED: Final = "run separately"
ERROR: Final = "error"
_SPOKEN: Final = frozenset({"request", "response", "conversation_started", "conversation_ended"})
_FOLDED_LINES: Final = 12
_FOLDED_CHARACTERS: Final = 1000
_CLASSIFICATIONS: Final = ("public", "internal", "confidential", "restricted")
"""From the least to the most strict."""


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One entry: ``facts`` are short additions to ``title``, ``lines`` its content, ``marks`` what nobody may miss.

    ``time`` is the recorder's ``ts`` (aware, UTC) and ``offset`` the time since the first item; both are ``None`` for
    an entry whose event can't be read. ``depth`` counts what the entry happened inside of: 0 for what people and the
    agent say, 1 for the work in between, and one more for each tool call around it. ``notes`` say what was masked where
    that isn't to be seen, and in a full timeline all that was, and how the event is classified; ``redactions`` count
    what was masked by kind, and ``contains`` are the flags that this raises. ``erased_with`` is the entry that tells
    that this one's content was erased, ``disposed_with`` the one that tells that it was disposed of.
    """

    seq: int
    session_seq: int | None
    time: datetime | None
    offset: timedelta | None
    kind: str
    actor: str
    title: str
    facts: tuple[str, ...]
    lines: tuple[str, ...]
    marks: tuple[str, ...]
    depth: int
    findings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    redactions: Mapping[str, int] = field(default_factory=dict)
    contains: tuple[str, ...] = ()
    classification: str | None = None
    domains: tuple[str, ...] = ()
    rules: str | None = None
    erased_with: int | None = None
    disposed_with: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a session's events say taken together; tokens and cost are the sums of its model results.

    ``recorded`` is when the log accepted the first and the last entry, as the line states it. ``classification`` is the
    strictest of them.
    """

    log: str
    session: str
    actors: tuple[str, ...]
    agents: tuple[str, ...]
    models: tuple[str, ...]
    captures: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    recorded: tuple[str, str]
    counts: Mapping[str, int]
    side_effects: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    contains: tuple[str, ...] = ()
    classification: str | None = None
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session's summary and its items."""

    summary: Summary
    items: tuple[TimelineItem, ...]


def timeline_of(
    entries: Sequence[StoredEntry],
    *,
    findings: Mapping[int, Sequence[str]] | None = None,
    full: bool = False,
    forms: ShortForms | None = None,
    gone: Mapping[int, Declaration] = NOTHING_GONE,
) -> Timeline:
    """The timeline of one session's entries, which stand in order of ``seq`` and are at least one.

    ``findings`` are what verification found, by ``seq``, and ``gone`` what declares payloads gone, by the ``seq`` of
    those that had them. Long texts are folded unless ``full``, and placeholders and pseudonyms shortened, or as
    ``forms`` has it.
    """
    forms = forms or ShortForms(full=full)
    read = [_event_of(entry) for entry in entries]
    _learn(forms, entries)
    events = [None if event is None else forms.event(event) for event in read]
    known = [event for event in events if event is not None]
    wordings = told(list(zip(entries, events, strict=True)), full=full, forms=forms, gone=gone)
    fates = fates_of([event for event in read if event is not None])
    depths = _depths(known)
    start = parse_time(known[0].ts) if known else None
    items = tuple(
        _unreadable(entry, found)
        if event is None or start is None
        else _without_content(
            _protected(
                _item(entry, event, wording, start=start, depth=depths[event.id], fates=fates, findings=found),
                event,
                full=full,
            ),
            gone.get(entry.seq),
            full=full,
        )
        for entry, event, wording in zip(entries, events, wordings, strict=True)
        for found in [tuple(printable(text) for text in (findings or {}).get(entry.seq, ()))]
    )
    return Timeline(_summary(entries, known, fates, items=items), items)


def _learn(forms: ShortForms, entries: Iterable[StoredEntry]) -> None:
    for entry in entries:
        forms.learn(entry.event.decode("utf-8", "replace"))
        for part in entry.parts.values():
            forms.learn(part.value.decode("utf-8", "replace"))


def _protected(item: TimelineItem, event: Event, *, full: bool) -> TimelineItem:
    """The item, with what was masked in its event and how it is classified."""
    counts = counts_of(event)
    contains = contained(event.redactions or ())
    domains = tuple(map(printable, event.domains or ()))
    masked = f"masked: {printable(in_words(counts))}"
    facts, notes = item.facts, []
    if full:
        said = (event.classification, ", ".join(domains), f"contains {', '.join(contains)}" if contains else None)
        notes = [*([masked] if counts else []), *([" · ".join(filter(None, said))] if any(said) else [])]
    elif _masked_unseen(item, counts):
        facts, notes = ((*facts, masked), []) if item.title or facts else (facts, [masked])
    return replace(
        item,
        facts=facts,
        notes=tuple(notes),
        redactions={printable(kind): number for kind, number in counts.items()},
        contains=contains,
        classification=event.classification,
        domains=domains,
        rules=None if event.rules is None else printable(event.rules),
    )


def _without_content(item: TimelineItem, gone: Declaration | None, *, full: bool) -> TimelineItem:
    """The item, with how its content went and which entry tells."""
    if gone is None:
        return item
    facts = (*item.facts, told_gone(gone, full=full))
    if gone.work == "erasure":
        return replace(item, facts=facts, erased_with=gone.seq)
    return replace(item, facts=facts, disposed_with=gone.seq)


def _masked_unseen(item: TimelineItem, counts: Mapping[str, int]) -> bool:
    """Whether something was masked that the item's own texts don't show as such, or was withheld."""
    seen = sum(len(MASKED.findall(text)) for text in (item.title, *item.facts, *item.lines))
    return sum(counts.values()) > seen or UNSCANNED in counts


def _event_of(entry: StoredEntry) -> Event | None:
    try:
        event = decode_event(entry.event)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return event if is_time(event.ts) else None


def _item(
    entry: StoredEntry,
    event: Event,
    wording: Wording,
    *,
    start: datetime,
    depth: int,
    fates: Fates,
    findings: tuple[str, ...],
) -> TimelineItem:
    time = parse_time(event.ts)
    return TimelineItem(
        seq=entry.seq,
        session_seq=entry.session_seq,
        time=time,
        offset=time - start,
        kind=event.event_type,
        actor=printable(f"{event.actor_id} ({event.actor_type})"),
        title=wording.title,
        facts=wording.facts,
        lines=wording.lines,
        marks=tuple(_marks(event, fates)),
        depth=depth,
        findings=findings,
    )


def _unreadable(entry: StoredEntry, findings: tuple[str, ...]) -> TimelineItem:
    return TimelineItem(
        seq=entry.seq,
        session_seq=entry.session_seq,
        time=None,
        offset=None,
        kind="unreadable",
        actor="",
        title="an event that this version can't read",
        facts=(),
        lines=folded(entry.event.decode("utf-8", "replace"), lines=_FOLDED_LINES, characters=_FOLDED_CHARACTERS),
        marks=(ERROR,),
        depth=0,
        findings=findings,
    )


def _marks(event: Event, fates: Fates) -> Iterable[str]:
    if _is_side_effect(event, fates):
        yield SIDE_EFFECT
    if event.id in fates.not_executed:
        yield NOT_RUN
    if event.id in fates.replaced:
        yield REPLACED
    if fates.is_open(event):
        yield NO_RESULT
    if _is_error(event):
        yield ERROR
    elif event.status not in (None, "ok") and not (event.event_type == "annotated" and event.status in NOTES):
        yield printable(event.status)


def _is_side_effect(event: Event, fates: Fates) -> bool:
    return event.side_effect is True and event.event_type == "tool_call" and fates.happened(event)


def _is_error(event: Event) -> bool:
    return event.event_type == "error" or event.status == "error"


def _depths(events: Sequence[Event]) -> dict[str, int]:
    """Each event's depth. Parents are looked for among earlier events only, so a false chain can't be endless."""
    inside: dict[str, int] = {}
    known: dict[str, Event] = {}
    depths: dict[str, int] = {}
    for event in events:
        cause = known.get(event.parent_id or "")
        inside[event.id] = inside.get(event.parent_id or "", 0) + (cause is not None and _is_inside(event, cause))
        known[event.id] = event
        depths[event.id] = inside[event.id] + (event.event_type not in _SPOKEN)
    return depths


def _is_inside(event: Event, cause: Event) -> bool:
    """Whether the event happened in the tool that ``cause`` called, rather than being told about that call."""
    told_about = event.event_type == "tool_result" or event.status == NOT_EXECUTED or is_in_place_of(event, cause)
    return cause.event_type == "tool_call" and not told_about


def _summary(
    entries: Sequence[StoredEntry], events: Sequence[Event], fates: Fates, *, items: Sequence[TimelineItem]
) -> Summary:
    results = [event for event in events if event.event_type == "model_result"]
    times = [parse_time(event.ts) for event in events]
    counts: dict[str, int] = {}
    for event in events:
        counts[event.event_type] = counts.get(event.event_type, 0) + 1
    return Summary(
        log=printable(entries[0].log),
        session=printable(next((event.session_id for event in events if event.session_id), "")),
        actors=_distinct(f"{event.actor_id} ({event.actor_type})" for event in events),
        agents=_distinct(_agent(event) for event in events),
        models=_distinct(event.model for event in events),
        captures=_distinct(event.capture for event in events),
        first=min(times, default=None),
        last=max(times, default=None),
        recorded=(printable(entries[0].recorded_at), printable(entries[-1].recorded_at)),
        counts=counts,
        side_effects=sum(_is_side_effect(event, fates) for event in events),
        errors=sum(_is_error(event) for event in events),
        input_tokens=sum(event.input_tokens or 0 for event in results),
        output_tokens=sum(event.output_tokens or 0 for event in results),
        cost_usd=sum((Decimal(event.cost_usd) for event in results if event.cost_usd), Decimal(0)),
        contains=tuple(sorted({flag for item in items for flag in item.contains})),
        classification=max(
            (item.classification for item in items if item.classification), key=_strictness, default=None
        ),
        domains=tuple(sorted({domain for item in items for domain in item.domains})),
    )


def _strictness(classification: str) -> int:
    return _CLASSIFICATIONS.index(classification)


def _agent(event: Event) -> str | None:
    name = event.agent_name or event.agent_id
    return f"{name} {event.agent_version}" if name and event.agent_version else name


def _distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(printable(text) for text in texts if text))
