"""What is kept of what was sent: bounded, in order, gone when it is covered; in memory and in files alike."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.unit.spooled import LOG, sealed
from unbroken.core.ids import id_of
from unbroken.errors import ConfigurationError
from unbroken.ledger import retained_files
from unbroken.ledger.retained import LOT, InMemory, Retained, Sent
from unbroken.ledger.retained_files import InFolder, framed, read

OLD, NEW = f"{LOG}~1", f"{LOG}~2"
RECORDER, OTHER = id_of(b"one"), id_of(b"another")

Make = Callable[[int], Retained]


def sent(seq: int, log: str = OLD, value: object = "hello") -> Sent:
    return Sent(log, seq, "2026-03-01T09:00:00.000000Z", sealed(seq, value))


def numbers(lot: list[Sent]) -> list[int]:
    return [each.seq for each in lot]


@pytest.fixture(params=["memory", "folder"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def made(limit: int) -> Retained:
        if request.param == "memory":
            return InMemory(limit_bytes=limit)
        return InFolder(tmp_path / "sent", RECORDER, log=LOG, limit_bytes=limit)

    return made


def test_it_gives_back_what_it_got(make: Make) -> None:
    held = make(2**20)
    batch = [sent(n) for n in range(1, 8)]
    assert held.keep(batch[:4]) == 0
    assert held.keep(batch[4:]) == 0
    assert held.lost_to(OLD) == []
    assert held.lost_to(NEW) == batch
    assert held.lost_to(f"{LOG}.other~2") == []


def test_what_is_covered_goes(make: Make) -> None:
    held = make(2**20)
    held.keep([sent(1), sent(2)])
    held.cover(NEW, 9)
    assert numbers(held.lost_to(NEW)) == [1, 2]
    held.cover(OLD, 2)
    assert held.lost_to(NEW) == []


def test_what_is_settled_goes_and_what_came_since_stays(make: Make) -> None:
    held = make(2**20)
    held.keep([sent(n) for n in range(1, 4)])
    held.keep([sent(1, NEW)])
    lot = held.lost_to(NEW)
    assert numbers(lot) == [1, 2, 3]
    held.settle(lot)
    assert held.lost_to(NEW) == []
    assert numbers(held.lost_to(f"{LOG}~3")) == [1]


def test_a_lot_is_bounded(make: Make) -> None:
    held = make(2**30)
    held.keep([sent(n, value=None) for n in range(1, LOT + 3)])
    first = held.lost_to(NEW)
    assert len(first) == LOT
    held.settle(first)
    assert numbers(held.lost_to(NEW)) == [LOT + 1, LOT + 2]


def test_beyond_its_limit_the_oldest_goes_and_it_says_how_many(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retained_files, "FILE_BYTES", 1)
    held = make(6000)
    dropped = sum(held.keep([sent(n, value="x" * 500)]) for n in range(1, 21))
    left = []
    while lot := held.lost_to(NEW):
        left += numbers(lot)
        held.settle(lot)
    assert left == list(range(21 - len(left), 21))
    assert 0 < len(left) == 20 - dropped < 20


def test_clearing_forgets_everything(make: Make) -> None:
    held = make(2**20)
    held.keep([sent(1)])
    held.clear()
    assert held.lost_to(NEW) == []
    held.keep([sent(2)])
    assert numbers(held.lost_to(NEW)) == [2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sent"


def in_folder(folder: Path, recorder: str = OTHER, log: str = LOG) -> InFolder:
    return InFolder(folder, recorder, log=log)


def test_files_outlive_their_recorder_and_are_taken_over_once(folder: Path) -> None:
    first = in_folder(folder, RECORDER)
    batch = [sent(1), sent(2)]
    first.keep(batch)
    living = in_folder(folder)
    assert living.lost_to(NEW) == []
    first.close()
    second = in_folder(folder, id_of(b"third"))
    assert second.lost_to(NEW) == batch
    assert in_folder(folder).lost_to(NEW) == []
    second.settle(batch)
    assert second.lost_to(NEW) == []
    second.close()
    assert list(folder.iterdir()) == []


def test_another_logs_files_are_left_alone(folder: Path) -> None:
    first = in_folder(folder, RECORDER)
    first.keep([sent(1)])
    first.close()
    other = in_folder(folder, log="other.example/log")
    other.cover(OLD, 9)
    other.close()
    assert numbers(in_folder(folder).lost_to(NEW)) == [1]


def test_covered_files_are_removed_whoever_wrote_them(folder: Path) -> None:
    first = in_folder(folder, RECORDER)
    first.keep([sent(1)])
    first.close()
    second = in_folder(folder)
    second.cover(OLD, 1)
    second.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_of_a_file_that_was_cut_off_what_is_whole_is_read(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file"
    frames = [framed(sent(n)) for n in (1, 2)]
    path.write_bytes(b"".join(frames)[:-cut])
    assert [each.seq for each in read(path)] == [1]


@pytest.mark.parametrize("at", [0, 20, 100])
def test_of_a_damaged_file_nothing_after_the_damage_is_read(tmp_path: Path, at: int) -> None:
    path = tmp_path / "file"
    content = bytearray(framed(sent(1)) + framed(sent(2)))
    content[at] ^= 1
    path.write_bytes(content)
    assert list(read(path)) == []


def test_files_are_their_owners_alone(folder: Path) -> None:
    held = in_folder(folder)
    held.keep([sent(1)])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.sent")} == {0o600}


def test_a_folder_that_others_may_write_to_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(ConfigurationError):
        in_folder(folder)


def test_an_event_stands_there_as_it_was_sent(folder: Path) -> None:
    held = in_folder(folder)
    given = msgspec.structs.replace(sent(5), event=sealed(5, {"a": [1, "é"]}))
    held.keep([given])
    assert held.lost_to(NEW) == [given]
