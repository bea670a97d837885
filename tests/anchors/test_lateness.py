"""How old the newest anchored checkpoint is, and when that is too old."""

from datetime import UTC, datetime, timedelta

import pytest

from unbroken.anchors.lateness import lateness
from unbroken.anchors.standing import Standing
from unbroken.errors import ConfigurationError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALLOWED = timedelta(minutes=10)


def ago(size: int, minutes: float) -> Standing:
    return Standing(size=size, root=b"r" * 32, at=NOW - timedelta(minutes=minutes))


def test_a_quorum_s_age_and_size_count() -> None:
    found = lateness({"a": ago(9, 1), "b": ago(7, 5), "c": ago(3, 90)}, quorum=2, allowed=ALLOWED, now=NOW)
    assert (found.size, found.age, found.is_late) == (7, timedelta(minutes=5), False)
    assert [(each.anchor, each.size, each.is_late) for each in found.anchors] == [
        ("a", 9, False),
        ("b", 7, False),
        ("c", 3, True),
    ]


def test_one_that_is_fresh_does_not_hide_that_the_quorum_is_late() -> None:
    found = lateness({"a": ago(9, 0), "b": ago(7, 11)}, quorum=2, allowed=ALLOWED, now=NOW)
    assert found.is_late
    assert lateness({"a": ago(9, 0), "b": ago(7, 11)}, quorum=1, allowed=ALLOWED, now=NOW).is_late is False


@pytest.mark.parametrize(("minutes", "late"), [(9.9, False), (10, False), (10.1, True)])
def test_the_allowed_age_is_allowed(minutes: float, late: bool) -> None:
    found = lateness({"a": ago(1, minutes), "b": ago(1, 0)}, quorum=2, allowed=ALLOWED, now=NOW)
    assert found.is_late is late


def test_an_age_that_can_t_be_told_is_too_old() -> None:
    for unknown in (Standing(), ago(5, -6)):
        found = lateness({"a": ago(9, 0), "b": unknown}, quorum=2, allowed=ALLOWED, now=NOW)
        assert (found.age, found.is_late) == (None, True)
    near = lateness({"a": ago(9, 0), "b": ago(5, -4)}, quorum=2, allowed=ALLOWED, now=NOW)
    assert (near.age, near.is_late) == (timedelta(0), False)


def test_the_window_that_is_not_anchored() -> None:
    found = lateness({"a": ago(9, 0), "b": ago(7, 1)}, quorum=2, allowed=ALLOWED, now=NOW)
    assert found.window(12) == (8, 12)
    assert found.window(7) is None
    assert lateness({"a": Standing(), "b": Standing()}, quorum=1, allowed=ALLOWED, now=NOW).window(3) == (1, 3)


def test_a_quorum_out_of_reach_is_refused() -> None:
    for quorum in (0, 2):
        with pytest.raises(ConfigurationError):
            lateness({"a": ago(1, 1)}, quorum=quorum, allowed=ALLOWED, now=NOW)
