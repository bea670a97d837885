"""Failing over to a standby: what was acknowledged is there, or the recorder says that it is not."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests.conftest import LOG
from tests.database.raw import sent
from tests.database.standby import Pair, primary_and_standby
from tests.faults.installation import Installation
from tests.faults.waiting import eventually
from tests.plain import draft
from unbroken.core.event import decode_event
from unbroken.errors import LogRewoundError, OutcomeUnknownError, UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.verify.run import verify_log

RECORDERS = 6

pytestmark = pytest.mark.parametrize(
    "installation", ["embedded", pytest.param("debian15", marks=pytest.mark.long)], indirect=True
)


@pytest.fixture
def pair(installation: Installation) -> Iterator[Pair]:
    with primary_and_standby(installation) as made:
        yield made


def note(text: object = "hello") -> Draft:
    return draft("request", actor_id="u-1", actor_type="user", session_id="s-1", inputs=text)


def recording(pair: Pair, *, early: bool = False) -> Ledger:
    return Ledger(lambda wait_s: LogWriter(pair.conninfo("writer"), LOG, wait_s=wait_s), early=early, deadline_s=30)


def recorded(pair: Pair) -> list[str]:
    """The ids of all events in the log but its own, in order, once the log has been verified."""
    with LogReader(pair.conninfo("verifier"), LOG) as reader:
        assert verify_log(reader).findings == ()
        events = [decode_event(entry.event) for lot in reader.entries() for entry in lot]
    return [event.id for event in events if not event.event_type.startswith("log.")]


class Recorders:
    """Recorders at work until :meth:`finish`, every other one with early release."""

    def __init__(self, ledgers: list[Ledger], pool: ThreadPoolExecutor) -> None:
        self.acknowledged: list[str] = []
        self.unknown: list[str] = []
        self._over = threading.Event()
        self._running: list[Future[None]] = [pool.submit(self._record, ledger) for ledger in ledgers]

    def _record(self, ledger: Ledger) -> None:
        while not self._over.is_set():
            each = note()
            try:
                ledger.record([each])
                self.acknowledged.append(each.event.id)
            except OutcomeUnknownError as error:
                self.unknown.extend(error.ids)

    def wait_for_more(self, count: int) -> None:
        """Returns when so many more were acknowledged."""
        until = len(self.acknowledged) + count
        eventually(lambda: len(self.acknowledged) >= until or self._failed(), "recording went on", seconds=60)
        assert not self._failed()

    def _failed(self) -> bool:
        return any(each.done() for each in self._running)

    def finish(self) -> None:
        self._over.set()
        for each in self._running:
            each.result()


@contextmanager
def recorders(pair: Pair) -> Iterator[Recorders]:
    with ExitStack() as stack:
        ledgers = [stack.enter_context(closing(recording(pair, early=bool(n % 2)))) for n in range(RECORDERS)]
        at_work = Recorders(ledgers, stack.enter_context(ThreadPoolExecutor(RECORDERS)))
        try:
            yield at_work
        finally:
            at_work._over.set()


def test_with_a_synchronous_standby_nothing_acknowledged_is_lost(pair: Pair) -> None:
    pair.make_synchronous()
    with recorders(pair) as at_work:
        at_work.wait_for_more(50)
        pair.fail_over()
        at_work.wait_for_more(50)
        at_work.finish()
        found = recorded(pair)
    assert len(found) == len(set(found))
    assert set(at_work.acknowledged) <= set(found) <= {*at_work.acknowledged, *at_work.unknown}


def test_with_an_asynchronous_standby_the_recorder_says_what_was_lost(pair: Pair) -> None:
    with closing(recording(pair)) as ledger:
        kept = ledger.record([note("before")])[0]
        with pair.standby.admin() as standby:
            count = "select count(*) from unbroken.entries"
            eventually(lambda: standby.execute(count).fetchone() == (1,), "the standby followed")
        pair.detach()
        lost = ledger.record([note("acknowledged, and lost") for _ in range(3)])
        pair.fail_over()
        with pytest.raises(LogRewoundError) as caught:
            ledger.record([note("after")])
        assert caught.value.recorded
        assert (caught.value.seen, caught.value.given) == (4, 2)
        ledger.record([note("and on")])
        found = recorded(pair)
    assert found[0] == kept.id
    assert len(found) == 3
    assert not {each.id for each in lost} & set(found)


def test_a_standby_is_not_recorded_into(pair: Pair) -> None:
    alone = pair.standby.conninfo("writer", host="127.0.0.1")
    # As where a managed service swaps the two and leaves connections open.
    with closing(LogWriter(f"{alone} target_session_attrs=standby", LOG)) as writer:
        with pytest.raises(UnavailableError, match="standby"):
            writer.append([str(sent().text).encode()], [{}])
        assert writer.broken
    pair.primary.kill()
    for conninfo in (alone, pair.conninfo("writer")):
        with pytest.raises(UnavailableError, match="no server that takes writes"):
            LogWriter(conninfo, LOG)
    # Whoever only reads may ask it.
    with LogReader(pair.standby.conninfo("verifier", host="127.0.0.1"), LOG) as reader:
        assert verify_log(reader).verdict == "consistent"
