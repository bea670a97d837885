"""One recorder's spool as an SQLite file: what a transaction there means, and what its errors mean here.

A rollback journal, not a write-ahead log: between two transactions all that was acknowledged stands in the one file,
whatever becomes of the files beside it. A connection lives for one operation only. That costs little beside the flush,
no fork ever sees one, and a file that somebody took away is noticed at the next operation.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from unbroken.core.commitment import PARTS
from unbroken.core.entry import Part
from unbroken.core.ids import new_id
from unbroken.errors import ConfigurationError, SpoolFullError, UnavailableError, UnbrokenError
from unbroken.files import sync_folder
from unbroken.ledger.protection import Identity
from unbroken.ledger.sealed import Sealed
from unbroken.ledger.spool.claim import guarded
from unbroken.ledger.spool.folder import JOURNAL, translated_os

APPLICATION: Final = 1970168427
"""Stands in the file's head, so that no other SQLite file is taken for a spool."""
VERSION: Final = 3
"""Version 1 had no identities, version 2 no originals. Their files are read, delivered from and never added to: each
recorder has its own."""
_RESERVE_BYTES: Final = 256 * 1024
"""The room that the journal keeps between transactions; what is left in it then is void."""
_FIRST_COLUMNS: Final = 1 + 2 * len(PARTS)
"""The text, and salt and value of each part."""
_PATIENCE_S: Final = 5.0
"""How long an operation waits for somebody who reads the file at this moment."""

# One row in ``spool``: whose file this is, the number of the last batch, and the gap that has not been declared yet.
_SCHEMA: Final = """
pragma journal_mode = off;
begin;
pragma application_id = 1970168427;
pragma user_version = 3;
create table spool (
  recorder text not null,
  log text not null,
  batches integer not null default 0,
  gap text,
  since text,
  first_ts text,
  last_ts text,
  first_number integer,
  last_number integer,
  events integer
);
create table events (
  place integer primary key,
  refused integer not null default 0,
  batch integer not null,
  bytes integer not null,
  id text not null unique,
  digest blob not null,
  text blob not null,
  inputs_salt blob,
  inputs blob,
  outputs_salt blob,
  outputs blob,
  details_salt blob,
  details blob,
  identities blob,
  original blob
);
create table refusals (
  place integer primary key,
  gap text not null,
  reason text not null
);
create index waiting on events (batch) where refused = 0;
commit;
"""
_PUT: Final = """
insert into events
  (batch, bytes, id, digest, text, inputs_salt, inputs, outputs_salt, outputs, details_salt, details, identities,
   original)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_EXTEND_GAP: Final = """
update spool set
  batches = batches + 1,
  gap = coalesce(gap, :gap),
  since = min(coalesce(since, :since), :since),
  first_ts = min(coalesce(first_ts, :first_ts), :first_ts),
  last_ts = max(coalesce(last_ts, :last_ts), :last_ts),
  first_number = min(coalesce(first_number, :first), :first),
  last_number = max(coalesce(last_number, :last), :last),
  events = coalesce(events, 0) + :count
"""
_CLOSE_GAP: Final = """
update spool set
  gap = null, since = null, first_ts = null, last_ts = null, first_number = null, last_number = null, events = null
"""
# A row that grew would be written anew, and a full disk may have no room for that: so the reason stands elsewhere.
_REFUSE: Final = "update events set refused = 1 where id = ? and refused = 0"
_REASON: Final = """
insert or ignore into refusals (place, gap, reason)
  select events.place, spool.gap, ? from events, spool where events.id = ? and events.refused = 1
"""
_REFUSED: Final = "select id, reason from events join refusals using (place) order by place"
_REFUSED_IN: Final = "select id from events join refusals using (place) where gap = ? order by place"
_FIND: Final = "select id, text, refused from events where id = ?"
_WAITING: Final = "select batch, bytes from events where refused = 0 order by batch"
_UPTO: Final = """
select digest, id, text, inputs_salt, inputs, outputs_salt, outputs, details_salt, details, identities, original
  from events where batch <= ? and refused = 0 order by place
"""
_UPTO_2: Final = """
select digest, id, text, inputs_salt, inputs, outputs_salt, outputs, details_salt, details, identities, null
  from events where batch <= ? and refused = 0 order by place
"""
_UPTO_1: Final = """
select digest, id, text, inputs_salt, inputs, outputs_salt, outputs, details_salt, details, null, null
  from events where batch <= ? and refused = 0 order by place
"""
_IDENTITIES: Final = msgspec.msgpack.Decoder(tuple[Identity, ...])
_as_blob: Final = msgspec.msgpack.Encoder().encode


class Owner(NamedTuple):
    """Whose events a file holds, and for which log."""

    recorder: str
    log: str


class Contents(NamedTuple):
    """How many events wait, and how many bytes all events have, those refused included."""

    waiting: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Span:
    """What a batch adds to its gap: the earliest and latest time, the lowest and highest number, how many events."""

    first_ts: str
    last_ts: str
    first: int
    last: int
    count: int


class Batch(NamedTuple):
    """What is to be sent next, the number of the last batch in it, and the ids of what the disk has damaged."""

    number: int
    events: list[Sealed]
    damaged: list[str]


class Refused(NamedTuple):
    """An event that the log would not take, and why."""

    id: str
    reason: str


class Found(NamedTuple):
    """The text of an event that is there, and whether it was refused."""

    text: bytes
    refused: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A gap in the log that has not been declared yet: what was kept aside since it began.

    Times are texts as events have them. ``since`` is when delivery began to fail; ``first_ts`` and ``last_ts`` are the
    earliest and the latest time of the events, ``first`` and ``last`` their lowest and highest ``recorder_seq``.
    ``refused`` are the ids among them that the log would not take. ``id`` stays the same until the gap is declared.
    """

    id: str
    since: str
    first_ts: str
    last_ts: str
    first: int
    last: int
    count: int
    refused: tuple[str, ...]


class SpoolFile:
    """The statements on one file; each is a transaction, and on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, new: Path, owner: Owner) -> None:
        """Makes the file, at first as ``new``: under its own name it is never seen half made."""
        with _operation(self.path):
            for leftover in (new, self._journal):
                leftover.unlink(missing_ok=True)
            os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            with closing(_connect(new)) as connection:
                connection.executescript(_SCHEMA)
                connection.execute("insert into spool (recorder, log) values (?, ?)", owner)
            new.replace(self.path)
            sync_folder(self.path.parent)

    def reserve(self) -> None:
        """Sees to it that a journal of some size needs no room on the disk any more: draining must work on a full one.

        To be called by the file's only user, after an operation on it, so that nothing in the journal is still needed.
        """
        with _operation(self.path):
            descriptor = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_APPEND, 0o600)
            try:
                while (missing := _RESERVE_BYTES - os.fstat(descriptor).st_size) > 0:
                    os.write(descriptor, bytes(missing))
                    os.fsync(descriptor)
                    sync_folder(self.path.parent)
            finally:
                os.close(descriptor)

    @property
    def _journal(self) -> Path:
        return self.path.with_name(self.path.name + JOURNAL)

    def owner(self) -> Owner:
        """Whose file it is; raises :class:`ConfigurationError` for anything but a spool that this release can read."""
        with self._reading() as connection:
            (application,) = connection.execute("pragma application_id").fetchone()
            if application != APPLICATION:
                raise ConfigurationError(f"{self.path} is no spool, or was cut off: move it away to go on without it")
            if _version_of(connection) > VERSION:
                raise ConfigurationError(f"{self.path} was written by a newer release: drain it with that one")
            return Owner(*connection.execute("select recorder, log from spool").fetchone())

    def check(self, owner: Owner) -> None:
        """Reads all of the file; raises :class:`ConfigurationError` where it is not ``owner``'s or is damaged."""
        actual = self.owner()
        if actual != owner:
            raise ConfigurationError(f"{self.path} is the spool of {actual.recorder} for the log {actual.log}")
        with self._reading() as connection:
            if connection.execute("pragma integrity_check(1)").fetchone() != ("ok",):
                raise _damaged(self.path)

    def contents(self) -> Contents:
        """What is there."""
        with self._reading() as connection:
            row = connection.execute("select coalesce(sum(refused = 0), 0), coalesce(sum(bytes), 0) from events")
            return Contents(*row.fetchone())

    def put(self, batch: Sequence[Sealed], *, span: Span, since: str) -> None:
        """Adds a batch of events, none of which is there."""
        with self._changing() as connection:
            connection.execute(_EXTEND_GAP, {"gap": new_id(), "since": since, **asdict(span)})
            (number,) = connection.execute("select batches from spool").fetchone()
            connection.executemany(_PUT, (_row(number, item) for item in batch))

    def find(self, ids: Sequence[str]) -> dict[str, Found]:
        """Which of these events are there."""
        with self._reading() as connection:
            rows = (connection.execute(_FIND, (event_id,)).fetchone() for event_id in ids)
            return {row[0]: Found(*row[1:]) for row in rows if row is not None}

    def first(self, *, events: int, size_bytes: int) -> Batch | None:
        """The oldest batches that wait, as many as fit and at least one."""
        with self._reading() as connection:
            last = _fitting(connection.execute(_WAITING), events=events, size_bytes=size_bytes)
            upto = {1: _UPTO_1, 2: _UPTO_2}.get(_version_of(connection), _UPTO)
            rows = connection.execute(upto, (last,)).fetchall()
        if last is None:
            return None
        whole = [columns for digest, *columns in rows if _digest(columns) == digest]
        damaged = [columns[0] for digest, *columns in rows if _digest(columns) != digest]
        return Batch(last, [_sealed(*columns) for columns in whole], damaged)

    def done(self, number: int) -> None:
        """Removes what waits of the batches up to this one."""
        try:
            with self._changing() as connection:
                connection.execute("delete from events where batch <= ? and refused = 0", (number,))
        except SpoolFullError:
            self._done_by_pieces(number)

    def _done_by_pieces(self, number: int) -> None:
        """The journal of one event fits into the reserve. A part that stays is delivered again, and known again."""
        with self._reading() as connection:
            places = connection.execute(
                "select place from events where batch <= ? and refused = 0 order by place", (number,)
            ).fetchall()
        for place in places:
            with self._changing() as connection:
                connection.execute("delete from events where place = ?", place)

    def refuse(self, ids: Sequence[str], reason: str) -> None:
        """Sets events that wait aside."""
        with self._changing() as connection:
            connection.executemany(_REFUSE, [(event_id,) for event_id in ids])
            connection.executemany(_REASON, [(reason, event_id) for event_id in ids])

    def refused(self) -> list[Refused]:
        """What was set aside, in order."""
        with self._reading() as connection:
            return [Refused(*row) for row in connection.execute(_REFUSED)]

    def window(self) -> Window | None:
        """The gap that is to be declared."""
        with self._reading() as connection:
            return _window(connection)

    def close_gap(self, window: Window) -> bool:
        """Forgets the gap if it is exactly ``window`` and nothing waits; whether it was."""
        with self._changing() as connection:
            waiting = connection.execute("select 1 from events where refused = 0").fetchone()
            if waiting is not None or _window(connection) != window:
                return False
            connection.execute(_CLOSE_GAP)
            return True

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _operation(self.path), closing(_connect(self.path)) as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: on the disk at the end, or as if it had never been."""
        with self._reading() as connection:
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("rollback")
                raise


def size_of(item: Sealed) -> int:
    """The bytes that an event counts with: its text, its parts with their salts, its identities and its original."""
    parts = sum(len(part.salt) + len(part.value) for part in item.parts.values())
    people = sum(len(each.pseudonym) + len(each.lookup) + len(each.sealed) for each in item.identities)
    return len(item.text) + parts + people + len(item.original or b"")


def _fitting(waiting: Iterable[tuple[int, int]], *, events: int, size_bytes: int) -> int | None:
    """The last of the batches that fit, and the first in any case; ``waiting`` has each event's batch and size."""
    last = None
    for number, batch in groupby(waiting, itemgetter(0)):
        sizes = [size for _, size in batch]
        events -= len(sizes)
        size_bytes -= sum(sizes)
        if last is not None and (events < 0 or size_bytes < 0):
            break
        last = number
    return last


def _row(batch: int, item: Sealed) -> tuple[Any, ...]:
    columns = _columns(item)
    return (batch, size_of(item), item.id, _digest(columns), *columns[1:])


def _sealed(event_id: str, text: bytes, *columns: bytes | None) -> Sealed:
    *parts, identities, original = columns
    pairs = zip(PARTS, parts[::2], parts[1::2], strict=True)
    return Sealed(
        event_id,
        text,
        {name: Part(salt, value) for name, salt, value in pairs if salt is not None and value is not None},
        () if identities is None else _IDENTITIES.decode(identities),
        original,
    )


def _columns(item: Sealed) -> list[Any]:
    """An event as a row has it, from its id on."""
    columns: list[Any] = [item.id, item.text]
    for name in PARTS:
        part = item.parts.get(name)
        columns += (None, None) if part is None else (part.salt, part.value)
    return [*columns, _as_blob(item.identities) if item.identities else None, item.original]


def _digest(columns: Sequence[Any]) -> bytes:
    """Finds what a failing disk does to an event; against people it protects nothing."""
    event_id, *others = columns
    # Columns that older files don't have count from the last of them that holds something.
    while len(others) > _FIRST_COLUMNS and others[-1] is None:
        others.pop()
    digest = hashlib.sha256()
    for column in (event_id.encode(), *others):
        digest.update(b"-" if column is None else b"%d:" % len(column) + column)
    return digest.digest()


def _version_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("pragma user_version").fetchone()
    return int(version)


def _window(connection: sqlite3.Connection) -> Window | None:
    row = connection.execute(
        "select gap, since, first_ts, last_ts, first_number, last_number, events from spool where gap is not null"
    ).fetchone()
    if row is None:
        return None
    refused = connection.execute(_REFUSED_IN, row[:1])
    return Window(*(*row, tuple(event_id for (event_id,) in refused)))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE_S, isolation_level=None)
    try:
        connection.execute("pragma synchronous = full")
        connection.execute("pragma fullfsync = on")
        connection.execute("pragma journal_mode = persist")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _operation(path: Path) -> Iterator[None]:
    """One operation; raises our errors, which name ``path``, in place of SQLite's and the operating system's."""
    try:
        with guarded(), translated_os(path):
            yield
    except sqlite3.Error as error:
        raise _translate(error, path) from error


def _damaged(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is damaged, and was left as it is: move it elsewhere, and keep it for what can still be read in it"
    )


def _translate(error: sqlite3.Error, path: Path) -> UnbrokenError:
    # The lower byte is the kind of an error, the rest tells its kinds apart.
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_INTERNAL) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return SpoolFullError(f"the disk is full: {path} takes nothing more, and keeps what it has")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_ERROR:
            return _damaged(path)
        case sqlite3.SQLITE_CANTOPEN:
            return ConfigurationError(f"{path} can't be opened: is it still there?")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return ConfigurationError(f"{path} can't be written to")
        case _:
            return UnavailableError(f"{path} did not take this: {error}; nothing was kept by this call")
