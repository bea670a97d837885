"""The local spool: in order, whole batches or nothing, bounded, one process's alone, and never deleted when damaged."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.spooled import (
    BEGAN,
    LOG,
    NOTHING,
    RECORDER,
    batch,
    drained,
    identities_of,
    numbers_of,
    opened,
    put,
    sealed,
    snapshot,
    time_of,
    together,
)
from unbroken.core.commitment import commit
from unbroken.core.event import decode_event
from unbroken.core.ids import id_of
from unbroken.core.times import format_time
from unbroken.errors import (
    ConfigurationError,
    ConflictError,
    InvalidEventError,
    OutcomeUnknownError,
    SpoolFullError,
    UnavailableError,
    UnbrokenError,
)
from unbroken.ledger.sealed import Sealed
from unbroken.ledger.spool import claim as spool_claim
from unbroken.ledger.spool import file as spool_file
from unbroken.ledger.spool.file import SpoolFile, size_of
from unbroken.ledger.spool.spool import Spool, orphans
from unbroken.ledger.spool.survey import survey

OTHER = id_of(b"another recorder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    with closing(opened(folder)) as made:
        yield made


@pytest.fixture
def left(folder: Path) -> Path:
    """The file of a recorder that is gone, with the events 1, 2 and 3 in two batches."""
    with closing(opened(folder)) as made:
        put(made, 1, 2)
        put(made, 3)
        return made.path


def files(folder: Path) -> set[str]:
    return {path.name.replace(RECORDER, "R") for path in folder.iterdir()}


# ---- keeping and giving back ----


def test_what_was_put_comes_back_as_it_was_and_in_order(spool: Spool) -> None:
    batches = [batch(1, 2), batch(3), batch(4, 5, 6, value={"text": "ü" * 5000})]
    for each in batches:
        assert spool.put(each, since=BEGAN) == []
    assert (spool.empty, spool.count) == (False, 6)
    assert list(drained(spool)) == batches
    assert (spool.empty, spool.first(), spool.size_bytes) == (True, None, 0)


def test_an_event_without_parts_comes_back_without(spool: Spool) -> None:
    bare, full = sealed(1), sealed(2)
    bare.parts.clear()
    full.parts["outputs"] = full.parts["inputs"]
    spool.put([bare, full], since=BEGAN)
    assert next(drained(spool)) == [bare, full]


def test_identities_come_back_with_their_events(spool: Spool) -> None:
    items = batch(3, 4, 5)
    assert [len(item.identities) for item in items] == [0, 1, 2]
    spool.put(items, since=BEGAN)
    assert next(drained(spool)) == items


def test_originals_come_back_with_their_events(spool: Spool) -> None:
    items = batch(4, 5, 6, 7, 8, 9)
    held = [(bool(item.identities), item.original is not None) for item in items]
    assert set(held) == {(True, False), (True, True), (False, True), (False, False)}
    spool.put(items, since=BEGAN)
    assert next(drained(spool)) == items


def test_originals_count_against_the_limit(folder: Path) -> None:
    (item,) = batch(9)
    bare = msgspec.structs.replace(item, original=None)
    with closing(opened(folder, limit_bytes=size_of(bare))) as spool:
        with pytest.raises(SpoolFullError):
            spool.put([item], since=BEGAN)
        spool.put([bare], since=BEGAN)


@pytest.mark.parametrize("number", [5, 9])
@pytest.mark.parametrize("damaged", [b"UBO", None])
def test_an_original_that_the_disk_has_damaged_is_noticed(
    spool: Spool, folder: Path, number: int, damaged: bytes | None
) -> None:
    put(spool, 1, number)
    with closing(sqlite3.connect(spool.path)) as connection:
        connection.execute("update events set original = ? where id = ?", (damaged, sealed(number).id))
        connection.commit()
    assert [numbers_of(each) for each in drained(spool)] == [[1]]
    assert [item.id for item in spool.refused()] == [sealed(number).id]


def test_identities_count_against_the_limit(folder: Path) -> None:
    (item,) = batch(5)
    bare = Sealed(item.id, item.text, item.parts)
    with closing(opened(folder, limit_bytes=size_of(bare))) as spool:
        with pytest.raises(SpoolFullError):
            spool.put([item], since=BEGAN)
        spool.put([bare], since=BEGAN)


def test_first_gathers_whole_batches_up_to_a_limit(spool: Spool) -> None:
    for numbers in ((1, 2), (3, 4), (5, 6)):
        put(spool, *numbers)
    each = size_of(sealed(1))

    def given(**limits: int) -> list[int]:
        first = spool.first(**limits)
        assert first is not None
        return numbers_of(first[1])

    assert given() == [1, 2, 3, 4, 5, 6]
    assert given(events=5) == given(events=4) == given(size_bytes=5 * each) == [1, 2, 3, 4]
    assert given(events=1) == given(size_bytes=1) == [1, 2]


def test_done_removes_what_first_gave_and_nothing_that_came_later(spool: Spool) -> None:
    put(spool, 1)
    put(spool, 2)
    first = spool.first()
    assert first is not None
    put(spool, 3)
    spool.done(first[0])
    spool.done(first[0])
    assert [numbers_of(each) for each in drained(spool)] == [[3]]


def test_done_twice_spares_what_came_in_between(spool: Spool) -> None:
    put(spool, 1)
    first = spool.first()
    assert first is not None
    spool.done(first[0])
    put(spool, 2)
    spool.done(first[0])
    assert spool.count == 1


def test_an_event_that_is_there_already_keeps_the_number_it_got_first(spool: Spool) -> None:
    item = sealed(1)
    spool.put([item], since=BEGAN)
    again = Sealed(item.id, item.numbered(RECORDER, 8), item.parts)
    assert spool.put([sealed(7), again], since=BEGAN) == [1]
    assert spool.put([again], since=BEGAN) == [0]
    assert [numbers_of(each) for each in drained(spool)] == [[1], [7]]


def test_an_id_does_not_stand_for_two_events(spool: Spool) -> None:
    put(spool, 1, 2)
    with pytest.raises(ConflictError) as caught:
        spool.put([sealed(3), sealed(2, "another")], since=BEGAN)
    assert caught.value.index == 1
    assert spool.count == 2


def test_only_its_own_recorders_events_are_taken(spool: Spool) -> None:
    for wrong in (sealed(2, recorder=OTHER), Sealed(sealed(2).id, b"{}", {})):
        with pytest.raises(InvalidEventError) as caught:
            spool.put([sealed(1), wrong], since=BEGAN)
        assert caught.value.index == 1
    assert spool.empty


def test_a_batch_of_which_one_event_fails_is_not_kept_at_all(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    put(spool, 1)
    before = snapshot(spool)
    broken = Sealed(sealed(4).id, sealed(4).text, {"inputs": "no part"})  # type: ignore[dict-item]
    monkeypatch.setattr("unbroken.ledger.spool.spool.size_of", lambda _: 1)
    with pytest.raises(AttributeError):
        spool.put([sealed(2), sealed(3), broken], since=BEGAN)
    assert snapshot(spool) == before
    put(spool, 2)
    assert spool.count == 2


def test_an_empty_batch_leaves_no_trace(spool: Spool, folder: Path) -> None:
    spool.put([], since=BEGAN)
    assert (files(folder), spool.window()) == (set(), None)


# ---- files of earlier releases ----


@pytest.fixture(params=[1, 2])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def old(folder: Path, version: int) -> Path:
    """A file that another version wrote: the events 1 and 2, of which the second was refused, then 3, then 4."""
    folder.mkdir(mode=0o700)
    path = folder / f"{RECORDER}.spool"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(Path(__file__).with_name(f"spool_version_{version}.sql").read_text())
    return path


def test_a_file_of_an_earlier_release_is_shown(old: Path, folder: Path) -> None:
    (state,) = survey(folder)
    assert (state.fault, state.events, state.log, len(state.refused)) == (None, 3, LOG, 1)


def test_a_file_of_an_earlier_release_is_sent(old: Path, folder: Path) -> None:
    for spool in orphans(folder, log=LOG):
        assert [numbers_of(each) for each in drained(spool)] == [[1], [3], [4]]
        window = spool.window()
        assert window is not None
        assert (window.first, window.last, window.count, window.refused) == (1, 4, 4, (sealed(2).id,))
        assert spool.gap_declared(window)
        assert spool.refused() == [(sealed(2).id, "InvalidEventError")]
    (state,) = survey(folder)
    assert (state.events, state.window) == (0, None)


def test_events_of_an_earlier_release_are_whole(old: Path, folder: Path, version: int) -> None:
    with closing(opened(folder)) as spool:
        for (item,) in drained(spool):
            event = decode_event(item.text)
            assert item.identities == (() if version == 1 else identities_of(event.recorder_seq or 0))
            assert item.original is None
            assert {name: commit(part.salt, part.value) for name, part in item.parts.items()} == {
                "inputs": event.inputs,
                "details": event.details,
            }


def test_an_event_of_an_earlier_release_that_lacks_parts_is_whole(old: Path, folder: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        (text,) = connection.execute("select text from events where id = ?", (sealed(3).id,)).fetchone()
        columns = (sealed(3).id.encode(), text, *[None] * 6)
        digest = sha256(b"".join(b"-" if each is None else b"%d:" % len(each) + each for each in columns)).digest()
        connection.execute(
            "update events set digest = ?, inputs = null, inputs_salt = null, details = null, details_salt = null"
            " where id = ?",
            (digest, sealed(3).id),
        )
        connection.commit()
    with closing(opened(folder)) as spool:
        assert [len(item.parts) for (item,) in drained(spool)] == [2, 0, 2]


def test_damage_in_a_file_of_an_earlier_release_is_noticed(old: Path, folder: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("update events set inputs = ? where id = ?", (b'"changed"', sealed(3).id))
        connection.commit()
    with closing(opened(folder)) as spool:
        assert [numbers_of(each) for each in drained(spool)] == [[1], [4]]


def test_a_refusal_in_a_file_of_an_earlier_release_is_kept(old: Path, folder: Path) -> None:
    with closing(opened(folder)) as spool:
        spool.refuse([sealed(3).id], "no")
        assert [numbers_of(each) for each in drained(spool)] == [[1], [4]]
        assert [item.id for item in spool.refused()] == [sealed(2).id, sealed(3).id]


# ---- the limit ----


def test_beyond_the_limit_nothing_is_kept_and_what_is_there_stays(folder: Path) -> None:
    items = batch(1, 2, 3)
    with closing(opened(folder, limit_bytes=sum(map(size_of, items)))) as spool:
        spool.put(items[:2], since=BEGAN)
        before = snapshot(spool)
        with pytest.raises(SpoolFullError, match="at its limit"):
            spool.put([items[2], sealed(4)], since=BEGAN)
        assert snapshot(spool) == before
        spool.put(items[2:], since=BEGAN)
        assert spool.size_bytes == spool.limit_bytes
        with pytest.raises(SpoolFullError):
            put(spool, 5)
        assert list(drained(spool)) == [items[:2], items[2:]]
        put(spool, 5)


def test_what_was_refused_counts_against_the_limit(folder: Path) -> None:
    items = batch(1, 2)
    with closing(opened(folder, limit_bytes=size_of(items[0]))) as spool:
        spool.put(items[:1], since=BEGAN)
        spool.refuse([items[0].id], "no")
        with pytest.raises(SpoolFullError):
            spool.put(items[1:], since=BEGAN)


def test_the_limit_counts_after_a_restart(left: Path, folder: Path) -> None:
    size = 3 * size_of(sealed(1))
    with closing(opened(folder, limit_bytes=size)) as spool:
        assert (spool.size_bytes, spool.count) == (size, 3)
        with pytest.raises(SpoolFullError):
            put(spool, 4)


# ---- refused events ----


def test_refused_events_are_set_aside_and_named(spool: Spool) -> None:
    put(spool, 1, 2, 3)
    put(spool, 4)
    spool.refuse([sealed(2).id], "the grant was taken")
    assert [numbers_of(each) for each in drained(spool)] == [[1, 3], [4]]
    assert spool.refused() == [(sealed(2).id, "the grant was taken")]
    window = spool.window()
    assert window is not None
    assert (window.refused, window.count) == ((sealed(2).id,), 4)


def test_a_batch_may_be_refused_whole(spool: Spool) -> None:
    put(spool, 1, 2)
    spool.refuse([sealed(1).id, sealed(2).id], "no")
    assert (spool.empty, spool.first(), len(spool.refused())) == (True, None, 2)


def test_an_event_that_was_refused_is_not_taken_again(spool: Spool) -> None:
    item = sealed(1)
    spool.put([item], since=BEGAN)
    spool.refuse([item.id], "no")
    with pytest.raises(InvalidEventError, match="refused"):
        spool.put([item], since=BEGAN)


def test_the_next_gap_does_not_name_what_an_earlier_one_named(spool: Spool) -> None:
    put(spool, 1)
    spool.refuse([sealed(1).id], "no")
    window = spool.window()
    assert window is not None
    assert spool.gap_declared(window)
    put(spool, 2)
    later = spool.window()
    assert later is not None
    assert (later.refused, later.count, later.id != window.id) == ((), 1, True)
    assert len(spool.refused()) == 1


# ---- the window ----


def test_the_window_spans_all_that_was_kept_aside(spool: Spool) -> None:
    assert spool.window() is None
    spool.put(batch(5, 6), since=BEGAN + timedelta(minutes=1))
    spool.put(batch(3), since=BEGAN + timedelta(minutes=2))
    list(drained(spool))
    window = spool.window()
    assert window is not None
    assert (window.since, window.first_ts, window.last_ts) == (
        format_time(BEGAN + timedelta(minutes=1)),
        time_of(3),
        time_of(6),
    )
    assert (window.first, window.last, window.count) == (3, 6, 3)


def test_the_window_survives_restarts_until_its_gap_is_declared(left: Path, folder: Path) -> None:
    with closing(opened(folder)) as spool:
        before = spool.window()
        list(drained(spool))
    with closing(opened(folder)) as spool:
        window = spool.window()
        assert window is not None
        assert (window, window.count) == (before, 3)
        assert spool.gap_declared(window)
        assert spool.window() is None
    with closing(opened(folder)) as spool:
        assert spool.window() is None


def test_a_gap_is_not_declared_while_events_wait_or_when_it_has_grown(spool: Spool) -> None:
    put(spool, 1)
    early = spool.window()
    assert early is not None
    assert not spool.gap_declared(early)
    put(spool, 2)
    list(drained(spool))
    assert not spool.gap_declared(early)
    window = spool.window()
    assert window is not None
    assert window.id == early.id
    assert spool.gap_declared(window)
    assert not spool.gap_declared(window)


# ---- the files ----


def test_there_are_no_files_before_the_first_event_and_none_after_the_last(folder: Path) -> None:
    spool = opened(folder)
    assert files(folder) == set()
    put(spool, 1)
    assert files(folder) == {"R.spool", "R.spool-journal", "R.lock"}
    list(drained(spool))
    assert "R.spool" in files(folder)
    window = spool.window()
    assert window is not None
    spool.gap_declared(window)
    assert files(folder) == set()
    put(spool, 2)
    assert spool.count == 1
    spool.close()
    assert "R.spool" in files(folder)


def test_a_file_with_refused_events_stays(folder: Path) -> None:
    with closing(opened(folder)) as spool:
        put(spool, 1)
        spool.refuse([sealed(1).id], "no")
        window = spool.window()
        assert window is not None
        assert spool.gap_declared(window)
    assert list(orphans(folder, log=LOG)) == []
    with closing(opened(folder)) as spool:
        assert spool.refused() == [(sealed(1).id, "no")]


def test_folders_and_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    mask = os.umask(0)
    try:
        with closing(opened(folder)) as spool:
            put(spool, 1)
            modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(mask)
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)} == {0o700}


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ConfigurationError, match="others could put events"):
        opened(folder)
    with pytest.raises(ConfigurationError, match="others could put events"):
        list(orphans(folder, log=LOG))


def test_a_folder_that_others_can_read_is_taken(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    with closing(opened(folder)) as spool:
        put(spool, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(ConfigurationError, match="others could put events"):
        opened(folder)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError):
            opened(folder)
    assert list(orphans(tmp_path / "nowhere", log=LOG)) == []


def test_a_recorder_is_named_by_its_id(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="not named after a recorder"):
        opened(folder, "../elsewhere")


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / f"{RECORDER}.lock").symlink_to(tmp_path / "elsewhere")
    with closing(opened(folder)) as spool, pytest.raises(ConfigurationError):
        put(spool, 1)
    assert not (tmp_path / "elsewhere").exists()


# ---- one process at a time ----


def test_a_living_recorders_file_is_nobody_elses(spool: Spool, folder: Path) -> None:
    put(spool, 1)
    with pytest.raises(UnavailableError, match="another process"):
        opened(folder)
    assert list(orphans(folder, log=LOG)) == []
    put(spool, 2)
    assert spool.count == 2


def test_a_dead_recorders_file_is_taken_over_by_one(left: Path, folder: Path) -> None:
    taken = orphans(folder, log=LOG)
    spool = next(taken)
    assert (spool.recorder, spool.count) == (RECORDER, 3)
    assert list(orphans(folder, log=LOG)) == []
    with pytest.raises(UnavailableError, match="another process"):
        opened(folder)
    assert [numbers_of(each) for each in drained(spool)] == [[1, 2], [3]]
    window = spool.window()
    assert window is not None
    assert spool.gap_declared(window)
    assert list(taken) == []
    assert files(folder) == set()


def test_an_orphan_takes_nothing_new(left: Path, folder: Path) -> None:
    for spool in orphans(folder, log=LOG):
        with pytest.raises(SpoolFullError):
            put(spool, 4)


def test_an_orphan_that_was_left_again_is_an_orphan_again(left: Path, folder: Path) -> None:
    for spool in orphans(folder, log=LOG):
        next(drained(spool))
    kept = next(orphans(folder, log=LOG))
    with pytest.raises(UnbrokenError, match="closed"):
        kept.first()
    assert [[numbers_of(each) for each in drained(spool)] for spool in orphans(folder, log=LOG)] == [[[1, 2], [3]]]


def test_orphans_come_the_oldest_first_and_only_those_of_the_log(folder: Path) -> None:
    recorders = [id_of(bytes([number])) for number in range(6)]
    for recorder in recorders:
        with closing(opened(folder, recorder, log=LOG if recorder != recorders[2] else "other/log")) as spool:
            put(spool, 1)
    expected = sorted(set(recorders) - {recorders[2]})
    assert [spool.recorder for spool in orphans(folder, log=LOG)] == expected
    with pytest.raises(ConfigurationError, match="other/log"):
        opened(folder, recorders[2])


def test_an_orphan_with_nothing_but_its_gap_is_given_and_one_without_is_removed(left: Path, folder: Path) -> None:
    for spool in orphans(folder, log=LOG):
        list(drained(spool))
    for spool in orphans(folder, log=LOG):
        window = spool.window()
        assert window is not None
        assert spool.empty
        SpoolFile(spool.path).close_gap(window)
    assert files(folder) == set()


def test_what_a_death_during_creation_left_is_removed(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name in (".new", ".new-journal", ".lock"):
        (folder / f"{RECORDER}{name}").write_bytes(b"half of something")
    assert list(orphans(folder, log=LOG)) == []
    assert files(folder) == set()


def test_a_left_over_of_a_creation_is_in_nobodys_way(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / f"{RECORDER}.new").write_bytes(b"half of something")
    (folder / f"{RECORDER}.spool-journal").write_bytes(b"half of something")
    with closing(opened(folder)) as spool:
        put(spool, 1)
        assert spool.count == 1


def test_threads_and_a_takeover_lose_and_double_nothing(folder: Path) -> None:
    def work(spool: Spool, first: int) -> None:
        for number in range(first, first + 10):
            put(spool, number)

    with closing(opened(folder)) as made:
        together(*(partial(work, made, first) for first in range(0, 80, 10)))
        assert made.count == 80
    found: list[int] = []

    def drain() -> None:
        for taken in orphans(folder, log=LOG):
            for items in drained(taken):
                found.extend(numbers_of(items))

    together(*[drain] * 4)
    assert sorted(found) == list(range(80))
    assert all(found.index(number) < found.index(number + 1) for number in range(80) if number % 10 < 9)


def test_a_closed_spool_takes_and_gives_nothing(folder: Path) -> None:
    spool = opened(folder)
    put(spool, 1)
    spool.close()
    spool.close()
    for use in (lambda: put(spool, 2), spool.first, spool.window, lambda: spool.done(1), lambda: spool.empty):
        with pytest.raises(UnbrokenError, match="closed"):
            use()


# ---- forks ----


@contextmanager
def child(work: Callable[[], None]) -> Iterator[int]:
    """A forked child that works until it is done or killed; an error in it fails the test."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    try:
        yield pid
    finally:
        _, status = os.waitpid(pid, 0)
        assert status in (0, signal.SIGKILL)


forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


@forks
def test_a_child_neither_uses_nor_gives_up_its_parents_spool(spool: Spool, folder: Path) -> None:
    put(spool, 1)

    def misuse() -> None:
        for use in (lambda: put(spool, 2), spool.first, spool.window, lambda: spool.empty):
            with pytest.raises(UnbrokenError, match="forked"):
                use()
        spool.close()
        with pytest.raises(UnavailableError, match="another process"):
            opened(folder)
        with closing(opened(folder, OTHER)) as own:
            put(own, 1)

    with child(misuse):
        pass
    put(spool, 2)
    assert spool.count == 2
    assert [taken.recorder for taken in orphans(folder, log=LOG)] == [OTHER]


@forks
def test_a_child_does_not_keep_a_dead_parents_lock(folder: Path) -> None:
    reading, writing = os.pipe()

    def parent() -> None:
        spool = opened(folder)
        put(spool, 1)
        if os.fork() == 0:
            os.write(writing, str(os.getpid()).encode())
            signal.pause()
        os.kill(os.getpid(), signal.SIGKILL)

    with child(parent):
        pass
    grandchild = int(os.read(reading, 20))
    try:
        assert [spool.count for spool in orphans(folder, log=LOG)] == [1]
    finally:
        os.kill(grandchild, signal.SIGKILL)
        os.close(reading)
        os.close(writing)


@forks
def test_forks_in_the_middle_of_writing_break_nothing(folder: Path) -> None:
    def write(spool: Spool) -> None:
        for number in range(100):
            put(spool, number)

    def fork(spool: Spool) -> None:
        for _ in range(20):
            with child(spool.close):
                pass

    with closing(opened(folder)) as made:
        together(partial(write, made), partial(fork, made))
        assert [numbers_of(each) for each in drained(made)] == [[number] for number in range(100)]


def test_no_connection_is_open_when_somebody_forks(left: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, opened_under = spool_file._connect, []

    def watched(path: Path) -> sqlite3.Connection:
        opened_under.append(spool_claim._process.guard._is_owned())  # type: ignore[attr-defined]
        return connect(path)

    monkeypatch.setattr(spool_file, "_connect", watched)
    survey(folder)
    for spool in orphans(folder, log=LOG):
        list(drained(spool))
        spool.window()
    with closing(opened(folder, OTHER)) as spool:
        put(spool, 1)
        spool.refuse([sealed(1, recorder=OTHER).id], "no")
    assert len(opened_under) > 15
    assert all(opened_under)


# ---- damage ----


def damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing left": lambda _: b"",
    "half a page": lambda content: content[:2000],
    "cut in a page": lambda content: content[:-1000],
    "a page missing": lambda content: content[:-4096],
    "no database": lambda _: b"not a database at all, " * 500,
    "random": lambda content: os.urandom(len(content)),
    "zeros": lambda content: bytes(len(content)),
    "head only": lambda content: content[:100] + bytes(len(content) - 100),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_named_and_left_as_it_is(
    left: Path, folder: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    damage(left, DAMAGES[kind])
    content = left.read_bytes()
    with pytest.raises(ConfigurationError, match=RECORDER):
        opened(folder)
    assert list(orphans(folder, log=LOG)) == []
    assert RECORDER in caplog.text
    (state,) = survey(folder)
    assert RECORDER in (state.fault or "")
    assert left.read_bytes() == content
    damage(left, lambda _: content)
    with pytest.raises(ConfigurationError):  # and the claim was given up, or it would be unavailable
        opened(folder)


def test_an_event_that_the_disk_has_changed_is_set_aside_and_the_others_are_not(left: Path, folder: Path) -> None:
    content = left.read_bytes()
    for text in (b'"actor_id":"u-1"', b'"hello"', next(iter(sealed(1).parts.values())).value):
        place = content.index(text) + 2
        damage(left, lambda _, place=place: content[:place] + b"?" + content[place + 1 :])  # type: ignore[misc]
        with closing(opened(folder)) as spool:
            found = [number for items in drained(spool) for number in numbers_of(items)]
            assert sorted(found) in ([1, 3], [2, 3], [1, 2])
            assert [item.reason for item in spool.refused()] == ["damaged on the disk"]
            window = spool.window()
        assert window is not None
        assert window.refused == tuple(
            {sealed(number).id for number in (1, 2, 3)} - {sealed(number).id for number in found}
        )


def test_identities_that_the_disk_has_changed_are_not_sent(spool: Spool) -> None:
    spool.put(batch(4, 5, 6), since=BEGAN)
    content = spool.path.read_bytes()
    place = content.index(identities_of(5)[1].pseudonym.encode()) + 10
    damage(spool.path, lambda _: content[:place] + b"?" + content[place + 1 :])
    assert [numbers_of(items) for items in drained(spool)] == [[4, 6]]
    assert [(item.id, item.reason) for item in spool.refused()] == [(sealed(5).id, "damaged on the disk")]


def test_a_file_of_a_newer_release_is_left_alone(left: Path, folder: Path) -> None:
    with closing(sqlite3.connect(left)) as connection:
        connection.execute(f"pragma user_version = {spool_file.VERSION + 1}")
    with pytest.raises(ConfigurationError, match="newer release"):
        opened(folder)


def test_another_sqlite_file_is_no_spool(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / f"{RECORDER}.spool")) as connection:
        connection.execute("create table events (id text)")
    with pytest.raises(ConfigurationError, match="is no spool"):
        opened(folder)


def test_a_file_under_another_name_is_not_taken_for_that_recorders(
    left: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left.rename(folder / f"{OTHER}.spool")
    with pytest.raises(ConfigurationError, match=RECORDER):
        opened(folder, OTHER)
    (folder / f"{OTHER}.spool").rename(folder / "copy of it.spool")
    assert list(orphans(folder, log=LOG)) == []
    assert "not named after a recorder" in caplog.text


def test_one_damaged_file_does_not_keep_the_others_from_being_drained(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for recorder in (OTHER, RECORDER):
        with closing(opened(folder, recorder)) as spool:
            put(spool, 1)
    broken = min(OTHER, RECORDER)
    damage(folder / f"{broken}.spool", lambda content: content[:2000])
    (folder / f"{id_of(b'third')}.spool").write_bytes(b"")
    assert [spool.recorder for spool in orphans(folder, log=LOG)] == [max(OTHER, RECORDER)]
    assert broken in caplog.text
    assert id_of(b"third") in caplog.text


def test_a_file_that_is_taken_away_is_missed_at_once(spool: Spool) -> None:
    put(spool, 1)
    spool.path.unlink()
    with pytest.raises(ConfigurationError, match="still there"):
        put(spool, 2)


def test_nothing_that_was_acknowledged_stands_beside_the_file(left: Path, folder: Path) -> None:
    for path in folder.iterdir():
        if path != left:
            path.unlink()
    with closing(opened(folder)) as spool:
        assert spool.count == 3


def test_a_copy_elsewhere_can_be_drained(left: Path, folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    shutil.copy(left, elsewhere)
    assert [spool.count for spool in orphans(elsewhere, log=LOG)] == [3]


# ---- disks that fail ----


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    place.mkdir()
    command = (shutil.which("mount") or "mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0700", "none", place)
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small tmpfs can't be mounted here: this takes root")
    try:
        yield place
    finally:
        subprocess.run((shutil.which("umount") or "umount", place), check=True, timeout=30)


def stuff(disk: Path) -> Path:
    """Leaves no room on a disk."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def fill(spool: Spool, number: int = 1) -> int:
    """Puts events until the disk is full; returns the number of the first that was not taken."""
    with suppress(SpoolFullError):
        while True:
            put(spool, number, value="x" * 3000)
            number += 1
    return number


def test_a_full_disk_keeps_all_that_was_acknowledged(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk, closing(opened(disk / "spool")) as spool:
        reached = fill(spool)
        assert reached > 20
        assert spool.count == reached - 1
        with pytest.raises(SpoolFullError, match="disk is full"):
            spool.put([sealed(number, "x" * 3000) for number in range(500, 600)], since=BEGAN)
        # In a row and from anew: a full disk does not wear the spool out.
        assert fill(spool, reached) - reached < 3
        kept = spool.count
        spool.close()
        with closing(opened(disk / "spool")) as again:
            found = [number for items in drained(again) for number in numbers_of(items)]
            assert found == list(range(1, kept + 1))
            put(again, 1000)


def test_a_full_disk_can_be_drained(tmp_path: Path) -> None:
    """Removing takes room for a journal: large batches need more than is set aside."""
    numbers = range(1, 501)
    with small_disk(tmp_path / "disk", 4096) as disk:
        with closing(opened(disk / "spool")) as spool:
            put(spool, *numbers, value="x" * 3000)
            stuff(disk)
            spool.refuse([sealed(7).id], "the log will not have it")
        (taken,) = [snapshot(spool) for spool in orphans(disk / "spool", log=LOG)]
        assert (len(taken[0]), taken[1]) == (499, (sealed(7).id,))
        for spool in orphans(disk / "spool", log=LOG):
            assert [numbers_of(each) for each in drained(spool)] == [[number for number in numbers if number != 7]]
            window = spool.window()
            assert window is not None
            assert spool.gap_declared(window)
        assert [state.refused[0].id for state in survey(disk / "spool")] == [sealed(7).id]


def test_a_disk_that_is_full_from_the_start_takes_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        ballast = stuff(disk)
        with closing(opened(disk)) as spool:
            with pytest.raises(SpoolFullError, match="disk is full"):
                put(spool, 1)
            assert (spool.count, snapshot(spool)) == (0, NOTHING)
            ballast.unlink()
            put(spool, 1)
            assert spool.count == 1


class _Failing:
    """A connection whose COMMIT fails, after it took effect or without."""

    def __init__(self, connection: sqlite3.Connection, *, after: bool) -> None:
        self._connection = connection
        self._after = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> object:
        if statement == "commit":
            if self._after:
                self._connection.execute("commit")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return self._connection.execute(statement, *values)


@pytest.mark.parametrize(("after", "expected"), [(False, UnavailableError), (True, OutcomeUnknownError)])
def test_a_failing_commit_is_answered_with_what_is_known(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, after: bool, expected: type[UnbrokenError]
) -> None:
    put(spool, 1)
    connect = spool_file._connect
    with monkeypatch.context() as patched:
        patched.setattr(spool_file, "_connect", lambda path: _Failing(connect(path), after=after))
        with pytest.raises(expected) as caught:
            put(spool, 2, 3)
    cause = caught.value.__cause__
    if isinstance(caught.value, OutcomeUnknownError):
        assert caught.value.ids == (sealed(2).id, sealed(3).id)
        cause = cause and cause.__cause__
    assert isinstance(cause, sqlite3.OperationalError)
    assert spool.count == (3 if after else 1)
    put(spool, 4)


# ---- for people ----


def test_a_survey_tells_of_every_file_and_changes_none(folder: Path) -> None:
    with closing(opened(folder, OTHER, log="other/log")) as gone:
        put(gone, 1, 2)
        gone.refuse([sealed(1, recorder=OTHER).id], "no grant")
    with closing(opened(folder)) as living:
        put(living, 1)
        before = {path: path.read_bytes() for path in folder.iterdir()}
        states = {state.path.stem: state for state in survey(folder)}
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
        window = living.window()
    mine, others = states[RECORDER], states[OTHER]
    assert (mine.alive, mine.pid, mine.log, mine.events) == (True, os.getpid(), LOG, 1)
    assert (mine.window, mine.size_bytes, mine.refused) == (window, size_of(sealed(1)), ())
    assert (others.alive, others.pid, others.log, others.events) == (False, None, "other/log", 1)
    assert others.refused == ((sealed(1, recorder=OTHER).id, "no grant"),)
    assert (mine.fault, others.fault) == (None, None)


def test_surveying_keeps_nobody_from_writing(spool: Spool, folder: Path) -> None:
    def look() -> None:
        for _ in range(100):
            survey(folder)

    def write() -> None:
        for number in range(100):
            put(spool, number)

    together(look, look, write)
    assert spool.count == 100


def test_the_package_is_imported_without_sqlite() -> None:
    code = "import sys, unbroken, unbroken.wiring, unbroken.capture.trail; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
