"""Going on from a milestone: the same as having read everything, and no blinder for it."""

import pytest

from tests.unit.log_in_memory import WholeLog, history
from tests.unit.test_against import newest, note, outside, places
from unbroken.core.entry import GENESIS, Head
from unbroken.verify.finding import Report
from unbroken.verify.onward import verify_onward
from unbroken.verify.run import verify_log
from unbroken.verify.tree import EMPTY, Milestone

SIZE = 40
START = Milestone(Head(0, GENESIS), EMPTY)


def milestone(log: WholeLog, size: int) -> Milestone:
    """Where a verification of the first entries leaves off."""
    report = verify_onward(log, START, upto=size, outside=outside())
    assert report.milestone is not None
    assert report.milestone.head.seq == size
    return report.milestone


@pytest.mark.parametrize("at", [1, 3, 16, 39, SIZE])
def test_going_on_comes_to_the_same_as_reading_everything(at: int) -> None:
    log = history(SIZE)
    known = outside(note(log, 2), note(log, at), note(log, SIZE))
    whole, onward = verify_log(log, outside=known), verify_onward(log, milestone(log, at), outside=known)
    assert (onward.verdict, onward.milestone, newest(onward)) == ("proven", whole.milestone, SIZE)
    assert onward.entries == SIZE - at


def test_stretch_by_stretch_all_of_it_is_read() -> None:
    log = history(SIZE)
    end = verify_log(log, outside=outside()).milestone
    here, read = START, 0
    while here.head.seq < SIZE:
        report = verify_onward(log, here, upto=here.head.seq + 9, outside=outside())
        assert (report.verdict, report.milestone is not None) == ("consistent", True)
        here, read = report.milestone or START, read + report.entries
    assert (here, read) == (end, SIZE)


def test_a_rewrite_of_what_was_verified_before_is_found_by_what_follows() -> None:
    was, log = history(SIZE), history(SIZE, changed=7)
    report = verify_onward(log, milestone(was, 20), outside=outside(note(was, 33)))
    assert places(report) == [("forked", 20)]
    assert report.milestone is None


def test_a_rewrite_that_keeps_the_link_to_what_follows_fits_no_checkpoint() -> None:
    """The milestone's tree is that of the log as it was: a link by itself does not hide another tree."""
    was, log = history(SIZE), history(SIZE)
    forged = Milestone(milestone(was, 20).head, milestone(history(SIZE, changed=7), 20).tree)
    report = verify_onward(log, forged, outside=outside(note(was, 33)))
    assert places(report) == [("rewritten", 1)]


def test_a_stretch_is_held_against_its_own_checkpoints() -> None:
    was, log = history(SIZE), history(SIZE, changed=14)
    known = outside(note(was, 10), note(was, 20), note(was, SIZE))
    report = verify_onward(log, milestone(log, 5), upto=22, outside=known)
    assert places(report) == [("rewritten", 11)]
    assert verify_onward(was, milestone(was, 5), upto=22, outside=known).verdict == "consistent"


def test_a_later_head_that_was_kept_has_to_be_met() -> None:
    was, log = history(SIZE), history(SIZE, changed=14)
    kept = milestone(was, 30).head
    assert verify_onward(was, milestone(was, 5), upto=30, kept=kept, outside=outside()).findings_total == 0
    assert places(verify_onward(log, milestone(log, 5), upto=30, kept=kept, outside=outside())) == [("forked", 30)]


def test_a_log_that_ends_before_the_milestone_is_truncated() -> None:
    was = history(SIZE)
    report = verify_onward(history(20), milestone(was, 33), outside=outside(note(was, 30)))
    assert places(report) == [("truncated", 33)]
    assert report.findings[0].found == "the end after 20"


def test_a_milestone_whose_entry_is_gone_or_altered_is_told() -> None:
    log = history(SIZE)
    here = milestone(log, 20)
    log.stored[19].writer = "another"
    assert places(verify_onward(log, here, outside=outside())) == [("altered_entry", 20)]
    del log.stored[19]
    assert places(verify_onward(log, here, outside=outside())) == [("missing", 20)]


def test_nothing_new_is_no_finding_and_still_held_against_checkpoints() -> None:
    log = history(SIZE)
    here = milestone(log, SIZE)
    report = verify_onward(log, here, outside=outside(note(log, SIZE)))
    assert (report.verdict, report.entries, report.scope) == ("proven", 0, "no new entries")
    longer = history(SIZE + 3)
    assert places(verify_onward(log, here, outside=outside(note(longer, SIZE + 3)))) == [("truncated", SIZE + 1)]


def test_erased_content_is_accounted_for_by_entries_before_and_after() -> None:
    log = history(SIZE)
    log.tell(payloads="3")
    log.tell(payloads="25,33")
    log.erase(3, 25, 33)
    report: Report = verify_onward(log, milestone(history(SIZE), 20), upto=30, outside=outside())
    assert (report.findings_total, report.accounted.payloads) == (0, 1)
    log.erase(28)
    report = verify_onward(log, milestone(history(SIZE), 20), upto=30, outside=outside())
    assert places(report) == [("missing", 28)]


def test_a_milestone_is_of_one_size() -> None:
    here = milestone(history(SIZE), 20)
    with pytest.raises(ValueError, match="up to its head"):
        Milestone(Head(21, here.head.hash), here.tree)
