"""What a notary remembers, and the figures that it gives: whole or not at all, and nobody else's."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.database.notaries import signed_by, signer
from unbroken.errors import ConfigurationError, NoteError, UnavailableError
from unbroken.notary import metrics
from unbroken.notary.beside import Beside
from unbroken.notary.handing_over import first, lost, rotated
from unbroken.notary.memory import Memory, NotaryFolder
from unbroken.notary.metrics import Gauge

LOG = "clinic.example/agents"
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def memory() -> Memory:
    begun = Memory(LOG, ())
    stated = begun.stating(first(begun, signer(), at=AT))
    return stated.signing(signed_by(signer(), 7)).signing(signed_by(signer(), 3, incarnation=2))


def test_a_folder_gives_back_what_was_written(tmp_path: Path) -> None:
    folder = NotaryFolder(tmp_path / "a" / "notary", log=f"{LOG}~4")
    with folder.locked():
        assert folder.read() == Memory(LOG, ())
        folder.write(memory())
        assert folder.read() == memory()
    assert folder.file.stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ConfigurationError, match="locked"):
        folder.write(memory())


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder, other = NotaryFolder(tmp_path, log=LOG), NotaryFolder(tmp_path, log=LOG)
    with folder.locked(), pytest.raises(UnavailableError, match="another process signs"), other.locked():
        pytest.fail("both had it")
    with other.locked():
        pass


def test_what_a_killed_process_left_is_taken_away(tmp_path: Path) -> None:
    folder = NotaryFolder(tmp_path, log=LOG)
    left = tmp_path / ".notary.json.0123456789abcdef"
    left.write_text("half")
    with folder.locked():
        assert not left.exists()
        assert folder.read().statements == ()


def test_every_cut_and_every_change_of_the_memory_is_noticed(tmp_path: Path) -> None:
    folder = NotaryFolder(tmp_path, log=LOG)
    with folder.locked():
        folder.write(memory())
        whole = folder.file.read_bytes()
        for content in (b"", whole[:-1], whole.replace(b'"v":1', b'"v":2'), whole.replace(b"\\n7\\n", b"\\n8\\n")):
            assert content != whole
            folder.file.write_bytes(content)
            with pytest.raises(ConfigurationError, match="checkpoint adopt"):
                folder.read()
        folder.file.write_bytes(whole)
        with pytest.raises(ConfigurationError, match="is the log"):
            NotaryFolder(tmp_path, log="another").read()


def test_a_folder_that_can_t_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="can't be used"), NotaryFolder(tmp_path / "file", log=LOG).locked():
        pytest.fail("it is a file")
    with NotaryFolder(tmp_path / "n", log=LOG).locked():
        (tmp_path / "n" / "notary.json").mkdir()
        with pytest.raises(ConfigurationError, match="can't be read"):
            NotaryFolder(tmp_path / "n", log=LOG).read()


def test_statements_that_do_not_follow_are_not_remembered() -> None:
    begun = memory()
    with pytest.raises(NoteError):
        begun.stating(first(begun, signer(2), at=AT))
    after = begun.stating(rotated(begun, signer(), signer(2), at=AT))
    assert after.key == signer(2).verifier
    # The newest tree that was signed, of the newest incarnation, is the last of the old key's.
    assert (after.read_statements[-1].after.incarnation, after.read_statements[-1].after.size) == (2, 3)
    with pytest.raises(NoteError):
        after.stating(lost(after, signer(), at=AT))


def test_keys_hand_over_in_turn_only() -> None:
    empty, begun = Memory(LOG, ()), memory()
    with pytest.raises(ConfigurationError, match="no key yet"):
        lost(empty, signer(), at=AT)
    with pytest.raises(ConfigurationError, match="no key yet"):
        rotated(empty, signer(), signer(2), at=AT)
    with pytest.raises(ConfigurationError, match="keys rotate"):
        rotated(begun, signer(2), signer(3), at=AT)
    with pytest.raises(ConfigurationError, match="signs already"):
        lost(begun, signer(), at=AT)
    with pytest.raises(ConfigurationError, match="signs already"):
        rotated(begun, signer(), signer(), at=AT)


def test_only_its_own_note_gets_a_later_time() -> None:
    with pytest.raises(ConfigurationError, match="another key"):
        signer(2).heartbeat(signed_by(signer(), 7).note, at=AT)


# ---- figures ----


def test_figures_are_written_as_prometheus_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "m.prom"
    metrics.write(
        path,
        [
            Gauge("a", "First.", 1, {"log": 'quoted " \\ and\nline'}),
            Gauge("b", "Second.", 0.5, {"log": "x"}),
            Gauge("a", "First.", 2**40, {"log": "y", "anchor": "z"}),
        ],
    )
    assert path.read_text().splitlines() == [
        "# HELP a First.",
        "# TYPE a gauge",
        'a{log="quoted \\" \\\\ and\\nline"} 1',
        'a{anchor="z",log="y"} 1099511627776',
        "# HELP b Second.",
        "# TYPE b gauge",
        'b{log="x"} 0.5',
    ]
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_figures_that_can_t_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="metrics file"):
        metrics.write(tmp_path / "nowhere" / "m.prom", [])


# ---- beside ----


def test_work_beside_takes_the_newest_and_one_at_a_time() -> None:
    done: list[int] = []
    begun, go_on, finished = threading.Event(), threading.Event(), threading.Event()

    def work(value: int) -> None:
        begun.set()
        go_on.wait(30)
        done.append(value)
        if value == 4:
            finished.set()

    beside = Beside(work)
    beside.offer(1)
    assert begun.wait(30)
    for value in (2, 3, 4):
        beside.offer(value)
    assert done == []
    go_on.set()
    assert finished.wait(30)
    assert done == [1, 4]
