"""How retention stands: of each class what there is, what is due, and what keeps the rest."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, Final

from unbroken.retention.reckoning import Kind, Reckoning, Stock, by_part, next_of

COUNTED: Final = ("entries", "payloads", "originals", "held", "due", "unknown", "conflicts", "past")
"""What is counted of each class."""


@dataclass(slots=True)
class Standing:
    """The entries of one class that hold something, or one part of them; all times are aware UTC.

    ``due`` may be destroyed, ``held`` no matter what; ``unknown`` wait for a start event, ``conflicts`` for a person.
    ``past`` should have gone: a ceiling is over, and no hold keeps them. ``next_due`` is when the first of those that
    are not due will be.
    """

    kind: Kind
    policies: tuple[str, ...]
    entries: int = 0
    payloads: int = 0
    originals: int = 0
    held: int = 0
    due: int = 0
    unknown: int = 0
    conflicts: int = 0
    past: int = 0
    oldest: datetime | None = None
    next_due: datetime | None = None

    def add(self, stock: Stock, reckoning: Reckoning, now: datetime) -> None:
        """Counts what there is; what is held counts as nothing else, but for conflicts and unknown starts."""
        found = reckoning.due(stock.kind, stock.recorded_at, extended=stock.extended)
        free = stock.entries - stock.held
        self.entries += stock.entries
        self.payloads += stock.payloads
        self.originals += stock.originals
        self.held += stock.held
        self.oldest = next_of(self.oldest, stock.recorded_at)
        self.unknown += stock.entries if found.waits else 0
        self.conflicts += stock.entries if found.conflicts(now) else 0
        self.past += free if found.is_past(now) else 0
        if found.is_due(now):
            self.due += free
        else:
            self.next_due = next_of(self.next_due, found.due_from)


def standing_of(stocks: Iterable[Stock], reckoning: Reckoning, *, now: datetime) -> list[Standing]:
    """Each class of which something is there, by type, domains and scope.

    Where parts have policies of their own, an entry counts for each that it holds.
    """
    found: dict[Kind, Standing] = {}
    for stock in chain.from_iterable(by_part(each, reckoning) for each in stocks):
        if stock.kind not in found:
            names = tuple(policy.id for policy in reckoning.policies(stock.kind))
            found[stock.kind] = Standing(stock.kind, names)
        found[stock.kind].add(stock, reckoning, now)
    return sorted(found.values(), key=lambda each: _place(each.kind))


def _place(kind: Kind) -> tuple[Any, ...]:
    return kind.event_type, kind.domains, kind.scope or (), kind.part or ""


def grouped(standings: Iterable[Standing]) -> list[Standing]:
    """The same by type, domains and the keys of scopes: accounts by the thousand are classes by the thousand."""
    found: dict[Kind, Standing] = {}
    for each in standings:
        kind = _without_values(each.kind)
        if kind not in found:
            found[kind] = Standing(kind, each.policies)
        _add(found[kind], each)
    return list(found.values())


def _without_values(kind: Kind) -> Kind:
    if kind.scope is None:
        return kind
    return replace(kind, scope=tuple(sorted({f"{item.partition('=')[0]}=…" for item in kind.scope})))


def _add(to: Standing, other: Standing) -> None:
    for name in COUNTED:
        setattr(to, name, getattr(to, name) + getattr(other, name))
    to.oldest = next_of(to.oldest, other.oldest)
    to.next_due = next_of(to.next_due, other.next_due)
