"""What a log with a vault must hold, open and find: a plain account of it, kept beside the database.

It knows no SQL, no cipher and no chain: people, keys, entries, and who may still be opened and found.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from unbroken.core.normalise import Json
from unbroken.privacy.vault.holders import Holder

_EVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """One recorded event; ``original`` is what has to come out of the vault, ``keys`` what it takes for that."""

    seq: int
    event_id: str
    digest: bytes
    at: datetime
    actor: str
    is_person: bool
    subjects: frozenset[str]
    session: str | None
    original: Json
    commitment: str | None
    keys: frozenset[str]
    payload: bool = True

    @property
    def names(self) -> frozenset[str]:
        """Everybody whom it names."""
        return self.subjects | {self.actor}


@dataclass
class Key:
    """A vault key of the pool, or of its holder."""

    holder: Holder | None = None
    order: int = 0
    destroyed: bool = False


@dataclass(frozen=True)
class Known:
    """A pseudonym's mapping."""

    name: str
    is_first: bool


@dataclass(frozen=True)
class Erasure:
    """How far one has come: asked, confirmed, withdrawn, begun, done."""

    ids: frozenset[str]
    with_acted: bool
    state: str = "asked"
    upto: datetime | None = None
    prepared: frozenset[str] = frozenset()
    reached: int = 0


@dataclass(frozen=True)
class Order:
    """What the ledger outside holds of an erasure."""

    erasure: str
    ids: frozenset[str]
    keys: frozenset[str]
    with_acted: bool
    upto: datetime


@dataclass(frozen=True)
class Amounts:
    """What there is of a person."""

    as_subject: int
    as_actor: int
    payloads: int
    originals: int
    shared: int
    kept: int


@dataclass
class World:
    """One database, which a backup is a copy of."""

    entries: dict[int, Entry] = field(default_factory=dict)
    people: dict[str, Known] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    keys: dict[str, Key] = field(default_factory=dict)
    wrapped_by: dict[str, str] = field(default_factory=dict)
    """By key, of those that there are."""
    erasures: dict[str, Erasure] = field(default_factory=dict)
    is_open: bool = True

    # ---- people and keys ----

    def pseudonyms_of(self, name: str) -> set[str]:
        """All that lead to a name."""
        return {pseudonym for pseudonym, known in self.people.items() if known.name == name}

    def first_of(self, name: str) -> str | None:
        """What a name is recorded as."""
        return next((each for each, known in self.people.items() if known == Known(name, is_first=True)), None)

    def namesakes(self, pseudonym: str) -> set[str]:
        """Those of the same name, itself among them."""
        known = self.people.get(pseudonym)
        return {pseudonym} | (set() if known is None else self.pseudonyms_of(known.name))

    def key_of(self, holder: Holder) -> str | None:
        """The key that a holder has. Somebody who was erased keeps a key that is destroyed; all others get new ones."""
        keeps = holder.kind == "subject" and holder.name in self.forgotten
        names = self.namesakes(holder.name) if holder.kind == "subject" else {holder.name}
        theirs = [
            (key.destroyed, key.order, key_id)
            for key_id, key in self.keys.items()
            if key.holder in {Holder(holder.kind, name) for name in names} and (keeps or not key.destroyed)
        ]
        return min(theirs)[2] if theirs else None

    def free(self) -> set[str]:
        """Keys of the pool."""
        return {key_id for key_id, key in self.keys.items() if key.holder is None and not key.destroyed}

    def opens(self, entry: Entry) -> bool:
        """Whether its original has to open."""
        return entry.commitment is not None and entry.payload and entry.keys <= self.wrapped_by.keys()

    # ---- erasing ----

    def sessions_of(self, ids: Collection[str], upto: datetime = _EVER) -> set[str]:
        """Those in which somebody acts or is named until a time."""
        return {each.session for each in self.entries.values() if each.session and self._names(each, ids, upto)}

    def keys_of_person(self, ids: Collection[str], upto: datetime = _EVER) -> frozenset[str]:
        """Their own and their sessions', of those that are not destroyed."""
        sessions = {Holder("session", session) for session in self.sessions_of(ids, upto)}
        holders = {Holder("subject", each) for each in ids} | sessions
        return frozenset(k for k, key in self.keys.items() if key.holder in holders and not key.destroyed)

    def is_about(self, entry: Entry, ids: Collection[str], *, with_acted: bool, upto: datetime = _EVER) -> bool:
        """Whether what it holds goes with a person."""
        if entry.at > upto:
            return False
        if entry.subjects:
            return bool(entry.subjects & set(ids)) or (with_acted and entry.actor in ids)
        return entry.actor in ids or (not entry.is_person and entry.session in self.sessions_of(ids, upto))

    def amounts(self, ids: Collection[str], *, with_acted: bool) -> Amounts:
        """What there is of somebody."""
        about = [each for each in self.entries.values() if self.is_about(each, ids, with_acted=with_acted)]
        theirs = [each for each in self.entries.values() if each.names & set(ids) or each in about]
        return Amounts(
            as_subject=sum(bool(each.subjects & set(ids)) for each in theirs),
            as_actor=sum(each.actor in ids for each in theirs),
            payloads=sum(each.payload for each in about),
            originals=sum(each.payload and each.commitment is not None for each in about),
            shared=sum(bool(each.subjects - set(ids)) for each in about),
            kept=sum(each.payload for each in theirs if each not in about and each.actor in ids),
        )

    def _names(self, entry: Entry, ids: Collection[str], upto: datetime) -> bool:
        return entry.at <= upto and bool(entry.names & set(ids))

    def without_key(self, ids: Iterable[str]) -> set[str]:
        """Those of these pseudonyms that never had a key of their own."""
        return {each for each in ids if not any(key.holder == Holder("subject", each) for key in self.keys.values())}

    def destroy(self, ids: Iterable[str], keys: Iterable[str]) -> None:
        """Keys and mapping are gone."""
        for key_id in keys:
            self.keys[key_id].destroyed = True
            self.wrapped_by.pop(key_id, None)
        self.forget(ids)

    def forget(self, ids: Iterable[str]) -> None:
        """Mapping is gone."""
        for each in ids:
            self.forgotten.add(each)
            self.people.pop(each, None)

    def batch(self, erasure: str, limit: int) -> tuple[int, ...]:
        """The next entries of an erasure lose what they hold; which they are."""
        case = self.erasures[erasure]
        assert case.upto is not None
        due = [seq for seq in sorted(self.entries) if seq > case.reached and self._is_due(self.entries[seq], case)][
            :limit
        ]
        for seq in due:
            self.entries[seq] = replace(self.entries[seq], payload=False)
        self.forget(self._without_payload({name for seq in due for name in self.entries[seq].names}))
        if due:
            self.erasures[erasure] = replace(case, reached=due[-1])
        return tuple(due)

    def _is_due(self, entry: Entry, case: Erasure) -> bool:
        return entry.payload and self.is_about(entry, case.ids, with_acted=case.with_acted, upto=case.upto or _EVER)

    def _without_payload(self, ids: Iterable[str]) -> set[str]:
        """All pseudonyms of those of these people of whom nothing that was said is left."""
        people = [self.namesakes(each) for each in ids if each in self.people]
        gone = [each for each in people if not any(e.payload and e.names & each for e in self.entries.values())]
        return set().union(*gone)

    def is_through(self, erasure: str) -> bool:
        """Whether nothing is left to destroy."""
        case = self.erasures[erasure]
        return not case.ids & self.people.keys() and not any(self._is_due(each, case) for each in self.entries.values())
