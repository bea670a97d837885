"""Dates and times as options take them."""

from datetime import UTC, datetime

import pytest
import typer

from unbroken.cli.moments import moment_of


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31t09:30:00.25z", datetime(2026, 1, 31, 9, 30, 0, 250000, tzinfo=UTC)),
        ("2026-01-31 09:30:00+02:00", datetime(2026, 1, 31, 7, 30, tzinfo=UTC)),
        ("2026-01-01T00:00:00+01:00", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("2028-02-29", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_date_is_its_midnight_and_a_time_is_told_in_utc(text: str, moment: datetime) -> None:
    assert moment_of(text, option="--from") == moment
    assert moment_of(text, option="--from").tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "a date such as 2026-01-31"),
        ("2026-1-31", "a date such as 2026-01-31"),
        ("20260131", "a date such as 2026-01-31"),
        ("2026-01-31T09:30Z", "a date such as 2026-01-31"),
        ("2026-01-31T09:30:00.1234567Z", "in which time zone"),
        ("2026-01-31T09:30:00", "in which time zone that is: 2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00 CET", "in which time zone"),
        ("2026-02-30", "no such time"),
        ("2026-01-31T24:30:00Z", "no such time"),
        ("2026-01-31T23:59:60Z", "no such time"),
        ("0001-01-01T00:00:00+01:00", "no such time"),
        ("", "a date such as 2026-01-31"),
    ],
)
def test_what_is_no_time_is_said(text: str, said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        moment_of(text, option="--from")
