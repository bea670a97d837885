"""Policies asked of many entries: what a class falls under is worked out once, and its dates once for each day."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from unbroken.retention.due import Due, Told, due_of
from unbroken.retention.period import day_of
from unbroken.retention.policy import PARTS, Part, Policy
from unbroken.retention.policy_set import PolicySet

_MOST_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Kind:
    """What policies go by: an entry's type, domains and scope; a scope of ``None`` is one that is not known.

    ``part`` is the part of the entry that it is about, or ``None`` for all that it holds alike.
    """

    event_type: str
    domains: tuple[str, ...] = ()
    scope: tuple[str, ...] | None = ()
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one kind, recorded within one quarter of an hour from ``recorded_at``, aware UTC.

    ``entries`` count those that hold something, all of them the same: ``payloads``, ``originals`` or both; ``held`` are
    those of them that a legal hold covers. ``extended`` is the day until which a reviewer kept them. No place's day
    ends within a quarter.
    """

    kind: Kind
    recorded_at: datetime
    entries: int
    payloads: int
    originals: int
    held: int
    extended: datetime | None = None

    def of(self, part: Part | None) -> "Stock":
        """What there is of one part; of ``None``, all of it."""
        if part is None:
            return self
        payloads, originals = (self.payloads, 0) if part == "payloads" else (0, self.originals)
        return replace(self, kind=replace(self.kind, part=part), payloads=payloads, originals=originals)


class Reckoning:
    """What a set of policies says of whatever it is asked about; with ``rules`` of ``None``, nothing."""

    def __init__(self, rules: PolicySet | None, told: Told) -> None:
        self.rules = rules
        self._told = told
        self._of_kind: dict[Kind, tuple[tuple[Policy, ...], tuple[ZoneInfo, ...]]] = {}
        self._found: dict[tuple[Any, ...], Due] = {}

    def policies(self, kind: Kind) -> tuple[Policy, ...]:
        """The policies that a kind falls under."""
        return self._read(kind)[0]

    def parts(self, kind: Kind) -> tuple[Part | None, ...]:
        """The parts of a whole kind that have policies of their own; ``(None,)`` where all policies speak of both."""
        return PARTS if any(policy.is_partial for policy in self.policies(kind)) else (None,)

    def due(self, kind: Kind, recorded_at: datetime, *, extended: datetime | None = None) -> Due:
        """What follows for an entry of a kind; of all that were recorded on a day the ends are the same."""
        policies, zones = self._read(kind)
        key = (kind, extended, *(day_of(recorded_at, zone) for zone in zones))
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            found = due_of(policies, recorded_at=recorded_at, scope=kind.scope, told=self._told, extended=extended)
            self._found[key] = found
        return found

    def _read(self, kind: Kind) -> tuple[tuple[Policy, ...], tuple[ZoneInfo, ...]]:
        found = self._of_kind.get(kind)
        if found is None:
            of_class = (
                ()
                if self.rules is None
                else self.rules.of_class(event_type=kind.event_type, domains=kind.domains, part=kind.part)
            )
            found = of_class, tuple({policy.zone.key: policy.zone for policy in of_class}.values())
            self._of_kind[kind] = found
        return found


def by_part(stock: Stock, *reckonings: Reckoning) -> list[Stock]:
    """What there is, by itself for each part that it holds where one of these has policies for one part alone.

    An entry that holds both counts for each of them then.
    """
    parts = max((each.parts(stock.kind) for each in reckonings), key=len)
    return [stock.of(part) for part in parts if part is None or getattr(stock, part)]


def next_of(first: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two moments, of which either may be missing."""
    return min((each for each in (first, other) if each is not None), default=None)
