"""Several anchors at once, through outages of some of them, with a memory that outlives the process."""

import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.anchors.authority import authority
from tests.anchors.logs import ORIGIN, TRUSTED, Log
from tests.anchors.serving import Answer, Request, served
from tests.anchors.witnessing import WITNESS_KEY, LoopbackWitness
from unbroken.anchors.anchor import Anchor, Anchored, Kind, Oddity, Receipt, Submission, TrustedLog
from unbroken.anchors.asking import Asking
from unbroken.anchors.directory import Directory
from unbroken.anchors.endpoint import Endpoint
from unbroken.anchors.publishing import Backoff, Publisher, Round, Terms
from unbroken.anchors.standing import Standing, StandingFile
from unbroken.anchors.timestamp import TimestampAuthority
from unbroken.anchors.witness import Witness
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import SigningKey, parse
from unbroken.errors import AnchorError, ConfigurationError, UnavailableError, UnbrokenError

LOG = Log()
AT_ONCE = Backoff(first=timedelta(0), most=timedelta(0))


@dataclass
class Fake:
    """An anchor that does what it is told to: a stand-in where the real ones can't be made to."""

    name: str
    does: Callable[[], None] = lambda: None
    kind: Kind = "directory"
    keeps: bool = True
    given: list[int] = field(default_factory=list)
    lost: bool = False

    @property
    def where(self) -> str:
        return f"fake {self.name}"

    def publish(self, submission: Submission) -> Receipt:
        self.does()
        self.given.append(submission.checkpoint.size)
        return Receipt(self.name, self.kind, submission.note, b"")

    def held(self) -> Iterator[Receipt | Oddity]:
        return iter(())

    def newest(self) -> Receipt | None:
        return None

    def holds(self, receipt: Receipt) -> bool:
        return not self.lost and receipt.anchor == self.name

    def verify(self, receipt: Receipt) -> Anchored:
        checkpoint = Checkpoint.parse(parse(receipt.note).text)
        return Anchored(self.name, self.kind, checkpoint, by=self.where)


def failing(error: UnbrokenError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "anchors.json"


def publisher(path: Path, anchors: Sequence[Anchor], **terms: object) -> Publisher:
    given = Terms(**{"backoff": AT_ONCE, "timeout_s": 5.0, "renew": timedelta(hours=1), **terms})  # type: ignore[arg-type]
    return Publisher(anchors, StandingFile(path, origin=ORIGIN), terms=given)


def states(publisher: Publisher, size: int, *, of: Log = LOG) -> list[str]:
    return [each.state for each in publisher.publish(of.submission(size)).outcomes]


def have(done: Round) -> int:
    """How many anchors have the tree of the checkpoint that a round published."""
    tree = (done.checkpoint.size, done.checkpoint.root)
    return [(each.size, each.root) for each in done.standings.values()].count(tree)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that in 20 s"
        time.sleep(0.01)


# ---- all kinds together ----


def test_a_directory_a_witness_and_an_authority_at_once(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("rfc3161_client")
    (tmp_path / "mount").mkdir()
    (tmp_path / "authority").mkdir()
    signing, witness = authority(tmp_path / "authority"), LoopbackWitness()
    directory = Directory("vault", tmp_path / "mount", log=TRUSTED)
    directory.prepare()
    with served(witness.answer) as at, served(signing.answer) as tsa:
        anchors: list[Anchor] = [
            directory,
            Witness("w1", Endpoint(f"{at}/w"), keys=[WITNESS_KEY.verifier], log=TRUSTED),
            TimestampAuthority(
                "tsa", Endpoint(tsa), log=TRUSTED, roots=[signing.root], intermediates=[signing.intermediate]
            ),
        ]
        publishing = publisher(path, anchors, quorum=3, timeout_s=30.0)
        for size in (5, 300):
            done = publishing.publish(LOG.submission(size))
            assert [each.error for each in done.outcomes] == [None] * 3
            assert have(done) == 3
    shown = [anchor.verify(each) for anchor, each in zip(anchors, done.receipts, strict=True)]
    assert [each.checkpoint for each in shown] == [LOG.checkpoint(300)] * 3
    again = publisher(path, anchors, quorum=3)
    assert [each.size for each in again.standings().values()] == [300] * 3
    assert [each.receipt for each in again.standings().values()] == list(done.receipts)


# ---- outages ----


def test_a_quorum_is_enough(path: Path) -> None:
    down = Fake("down", failing(UnavailableError("away")))
    done = publisher(path, [Fake("a"), down, Fake("c")], quorum=2).publish(LOG.submission(5))
    assert [each.state for each in done.outcomes] == ["anchored", "failed", "anchored"]
    assert have(done) == done.quorum == 2
    assert len(done.receipts) == 2
    assert have(publisher(path, [Fake("a"), down], quorum=2).publish(LOG.submission(6))) == 1


def test_an_outage_is_left_alone_longer_and_longer_and_outlives_the_process(path: Path) -> None:
    down = Fake("down", failing(UnavailableError("away")))
    waiting = Backoff(first=timedelta(minutes=1), most=timedelta(minutes=5))
    rounds = [states(publisher(path, [Fake("a"), down], backoff=waiting), size) for size in (5, 6, 7)]
    assert rounds == [["anchored", "failed"], ["anchored", "waiting"], ["anchored", "waiting"]]
    standing = publisher(path, [Fake("a"), down]).standings()["down"]
    assert (standing.failures, standing.problem) == (1, "UnavailableError: away")
    assert standing.failing_since is not None
    assert standing.retry_at is not None
    assert timedelta(0) < standing.retry_at - datetime.now(UTC) <= timedelta(minutes=1)


def test_after_it_the_newest_checkpoint_is_enough(path: Path) -> None:
    down = Fake("down", failing(UnavailableError("away")))
    assert [states(publisher(path, [Fake("a"), down]), size)[1] for size in (5, 6, 7)] == ["failed"] * 3
    down.does = lambda: None
    assert states(publisher(path, [Fake("a"), down]), 8) == ["anchored", "anchored"]
    assert down.given == [8]
    standing = publisher(path, [Fake("a"), down]).standings()["down"]
    assert (standing.failures, standing.problem, standing.failing_since, standing.retry_at) == (0, None, None, None)


def test_waits_grow_to_their_limit_and_differ() -> None:
    backoff = Backoff(first=timedelta(seconds=4), most=timedelta(seconds=60))
    for failures, whole in ((1, 4), (2, 8), (3, 16), (5, 60), (10_000, 60)):
        waits = [backoff.after(failures).total_seconds() for _ in range(200)]
        assert whole / 2 <= min(waits) <= max(waits) <= whole
        assert len(set(waits)) > 50


def test_a_wait_that_a_wrong_clock_wrote_is_not_waited_for(path: Path) -> None:
    far = datetime.now(UTC) + timedelta(days=400)
    StandingFile(path, origin=ORIGIN).write(
        {"a": Standing(failures=3, retry_at=far), "b": Standing(5, LOG.root(5), far, far)}
    )
    assert states(publisher(path, [Fake("a"), Fake("b")]), 5) == ["anchored", "anchored"]


def test_an_anchor_that_hangs_holds_up_nobody(path: Path) -> None:
    released = threading.Event()

    def waiting() -> None:
        released.wait(30)

    stuck = Fake("stuck", waiting)
    publishing = publisher(path, [Fake("a"), stuck, Fake("c")], timeout_s=0.3)
    threads = threading.active_count()
    started = time.monotonic()
    assert states(publishing, 5) == ["anchored", "pending", "anchored"]
    assert states(publishing, 6) == ["anchored", "pending", "anchored"]
    assert time.monotonic() - started < 5
    assert threading.active_count() == threads + 1
    assert publishing.standings()["stuck"].problem == "it does not answer"
    released.set()
    until(lambda: threading.active_count() == threads)
    done = publishing.publish(LOG.submission(7))
    assert [(each.anchor, each.state) for each in done.late] == [("stuck", "anchored")]
    assert [each.state for each in done.outcomes] == ["anchored"] * 3
    assert [TRUSTED.opened(each.note).size for each in done.receipts] == [5, 7, 7, 7]
    assert stuck.given == [5, 7]


def divide() -> None:
    1 // 0  # noqa: B018 - for its error


def test_what_nobody_expected_is_raised_and_not_for_ever(path: Path) -> None:
    broken = Fake("broken", divide)
    publishing = publisher(path, [Fake("a"), broken])
    with pytest.raises(ZeroDivisionError):
        publishing.publish(LOG.submission(5))
    broken.does = lambda: None
    assert states(publishing, 5) == ["anchored", "anchored"]


# ---- consistency proofs ----


def test_proofs_are_asked_for_one_at_a_time_and_not_after_the_round(path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def consistency(_: int) -> list[bytes]:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return []

    @dataclass
    class Proving(Fake):
        begin: threading.Event | None = None
        raised: UnbrokenError | None = None

        def publish(self, submission: Submission) -> Receipt:
            if self.begin is not None:
                self.begin.wait(30)
            try:
                submission.consistency(3)
            except UnbrokenError as error:
                self.raised = error
                raise
            return super().publish(submission)

    anchors = [Proving(f"p{at}") for at in range(5)]
    slow = Proving("slow", begin=threading.Event())
    submission = Submission.of(LOG.note(5), TRUSTED, consistency=consistency)
    done = publisher(path, [*anchors, slow], timeout_s=2.0).publish(submission)
    assert [each.state for each in done.outcomes] == ["anchored"] * 5 + ["pending"]
    assert max(most) == 1
    assert slow.begin is not None
    slow.begin.set()
    until(lambda: slow.raised is not None)
    assert isinstance(slow.raised, UnavailableError)
    assert len(most) == 5


# ---- what is published, and when again ----


def test_a_tree_that_it_has_is_renewed_in_time_and_not_more_often(path: Path) -> None:
    anchors = [Fake("a"), Fake("b")]
    assert states(publisher(path, anchors), 5) == ["anchored"] * 2
    done = publisher(path, anchors).publish(LOG.submission(5, "a later time"))
    assert [each.state for each in done.outcomes] == ["current"] * 2
    assert (have(done), done.receipts) == (2, ())
    assert states(publisher(path, anchors, renew=timedelta(0)), 5) == ["anchored"] * 2
    assert anchors[0].given == [5, 5]


def test_a_log_that_came_back_behind_is_published_nowhere(path: Path) -> None:
    anchors = [Fake("a"), Fake("b")]
    states(publisher(path, anchors), 50)
    for log, size, message in ((LOG, 49, "came back behind"), (Log("other"), 50, "two histories")):
        done = publisher(path, anchors).publish(log.submission(size))
        assert [each.state for each in done.outcomes] == ["failed"] * 2
        for each in done.outcomes:
            assert isinstance(each.error, AnchorError)
            assert message in str(each.error)
        assert have(done) == 0
    assert anchors[0].given == [50]
    assert "two histories" in str(publisher(path, anchors).standings()["a"].problem)
    assert states(publisher(path, anchors), 51) == ["anchored"] * 2


def test_what_an_anchor_no_longer_holds_is_told_and_given_again(path: Path) -> None:
    lossy = Fake("lossy")
    states(publisher(path, [Fake("a"), lossy]), 5)
    lossy.lost = True
    done = publisher(path, [Fake("a"), lossy]).publish(LOG.submission(6))
    assert done.outcomes[1].state == "anchored"
    assert done.outcomes[1].oddities == (Oddity("lossy", "missing", "fake lossy", 5),)
    assert done.outcomes[0].oddities == ()


def test_a_last_receipt_of_a_key_that_is_trusted_no_longer_stops_nothing(path: Path, tmp_path: Path) -> None:
    old, new = (Log(key=SigningKey(ORIGIN, secret * 32)) for secret in (b"1", b"2"))
    for log in (old, new):
        directory = Directory("vault", tmp_path, log=TrustedLog(ORIGIN, (log.key.verifier,)))
        directory.prepare()
        done = publisher(path, [Fake("a"), directory]).publish(log.submission(5 if log is old else 6))
        assert [each.state for each in done.outcomes][1] == "anchored"


def test_a_contradiction_at_a_witness_is_an_error_of_its_own(path: Path) -> None:
    witness = LoopbackWitness()
    with served(witness.answer) as at:
        anchor = Witness("w1", Endpoint(f"{at}/w"), keys=[WITNESS_KEY.verifier], log=TRUSTED)
        publisher(path, [Fake("a"), anchor]).publish(LOG.submission(100))
        path.unlink()
        done = publisher(path, [Fake("a"), anchor]).publish(Log("other").submission(200))
    assert isinstance(done.outcomes[1].error, AnchorError)
    assert witness.size == 100


def test_failing_and_recovering_over_http(path: Path) -> None:
    witness = LoopbackWitness()
    faults: list[Answer] = [Answer(503), Answer(200, b"half", stated=100), Answer(200, b"x" * 100_000)]

    def answer(request: Request) -> Answer:
        return faults.pop(0) if faults else witness.answer(request)

    with served(answer) as at:
        anchor = Witness("w1", Endpoint(f"{at}/w"), keys=[WITNESS_KEY.verifier], log=TRUSTED)
        publishing = publisher(path, [Fake("a"), anchor])
        rounds = [publishing.publish(LOG.submission(size)).outcomes[1] for size in (5, 6, 7, 8)]
    assert [each.state for each in rounds] == ["failed"] * 3 + ["anchored"]
    assert [type(each.error) for each in rounds[:3]] == [UnavailableError, UnavailableError, AnchorError]
    assert witness.asked == ["old 0 +0"]


# ---- set-up and the file ----


def test_anchors_are_at_least_two_and_apart(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 2"):
        publisher(path, [Fake("a")], quorum=1)
    with pytest.raises(ConfigurationError, match="one name"):
        publisher(path, [Fake("a"), Fake("a")])
    same = [Directory(name, tmp_path, log=TRUSTED) for name in ("a", "b")]
    with pytest.raises(ConfigurationError, match="one where"):
        publisher(path, same)
    for quorum in (0, 3):
        with pytest.raises(ConfigurationError, match="quorum"):
            publisher(path, [Fake("a"), Fake("b")], quorum=quorum)


def test_the_file_is_the_owner_s_and_replaced_whole(path: Path) -> None:
    states(publisher(path, [Fake("a"), Fake("b")]), 5)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_ino
    states(publisher(path, [Fake("a"), Fake("b")]), 6)
    assert path.stat().st_ino != before
    assert sorted(each.name for each in path.parent.iterdir()) == ["anchors.json", "anchors.json.lock"]


def test_an_anchor_that_is_taken_out_is_remembered(path: Path) -> None:
    states(publisher(path, [Fake("a"), Fake("b"), Fake("c")]), 5)
    states(publisher(path, [Fake("a"), Fake("b")]), 6)
    known = StandingFile(path, origin=ORIGIN).read()
    assert {name: each.size for name, each in known.items()} == {"a": 6, "b": 6, "c": 5}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"v":2,"origin":"%s","anchors":{}}' % ORIGIN.encode(), b'{"v":1,"origin":"x"}'],
)
def test_a_damaged_file_stops_and_says_what_to_do(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="Put it aside"):
        publisher(path, [Fake("a"), Fake("b")]).publish(LOG.submission(5))
    assert path.read_bytes() == content


def test_a_file_with_a_wrong_value_is_damaged(path: Path) -> None:
    states(publisher(path, [Fake("a"), Fake("b")]), 5)
    whole = json.loads(path.read_bytes())
    for key, value in (("at", "yesterday"), ("root", "xy"), ("receipt", "eHg="), ("size", "5"), ("more", 1)):
        path.write_text(json.dumps({**whole, "anchors": {"a": {**whole["anchors"]["a"], key: value}}}))
        with pytest.raises(ConfigurationError, match="Put it aside"):
            StandingFile(path, origin=ORIGIN).read()


def test_a_file_of_another_log_is_refused(path: Path) -> None:
    states(publisher(path, [Fake("a"), Fake("b")]), 5)
    with pytest.raises(ConfigurationError, match="that of the log"):
        StandingFile(path, origin="else.example").read()


def test_a_file_that_can_t_be_written_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unbroken.anchors.standing.os.fsync", fail)
    with pytest.raises(UnavailableError, match="at the anchors all the same"):
        publisher(path, [Fake("a"), Fake("b")]).publish(LOG.submission(5))
    assert [each.name for each in path.parent.iterdir()] == ["anchors.json.lock"]


def test_one_process_publishes_at_a_time(path: Path) -> None:
    with StandingFile(path, origin=ORIGIN).locked(), pytest.raises(UnavailableError, match="another process"):
        publisher(path, [Fake("a"), Fake("b")]).publish(LOG.submission(5))
    assert states(publisher(path, [Fake("a"), Fake("b")]), 5) == ["anchored"] * 2


def _hang_and_end() -> None:
    Asking(Fake("stuck", lambda: time.sleep(600)), LOG.submission(5), last=None).told(within_s=0.05)


def test_an_anchor_that_hangs_does_not_keep_the_process_from_ending() -> None:
    process = multiprocessing.get_context("spawn").Process(target=_hang_and_end)
    process.start()
    process.join(20)
    is_over = not process.is_alive()
    process.kill()
    process.join()
    assert is_over
    assert process.exitcode == 0
