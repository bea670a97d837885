"""Rounds of a notary: what is kept of them, which alarms come of them, and that nothing of it is lost in between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.anchors.logs import ORIGIN, Log
from tests.anchors.records import FakeRecord, Stated, made_older
from tests.anchors.serving import Answer, Request, served
from tests.anchors.test_configuration import statement
from tests.anchors.witnessing import WITNESS_KEY, LoopbackWitness
from unbroken.anchors.alarms import CONTRADICTED, LATE, RESUMED
from unbroken.anchors.anchor import Receipt, TrustedLog
from unbroken.anchors.anchoring import Anchoring, Round
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.publishing import Backoff
from unbroken.core.checkpoint import key_name
from unbroken.core.cosignature import CosignerKey, CosigningKey, cosigned
from unbroken.core.note import SigningKey, parse
from unbroken.core.times import parse_time
from unbroken.core.tree.proving import consistency_proof
from unbroken.errors import ConfigurationError, UnavailableError

KEY = SigningKey(key_name(ORIGIN), b"k" * 32)
LOG = Log(key=KEY)
TRUSTED = TrustedLog(ORIGIN, (KEY.verifier,))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An anchor that failed is asked again in the next round."""
    monkeypatch.setattr(Backoff, "after", lambda *_: timedelta(0))


@pytest.fixture
def witness() -> LoopbackWitness:
    return LoopbackWitness(log=TRUSTED)


class Scene:
    """Two directories and a witness on the loopback, whose answers a test may put another in place of."""

    def __init__(self, folder: Path, witness: LoopbackWitness) -> None:
        self.folder = folder
        self.witness = witness
        self.answers: list[Answer] = []
        self.record = FakeRecord()
        self.is_down = False
        for name in ("a", "b"):
            (folder / name).mkdir()
        (folder / "state").mkdir(mode=0o700)

    def answer(self, request: Request) -> Answer:
        if self.is_down:
            return Answer(503)
        return self.answers.pop(0) if self.answers else self.witness.answer(request)

    def write(self, url: str, *, quorum: int = 2, allowed: str = "3h") -> None:
        head = f'log = "{LOG.origin.partition("~")[0]}"\ntrust = ["{KEY.verifier}"]\n'
        terms = f'quorum = {quorum}\nallowed_age = "{allowed}"\nrenew = "1s"\ntimeout = "5s"\n'
        places = "".join(
            f'[[anchor]]\nname = "{name}"\nkind = "{kind}"\npath = "{name}"\n'
            for name, kind in (("a", "directory"), ("b", "file"))
        )
        one = f'[[anchor]]\nname = "w"\nkind = "witness"\nurl = "{url}/w"\nkeys = ["{WITNESS_KEY.verifier}"]\n'
        (self.folder / "anchors.toml").write_text(head + terms + places + one)
        file = AnchorsFile.read(self.folder / "anchors.toml")
        for anchor in file.anchors(file.trusted(ORIGIN)):
            getattr(anchor, "prepare", lambda: None)()

    def anchoring(self) -> Anchoring:
        """As after a start of the notary's process."""
        return Anchoring(AnchorsFile.read(self.folder / "anchors.toml"), self.folder / "state", log=ORIGIN)

    def take_away(self, name: str) -> None:
        (self.folder / name).rename(self.folder / f"{name}.away")

    def bring_back(self, name: str) -> None:
        (self.folder / f"{name}.away").rename(self.folder / name)


@pytest.fixture
def scene(tmp_path: Path, witness: LoopbackWitness) -> Iterator[Scene]:
    made = Scene(tmp_path, witness)
    with served(made.answer) as url:
        made.write(url)
        yield made


def go(anchoring: Anchoring, size: int, record: FakeRecord, log: Log = LOG) -> Round:
    return anchoring.round(log.note(size), lambda old: consistency_proof(old, size, reader=log), record)


def states(done: Round) -> list[str]:
    return [each.state for each in done.published.outcomes]


# ---- receipts ----


def test_all_have_it_and_the_database_has_their_receipts(scene: Scene) -> None:
    done = go(scene.anchoring(), 5, scene.record)
    assert states(done) == ["anchored"] * 3
    assert (done.is_late, done.is_contradicted, done.unstored, done.lines) == (False, False, 0, ())
    assert sorted((*row[:4],) for row in scene.record.receipts.values()) == [
        ("a", "directory", 5, LOG.root(5)),
        ("b", "file", 5, LOG.root(5)),
        ("w", "witness", 5, LOG.root(5)),
    ]
    times = {row[0]: row[4] for row in scene.record.receipts.values()}
    assert (times["a"], times["b"]) == (None, None)
    assert times["w"] is not None
    assert scene.record.alarms == []
    assert list((scene.folder / "state" / "receipts-1").iterdir()) == []


def test_what_is_served_bears_the_witness_s_cosignature_also_after_a_renewal(scene: Scene) -> None:
    anchoring = scene.anchoring()
    for extra in (0, 1):
        done = go(anchoring, 5, scene.record)
        parsed = parse(done.served)
        assert done.served.startswith(LOG.note(5))
        assert len(parsed.signatures) == 2, extra
        assert [each.by for each in cosigned(parsed.text, parsed.signatures, [WITNESS_KEY.verifier])] == [
            WITNESS_KEY.verifier
        ]


def test_a_database_that_is_away_gets_them_later_also_after_a_start(scene: Scene) -> None:
    scene.record.fails = UnavailableError("the database is away")
    done = go(scene.anchoring(), 5, scene.record)
    assert states(done) == ["anchored"] * 3
    assert done.unstored == 3
    assert done.lines == ("the database did not take 3 receipts and alarms, which are kept: the database is away",)
    assert go(scene.anchoring(), 6, scene.record).unstored >= 5
    scene.record.fails = None
    assert go(scene.anchoring(), 7, scene.record).unstored == 0
    assert {row[2] for row in scene.record.receipts.values()} == {5, 6, 7}
    assert sum(row[1] == "witness" for row in scene.record.receipts.values()) == 3


def test_an_end_between_the_answer_and_keeping_it_loses_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    class EndedError(Exception):
        pass

    def end(*_: object) -> None:
        raise EndedError

    with monkeypatch.context() as patched:
        patched.setattr("unbroken.anchors.kept.KeptReceipts.keep", end)
        with pytest.raises(EndedError):
            go(scene.anchoring(), 5, scene.record)
    assert scene.record.receipts == {}
    scene.witness.key = CosigningKey("another", b"x" * 32)
    go(scene.anchoring(), 6, scene.record)
    assert [row[:3] for row in scene.record.receipts.values() if row[0] == "w"] == [("w", "witness", 5)]


def test_a_kept_receipt_that_was_damaged_is_kept_anew_from_the_state(scene: Scene) -> None:
    scene.record.fails = UnavailableError("away")
    go(scene.anchoring(), 5, scene.record)
    folder = scene.folder / "state" / "receipts-1"
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:20])
    scene.record.fails = None
    go(scene.anchoring(), 5, scene.record)
    assert {row[0] for row in scene.record.receipts.values()} == {"a", "b", "w"}


# ---- alarms ----


def test_late_is_told_once_and_that_it_is_over_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    go(scene.anchoring(), 5, scene.record)
    scene.take_away("a")
    scene.is_down = True
    assert not go(scene.anchoring(), 6, scene.record).is_late
    made_older(scene.folder / "state", timedelta(hours=4))
    for size in (7, 8):
        done = go(scene.anchoring(), size, scene.record)
        assert done.is_late
        assert any(line.startswith("late: ") for line in done.lines)
    ((told, details),) = scene.record.alarms
    assert told == LATE
    assert timedelta(hours=4) <= datetime.now(UTC) - parse_time(str(details["last"])) < timedelta(hours=5)
    assert details | {"last": ""} == {"quorum": 2, "size": 5, "allowed_s": 10800, "anchors": "a, w", "last": ""}
    scene.bring_back("a")
    for size in (9, 10):
        assert not go(scene.anchoring(), size, scene.record).is_late
    assert [name for name, _ in scene.record.alarms] == [LATE, RESUMED]
    assert scene.record.alarms[1][1]["size"] == 9


def test_a_first_round_that_reaches_no_quorum_is_late_at_once(scene: Scene) -> None:
    scene.take_away("a")
    scene.is_down = True
    done = go(scene.anchoring(), 5, scene.record)
    assert (states(done), done.is_late) == (["failed", "anchored", "failed"], True)
    assert [name for name, _ in scene.record.alarms] == [LATE]
    assert "last" not in scene.record.alarms[0][1]


def test_an_alarm_waits_for_a_database_that_refuses(scene: Scene) -> None:
    scene.take_away("a")
    scene.is_down = True
    scene.record.fails = UnavailableError("the database is away")
    assert len(go(scene.anchoring(), 5, scene.record).alarmed.untold) == 1
    scene.record.fails = None
    scene.bring_back("a")
    assert not go(scene.anchoring(), 6, scene.record).is_late
    assert [name for name, _ in scene.record.alarms] == [LATE, RESUMED]


def test_another_history_at_a_witness_is_told_once_until_it_is_over(scene: Scene) -> None:
    go(scene.anchoring(), 100, scene.record)
    other = Log("other", key=KEY)
    (scene.folder / "state" / "anchors-1.json").unlink()
    for _ in range(2):
        done = go(scene.anchoring(), 200, scene.record, other)
        assert done.is_contradicted
        assert "does not continue" in done.lines[0]
    ((told, details),) = scene.record.alarms
    assert (told, details["anchor"], details["kind"], details["what"]) == (CONTRADICTED, "w", "witness", "answer")
    assert "does not continue" in str(details["problem"])
    scene.is_down = True
    assert go(scene.anchoring(), 300, scene.record, other).is_contradicted
    scene.is_down = False
    (scene.folder / "state" / "anchors-1.json").unlink()
    assert not go(scene.anchoring(), 300, scene.record).is_contradicted
    assert len(scene.record.alarms) == 1


def test_what_an_anchor_lost_is_told(scene: Scene) -> None:
    anchoring = scene.anchoring()
    go(anchoring, 5, scene.record)
    (taken,) = (scene.folder / "a").glob("*/*.checkpoint")
    taken.unlink()
    done = go(anchoring, 6, scene.record)
    assert done.is_contradicted
    assert done.lines[0].startswith("the anchor 'a': missing: directory ")
    ((told, details),) = scene.record.alarms
    assert (told, details["anchor"], details["what"], details["size"]) == (CONTRADICTED, "a", "missing", 5)
    done = go(anchoring, 7, scene.record)
    assert not done.is_contradicted
    assert len(scene.record.alarms) == 1


def test_a_damaged_file_of_alarms_stops_and_says_so(scene: Scene) -> None:
    (scene.folder / "state" / "alarms-1.json").write_bytes(b'{"late_since":')
    with pytest.raises(ConfigurationError, match=r"alarms-1.json.*damaged"):
        go(scene.anchoring(), 5, scene.record)
    assert len(scene.record.receipts) == 3


# ---- keys ----


def test_a_rotated_key_is_followed_without_a_start(scene: Scene) -> None:
    anchoring = scene.anchoring()
    go(anchoring, 5, scene.record)
    newer = SigningKey.generate(KEY.name)
    with pytest.raises(ConfigurationError, match="into its trust"):
        go(anchoring, 6, scene.record, Log(key=newer))
    scene.record.statements = [Stated(statement(KEY, None, 0)), Stated(statement(newer, KEY, 5))]
    scene.witness.log = TrustedLog(ORIGIN, (newer.verifier,))
    assert states(go(anchoring, 6, scene.record, Log(key=newer))) == ["anchored"] * 3
    with pytest.raises(ConfigurationError, match="not its to sign"):
        go(anchoring, 7, scene.record)


def test_statements_that_do_not_fit_do_not_keep_checkpoints_inside(scene: Scene) -> None:
    other = SigningKey.generate(KEY.name)
    scene.record.statements = [Stated(statement(other, KEY, 5))]
    done = go(scene.anchoring(), 5, scene.record)
    assert states(done) == ["anchored"] * 3
    assert done.unfitting is not None
    assert done.lines[0].startswith("the log's key statements count for nothing: ")


# ---- figures ----


def test_figures_say_what_the_round_says(scene: Scene) -> None:
    scene.is_down = True
    done = go(scene.anchoring(), 5, scene.record)
    values = {(each.name, each.labels.get("anchor")): each.value for each in done.samples}
    assert values["unbroken_anchoring_late", None] == 0
    assert values["unbroken_anchoring_size", None] == 5
    assert values["unbroken_anchoring_contradicted", None] == 0
    assert values["unbroken_anchoring_receipts_waiting", None] == 0
    assert values["unbroken_anchoring_age_seconds", None] < 60
    assert [values["unbroken_anchor_size", name] for name in ("a", "b", "w")] == [5, 5, 0]
    assert [values["unbroken_anchor_failures", name] for name in ("a", "b", "w")] == [0, 0, 1]
    assert ("unbroken_anchor_age_seconds", "w") not in values
    assert {each.labels["log"] for each in done.samples} == {ORIGIN}


# ---- what is shown to others ----


def test_only_what_fits_is_put_to_a_note(scene: Scene) -> None:
    from unbroken.anchors.served import served as put_together

    go(scene.anchoring(), 5, scene.record)
    receipts = list(scene.record.receipts)
    (of_witness,) = (raw for raw, row in scene.record.receipts.items() if row[1] == "witness")
    note = LOG.note(5)
    whole = put_together(note, receipts)
    assert put_together(note, [*receipts, *receipts]) == whole
    assert put_together(whole, receipts) == whole
    assert put_together(LOG.note(6), receipts) == LOG.note(6)
    receipt = Receipt.from_bytes(of_witness)
    for proof in (b"", b"\xff", b"\n", receipt.proof + b"\n", receipt.proof + b"x\n\n" + receipt.proof):
        odd = Receipt("w", "witness", receipt.note, proof).to_bytes()
        assert put_together(note, [b"{}", odd, of_witness]) == whole
    second = CosigningKey("witness.example/w2", b"v" * 32)
    line = second.cosign(parse(note).text, at=datetime.now(UTC))
    assert put_together(note, [Receipt("w2", "timestamp", note, line.encode()).to_bytes()]) == note
    both = put_together(note, [of_witness, Receipt("w2", "witness", note, line.encode()).to_bytes()])
    assert len(cosigned(parse(both).text, parse(both).signatures, [WITNESS_KEY.verifier, second.verifier])) == 2
    assert CosignerKey.of(KEY.verifier).name == KEY.name
