"""Fills a database with a synthetic log: several processes make chunks, hand the chain on, and copy them in."""

import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

import psycopg
from servers import LOG, Database
from synthetic import CHUNK, Chunk, Rows
from timing import tell

_SEED: Final = 20260105
_PATIENCE_S: Final = 600.0
_TABLES: Final = {
    "entries": (
        "log, seq, session_seq, recorded_at, writer, prev_hash, hash, event, id, event_type, actor_id, agent_id,"
        " session_id, tool, side_effect, outcome, resource_type, resource_id"
    ),
    "payloads": "log, seq, inputs, inputs_salt",
    "event_ids": "log, id, seq",
    "sessions": "log, session_id, entries, first_seq, last_seq",
    "approvals": (
        "log, request, requested_seq, tool, call_id, arguments_hash, actor_id, agent_id, requested_until, decided_seq,"
        " outcome, approved_until, used_seq, self_attested"
    ),
}
# A load that is interrupted is thrown away whole, so nothing is flushed for its sake.
_HASTE: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "'16GB'",
    "checkpoint_timeout": "'1h'",
    "synchronous_commit": "off",
}


def load(database: Database, entries: int, *, processes: int) -> None:
    """Puts ``entries`` entries into the empty log, then VACUUM, ANALYZE and CHECKPOINT, as time would do."""
    with database.connect("postgres") as admin, _in_haste(admin):
        number, name, first, head = _place(admin)
        _attach(admin, number, first + entries)
        chunks = [(at, min(CHUNK, first + entries - at)) for at in range(first, first + entries, CHUNK)]
        done = 0
        for size in _made(database, (number, name), chunks, head=head, processes=min(processes, len(chunks))):
            done += size
            tell(f"{database.server.kind}: loading, {done:,} of {entries:,} entries")
        tell(f"{database.server.kind}: vacuum and analyze")
        admin.execute("vacuum (analyze)")
    with database.connect("postgres") as admin:
        admin.execute("checkpoint")


@contextmanager
def _in_haste(admin: Any) -> Iterator[None]:
    try:
        for name, value in _HASTE.items():
            admin.execute(f"alter system set {name} = {value}")
        admin.execute("select pg_reload_conf()")
        yield
    finally:
        for name in _HASTE:
            admin.execute(f"alter system reset {name}")
        admin.execute("select pg_reload_conf()")


def _place(admin: Any) -> tuple[int, str, int, bytes]:
    """The log's number and name, its next entry's number and the hash that this one builds on."""
    number, name = admin.execute(
        "select log, origin || '~' || incarnation from unbroken.logs where origin = %s", (LOG,)
    ).fetchone()
    newest = admin.execute(
        "select seq, hash from unbroken.entries where log = %s order by seq desc limit 1", (number,)
    ).fetchone()
    seq, head = newest or (0, bytes(32))
    return number, name, seq + 1, head


def _attach(admin: Any, number: int, upto: int) -> None:
    """Partitions for numbers up to ``upto``, with room for what is recorded while measuring."""
    with admin.transaction():
        admin.execute("set local role unbroken_owner")
        for part in range(((upto + 1000) >> 20) + 1):
            admin.execute("select unbroken.attach_partition(%s, %s)", (number, part))


def _made(
    database: Database, log: tuple[int, str], chunks: list[tuple[int, int]], *, head: bytes, processes: int
) -> Iterator[int]:
    """Sizes of chunks as they arrive in the database. Each process waits for the one before it to hand on the chain."""
    context = get_context("spawn")
    ends = [context.Pipe(duplex=False) for _ in range(processes)]
    told: Any = context.Queue()
    running: list[BaseProcess] = []
    try:
        for place in range(processes):
            mine = [(*chunk, index == len(chunks) // 2) for index, chunk in enumerate(chunks)][place::processes]
            relay = (ends[place][0], ends[(place + 1) % processes][1])
            process: BaseProcess = context.Process(
                target=_fill, args=(database.conninfo("postgres"), log, mine, relay, told), daemon=True
            )
            process.start()
            running.append(process)
        ends[0][1].send_bytes(head)
        for _ in chunks:
            yield _next(told, running)
        for process in running:
            process.join()
    finally:
        for process in running:
            process.terminate()
            process.join()


def _next(told: Any, running: list[BaseProcess]) -> int:
    waited = 0.0
    while waited < _PATIENCE_S:
        try:
            return int(told.get(timeout=1))
        except queue.Empty:
            waited += 1
        if any(process.exitcode for process in running):
            break
    raise RuntimeError("a process that was loading has died or stands still")


def _fill(
    conninfo: str,
    log: tuple[int, str],
    chunks: list[tuple[int, int, bool]],
    relay: "tuple[Connection[Any, Any], Connection[Any, Any]]",
    told: Any,
) -> None:
    """In a loading process. The parent is interrupted for all of them and ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    before, behind = relay
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for first, size, steps_back in chunks:
            chunk = Chunk(first, size, log=log[0], name=log[1], seed=_SEED, steps_back=steps_back)
            rows = chunk.rows(before.recv_bytes())
            behind.send_bytes(rows.head)
            _copy(connection, rows)
            told.put(size)


def _copy(connection: Any, rows: Rows) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        for table, columns in _TABLES.items():
            with cursor.copy(f"copy unbroken.{table} ({columns}) from stdin") as copy:
                lines = getattr(rows, table)
                for start in range(0, len(lines), 1000):
                    copy.write("".join(lines[start : start + 1000]))
