"""Recording through a pooler that gives each transaction another session: nothing depends on the session."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from uuid import uuid4

import psycopg
import pytest

from tests.conftest import add_log
from tests.database import raw
from tests.database.pgbouncer import Pooler, pooled
from tests.database.raw import sent
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import SUPERUSER, Installation
from tests.faults.waiting import eventually
from tests.plain import draft
from unbroken.core.entry import Part
from unbroken.core.event import decode_event
from unbroken.errors import AccessDeniedError, OutcomeUnknownError, UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.sealed import Sealed
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.store.round_trip import Rows
from unbroken.verify.run import verify_log

CLIENTS = 20


@pytest.fixture(scope="module")
def cluster(installation: Installation) -> Iterator[Cluster]:
    with cluster_of(installation, settings={"max_connections": "50"}) as running:
        yield running


@pytest.fixture
def log(cluster: Cluster) -> str:
    """A log of its own, into which the login ``writer`` may record."""
    origin = f"pool.example/{uuid4().hex}"
    with connect(cluster.conninfo(SUPERUSER)) as connection:
        add_log(connection, origin)
    return origin


@pytest.fixture
def pooler(cluster: Cluster) -> Iterator[Pooler]:
    with pooled(cluster) as running:
        yield running


def note(text: object = "hello") -> Draft:
    return draft("request", actor_id="u-1", actor_type="user", session_id="s-1", inputs=text)


def one() -> tuple[list[bytes], list[dict[str, Part]]]:
    return [str(sent().text).encode()], [{}]


def recording(pooler: Pooler, log: str, *, early: bool = False, deadline_s: float = 30.0) -> Ledger:
    return Ledger(
        lambda wait_s: LogWriter(pooler.conninfo("writer"), log, wait_s=wait_s), early=early, deadline_s=deadline_s
    )


def recorded(cluster: Cluster, log: str) -> list[str]:
    """The ids of all events in the log but its own, in order, once the log has been verified."""
    with LogReader(cluster.conninfo("verifier"), log) as reader:
        report = verify_log(reader)
        assert report.findings == ()
        events = [decode_event(entry.event) for lot in reader.entries() for entry in lot]
    return [event.id for event in events if not event.event_type.startswith("log.")]


def _length(cluster: Cluster, log: str) -> int:
    with LogReader(cluster.conninfo("verifier"), log) as reader:
        return reader.head().seq


# ---- What a pooler means ----


def test_a_pooler_is_noticed(cluster: Cluster, pooler: Pooler, log: str) -> None:
    """Statements prepared in one session would be looked for in another."""
    for conninfo, prepares in ((pooler.conninfo("writer"), False), (cluster.conninfo("writer"), True)):
        with closing(LogWriter(conninfo, log)) as writer:
            writer.append(*one())
            assert _prepared(writer) == prepares


def _prepared(writer: LogWriter) -> bool:
    rows = writer._connection.execute("select count(*) from pg_prepared_statements").fetchall()
    return rows != [(0,)]


@pytest.mark.parametrize("early", [False, True])
def test_many_clients_share_two_sessions(cluster: Cluster, pooler: Pooler, log: str, early: bool) -> None:
    def work(number: int) -> list[str]:
        drafts = [note(f"{number}.{count}") for count in range(15)]
        with closing(recording(pooler, log, early=early)) as ledger:
            return [kept.id for each in drafts for kept in ledger.record([each])]

    with ThreadPoolExecutor(CLIENTS) as pool:
        acknowledged = [event_id for ids in pool.map(work, range(CLIENTS)) for event_id in ids]
    assert len(acknowledged) == CLIENTS * 15
    assert sorted(recorded(cluster, log)) == sorted(acknowledged)


def test_every_question_of_a_recorder_passes_a_pooler(cluster: Cluster, pooler: Pooler, log: str) -> None:
    with closing(recording(pooler, log, early=True)) as ledger:
        (kept,) = ledger.record([note()])
        assert ledger.writers_of([kept.id, raw.new_id()]) == {kept.id: "writer"}
        assert ledger.approval(kept.id) is None
        assert ledger.approvals_of("call", "k1:" + "0" * 64) == []
    with closing(LogWriter(pooler.conninfo("writer"), log)) as writer:
        recorder = raw.new_id()
        text = str(sent(recorder=recorder).text).encode()
        (row,) = writer.append([text], [{}])
        event_id = decode_event(text).id
        assert writer.receipts([event_id], [None])[event_id].state == "present"
        writer.barrier((row.seq, row.hash))
        writer.declare_gap(recorder, "outage", numbers=(2, 3), times=(raw.TS, raw.TS), count=1, refused=[event_id])
        writer.stop_recorder(recorder, 3)
    assert len(recorded(cluster, log)) == 2


def test_statements_that_others_prepared_are_not_run(cluster: Cluster, log: str) -> None:
    """The driver numbers what it prepares, so that another program's first statement has the name of ours."""
    with pooled(cluster, default_pool_size=1) as pooler:
        with psycopg.connect(pooler.conninfo("writer"), autocommit=True) as other:
            other.execute("select 'somebody else''s', %s", (1,), prepare=True)
        with closing(LogWriter(pooler.conninfo("writer"), log)) as writer:
            assert [row.seq for row in writer.append(*one())] == [1]
    assert len(recorded(cluster, log)) == 1


class Watched(LogWriter):
    """Keeps what it asked the barriers."""

    def __init__(self, conninfo: str, log: str) -> None:
        self.barriers: list[object] = []
        super().__init__(conninfo, log)

    def _outcome(self, name: str, values: Sequence[object]) -> Rows | psycopg.Error:
        self.barriers.append(values[1:])
        return super()._outcome(name, values)


def test_a_barrier_asks_for_what_a_crash_in_between_would_take_first(pooler: Pooler, log: str) -> None:
    """A crash between two sessions goes unnoticed, so that each barrier names the newest event that it stands for."""
    batch = [Sealed(decode_event(text).id, text, {}) for text in (one()[0][0] for _ in range(3))]
    ids, hashes = [item.id for item in batch], [item.unnumbered_hash() for item in batch]
    with closing(Watched(pooler.conninfo("writer"), log)) as writer:
        *_, second = writer.append([item.text for item in batch[:2]], [{}, {}], early=True)
        (third,) = writer.append([batch[2].text], [{}], early=True)
        known = writer.receipts(ids[::-1], hashes[::-1])
        assert [row.seq for each in ids if (row := known[each].row)] == [1, 2, 3]
        writer.receipts([raw.new_id()], [None])
    newest = (third.seq, third.hash)
    assert writer.barriers == [(second.seq, second.hash), newest, newest, (None, None)]


def test_a_login_has_its_isolation_without_setting_it(cluster: Cluster, pooler: Pooler, log: str) -> None:
    """The database's default is another one; the login's own, from when it was made, counts in every session."""
    with cluster.admin() as admin:
        admin.execute(f"alter database {SUPERUSER} set default_transaction_isolation = serializable".encode())
        try:
            with closing(LogWriter(pooler.conninfo("writer"), log)) as writer:
                assert len(writer.append(*one())) == 1
        finally:
            admin.execute(f"alter database {SUPERUSER} reset default_transaction_isolation".encode())


# ---- Faults ----


def test_a_pooler_that_is_killed_again_and_again_loses_and_doubles_nothing(
    cluster: Cluster, pooler: Pooler, log: str
) -> None:
    ended = threading.Event()

    def strike() -> None:
        while not ended.wait(0.4):
            pooler.kill()
            pooler.start()

    striking = threading.Thread(target=strike)
    with many_recording(pooler, log) as running:
        striking.start()
        try:
            outcomes = [each.result() for each in running]
        finally:
            ended.set()
            striking.join()
    _check(cluster, log, outcomes)


def test_a_server_that_restarts_behind_the_pooler_loses_and_doubles_nothing(
    cluster: Cluster, pooler: Pooler, log: str
) -> None:
    with many_recording(pooler, log) as running:
        eventually(lambda: _length(cluster, log) > CLIENTS, "recording had begun")
        cluster.kill()
        cluster.start()
        outcomes = [each.result() for each in running]
    _check(cluster, log, outcomes)


Outcome = tuple[list[str], list[str]]
"""Ids that were acknowledged, and ids whose outcome stayed unknown."""


@contextmanager
def many_recording(pooler: Pooler, log: str) -> Iterator[list["Future[Outcome]"]]:
    """Twenty recorders at work, each with a connection of its own, every other one with early release."""
    with ExitStack() as stack:
        ledgers = [
            stack.enter_context(closing(recording(pooler, log, early=bool(number % 2)))) for number in range(CLIENTS)
        ]
        pool = stack.enter_context(ThreadPoolExecutor(CLIENTS))
        yield [pool.submit(_record_many, ledger) for ledger in ledgers]


def _record_many(ledger: Ledger) -> Outcome:
    acknowledged: list[str] = []
    unknown: list[str] = []
    for number in range(30):
        each = note(number)
        try:
            ledger.record([each])
            acknowledged.append(each.event.id)
        except OutcomeUnknownError as error:
            unknown.extend(error.ids)
    return acknowledged, unknown


def _check(cluster: Cluster, log: str, outcomes: Sequence[Outcome]) -> None:
    """Every acknowledged event is there once, and nothing that nobody knows of; most were not in doubt to the end."""
    acknowledged = [event_id for ids, _ in outcomes for event_id in ids]
    unknown = [event_id for _, ids in outcomes for event_id in ids]
    found = recorded(cluster, log)
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found) <= {*acknowledged, *unknown}
    assert len(acknowledged) > 20 * CLIENTS


# ---- What the pooler itself refuses ----


def test_a_pool_without_a_free_session_is_unavailable(cluster: Cluster, log: str) -> None:
    with pooled(cluster, query_wait_timeout=1) as pooler:
        writer = LogWriter(pooler.conninfo("writer"), log)
        with all_taken(pooler):
            with pytest.raises(UnavailableError, match="08P01"):
                writer.append(*one())
            assert writer.broken
            for wait_s in (10.0, 0.3):
                with pytest.raises(UnavailableError):
                    LogWriter(pooler.conninfo("writer"), log, wait_s=wait_s)
    assert recorded(cluster, log) == []


@contextmanager
def all_taken(pooler: Pooler) -> Iterator[None]:
    """Both sessions of the pool are in somebody's open transactions."""
    with ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(psycopg.connect(pooler.conninfo("writer")))
            connection.execute("select 1")
        yield


def test_a_pooler_that_takes_no_more_clients_is_unavailable(cluster: Cluster, log: str) -> None:
    with pooled(cluster, max_client_conn=1) as pooler:
        writer = LogWriter(pooler.conninfo("writer"), log)
        with closing(writer), pytest.raises(UnavailableError, match="can't be reached"):
            LogWriter(pooler.conninfo("writer"), log)


def test_a_login_that_the_server_refuses_behind_the_pooler_is_told(cluster: Cluster, log: str) -> None:
    """Once as what it is. For a while after that the pooler does not ask the server again."""
    with pooled(cluster, server_login_retry=60) as pooler:
        with pytest.raises(AccessDeniedError):
            LogWriter(pooler.conninfo("nobody_there"), log)
        with pytest.raises(UnavailableError):
            LogWriter(pooler.conninfo("nobody_there"), log, wait_s=0.5)


def test_a_server_that_is_down_behind_the_pooler_is_unavailable(cluster: Cluster, pooler: Pooler, log: str) -> None:
    with closing(LogWriter(pooler.conninfo("writer"), log)) as writer:
        cluster.end("immediate")
        try:
            with pytest.raises(UnavailableError):
                writer.append(*one(), wait_s=2)
            assert writer.broken
            with pytest.raises(UnavailableError):
                LogWriter(pooler.conninfo("writer"), log, wait_s=2)
        finally:
            cluster.start()
    assert recorded(cluster, log) == []
