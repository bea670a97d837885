"""What policies together say of what an entry holds: until when it is kept, by when it goes, and where they clash.

The database works out the same for itself, in ``sql/functions/retention.sql``, and disposes by that; a property test
holds the two equal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from unbroken.retention.period import Period, day_of, end_of
from unbroken.retention.policy import RECORD, Policy

LEAD: Final = timedelta(days=30)
"""How long before a ceiling what no floor keeps is due, so that there is time to look at it and let it go."""
Told = Mapping[tuple[str, str], datetime]
"""When start events were, by their kind and the scope item that each was told for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy's part in it: a period, when it began, and the first moment after its end; times are aware UTC."""

    policy: Policy
    period: Period
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What follows for what an entry holds.

    It is kept until the last of the ``floors`` is over, and has to be gone by the end of the first of the
    ``ceilings``. ``unknown`` are policies whose start event has not been told: as long as there is one that has a
    floor, it is kept. ``extended`` is the day until which a reviewer has kept it. Nothing here knows of holds, which
    come before all of it.
    """

    floors: tuple[Rule, ...] = ()
    ceilings: tuple[Rule, ...] = ()
    unknown: tuple[Policy, ...] = ()
    extended: datetime | None = None

    @property
    def keep(self) -> Rule | None:
        """The largest floor; of several that end at one moment, the first by the policy's id."""
        return max(self.floors, key=lambda rule: rule.end, default=None)

    @property
    def erase(self) -> Rule | None:
        """The smallest ceiling; of several that end at one moment, the first by the policy's id."""
        return min(self.ceilings, key=lambda rule: rule.end, default=None)

    @property
    def waits(self) -> tuple[Policy, ...]:
        """The policies whose floor can't be told yet, so that it is kept."""
        return tuple(policy for policy in self.unknown if policy.floor is not None)

    @property
    def keep_until(self) -> datetime | None:
        """The moment from which no floor that is known, and no reviewer, keeps it; ``None`` where none ever did.

        A reviewer's day only ever adds to what else holds, and says nothing where nothing else does.
        """
        kept = max((rule.end for rule in self.floors), default=None)
        otherwise = kept if kept is not None or self.erase_by is None else self.erase_by - LEAD
        return kept if self.extended is None or otherwise is None else max(self.extended, otherwise)

    @property
    def erase_by(self) -> datetime | None:
        """The moment by which it has to be gone; ``None`` where no ceiling says so."""
        return min((rule.end for rule in self.ceilings), default=None)

    @property
    def due_from(self) -> datetime | None:
        """The moment from which it is due; ``None`` while something waits, or nothing says that it ever is."""
        if self.waits:
            return None
        if self.keep_until is not None:
            return self.keep_until
        return None if self.erase_by is None else self.erase_by - LEAD

    def is_due(self, now: datetime) -> bool:
        """Whether nothing asks to keep it any more, and it is to go."""
        return self.due_from is not None and self.due_from <= now

    def conflicts(self, now: datetime) -> bool:
        """Whether a ceiling ends while a policy has yet to keep it: for a person to settle, and kept meanwhile.

        What a reviewer keeps past its ceiling is settled, until that day.
        """
        if self.erase_by is None or self.is_due(now):
            return False
        return bool(self.waits) or (self.keep is not None and self.keep.end > self.erase_by)

    def is_past(self, now: datetime) -> bool:
        """Whether it is past a ceiling, and no reviewer keeps it on record: it should have gone by now."""
        is_extended = self.extended is not None and self.extended > now
        return self.erase_by is not None and self.erase_by <= now and not is_extended


def due_of(
    policies: Iterable[Policy],
    *,
    recorded_at: datetime,
    scope: Sequence[str] | None = (),
    told: Told | None = None,
    extended: datetime | None = None,
) -> Due:
    """What ``policies`` say of something recorded at ``recorded_at`` with these ``key=value`` items in its scope.

    A ``scope`` of ``None`` is one that is not known. ``told`` has the start events; ``extended`` is the day until
    which a reviewer kept it.
    """
    floors: list[Rule] = []
    ceilings: list[Rule] = []
    unknown: list[Policy] = []
    for policy in sorted(policies, key=lambda each: (each.id, each.version)):
        start = start_of(policy, recorded_at=recorded_at, scope=scope, told=told or {})
        if start is None:
            unknown.append(policy)
            continue
        floor = _floor(policy, start)
        ceiling = _ceiling(policy, start, floor)
        floors += [] if floor is None else [floor]
        ceilings += [] if ceiling is None else [ceiling]
    return Due(tuple(floors), tuple(ceilings), tuple(unknown), extended)


def start_of(policy: Policy, *, recorded_at: datetime, scope: Sequence[str] | None, told: Told) -> datetime | None:
    """When a policy's period begins for something; ``None`` where its start event is not known.

    With several scope items of the policy's key it begins with the last of their events, and none may be untold.
    """
    if policy.start_key is None:
        return recorded_at
    starts = [told.get((policy.start, item)) for item in items_of(policy, scope)]
    known = [start for start in starts if start is not None]
    return max(known) if known and len(known) == len(starts) else None


def items_of(policy: Policy, scope: Sequence[str] | None) -> list[str]:
    """The items of a scope that a policy's start event is told for."""
    if policy.start == RECORD:
        return []
    return [item for item in scope or () if item.startswith(f"{policy.start_key}=")]


def _floor(policy: Policy, start: datetime) -> Rule | None:
    if policy.floor is None:
        return None
    day = policy.floor.last_day_to_keep(day_of(start, policy.zone))
    return Rule(policy, policy.floor, start, end_of(day, policy.zone))


def _ceiling(policy: Policy, start: datetime, floor: Rule | None) -> Rule | None:
    if policy.ceiling is None:
        return None
    end = end_of(policy.ceiling.last_day_allowed(day_of(start, policy.zone)), policy.zone)
    # One period in one policy is one date, also where the day is missing: it does not contradict itself.
    if floor is not None and policy.ceiling == policy.floor:
        end = floor.end
    return Rule(policy, policy.ceiling, start, end)
