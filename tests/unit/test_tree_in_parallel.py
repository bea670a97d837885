"""The roots that a verifier computes are the same however the reading is shared out."""

from functools import partial

import pytest

from tests.unit.log_in_memory import WholeLog, history
from tests.unit.test_against import newest, note, outside, places
from unbroken.verify.following import UNIT
from unbroken.verify.run import verify_log

SIZE = 2 * UNIT + 700
SIZES = (1, 700, UNIT - 1, UNIT, UNIT + 1, 2 * UNIT, SIZE - 1, SIZE)


@pytest.fixture(scope="module")
def log() -> WholeLog:
    return history(SIZE)


def test_several_processes_come_to_the_same_roots_as_one(log: WholeLog) -> None:
    known = outside(*(note(log, size) for size in SIZES))
    one = verify_log(log, outside=known)
    several = verify_log(log, outside=known, workers=2, connect=partial(history, SIZE))
    assert (several.verdict, newest(several)) == ("proven", SIZE)
    assert several.against is not None
    assert (several.against.compared, several.against.unfit) == (len(SIZES), 0)
    assert (several.milestone, several.against) == (one.milestone, one.against)


def test_several_processes_find_the_first_checkpoint_that_does_not_fit(log: WholeLog) -> None:
    changed = UNIT + 300
    known = outside(*(note(log, size) for size in SIZES))
    other = history(SIZE, changed=changed)
    report = verify_log(other, outside=known, workers=2, connect=partial(history, SIZE, changed=changed))
    assert places(report) == [("rewritten", UNIT + 2)]
    assert newest(report) == UNIT + 1
