"""The database's functions as people call them: each by a login of its own, answered or refused."""

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import LOG, Database
from tests.database.raw import Connection


@dataclass(frozen=True)
class Refused:
    """The database said no, with this SQLSTATE."""

    state: str | None
    said: str = field(compare=False, default="")


@dataclass
class Doors:
    """A connection for each login that came."""

    database: Database
    _open: dict[str, Connection] = field(default_factory=dict)

    def of(self, login: str) -> Connection:
        """The login's connection; a new one where the last was ended."""
        if login not in self._open or self._open[login].closed:
            self._open[login] = self.database.connect(login)
        return self._open[login]

    def ask(self, login: str, function: str, *given: Any) -> tuple[Any, ...] | Refused:
        """What a function of the log answers a login, as a row; nothing where it gives none."""
        try:
            row = self.of(login).execute(calling(function, len(given)), (LOG, *given)).fetchone()
        except psycopg.Error as error:
            return Refused(error.sqlstate, str(error))
        return row or ()

    def does(self, login: str, function: str, *given: Any) -> tuple[Any, ...]:
        """The same where it has to be done."""
        answer = self.ask(login, function, *given)
        assert not isinstance(answer, Refused), (function, answer)
        return answer

    def rows(self, statement: str, *given: Any) -> list[tuple[Any, ...]]:
        """What a superuser reads."""
        return self.database.admin.execute(statement.encode(), given or None).fetchall()

    def close(self) -> None:
        """Everybody leaves."""
        for connection in self._open.values():
            connection.close()
        self._open = {}

    def amid(self, login: str, function: str, *given: Any) -> "Amid":
        """The same call on a connection of its own, to be ended in the middle."""
        return Amid(self.database, login, function, given)


@dataclass
class Amid:
    """A call that another session ends at some moment: when it comes to a row that is locked, or after a while."""

    database: Database
    login: str
    function: str
    given: tuple[Any, ...]

    def ended(self, *, at_row: tuple[str, int] | None, after_s: float) -> None:
        """Runs it and has its backend ended; whether it was through by then, only the database can tell.

        ``at_row`` names a table and an entry that it is kept waiting at.
        """
        with self.database.connect("postgres") as holder, closing(self.database.connect(self.login)) as connection:
            if at_row is not None:
                table, seq = at_row
                holder.execute("begin")
                lock = sql.SQL("select from unbroken.{} where seq = %s for update").format(sql.Identifier(table))
                holder.execute(lock, (seq,))
            connection.pgconn.send_query_params(*self._sent(connection))
            holder.execute("select pg_sleep(%s)", (after_s,))
            holder.execute("select pg_terminate_backend(%s, 10000)", (connection.info.backend_pid,))

    def _sent(self, connection: Connection) -> tuple[bytes, list[bytes]]:
        """The call as one text, with everything quoted in it."""
        cursor = psycopg.ClientCursor(connection)
        return cursor.mogrify(calling(self.function, len(self.given)), (LOG, *self.given)).encode(), []


def calling(function: str, more: int) -> sql.Composed:
    """The call of a function whose first argument is the log."""
    arguments = sql.SQL(", ").join([sql.Placeholder()] * (1 + more))
    return sql.SQL("select * from unbroken.{}({})").format(sql.Identifier(function), arguments)
