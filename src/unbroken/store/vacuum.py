"""Getting what was deleted out of the database's files, as far as a login can, and what stands in the way.

A deleted row leaves its bytes in the file. Rewriting the table (``full``) leaves them behind with the old file, which
goes with the next checkpoint; a plain vacuum only lets others write over them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import sql

from unbroken.errors import AccessDeniedError, UnavailableError
from unbroken.store.connection import Connection, translated
from unbroken.store.sql import query, script

SECRET: Final = ("identities", "wrapped_keys")
"""Tables that are always rewritten: they are small, and a row that stays in the file is the erasure undone."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table to vacuum, with its size in bytes; ``full`` tells that it is rewritten, and locked meanwhile."""

    name: str
    size: int
    full: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """Something that may keep deleted rows where they are: what, which, since when (aware UTC) where it is known."""

    kind: str
    name: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Remains:
    """What a server still holds of what was written before; ``None`` for what this login may not know.

    WAL on the server, and the time of its oldest file (aware UTC); whether it is archived; replication slots and
    standbys.
    """

    wal_files: int | None
    wal_bytes: int | None
    wal_since: datetime | None
    archiving: bool
    slots: int
    standbys: int


class Vacuuming:
    """One database's files, for a superuser or whoever installs; others get :class:`AccessDeniedError`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._superuser = bool(self._row("is_superuser")[0])

    def tables(self, *, full: bool) -> list[Table]:
        """What there is: the two secret tables, and the partitions that hold payloads and originals."""
        with self._as_owner(), translated():
            rows = self._connection.execute(query("vacuum_tables")).fetchall()
        return [Table(str(name), int(str(size)), full or name in SECRET) for name, size in rows]

    def vacuum(self, table: Table) -> int | None:
        """Vacuums a table and takes fresh statistics, which hold values too; its size then, ``None`` if it was in use.

        A table that is rewritten is locked against everybody, so it is waited for only shortly.
        """
        # A few rows are left in the indexes else, and ANALYZE counts them as if they were there.
        options = sql.SQL("full, analyze" if table.full else "index_cleanup on, analyze")
        command = sql.SQL("vacuum ({}) unbroken.{}").format(options, sql.Identifier(table.name))
        try:
            with self._as_owner(), translated():
                self._connection.execute(query("vacuum_patience"))
                self._connection.execute(command)
        except UnavailableError as error:
            if getattr(error.__cause__, "sqlstate", None) != "55P03":
                raise
            return None
        return next(each.size for each in self.tables(full=table.full) if each.name == table.name)

    def rewrite_statistics(self) -> bool:
        """Rewrites the statistics, in which samples of deleted values may stand; whether this login may."""
        if self._superuser:
            with translated():
                self._connection.execute(query("forget_samples"))
                self._connection.execute(query("vacuum_statistics"))
        return self._superuser

    def checkpoint(self) -> bool:
        """Has the server let go of the files that were replaced; whether this login may."""
        try:
            with translated():
                self._connection.execute(query("checkpoint"))
        except AccessDeniedError:
            return False
        return True

    def holders(self) -> list[Holder]:
        """What may keep deleted rows where they are: transactions, prepared ones, slots, standbys."""
        with translated():
            rows = self._connection.execute(query("vacuum_holders")).fetchall()
        return [Holder(str(kind), str(name), _time(since)) for kind, name, since in rows]

    def remains(self) -> Remains:
        """What the server still holds."""
        archiving, slots, standbys = self._row("vacuum_remains")
        try:
            files, size, since = self._row("vacuum_wal")
        except AccessDeniedError:
            files, size, since = None, None, None
        return Remains(
            None if files is None else int(str(files)),
            None if size is None else int(str(size)),
            _time(since),
            bool(archiving),
            int(str(slots)),
            int(str(standbys)),
        )

    @contextmanager
    def _as_owner(self) -> Iterator[None]:
        """The block as the schema's owner, outside a transaction, in which nothing can be vacuumed."""
        if self._superuser:
            yield
            return
        with translated():
            self._connection.execute(script("become_owner"))
            self._connection.execute(query("set_owner"))
        try:
            yield
        finally:
            with translated():
                self._connection.execute(script("leave_owner"))

    def _row(self, name: str) -> tuple[object, ...]:
        with translated():
            row = self._connection.execute(query(name)).fetchone()
        return row or ()


def _time(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
