"""Holding a log against what its recorders wrote down: the whole promise, event by event. Pure."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.journal import Note, token
from unbroken.core.entry import Head, StoredEntry
from unbroken.core.event import Event, decode_event


@dataclass
class Tally:
    """How many events were promised what, and every promise that was broken, in words.

    ``unknown`` counts events whose caller was told that the outcome isn't known, or was killed before it was told.
    """

    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    newest: Head | None = None

    @property
    def broken(self) -> list[str]:
        """All broken promises."""
        return [*self.lost, *self.doubled, *self.wrong]


@dataclass(frozen=True)
class _Found:
    entry: StoredEntry
    event: Event


def check(entries: Iterable[StoredEntry], journals: Mapping[str, Sequence[Note]]) -> Tally:
    """Checks each recorder's journal (by the recorder's name) against the log's entries, given in order."""
    found = [_Found(entry, decode_event(entry.event)) for entry in entries]
    told = [one for one in found if not one.event.event_type.startswith("log.")]
    there: dict[str, list[_Found]] = defaultdict(list)
    for one in told:
        there[one.event.call_id or ""].append(one)
    tally = Tally()
    meant: set[str] = set()
    for name, notes in journals.items():
        outcomes = {note.call: note for note in notes if note.what != "sent"}
        for sent in (note for note in notes if note.what == "sent"):
            tokens = [token(name, sent.call, index) for index in range(len(sent.ids))]
            meant.update(tokens)
            _check_call(tally, tokens, outcomes.get(sent.call), {name: there.get(name, []) for name in tokens})
    tally.wrong += [f"{name or 'an event'} is in the log and nobody sent it" for name in there.keys() - meant]
    _check_ids(tally, found)
    _check_numbers(tally, told, late=_unknown(journals))
    return tally


def _check_call(tally: Tally, tokens: list[str], outcome: Note | None, there: Mapping[str, list[_Found]]) -> None:
    present = [one for name in tokens for one in there[name][:1]]
    tally.doubled += [f"{name} is in the log {len(held)} times" for name, held in there.items() if len(held) > 1]
    if outcome is not None and outcome.what == "kept":
        tally.acknowledged += len(tokens)
        _check_receipts(tally, tokens, outcome, there)
    elif outcome is not None and outcome.what == "refused":
        tally.refused += len(tokens)
        tally.errors[outcome.error] += 1
        tally.wrong += [f"{one.event.call_id} was said not to be recorded, and is" for one in present]
    else:
        tally.unknown += len(tokens)
        tally.errors[outcome.error if outcome is not None else "no answer before the recorder's end"] += 1
        if outcome is not None and outcome.what == "failed":
            tally.wrong.append(f"{tokens[0]} met an error that says nothing: {outcome.error}")
    if 0 < len(present) < len(tokens):
        tally.wrong.append(f"of the batch of {tokens[0]} only {len(present)} of {len(tokens)} events are there")
    if any(later.entry.seq != earlier.entry.seq + 1 for earlier, later in pairwise(present)):
        tally.wrong.append(f"the batch of {tokens[0]} is not in one piece and in order")


def _check_receipts(tally: Tally, tokens: list[str], outcome: Note, there: Mapping[str, list[_Found]]) -> None:
    for name, (seq, digest) in zip(tokens, outcome.receipts, strict=True):
        stated = Head(seq, digest)
        if tally.newest is None or seq > tally.newest.seq:
            tally.newest = stated
        held = [Head(one.entry.seq, one.entry.hash.hex()) for one in there[name]]
        if stated not in held:
            where = f"it stands as {', '.join(map(str, held))}" if held else "it is not there"
            tally.lost.append(f"{name} was acknowledged as {stated}; {where}")


def _check_ids(tally: Tally, found: Iterable[_Found]) -> None:
    counted = Counter(one.event.id for one in found)
    tally.doubled += [f"event id {event_id} is there {count} times" for event_id, count in counted.items() if count > 1]


def _unknown(journals: Mapping[str, Sequence[Note]]) -> set[str]:
    """What stands for events that may arrive at any time, since nobody knows what became of them."""
    unknown = set()
    for name, notes in journals.items():
        told = {note.call for note in notes if note.what in ("kept", "refused")}
        given_up = [note for note in notes if note.what == "sent" and note.call not in told]
        unknown |= {token(name, sent.call, index) for sent in given_up for index in range(len(sent.ids))}
    return unknown


def _check_numbers(tally: Tally, found: Iterable[_Found], *, late: Container[str | None]) -> None:
    """Each recorder's numbers come once each, and ascend but for what came ``late``."""
    last: dict[str | None, int] = {}
    used: set[tuple[str | None, int]] = set()
    for one in found:
        call, recorder, number = one.event.call_id, one.event.recorder, one.event.recorder_seq or 0
        if (recorder, number) in used:
            tally.wrong.append(f"{call}: the recorder's number {number} is there twice")
        elif number <= last.get(recorder, 0) and call not in late:
            tally.wrong.append(f"{call}: the recorder's number {number} comes after {last[recorder]}")
        used.add((recorder, number))
        last[recorder] = max(number, last.get(recorder, 0))
