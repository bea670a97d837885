"""How old the newest anchored checkpoint is, beside how old it may be: what alarms are raised by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbroken.anchors.anchor import AHEAD
from unbroken.anchors.standing import Standing
from unbroken.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Age:
    """One anchor: the size that it has, and how long ago it had it. ``age`` is ``None`` where that is not known.

    It is not known before the first success, and where the time is yet to come: then a clock is wrong, and an age that
    can't be told counts as too old.
    """

    anchor: str
    size: int
    age: timedelta | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of all anchors: the largest tree that a quorum has, how long ago that many had one, and each on its own.

    ``is_late`` is when to raise an alarm: a quorum has had nothing new for longer than ``allowed``.
    """

    size: int
    age: timedelta | None
    allowed: timedelta
    is_late: bool
    anchors: tuple[Age, ...]

    def window(self, head: int) -> tuple[int, int] | None:
        """The first and the last entry that no quorum has, in a log of ``head`` entries; ``None`` if there are none."""
        return (self.size + 1, head) if head > self.size else None


def lateness(standings: Mapping[str, Standing], *, quorum: int, allowed: timedelta, now: datetime) -> Lateness:
    """How late anchoring is at ``now`` (aware). Raises :class:`ConfigurationError` for a quorum out of reach."""
    if not 1 <= quorum <= len(standings):
        raise ConfigurationError(f"a quorum of {quorum} can't be reached with {len(standings)} anchors")
    ages = tuple(_age(name, each, allowed=allowed, now=now) for name, each in standings.items())
    size = sorted((each.size for each in ages), reverse=True)[quorum - 1]
    known = sorted(each.age for each in ages if each.age is not None)
    age = known[quorum - 1] if len(known) >= quorum else None
    return Lateness(size, age, allowed, age is None or age > allowed, ages)


def _age(name: str, standing: Standing, *, allowed: timedelta, now: datetime) -> Age:
    if standing.at is None or standing.at > now + AHEAD:
        return Age(name, standing.size, None, is_late=True)
    age = max(now - standing.at, timedelta(0))
    return Age(name, standing.size, age, is_late=age > allowed)
