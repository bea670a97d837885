"""A few policies, in the words of a policy set and as the model understands them.

Periods are whole years and what is told lies years away from their ends, so that no calendar is needed to say what is
over: whether the calendar is right is tried elsewhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import rfc8785

YEAR: Final = timedelta(days=365.25)
LONG_AGO, YEARS_AGO, LATELY = 20 * YEAR, 3 * YEAR, timedelta(days=2)
"""Before now: past every period here, past a year but not six, and past none."""
CLOSED: Final = "account_closed"
LEAD: Final = timedelta(days=30)
"""So long before its end a ceiling that nothing stands against lets content go."""


@dataclass(frozen=True)
class Policy:
    """``floor`` and ``ceiling`` in years; it starts with the record, or when an account is closed.

    It may speak of one ``part`` of an entry alone.
    """

    id: str
    floor: float | None = None
    ceiling: float | None = None
    by_account: bool = False
    domain: str | None = None
    event_type: str | None = None
    basis: str = "organisation"
    part: str | None = None

    def fits(self, event_type: str, domains: Collection[str]) -> bool:
        """Whether it names such an entry. The default names none."""
        return self.event_type == event_type or self.domain in domains

    def written(self) -> dict[str, Any]:
        """What stands of it in a policy set."""
        stands: dict[str, Any] = {
            "id": self.id, "version": 1, "title": self.id, "citation": "a test", "basis": self.basis,
            "jurisdiction": "nowhere", "zone": "UTC", "start": CLOSED if self.by_account else "record",
            "floor": _period(self.floor), "ceiling": _period(self.ceiling),
            "start_key": "account" if self.by_account else None,
            "domains": [self.domain] if self.domain else None,
            "event_types": [self.event_type] if self.event_type else None,
            "everything": None if self.domain or self.event_type else True,
            "parts": None if self.part is None else [self.part],
        }  # fmt: skip
        return {key: value for key, value in stands.items() if value is not None}


def _period(years: float | None) -> str | None:
    if years is None:
        return None
    return f"{years:g}y" if years >= 1 else f"{round(years * 365)}d"


_DAY: Final = 1 / 365
DEFAULTS: Final = (Policy("keep.a_year", floor=1), Policy("go.at_once", ceiling=_DAY), Policy("go.in_years", ceiling=5))
"""Of what no other one is for: kept, to go at once, to go some day."""
NAMED: Final = (
    Policy("law.accounts", floor=6, by_account=True, domain="finance", basis="law"),
    Policy("own.accounts", floor=6, ceiling=7, by_account=True, domain="care"),
    Policy("ceiling.accounts", ceiling=1, by_account=True, domain="care"),
    Policy("ceiling.calls", ceiling=_DAY, event_type="tool_call"),
    Policy("floor.calls", floor=2, event_type="tool_result"),
    Policy("ceiling.finance", ceiling=1, by_account=True, domain="finance"),
    Policy("ceiling.originals", ceiling=_DAY, domain="care", part="originals"),
    Policy("ceiling.payloads", ceiling=_DAY, event_type="tool_result", part="payloads"),
    Policy("law.originals", floor=6, by_account=True, event_type="request", basis="law", part="originals"),
)
PARTS: Final = frozenset({"originals", "payloads"})
"""What an entry holds."""
DOMAINS: Final = ("care", "finance")
EVENT_TYPES: Final = ("request", "tool_call", "tool_result")
ACCOUNTS: Final = ("account=a-1", "account=a-2")


@dataclass(frozen=True)
class PolicySet:
    """All policies of a log in one version."""

    default: Policy
    named: tuple[Policy, ...]

    @property
    def all(self) -> tuple[Policy, ...]:
        """The default and the others."""
        return (self.default, *self.named)

    @property
    def text(self) -> str:
        """The canonical text."""
        policies = sorted(self.all, key=lambda each: each.id)
        written: Any = {"default": self.default.id, "policies": [each.written() for each in policies], "v": 1}
        return rfc8785.dumps(written).decode()

    def of(self, event_type: str, domains: Collection[str], part: str) -> tuple[Policy, ...]:
        """Those that this part of such an entry falls under."""
        fitting = (each for each in self.named if each.fits(event_type, domains))
        return tuple(each for each in fitting if each.part in (None, part)) or (self.default,)

    def splits(self, event_type: str, domains: Collection[str]) -> bool:
        """Whether a policy of such an entry speaks of one part alone."""
        return any(each.part is not None and each.fits(event_type, domains) for each in self.named)


@dataclass(frozen=True)
class Due:
    """What follows for an entry: whether a floor waits for its start, and when floors and ceilings end."""

    policies: frozenset[str]
    waits: bool
    keep_until: datetime | None
    law_until: datetime | None
    erase_by: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Whether nothing asks to keep it, and it is to go."""
        if self.waits:
            return False
        if self.keep_until is not None:
            return self.keep_until <= now
        return self.erase_by is not None and self.erase_by - LEAD <= now

    def kept_by_law(self, now: datetime) -> bool:
        """Whether a floor that a law sets is not over."""
        return self.law_until is not None and self.law_until > now


def due_of(
    policies: Collection[Policy], *, at: datetime, scope: Collection[str], starts: Mapping[str, datetime]
) -> Due:
    """What these say of something recorded ``at`` about accounts of which ``starts`` tells when they were closed."""
    accounts = [item for item in scope if item.startswith("account=")]
    told = [starts.get(item) for item in accounts]
    closed = max((each for each in told if each is not None), default=None) if None not in told else None
    floors, laws, ceilings, waits = [], [], [], False
    for policy in policies:
        start = closed if policy.by_account else at
        if start is None:
            waits = waits or policy.floor is not None
            if policy.floor is not None and policy.basis == "law":
                laws.append(datetime.max.replace(tzinfo=at.tzinfo))
            continue
        if policy.floor is not None:
            floors.append(start + policy.floor * YEAR)
            laws += floors[-1:] if policy.basis == "law" else []
        if policy.ceiling is not None:
            ceilings.append(start + policy.ceiling * YEAR)
    return Due(
        frozenset(each.id for each in policies), waits,
        max(floors, default=None), max(laws, default=None), min(ceilings, default=None),
    )  # fmt: skip
