"""The writer's side of the door: the functions that a recorder may call."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple, Protocol, cast

import psycopg
from psycopg.errors import (
    DuplicatePreparedStatement,
    FeatureNotSupported,
    InvalidSqlStatementName,
    ReadOnlySqlTransaction,
    UniqueViolation,
)

from unbroken.core.commitment import PARTS
from unbroken.core.entry import Part
from unbroken.errors import UnavailableError, UnbrokenError
from unbroken.store.connection import DEADLINE_S, Conninfo, connect, translated
from unbroken.store.migrations import require_schema
from unbroken.store.round_trip import Rows, in_one_trip
from unbroken.store.sql import query

_SEQ: Final = 5
"""Where receipts have the entry's number."""
_LOCK_SHARE: Final = 0.45
"""Of the time that a call may take, how much of it the server may wait for a lock. A row's lock can mean two waits, for
one's turn and for the holder, and each has that time."""
_DAY_S: Final = 86400.0
_NAMES: Final = 1000
"""Identities that one statement takes."""
_NOTES: Final = 100
"""Names that nobody classified that one statement takes."""


class Named(Protocol):
    """A pseudonym that is proposed for a name, with the name's keyed hash and the name itself, encrypted."""

    @property
    def pseudonym(self) -> str: ...
    @property
    def lookup(self) -> bytes: ...
    @property
    def sealed(self) -> bytes: ...


class Covered(NamedTuple):
    """A log's full name now, and how many of its entries, from the first on, a checkpoint covers."""

    log: str
    size: int


class AlreadyRecordedError(Exception):
    """Some ids of a batch are in the log already; nothing of the batch was recorded by this call."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the database says of one entry after recording it; hashes are raw bytes."""

    seq: int
    session_seq: int | None
    recorded_at: datetime
    prev_hash: bytes
    hash: bytes


class VaultKey(NamedTuple):
    """The public half of a key that originals are sealed to, as the database gives it; nothing in it is believed."""

    id: str
    public: bytes
    endorsement: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the log says of an id that it has: ``state`` is ``recorded``, ``conflict`` or ``present``.

    When it is ``recorded`` there is a ``row``, and ``recorder`` and ``recorder_seq`` say under which number. ``log`` is
    the earlier incarnation that has it, ``None`` for the newest.
    """

    state: str
    writer: str
    recorder: str | None
    recorder_seq: int | None
    row: Row | None
    log: str | None = None


class LogWriter:
    """One connection of a writer login to one log. Not for use by several threads at once.

    Nothing depends on the state of a session, so that each call may reach another one through a pooler. Each call takes
    ``wait_s`` seconds at most, those of the constructor where it is not given. When a call raises and :attr:`broken` is
    true afterwards, its outcome is unknown; otherwise it did nothing.
    """

    def __init__(self, conninfo: Conninfo, origin: str, *, wait_s: float = DEADLINE_S) -> None:
        deadline = monotonic() + wait_s
        self._origin = origin
        self._wait_s = wait_s
        self._unconfirmed: list[str] = []
        self._connection = connect(conninfo, wait_s=wait_s, writes=True)
        try:
            self._connection.add_notice_handler(partial(_keep_unconfirmed, self._unconfirmed))
            self._connection.prepare_threshold = None
            self.log, self.writer, newest, oldest, answering = self._describe(deadline - monotonic())
            require_schema(newest, oldest=oldest)
        except BaseException:
            self._connection.close()
            raise
        # Behind a pooler a statement prepared in one session is sought in another, which may know its name from
        # somebody else. And not every pooler follows several transactions in one trip.
        self._direct = answering == self._connection.info.backend_pid
        if self._direct:
            self._connection.prepare_threshold = 0

    @property
    def broken(self) -> bool:
        """Whether the connection is gone, so that the outcome of the last call is unknown if it failed."""
        return self._connection.closed

    def append(
        self,
        events: Sequence[bytes],
        parts: Sequence[dict[str, Part]],
        *,
        originals: Sequence[bytes | None] = (),
        wait_s: float | None = None,
        early: bool = False,
    ) -> list[Row]:
        """Records a batch and returns its rows in order; all of it or nothing, and durably.

        ``originals`` are the sealed originals of the events, in order, ``None`` where an event has none.

        With ``early`` the log's lock is given up before the storage has confirmed, which is then waited for without it.
        Raises :class:`AlreadyRecordedError` when an id is there already.
        """
        columns: list[Sequence[object]] = []
        for part in PARTS:
            held = [payload.get(part) for payload in parts]
            columns.append([None if item is None else item.value.decode() for item in held])
            columns.append([None if item is None else item.salt for item in held])
        name = "append_early" if early else "append"
        if any(original is not None for original in originals):
            # A statement of its own: a log without a vault goes on with the one that it always had.
            name += "_with_originals"
            columns.append(originals)
        values = (self._patience(wait_s), self._origin, [event.decode() for event in events], *columns)
        with self._asking(wait_s):
            try:
                rows = (
                    self._durably(name, values, newest=lambda rows: (rows[-1][0], rows[-1][-1]))
                    if early
                    else self._rows(name, values)
                )
            except UniqueViolation:
                raise AlreadyRecordedError from None
            return [Row(*row) for row in rows]

    def receipts(
        self, ids: Sequence[str], hashes: Sequence[bytes | None], *, wait_s: float | None = None
    ) -> dict[str, Known]:
        """What the log has of these ids, by id; what it says is durable by then, however it was recorded.

        ``hashes`` are the SHA-256 of each event's text without its number, ``None`` to ask only whether an id is there.
        """
        with self._asking(wait_s):
            rows = self._durably("receipts", (self._origin, list(ids), list(hashes)), newest=_newest)
            return {str(event_id): _known(*said) for event_id, *said in rows}

    def earlier_receipts(
        self, ids: Sequence[str], hashes: Sequence[bytes | None], *, wait_s: float | None = None
    ) -> dict[str, Known]:
        """What earlier incarnations of the log have of these ids, as :meth:`receipts` says; they take nothing more."""
        rows = self._call("earlier_receipts", (self._origin, list(ids), list(hashes)), wait_s)
        return {str(event_id): _known(*said, log=log) for event_id, log, *said in rows}

    def renew(self, *, wait_s: float | None = None) -> bool:
        """Asks for the log's name anew; whether it is another one, as the log was continued since the connection."""
        known, (self.log, *_) = self.log, self._describe(wait_s)
        return self.log != known

    def covered(self, *, wait_s: float | None = None) -> Covered:
        """How far the log's newest incarnation is covered by a checkpoint."""
        return Covered(*self._call("covered", (self._origin,), wait_s)[0])

    def concern_erased(
        self, events: Sequence[bytes], recorded_at: Sequence[datetime], *, wait_s: float | None = None
    ) -> list[bool]:
        """Of events that were recorded at these times and lost: whether each concerns somebody erased since."""
        values = (self._origin, [event.decode() for event in events], list(recorded_at))
        return cast("list[bool]", self._call("concern_erased", values, wait_s)[0][0])

    def barrier(self, entry: tuple[int, bytes] | None = None, *, wait_s: float | None = None) -> None:
        """Returns when all that was committed is on disk; with an entry's number and hash, fails when it is gone."""
        self._call("barrier", (self._origin, *(entry or (None, None))), wait_s)

    def stop_recorder(self, recorder: str, used: int, *, wait_s: float | None = None) -> None:
        """Records that ``recorder`` has stopped after ``used`` numbers."""
        self._call("stop_recorder", (self._origin, recorder, used), wait_s)

    def declare_gap(
        self,
        recorder: str,
        reason: str,
        *,
        numbers: tuple[int, int],
        times: tuple[str, str],
        count: int | None = None,
        refused: Sequence[str] = (),
        entry_id: str | None = None,
        wait_s: float | None = None,
    ) -> None:
        """Records that numbers of ``recorder``, first to last, came late or may never come, and their events' times.

        ``count`` is how many events there were, one for each number by default; ``refused`` are ids that were refused.
        With an ``entry_id``, under which the log's entry goes, doing it again does nothing.
        """
        held = numbers[1] - numbers[0] + 1 if count is None else count
        values = (self._origin, recorder, reason, *numbers, held, *times, list(refused), entry_id)
        self._call("declare_gap", values, wait_s)

    def approvals(
        self, *, request: str | None = None, call: tuple[str, str] | None = None, wait_s: float | None = None
    ) -> Rows:
        """Requests for approval, newest first: the one of an id, or those for a call id with an arguments' hash."""
        call_id, arguments_hash = call or (None, None)
        return self._call("approvals_of", (self._origin, request, call_id, arguments_hash), wait_s)

    def identify(
        self, identities: Sequence[Named], *, as_proposed: bool = False, wait_s: float | None = None
    ) -> list[str]:
        """The pseudonyms that stand for these names, in order: those they have, or else the proposed ones from now on.

        With ``as_proposed`` each proposed one is kept, whatever else the name has: for pseudonyms that events bear
        already. Doing it again changes nothing. Raises :class:`ConfigurationError` where a pseudonym that is
        proposed stands for another name; up to 1000 are one round trip, all or none.
        """
        found: list[str] = []
        with self._asking(wait_s):
            for at in range(0, len(identities), _NAMES):
                some = identities[at : at + _NAMES]
                columns = (
                    [each.lookup for each in some],
                    [each.pseudonym for each in some],
                    [each.sealed for each in some],
                )
                found += self._rows("identify", (self._origin, *columns, as_proposed))[0][0]
        return found

    def vault_keys(self, holders: Sequence[tuple[str, str]], *, wait_s: float | None = None) -> list[VaultKey | None]:
        """The vault key of each holder, in order: the one it has, or else one that is its own from now on.

        A holder is a kind, ``subject`` or ``session``, and its name as events have it. ``None`` stands where the pool
        is empty; without a vault the list is empty. Asking again changes nothing. Up to 1000 are one round trip.
        """
        kinds, names = [kind for kind, _ in holders], [name for _, name in holders]
        rows = self._call("vault_keys", (self._origin, kinds, names), wait_s)
        return [None if row[0] is None else VaultKey(*row) for row in rows]

    def registry(self, *, wait_s: float | None = None) -> tuple[int, str] | None:
        """Number and text of the registry's newest version; ``None`` while nothing was loaded."""
        rows = self._call("registry", (self._origin, None), wait_s)
        return (rows[0][0], rows[0][1]) if rows else None

    def registry_version(self, *, wait_s: float | None = None) -> int:
        """The number of the registry's newest version, 0 while nothing was loaded."""
        return int(self._call("registry_version", (self._origin,), wait_s)[0][0])

    def note_unclassified(self, items: Iterable[tuple[str, str]], *, wait_s: float | None = None) -> None:
        """Notes what no registry names: kind (``tool``, ``source``, ``resource``) and name, up to 1024 bytes."""
        listed = sorted(set(items))
        with self._asking(wait_s):
            for at in range(0, len(listed), _NOTES):
                kinds, names = zip(*listed[at : at + _NOTES], strict=True)
                self._rows("note_unclassified", (self._origin, list(kinds), list(names)))

    def close(self) -> None:
        """Closes the connection, without waiting."""
        self._connection.close()

    def _describe(self, wait_s: float | None) -> tuple[str, str, int | None, int, int]:
        (described,) = self._call("describe_log", (self._origin,), wait_s)
        return cast("tuple[str, str, int | None, int, int]", described)

    def _patience(self, wait_s: float | None) -> str:
        """How long the server may wait for the log's lock in a call: milliseconds, as a setting takes them."""
        seconds = self._wait_s if wait_s is None else wait_s
        return str(max(1, int(1000 * _LOCK_SHARE * min(seconds, _DAY_S))))

    def _call(self, name: str, values: Sequence[object], wait_s: float | None) -> Rows:
        with self._asking(wait_s):
            return self._rows(name, values)

    @contextmanager
    def _asking(self, wait_s: float | None) -> Iterator[None]:
        """Bounds one call and keeps the promise of :attr:`broken`: left by anything but an answer, it is true."""
        seconds = self._wait_s if wait_s is None else wait_s
        if seconds <= 0:
            raise UnavailableError("no time was left to ask the database; nothing was recorded")
        self._unconfirmed.clear()
        try:
            with translated(), self._connection.within(seconds):
                yield
        except (UnbrokenError, AlreadyRecordedError) as error:
            if isinstance(error.__cause__, ReadOnlySqlTransaction):
                # A primary that became a standby: the next connection looks for the one that took its place.
                self.close()
            raise
        except BaseException:
            self.close()
            raise
        if self._unconfirmed:
            self.close()
            raise UnavailableError("the server stopped waiting for a standby, which may lack what was recorded")

    def _rows(self, name: str, values: Sequence[object]) -> Rows:
        with self._connection.cursor(binary=True) as cursor:
            try:
                return cast("Rows", cursor.execute(query(name), values).fetchall())
            except (FeatureNotSupported, InvalidSqlStatementName, DuplicatePreparedStatement):
                if self._connection.prepare_threshold is None:
                    raise
                # What was prepared is older than the function it calls, or gone. It did not run.
                self._connection.prepare_threshold = None
                return cast("Rows", cursor.execute(query(name), values).fetchall())

    def _durably(
        self, name: str, values: Sequence[object], *, newest: Callable[[Rows], tuple[int, bytes] | None]
    ) -> Rows:
        """The statement's rows, when all that was committed by then is as safe as a commit makes it.

        ``newest`` tells the entry that has to be there still, by number and hash. A crash takes what came last, and
        without a session of its own nobody would notice one that comes between the statement and its barrier.
        """
        if self._direct:
            rows, safe = in_one_trip(self._connection, (query(name), values), (query("barrier"), (None, None, None)))
            if isinstance(rows, psycopg.Error):
                raise rows
        else:
            rows = self._rows(name, values)
            safe = self._outcome("barrier", (self._origin, *(newest(rows) or (None, None))))
        if isinstance(safe, psycopg.Error):
            # It is done and others see it, but a crash may undo it.
            self.close()
            raise safe
        return rows

    def _outcome(self, name: str, values: Sequence[object]) -> Rows | psycopg.Error:
        try:
            return self._rows(name, values)
        except psycopg.Error as error:
            return error


def _known(
    state: str, writer: str, recorder: object, recorder_seq: int | None, *row: Any, log: str | None = None
) -> Known:
    if state != "recorded":
        return Known(state, writer, None, None, None, log)
    return Known(state, writer, str(recorder), recorder_seq, Row(*row), log)


def _newest(rows: Rows) -> tuple[int, bytes] | None:
    """Number and hash of the newest entry among receipts."""
    return max(((row[_SEQ], row[-1]) for row in rows if row[_SEQ] is not None), default=None)


def _keep_unconfirmed(unconfirmed: list[str], notice: psycopg.errors.Diagnostic) -> None:
    """Keeps the warning of a commit that somebody cancelled while it waited for a standby: it is no error."""
    if notice.source_function == "SyncRepWaitForLSN":
        unconfirmed.append(notice.sqlstate or "")
