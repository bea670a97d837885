"""No wait for the database outlasts its deadline, whoever is silent; and what was cut short is never used again."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.frozen import backends, frozen_backend, frozen_server
from tests.database.raw import sent
from tests.faults.waiting import eventually
from unbroken.core.entry import Part, StoredEntry
from unbroken.errors import UnavailableError
from unbroken.store.connection import connect, translated
from unbroken.store.log_writer import LogWriter
from unbroken.store.waiting import BoundedConnection

Entries = Callable[[], list[StoredEntry]]
Batch = tuple[list[bytes], list[dict[str, Part]]]

SHORT_S = 0.4
# Half of the default deadline, and far below the seconds for which the driver waits when it is left to itself.
PATIENCE_S = 5.0


def one(parts: dict[str, str] | None = None, **given: Any) -> Batch:
    """An event as the ledger hands it over."""
    item = sent(parts, **given)
    held = {name: Part(salt or b"", (value or "").encode()) for name, (value, salt) in item.parts.items()}
    return [str(item.text).encode()], [held]


@contextmanager
def soon() -> Iterator[None]:
    """The block ends long before the default deadline."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < PATIENCE_S


@contextmanager
def giving_up(writer: LogWriter) -> Iterator[None]:
    """The block gives up soon, and what became of it is left open."""
    with soon(), pytest.raises(UnavailableError, match="in time"):
        yield
    assert writer.broken


@pytest.fixture
def writer(database: Database) -> Iterator[LogWriter]:
    with closing(LogWriter(database.conninfo("writer"), LOG)) as made:
        yield made


@contextmanager
def held_log(database: Database) -> Iterator[None]:
    """Somebody holds the log's lock in an open transaction."""
    with database.connect("postgres") as holder, holder.transaction():
        holder.execute("select from unbroken.logs for update")
        yield


def silent_port() -> socket.socket:
    """A port whose connections the kernel accepts and nobody answers."""
    return socket.create_server(("127.0.0.1", 0), backlog=20)


# ---- Statements ----


@pytest.mark.parametrize("early", [False, True])
def test_a_frozen_backend_is_given_up(database: Database, writer: LogWriter, entries: Entries, early: bool) -> None:
    """It carries the statement out when it is woken, which is why the outcome counts as unknown until then."""
    writer.append(*one())
    with frozen_backend(database), giving_up(writer):
        writer.append(*one(), wait_s=SHORT_S, early=early)
    eventually(lambda: len(entries()) == 2, "the backend did what it had been told")
    assert raw.both_accept(database) == 2


@pytest.mark.parametrize("early", [False, True])
def test_a_frozen_server_is_given_up(database: Database, writer: LogWriter, early: bool) -> None:
    with frozen_server(database), giving_up(writer):
        writer.append(*one(), wait_s=SHORT_S, early=early)


@pytest.mark.parametrize("early", [False, True])
def test_a_frozen_server_that_takes_half_a_batch_is_given_up(
    database: Database, writer: LogWriter, entries: Entries, early: bool
) -> None:
    """The rest can't even be sent: neither that nor the farewell may wait."""
    batch = [one({"inputs": '"' + "x" * 4_000_000 + '"'}) for _ in range(3)]
    events, parts = [texts[0] for texts, _ in batch], [held[0] for _, held in batch]
    with frozen_server(database), giving_up(writer):
        writer.append(events, parts, wait_s=SHORT_S, early=early)
    eventually(lambda: backends(database) == [], "the backend noticed")
    assert entries() == []


def test_other_questions_are_bounded_too(database: Database) -> None:
    calls: list[Callable[[LogWriter], object]] = [
        lambda writer: writer.receipts([raw.new_id()], [None], wait_s=SHORT_S),
        lambda writer: writer.barrier(wait_s=SHORT_S),
        lambda writer: writer.stop_recorder(raw.RECORDER, 1, wait_s=SHORT_S),
        lambda writer: writer.approvals(request=raw.new_id(), wait_s=SHORT_S),
    ]
    writers = [LogWriter(database.conninfo("writer"), LOG) for _ in calls]
    with frozen_server(database):
        for call, writer in zip(calls, writers, strict=True):
            with giving_up(writer):
                call(writer)


def test_what_the_constructor_was_given_bounds_calls_that_say_nothing(database: Database) -> None:
    writer = LogWriter(database.conninfo("writer"), LOG, wait_s=SHORT_S)
    with frozen_backend(database), giving_up(writer):
        writer.append(*one())


def test_a_server_that_talks_without_end_is_given_up(database: Database) -> None:
    """Each sign of life would start the wait anew, were it counted from there."""
    with connect(database.conninfo("writer")) as connection:
        with soon(), pytest.raises(UnavailableError, match="in time"), translated(), connection.within(SHORT_S):
            connection.execute(
                "do $$ begin for i in 1..3000 loop raise warning 'x'; perform pg_sleep(0.005); end loop; end $$"
            )
        assert connection.closed


def test_a_block_bounds_all_of_its_statements_together(database: Database) -> None:
    def many(connection: BoundedConnection) -> None:
        with translated(), connection.within(SHORT_S):
            for _ in range(200):
                connection.execute("select pg_sleep(0.05)")

    with connect(database.conninfo("writer")) as connection:
        with soon(), pytest.raises(UnavailableError, match="in time"):
            many(connection)
        assert connection.closed


def test_after_its_block_a_connection_waits_as_long_as_it_takes(database: Database) -> None:
    with connect(database.conninfo("writer")) as connection:
        with connection.within(SHORT_S):
            connection.execute("select")
        assert connection.execute("select pg_sleep(1), 1").fetchall() == [("", 1)]


def test_without_time_nothing_is_sent(database: Database, writer: LogWriter, entries: Entries) -> None:
    for left in (0.0, -1.0):
        with pytest.raises(UnavailableError, match="nothing was recorded"):
            writer.append(*one(), wait_s=left)
    assert not writer.broken
    assert entries() == []
    assert len(writer.append(*one(), wait_s=1e9)) == 1


# ---- Whoever gives up leaves nothing behind ----


def test_a_backend_whose_client_has_given_up_ends(database: Database) -> None:
    """By the login's own setting; else it would work on to the end of its statement."""
    connection = connect(make_conninfo(database.conninfo("writer"), options="-c statement_timeout=0"))
    with soon(), pytest.raises(UnavailableError, match="in time"), translated(), connection.within(SHORT_S):
        connection.execute("select pg_sleep(100)")
    eventually(lambda: backends(database) == [], "the backend noticed that its client was gone", seconds=20)


def test_the_server_gives_up_waiting_for_the_lock_before_the_client_does(database: Database, writer: LogWriter) -> None:
    """So that there is no doubt: nothing was recorded, and the connection is as good as before."""
    with soon(), held_log(database), pytest.raises(UnavailableError) as caught:
        writer.append(*one(), wait_s=SHORT_S)
    assert isinstance(caught.value.__cause__, psycopg.errors.LockNotAvailable)
    assert not writer.broken
    assert len(writer.append(*one())) == 1


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Presses Ctrl-C meanwhile."""
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(seconds, partial(signal.pthread_kill, main, signal.SIGINT))
    timer.start()
    try:
        with soon(), pytest.raises(KeyboardInterrupt):
            yield
    finally:
        timer.cancel()


@pytest.mark.parametrize("early", [False, True])
def test_an_interrupted_wait_closes_the_connection_at_once(
    database: Database, writer: LogWriter, entries: Entries, early: bool
) -> None:
    with held_log(database):
        with interrupted_after(SHORT_S):
            writer.append(*one(), early=early)
        assert writer.broken
        eventually(lambda: backends(database) == [], "the backend noticed that its client was gone", seconds=20)
    assert entries() == []


def test_an_interruption_does_not_wait_for_a_frozen_server_to_cancel(database: Database, writer: LogWriter) -> None:
    with frozen_server(database), interrupted_after(SHORT_S):
        writer.append(*one())
    assert writer.broken


def test_an_interrupted_connect_is_left_at_once(database: Database) -> None:
    with frozen_server(database), interrupted_after(SHORT_S):
        LogWriter(database.conninfo("writer"), LOG)


# ---- Connecting ----


def test_connecting_to_a_frozen_server_is_bounded_below_a_second(database: Database) -> None:
    with frozen_server(database):
        for attempt in (
            lambda: connect(database.conninfo("writer"), wait_s=SHORT_S),
            lambda: LogWriter(database.conninfo("writer"), LOG, wait_s=SHORT_S),
        ):
            with soon(), pytest.raises(UnavailableError, match="can't be reached"):
                attempt()


def test_a_port_that_nobody_serves_is_given_up() -> None:
    with silent_port() as port, soon(), pytest.raises(UnavailableError):
        connect(f"host=127.0.0.1 port={port.getsockname()[1]} user=x dbname=x", wait_s=SHORT_S)


def test_a_silent_host_leaves_time_for_the_next(database: Database) -> None:
    server = database.server
    with silent_port() as port:
        ports = f"{port.getsockname()[1]},{server.port}"
        conninfo = make_conninfo(database.conninfo("writer"), host=f"127.0.0.1,{server.host}", port=ports)
        with soon(), closing(LogWriter(conninfo, LOG, wait_s=4)) as writer:
            assert len(writer.append(*one())) == 1


def test_names_that_nobody_resolves_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    late = threading.Event()

    def resolve(*_: object, **__: object) -> list[object]:
        late.wait(30)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    try:
        with soon(), pytest.raises(UnavailableError):
            connect("host=db.example user=x dbname=x", wait_s=SHORT_S)
    finally:
        late.set()


def test_a_name_that_does_not_exist_is_told() -> None:
    with pytest.raises(UnavailableError, match="can't be reached") as caught:
        connect("host=nowhere.invalid user=x dbname=x")
    assert isinstance(caught.value.__cause__, psycopg.OperationalError)
