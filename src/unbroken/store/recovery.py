"""After a restore: doing erasures again, and opening reading. For whoever installs, as the owner, a step at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from unbroken.core.entry import Head
from unbroken.errors import ConfigurationError
from unbroken.store.administration import as_owner
from unbroken.store.connection import Connection
from unbroken.store.erasures import PersonFound, Steps
from unbroken.store.sql import query


class Recovery(Steps):
    """One log that a backup was restored of, or that another server took over."""

    def __init__(self, connection: Connection, log: str) -> None:
        self._connection = connection
        self._number, self.log = self._find(log)

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
        """Destroys keys and names once more; the entry's number, ``None`` where it is all done here already."""
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
