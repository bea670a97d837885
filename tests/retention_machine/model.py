"""What a log has to keep, what may go and what must not: a plain account of it, kept beside the database.

It knows no SQL and no chain. Who a person is, what is about them and which keys they have: as where people are erased.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tests.erasing.model import Erasure
from tests.erasing.model import World as People
from tests.retention_machine.policies import PARTS, Due, Policy, PolicySet, due_of
from tests.retention_machine.scopes import PEOPLE as NAMING
from tests.retention_machine.scopes import Entry, Scope, covers
from unbroken.privacy.vault.holders import Holder


@dataclass
class Proposal:
    """A version of the policies: ``state`` is proposed, confirmed or withdrawn."""

    policies: PolicySet
    by: str
    state: str = "proposed"


@dataclass
class Version:
    """A scope of a hold, which ends some days after it was narrowed or released."""

    scope: Scope
    ended: bool = False
    in_grace: bool = False

    @property
    def is_in_force(self) -> bool:
        """Grace periods here are none at all, or longer than a test."""
        return not self.ended or self.in_grace


@dataclass
class Hold:
    """A matter, with the scopes that it had one after the other."""

    versions: list[Version]
    grace_days: int
    released: bool = False


@dataclass
class Change:
    """Somebody wants a hold narrowed to ``scope``, or released; bound to the version that there was."""

    hold: str
    scope: Scope | None
    by: str
    version: int
    state: str = "asked"


@dataclass
class Standing:
    """Policies whose expiry nobody is asked about, as they were when it was asked for.

    ``state`` is asked, confirmed or ended.
    """

    policies: frozenset[Policy]
    by: str
    state: str = "asked"


@dataclass(frozen=True)
class Decision:
    """What reviewers took out: kept until a day, or in other domains; of these kinds or these numbers."""

    kinds: frozenset[tuple[str, frozenset[str], frozenset[str]]]
    seqs: frozenset[int]
    until: datetime | None
    domains: frozenset[str] | None
    nth: int

    def is_for(self, entry: Entry) -> bool:
        """Whether an entry is one of them."""
        return entry.seq in self.seqs or entry.kind in self.kinds


@dataclass
class Disposal:
    """One round, under the policies of one version.

    ``state`` is its last step: started, frozen, proposed, reviewed, approved, begun, emptied, gone, done; or withdrawn.
    """

    standing: bool
    upto: int
    by: str
    version: str
    state: str = "started"
    lots: list[tuple[str, list[int]]] = field(default_factory=list)
    """Of which part, or both, each is, and its numbers."""
    done_lots: int = 0
    sha256: str = "0" * 64
    reviewed_by: str | None = None
    is_decided_anew: bool = False
    """Since the review."""
    was_approved: bool = False
    decisions: list[Decision] = field(default_factory=list)

    @property
    def candidates(self) -> list[int]:
        """All of them."""
        return [seq for _, lot in self.lots for seq in lot]

    @property
    def is_open(self) -> bool:
        """Whether another of its kind has to wait."""
        return self.state not in ("done", "withdrawn")

    @property
    def listed(self) -> set[int]:
        """What is on its list and waits for it."""
        waits = self.is_open and self.state not in ("started", "frozen")
        return {seq for _, lot in self.lots[self.done_lots :] for seq in lot} if waits else set()

    def is_stuck(self, world: "World") -> bool:
        """Whether it goes no further, as nothing is due, or the policies or approvals changed: it is started anew."""
        if self.state not in ("started", "frozen"):
            return False
        return not self.candidates or self.version != world.version or not world.all_standing(self)


@dataclass
class World(People):
    """One database."""

    entries: dict[int, Entry] = field(default_factory=dict)  # type: ignore[assignment]
    sets: dict[str, Proposal] = field(default_factory=dict)
    starts: dict[str, datetime] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    disposals: dict[str, Disposal] = field(default_factory=dict)
    quiet: set[str] = field(default_factory=set)
    """Keys that nobody asked for lately."""
    spent: set[str] = field(default_factory=set)
    """Keys that opened nothing any more, and had to stay, when the last of it went."""
    despite_floors: set[str] = field(default_factory=set)
    """Erasures that go on where a law asks to keep."""

    # ---- what is to be kept ----

    @property
    def version(self) -> str:
        """Of the policies in force: the newest that were confirmed."""
        confirmed = [int(version) for version, each in self.sets.items() if each.state == "confirmed"]
        return str(max(confirmed, default=0))

    @property
    def rules(self) -> PolicySet | None:
        """The policies in force."""
        return self.sets[self.version].policies if self.version in self.sets else None

    def due(self, entry: Entry) -> dict[str, Due]:
        """What the policies say of each part that an entry has; nothing where there are none."""
        if self.rules is None:
            return {}
        domains = self._domains(entry)
        return {
            part: due_of(
                self.rules.of(entry.event_type, domains, part), at=entry.at, scope=entry.scope, starts=self.starts
            )
            for part in entry.parts
        }

    def due_parts(self, entry: Entry, now: datetime) -> frozenset[str]:
        """The parts that nothing but a hold asks to keep, and that are to go."""
        extended = max((d.until for d in self._decisions(entry, standing=True) if d.until), default=now)
        return frozenset(part for part, due in self.due(entry).items() if due.is_due(now) and extended <= now)

    def listed_as(self, entry: Entry, parts: frozenset[str]) -> str:
        """What an entry of which these parts go is listed as."""
        splits = self.rules is not None and self.rules.splits(entry.event_type, self._domains(entry))
        (only, *more) = sorted(parts)
        return only if splits and not more else "both"

    def _domains(self, entry: Entry) -> frozenset[str]:
        relabelled = self._relabelled(entry)
        return entry.domains if relabelled is None else relabelled

    def _relabelled(self, entry: Entry) -> frozenset[str] | None:
        """The domains that it has now, if it was put into others."""
        made = [d for d in self._decisions(entry, standing=False) if d.domains is not None]
        return made[-1].domains if made else None

    def _decisions(self, entry: Entry, *, standing: bool) -> list[Decision]:
        """Those about an entry, in their order; ``standing`` ones count though the disposal is not approved."""
        made = [
            decision
            for disposal in self.disposals.values()
            if entry.seq <= disposal.upto and (standing or disposal.was_approved)
            for decision in disposal.decisions
            if decision.is_for(entry)
        ]
        return sorted(made, key=lambda decision: decision.nth)

    # ---- what is held ----

    def scopes(self) -> list[Scope]:
        """All that are in force."""
        return [each.scope for hold in self.holds.values() for each in hold.versions if each.is_in_force]

    def is_held(self, entry: Entry) -> bool:
        """Whether a hold covers it."""
        return any(covers(scope, entry, self.namesakes) for scope in self.scopes())

    def held(self) -> set[int]:
        """The numbers of all that are held."""
        scopes = self.scopes()
        return {e.seq for e in self.entries.values() if any(covers(scope, e, self.namesakes) for scope in scopes)}

    # ---- what goes ----

    def candidates(self, name: str, now: datetime) -> tuple[dict[int, str], dict[int, str]]:
        """What a disposal has to list, and what at most, and as what: what is due and not held, nor listed by another.

        Those are its own of which all policies were approved beforehand, or of which not all were.
        """
        disposal = self.disposals[name]
        others = {seq for other, each in self.disposals.items() if other != name for seq in each.listed}
        held = self.held()
        may = {
            entry.seq: self.listed_as(entry, parts)
            for entry in self.entries.values()
            if entry.seq <= disposal.upto
            and entry.seq not in held
            and (parts := self.due_parts(entry, now))
            and self.is_standing(entry, parts) == disposal.standing
        }
        return {seq: part for seq, part in may.items() if seq not in others}, may

    def all_standing(self, disposal: Disposal) -> bool:
        """Whether a list that was made under approvals can still count on them."""
        return not disposal.standing or all(
            self.is_standing(self.entries[seq], PARTS if part == "both" else frozenset([part]))
            for part, lot in disposal.lots
            for seq in lot
        )

    def standing_policies(self) -> frozenset[str]:
        """Those whose expiry nobody is asked about, as long as they are what was approved of."""
        valid = [each.policies for each in self.standings.values() if each.state == "confirmed"]
        present = frozenset(self.rules.all if self.rules else ())
        return frozenset(each.id for each in present.intersection(frozenset[Policy]().union(*valid)))

    def is_standing(self, entry: Entry, parts: frozenset[str]) -> bool:
        """Whether all policies that these parts of an entry fall under are such."""
        policies = {policy for part, due in self.due(entry).items() if part in parts for policy in due.policies}
        return policies <= self.standing_policies()

    def goes(self, disposal: Disposal, part: str, seqs: Iterable[int], now: datetime) -> dict[int, frozenset[str]]:
        """Of a lot's entries the parts that are destroyed: there, due, not held, and that nobody took out."""
        held = self.held()
        listed = PARTS if part == "both" else frozenset([part])
        found = {}
        for entry in (self.entries[seq] for seq in seqs):
            due = self.due_parts(entry, now)
            if (
                due & listed
                and entry.seq not in held
                and not any(decision.is_for(entry) for decision in disposal.decisions)
                and (not disposal.standing or self.is_standing(entry, due))
            ):
                found[entry.seq] = due & listed
        return found

    def dispose(self, goes: Mapping[int, frozenset[str]]) -> set[str]:
        """These lose these parts; and whoever has nothing sealed any more, and was quiet for long, their key."""
        keys: set[str] = set()
        for seq, parts in goes.items():
            entry = self.entries[seq]
            keys |= entry.keys if "originals" in parts and entry.has_original else set()
            self.entries[seq] = replace(
                entry,
                payload=entry.payload and "payloads" not in parts,
                has_original=entry.has_original and "originals" not in parts,
            )
        seen = {key for key in keys | self.spent & self.quiet if not self.keys[key].destroyed}
        spent = {key for key in seen if not self._has_sealed(self.keys[key].holder)}
        idle = spent & self.quiet - self.held_keys(spent)
        self.spent = (self.spent - seen | spent) - idle
        self.destroy([], idle)
        return idle

    def _has_sealed(self, holder: Holder | None) -> bool:
        assert holder is not None
        sealed = [entry for entry in self.entries.values() if entry.has_original]
        if holder.kind == "session":
            return any(entry.session == holder.name for entry in sealed)
        ids = self.namesakes(holder.name)
        return any(entry.subjects & ids or (not entry.subjects and entry.actor in ids) for entry in sealed)

    # ---- who is erased ----

    def about(self, case: Erasure) -> list[Entry]:
        """What an erasure has still to destroy, held or not."""
        upto = case.upto or datetime.max.replace(tzinfo=UTC)
        return [
            entry
            for entry in self.entries.values()
            if (entry.payload or entry.has_original)
            and self.is_about(entry, case.ids, with_acted=case.with_acted, upto=upto)
        ]

    def touches_held(self, case: Erasure) -> bool:
        """Whether an erasure would destroy anything that a hold keeps: what is about the person, a key, or the name."""
        held = self.held()
        if any(entry.seq in held for entry in self.about(case)):
            return True
        return bool(case.ids & self.people.keys() and self.is_name_held(case.ids)) or bool(
            self.held_keys(case.prepared)
        )

    def is_name_held(self, ids: Collection[str]) -> bool:
        """Whether a hold names somebody, or covers an entry that does."""
        return not self._named().isdisjoint(ids) or any(self.entries[seq].names & set(ids) for seq in self.held())

    def _named(self) -> set[str]:
        """All pseudonyms of those whom holds name."""
        given = {each for scope in self.scopes() for key in NAMING for each in scope.get(key, ())}
        return {every for each in given for every in self.namesakes(each)}

    def held_keys(self, keys: Iterable[str]) -> set[str]:
        """Keys that have to stay: what is held takes them, or a hold names whose they are."""
        held = self.held()
        used = {key for seq in held if self.entries[seq].has_original for key in self.entries[seq].keys}
        return {key for key in keys if key in used or self._is_named(self.keys[key].holder)}

    def _is_named(self, holder: Holder | None) -> bool:
        if holder is None:
            return False
        if holder.kind == "session":
            return any(holder.name in scope.get("sessions", ()) for scope in self.scopes())
        return holder.name in self._named()

    def erase(self, seqs: Iterable[int]) -> None:
        """These lose what they hold, and whoever nothing is left of a name."""
        gone = list(seqs)
        for seq in gone:
            self.entries[seq] = replace(self.entries[seq], payload=False, has_original=False)
        names = self._without_payload({name for seq in gone for name in self.entries[seq].names})
        self.forget([each for each in names if not self.is_name_held(self.namesakes(each))])
