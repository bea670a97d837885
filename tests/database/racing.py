"""Two statements at one moment, on connections of their own, so that now one and now the other comes first."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import LOG, Database
from tests.database.raw import Connection

_LEAST_S, _MOST_S = 0.0002, 0.02
Answer = tuple[Any, ...] | str
"""A row, or the SQLSTATE of a refusal."""


@dataclass(frozen=True)
class Call:
    """A function of the log, by a login."""

    login: str
    function: str
    given: tuple[Any, ...]

    def on(self, connection: Connection) -> Answer:
        """Makes it."""
        arguments = sql.SQL(", ").join([sql.Placeholder()] * (1 + len(self.given)))
        statement = sql.SQL("select * from unbroken.{}({})").format(sql.Identifier(self.function), arguments)
        try:
            return connection.execute(statement, (LOG, *self.given)).fetchone() or ()
        except psycopg.Error as error:
            return error.sqlstate or "lost"


class Logins:
    """A connection of each login, kept open: where hundreds of rounds are made, connecting is what takes long."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections: dict[str, Connection] = {}

    def __getitem__(self, login: str) -> Connection:
        if login not in self._connections:
            self._connections[login] = self._database.connect(login)
        return self._connections[login]

    def does(self, login: str, function: str, *given: Any) -> tuple[Any, ...]:
        """What has to be done."""
        answer = Call(login, function, given).on(self[login])
        assert not isinstance(answer, str), (function, answer)
        return answer

    def close(self) -> None:
        """Everybody leaves."""
        for connection in self._connections.values():
            connection.close()


class Racing:
    """Makes two calls at one moment. Whoever came first is held back more the next time, the more the more often."""

    def __init__(self, database: Database) -> None:
        self._sides = (Logins(database), Logins(database))
        self._head_start_s = 0.0
        self._step_s = _LEAST_S

    def both(self, first: Call, second: Call) -> tuple[Answer, Answer]:
        """What both are answered."""
        answers: list[Answer] = ["", ""]
        start = threading.Barrier(2)
        delays = (max(0.0, -self._head_start_s), max(0.0, self._head_start_s))

        def make(side: int, call: Call) -> None:
            connection = self._sides[side][call.login]
            start.wait(timeout=30)
            time.sleep(delays[side])
            answers[side] = call.on(connection)

        threads = [threading.Thread(target=make, args=each) for each in enumerate((first, second))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return answers[0], answers[1]

    def second_was_first(self, yes: bool) -> None:
        """Tells how the last one went."""
        again = yes == (self._step_s > 0)
        step = abs(self._step_s) * (2 if again else 0.25)
        self._step_s = min(max(step, _LEAST_S), _MOST_S) * (1 if yes else -1)
        self._head_start_s += self._step_s

    def close(self) -> None:
        """Ends the connections."""
        for side in self._sides:
            side.close()
