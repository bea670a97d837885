"""After a restore: doing erasures again, opening reading, and continuing a log. For whoever installs, as the owner."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from unbroken.core.entry import Head
from unbroken.errors import ConfigurationError
from unbroken.store.administration import as_owner
from unbroken.store.connection import Connection, translated
from unbroken.store.erasures import PersonFound, Steps
from unbroken.store.sql import query

LEAVES: Final = 65_536
"""Hashes that one statement gives."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a log takes entries: ``closed_because`` says why not any more, ``is_confirmed`` whether its notary has
    found its last checkpoint on this server; ``is_watched`` tells whether it has a notary at all.
    """

    closed_because: str | None
    is_watched: bool
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Duty:
    """A login's duty as it would be carried over, and whether there still is such a login."""

    login: str
    duty: str
    granted_at: datetime
    exists: bool


@dataclass(frozen=True, slots=True)
class Continued:
    """The incarnation that continues a log, and what it took along; ``registry`` is the version that is its first."""

    log: str
    grants: int
    names: int
    registry: int | None


class Recovery(Steps):
    """One log that a backup was restored of, or that another server took over."""

    def __init__(self, connection: Connection, log: str) -> None:
        self._connection = connection
        self._number, self.log = self._find(log)

    def incarnations(self) -> list[str]:
        """The full names of all incarnations of this log, in order."""
        return [str(row[1]) for row in self._rows("incarnations", (self._number,))]

    def standing(self) -> Standing:
        """Whether it takes entries."""
        return Standing(*self._one("log_standing", {"log": self._number}))

    def duties(self) -> list[Duty]:
        """Who holds which duty."""
        return [Duty(*row) for row in self._rows("held_duties", (self._number,))]

    def statements(self) -> list[str]:
        """What the database has of statements about the log's keys, in order."""
        return [str(row[0]) for row in self._rows("stated_keys", (self._number,))]

    def stored_note(self) -> str | None:
        """The newest checkpoint that the database has of it."""
        return next((str(row[0]) for row in self._rows("newest_stored_note", (self._number,))), None)

    def leaves(self, upto: int) -> Iterator[bytes]:
        """The hashes of the entries up to ``upto``, concatenated, some at a time; it ends where one is missing."""
        after = 0
        while after < upto:
            count, hashes = self._one("leaves_as_owner", {"log": self._number, "after": after, "limit": LEAVES})
            yield bytes(hashes or b"")
            if count != min(LEAVES, upto - after):
                return
            after += count

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that is done as a whole or not at all."""
        with translated(), self._connection.transaction():
            yield

    def continue_log(
        self,
        kept: Head,
        *,
        incarnation: int,
        lost_from: int,
        anchored: Mapping[str, Any] | None,
        also_lost: Sequence[str],
        reason: str,
        without_people: Sequence[str] = (),
        without_logins: Sequence[str] = (),
    ) -> Continued:
        """Goes on under the ``incarnation``; raises :class:`ContradictionError` if the log ends elsewhere by now."""
        said = None if anchored is None else Jsonb(anchored)
        given = (self.log, kept.seq, bytes.fromhex(kept.hash), incarnation, lost_from, said, list(also_lost), reason)
        return Continued(*self._one("continue_log", (*given, list(without_people), list(without_logins))))

    def _find(self, log: str) -> tuple[int, str]:
        rows = self._rows("find_log", {"name": log})
        if not rows:
            raise ConfigurationError(f"there is no log {log!r} here")
        return int(rows[0][0]), str(rows[0][1])

    def is_open(self) -> bool:
        """Whether people may read on this server."""
        return bool(self._one("is_recovered", (self.log,))[0])

    def find(self, subjects: Sequence[str], *, with_acted: bool) -> PersonFound:
        """What there is of a person now."""
        return PersonFound(*self._one("erasures_of_person", (self.log, list(subjects), with_acted)))

    def held(self, *, subjects: Sequence[str], keys: Sequence[str], with_acted: bool, upto: datetime) -> int:
        """How many entries of what an order names a legal hold keeps."""
        given = {"subjects": list(subjects), "keys": list(keys), "with_acted": with_acted, "upto": upto}
        return int(self._one("held_erasure", given | {"log": self.log})[0])

    def reapply(
        self,
        erasure: str,
        *,
        subjects: Sequence[str],
        keys: Sequence[str],
        with_acted: bool,
        upto: datetime,
        order: str,
    ) -> int | None:
        """Destroys keys and names once more; the entry's number, ``None`` where it is all done here already.

        Raises :class:`HeldError` where a legal hold keeps any of it.
        """
        given = (self.log, erasure, list(subjects), list(keys), with_acted, upto, order)
        seq = self._one("reapply_erasure", given)[0]
        return None if seq is None else int(seq)

    def head(self) -> Head:
        """The log's end."""
        rows = self._rows("head", (self._number,))
        return Head(rows[0][0], rows[0][1].hex()) if rows else Head(0, "0" * 64)

    def now(self) -> datetime:
        """The time by the database's clock."""
        moment: datetime = self._one("time_now")[0]
        return moment

    def open_reads(self) -> int | None:
        """Lets people read on this server; the entry's number, ``None`` where they may already."""
        seq = self._one("open_reads", (self.log,))[0]
        return None if seq is None else int(seq)

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        with as_owner(self._connection), self._connection.cursor(binary=True) as cursor:
            return cursor.execute(query(name), given).fetchall()
