"""From entries to places outside and back: a notary's rounds on a real database, with every kind of anchor."""

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.anchors.authority import authority
from tests.anchors.records import made_older
from tests.anchors.serving import Answer, Request, served
from tests.anchors.witnessing import WITNESS_KEY, LoopbackWitness
from tests.conftest import LOG, Database
from tests.database.notarised import DIRECTORY, FILE, FULL, KEY, STORE, Notarised, timestamps_at, witness_at
from unbroken.anchors.anchor import TrustedLog
from unbroken.anchors.anchoring import Round
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.publishing import Backoff
from unbroken.anchors.served import served as with_cosignatures
from unbroken.cli.anchor_look import Outside, look
from unbroken.core.cosignature import cosigned
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.note import parse
from unbroken.errors import UnavailableError
from unbroken.store.checkpoints import Checkpoints

Entries = Callable[[], list[StoredEntry]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An anchor that failed is asked again in the next round."""
    monkeypatch.setattr(Backoff, "after", lambda *_: timedelta(0))


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Notarised:
    return Notarised(database, tmp_path)


@pytest.fixture
def witness() -> LoopbackWitness:
    return LoopbackWitness(log=TrustedLog(FULL, (KEY.verifier,)))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An emulated object store, in this process."""
    moto = pytest.importorskip("moto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with moto.mock_aws():
        client = importlib.import_module("boto3").client("s3")
        client.create_bucket(Bucket="checkpoints", ObjectLockEnabledForBucket=True)
        yield client


def outside(log: Notarised, *, thorough: bool = False, login: str = "verifier") -> Outside:
    return look(AnchorsFile.read(log.file), log.database.conninfo(login), None, what="a test", thorough=thorough)


def alarms(entries: Entries) -> list[tuple[str, dict[str, Any]]]:
    found = [(decode_event(each.event).event_type, json.loads(each.details or b"{}")) for each in entries()]
    return [each for each in found if each[0].startswith("log.anchor")]


def states(done: Round) -> dict[str, str]:
    return {each.anchor: each.state for each in done.published.outcomes}


def no_proof(_: int) -> list[bytes]:
    raise AssertionError("directories and files ask for no proof")


# ---- all kinds, the whole way ----


def test_every_kind_has_what_was_signed_and_shows_it(
    log: Notarised, witness: LoopbackWitness, bucket: Any, tmp_path: Path, entries: Entries
) -> None:
    pytest.importorskip("rfc3161_client")
    (tmp_path / "authority").mkdir()
    signing = authority(tmp_path / "authority")
    with served(witness.answer) as w, served(signing.answer) as tsa:
        log.write([DIRECTORY, FILE, STORE, timestamps_at(tsa, signing, tmp_path), witness_at(w)], quorum=5)
        with log.at_work() as work:
            for _ in range(3):
                log.record(300)
                done = work.round()
                assert states(done) == dict.fromkeys(("nas", "site", "store", "tsa", "w1"), "anchored"), done.lines
            stored = work.kept.receipts(limit=100)
            note = work.kept.newest()
    size = done.published.checkpoint.size
    assert size > 900
    assert witness.asked[-1].startswith("old 6")
    assert sorted(each.anchor for each in stored if each.size == size) == ["nas", "site", "store", "tsa", "w1"]
    assert {each.anchor for each in stored if each.at is not None} == {"tsa", "w1"}
    seen = outside(log)
    assert (seen.head, seen.lateness.size, seen.window, seen.exit_code()) == (size, size, None, 0)
    assert [(each.is_asked, each.newest.clock) for each in seen.seen if each.newest is not None] == [
        *((True, "log"), (True, "log"), (True, "log")),
        *((False, "anchor"), (False, "anchor")),
    ]
    log.record(7)
    again = outside(log, thorough=True)
    assert (again.window, again.exit_code(all_must_answer=True)) == ((size + 1, size + 7), 0)
    assert {each.anchor: each.count for each in again.seen} == dict.fromkeys(("nas", "site", "store", "tsa", "w1"), 3)
    assert alarms(entries) == []
    assert note is not None
    whole = parse(with_cosignatures(note.note, [each.receipt for each in stored]))
    assert [each.by.name for each in cosigned(whole.text, whole.signatures, [WITNESS_KEY.verifier])] == [
        WITNESS_KEY.name
    ]
    assert whole == parse(done.served)


@pytest.mark.parametrize("login", ["notary", "ops", "compliance", "legal", "dpo", "retention", "access"])
def test_every_duty_that_may_know_of_the_log_may_look(log: Notarised, login: str) -> None:
    log.write([DIRECTORY, FILE])
    with log.at_work() as work:
        log.record(3)
        work.round()
    assert outside(log, login=login).exit_code() == 0


# ---- outages, and that a quiet log stays quiet ----


def test_late_and_resumed_are_entries_and_a_quiet_log_stays_quiet(
    log: Notarised, witness: LoopbackWitness, entries: Entries
) -> None:
    down: list[bool] = []

    def answer(request: Request) -> Answer:
        return Answer(503) if down else witness.answer(request)

    with served(answer) as url:
        log.write([DIRECTORY, witness_at(url)])
        with log.at_work() as work:
            log.record(3)
            work.round()
            before = len(entries())
            for _ in range(3):
                assert not work.round().is_late
            assert len(entries()) == before
            down.append(True)
            log.record(1)
            made_older(log.folder / "state", timedelta(hours=4))
            assert [work.round().is_late for _ in range(2)] == [True, True]
            down.clear()
            assert [work.round().is_late for _ in range(2)] == [False, False]
    assert [(name, details["quorum"]) for name, details in alarms(entries)] == [
        ("log.anchoring_late", 2),
        ("log.anchoring_resumed", 2),
    ]
    assert alarms(entries)[0][1]["anchors"] == "w1"


@dataclass
class Breaking:
    """A notary's database whose connection is ended when the anchors have answered."""

    database: Database
    kept: Checkpoints

    def __getattr__(self, name: str) -> Any:
        if name == "store_receipt":
            self.database.admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'notary' and datname = current_database()"
            )
        return getattr(self.kept, name)


def test_a_connection_that_breaks_after_publishing_costs_nothing(log: Notarised) -> None:
    log.write([DIRECTORY, FILE])
    with log.at_work() as work:
        log.record(3)
        signed = work.notary.round(work.kept).signed
        done = work.anchoring.round(signed.note, no_proof, Breaking(log.database, work.kept))
        assert states(done) == {"nas": "anchored", "site": "anchored"}
        assert done.unstored == 2
        assert isinstance(done.refused, UnavailableError)
        with Checkpoints.open(log.database.conninfo("notary"), LOG) as anew:
            assert anew.receipts(limit=10) == []
            assert work.anchoring.round(signed.note, no_proof, anew).unstored == 0
            assert {each.anchor for each in anew.receipts(limit=10)} == {"nas", "site"}


# ---- what is odd is seen ----


@pytest.fixture
def anchored(log: Notarised) -> Notarised:
    """Two anchors with a checkpoint of three entries and one of all that there are."""
    log.write([DIRECTORY, FILE])
    with log.at_work() as work:
        for count in (3, 5):
            log.record(count)
            work.round()
    assert outside(log, thorough=True).exit_code(all_must_answer=True) == 0
    return log


def test_a_log_that_ends_before_its_anchors_is_told(anchored: Notarised) -> None:
    anchored.database.disarm()
    head = outside(anchored).head
    anchored.database.admin.execute("delete from unbroken.entries where seq > %s", (head - 2,))
    seen = outside(anchored)
    assert set(seen.contradictions) == {"nas", "site"}
    assert "entries are gone" in seen.contradictions["nas"]
    assert (seen.exit_code(), seen.lateness.size, seen.lateness.is_late) == (1, 0, True)


def test_a_log_that_was_rewritten_with_its_tiles_is_told(anchored: Notarised) -> None:
    anchored.database.disarm()
    anchored.database.admin.execute("update unbroken.entries set hash = sha256(hash) where seq = 2")
    assert all("another tree" in words for words in outside(anchored).contradictions.values())
    assert set(outside(anchored).contradictions) == {"nas", "site"}


def test_what_was_taken_away_outside_is_told_by_who_looks_at_all(anchored: Notarised) -> None:
    min((anchored.folder / "nas").glob("*/*.checkpoint")).unlink()
    assert outside(anchored).exit_code() == 0
    seen = outside(anchored, thorough=True)
    assert [(each.anchor, odd.what) for each in seen.seen for odd in each.oddities] == [("nas", "missing")]
    assert seen.exit_code() == 1


def test_receipts_that_were_changed_in_the_database_are_told(anchored: Notarised) -> None:
    anchored.database.disarm()
    change = (
        "update unbroken.anchorings set receipt = %s, digest = sha256(%s)"
        " where anchor = 'site' and size = (select max(size) from unbroken.anchorings)"
    )
    for raw in (b"{}", b'{"anchor":"nas","kind":"directory","note":"x","proof":""}'):
        anchored.database.admin.execute(change, (raw, raw))
        seen = outside(anchored)
        assert [(each.anchor, odd.what) for each in seen.seen for odd in each.oddities] == [("site", "damaged")]
        assert seen.exit_code() == 1


def test_an_anchor_that_can_t_be_reached_is_shown_by_its_receipts(anchored: Notarised) -> None:
    (anchored.folder / "nas").rename(anchored.folder / "away")
    seen = outside(anchored)
    nas = seen.seen[0]
    assert (nas.is_asked, nas.newest is not None) == (False, True)
    assert isinstance(nas.error, UnavailableError)
    assert (seen.exit_code(), seen.exit_code(all_must_answer=True)) == (0, 1)


def test_key_statements_that_were_changed_are_told_and_hide_nothing(anchored: Notarised) -> None:
    anchored.database.disarm()
    anchored.database.admin.execute("update unbroken.key_statements set statement = 'none'")
    seen = outside(anchored)
    assert seen.unfitting is not None
    assert (seen.window, seen.exit_code()) == (None, 1)
