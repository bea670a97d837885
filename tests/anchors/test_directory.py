"""A directory as an anchor: durable, never overwritten, and what was done to it is noticed."""

import os
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tests.anchors.logs import KEY, ORIGIN, TRUSTED, Log
from unbroken.anchors.anchor import Anchor, Oddity, Receipt, Submission, TrustedLog
from unbroken.anchors.directory import INCOMING, Directory
from unbroken.anchors.placing import rising
from unbroken.core.note import SigningKey
from unbroken.errors import AnchorError, ConfigurationError, NoteError, UnavailableError

LOG = Log()


@pytest.fixture
def anchor(tmp_path: Path) -> Directory:
    directory = Directory("vault", tmp_path, log=TRUSTED)
    directory.prepare()
    return directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clinic.example%2Fagents~1"


def sizes(anchor: Anchor) -> list[int]:
    return [anchor.verify(each).checkpoint.size for each in anchor.held() if isinstance(each, Receipt)]


def oddities(anchor: Anchor) -> list[tuple[str, int | None]]:
    return [(each.what, each.size) for each in anchor.held() if isinstance(each, Oddity)]


def test_what_was_published_is_read_back_newest_first(anchor: Directory, folder: Path) -> None:
    for size in (5, 100, 7):
        receipt = anchor.publish(LOG.submission(size))
        assert anchor.holds(receipt)
    assert sizes(anchor) == [100, 7, 5]
    newest = anchor.newest()
    assert newest is not None
    assert newest.note == LOG.note(100)
    assert (folder / rising(100, newest.note)).read_text() == newest.note
    assert list((folder / INCOMING).iterdir()) == []
    assert anchor.verify(Receipt.from_bytes(newest.to_bytes())).checkpoint == LOG.checkpoint(100)


def test_publishing_again_is_the_same(anchor: Directory, folder: Path) -> None:
    first = anchor.publish(LOG.submission(5))
    (path,) = folder.glob("*.checkpoint")
    before = path.stat()
    assert anchor.publish(LOG.submission(5)) == first
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    anchor.publish(LOG.submission(5, "a later time"))
    assert sizes(anchor) == [5, 5]


def test_it_is_on_disk_before_it_returns(anchor: Directory, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append("folder" if target == folder else f"file in {target.parent.name}")
        fsync(descriptor)

    def noted_link(*given: object, **options: object) -> None:
        steps.append("link")
        link(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    anchor.publish(LOG.submission(5))
    assert steps == ["file in incoming", "link", "folder"]


def test_nothing_is_overwritten(anchor: Directory, folder: Path) -> None:
    path = folder / rising(5, LOG.note(5))
    path.write_text("something else")
    with pytest.raises(AnchorError, match="nothing was overwritten"):
        anchor.publish(LOG.submission(5))
    assert path.read_text() == "something else"


def test_several_publish_at_once(anchor: Directory) -> None:
    barrier = Barrier(8)

    def publish(size: int) -> None:
        barrier.wait()
        anchor.publish(LOG.submission(size))

    threads = [Thread(target=publish, args=(1 + at // 2,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes(anchor) == [4, 3, 2, 1]


# ---- what was done to it ----


def test_truncation_and_change_are_noticed(anchor: Directory, folder: Path) -> None:
    for size in (5, 6, 7):
        anchor.publish(LOG.submission(size))
    cut, changed = folder / rising(5, LOG.note(5)), folder / rising(6, LOG.note(6))
    cut.write_bytes(cut.read_bytes()[:-3])
    changed.write_text(LOG.note(6, "another"))
    assert oddities(anchor) == [("damaged", 6), ("damaged", 5)]
    assert sizes(anchor) == [7]
    (folder / rising(7, LOG.note(7))).write_text("")
    with pytest.raises(AnchorError, match="damaged"):
        anchor.newest()


def test_a_removed_file_is_noticed_by_its_receipt(anchor: Directory, folder: Path) -> None:
    receipt = anchor.publish(LOG.submission(5))
    (folder / rising(5, receipt.note)).unlink()
    assert not anchor.holds(receipt)
    assert anchor.newest() is None


def test_foreign_files_are_noticed(anchor: Directory, folder: Path, tmp_path: Path) -> None:
    anchor.publish(LOG.submission(5))
    (folder / "notes.txt").write_text("hello")
    (folder / "old").mkdir()
    assert oddities(anchor) == [("foreign", None), ("foreign", None)]
    assert anchor.newest() is not None
    other = Log(key=SigningKey(ORIGIN, b"o" * 32)).note(9)
    (folder / rising(9, other)).write_text(other)
    mine = LOG.note(5)
    (folder / rising(8, mine)).write_text(mine)
    (tmp_path / "elsewhere").write_text(LOG.note(7))
    (folder / rising(7, LOG.note(7))).symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / rising(6, LOG.note(6)))
    (folder / rising(4, LOG.note(4))).mkdir()
    (folder / rising(3, LOG.note(3))).write_bytes(b"x" * 10_000_000)
    assert sorted(oddities(anchor), key=str) == sorted(
        [("foreign", None)] * 2
        + [("foreign", 9), ("foreign", 8), ("damaged", 7), ("damaged", 6), ("damaged", 4), ("damaged", 3)],
        key=str,
    )
    assert sizes(anchor) == [5]
    with pytest.raises(AnchorError, match="foreign"):
        anchor.newest()


def test_a_full_directory_is_not_read_for_ever(anchor: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbroken.anchors.directory.MAX_HELD", 3)
    for size in (1, 2, 3, 4):
        anchor.publish(LOG.submission(size))
    with pytest.raises(AnchorError, match="fills it up"):
        anchor.newest()


# ---- outages ----


def test_without_its_mount_nothing_is_written(anchor: Directory, folder: Path) -> None:
    receipt = anchor.publish(LOG.submission(5))
    folder.rename(folder.parent / "unmounted")
    for use in (lambda: anchor.publish(LOG.submission(6)), anchor.newest, lambda: anchor.holds(receipt)):
        with pytest.raises(UnavailableError, match="not mounted"):
            use()
    assert not folder.exists()
    (folder.parent / "unmounted").rename(folder)
    assert anchor.holds(receipt)


def test_a_failing_disk_leaves_nothing_half_done(
    anchor: Directory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(UnavailableError, match="No space left"):
            anchor.publish(LOG.submission(5))
    assert list(folder.glob("*.checkpoint")) == []
    assert sizes(anchor) == []
    anchor.publish(LOG.submission(5))
    assert sizes(anchor) == [5]


def test_it_is_prepared_once_in_a_directory_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be made"):
        Directory("vault", tmp_path / "nothing" / "there", log=TRUSTED).prepare()
    anchor = Directory("vault", tmp_path, log=TRUSTED)
    with pytest.raises(UnavailableError, match="never prepared"):
        anchor.publish(LOG.submission(5))
    anchor.prepare()
    anchor.prepare()
    anchor.publish(LOG.submission(5))


@pytest.mark.parametrize("origin", ["..", ".", "../../etc", "a/b", "x" * 500, "clinic/ä ö"])
def test_a_log_stays_in_its_folder(tmp_path: Path, origin: str) -> None:
    key = SigningKey("signer", b"s" * 32)
    log = Log(origin=origin, key=key)
    base = tmp_path / "base"
    base.mkdir()
    anchor = Directory("vault", base, log=TrustedLog(origin, (key.verifier,)))
    anchor.prepare()
    anchor.publish(log.submission(5))
    assert sizes(anchor) == [5]
    (folder,) = base.iterdir()
    assert sorted(each.suffix for each in folder.iterdir()) == ["", ".checkpoint"]
    assert list(tmp_path.iterdir()) == [base]


# ---- receipts ----


def test_every_changed_byte_of_a_receipt_is_rejected(anchor: Directory) -> None:
    raw = anchor.publish(LOG.submission(5)).to_bytes()
    assert anchor.verify(Receipt.from_bytes(raw)).checkpoint.size == 5
    for at in range(len(raw)):
        for bits in (0x01, 0x20, 0x80):
            with pytest.raises((AnchorError, NoteError)):
                anchor.verify(Receipt.from_bytes(raw[:at] + bytes([raw[at] ^ bits]) + raw[at + 1 :]))


def test_a_receipt_has_one_spelling(anchor: Directory) -> None:
    raw = anchor.publish(LOG.submission(5)).to_bytes()
    for other in (
        raw + b" ",
        raw.replace(b'":"', b'": "'),
        raw.replace(b"v", b"\\u0076", 1),
        raw.replace(b'""', b'"eA"'),
    ):
        assert other != raw
        with pytest.raises(AnchorError):
            Receipt.from_bytes(other)
    with pytest.raises(AnchorError, match="longer"):
        Receipt.from_bytes(raw + b" " * 1_000_000)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 10_000, b'{"anchor":1}'])
def test_other_bytes_are_no_receipt(raw: bytes) -> None:
    with pytest.raises(AnchorError):
        Receipt.from_bytes(raw)


def test_only_a_checkpoint_of_the_log_is_handed_over() -> None:
    for note in (LOG.note(5)[:-2], Log(key=SigningKey(ORIGIN, b"o" * 32)).note(5), "x" * 100_000):
        with pytest.raises(NoteError):
            Submission.of(note, TRUSTED, consistency=lambda _: ())
    assert Submission.of(LOG.note(5), TRUSTED, consistency=lambda _: ()).checkpoint == LOG.checkpoint(5)
    assert KEY.verifier in TRUSTED.keys
