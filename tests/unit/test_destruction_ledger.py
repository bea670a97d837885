"""The destruction ledger: every line on disk in its place, a torn one set aside, and nothing changed unnoticed."""

import hashlib
import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from unbroken.destruction.document import NO_LINE, Place
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError, UnavailableError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "erasures.jsonl"


@pytest.fixture
def ledger(path: Path) -> DestructionLedger:
    made = DestructionLedger(path)
    for note in ("first\n", "zwei \u00fc\n", "third\n"):
        made.append(lambda _, note=note: note)  # type: ignore[misc]
    return made


def notes(path: Path) -> list[str]:
    return [kept.note for kept in DestructionLedger(path).notes()]


def test_lines_are_numbered_and_bound_to_the_one_before(ledger: DestructionLedger, path: Path) -> None:
    lines = path.read_bytes().splitlines()
    previous = NO_LINE
    for number, (line, kept) in enumerate(zip(lines, ledger.notes(), strict=True), 1):
        assert json.loads(line) == {"n": number, "note": kept.note, "prev": previous}
        assert kept.place == Place(n=number, prev=previous)
        previous = hashlib.sha256(line).hexdigest()
    assert [kept.note for kept in ledger.notes()] == ["first\n", "zwei \u00fc\n", "third\n"]


def test_a_note_is_told_where_it_is_going_to_stand(ledger: DestructionLedger) -> None:
    places: list[Place] = []

    def make(place: Place) -> str:
        places.append(place)
        return f"{place.n} {place.prev}"

    kept = ledger.append(make)
    assert places == [kept.place]
    assert ledger.notes()[-1] == kept
    assert kept.place.n == 4


def test_a_new_ledger_is_its_owners_alone_and_synced_with_its_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    assert not DestructionLedger(path).exists()
    assert DestructionLedger(path).notes() == []
    assert not path.exists()
    DestructionLedger(path).append(lambda _: "note\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert synced == [False, True]


@pytest.mark.parametrize("cut", [1, 2, 20, -1])
def test_a_torn_last_line_is_set_aside_and_the_next_one_follows(
    ledger: DestructionLedger, path: Path, cut: int
) -> None:
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    torn = last[:cut]
    assert not torn.endswith(b"\n")
    path.write_bytes(whole[: -len(last)] + torn)
    assert notes(path) == ["first\n", "zwei \u00fc\n"]
    assert ledger.append(lambda _: "again\n").place.n == 3
    assert notes(path) == ["first\n", "zwei \u00fc\n", "again\n"]
    beside = Path(f"{path}.torn")
    assert beside.read_bytes() == torn + b"\n"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600


def _lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


CHANGES: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "a note": (lambda all_: all_.replace(b"first", b"First"), 2),
    "a line taken out": (lambda all_: b"".join([_lines(all_)[0], _lines(all_)[2]]), 2),
    "the first taken out": (lambda all_: b"".join(_lines(all_)[1:]), 1),
    "two exchanged": (lambda all_: b"".join([_lines(all_)[1], _lines(all_)[0], _lines(all_)[2]]), 1),
    "one twice": (lambda all_: all_ + _lines(all_)[2], 4),
    "a number": (lambda all_: all_.replace(b'"n":2', b'"n":3'), 2),
    "a blank": (lambda all_: all_.replace(b'"n":3', b'"n": 3'), 3),
    "another key": (lambda all_: all_.replace(b'{"n":3', b'{"m":1,"n":3'), 3),
    "no JSON": (lambda all_: all_.replace(b'{"n":2', b'{"n":2,,'), 2),
    "an empty line": (lambda all_: all_ + b"\n", 4),
    "no UTF-8": (lambda all_: all_.replace(b"third", b"thir\xff"), 3),
    "an escape in place of a letter": (lambda all_: all_.replace(b"third", b"th\\u0069rd"), 3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_changed_stops_reading_and_writing(ledger: DestructionLedger, path: Path, change: str) -> None:
    alter, line = CHANGES[change]
    altered = alter(path.read_bytes())
    assert altered != path.read_bytes()
    path.write_bytes(altered)
    for attempt in (ledger.notes, lambda: ledger.append(lambda _: "more\n")):
        with pytest.raises(ConfigurationError, match=rf"line {line} of the destruction ledger"):
            attempt()
    assert path.read_bytes() == altered


def test_a_ledger_that_others_may_read_or_change_is_refused(ledger: DestructionLedger, path: Path) -> None:
    for mode in (0o640, 0o602, 0o700):
        path.chmod(mode)
        with pytest.raises(ConfigurationError, match="chmod 0600"):
            ledger.notes()
        with pytest.raises(ConfigurationError, match="chmod 0600"):
            ledger.append(lambda _: "more\n")


def test_what_is_no_plain_file_is_refused(tmp_path: Path, path: Path) -> None:
    (tmp_path / "elsewhere").touch(0o600)
    path.symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for place in (path, tmp_path, tmp_path / "pipe", tmp_path / "no" / "folder"):
        with pytest.raises(ConfigurationError):
            DestructionLedger(place).append(lambda _: "note\n")


def test_a_full_disk_leaves_the_ledger_as_it_was(
    ledger: DestructionLedger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = path.read_bytes(), os.write

    def part(descriptor: int, content: bytes) -> int:
        if len(content) < 10:
            raise OSError(28, "No space left on device")
        return real(descriptor, content[: len(content) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", part)
        with pytest.raises(UnavailableError, match="nothing was added"):
            ledger.append(lambda _: "more\n" * 20)
    assert path.read_bytes() == before
    assert ledger.append(lambda _: "more\n").place.n == 4


def test_nothing_is_added_where_the_note_can_not_be_made(ledger: DestructionLedger, path: Path) -> None:
    before = path.read_bytes()

    def fail(_: Place) -> str:
        raise ConfigurationError("no key")

    with pytest.raises(ConfigurationError, match="no key"):
        ledger.append(fail)
    with pytest.raises(ConfigurationError, match="16 MiB"):
        ledger.append(lambda _: "x" * (2**24 + 1))
    assert path.read_bytes() == before


def _append_many(path: Path, name: str, times: int) -> None:
    ledger = DestructionLedger(path)
    for number in range(times):
        ledger.append(lambda place, number=number: f"{name} {number} at {place.n}\n")  # type: ignore[misc]


def test_several_processes_append_at_once(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_many, args=(path, name, 15)) for name in ("a", "b", "c")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    read = notes(path)
    assert len(read) == 45
    assert [int(note.split()[-1]) for note in read] == list(range(1, 46))
    for name in ("a", "b", "c"):
        assert [note.split()[1] for note in read if note.startswith(name)] == [str(number) for number in range(15)]


def test_who_waits_too_long_is_told(ledger: DestructionLedger, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    monkeypatch.setattr("unbroken.destruction.ledger.PATIENCE_S", 0.1)
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError, match="another process"):
            ledger.append(lambda _: "more\n")
    assert len(ledger.notes()) == 3
