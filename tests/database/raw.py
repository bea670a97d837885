"""The database's door as a hostile writer meets it: texts made by hand, handed to ``unbroken.append`` over psycopg."""

import hashlib
import importlib.util
import json
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
import rfc8785
from psycopg import sql
from psycopg.pq import TransactionStatus

from tests.conftest import LOG, TEMPLATE, Database, Server
from unbroken.core.entry import Head, StoredEntry, hash_of, line_of
from unbroken.core.times import format_time
from unbroken.store.log_reader import LogReader
from unbroken.verify.export import verify_export
from unbroken.verify.finding import Report
from unbroken.verify.run import verify_log

Connection = psycopg.Connection[tuple[Any, ...]]

PARTS = ("inputs", "outputs", "details")
SALT = b"\x5a" * 32
TS = "2026-03-01T09:00:00.000000Z"
RECORDER = "01970000-0000-7000-8000-00000000aaaa"
MARKER = "zebra7391"
"""Stands in the content of what is sent; it must not come back in an error."""
TABLES = ("entries", "payloads", "event_ids", "sessions")

_APPEND = (
    "select * from unbroken.append(%s, %s::text[],"
    " %s::text[], %s::bytea[], %s::text[], %s::bytea[], %s::text[], %s::bytea[])"
)


@dataclass(frozen=True)
class Sent:
    """One event's text and the parts that go with it: name to value and salt."""

    text: str | None
    parts: dict[str, tuple[str | None, bytes | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """One row that ``unbroken.append`` gives back."""

    seq: int
    session_seq: int | None
    recorded_at: Any
    prev_hash: bytes
    hash: bytes


def new_id() -> str:
    return str(uuid.uuid4())


def fields(**given: Any) -> dict[str, Any]:
    """A small valid event as a dict; ``None`` takes a key away."""
    event = {
        "actor_id": MARKER,
        "actor_type": "user",
        "event_type": "request",
        "id": new_id(),
        "recorder": RECORDER,
        "recorder_seq": 1,
        "ts": TS,
        **given,
    }
    return {key: value for key, value in event.items() if value is not None}


def text_of(event: dict[str, Any]) -> str:
    return rfc8785.dumps(event).decode()


def sent(parts: dict[str, str] | None = None, **given: Any) -> Sent:
    """A valid event with the payload ``parts``, name to value, and the commitments to them."""
    held = parts or {}
    committed = {name: commitment(value) for name, value in held.items()}
    return Sent(text_of(fields(**committed, **given)), {name: (value, SALT) for name, value in held.items()})


def commitment(value: str, salt: bytes = SALT) -> str:
    return hashlib.sha256(salt + value.encode()).hexdigest()


def columns_of(batch: Sequence[Sent]) -> list[list[Any]]:
    """The seven arrays of ``unbroken.append``: events, then values and salts of each part."""
    columns: list[list[Any]] = [[item.text for item in batch]]
    for name in PARTS:
        columns.append([item.parts.get(name, (None, None))[0] for item in batch])
        columns.append([item.parts.get(name, (None, None))[1] for item in batch])
    return columns


def append(connection: Connection, batch: Sequence[Sent], *, log: str | None = LOG) -> list[Received]:
    return call(connection, log, *columns_of(batch))


def call(connection: Connection, log: str | None, *arrays: Any) -> list[Received]:
    with connection.cursor(binary=True) as cursor:
        return [Received(*row) for row in cursor.execute(_APPEND, (log, *arrays)).fetchall()]


def open_ticket(connection: Connection, *, log: str = LOG, session: str | None = None) -> str:
    """Opens a ticket for the connection's login, whatever its duty, and gives back its id."""
    scope = json.dumps({"what": "test"} | ({} if session is None else {"session": session}))
    row = connection.execute(
        "select ticket::text from unbroken.open_ticket(%s, 'a test', 'T-1', %s, '1 h')", (log, scope)
    ).fetchone()
    assert row is not None
    assert row[0] is not None
    return str(row[0])


def contents(database: Database) -> dict[str, list[str]]:
    """Every row of every table that a batch touches."""
    return {table: rows(database.admin, table) for table in TABLES}


def rows(connection: Connection, relation: str) -> list[str]:
    """The rows of a table or a view of the schema, each as one text, in the order of these texts."""
    statement = sql.SQL("select t::text from unbroken.{} t").format(sql.Identifier(relation))
    return sorted(row[0] for row in connection.execute(statement).fetchall())


def said(error: psycopg.Error) -> str:
    """All that an error tells: whatever stands here may end up in somebody's log."""
    names = [name for name in dir(error.diag) if not name.startswith("_")]
    return "\n".join([str(error), *(str(getattr(error.diag, name)) for name in names)])


def refused(
    database: Database,
    writer: Connection,
    batch: Sequence[Sent],
    *,
    state: str = "UB001",
    log: str | None = LOG,
) -> psycopg.Error:
    """Appends and demands a refusal with this SQLSTATE that quotes no content and leaves nothing behind.

    What is refused alone is refused in a batch, too: the database goes another way there.
    """
    error = refused_call(database, writer, log, *columns_of(batch), state=state)
    if len(batch) == 1 and writer.info.transaction_status == TransactionStatus.IDLE:
        refused_call(database, writer, log, *columns_of([*batch, sent()]), state=state)
    return error


def refused_call(database: Database, writer: Connection, *arguments: Any, state: str) -> psycopg.Error:
    """The same for arguments that are no proper batch."""
    before = contents(database)
    with pytest.raises(psycopg.Error) as caught:
        call(writer, *arguments)
    assert caught.value.sqlstate == state, said(caught.value)
    assert MARKER not in said(caught.value)
    assert contents(database) == before
    return caught.value


def export_lines(entries: Iterable[StoredEntry]) -> list[str]:
    """Entries as the lines of an export file."""
    lines = []
    for entry in entries:
        exported: dict[str, Any] = {"hash": entry.hash.hex(), "line": entry.line.decode()}
        if entry.parts:
            exported["payload"] = {
                name: {"salt": part.salt.hex(), "value": part.value.decode()} for name, part in entry.parts.items()
            }
        lines.append(json.dumps(exported, ensure_ascii=False))
    return lines


def _load_independent_verifier() -> ModuleType:
    path = Path(__file__).parents[2] / "spec" / "verify.py"
    spec = importlib.util.spec_from_file_location("unbroken_independent_verifier", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


independent = _load_independent_verifier()


def read_all(database: Database, log: str = LOG) -> list[StoredEntry]:
    with LogReader(database.conninfo("verifier"), log) as reader:
        return [entry for lot in reader.entries() for entry in lot]


def report(database: Database, *, expect: Head | None = None, kept: Head | None = None, log: str = LOG) -> Report:
    with LogReader(database.conninfo("verifier"), log) as reader:
        return verify_log(reader, expect=expect, kept=kept)


def both_accept(database: Database, *, log: str = LOG) -> int:
    """Demands that the log's every reader finds it intact and proven to its own head; gives back its size."""
    with LogReader(database.conninfo("verifier"), log) as reader:
        head = reader.head()
        live = verify_log(reader, expect=head)
        entries = [entry for lot in reader.entries() for entry in lot]
    lines = export_lines(entries)
    package = verify_export(lines, expect=head)
    other = independent.verify_lines(lines, str(head))
    assert (live.verdict, live.findings) == ("proven", ()), (live.verdict, live.findings[:3])
    assert (package.verdict, package.findings) == ("proven", ())
    assert (other.verdict, other.findings) == ("proven", ())
    assert live.entries == package.entries == len(entries) == head.seq
    return head.seq


@contextmanager
def database_on(server: Server, template: str = TEMPLATE) -> Iterator[Database]:
    """An installed database that several tests may share, or a copy of one to which nobody is connected."""
    name = f"test_{uuid.uuid4().hex}"
    server.execute("create database {} template {} strategy file_copy", name, template)
    admin = psycopg.connect(server.conninfo("postgres", name), autocommit=True)
    admin.execute(sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(name)))
    try:
        yield Database(server, name, admin)
    finally:
        admin.close()
        server.execute("drop database {} with (force)", name)


def plant_head(database: Database, seq: int, *, recorded_at: datetime | None = None) -> Head:
    """Puts an entry that is consistent in itself at ``seq``, as a superuser can, and gives back the head that it makes.

    Numbers before it are absent: only an entry at 1 makes a log that verifies.
    """
    event = fields()
    at = recorded_at or datetime.now(UTC)
    previous = b"\x00" * 32
    line = line_of(
        text_of(event).encode(),
        log=f"{LOG}~1",
        prev_hash=previous.hex(),
        principal=None,
        recorded_at=format_time(at),
        seq=seq,
        session_seq=None,
        writer="writer",
    )
    digest = hash_of(line)
    database.admin.execute(
        "insert into unbroken.entries (log, seq, recorded_at, writer, prev_hash, hash, event, id, event_type, actor_id)"
        " values (1, %s, %s, 'writer', %s, %s, %s, %s, %s, %s)",
        (seq, at, previous, digest, text_of(event), event["id"], event["event_type"], event["actor_id"]),
    )
    database.admin.execute("insert into unbroken.event_ids values (1, %s, %s)", (event["id"], seq))
    return Head(seq, digest.hex())
