"""An append-only file as an anchor: a chain of lines, durable, and what was done to it is noticed."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tests.anchors.logs import ORIGIN, TRUSTED, Log
from unbroken.anchors.anchor import Anchor, Oddity, Receipt
from unbroken.anchors.appended_file import AppendedFile
from unbroken.core.note import SigningKey
from unbroken.errors import AnchorError, ConfigurationError, UnavailableError

LOG = Log()


@pytest.fixture
def anchor(tmp_path: Path) -> AppendedFile:
    file = AppendedFile("ledger", tmp_path, log=TRUSTED)
    file.prepare()
    return file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clinic.example%2Fagents~1.checkpoints"


def sizes(anchor: Anchor) -> list[int]:
    return [anchor.verify(each).checkpoint.size for each in anchor.held() if isinstance(each, Receipt)]


def oddities(anchor: Anchor) -> list[tuple[str, str]]:
    return [(each.what, each.place) for each in anchor.held() if isinstance(each, Oddity)]


def test_what_was_published_is_read_back_newest_first(anchor: AppendedFile, path: Path) -> None:
    receipts = [anchor.publish(LOG.submission(size)) for size in (5, 100, 7)]
    assert sizes(anchor) == [100, 7, 5]
    assert anchor.newest() == receipts[1]
    assert oddities(anchor) == []
    assert all(anchor.holds(Receipt.from_bytes(each.to_bytes())) for each in receipts)
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_publishing_again_is_the_same(anchor: AppendedFile, path: Path) -> None:
    first = anchor.publish(LOG.submission(5))
    assert anchor.publish(LOG.submission(5)) == first
    assert len(path.read_text().splitlines()) == 1
    anchor.publish(LOG.submission(5, "a later time"))
    assert sizes(anchor) == [5, 5]


def test_what_is_there_is_never_written_over(anchor: AppendedFile, path: Path) -> None:
    before = b""
    for size in range(1, 20):
        anchor.publish(LOG.submission(size))
        after = path.read_bytes()
        assert after.startswith(before)
        before = after


def test_several_publish_at_once(anchor: AppendedFile) -> None:
    barrier = Barrier(8)

    def publish(size: int) -> None:
        barrier.wait()
        anchor.publish(LOG.submission(size))

    threads = [Thread(target=publish, args=(1 + at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes(anchor) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert oddities(anchor) == []


def test_a_line_that_was_never_finished_is_passed_over(anchor: AppendedFile, path: Path) -> None:
    for size in (5, 6):
        anchor.publish(LOG.submission(size))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in (len(whole) - 1, first + 1, first + 40):
        path.write_bytes(whole[:cut])
        assert oddities(anchor) == [("damaged", f"byte {first}")]
        anchor.publish(LOG.submission(7))
        assert oddities(anchor) == []
        assert sizes(anchor)[0] == 7
        assert path.read_bytes().startswith(whole[:cut])


def changes() -> dict[str, Callable[[list[bytes]], list[bytes]]]:
    return {
        "taken out": lambda lines: [lines[0], *lines[2:]],
        "put in": lambda lines: [lines[0], lines[0], *lines[1:]],
        "exchanged": lambda lines: [lines[0], lines[2], lines[1], lines[3]],
        "changed": lambda lines: [lines[0], lines[1].replace(b"agents", b"angels"), *lines[2:]],
        "spelt anew": lambda lines: [lines[0], lines[1].replace(b'{"n"', b'{ "n"'), *lines[2:]],
        "the first gone": lambda lines: lines[1:],
    }


@pytest.mark.parametrize("how", changes())
def test_a_change_in_the_middle_is_noticed(anchor: AppendedFile, path: Path, how: str) -> None:
    for size in (5, 6, 7, 8):
        anchor.publish(LOG.submission(size))
    path.write_bytes(b"".join(changes()[how](path.read_bytes().splitlines(keepends=True))))
    assert oddities(anchor)
    assert {what for what, _ in oddities(anchor)} <= {"damaged", "foreign"}
    assert sizes(anchor)[0] == 8


def test_truncation_is_noticed_by_the_receipt(anchor: AppendedFile, path: Path) -> None:
    kept, lost = (anchor.publish(LOG.submission(size)) for size in (5, 6))
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert (anchor.holds(kept), anchor.holds(lost)) == (True, False)
    assert sizes(anchor) == [5]


def test_a_receipt_is_of_one_line(anchor: AppendedFile) -> None:
    receipt = anchor.publish(LOG.submission(5))
    for at in range(len(receipt.proof)):
        proof = receipt.proof[:at] + bytes([receipt.proof[at] ^ 1]) + receipt.proof[at + 1 :]
        changed = Receipt("ledger", "file", receipt.note, proof)
        try:
            assert not anchor.holds(changed)
        except AnchorError:
            continue
    for proof in (b"", b"{}", b"\xff", receipt.proof + b" "):
        with pytest.raises(AnchorError):
            anchor.verify(Receipt("ledger", "file", receipt.note, proof))


def test_foreign_content_is_noticed_and_not_continued(anchor: AppendedFile, path: Path) -> None:
    path.write_bytes(b"hello\n" * 100_000)
    with pytest.raises(AnchorError, match="something else wrote"):
        anchor.publish(LOG.submission(5))
    assert ("damaged", "byte 0") in oddities(anchor)
    path.write_bytes(b"x" * 1_000_000)
    assert len(oddities(anchor)) == 1_000_000 // (2 * 64 * 1024 + 256) + 1


def test_checkpoints_of_another_key_are_noticed(anchor: AppendedFile, tmp_path: Path) -> None:
    key = SigningKey(ORIGIN, b"o" * 32)
    other = Log(key=key)
    strange = AppendedFile("ledger", tmp_path, log=type(TRUSTED)(ORIGIN, (key.verifier,)))
    strange.publish(other.submission(9))
    anchor.publish(LOG.submission(5))
    assert oddities(anchor) == [("foreign", "line 1")]
    assert sizes(anchor) == [5]


def test_without_its_mount_nothing_is_written(anchor: AppendedFile, path: Path, tmp_path: Path) -> None:
    receipt = anchor.publish(LOG.submission(5))
    path.rename(tmp_path / "unmounted")
    for use in (lambda: anchor.publish(LOG.submission(6)), anchor.newest, lambda: anchor.holds(receipt)):
        with pytest.raises(UnavailableError, match="not mounted"):
            use()
    assert not path.exists()
    path.symlink_to(tmp_path / "unmounted")
    with pytest.raises(UnavailableError):
        anchor.publish(LOG.submission(6))
    path.unlink()
    path.mkdir()
    with pytest.raises((AnchorError, UnavailableError)):
        anchor.newest()
    with pytest.raises(ConfigurationError):
        AppendedFile("ledger", tmp_path / "nothing", log=TRUSTED).prepare()


def test_it_is_durable_before_it_returns(anchor: AppendedFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    anchor.publish(LOG.submission(5))
    assert synced == [path, path.parent]


def test_another_process_is_waited_for_and_not_for_ever(
    anchor: AppendedFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unbroken.anchors.appended_file.PATIENCE_S", 0.1)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError, match="another process"):
            anchor.publish(LOG.submission(5))
    anchor.publish(LOG.submission(5))
