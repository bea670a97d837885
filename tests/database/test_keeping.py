"""What recorders keep until a checkpoint covers it: nothing that was acknowledged is gone with the log that lost it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.losing import NEW, OLD, continued, lose
from tests.database.planted_tree import sign
from tests.plain import draft
from unbroken.core.checkpoint import key_name
from unbroken.core.event import decode_event
from unbroken.core.note import SigningKey
from unbroken.errors import UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import Identity
from unbroken.ledger.retained import Retained
from unbroken.ledger.retained_files import InFolder
from unbroken.store.administration import as_owner
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter, Row
from unbroken.verify.run import verify_log

KEY = SigningKey(key_name(LOG), b"n" * 32)


def note(text: object = "hello", **fields: Any) -> Draft:
    return draft("request", **{"actor_id": "u-1", "actor_type": "user", "session_id": "s-1", "inputs": text, **fields})


def ledger_of(database: Database, retain: Callable[[str], Retained] | None = None) -> Ledger:
    connect = partial(_writer, database)
    return Ledger(connect) if retain is None else Ledger(connect, retain=retain)


def _writer(database: Database, wait_s: float) -> LogWriter:
    return LogWriter(database.conninfo("writer"), LOG, wait_s=wait_s)


def checkpoint(database: Database, size: int, log: str = OLD) -> None:
    sign(database, KEY, upto=size, log=log)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a checkpoint covers is asked after every batch."""
    monkeypatch.setattr("unbroken.ledger.keeping.LOOK_S", 0.0)


@pytest.fixture(params=["memory", "folder"])
def keeping(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with a log that has its first checkpoint."""
    folder = tmp_path / "sent"
    retain = {"memory": None, "folder": partial(_in_folder, folder)}[request.param]
    with closing(ledger_of(database, retain)) as made:
        made.record([note("first")])
        checkpoint(database, 1)
        yield made


def _in_folder(folder: Path, recorder: str) -> InFolder:
    return InFolder(folder, recorder, log=LOG)


def told(database: Database, log: str = NEW) -> dict[str, dict[str, Any]]:
    """What each event of a log says, by its id, once the log has been verified; but the log's own."""
    with LogReader(database.conninfo("verifier"), log) as reader:
        assert verify_log(reader).findings == ()
        entries = [entry for lot in reader.entries() for entry in lot]
    found = {}
    for entry in entries:
        event = decode_event(entry.event)
        if event.recorder is not None:
            found[event.id] = {name: json.loads(part.value) for name, part in entry.parts.items()}
    return found


def gaps(database: Database) -> list[dict[str, Any]]:
    rows = database.admin.execute(
        "select p.details from unbroken.payloads p join unbroken.entries e on e.log = p.log and e.seq = p.seq"
        " where e.event_type = 'log.gap' order by e.log, e.seq"
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def test_what_was_lost_is_recorded_again_once(database: Database, keeping: Ledger) -> None:
    kept = keeping.record([note("kept")])[0]
    lost = keeping.record([note(f"lost {n}") for n in range(3)])
    lose(database, 2)
    continued(database)
    after = keeping.record([note("after")])[0]
    assert getattr(after, "log", None) == NEW
    keeping.record([note("and on")])
    found = told(database)
    assert set(found) >= {each.id for each in lost} | {after.id}
    assert kept.id not in found
    assert len(found) == 5
    assert [found[each.id]["inputs"] for each in lost] == ["lost 0", "lost 1", "lost 2"]
    assert [(gap["reason"], gap["first"], gap["last"], gap["count"]) for gap in gaps(database)] == [("lost", 3, 5, 3)]
    assert list(told(database, OLD)) == [*list(told(database, OLD))[:1], kept.id]


def test_what_a_checkpoint_covers_is_not_kept(
    database: Database, keeping: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file goes when all in it is covered.
    monkeypatch.setattr("unbroken.ledger.retained_files.FILE_BYTES", 1)
    keeping.record([note("kept")])
    covered = keeping.record([note("covered")])[0]
    checkpoint(database, 3)
    keeping.record([note("asks")])
    open_ = keeping.record([note("not covered")])[0]
    lose(database, 2)
    continued(database)
    keeping.record([note("after")])
    keeping.record([note("and on")])
    found = told(database)
    assert open_.id in found
    assert covered.id not in found


def test_without_any_checkpoint_nothing_is_kept(database: Database) -> None:
    with closing(ledger_of(database)) as made:
        made.record([note("first")])
        lost = made.record([note("lost")])[0]
        lose(database, 1)
        continued(database)
        made.record([note("after")])
        assert lost.id not in told(database)


def test_what_it_held_about_somebody_erased_does_not_come_back(database: Database, keeping: Ledger) -> None:
    ann, bob = f"p-{1:032x}", f"p-{2:032x}"
    keeping.record([note("kept", subjects=[ann])])
    lost = keeping.record([note("of Ann", subjects=[ann]), note("of Bob", subjects=[bob])])
    lose(database, 2)
    with database.admin.transaction():
        continued(database)
        with as_owner(database.admin):
            database.admin.execute(
                "select unbroken.reapply_erasure(%s, %s, %s, '{}', false, clock_timestamp(), %s)",
                (OLD, "0198f3a2-0000-7000-8000-000000000001", [ann], "ab" * 32),
            )
    keeping.record([note("after")])
    found = told(database)
    assert found[lost[0].id] == {}
    assert found[lost[1].id] == {"inputs": "of Bob"}


@pytest.mark.parametrize("has_event", [True, False])
def test_whom_it_made_known_is_known_again(database: Database, keeping: Ledger, *, has_event: bool) -> None:
    ann = Identity(f"p-{1:032x}", b"\x01" * 32, b"sealed")
    keeping.record([note("kept")])
    assert keeping.identify([ann]) == [ann.pseudonym]
    keeping.remember([ann])
    if has_event:
        keeping.record([note("of Ann", subjects=[ann.pseudonym])])
    lose(database, 2)
    continued(database)
    keeping.record([note("after")])
    other = Identity(f"p-{2:032x}", b"\x01" * 32, b"sealed")
    assert keeping.identify([other]) == [ann.pseudonym]


def test_what_the_log_refuses_now_is_named(database: Database, keeping: Ledger) -> None:
    keeping.record([note("kept")])
    lost = keeping.record([note("lost"), note("taken"), note("lost too")])
    lose(database, 2)
    continued(database)
    with closing(ledger_of(database)) as other:
        # The id stands for something else by now.
        other.record([note("another", id=lost[1].id)])
    keeping.record([note("after")])
    found = told(database)
    assert [found[each.id]["inputs"] for each in lost] == ["lost", "another", "lost too"]
    assert [gap["refused"] for gap in gaps(database)] == [[lost[1].id]]


class Deaf(LogWriter):
    """Loses the answer to its first batch; by then the log is continued."""

    def __init__(self, database: Database, wait_s: float) -> None:
        super().__init__(database.conninfo("writer"), LOG, wait_s=wait_s)
        self._database = database

    def append(self, *given: Any, **more: Any) -> list[Row]:
        super().append(*given, **more)
        continued(self._database)
        self.close()
        raise UnavailableError("the answer was lost")


def test_an_outcome_in_doubt_is_found_in_the_incarnation_that_has_it(database: Database) -> None:
    """It was recorded just before the log was continued, and nobody heard: it must not stand in both."""
    ways: Iterator[Callable[[Database, float], LogWriter]] = chain((Deaf,), repeat(_writer))
    with closing(Ledger(lambda wait_s: next(ways)(database, wait_s))) as made:
        (receipt,) = made.record([note("unheard")])
        assert getattr(receipt, "log", None) == OLD
        (after,) = made.record([note("after")])
        assert getattr(after, "log", None) == NEW
    assert [list(found) for found in (told(database, OLD), told(database))] == [[receipt.id], [after.id]]


@pytest.mark.parametrize("has_ended", [True, False])
def test_the_next_process_offers_what_a_dead_one_left(
    database: Database, tmp_path: Path, *, has_ended: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    retain = partial(_in_folder, tmp_path / "sent")
    first = ledger_of(database, retain)
    first.record([note("first")])
    checkpoint(database, 1)
    first.record([note("kept")])
    lost = first.record([note("lost")])[0]
    if has_ended:
        first.close()
    lose(database, 2)
    continued(database)
    with closing(ledger_of(database, retain)) as second:
        second.record([note("after")])
    assert (lost.id in told(database)) == has_ended
    if not has_ended:
        # As long as it lives its files are its own.
        first.record([note("and on")])
        assert lost.id in told(database)
        first.close()
    assert not capfd.readouterr().err
