"""Checkpoints, anchors' receipts and key statements as the database keeps them, and whether the log may go on.

What is read here is what the database says. Notes, receipts and statements are signed: whoever uses them verifies them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, cast

import msgspec
import psycopg

from unbroken.core.tree.tile import MAX_SIZE
from unbroken.errors import ConfigurationError
from unbroken.store.connection import Conninfo, connect, translated
from unbroken.store.migrations import require_schema
from unbroken.store.rows import first_of, rows_of
from unbroken.store.sql import query
from unbroken.store.tree import StoredTree


@dataclass(frozen=True, slots=True)
class NotaryState:
    """A log as its notary finds it, all of one moment; ``now`` is aware UTC, by the database's clock.

    ``head`` is the number of the newest entry and ``head_hash`` its hash, 0 and ``None`` in an empty log. ``size`` and
    ``root`` are those of the newest checkpoint, 0 and ``None`` before the first. The log takes entries if
    ``is_confirmed``; where it is closed for good, ``closed_because`` says why.
    """

    log: str
    head: int
    head_hash: bytes | None
    is_confirmed: bool
    closed_because: str | None
    size: int
    root: bytes | None
    now: datetime


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed checkpoint, and when it was signed, by the notary's clock, and stored; times are aware UTC."""

    size: int
    root: bytes
    note: str = field(repr=False)
    signed_at: datetime
    stored_at: datetime
    stored_by: str


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """An anchor's receipt, in bytes of the anchors' own format.

    ``at`` is when the anchor had it, by its own clock where it states one. Times are aware UTC.
    """

    anchor: str
    kind: str
    size: int
    root: bytes
    receipt: bytes = field(repr=False)
    at: datetime | None
    stored_at: datetime
    stored_by: str


@dataclass(frozen=True, slots=True)
class StoredKeyStatement:
    """A key statement as signed, what the database says that it states, and the entry that tells of it."""

    nth: int
    change: str
    key: str
    statement: str = field(repr=False)
    seq: int


@dataclass(frozen=True, slots=True)
class Continuity:
    """On which server the notary last found what it had signed; times are aware UTC.

    With ``started_at`` it has to look again after each start of the server; without it, on another server or time line
    only.
    """

    started_at: datetime | None
    system_identifier: int
    timeline: int
    size: int
    root: bytes
    confirmed_at: datetime
    confirmed_by: str
    closed_because: str | None
    closed_at: datetime | None
    closed_by: str | None


class Checkpoints:
    """One log's checkpoints and what belongs to them, over a connection in autocommit that somebody else closes.

    ``log`` is a full name, or an origin, which stands for the incarnation that is the newest now: :attr:`log` is the
    full name and stays, also when the log goes on under another one. Each method is one statement and one transaction.
    What reads is for every duty that may know of the log; the others say whom they are for. All raise
    :class:`AccessDeniedError` for other duties and :class:`UnavailableError` where the database does not answer.
    """

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]", log: str) -> None:
        self._connection = connection
        found = rows_of(connection, "find_log", {"name": log})
        if not found:
            raise ConfigurationError(f"there is no log {log!r} that this login may know of")
        self._number, self.log = int(found[0][0]), str(found[0][1])

    @classmethod
    @contextmanager
    def open(cls, conninfo: Conninfo, log: str, *, writes: bool = True) -> Iterator[Self]:
        """Over a connection of its own; without ``writes`` a standby will do."""
        connection = cast("psycopg.Connection[tuple[Any, ...]]", connect(conninfo, writes=writes))
        try:
            with translated():
                connection.execute(query("fixed_names"))
            require_schema(first_of(rows_of(connection, "newest_migration"))[0])
            yield cls(connection, log)
        finally:
            connection.close()

    @property
    def connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """The connection, for other questions about the same log."""
        return self._connection

    @property
    def tree(self) -> StoredTree:
        """The log's tree."""
        return StoredTree(self._connection, self.log)

    # ---- what stands here ----

    def newest(self) -> StoredCheckpoint | None:
        """The checkpoint of the largest tree; ``None`` before the first."""
        return next(iter(self.listed(limit=1)), None)

    def listed(self, *, limit: int, before: int = MAX_SIZE) -> list[StoredCheckpoint]:
        """Checkpoints of trees of less than ``before`` entries, the largest first."""
        return [StoredCheckpoint(*row) for row in self._rows("checkpoints_before", self._number, before, limit)]

    def of_size(self, size: int) -> StoredCheckpoint | None:
        """The checkpoint of the tree of exactly ``size`` entries."""
        rows = self._rows("checkpoint_of_size", self._number, size)
        return StoredCheckpoint(*rows[0]) if rows else None

    def covering(self, seq: int) -> StoredCheckpoint | None:
        """The first checkpoint whose tree has the entry ``seq``; ``None`` while there is none."""
        rows = self._rows("checkpoint_covering", self._number, seq)
        return StoredCheckpoint(*rows[0]) if rows else None

    def receipts(
        self, *, limit: int, anchor: str | None = None, least: int = 0, most: int = MAX_SIZE
    ) -> list[StoredReceipt]:
        """Receipts for trees of ``least`` to ``most`` entries, of one anchor or all, those for larger trees first."""
        given = {"log": self._number, "anchor": anchor, "least": least, "most": most, "limit": limit}
        return [StoredReceipt(*row) for row in rows_of(self._connection, "anchorings", given)]

    def key_statements(self) -> list[StoredKeyStatement]:
        """All statements about the keys that sign, in order."""
        return [StoredKeyStatement(*row) for row in self._rows("key_statements", self._number)]

    def continuity(self) -> Continuity | None:
        """On which server the log was confirmed; ``None`` where it has no notary yet."""
        rows = self._rows("continuity", self._number)
        return Continuity(*rows[0]) if rows else None

    # ---- the notary's ----

    def state(self) -> NotaryState:
        """How it stands with the log. For its notary."""
        return NotaryState(*self._one("notary_state", self.log))

    def barrier(self) -> None:
        """Returns when all that was committed by now is on disk: before, a crash may take back what was read.

        It is right for what was read over this connection, as long as no pooler stands between: a server that crashes
        takes its connections along. For notary and verifier.
        """
        self._one("barrier", None, None, None)

    def store(self, size: int, root: bytes, note: str, *, signed_at: datetime, each_start: bool) -> None:
        """Lays a signed checkpoint down; a later note for the newest tree takes the earlier one's place.

        The first makes the log depend on its notary: from then on it takes entries only where this was confirmed, with
        ``each_start`` after each start of the server. Raises :class:`ContradictionError` for an older or another tree,
        :class:`ContinuityError` where the log is closed or this start not confirmed. For the notary.
        """
        self._one("store_checkpoint", self.log, size, root, note, signed_at, each_start)

    def confirm(self, size: int, root: bytes, *, each_start: bool) -> None:
        """The notary has found the tree of its last checkpoint here: the log takes entries on this server.

        Raises :class:`ContradictionError` where the log ends before it or was confirmed for a later one, and
        :class:`ContinuityError` where it is closed. For the notary.
        """
        self._one("confirm_continuity", self.log, size, root, each_start)

    def close_log(self, why: str) -> None:
        """The log takes no entries any more, until it is recovered. For the notary."""
        self._one("close_log", self.log, why)

    def store_receipt(
        self, receipt: bytes, *, anchor: str, kind: str, size: int, root: bytes, at: datetime | None
    ) -> None:
        """Keeps what an anchor answered, once however often it is brought. For the notary."""
        self._one("store_receipt", self.log, anchor, kind, size, root, receipt, at)

    def store_key_statement(self, statement: str, *, change: str, key: str) -> int:
        """Puts a key statement on record; the number of its entry, also when it was there already. For the notary."""
        return int(self._one("store_key_statement", self.log, change, key, statement)[0])

    def raise_alarm(self, alarm: str, details: Mapping[str, str | int | bool]) -> int | None:
        """Puts an alarm on record; the entry's number, ``None`` where it was told within the hour. For the notary."""
        seq = self._one("raise_alarm", self.log, alarm, _json(details))[0]
        return None if seq is None else int(seq)

    # ---- others' ----

    def number_of(self, entry_id: str) -> int | None:
        """The number of the entry with this id; ``None`` where there is none. For the verifier."""
        rows = self._rows("number_of_id", self._number, entry_id)
        return int(rows[0][0]) if rows else None

    def record_verification(self, details: Mapping[str, str | int | bool]) -> int:
        """Puts on record what a verification came to; the entry's number. For the verifier."""
        return int(self._one("record_verification", self.log, _json(details))[0])

    def record_export(self, ticket: str, details: Mapping[str, object]) -> int:
        """Puts on record what is going to be handed out under an open ticket of this login; the entry's number."""
        return int(self._one("record_export", self.log, ticket, _json(details))[0])

    def _rows(self, name: str, *given: object) -> list[tuple[Any, ...]]:
        return rows_of(self._connection, name, given)

    def _one(self, name: str, *given: object) -> tuple[Any, ...]:
        return first_of(self._rows(name, *given))


def _json(details: Mapping[str, object]) -> str:
    return msgspec.json.encode(dict(details)).decode()
