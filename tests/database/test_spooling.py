"""Recording through an outage: durably, in order, once each, and the log says afterwards what came late."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

import unbroken
from tests.conftest import LOG, Database
from tests.database.draining import MOMENTS
from tests.database.outage import Line
from tests.plain import draft
from tests.unit.spooled import together
from unbroken.core.entry import StoredEntry
from unbroken.core.ids import id_of, new_id
from unbroken.core.keyed import LogKey
from unbroken.errors import InvalidEventError, OutcomeUnknownError, SpoolFullError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Receipt, Spooled
from unbroken.ledger.spool import spooling
from unbroken.ledger.spool.place import SPOOL_LIMIT_BYTES, SpoolPlace
from unbroken.ledger.spool.survey import survey
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.verify.run import verify_log

Entries = Callable[[], list[StoredEntry]]
ROOT: Final = Path(__file__).parents[2]
NOWHERE: Final = "host=/nonexistent user=writer dbname=none"


def note(text: object, **fields: Any) -> Draft:
    return draft("request", actor_id="u-1", actor_type="user", inputs=text, **fields)


def said(entries: Sequence[StoredEntry]) -> list[Any]:
    """What the recorded notes say, in the order of the log."""
    return [json.loads(entry.inputs) for entry in entries if entry.inputs is not None]


def event_of(entry: StoredEntry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entry.event)
    return found


def gaps(entries: Sequence[StoredEntry]) -> list[dict[str, Any]]:
    """What the log was told of gaps."""
    return [json.loads(entry.details or b"") for entry in entries if event_of(entry)["event_type"] == "log.gap"]


def kinds(kept: Sequence[object]) -> set[type]:
    return {type(each) for each in kept}


def check(database: Database) -> None:
    """The log verifies, and every recorder's numbers are there without a gap and in order."""
    numbers: dict[str, list[int]] = {}
    with LogReader(database.conninfo("verifier"), LOG) as reader:
        assert verify_log(reader).verdict == "consistent"
        for event in (event_of(entry) for lot in reader.entries() for entry in lot):
            if "recorder" in event:
                numbers.setdefault(event["recorder"], []).append(event["recorder_seq"])
    for found in numbers.values():
        assert found == list(range(1, len(found) + 1))


class Recorders:
    """Ledgers over the line, with a spool in the folder."""

    def __init__(self, line: Line, folder: Path) -> None:
        self._stack = ExitStack()
        self._line = line
        self._folder = folder

    def start(self, *, limit_bytes: int = SPOOL_LIMIT_BYTES) -> Ledger:
        place = SpoolPlace(self._folder, LOG, limit_bytes)
        return self._stack.enter_context(closing(Ledger(self._connect, spool=place)))

    def close(self) -> None:
        self._stack.close()

    def _connect(self, wait_s: float) -> LogWriter:
        return LogWriter(self._line.conninfo("writer"), LOG, wait_s=wait_s)


@pytest.fixture
def recorders(line: Line, folder: Path) -> Iterator[Recorders]:
    with closing(Recorders(line, folder)) as made:
        yield made


@pytest.fixture
def recorder(recorders: Recorders) -> Ledger:
    return recorders.start()


@pytest.fixture(autouse=True)
def _eager(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call tries whether the outage is over; it waits briefly while it is not, and long when it should be.

    So a machine that is busy makes no heir leave something for the next one.
    """

    def patient(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
        def both() -> None:
            act()
            monkeypatch.setattr(spooling, "PATIENCE_S", seconds)
            monkeypatch.setattr(spooling, "GLANCE_S", seconds)
            monkeypatch.setattr(spooling, "DRAIN_S", seconds)
            monkeypatch.setattr(spooling, "ADOPT_S", seconds)

        return both

    monkeypatch.setattr(spooling, "PAUSES_S", (0.0,))
    monkeypatch.setattr(line, "cut", patient(0.1, line.cut))
    monkeypatch.setattr(line, "swallow_answers", patient(0.5, line.swallow_answers))
    monkeypatch.setattr(line, "mend", patient(30.0, line.mend))


# ---- an outage and its end ----


def test_an_outage_is_bridged_in_order_and_the_log_says_so(
    recorder: Ledger, line: Line, folder: Path, entries: Entries, database: Database
) -> None:
    assert kinds(recorder.record([note("before")])) == {Receipt}
    line.cut()
    kept = [*recorder.record([note("one"), note("two")]), *recorder.record([note("three")])]
    assert kinds(kept) == {Spooled}
    assert [state.events for state in survey(folder)] == [3]
    assert said(entries()) == ["before"]
    line.mend()
    assert kinds(recorder.record([note("after")])) == {Receipt}
    found = entries()
    assert said(found) == ["before", "one", "two", "three", "after"]
    assert list(folder.iterdir()) == []
    late = [event_of(entry) for entry in found[1:4]]
    assert [event["id"] for event in late] == [each.id for each in kept]
    expected = {"recorder": recorder.recorder, "reason": "outage", "first": 2, "last": 4, "count": 3, "refused": []}
    assert gaps(found) == [{**expected, "from": late[0]["ts"], "to": late[2]["ts"]}]
    assert event_of(found[4])["event_type"] == "log.gap"
    check(database)


def test_each_outage_leaves_a_gap_of_its_own(
    recorder: Ledger, line: Line, entries: Entries, database: Database
) -> None:
    recorder.record([note(0)])
    for number in (1, 2):
        line.cut()
        recorder.record([note(number)])
        line.mend()
        recorder.record([note(-number)])
    assert said(entries()) == [0, 1, -1, 2, -2]
    assert [(gap["first"], gap["last"], gap["count"]) for gap in gaps(entries())] == [(2, 2, 1), (4, 4, 1)]
    check(database)


def test_what_comes_while_older_events_wait_goes_behind_them(
    recorder: Ledger, line: Line, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "PAUSES_S", (60.0,))
    line.cut()
    recorder.record([note("old")])
    line.mend()
    assert kinds(recorder.record([note("young")])) == {Spooled}
    assert said(entries()) == []
    recorder.close()
    assert said(entries()) == ["old", "young"]


def test_a_recorder_may_start_in_an_outage(
    recorders: Recorders, line: Line, entries: Entries, database: Database
) -> None:
    line.cut()
    ledger = recorders.start()
    assert ledger.log == LOG
    assert kinds(ledger.record([note("one")])) == {Spooled}
    line.mend()
    (receipt,) = ledger.record([note("two")])
    assert isinstance(receipt, Receipt)
    assert receipt.log == f"{LOG}~1"
    assert said(entries()) == ["one", "two"]
    check(database)


def test_an_event_that_is_recorded_again_in_an_outage_is_there_once(
    recorder: Ledger, line: Line, entries: Entries
) -> None:
    again, fresh = note("again"), note("fresh")
    recorder.record([note("before")])
    line.cut()
    recorder.record([again])
    assert kinds(recorder.record([again, fresh])) == {Spooled}
    line.mend()
    assert kinds(recorder.record([again])) == {Receipt}
    assert said(entries()) == ["before", "again", "fresh"]


def test_an_event_whose_answer_was_lost_is_spooled_and_not_doubled(
    recorder: Ledger, line: Line, entries: Entries, database: Database
) -> None:
    recorder.record([note("before")])
    line.swallow_answers()
    assert kinds(recorder.record([note("one"), note("two")])) == {Spooled}
    assert said(entries()) == ["before", "one", "two"]
    line.cut()
    line.mend()
    recorder.record([note("after")])
    assert said(entries()) == ["before", "one", "two", "after"]
    check(database)


def test_threads_over_a_line_that_comes_and_goes_lose_and_double_nothing(
    recorder: Ledger, line: Line, entries: Entries, database: Database
) -> None:
    def work(name: int) -> None:
        for number in range(30):
            recorder.record([note([name, number])])

    def shake() -> None:
        for _ in range(4):
            time.sleep(0.1)
            line.cut()
            time.sleep(0.1)
            line.mend()

    together(shake, *(partial(work, name) for name in range(6)))
    recorder.record([note([6, 0])])
    found = said(entries())
    assert sorted(found) == [[name, number] for name in range(6) for number in range(30)] + [[6, 0]]
    for name in range(6):
        assert [number for who, number in found if who == name] == list(range(30))
    check(database)


def test_a_trail_goes_on_in_an_outage(line: Line, folder: Path, entries: Entries) -> None:
    settings: dict[str, Any] = {"log": LOG, "key": LogKey.generate(), "on_failure": "spool", "spool": folder}
    with unbroken.connect(line.conninfo("writer"), **settings) as trail:
        with trail.session(actor="u-17", agent="clinic-agent") as session:
            line.cut()
            with session.turn("Book me in.") as turn:
                turn.respond("Done.")
            line.mend()
        found = [event_of(entry)["event_type"] for entry in entries()]
    assert [kind for kind in found if not kind.startswith("log.")][-3:] == ["request", "response", "conversation_ended"]
    assert "log.gap" in found


# ---- the end of a process ----


def test_what_a_recorder_leaves_the_next_one_sends(
    recorders: Recorders, line: Line, entries: Entries, database: Database, folder: Path
) -> None:
    line.cut()
    first = recorders.start()
    first.record([note("one")])
    first.record([note("two")])
    gone = first.recorder
    first.close()
    second = recorders.start()
    second.record([note("three")])
    line.mend()
    second.record([note("four")])
    assert said(entries()) == ["three", "four", "one", "two"]
    assert [(gap["recorder"], gap["count"]) for gap in gaps(entries())] == [(second.recorder, 1), (gone, 2)]
    assert list(folder.iterdir()) == []
    check(database)


def test_a_recorder_that_lives_keeps_its_own(recorders: Recorders, line: Line, entries: Entries, folder: Path) -> None:
    line.cut()
    living, other = recorders.start(), recorders.start()
    living.record([note("the living one's")])
    line.mend()
    other.record([note("the other's")])
    assert said(entries()) == ["the other's"]
    assert [state.events for state in survey(folder)] == [1]
    living.record([note("later")])
    assert said(entries()) == ["the other's", "the living one's", "later"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_spool_of_its_own(
    recorders: Recorders, line: Line, entries: Entries, folder: Path, database: Database
) -> None:
    recorder = recorders.start()
    line.cut()
    recorder.record([note("parent")])
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            recorder.record([note("child")])
            recorder.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert [state.events for state in survey(folder)] == [1, 1]
    line.mend()
    recorder.record([note("parent again")])
    assert said(entries()) == ["parent", "parent again", "child"]
    check(database)


def start(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.database.draining", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_a_killed_recorder_had_kept_is_sent(recorders: Recorders, folder: Path, entries: Entries) -> None:
    with start("put", NOWHERE, folder) as process:
        assert process.stdout is not None
        read = "".join(process.stdout.readline() for _ in range(5))
        process.kill()
        kept = [int(line) for line in (read + process.stdout.read()).splitlines(keepends=True) if line.endswith("\n")]
    recorders.start().record([note("the heir")])
    first, *found = said(entries())
    assert first == "the heir"
    assert found in (kept, [*kept, len(kept) + 1])


def leave_behind(recorders: Recorders, line: Line) -> dict[str, list[str]]:
    """Two dead recorders and what each has to say, in batches of one event."""
    line.cut()
    left = {}
    for name in ("a", "b"):
        gone = recorders.start()
        texts = [f"{name}{number}" for number in range(4)]
        for text in texts:
            gone.record([note(text)])
        left[gone.recorder] = texts
        gone.close()
    line.mend()
    return left


def check_heritage(left: dict[str, list[str]], entries: Entries, folder: Path) -> None:
    found = entries()
    assert [text for text in said(found) if text != "the last heir"] == [
        text for each in left.values() for text in each
    ]
    declared = [(gap["recorder"], gap["first"], gap["last"], gap["count"]) for gap in gaps(found)]
    assert list(dict.fromkeys(declared)) == [(recorder, 1, 4, 4) for recorder in left]
    assert list(folder.iterdir()) == []


POINTS: Final = [
    (hook, moment, nth)
    for hook, times in (("deliver", (1, 2, 5)), ("done", (1, 2, 5)), ("declare", (1, 2)), ("declared", (1, 2)))
    for moment in MOMENTS
    for nth in times
]


@pytest.mark.parametrize(("hook", "moment", "nth"), POINTS)
def test_a_death_in_the_middle_of_draining_loses_and_doubles_nothing(
    recorders: Recorders,
    line: Line,
    folder: Path,
    entries: Entries,
    database: Database,
    hook: str,
    moment: str,
    nth: int,
) -> None:
    left = leave_behind(recorders, line)
    with start("drain", database.conninfo("writer"), folder, hook, moment, nth) as process:
        _, said_last = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, said_last
    recorders.start().record([note("the last heir")])
    check_heritage(left, entries, folder)
    # Told twice at most, where the death came between telling and noting that it was told.
    assert len(gaps(entries())) <= 2 + ((hook, moment) in (("declare", "after"), ("declared", "before")))
    check(database)


@pytest.mark.long
def test_deaths_at_any_moment_of_draining_lose_and_double_nothing(
    recorders: Recorders, line: Line, folder: Path, entries: Entries, database: Database
) -> None:
    left: dict[str, list[str]] = {}
    killed = 0
    for _ in range(60):
        left |= leave_behind(recorders, line)
        with start("drain", database.conninfo("writer"), folder) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begins\n"
            time.sleep(time.monotonic() % 0.05)
            process.kill()
        killed += process.returncode == -signal.SIGKILL
    assert killed > 20
    recorders.start().record([note("the last heir")])
    check_heritage(left, entries, folder)
    check(database)


def _record_last(heir: Ledger) -> None:
    heir.record([note("the last heir")])


def test_heirs_that_come_together_share_what_is_left(
    recorders: Recorders, line: Line, folder: Path, entries: Entries, database: Database
) -> None:
    left = {**leave_behind(recorders, line), **leave_behind(recorders, line)}
    heirs = [recorders.start() for _ in range(4)]
    together(*(partial(_record_last, heir) for heir in heirs))
    recorders.start().record([note("the last heir")])
    texts = [text for text in said(entries()) if text != "the last heir"]
    assert sorted(texts) == sorted(text for each in left.values() for text in each)
    assert sorted(gap["recorder"] for gap in gaps(entries())) == sorted(left)
    check(database)


# ---- limits and refusals ----


def test_at_the_limit_recording_fails_and_nothing_that_was_kept_is_lost(
    recorders: Recorders, line: Line, entries: Entries, database: Database
) -> None:
    ledger = recorders.start(limit_bytes=5000)
    line.cut()
    kept = []
    with suppress(SpoolFullError):
        for number in range(100):
            ledger.record([note(number)])
            kept.append(number)
    assert 5 < len(kept) < 50
    with pytest.raises(SpoolFullError):
        ledger.record([note("too much")])
    line.mend()
    ledger.record([note("after")])
    assert said(entries()) == [*kept, "after"]
    check(database)


def test_an_event_in_doubt_that_finds_no_room_stays_in_doubt(
    recorders: Recorders, line: Line, entries: Entries
) -> None:
    ledger = recorders.start(limit_bytes=1)
    ledger.record([note("before")])
    doubtful = note("doubtful")
    line.swallow_answers()
    with pytest.raises(OutcomeUnknownError) as caught:
        ledger.record([doubtful])
    assert set(caught.value.ids) == {doubtful.event.id}
    line.cut()
    line.mend()
    ledger.record([doubtful])
    assert said(entries()) == ["before", "doubtful"]


def test_an_event_that_the_log_refuses_is_set_aside_and_named(
    recorder: Ledger, line: Line, ledger: Ledger, folder: Path, entries: Entries
) -> None:
    taken = new_id()
    line.cut()
    recorder.record([note("one"), note("mine", id=taken), note("two")])
    recorder.record([note("three")])
    ledger.record([note("theirs", id=taken)])
    line.mend()
    assert kinds(recorder.record([note("four")])) == {Receipt}
    found = entries()
    assert said(found) == ["theirs", "one", "two", "three", "four"]
    (gap,) = gaps(found)
    assert (gap["first"], gap["last"], gap["count"], gap["refused"]) == (1, 4, 4, [taken])
    (state,) = survey(folder)
    assert ([item.id for item in state.refused], state.events) == ([taken], 0)
    with pytest.raises(InvalidEventError):
        recorder.record([note("mine", id=taken)])


def test_refused_events_are_in_nobodys_way(
    recorders: Recorders, line: Line, ledger: Ledger, folder: Path, entries: Entries
) -> None:
    first = recorders.start()
    taken = new_id()
    line.cut()
    first.record([note("mine", id=taken)])
    ledger.record([note("theirs", id=taken)])
    line.mend()
    first.close()
    for number in range(2):
        recorders.start().record([note(number)])
    assert said(entries()) == ["theirs", 0, 1]
    assert len(gaps(entries())) == 1
    (state,) = survey(folder)
    assert (state.alive, state.events, len(state.refused)) == (False, 0, 1)


def test_a_damaged_file_of_a_dead_recorder_stops_nobody(
    recorders: Recorders, line: Line, folder: Path, entries: Entries
) -> None:
    left = leave_behind(recorders, line)
    broken = folder / f"{id_of(b'somebody')}.spool"
    broken.write_bytes(b"torn")
    heir = recorders.start()
    assert kinds(heir.record([note("the last heir")])) == {Receipt}
    assert said(entries()) == ["the last heir", *(text for each in left.values() for text in each)]
    assert broken.read_bytes() == b"torn"
