"""Periods in calendar days: anniversaries, month ends, leap days, time zones."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.errors import ConfigurationError
from unbroken.retention.period import Period, day_of, end_of

PARIS = ZoneInfo("Europe/Paris")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "start", "kept", "allowed"),
    [
        ("6y", "2024-03-15", "2030-03-15", "2030-03-15"),
        ("1y", "2024-02-29", "2025-03-01", "2025-02-28"),
        ("4y", "2024-02-29", "2028-02-29", "2028-02-29"),
        ("100y", "2000-02-29", "2100-03-01", "2100-02-28"),
        ("1m", "2026-01-31", "2026-03-01", "2026-02-28"),
        ("1m", "2024-01-31", "2024-03-01", "2024-02-29"),
        ("1m", "2026-12-31", "2027-01-31", "2027-01-31"),
        ("2m", "2026-12-31", "2027-03-01", "2027-02-28"),
        ("13m", "2026-08-31", "2027-10-01", "2027-09-30"),
        ("90d", "2026-11-22", "2027-02-20", "2027-02-20"),
        ("6y 60d", "2024-02-29", "2030-04-30", "2030-04-29"),
        ("1y 6m", "2026-05-31", "2027-12-01", "2027-11-30"),
    ],
)
def test_where_a_period_ends(text: str, start: str, kept: str, allowed: str) -> None:
    period = Period.parse(text)
    assert period.last_day_to_keep(date.fromisoformat(start)) == date.fromisoformat(kept)
    assert period.last_day_allowed(date.fromisoformat(start)) == date.fromisoformat(allowed)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(1, 400), st.integers(0, 400))
def test_what_is_kept_is_never_shorter_than_what_is_allowed(start: date, months: int, days: int) -> None:
    period = Period(months, days)
    kept, allowed = period.last_day_to_keep(start), period.last_day_allowed(start)
    assert 0 <= (kept - allowed).days <= 1
    # They differ where the day is missing in its month, and nowhere else.
    assert (kept == allowed) == (Period(months).last_day_allowed(start).day == start.day)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(1, 400))
def test_a_later_start_ends_no_earlier(start: date, months: int) -> None:
    following = date.fromordinal(start.toordinal() + 1)
    period = Period(months)
    assert period.last_day_to_keep(start) <= period.last_day_to_keep(following)
    assert period.last_day_allowed(start) <= period.last_day_allowed(following)


@pytest.mark.parametrize(
    "text", ["", "6", "y", "0y", "6 y", "6m 1y", "-1d", "1.5y", "6y  1d", "6Y", "01y", "1y\n", "1000y", "x6y"]
)
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Period.parse(text)


@pytest.mark.parametrize("text", ["6y", "13m", "90d", "1y 1m", "6y 60d", "1y 1m 1d"])
def test_a_period_reads_as_it_prints(text: str) -> None:
    assert Period.parse(str(Period.parse(text))) == Period.parse(text)


def test_twelve_months_are_a_year() -> None:
    assert Period.parse("12m") == Period.parse("1y")


def test_a_day_is_a_places_day() -> None:
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert day_of(late, PARIS) == date(2027, 1, 1)
    assert day_of(late, NEW_YORK) == date(2026, 12, 31)
    with pytest.raises(ValueError, match="falls on no day"):
        day_of(datetime(2026, 1, 1), PARIS)  # noqa: DTZ001 - what is refused


def test_a_day_ends_where_the_place_says() -> None:
    assert end_of(date(2026, 6, 30), PARIS) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert end_of(date(2026, 12, 31), PARIS) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert end_of(date(2026, 3, 28), PARIS) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert end_of(date(2026, 3, 29), PARIS) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert end_of(date(2026, 12, 31), ZoneInfo("UTC")) == datetime(2027, 1, 1, tzinfo=UTC)


def test_of_two_midnights_the_later_ends_the_day() -> None:
    # On 25 October 2026 at 01:00 the Azores turn back to midnight; in Beirut, on 29 March, midnight is left out.
    assert end_of(date(2026, 10, 24), ZoneInfo("Atlantic/Azores")) == datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert end_of(date(2026, 3, 28), ZoneInfo("Asia/Beirut")) == datetime(2026, 3, 28, 22, tzinfo=UTC)
