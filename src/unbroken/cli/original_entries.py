"""Entries as they were before redaction: what is shown comes from verified lines and checked commitments alone."""

import hashlib
import hmac
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from unbroken.cli.original_reading import LOT, Desk
from unbroken.cli.reading import Reading
from unbroken.cli.report_view import finding_in_words
from unbroken.cli.vault_store import not_at_hand, wrapping_ids
from unbroken.core.canonical import canonical
from unbroken.core.commitment import PARTS, opens
from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError
from unbroken.investigate.destroyed import told_gone
from unbroken.investigate.verified import Verified, verified
from unbroken.privacy.prompts import HOLDERS, is_described
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.opening import AT_ONCE, Kind, Look, Opening, open_originals
from unbroken.privacy.vault.originals import EVENT
from unbroken.verify.accounting import ORIGINAL
from unbroken.verify.declaration import Declaration
from unbroken.verify.erased import Declaring, declarations_in, payload_of

SAID: Final = ("opened", "unchanged")
"""Outcomes in which all of what was said is there."""
NOT_KEPT: Final = "masked, and no original was kept of it"
DESCRIBED: Final = "of a prompt hash and length are recorded, as the registry says, and no original was kept of it"
UNTOLD: Final = "no entry tells of it, run `unbroken verify`"
UNDECLARED: Final = "gone, and no entry tells of it: run `unbroken verify`"
ALTERED: Final = "what is held of it is not what the entry says: run `unbroken verify`"


@dataclass(frozen=True, slots=True)
class Whole:
    """One entry: ``content`` are its parts as far as they are known, ``restored`` those that come from the original.

    ``texts`` are the event's own texts as they were given, by place. ``outcome`` is opened; unchanged, where nothing
    was masked; not_kept; or why not all of it can be had: erased, disposed of, locked, damaged.
    """

    seq: int
    verified: Verified
    outcome: str
    why: str = ""
    content: Mapping[str, Json] = field(default_factory=dict, repr=False)
    restored: frozenset[str] = frozenset()
    texts: Mapping[str, Json] = field(default_factory=dict, repr=False)
    opening: str | None = None
    key_ids: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all of what was said is there."""
        return self.outcome in SAID


def wholes(
    reading: Reading, wanted: Mapping[int, bool], *, keys: KeyEncryptions, kind: Kind = "open"
) -> Generator[Whole, None, None]:
    """Entries, in order, as they were before redaction; a few of them in memory at a time.

    ``wanted`` says by number whether an entry commits to an original. Raises :class:`ConfigurationError` where no
    key-encryption key of this vault is at hand, before anything is asked. Close it where it isn't read to its end: what
    came of an opening is recorded then.
    """
    desk, destroyed = Desk(reading), _Destroyed(reading.reader)
    if any(wanted.values()):
        _check_keys(desk, keys)
    for chunk in _chunks(wanted):
        asked = {seq for seq in chunk if wanted[seq]}
        with _opening(desk, reading, sorted(asked), keys=keys, kind=kind) as opening:
            for start in range(0, len(chunk), LOT):
                lot = reading.reader.entries_at(chunk[start : start + LOT])
                for entry, found in zip(lot, verified(lot, reading.reader), strict=True):
                    yield _whole(entry, found, opening if entry.seq in asked else None, destroyed)


def messages_of(value: Json) -> list[Json]:
    """The messages to a model that a part of a ``model_call`` holds; none of any other value."""
    new = value.get("new") if isinstance(value, dict) and "messages" in value else None
    if not isinstance(new, list):
        return []
    return [item["message"] for item in new if isinstance(item, dict) and "message" in item]


def is_exactly(value: Json, other: Json) -> bool:
    """Whether both are the same JSON; how long it takes says nothing of where they differ."""
    return hmac.compare_digest(_digest(value), _digest(other))


def _check_keys(desk: Desk, keys: KeyEncryptions) -> None:
    counts = desk.state()
    lacking, there = not_at_hand(counts, keys), wrapping_ids(counts)
    if there and len(lacking) == len(there):
        raise ConfigurationError(
            f"the keys of this vault are wrapped by {', '.join(there)}, and at hand is {', '.join(keys.ids)}: name the "
            "right one with --kek. Nothing was opened"
        )


def _opening(
    desk: Desk, reading: Reading, seqs: list[int], *, keys: KeyEncryptions, kind: Kind
) -> AbstractContextManager[Opening | None]:
    return open_originals(desk, reading.ticket, seqs, keys=keys, kind=kind) if seqs else nullcontext()


def _chunks(wanted: Mapping[int, bool]) -> Iterator[list[int]]:
    """The numbers in order, cut so that each piece asks for no more originals than one opening takes."""
    chunk: list[int] = []
    originals = 0
    for seq in sorted(wanted):
        if wanted[seq] and originals == AT_ONCE:
            yield chunk
            chunk, originals = [], 0
        chunk.append(seq)
        originals += wanted[seq]
    if chunk:
        yield chunk


class _Destroyed:
    """Which entry tells of a key's end: the log's own entries say so, and are read once somebody asks."""

    def __init__(self, source: Declaring) -> None:
        self._source = source
        self._told: dict[str, Declaration] | None = None

    def told_of(self, key_ids: Iterable[str]) -> Declaration | None:
        """What the first entry says that tells of one of these; ``None`` where none does."""
        if self._told is None:
            self._told = {key_id: each for each in declarations_in(self._source) for key_id in each.keys}
        told = (self._told[key_id] for key_id in key_ids if key_id in self._told)
        return min(told, key=lambda each: each.seq, default=None)


def _whole(entry: StoredEntry, found: Verified, opening: Opening | None, destroyed: _Destroyed) -> Whole:
    opened_as = None if opening is None else opening.id
    if found.event is None:
        if opening is not None:
            opening.failed()
        why = "; ".join(map(finding_in_words, found.findings))
        return Whole(entry.seq, found, "damaged", why, opening=opened_as)
    held = dict(_held(entry, found.event))
    if opening is None or found.event.original is None:
        why = _not_kept(found.event, held)
        return _judged(Whole(entry.seq, found, "not_kept" if why else "unchanged", why, held), found.event, entry)
    look = opening.look(entry.seq, event_id=found.event.id, commitment=found.event.original, digest=bytes(entry.hash))
    original = look.original or {}
    parts = {name: value for name, value in original.items() if name in PARTS}
    texts = original.get(EVENT)
    outcome, why = _outcome(look, found.erased.get(ORIGINAL), destroyed)
    whole = Whole(
        entry.seq,
        found,
        outcome,
        why,
        {**held, **parts},
        frozenset(parts),
        texts if isinstance(texts, dict) else {},
        opening=opened_as,
        key_ids=look.key_ids,
    )
    return _judged(whole, found.event, entry)


def _not_kept(event: Event, held: Mapping[str, Json]) -> str:
    """What something else is recorded of than was said; empty where nothing is."""
    if event.redactions:
        return NOT_KEPT
    is_prompts = event.event_type in HOLDERS and any(is_described(name, value) for name, value in held.items())
    return DESCRIBED if is_prompts else ""


def _judged(whole: Whole, event: Event, entry: StoredEntry) -> Whole:
    """The same, unless a part that would make it whole is gone or not what the entry says."""
    lacking = [name for name in PARTS if getattr(event, name) is not None and name not in whole.content]
    if not whole.is_whole or not lacking:
        return whole
    if any(name in entry.parts for name in lacking):
        return replace(whole, outcome="damaged", why=f"{', '.join(lacking)}: {ALTERED}")
    gone = payload_of(whole.verified.erased)
    told = UNDECLARED if gone is None else told_gone(gone)
    return replace(whole, outcome=_gone_by(gone), why=f"{', '.join(lacking)}: {told}")


def _outcome(look: Look, gone: Declaration | None, destroyed: _Destroyed) -> tuple[str, str]:
    """What came of opening an original, and why it did not open: with the entry that tells, where it is destroyed."""
    if look.outcome != "erased":
        return look.outcome, look.why
    if gone is not None:
        return _gone_by(gone), told_gone(gone)
    told = destroyed.told_of(look.key_ids) if look.key_ids else None
    why = f"{look.why}: {UNTOLD}" if told is None else f"{look.why}, as entry {told.seq:,} tells"
    return _gone_by(told), why


def _gone_by(declaration: Declaration | None) -> str:
    return "erased" if declaration is None or declaration.work == "erasure" else "disposed of"


def _held(entry: StoredEntry, event: Event) -> Iterator[tuple[str, Json]]:
    """The parts that are recorded and are what the line commits to."""
    for name, part in entry.parts.items():
        commitment = getattr(event, name)
        if commitment is not None and opens(commitment, salt=part.salt, value=part.value):
            try:
                value: Any = msgspec.json.decode(part.value)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                value = part.value.decode("utf-8", "replace")
            yield name, value


def _digest(value: Json) -> bytes:
    return hashlib.sha256(canonical(value)).digest()
