"""Recording through the ledger: once each, also over lost answers, forks and threads; errors lose nothing."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database import recorded
from tests.plain import draft
from unbroken.core.entry import Head, StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.ids import new_id
from unbroken.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidEventError,
    OutcomeUnknownError,
    UnavailableError,
    UnbrokenError,
)
from unbroken.ledger.draft import Draft
from unbroken.ledger.group import MAX_BATCH
from unbroken.ledger.ledger import Ledger
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter, Row
from unbroken.verify.run import verify_log

Entries = Callable[[], list[StoredEntry]]


def note(text: object = "hello", **fields: Any) -> Draft:
    return draft("request", actor_id="u-1", actor_type="user", session_id="s-1", inputs=text, **fields)


def test_receipts_state_what_was_recorded(ledger: Ledger, entries: Entries) -> None:
    receipts = recorded.receipts(ledger.record([note("one"), note("two")]))
    stored = entries()
    assert [receipt.seq for receipt in receipts] == [entry.seq for entry in stored] == [1, 2]
    assert [receipt.session_seq for receipt in receipts] == [1, 2]
    assert [receipt.hash for receipt in receipts] == [entry.hash.hex() for entry in stored]
    assert {receipt.writer for receipt in receipts} == {"writer"}
    assert receipts[0].log == f"{LOG}~1"


def test_every_event_carries_its_recorder_and_number(ledger: Ledger, entries: Entries) -> None:
    ledger.record([note(), note()])
    with pytest.raises(InvalidEventError) as caught:
        ledger.record([note(), note(domains=[f"{number:01000}" for number in range(70)])])
    assert caught.value.index == 1
    ledger.record([note()])
    events = [decode_event(entry.event) for entry in entries()]
    assert [event.recorder_seq for event in events] == [1, 2, 3]
    assert {event.recorder for event in events} == {ledger.recorder}


def test_more_than_a_batch_goes_in_as_several(ledger: Ledger, entries: Entries) -> None:
    receipts = recorded.receipts(ledger.record([note(number) for number in range(MAX_BATCH + 5)]))
    assert [receipt.seq for receipt in receipts] == list(range(1, MAX_BATCH + 6))
    assert len(entries()) == MAX_BATCH + 5


def is_own(entry: StoredEntry) -> bool:
    """Whether the log itself made this entry."""
    return decode_event(entry.event).event_type.startswith("log.")


class LosesAnswers(LogWriter):
    """Commits, and loses the connection before the answer arrives, as often as it is told to."""

    times = 1

    def append(self, *args: Any, **options: Any) -> list[Row]:
        rows = super().append(*args, **options)
        if type(self).times > 0:
            type(self).times -= 1
            self.close()
            raise UnavailableError("the answer was lost")
        return rows


@pytest.fixture
def forgetful(database: Database) -> Iterator[Ledger]:
    LosesAnswers.times = 1
    with closing(Ledger(lambda _: LosesAnswers(database.conninfo("writer"), LOG))) as made:
        yield made


def test_a_lost_answer_is_asked_for_and_nothing_doubles(forgetful: Ledger, entries: Entries) -> None:
    receipts = recorded.receipts(forgetful.record([note("one"), note("two")]))
    assert [receipt.hash for receipt in receipts] == [entry.hash.hex() for entry in entries()]
    assert [receipt.seq for receipt in recorded.receipts(forgetful.record([note("three")]))] == [3]


def test_an_answer_that_stays_lost_names_the_events(database: Database) -> None:
    made: list[LogWriter] = []

    def connect(_: float) -> LogWriter:
        if made:
            raise UnavailableError("no route")
        made.append(LosesAnswers(database.conninfo("writer"), LOG))
        return made[0]

    LosesAnswers.times = 1
    drafts = [note(), note()]
    with pytest.raises(OutcomeUnknownError) as caught:
        Ledger(connect, deadline_s=0.5).record(drafts)
    assert caught.value.ids == tuple(item.event.id for item in drafts)
    assert caught.value.recorded is None


def test_a_broken_connection_is_made_anew(ledger: Ledger, database: Database, entries: Entries) -> None:
    ledger.record([note()])
    database.admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'writer'")
    ledger.record([note()])
    assert len(entries()) == 2


def test_the_same_id_for_another_event_is_a_conflict(ledger: Ledger, entries: Entries) -> None:
    event_id = new_id()
    ledger.record([note("first", id=event_id)])
    with pytest.raises(ConflictError):
        ledger.record([note("other"), note("second", id=event_id)])
    assert len(entries()) == 1


def test_an_event_that_is_recorded_again_gives_its_receipt_again(
    ledger: Ledger, database: Database, entries: Entries
) -> None:
    first, second = note("first"), note("second")
    (receipt,) = ledger.record([first])
    assert [each.seq for each in recorded.receipts(ledger.record([first, second, first]))] == [1, 2, 1]
    assert ledger.record([first]) == [receipt]
    with closing(Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG))) as another:
        assert another.record([first]) == [receipt]
    assert [entry.seq for entry in entries() if not is_own(entry)] == [1, 2]


def test_the_same_id_twice_in_a_batch_is_a_conflict(ledger: Ledger, entries: Entries) -> None:
    event_id = new_id()
    with pytest.raises(ConflictError):
        ledger.record([note(id=event_id), note(id=event_id)])
    assert entries() == []


def test_a_log_without_a_grant_is_refused(database: Database) -> None:
    with pytest.raises(AccessDeniedError):
        Ledger(lambda _: LogWriter(database.conninfo("writer"), "other.example/log"))
    with pytest.raises(AccessDeniedError):
        Ledger(lambda _: LogWriter(database.conninfo("ops"), LOG))


def test_an_absent_database_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="nothing was recorded"):
        Ledger(lambda _: LogWriter("host=/nonexistent user=writer dbname=x", LOG))


def test_known_ids_name_their_writer(ledger: Ledger) -> None:
    here, elsewhere = new_id(), new_id()
    ledger.record([note(id=here)])
    assert ledger.writers_of([here, elsewhere]) == {here: "writer"}


def test_threads_take_turns(ledger: Ledger, reader: LogReader) -> None:
    def work(name: str) -> None:
        for number in range(20):
            ledger.record([draft("request", actor_id=name, actor_type="user", session_id=name, inputs=number)])

    threads = [threading.Thread(target=work, args=(f"t{index}",)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verify_log(reader)
    assert (report.verdict, report.entries) == ("consistent", 160)


def _record_in_child(ledger: Ledger, results: "multiprocessing.queues.Queue[tuple[str, int]]") -> None:
    receipt = recorded.receipts(ledger.record([note("child")]))[0]
    results.put((ledger.recorder, receipt.seq))
    results.close()
    results.join_thread()
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_is_a_recorder_of_its_own(ledger: Ledger, reader: LogReader) -> None:
    ledger.record([note("before")])
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_record_in_child, args=(ledger, results))
    child.start()
    recorder, seq = results.get(timeout=30)
    child.join(30)
    assert (seq, recorder != ledger.recorder) == (2, True)
    assert recorded.receipts(ledger.record([note("after")]))[0].seq == 3
    assert verify_log(reader).verdict == "consistent"


def test_a_receipt_that_does_not_match_is_refused(ledger: Ledger, database: Database) -> None:
    class Lies(LogWriter):
        def append(self, *args: Any, **options: Any) -> list[Row]:
            return [
                Row(row.seq, row.session_seq, row.recorded_at, row.prev_hash, bytes(32))
                for row in super().append(*args, **options)
            ]

    lied_to = Ledger(lambda _: Lies(database.conninfo("writer"), LOG))
    with closing(lied_to), pytest.raises(UnbrokenError, match="does not match"):
        lied_to.record([note()])


def test_a_server_that_was_stopped_in_the_middle_records_nothing(database: Database, entries: Entries) -> None:
    """A statement that the server cancels is refused as a whole."""
    holder = psycopg.connect(database.conninfo("postgres"))
    conninfo = f"{database.conninfo('writer')} options='-c statement_timeout=200ms'"
    blocked = Ledger(lambda _: LogWriter(conninfo, LOG), deadline_s=1)
    with closing(holder), closing(blocked):
        holder.execute("select from unbroken.logs for update")
        with pytest.raises(UnavailableError):
            blocked.record([note()])
        holder.rollback()
        assert entries() == []
        blocked.record([note()])
        assert len(entries()) == 1


def test_waiting_for_the_log_ends_without_a_doubt(database: Database, entries: Entries) -> None:
    """The server gives up first, so it is certain that nothing was recorded, and nothing waits there any more."""
    holder = psycopg.connect(database.conninfo("postgres"))
    blocked = Ledger(lambda wait_s: LogWriter(database.conninfo("writer"), LOG, wait_s=wait_s), deadline_s=1.5)
    with closing(holder), closing(blocked):
        holder.execute("select from unbroken.logs for update")
        with pytest.raises(UnavailableError):
            blocked.record([note()])
        waiting = database.admin.execute("select from pg_locks where not granted").fetchall()
        assert waiting == []
        holder.rollback()
    assert entries() == []


def test_a_log_that_grows_while_it_is_verified_is_in_order(ledger: Ledger, database: Database) -> None:
    class Grows(LogReader):
        """Between any two questions somebody records."""

        def head(self) -> Head:
            found = super().head()
            ledger.record([note()])
            return found

    with Grows(database.conninfo("verifier"), LOG) as growing:
        ledger.record([note()])
        assert verify_log(growing).findings == ()
