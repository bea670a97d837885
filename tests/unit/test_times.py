"""Timestamps of exactly 27 characters."""

import datetime as dt

import pytest

from unbroken.core.times import format_time, is_time, parse_time
from unbroken.errors import InvalidEventError


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (dt.datetime(1, 1, 1, tzinfo=dt.UTC), "0001-01-01T00:00:00.000000Z"),
        (dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC), "9999-12-31T23:59:59.999999Z"),
        (
            dt.datetime(2024, 2, 29, 1, 0, 0, 5, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "2024-02-28T23:00:00.000005Z",
        ),
    ],
)
def test_a_time_is_printed_in_utc_and_read_back(moment: dt.datetime, text: str) -> None:
    assert format_time(moment) == text
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-15T12:00:00.00000Z",
        "2026-05-15T12:00:00.000000+00:00",
        "2026-05-15t12:00:00.000000Z",
        "2026-02-30T12:00:00.000000Z",
        "2026-05-15T24:00:00.000000Z",
        "2026-05-15T23:59:60.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "2026-05-15T12:00:00.000000Z\n",
        "٢٠٢٦-05-15T12:00:00.000000Z",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    assert not is_time(text)
    with pytest.raises(InvalidEventError):
        parse_time(text)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(InvalidEventError, match="time zone"):
        format_time(dt.datetime(2026, 5, 15))  # noqa: DTZ001
