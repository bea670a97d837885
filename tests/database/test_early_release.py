"""Early release: two transactions in one round trip, the log's lock only for the first, and no receipt before both."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.frozen import backends
from tests.database.raw import sent
from tests.database.withholding import withholding
from tests.faults.waiting import eventually
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.errors import AccessDeniedError, InvalidEventError, UnavailableError
from unbroken.store.connection import connect
from unbroken.store.log_writer import AlreadyRecordedError, LogWriter, Row
from unbroken.store.round_trip import in_one_trip

Entries = Callable[[], list[StoredEntry]]
Batch = tuple[list[bytes], list[dict[str, Any]]]


def one(**given: Any) -> Batch:
    return [str(sent(**given).text).encode()], [{}]


def id_of(batch: Batch) -> str:
    return decode_event(batch[0][0]).id


@pytest.fixture
def writer(database: Database) -> Iterator[LogWriter]:
    with closing(LogWriter(database.conninfo("writer"), LOG)) as made:
        yield made


@contextmanager
def commits_that_wait(database: Database) -> Iterator[None]:
    """Commits wait for a standby that never comes, those without a flush excepted; as a very slow disk would be."""
    admin = database.admin
    admin.execute("set synchronous_commit = local")
    admin.execute("alter system set synchronous_standby_names = 'nobody'")
    try:
        admin.execute("select pg_reload_conf()")
        eventually(lambda: _synchronous(database), "the server asked for a standby")
        yield
    finally:
        admin.execute("alter system reset synchronous_standby_names")
        admin.execute("select pg_reload_conf()")
        admin.execute("reset synchronous_commit")


def _synchronous(database: Database) -> bool:
    with database.connect("verifier") as other:
        return other.execute("show synchronous_standby_names").fetchone() == ("nobody",)


def waiting_for_standby(database: Database) -> list[int]:
    found = database.admin.execute(
        "select pid from pg_stat_activity where datname = %s and wait_event = 'SyncRep'", (database.name,)
    )
    return [row[0] for row in found]


# ---- One trip ----


def test_both_transactions_go_in_one_round_trip(database: Database, entries: Entries) -> None:
    """The proxy gives no answer to the first before the second was sent: whoever waits for it waits for ever."""
    with withholding(database.server) as proxy:
        writer = LogWriter(proxy.conninfo("writer", database.name), LOG)
        proxy.withhold_until(syncs=2)
        writer.append(*one(), early=True)
        proxy.withhold_until(syncs=2)
        assert writer.receipts([raw.new_id()], [None]) == {}
        # The control, which is prepared first and then carried out: two trips are found out.
        proxy.withhold_until(syncs=2)
        with pytest.raises(UnavailableError):
            writer.barrier(wait_s=0.5)
    assert len(entries()) == 1


def test_the_lock_is_free_before_the_barrier_is_passed(database: Database, entries: Entries) -> None:
    """Many get by while the first still waits for its storage; and none of them has a receipt."""
    got: list[Row] = []

    def work() -> None:
        with closing(LogWriter(database.conninfo("writer"), LOG)) as writer:
            got.extend(writer.append(*one(), early=True))

    threads = [threading.Thread(target=work) for _ in range(4)]
    with commits_that_wait(database):
        for thread in threads:
            thread.start()
        eventually(lambda: len(entries()) == 4, "all four got the lock, one after another", seconds=8)
        eventually(lambda: len(waiting_for_standby(database)) == 4, "all four waited for the barrier", seconds=8)
        assert got == []
    for thread in threads:
        thread.join()
    assert sorted(row.seq for row in got) == [1, 2, 3, 4]
    assert raw.both_accept(database) == 4


def test_without_it_the_lock_is_held_until_the_storage_has_confirmed(database: Database, entries: Entries) -> None:
    """The control of the test before: it would be worthless if nobody ever waited."""

    def work() -> None:
        with closing(LogWriter(database.conninfo("writer"), LOG)) as writer:
            writer.append(*one())

    threads = [threading.Thread(target=work) for _ in range(2)]
    with commits_that_wait(database):
        for thread in threads:
            thread.start()
        eventually(lambda: len(waiting_for_standby(database)) == 1, "one waited for the standby", seconds=8)
        eventually(lambda: _waiting_for_lock(database) == 1, "the other waited for the lock", seconds=8)
        assert entries() == []
    for thread in threads:
        thread.join()
    assert len(entries()) == 2


def _waiting_for_lock(database: Database) -> int:
    row = database.admin.execute(
        "select count(*) from pg_stat_activity where datname = %s and wait_event_type = 'Lock'", (database.name,)
    ).fetchone()
    assert row is not None
    return int(row[0])


# ---- What goes wrong ----


def test_a_refusal_is_the_answer_and_the_connection_goes_on(writer: LogWriter, entries: Entries) -> None:
    with pytest.raises(InvalidEventError, match="event 1 of 1"):
        writer.append(*one(event_type="log.forged"), early=True)
    batch = one()
    assert [row.seq for row in writer.append(*batch, early=True)] == [1]
    with pytest.raises(AlreadyRecordedError):
        writer.append(*batch, early=True)
    assert not writer.broken
    assert len(entries()) == 1


def test_a_commit_that_fails_is_no_receipt(database: Database, writer: LogWriter, entries: Entries) -> None:
    """Its rows have come by then: in the extended protocol the commit comes after them."""
    database.disarm()
    database.admin.execute(
        "create function public.no() returns trigger language plpgsql"
        " as $$ begin raise exception 'no' using errcode = 'UB002'; end $$;"
        "create constraint trigger no after insert on unbroken.event_ids deferrable initially deferred"
        " for each row execute function public.no()"
    )
    with pytest.raises(InvalidEventError, match="no"):
        writer.append(*one(), early=True)
    assert not writer.broken
    database.admin.execute("drop trigger no on unbroken.event_ids")
    assert entries() == []
    assert len(writer.append(*one(), early=True)) == 1


def test_without_the_barrier_the_outcome_is_unknown(database: Database, writer: LogWriter, entries: Entries) -> None:
    database.disarm()
    database.admin.execute("revoke execute on function unbroken.barrier(text, bigint, bytea) from unbroken_writer")
    with pytest.raises(AccessDeniedError):
        writer.append(*one(), early=True)
    assert writer.broken
    assert len(entries()) == 1


def test_a_backend_that_dies_in_between_leaves_the_outcome_unknown(database: Database, entries: Entries) -> None:
    failures: list[Exception] = []

    def work(writer: LogWriter) -> None:
        try:
            writer.append(*one(), early=True)
        except UnavailableError as error:
            failures.append(error)

    with closing(LogWriter(database.conninfo("writer"), LOG)) as writer, commits_that_wait(database):
        thread = threading.Thread(target=work, args=(writer,))
        thread.start()
        eventually(lambda: len(waiting_for_standby(database)) == 1, "the barrier was waited for", seconds=8)
        database.admin.execute("select pg_terminate_backend(%s)", backends(database))
        thread.join()
        assert writer.broken
    assert len(failures) == 1
    assert len(entries()) == 1


@pytest.mark.parametrize("early", [False, True])
def test_a_commit_that_stopped_waiting_for_its_standby_is_no_receipt(database: Database, early: bool) -> None:
    """Somebody cancels the wait: the server says that all went well, with a warning. Asked again, it waits again."""
    batch = one()
    failures: list[Exception] = []

    def work(writer: LogWriter) -> None:
        try:
            writer.append(*batch, early=early)
        except UnavailableError as error:
            failures.append(error)

    with closing(LogWriter(database.conninfo("writer"), LOG)) as writer, commits_that_wait(database):
        thread = threading.Thread(target=work, args=(writer,))
        thread.start()
        eventually(lambda: len(waiting_for_standby(database)) == 1, "the standby was waited for", seconds=8)
        database.admin.execute("select pg_cancel_backend(%s)", waiting_for_standby(database))
        thread.join()
        assert [str(error) for error in failures] == [
            "the server stopped waiting for a standby, which may lack what was recorded"
        ]
        assert writer.broken
        another = LogWriter(database.conninfo("writer"), LOG)
        with pytest.raises(UnavailableError, match="in time"):
            another.receipts([id_of(batch)], [None], wait_s=0.5)
    with closing(LogWriter(database.conninfo("writer"), LOG)) as another:
        assert another.receipts([id_of(batch)], [None])[id_of(batch)].state == "present"


def test_a_barrier_for_an_event_that_is_gone_fails(writer: LogWriter) -> None:
    (row,) = writer.append(*one())
    writer.barrier((row.seq, row.hash))
    for gone in ((row.seq, bytes(32)), (row.seq + 1, row.hash)):
        with pytest.raises(UnavailableError, match="UB006"):
            writer.barrier(gone)


# ---- The trip itself ----


def test_each_statement_is_a_transaction_with_its_own_outcome(database: Database) -> None:
    with connect(database.conninfo("postgres")) as connection:
        outcomes = in_one_trip(
            connection,
            ("select %s::text, %b::text[], %b::bytea[]", ("é", ["a", None], [b"\x00", None])),
            ("select 1 / %s", (0,)),
            ("select pg_current_xact_id()::text, null::int8 where %s", (True,)),
            ("select 1 where false", ()),
        )
        assert outcomes[0] == [("é", ["a", None], [b"\x00", None])]
        assert isinstance(outcomes[1], psycopg.errors.DivisionByZero)
        assert isinstance(outcomes[2], list)
        assert outcomes[3] == []
        assert connection.execute("select 1").fetchall() == [(1,)]
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_large_batches_and_answers_pass_both_ways_at_once(database: Database) -> None:
    """More than the buffers between hold: whoever only sent first would wait for a server that waits for him."""
    large = "x" * 30_000_000
    with connect(database.conninfo("postgres")) as connection, connection.within(60):
        outcomes = in_one_trip(
            connection,
            ("select repeat('y', 10000) from generate_series(1, %s)", (3000,)),
            ("select length(%s::text)", (large,)),
            ("select repeat('y', 10000) from generate_series(1, %s)", (3000,)),
        )
    assert [len(rows) if isinstance(rows, list) else rows for rows in outcomes] == [3000, 1, 3000]
    assert outcomes[1] == [(30_000_000,)]


def test_a_connection_that_ends_in_the_middle_says_so(database: Database) -> None:
    connection = connect(database.conninfo("postgres"))
    with pytest.raises(psycopg.OperationalError):
        in_one_trip(connection, ("select pg_terminate_backend(pg_backend_pid())", ()), ("select 1", ()))
    assert connection.closed


def test_a_receipt_is_durable_whatever_the_login_has_set(database: Database) -> None:
    database.admin.execute("alter role writer set synchronous_commit = off")
    try:
        with database.connect("writer") as connection, connection.transaction():
            raw.append(connection, [raw.sent()])
            assert connection.execute("show synchronous_commit").fetchone() == ("on",)
    finally:
        database.admin.execute("alter role writer reset synchronous_commit")
