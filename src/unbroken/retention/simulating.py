"""What other policies would change, for how many entries: told before they are in force."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from unbroken.retention.due import Due
from unbroken.retention.reckoning import Kind, Reckoning, Stock, by_part

WORDS: Final = {
    "entries": "hold something",
    "newly_due": "would be due at once, and are not now",
    "no_longer_due": "are due now, and would not be any more",
    "sooner": "would be due sooner than now",
    "later": "would be due later than now, or nobody knows when",
    "due_before": "are due now",
    "due_after": "would be due",
    "conflicts_before": "are in a conflict of floor and ceiling now",
    "conflicts_after": "would be in a conflict of floor and ceiling",
    "unknown_before": "wait for a start event now",
    "unknown_after": "would wait for a start event",
    "held": "are under a legal hold, and stay whatever the policies say",
}
"""What is counted, in the words of whoever decides by it. Held entries count as due for neither side.

An entry counts for each of its parts where either side has policies for one part alone.
"""


@dataclass(slots=True)
class Change:
    """What changes for one class, in entries; see :data:`WORDS`."""

    kind: Kind
    before: tuple[str, ...]
    after: tuple[str, ...]
    entries: int = 0
    newly_due: int = 0
    no_longer_due: int = 0
    sooner: int = 0
    later: int = 0

    @property
    def changes(self) -> bool:
        """Whether anything about when it goes is another than now."""
        return bool(self.newly_due or self.no_longer_due or self.sooner or self.later)


@dataclass(slots=True)
class Simulation:
    """Two sets of policies held against each other at one moment; ``before`` is what is in force."""

    before: Reckoning
    after: Reckoning
    now: datetime
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WORDS, 0))
    _changes: dict[Kind, Change] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        """The classes for which something changes, those first of which most would go at once."""
        found = [change for change in self._changes.values() if change.changes]
        return sorted(found, key=lambda each: (-each.newly_due, -each.sooner, -each.later, each.kind.event_type))

    def add(self, stock: Stock) -> None:
        """Counts what there is under both."""
        for each in by_part(stock, self.before, self.after):
            self._add(each)

    def _add(self, stock: Stock) -> None:
        before = self.before.due(stock.kind, stock.recorded_at, extended=stock.extended)
        after = self.after.due(stock.kind, stock.recorded_at, extended=stock.extended)
        free = stock.entries - stock.held
        self._count("entries", stock.entries)
        self._count("held", stock.held)
        for name, due in (("before", before), ("after", after)):
            self._count(f"due_{name}", free if due.is_due(self.now) else 0)
            self._count(f"conflicts_{name}", stock.entries if due.conflicts(self.now) else 0)
            self._count(f"unknown_{name}", stock.entries if due.waits else 0)
        change = self._of(stock.kind)
        change.entries += stock.entries
        self._compare(change, before, after, free=free, entries=stock.entries)

    def _compare(self, change: Change, before: Due, after: Due, *, free: int, entries: int) -> None:
        was, is_now = before.is_due(self.now), after.is_due(self.now)
        what = ("no_longer_due" if was else "newly_due") if was != is_now else None
        if what is not None:
            self._count(what, free)
            setattr(change, what, getattr(change, what) + free)
        # What goes at once under both goes at the same time.
        if not (was and is_now) and (moved := _moved(before.due_from, after.due_from)) is not None:
            self._count(moved, entries)
            setattr(change, moved, getattr(change, moved) + entries)

    def _of(self, kind: Kind) -> Change:
        if kind not in self._changes:
            before, after = (tuple(each.id for each in side.policies(kind)) for side in (self.before, self.after))
            self._changes[kind] = Change(kind, before, after)
        return self._changes[kind]

    def _count(self, name: str, number: int) -> None:
        self.counts[name] += number


def _moved(before: datetime | None, after: datetime | None) -> str | None:
    """Whether one moment is sooner or later than another; one that nobody knows is later than all."""
    if before == after:
        return None
    if before is None:
        return "sooner"
    return "later" if after is None or after > before else "sooner"
