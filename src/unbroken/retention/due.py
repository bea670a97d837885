"""What policies together say of one class of content: until when it is kept, by when it goes, and where they clash."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from unbroken.retention.period import Period, day_of, end_of
from unbroken.retention.policy import RECORD, Policy


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy's part in it: a period, when it began, and the first moment after its end; times are aware UTC."""

    policy: Policy
    period: Period
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What follows for a class of content.

    It is kept until the end of ``keep``, the largest floor, and has to be gone by the end of ``erase``, the smallest
    ceiling. ``unknown`` are policies whose start event has not been told: as long as there is one that has a floor,
    it is kept. Nothing here knows of holds, which come before all of it.
    """

    keep: Rule | None
    erase: Rule | None
    unknown: tuple[Policy, ...] = ()

    @property
    def waits(self) -> tuple[Policy, ...]:
        """The policies whose floor can't be told yet, so that it is kept."""
        return tuple(policy for policy in self.unknown if policy.floor is not None)

    @property
    def conflicts(self) -> bool:
        """Whether a floor ends after a ceiling: for a person to settle, and kept meanwhile."""
        return self.erase is not None and (
            bool(self.waits) or (self.keep is not None and self.keep.end > self.erase.end)
        )

    def is_over(self, now: datetime) -> bool:
        """Whether nothing asks to keep it any more: a duty to let it go, or leave to, where no ceiling says so."""
        return not self.waits and not self.conflicts and (self.keep is None or self.keep.end <= now)

    def is_past(self, now: datetime) -> bool:
        """Whether it is past a ceiling: it should have gone by now."""
        return self.erase is not None and self.erase.end <= now


def due_of(policies: Iterable[Policy], *, recorded_at: datetime, starts: Mapping[str, datetime | None]) -> Due:
    """What ``policies`` say of something recorded at ``recorded_at``.

    ``starts`` has, by the policy's id, when the start event was that was told for it; absent or ``None`` where none
    was. Where several policies end at one moment, the first by id is named.
    """
    floors: list[Rule] = []
    ceilings: list[Rule] = []
    unknown: list[Policy] = []
    for policy in sorted(policies, key=lambda each: (each.id, each.version)):
        start = recorded_at if policy.start == RECORD else starts.get(policy.id)
        if start is None:
            unknown.append(policy)
            continue
        floor = _floor(policy, start)
        ceiling = _ceiling(policy, start, floor)
        floors += [] if floor is None else [floor]
        ceilings += [] if ceiling is None else [ceiling]
    return Due(
        max(floors, key=lambda rule: rule.end, default=None),
        min(ceilings, key=lambda rule: rule.end, default=None),
        tuple(unknown),
    )


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
