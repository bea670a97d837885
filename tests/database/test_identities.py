"""People by pseudonyms in a real log: asked for, kept through outages, and known before any event bears them."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import LOG, Database
from tests.database.draining import MOMENTS
from tests.database.outage import Line
from tests.database.test_spooling import Recorders, _eager, check, start  # noqa: F401 - a fixture of every test here
from tests.plain import draft
from tests.unit.spooled import together
from unbroken.core.entry import StoredEntry
from unbroken.core.keyed import LogKey
from unbroken.errors import UnavailableError
from unbroken.ledger import delivery as ledger_delivery
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import Identity
from unbroken.ledger.receipt import Receipt, Spooled
from unbroken.ledger.spool import spooling
from unbroken.ledger.spool.survey import survey
from unbroken.privacy.identities import Identities
from unbroken.privacy.names import Names
from unbroken.privacy.pseudonyms import is_pseudonym, new_pseudonym
from unbroken.store.log_writer import LogWriter

Entries = Callable[[], list[StoredEntry]]
KEY: Final = LogKey("1", bytes(range(32)))
NAMES: Final = Names.under(KEY, log=LOG)


def proposal(name: str) -> Identity:
    return NAMES.identity(name, new_pseudonym())


def of(ledger: Ledger) -> Identities:
    return Identities(ledger.identify, KEY, LOG)


def note(identities: Identities, name: str, text: object = None) -> Draft:
    """What somebody says, recorded under a pseudonym."""
    found, offline = identities.pseudonyms([name])
    made = draft("request", actor_id=found[name], actor_type="user", inputs=text)
    return replace(made, identities=offline)


def people(database: Database) -> dict[str, str]:
    """The names behind all pseudonyms, opened with the log's key."""
    rows = database.admin.execute("select pseudonym, lookup, sealed from unbroken.identities").fetchall()
    opened = {pseudonym: NAMES.open(sealed, pseudonym) for pseudonym, _, sealed in rows}
    assert [NAMES.lookup(opened[pseudonym]) for pseudonym, _, _ in rows] == [lookup for _, lookup, _ in rows]
    return opened


def actors(entries: Sequence[StoredEntry]) -> list[str]:
    """Who asked, entry by entry."""
    events = [json.loads(entry.event) for entry in entries]
    return [event["actor_id"] for event in events if event["event_type"] == "request"]


def said(database: Database, entries: Sequence[StoredEntry]) -> list[tuple[str, Any]]:
    """Who said what, by name, in the order of the log."""
    names = people(database)
    texts = [json.loads(entry.inputs) for entry in entries if entry.inputs is not None]
    return list(zip((names[actor] for actor in actors(entries)), texts, strict=True))


@pytest.fixture
def connects(line: Line) -> list[float]:
    """Filled with a time for each connection that the recorders try to make."""
    return []


@pytest.fixture
def recorders(line: Line, folder: Path, connects: list[float]) -> Iterator[Recorders]:
    with closing(Counted(line, folder, connects)) as made:
        yield made


class Counted(Recorders):
    def __init__(self, line: Line, folder: Path, connects: list[float]) -> None:
        super().__init__(line, folder)
        self._connects = connects

    def _connect(self, wait_s: float) -> LogWriter:
        self._connects.append(time.monotonic())
        return super()._connect(wait_s)


@pytest.fixture
def recorder(recorders: Recorders) -> Ledger:
    return recorders.start()


@pytest.fixture
def _one_try(monkeypatch: pytest.MonkeyPatch, line: Line) -> None:
    """An outage is found out, and not tried again."""
    monkeypatch.setattr(spooling, "PAUSES_S", (60.0,))


# ---- while the log is there ----


def test_a_name_has_one_pseudonym_for_all_recorders(ledger: Ledger, database: Database) -> None:
    with closing(Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG))) as other:
        found, offline = of(ledger).pseudonyms(["dana", "Lee@clinic.example"])
        assert offline == ()
        assert of(other).pseudonyms(["dana", " lee@CLINIC.example"])[0] == {
            "dana": found["dana"],
            " lee@CLINIC.example": found["Lee@clinic.example"],
        }
    assert people(database) == {found["dana"]: "dana", found["Lee@clinic.example"]: "Lee@clinic.example"}


def test_recorders_that_meet_agree(ledger: Ledger, database: Database) -> None:
    answers: list[dict[str, str]] = []
    names = [f"u-{number}" for number in range(20)]

    def ask(order: int) -> None:
        with closing(Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG))) as own:
            answers.append(of(own).pseudonyms(names[::order])[0])

    together(*(partial(ask, order) for order in (1, -1, 1, -1)))
    assert len({tuple(sorted(answer.items())) for answer in answers}) == 1
    assert len(people(database)) == 20


def test_threads_of_one_ledger_agree(ledger: Ledger, database: Database) -> None:
    answers: list[list[str] | None] = []
    together(*(lambda: answers.append(ledger.identify([proposal("dana")])) for _ in range(8)))
    assert len({tuple(answer or ()) for answer in answers}) == 1
    assert list(people(database).values()) == ["dana"]


def test_very_many_are_asked_for_in_several_trips(ledger: Ledger, database: Database) -> None:
    proposals = [proposal(f"u-{number}") for number in range(2001)]
    assert ledger.identify(proposals) == [each.pseudonym for each in proposals]
    assert ledger.identify(proposals[::-1]) == [each.pseudonym for each in proposals[::-1]]
    assert ledger.identify([]) == []


def test_no_name_is_in_the_database_in_clear(ledger: Ledger, database: Database) -> None:
    of(ledger).pseudonyms(["Wilhelmina Osterkamp"])
    (row,) = database.admin.execute("select i::text from unbroken.identities i").fetchall()
    assert b"Osterkamp".hex() not in row[0]
    assert "Osterkamp" not in row[0]


def test_events_of_people_who_are_known_ask_for_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    identities = of(ledger)
    note(identities, "dana")
    monkeypatch.setattr(LogWriter, "identify", None)
    (receipt,) = ledger.record([note(identities, "dana")])
    assert isinstance(receipt, Receipt)


def test_a_connection_that_broke_is_made_anew(line: Line, database: Database) -> None:
    with closing(Ledger(lambda wait_s: LogWriter(line.conninfo("writer"), LOG, wait_s=wait_s))) as ledger:
        identities = of(ledger)
        identities.pseudonyms(["dana"])
        line.cut()
        line.mend()
        assert is_pseudonym(identities.pseudonyms(["lee"])[0]["lee"])
    assert sorted(people(database).values()) == ["dana", "lee"]


def test_without_a_spool_an_outage_stops_who_is_not_known(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Ledger(partial(_writer, line), deadline_s=0.5)) as ledger:
        identities = of(ledger)
        identities.pseudonyms(["dana"])
        line.cut()
        with pytest.raises(UnavailableError):
            identities.pseudonyms(["lee"])
        identities.pseudonyms(["dana"])
        line.mend()


def _writer(line: Line, wait_s: float) -> LogWriter:
    return LogWriter(line.conninfo("writer"), LOG, wait_s=wait_s)


def test_a_question_that_gets_no_answer_lets_others_in_between(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tries are short ones, and between them the connection is free."""
    monkeypatch.setattr(ledger_delivery, "_TURN_S", 0.3)
    free: list[bool] = []
    made = ledger_delivery.Delivery(partial(_writer, line), sleep=lambda _: free.append(made._lock.acquire(timeout=10)))
    line.cut()

    def look_and_mend(_seconds: float) -> None:
        free.append(made._lock.acquire(blocking=False))
        made._lock.release()
        if len(free) == 3:
            line.mend()

    made._sleep = look_and_mend
    with closing(made):
        (found,) = made.ask_until(
            lambda writer, wait_s: writer.identify([proposal("dana")], wait_s=wait_s), deadline=time.monotonic() + 30
        )
        assert is_pseudonym(found)
    assert free == [True] * 3


# ---- in an outage, with a spool ----


@pytest.mark.usefixtures("_one_try")
def test_an_outage_is_found_out_once(recorder: Ledger, line: Line, connects: list[float]) -> None:
    identities = of(recorder)
    identities.pseudonyms(["dana"])
    line.cut()
    first = note(identities, "lee")
    tried = len(connects)
    assert first.identities
    for number in range(50):
        assert isinstance(recorder.record([note(identities, f"u-{number}")])[0], Spooled)
    assert len(connects) == tried
    assert note(identities, "dana").identities == ()


@pytest.mark.usefixtures("_one_try")
def test_delivery_finds_out_for_the_questions_too(recorder: Ledger, line: Line, connects: list[float]) -> None:
    identities = of(recorder)
    known = note(identities, "dana")
    line.cut()
    assert isinstance(recorder.record([known])[0], Spooled)
    tried = len(connects)
    assert note(identities, "lee").identities
    assert len(connects) == tried


@pytest.mark.usefixtures("_one_try")
def test_threads_that_find_out_together_wait_once(recorder: Ledger, line: Line) -> None:
    identities = of(recorder)
    identities.pseudonyms(["dana"])
    line.cut()
    names = [f"u-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert all(offline for _, offline in pool.map(lambda name: identities.pseudonyms([name]), names))
    stand_in = recorder._here()._delivery
    assert isinstance(stand_in, spooling.Spooling)
    assert stand_in._tries == 1


def test_who_came_in_an_outage_is_known_before_the_events(
    recorder: Ledger, line: Line, entries: Entries, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    identities = of(recorder)
    original = LogWriter.append

    def append(self: LogWriter, events: Sequence[bytes], *args: Any, **kwargs: Any) -> Any:
        assert {json.loads(event)["actor_id"] for event in events} <= set(people(database))
        return original(self, events, *args, **kwargs)

    monkeypatch.setattr(LogWriter, "append", append)
    recorder.record([note(identities, "dana", 1)])
    line.cut()
    for number, name in enumerate(["lee", "dana", "sam", "lee"], 2):
        assert isinstance(recorder.record([note(identities, name, number)])[0], Spooled)
    line.mend()
    assert isinstance(recorder.record([note(identities, "sam", 6)])[0], Receipt)
    found = entries()
    assert said(database, found) == [("dana", 1), ("lee", 2), ("dana", 3), ("sam", 4), ("lee", 5), ("sam", 6)]
    first, lee, dana, _, again, *_ = actors(found)
    assert (first, lee) == (dana, again)
    check(database)


def test_two_recorders_in_an_outage_give_a_person_two_pseudonyms_and_both_lead_to_the_name(
    recorders: Recorders, line: Line, entries: Entries, database: Database
) -> None:
    one, other = recorders.start(), recorders.start()
    ours, theirs = of(one), of(other)
    line.cut()
    for number, (recorder, identities) in enumerate([(one, ours), (other, theirs)]):
        recorder.record([note(identities, "dana", number)])
    line.mend()
    for number, (recorder, identities) in enumerate([(one, ours), (other, theirs)] * 2, 2):
        recorder.record([note(identities, "dana", number)])
    found = entries()
    assert sorted(said(database, found)) == [("dana", number) for number in range(6)]
    by_text = {
        json.loads(entry.inputs or b""): actor for entry, actor in zip(_requests(found), actors(found), strict=True)
    }
    assert by_text[0] != by_text[1]
    assert by_text[4] == by_text[5]
    check(database)


def _requests(entries: Sequence[StoredEntry]) -> list[StoredEntry]:
    return [entry for entry in entries if entry.inputs is not None]


@pytest.mark.usefixtures("_one_try")
def test_an_event_made_in_an_outage_that_is_over_brings_its_person(
    recorder: Ledger, line: Line, database: Database, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never is in the spool."""
    line.cut()
    made = note(of(recorder), "dana", 1)
    assert made.identities
    line.mend()
    stand_in = recorder._here()._delivery
    assert isinstance(stand_in, spooling.Spooling)
    stand_in._next_try = 0.0
    (receipt,) = recorder.record([made])
    assert isinstance(receipt, Receipt)
    assert said(database, entries()) == [("dana", 1)]
    # Recording it again, as a caller does who heard no answer, makes nobody known twice.
    assert recorder.record([made]) == [receipt]
    assert len(people(database)) == 1


def test_what_a_recorder_leaves_its_heir_makes_known(
    recorders: Recorders, line: Line, folder: Path, entries: Entries, database: Database
) -> None:
    line.cut()
    gone = recorders.start()
    identities = of(gone)
    for number, name in enumerate(["dana", "lee", "dana"]):
        gone.record([note(identities, name, number)])
    gone.close()
    line.mend()
    heir = recorders.start()
    heir.record([note(of(heir), "dana", 3)])
    assert sorted(said(database, entries())) == [("dana", 0), ("dana", 2), ("dana", 3), ("lee", 1)]
    assert list(folder.iterdir()) == []


POINTS: Final = [("identify", moment, nth) for moment in MOMENTS for nth in (1, 2, 3)]


@pytest.mark.parametrize(("hook", "moment", "nth"), POINTS)
def test_a_death_while_people_are_made_known_loses_and_doubles_nothing(
    recorders: Recorders,
    line: Line,
    folder: Path,
    entries: Entries,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    hook: str,
    moment: str,
    nth: int,
) -> None:
    line.cut()
    gone = recorders.start()
    identities = of(gone)
    for number in range(4):
        gone.record([note(identities, f"u-{number // 2}", number)])
    gone.close()
    line.mend()
    with start("drain", database.conninfo("writer"), folder, hook, moment, nth) as process:
        _, said_last = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, said_last
    heir = recorders.start()
    heir.record([note(of(heir), "the last heir", 4)])
    names = people(database)
    found = [
        (names[actor], text) for actor, text in zip(actors(entries()), _texts(entries()), strict=True) if actor in names
    ]
    assert sorted(found, key=lambda pair: pair[1]) == [
        *((f"u-{number // 2}", number) for number in range(4)),
        ("the last heir", 4),
    ]
    assert sorted(names.values()) == ["the last heir", "u-0", "u-1"]
    check(database)


def _texts(entries: Sequence[StoredEntry]) -> list[Any]:
    events = [(json.loads(entry.event), entry) for entry in entries]
    return [
        None if entry.inputs is None else json.loads(entry.inputs)
        for event, entry in events
        if event["event_type"] == "request"
    ]


def test_threads_over_a_line_that_comes_and_goes_lose_nobody(
    recorder: Ledger, line: Line, entries: Entries, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    identities = of(recorder)

    def work(thread: int) -> None:
        for number in range(30):
            recorder.record([note(identities, f"u-{thread % 3}-{number // 5}", [thread, number])])

    def shake() -> None:
        for _ in range(4):
            time.sleep(0.1)
            line.cut()
            time.sleep(0.1)
            line.mend()

    together(shake, *(partial(work, thread) for thread in range(6)))
    recorder.record([note(identities, "last", [6, 0])])
    found = said(database, entries())
    expected = [(f"u-{thread % 3}-{number // 5}", [thread, number]) for thread in range(6) for number in range(30)]
    assert sorted(found, key=lambda pair: pair[1]) == [*expected, ("last", [6, 0])]
    check(database)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_asks_for_itself(recorder: Ledger, line: Line, entries: Entries, database: Database) -> None:
    identities = of(recorder)
    recorder.record([note(identities, "dana", "parent")])
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            recorder.record([note(identities, "dana", "child")])
            recorder.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert said(database, entries()) == [("dana", "parent"), ("dana", "child")]
    assert len(set(actors(entries()))) == 1


@pytest.mark.usefixtures("_one_try")
def test_the_spool_holds_no_name_in_clear(recorder: Ledger, line: Line, folder: Path) -> None:
    line.cut()
    recorder.record([note(of(recorder), "Wilhelmina Osterkamp")])
    assert [state.events for state in survey(folder)] == [1]
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"p-" in kept
    assert b"Osterkamp" not in kept
    line.mend()
