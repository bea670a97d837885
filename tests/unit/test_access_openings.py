"""The report on access tells who opened originals, and what came of it; and who filled the vault."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.access_entries import DIGEST, START, Story
from tests.unit.test_access_report import problems
from unbroken.investigate.access import Period


def opener() -> Story:
    """A log in which vera reads as data protection officer, in entry 1."""
    story = Story()
    story.read("vera", duty="dpo", case="C-31", scope={"what": "originals of entries 3-7"})
    return story


def test_an_opening_stands_under_its_read_with_what_came_of_it() -> None:
    story = opener()
    asked = story.ask(3, 4, 5, 9)
    ended = story.opened(3, 1)
    story.ask(3, kind="match", opening="o-2")
    report = story.report()
    assert report.problems == ()
    opened, matched = report.reads[0].openings
    assert (opened.seq, opened.login, opened.kind, opened.entries, opened.count) == (
        asked,
        "vera",
        "open",
        "3-5,9",
        4,
    )
    assert opened.end is not None
    assert (opened.end.seq, opened.end.opened, opened.end.failed, opened.end.digest) == (ended, 3, 1, DIGEST)
    assert (matched.kind, matched.count, matched.end) == ("match", 1, None)


def test_an_opening_that_nobody_ended_goes_on_as_long_as_its_read() -> None:
    story = opener()
    story.ask(3)
    read = story.report().reads[0]
    (opening,) = read.openings
    minute = timedelta(minutes=1)
    assert read.state_of(opening, START + minute) == "under way"
    assert read.state_of(opening, START + 16 * minute) == "never ended"
    story.complete("vera")
    read = story.report().reads[0]
    assert read.state_of(opening, START + minute) == "never ended"
    story.opened(1)
    read = story.report().reads[0]
    assert read.state_of(read.openings[0], story.now) == "ended"


def test_another_login_s_end_is_none() -> None:
    story = opener()
    story.ask(3)
    story.own("log.original_opened", "mallory", opening="o-1", opened=1, failed=0, digest=DIGEST)
    assert story.report().reads[0].openings[0].end is None


def test_numbers_that_can_not_be_read_are_shown_and_not_counted() -> None:
    story = opener()
    story.own("log.original_asked", "vera", opening="o-1", ticket="t-1", kind="open", seqs="1-9007199254740993")
    (opening,) = story.report().reads[0].openings
    assert (opening.entries, opening.count) == ("1-9007199254740993", None)


@pytest.mark.parametrize("given", [{"login": "mallory"}, {"ticket": "t-9"}])
def test_an_opening_without_a_read_of_its_login_is_found(given: dict[str, str]) -> None:
    story = opener()
    seq = story.ask(3, **given)
    assert problems(story.report()) == [("opening_disagrees", seq)]
    later = Period(story.now, story.now, story.now)
    assert problems(story.report(period=later)) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"login": "mallory"},
        {"kind": "match"},
        {"ticket": "t-2"},
        {"seqs": (3, 4, 5)},
        {"seqs": (3, 5)},
        {"asked_seq": 1},
        {"done_seq": None},
        {"done_seq": 2},
    ],
)
def test_a_row_that_says_something_else_is_found(changed: dict[str, Any]) -> None:
    story = opener()
    seq = story.ask(3, 4)
    story.opened(2)
    assert problems(story.report()) == []
    story.openings = [replace(row, **changed) for row in story.openings]
    assert problems(story.report()) == [("opening_disagrees", seq)]


def test_a_row_without_an_entry_and_an_entry_without_a_row_are_found() -> None:
    story = opener()
    seq = story.ask(3)
    (row,) = story.openings
    story.openings.append(replace(row, opening="o-9", asked_seq=1))
    assert problems(story.report()) == [("opening_disagrees", 1)]
    story.openings.clear()
    assert problems(story.report()) == [("opening_disagrees", seq)]


def test_what_came_after_the_tables_were_read_is_not_held_against_them() -> None:
    story = opener()
    story.ask(3)
    before = [list(story.openings), len(story.entries)]
    story.opened(1)
    story.ask(4, opening="o-2")
    assert problems(story.report(openings=before[0], settled=before[1])) == []
    assert problems(story.report(openings=before[0])) != []


def test_who_filled_the_vault_and_who_wrapped_its_keys_anew_is_told() -> None:
    story = Story()
    filled = story.own("log.vault_refilled", "vera", count=1000, wrapped_by="kek-1")
    wrapping = story.rewrap("kek-2")
    done = story.rewrapped("kek-2", 999)
    story.rewrap("kek-3", opening="w-2")
    report = story.report()
    assert report.problems == ()
    first, second, third = report.vault
    assert (first.work, first.seq, first.login, first.keys, first.key_encryption) == (
        *("refilled", filled, "vera"),
        *(1000, "kek-1"),
    )
    assert (second.work, second.seq, second.key_encryption) == ("rewrapped", wrapping, "kek-2")
    assert (second.keys, second.others, second.ended_seq) == (999, 1, done)
    states = [each.state(story.now) for each in report.vault]
    assert states == ["ended", "ended", "under way"]
    assert third.state(story.now + timedelta(days=1)) == "never ended"
    assert story.report(period=Period(story.now, story.now, story.now)).vault == ()


def test_keys_wrapped_by_another_key_than_the_entry_says_are_found() -> None:
    story = Story()
    seq = story.rewrap("kek-2")
    story.openings = [replace(row, wraps_to="mallory") for row in story.openings]
    assert problems(story.report()) == [("opening_disagrees", seq)]
