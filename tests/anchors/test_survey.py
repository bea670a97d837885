"""What stands outside now: which of an anchor's checkpoints is its newest, by whose clock, and what is odd."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.anchors.logs import ORIGIN, Log
from unbroken.anchors.anchor import Anchor, Oddity, Receipt, Submission, TrustedLog
from unbroken.anchors.appended_file import AppendedFile
from unbroken.anchors.directory import Directory
from unbroken.anchors.survey import Seen, survey
from unbroken.core.checkpoint import key_name
from unbroken.core.cosignature import CosigningKey
from unbroken.core.note import SigningKey
from unbroken.errors import AnchorError, UnavailableError

KEY = SigningKey(key_name(ORIGIN), b"k" * 32)
CLOCK = CosigningKey(KEY.name, KEY.secret)
LOG = Log(key=KEY)
TRUSTED = TrustedLog(ORIGIN, (KEY.verifier,))
NOW = datetime.now(UTC).replace(microsecond=0)


def submission(size: int, *, ago: timedelta) -> Submission:
    """A notary's note: it states when it was signed."""
    note = LOG.note(size) + CLOCK.cosign(str(LOG.checkpoint(size)), at=NOW - ago)
    return Submission.of(note, TRUSTED, consistency=lambda _: ())


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    made = Directory("nas", tmp_path, log=TRUSTED)
    made.prepare()
    return made


def one(anchor: Anchor, given: list[Receipt] | None = None, *, thorough: bool = False) -> Seen:
    (seen,) = survey([anchor], given or [], TRUSTED, timeout_s=20, thorough=thorough)
    return seen


def ages(seen: Seen) -> tuple[int, timedelta]:
    assert seen.newest is not None
    assert seen.newest.at is not None
    return seen.newest.checkpoint.size, NOW - seen.newest.at


@pytest.mark.parametrize("thorough", [False, True])
def test_of_a_quiet_log_the_newest_note_counts(directory: Directory, thorough: bool) -> None:
    receipts = [directory.publish(submission(5, ago=timedelta(hours=hours))) for hours in range(9, 0, -1)]
    seen = one(directory, receipts[::-1], thorough=thorough)
    assert ages(seen) == (5, timedelta(hours=1))
    assert (seen.is_asked, seen.newest is not None and seen.newest.clock) == (True, "log")


def test_an_older_receipt_makes_nothing_older(directory: Directory) -> None:
    older = directory.publish(submission(5, ago=timedelta(hours=1)))
    directory.publish(submission(9, ago=timedelta(hours=2)))
    assert ages(one(directory, [older])) == (9, timedelta(hours=2))


def test_the_last_that_is_read_may_be_the_newest(directory: Directory) -> None:
    hours = range(1, 13)
    for each in hours:
        directory.publish(submission(5, ago=timedelta(hours=each)))
    assert ages(one(directory, thorough=True)) == (5, timedelta(hours=1))
    assert one(directory, thorough=True).count == len(hours)


def test_two_histories_at_one_anchor_are_no_oddity_but_an_error(directory: Directory) -> None:
    other = Log("other", key=KEY)
    for log in (LOG, other):
        directory.publish(Submission.of(log.note(7), TRUSTED, consistency=lambda _: ()))
    seen = one(directory, thorough=True)
    assert isinstance(seen.error, AnchorError)
    assert "two signed checkpoints of 7 entries" in str(seen.error)
    assert seen.is_odd


def test_what_only_the_database_says_makes_nothing_newer(directory: Directory, tmp_path: Path) -> None:
    directory.publish(submission(5, ago=timedelta(hours=3)))
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Directory("nas", tmp_path / "elsewhere", log=TRUSTED)
    elsewhere.prepare()
    never_given = [elsewhere.publish(submission(size, ago=timedelta(0))) for size in (9, 5)]
    assert ages(one(directory, never_given)) == (5, timedelta(hours=3))
    assert ages(one(directory, never_given[::-1])) == (5, timedelta(hours=3))
    seen = one(directory, never_given, thorough=True)
    assert [(odd.what, odd.size) for odd in seen.oddities] == [("missing", 9), ("missing", 5)]
    assert seen.is_odd


def test_a_receipt_that_the_log_never_signed_is_damaged_and_not_missed(directory: Directory) -> None:
    forged = Receipt("nas", "directory", Log("other").note(7), b"")
    seen = one(directory, [forged], thorough=True)
    assert [(odd.what, odd.place.split(":")[0]) for odd in seen.oddities] == [("damaged", "a receipt in the database")]


def test_a_receipt_of_another_anchor_is_no_evidence_for_this_one(directory: Directory) -> None:
    other = Receipt("other", "directory", submission(7, ago=timedelta(0)).note, b"")
    assert one(directory, [other]).newest is None


class Stuck(AppendedFile):
    """A mount whose server is gone."""

    def __init__(self, name: str, directory: Path, *, log: TrustedLog) -> None:
        super().__init__(name, directory, log=log)
        self.released = threading.Event()

    def held(self) -> Iterator[Receipt | Oddity]:
        self.released.wait(30)
        return iter(())


def test_one_that_hangs_holds_up_nobody_and_is_shown_by_its_receipts(directory: Directory, tmp_path: Path) -> None:
    stuck = Stuck("stuck", tmp_path, log=TRUSTED)
    stuck.prepare()
    receipt = stuck.publish(submission(5, ago=timedelta(hours=1)))
    directory.publish(submission(5, ago=timedelta(hours=2)))
    first, second = survey([stuck, directory], [receipt], TRUSTED, timeout_s=0.5)
    stuck.released.set()
    assert isinstance(first.error, UnavailableError)
    assert (first.is_asked, first.is_odd, ages(first)) == (False, False, (5, timedelta(hours=1)))
    assert (second.is_asked, ages(second)) == (True, (5, timedelta(hours=2)))
