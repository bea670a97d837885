"""Periods of years, months and days, counted in calendar days of a place.

A period runs from the day of its start event and ends with the last hour of the day that bears the same date (the rule
of Regulation (EEC, Euratom) No 1182/71, Article 3; *verify*). Where there is no such day, as for 29 February, laws read
differently: what has to be kept is kept for a day more, to 1 March, and what has to go goes a day sooner, on 28
February.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from unbroken.errors import ConfigurationError

_TEXT: Final = re.compile(
    r"(?:(?P<years>[1-9][0-9]{0,2})y)?(?: ?(?P<months>[1-9][0-9]{0,3})m)?(?: ?(?P<days>[1-9][0-9]{0,4})d)?"
)
_MONTHS: Final = 12
_MOST_MONTHS: Final = 1000 * _MONTHS - 1


@dataclass(frozen=True, slots=True)
class Period:
    """So many months, of which twelve are a year, and then so many days."""

    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> "Period":
        """The period that a text such as ``6y``, ``13m``, ``90d`` or ``6y 60d`` states.

        Raises :class:`ConfigurationError` for any other text, and for none at all.
        """
        match = _TEXT.fullmatch(text)
        if match is None or not any(match.groups()):
            raise ConfigurationError(f"{text!r} is no period: years, months and days, as in 6y, 13m, 90d or 6y 60d")
        years, months, days = (int(match[name] or 0) for name in ("years", "months", "days"))
        return cls(years * _MONTHS + months, days)

    def __post_init__(self) -> None:
        if not (0 <= self.months <= _MOST_MONTHS and self.days >= 0 and self.months + self.days > 0):
            raise ConfigurationError("a period is at least a day and less than a thousand years")

    def __str__(self) -> str:
        years, months = divmod(self.months, _MONTHS)
        parts = ((years, "y"), (months, "m"), (self.days, "d"))
        return " ".join(f"{number}{unit}" for number, unit in parts if number)

    def last_day_to_keep(self, start: date) -> date:
        """The last day on which what began on ``start`` still has to be there."""
        year, month = self._month(start)
        missing = start.day > monthrange(year, month)[1]
        day = _first_of_next(year, month) if missing else date(year, month, start.day)
        return day + timedelta(days=self.days)

    def last_day_allowed(self, start: date) -> date:
        """The last day on which what began on ``start`` may still be there."""
        year, month = self._month(start)
        return date(year, month, min(start.day, monthrange(year, month)[1])) + timedelta(days=self.days)

    def _month(self, start: date) -> tuple[int, int]:
        years, month = divmod(start.month - 1 + self.months, _MONTHS)
        return start.year + years, month + 1


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day on which an aware moment falls in a place."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone falls on no day")
    return moment.astimezone(zone).date()


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment after a day has ended in a place; aware UTC.

    Where clocks are turned back to midnight, so that there are two, it is the second; where they leave midnight out,
    the moment at which they do.
    """
    following = day + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=zone)
    return max(midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC))


def _first_of_next(year: int, month: int) -> date:
    years, following = divmod(month, _MONTHS)
    return date(year + years, following + 1, 1)
