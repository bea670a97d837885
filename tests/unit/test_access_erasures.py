"""The report on access tells who asked for erasures, confirmed and carried them out, and what is wrong there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.access_entries import DIGEST, ERASURE, START, Story
from tests.unit.test_access_report import problems
from unbroken.investigate.access import AccessReport, Period
from unbroken.investigate.access_erasures import Erasure

DANA, LEE = "p-" + "d" * 32, "p-" + "e" * 32


def only(report: AccessReport) -> Erasure:
    (erasure,) = report.erasures
    return erasure


def carried_out() -> Story:
    """Entries 1 to 6: asked for by dpo, confirmed by legal, carried out by dpo."""
    story = Story()
    story.erasure(DANA)
    story.confirmed()
    story.begun("v-1", "v-2")
    story.erased("3-7,9", "3,5")
    story.erased("11", "")
    story.finished()
    return story


def test_an_erasure_is_told_from_the_request_to_its_end() -> None:
    story = carried_out()
    report = story.report()
    assert report.problems == ()
    told = only(report)
    assert (told.erasure, told.subjects, told.case, told.reason) == (ERASURE, (DANA,), "C-31", "asked on 3 March")
    assert [(act.by, act.seq) for act in told.acts] == [("dpo", 1), ("legal", 2), ("dpo", 3), ("dpo", 6)]
    assert (told.payloads, told.originals, told.keys) == (7, 2, 2)
    assert (told.order, told.certificate, told.state(story.now)) == (DIGEST, DIGEST, "done")
    assert told.planned["others"] == 2


def test_states_follow_the_entries() -> None:
    story = Story()
    story.erasure(DANA)
    assert only(story.report()).state(story.now) == "asked"
    assert only(story.report()).state(story.now + timedelta(days=8)) == "expired"
    story.confirmed()
    assert only(story.report()).state(story.now) == "confirmed"
    story.withdrawn()
    assert (only(story.report()).state(story.now), problems(story.report())) == ("withdrawn", [])


def test_what_is_listed_happened_in_the_time_or_waits_for_somebody() -> None:
    story = carried_out()
    story.erasure(LEE, erasure="e-2")
    after = Period(story.now, story.now + timedelta(days=1), story.now)
    assert [each.erasure for each in story.report(period=after).erasures] == ["e-2"]
    before = Period(START - timedelta(days=1), START, START)
    assert story.report(period=before).erasures == ()


def test_what_was_done_again_after_a_restore_is_told() -> None:
    story = Story()
    story.own("log.erasure_reapplied", "dba", erasure=ERASURE, order=DIGEST)
    story.own("log.erased", "dba", erasure=ERASURE, order=DIGEST, keys=["v-1"])
    opened = story.own("log.restored", "dba", erasures=1)
    report = story.report()
    assert [each for each in problems(report) if each[0] != "erasure_disagrees"] == []
    told = only(report)
    assert told.reapplied is not None
    assert (told.reapplied.by, told.requested, told.state(story.now)) == ("dba", None, "begun")
    assert [(each.act.seq, each.act.by, each.erasures) for each in report.restored] == [(opened, "dba", 1)]


@pytest.mark.parametrize(
    ("steps", "seqs"),
    [
        (["erasure", "confirmed by dpo"], [2]),
        (["confirmed"], [1]),
        (["withdrawn"], [1]),
        (["erasure", "begun"], [2]),
        (["erasure", "confirmed", "begun", "begun"], [4]),
        (["erasure", "confirmed", "withdrawn", "begun"], [4]),
        (["erasure", "confirmed", "begun", "withdrawn"], [4]),
        (["erasure", "confirmed", "confirmed"], [3]),
        (["erasure", "confirmed", "erased"], [3]),
        (["erasure", "confirmed", "finished"], [3]),
        (["erasure", "erasure"], [2]),
        (["old erasure", "confirmed"], [2]),
    ],
)
def test_what_the_database_would_not_have_done_is_found(steps: list[str], seqs: list[int]) -> None:
    story = Story()
    ways: dict[str, Any] = {
        "erasure": lambda: story.erasure(DANA),
        "old erasure": lambda: story.erasure(DANA, days=0),
        "confirmed": story.confirmed,
        "confirmed by dpo": lambda: story.confirmed(by="dpo"),
        "withdrawn": story.withdrawn,
        "begun": story.begun,
        "erased": lambda: story.erased("3", ""),
        "finished": story.finished,
    }
    for step in steps:
        ways[step]()
    assert [seq for kind, seq in problems(story.report()) if kind == "rule_broken"] == seqs


@pytest.mark.parametrize(
    "changed",
    [
        {"requested_by": "mallory"},
        {"requested_seq": 9},
        {"confirmed_by": "mallory"},
        {"confirmed_seq": None},
        {"begun_by": "mallory"},
        {"begun_seq": None},
        {"done_seq": None},
        {"state": "withdrawn"},
        {"subjects": [LEE]},
        {"with_acted": True},
        {"case": "C-32"},
        {"reason": "because"},
        {"expires_at": START},
        {"planned": {}},
        {"order_sha256": "cd" * 32},
        {"certificate_sha256": "cd" * 32},
    ],
)
def test_a_row_that_says_something_else_is_found(changed: dict[str, Any]) -> None:
    story = carried_out()
    assert problems(story.report()) == []
    story.erasures = [replace(row, **changed) for row in story.erasures]
    assert problems(story.report()) == [("erasure_disagrees", 1)]


def test_ids_that_the_person_got_since_are_no_difference() -> None:
    story = carried_out()
    story.erasures = [replace(row, subjects=[DANA, LEE]) for row in story.erasures]
    assert problems(story.report()) == []


def test_a_row_without_entries_and_entries_without_a_row_are_found() -> None:
    story = carried_out()
    (row,) = story.erasures
    story.erasures.append(replace(row, erasure="e-9", requested_seq=4))
    assert problems(story.report()) == [("erasure_disagrees", 4)]
    story.erasures.clear()
    assert problems(story.report()) == [("erasure_disagrees", 1)]


def test_what_came_after_the_tables_were_read_is_not_held_against_them() -> None:
    story = Story()
    story.erasure(DANA)
    before, settled = list(story.erasures), len(story.entries)
    story.confirmed()
    story.begun("v-1")
    story.erasure(LEE, erasure="e-2")
    assert problems(story.report(erasures=before, settled=settled)) == []
    assert problems(story.report(erasures=before)) != []


def test_a_row_that_is_not_withdrawn_though_an_entry_says_so_is_found() -> None:
    story = Story()
    story.erasure(DANA)
    before, settled = list(story.erasures), len(story.entries)
    story.withdrawn()
    assert problems(story.report()) == []
    assert problems(story.report(erasures=before)) == [("erasure_disagrees", 1)]
    assert problems(story.report(erasures=before, settled=settled)) == []
