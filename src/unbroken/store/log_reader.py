"""The reader's side: pages of entries, sessions, sizes. For verifier and ops logins; writes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, Self, cast

import msgspec
import psycopg
from psycopg.types.string import ByteaBinaryLoader

from unbroken.core.canonical import canonical
from unbroken.core.entry import COLUMNS, GENESIS, Head, StoredEntry
from unbroken.core.incarnation import continues, origin_of
from unbroken.core.tree.tile import Tile
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.store.connection import connect, translated
from unbroken.store.facts import impostors_among
from unbroken.store.migrations import require_schema
from unbroken.store.rows import first_of, rows_of
from unbroken.store.sent_time import sent_time
from unbroken.store.sql import query
from unbroken.store.tables import TABLES, Tables, at_one_moment
from unbroken.store.tree import StoredTree

PAGE: Final = 10_000
"""Entries per statement."""
LOT: Final = 50
"""Entries that a reader hands out at a time: fewer than a socket buffers, so that the server is never waited for."""

NO_GRANT: Final = "no such log, or this login may not read it; that it tried is noted for the log"
_REFUSALS: Final = {
    "no grant": NO_GRANT,
    "no purpose": "say what this read is for: it is recorded",
    "no case": "this duty reads for a case only: name it",
    "bad length": "a purpose is up to 2000 bytes of printable text, a case 200; a ticket lasts 1 second to 12 hours",
    "bad scope": "what is looked for has to be a few short texts",
    "not recovered": "this server was restored, or took over from another: `unbroken recover` opens reading on it",
    "several duties": "this login is in the groups of several duties, so it may read nothing: give each duty its own",
}
_TABLES: Final = ("logs", "entries", "payloads", "originals", "event_ids", "sessions", "checkpoints", "tiles", *TABLES)
_BEFORE_PAYLOAD: Final = 8
_BEFORE_COLUMNS: Final = 15
_TEXTS: Final = frozenset({3, 4, *range(_BEFORE_COLUMNS, _BEFORE_COLUMNS + len(COLUMNS))})
"""Where texts stand in a row of a page; the event and the payload come as bytes."""
# The client library streams single rows before its version 17.
_CHUNK: Final = LOT if psycopg.pq.version() >= 170000 else 1
_LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SessionCount:
    """What the database's session table says of one session."""

    session_id: str
    entries: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One session as a list shows it; times are aware UTC, as the database recorded them."""

    session_id: str
    entries: int
    first_seq: int
    last_seq: int
    first_at: datetime
    last_at: datetime
    actor_id: str | None
    agent_id: str | None
    errors: int


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A request for approval and what became of it; times are aware UTC, by the database's clock.

    ``state`` is pending, approved, denied, expired or used. ``valid_until`` is until when it can be decided or, once
    approved, the approval be used. ``self_attested`` tells that one login recorded request and decision, and is
    ``None`` while there is none.
    """

    request: str
    state: str
    tool: str
    call_id: str
    session_id: str | None
    actor_id: str
    agent_id: str | None
    seq: int
    requested_at: datetime
    valid_until: datetime
    decided_seq: int | None
    decided_by: str | None
    decided_at: datetime | None
    self_attested: bool | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A login's duty for a log, since when (aware UTC), and whether there still is such a login."""

    login: str
    duty: str
    granted_at: datetime
    exists: bool


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to read, which is the entry ``seq``; ``expires_at`` is aware UTC, by the database's clock."""

    id: str
    seq: int
    duty: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RegistryVersion:
    """One version of the registry: its text, that text's SHA-256 in hex, when (aware UTC) and by whom it was loaded."""

    version: int
    text: str
    sha256: str
    loaded_at: datetime
    loaded_by: str


@dataclass(frozen=True, slots=True)
class Unclassified:
    """A name that no registry knew when it was noted, at an aware UTC time; ``kind`` is tool, source or resource."""

    kind: str
    name: str
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class StatedHead:
    """A log's end: when its entry was recorded, and the time now, both aware UTC by the database's clock."""

    head: Head
    recorded_at: datetime
    now: datetime

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """The end that the statement ``stated_head`` gives."""
        return cls(Head(row[0], row[1].hex()), row[2], row[3])


@dataclass(frozen=True, slots=True)
class LogSize:
    """Bytes on disk; ``wal`` is what the whole server wrote since the log was made, ``None`` where unknown."""

    entries: int
    payloads: int
    indexes: int
    wal: int | None
    partitions: int


class LogReader:
    """One connection of a reading login to one log.

    But for a verifier's login, rows are given only while a ticket is open: :meth:`open_ticket`. Without one the methods
    that return rows raise :class:`AccessDeniedError`. Opening one is recorded, so with ``writes`` no standby will do.
    """

    def __init__(self, conninfo: str, log: str | None = None, *, writes: bool = False) -> None:
        self._connection = cast("psycopg.Connection[tuple[Any, ...]]", connect(conninfo, writes=writes))
        try:
            with translated():
                self._connection.execute(query("fixed_names"))
            require_schema(self._one("newest_migration")[0])
            self._number, self.log = self._find(self._only_log() if log is None else log)
        except BaseException:
            self._connection.close()
            raise

    def _find(self, name: str) -> tuple[int, str]:
        found = self._row("find_log", {"name": name})
        if found is None:
            raise ConfigurationError(f"there is no log {name!r} that this login may read: `unbroken status` lists them")
        return cast("tuple[int, str]", found)

    def _only_log(self) -> str:
        names = [row[0] for row in self._rows("logs")]
        if len({origin_of(name) for name in names}) == 1:
            return origin_of(str(names[0]))
        if len(names) != 1:
            raise ConfigurationError(
                f"name one of these logs: {', '.join(names)}" if names else "there is no log here: run `unbroken init`"
            )
        return str(names[0])

    def open_ticket(
        self,
        *,
        purpose: str,
        case: str | None = None,
        scope: Mapping[str, str] | None = None,
        valid_for: timedelta = timedelta(minutes=15),
    ) -> Ticket:
        """Puts on record that this login is going to read, and for what; its rows open up from now on.

        ``scope`` says what is looked for; with a ``session`` in it that session alone is opened. Raises
        :class:`AccessDeniedError` when the log refuses, which it records as well.
        """
        row = self._one("open_ticket", _request(self.log, purpose, case, scope, valid_for))
        if row[0] is None:
            raise _refusal(row)
        return Ticket(row[0], row[1], row[2], row[3])

    def close_ticket(self, ticket: Ticket, *, outcome: str, count: int, digest: str) -> int:
        """Puts on record how the read ended and what was shown; the ticket opens nothing any more.

        ``outcome`` is complete, interrupted, refused or failed; ``digest`` the SHA-256, in hex, over the hashes of the
        ``count`` entries shown, in that order. Returns the entry's number.
        """
        return int(self._one("close_ticket", (self.log, ticket.id, outcome, count, digest))[0])

    def pseudonyms_of(self, lookups: Sequence[bytes]) -> dict[bytes, list[str]]:
        """All pseudonyms of names, by the names' keyed hashes, oldest first; without names that have none.

        Needs an open ticket that is not for one session. Up to 1000 names.
        """
        found: dict[bytes, list[str]] = {}
        for lookup, pseudonym in self._rows("pseudonyms_of", (self.log, list(lookups))):
            found.setdefault(bytes(lookup), []).append(pseudonym)
        return found

    def ask_names(self, ticket: Ticket, pseudonyms: Sequence[str]) -> str:
        """Puts on record that the names behind ``pseudonyms``, up to 1000, will be looked at; for :meth:`names`.

        Under a ticket for one session, all of them have to stand in that session's events.
        """
        return str(self._one("ask_names", (self.log, ticket.id, list(pseudonyms)))[0])

    def names(self, lookup: str) -> dict[str, bytes]:
        """The encrypted names by pseudonym that a look-up asked for, while its ticket is open; of those there are."""
        return {pseudonym: bytes(sealed) for pseudonym, sealed in self._rows("names", (self.log, lookup))}

    def registry(self, version: int | None = None) -> RegistryVersion | None:
        """The registry's newest version, or the one of a number; ``None`` where there is none. Needs no ticket."""
        row = self._row("registry", (self.log, version))
        return None if row is None else RegistryVersion(*row)

    def load_registry(self, text: str, *, reason: str) -> tuple[int, int]:
        """Loads the registry's next version; returns its number and its entry's.

        The text that is the newest version already stays that version, without a new entry.
        """
        version, seq = self._one("load_registry", (self.log, text, reason))
        return version, seq

    def unclassified(self) -> list[Unclassified]:
        """What no registry knew, oldest first. Needs no ticket."""
        return [Unclassified(*row) for row in self._rows("unclassified", (self.log,))]

    def head(self) -> Head:
        """The log's end as the database states it; ``0`` and zeros for an empty log, or where it states no hash."""
        seq, digest = self._row("head", (self._number,)) or (0, None)
        return Head(seq, digest.hex() if isinstance(digest, bytes) else GENESIS)

    def entries(self, *, after: int = 0, upto: int = _LAST, session: str | None = None) -> Iterator[list[StoredEntry]]:
        """The entries with ``after < seq <= upto`` in order of seq, some at a time; of one session where it is given.

        They are read in statements of :data:`PAGE` entries, each a transaction of its own, so that a reader holds up
        nobody. While one lot is worked on the server prepares the next.
        """
        as_bytes, size = False, PAGE
        while size == PAGE:
            size = 0
            try:
                for lot in _batched(self._page(after, upto, session, as_bytes=as_bytes), LOT):
                    size += len(lot)
                    after = lot[-1].seq
                    yield lot
            except UnicodeDecodeError:
                # A byte that was changed on disk need not leave text behind: go on from the last lot, slower.
                as_bytes, size = True, PAGE

    def _page(self, after: int, upto: int, session: str | None, *, as_bytes: bool) -> Iterator[StoredEntry]:
        given = {"log": self._number, "after": after, "upto": upto, "limit": PAGE, "session": session}
        name = "page" if session is None else "session_page"
        with translated(), self._connection.cursor(binary=True) as cursor:
            if as_bytes:
                cursor.adapters.register_loader("text", ByteaBinaryLoader)
            self._connection.execute(query("look_up_singly"))
            for row in cursor.stream(query(name), given, size=_CHUNK):
                yield _stored(self.log, _with_texts(row) if as_bytes else row)
            self._connection.execute(query("look_up_as_planned"))

    def session_counts(self) -> Iterator[SessionCount]:
        """The database's session table, in order of session id."""
        after: str | None = None
        while rows := self._rows("sessions_page", {"log": self._number, "after": after, "limit": PAGE}):
            yield from (SessionCount(*row) for row in rows)
            after = rows[-1][0]

    def sessions_beginning(self, prefix: str, *, limit: int) -> list[str]:
        """The first session ids that begin with ``prefix``."""
        given = {"log": self._number, "prefix": prefix, "limit": limit}
        return [row[0] for row in self._rows("sessions_beginning", given)]

    def stray_ids(self, *, limit: int = 100) -> list[tuple[int, bool]]:
        """Numbers where the index of ids and the entries disagree, and whether there is an entry of that number."""
        return [(row[0], row[1]) for row in self._rows("stray_ids", {"log": self._number, "limit": limit})]

    def stray_payloads(self, *, limit: int = 100) -> list[int]:
        """Numbers of payloads that belong to no entry."""
        return [row[0] for row in self._rows("stray_payloads", {"log": self._number, "limit": limit})]

    def stray_originals(self, *, limit: int = 100) -> list[tuple[int, bool]]:
        """Numbers of originals that no entry commits to, and whether there is an entry of that number."""
        return [(row[0], row[1]) for row in self._rows("stray_originals", {"log": self._number, "limit": limit})]

    def erasures(self) -> Iterator[list[StoredEntry]]:
        """The entries ``log.erased`` and ``log.disposed``, in order of seq, some at a time; any ticket opens them.

        Behind them those of later incarnations. They are found by column: that a column was not changed is for
        verification to show.
        """
        yield from self._at_in_lots(self._seqs("erasing_entries", self._number), self._number, self.log)
        for number, log in self.incarnations():
            if continues(log, self.log):
                yield from self._at_in_lots(self._seqs("erasing_entries", number), number, log)

    def told_later(self) -> Iterator[list[StoredEntry]]:
        """The entries of later incarnations that tell of what was done with this one, some at a time."""
        for number, log in self.incarnations():
            if continues(log, self.log):
                about = canonical({"log": self.log})[1:-1].decode()
                yield from self._at_in_lots(self._seqs("told_of_earlier", number, about=about), number, log)

    def told_of_holds(self) -> Iterator[list[StoredEntry]]:
        """The entries by which holds begin and change, of all incarnations in order, some at a time."""
        for number, log in self.incarnations():
            yield from self._at_in_lots(self._seqs("holding_entries", number), number, log)

    def incarnations(self) -> list[tuple[int, str]]:
        """All incarnations of this log: the numbers that stand for them in the tables, and their full names."""
        return [(row[0], row[1]) for row in self._rows("incarnations", (self._number,))]

    def beginnings(self) -> list[StoredEntry]:
        """The first entry of each incarnation of this log that has one, in order."""
        return [entry for number, log in self.incarnations() for entry in self._entries_at([1], number, log)]

    def _seqs(self, name: str, number: int, **given: str) -> list[int]:
        return [row[0] for row in self._rows(name, {"log": number, **given})]

    def _at_in_lots(self, seqs: Sequence[int], number: int, log: str) -> Iterator[list[StoredEntry]]:
        for start in range(0, len(seqs), LOT):
            yield self._entries_at(seqs[start : start + LOT], number, log)

    def key_absences(self) -> Iterator[tuple[str, int | None]]:
        """The vault's keys without their private half, each with the entry that is said to tell of it."""
        with translated(), self._connection.cursor(binary=True) as cursor:
            yield from cursor.stream(query("key_absences"), (self.log,), size=_CHUNK)

    def known_pseudonyms(self, pseudonyms: Sequence[str]) -> list[str]:
        """Which of these, up to 1000, lead to a name."""
        return [row[0] for row in self._rows("known_pseudonyms", (self.log, list(pseudonyms)))]

    def tables(self) -> AbstractContextManager[Tables]:
        """The tables beside the entries; while it lasts, entries are given as of the same moment."""
        return at_one_moment(self._connection, self._number, chunk=_CHUNK)

    def checkpoints(self) -> Iterator[tuple[int, bytes, str]]:
        """What the table of checkpoints says: size, root and note, larger trees first."""
        before = _LAST
        while rows := self._rows("checkpoints_before", (self._number, before, PAGE)):
            yield from ((row[0], row[1], row[2]) for row in rows)
            before = rows[-1][0]

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        """The tree's tiles as they are stored, for whoever does not believe them."""
        return StoredTree(self._connection, self.log).read_tiles(tiles)

    def impostors(self) -> list[str]:
        """Tables that could show other rows than were recorded: missing, a view, under another rule or policy."""
        with translated():
            return impostors_among(self._connection, _TABLES)

    def sessions(
        self, *, limit: int, before: int = _LAST, actors: bool = True, people: Sequence[str] | None = None
    ) -> list[SessionSummary]:
        """The sessions whose last entry comes before ``before``, newest first; without ``actors`` as operations may.

        With ``people`` only those in which one of these ids acts.
        """
        given: dict[str, Any] = {"log": self._number, "limit": limit, "before": before}
        name = "recent_sessions" if actors else "recent_sessions_without_actors"
        if people is not None:
            given, name = given | {"people": list(people)}, "sessions_of"
        return [SessionSummary(*row) for row in self._rows(name, given)]

    def approvals(self, *, limit: int, decided: bool, request: str | None = None) -> list[ApprovalRequest]:
        """Requests for approval, newest first: those that can be decided, or all with what was ``decided``."""
        given = {"log": self._number, "limit": limit, "all": decided, "request": request}
        return [ApprovalRequest(*row) for row in self._rows("approval_requests", given)]

    def entry(self, seq: int) -> StoredEntry | None:
        """The entry of this number, with its payload."""
        return next((entry for lot in self.entries(after=seq - 1, upto=seq) for entry in lot), None)

    def entries_at(self, seqs: Sequence[int]) -> list[StoredEntry]:
        """The entries of these numbers with their payloads, in order of seq; without those that are not there."""
        return self._entries_at(seqs, self._number, self.log)

    def _entries_at(self, seqs: Sequence[int], number: int, log: str) -> list[StoredEntry]:
        given = {"log": number, "seqs": list(seqs)}
        try:
            return [_stored(log, row) for row in self._rows("entries_at", given)]
        except UnicodeDecodeError:
            with translated(), self._connection.cursor(binary=True) as cursor:
                cursor.adapters.register_loader("text", ByteaBinaryLoader)
                rows = cursor.execute(query("entries_at"), given).fetchall()
            return [_stored(log, _with_texts(row)) for row in rows]

    @property
    def number(self) -> int:
        """The number that stands for the log in the tables."""
        return self._number

    def size(self) -> LogSize:
        """What the log takes on disk."""
        return LogSize(*self._one("log_size", (self.log,)))

    def grants(self) -> list[Grant]:
        """Logins that hold a duty for this log, by duty and login."""
        return [Grant(*row) for row in self._rows("log_grants", {"log": self._number})]

    def stated_head(self) -> StatedHead | None:
        """The log's end as the database states it to every duty, without a ticket; ``None`` for an empty log."""
        row = self._row("stated_head", (self.log,))
        return None if row is None else StatedHead.of(row)

    @property
    def connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """The connection, for questions that other modules of the store put over it; the reader closes it."""
        return self._connection

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        return rows_of(self._connection, name, given)

    def _row(self, name: str, given: Any = None) -> tuple[Any, ...] | None:
        rows = self._rows(name, given)
        return rows[0] if rows else None

    def _one(self, name: str, given: Any = None) -> tuple[Any, ...]:
        return first_of(self._rows(name, given))


def record_denial(conninfo: str, log: str, *, purpose: str, case: str | None, scope: Mapping[str, str]) -> None:
    """Asks a log that this login can't see for a ticket, so that the log records the attempt.

    Raises :class:`AccessDeniedError` with its answer.
    """
    with connect(conninfo, writes=True) as connection, translated():
        request = _request(log, purpose, case, scope, timedelta(minutes=1))
        row = connection.execute(query("open_ticket"), request).fetchone()
    if row is not None and row[0] is None:
        raise _refusal(row)


def _request(
    log: str, purpose: str, case: str | None, scope: Mapping[str, str] | None, valid_for: timedelta
) -> tuple[object, ...]:
    return log, purpose, case, msgspec.json.encode(dict(scope or {})).decode(), valid_for.total_seconds()


def _refusal(row: tuple[object, ...]) -> AccessDeniedError:
    return AccessDeniedError(_REFUSALS.get(str(row[4]), "this login may not read this log"))


def list_logs(conninfo: str) -> list[str]:
    """The full names of all logs in a database."""
    with connect(conninfo) as connection, translated():
        return [str(row[0]) for row in connection.execute(query("logs"))]


def _with_texts(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row whose texts came as bytes; what is no UTF-8 stays visible as lone surrogates, which no event holds."""
    return tuple(
        value.decode("utf-8", "surrogateescape") if place in _TEXTS and isinstance(value, bytes) else value
        for place, value in enumerate(row)
    )


def _stored(log: str, row: tuple[Any, ...]) -> StoredEntry:
    """A row of a page. What a line can't lack, and is not there in its type, becomes empty: the hash fails then."""
    seq, session_seq, sent, writer, principal, prev_hash, digest, event = row[:_BEFORE_PAYLOAD]
    if not type(sent) is type(prev_hash) is type(digest) is type(event) is bytes or type(writer) is not str:
        sent, prev_hash, digest, event = (
            value if isinstance(value, bytes) else b"" for value in (sent, prev_hash, digest, event)
        )
        writer = writer if isinstance(writer, str) else ""
    fields: list[Any] = [log, seq, session_seq, sent_time(sent), writer, principal, prev_hash, digest, event]
    return StoredEntry(*fields, *row[_BEFORE_PAYLOAD:_BEFORE_COLUMNS], row[_BEFORE_COLUMNS:-1], row[-1])  # type: ignore[call-arg]


def _batched(items: Iterator[StoredEntry], size: int) -> Iterator[list[StoredEntry]]:
    """Lists of up to ``size`` items."""
    while lot := list(islice(items, size)):
        yield lot
