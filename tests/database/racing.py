"""Two statements at once on connections of their own, started so that now one and now the other comes first."""

import random
import threading
import time
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.conftest import LOG, Database
from tests.database.raw import Connection


@dataclass(frozen=True)
class Call:
    """A function of a log, by a login."""

    login: str
    function: str
    given: tuple[Any, ...]
    log: str = LOG

    def on(self, connection: Connection) -> tuple[Any, ...] | str:
        """What it answers, or the SQLSTATE of its refusal."""
        places = ", ".join(["%s"] * (1 + len(self.given)))
        try:
            row = connection.execute(f"select * from unbroken.{self.function}({places})".encode(), (self.log, *self.given))
            return row.fetchone() or ()
        except psycopg.Error as error:
            return error.sqlstate or "lost"


class Racing:
    """Has two calls made at one moment. Whoever came first is held back a little the next time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections: dict[tuple[int, str], Connection] = {}
        self._lead_s = 0.0
        self._chance = random.Random(7391)  # noqa: S311 - moments, no secret

    def both(self, first: Call, second: Call) -> tuple[tuple[Any, ...] | str, tuple[Any, ...] | str]:
        """What both are answered."""
        answers: list[tuple[Any, ...] | str] = ["", ""]
        start = threading.Barrier(2)
        delays = (max(0.0, -self._lead_s), max(0.0, self._lead_s))

        def make(at: int, call: Call) -> None:
            connection = self._connection(at, call.login)
            start.wait(timeout=30)
            until = time.monotonic() + delays[at] + self._chance.random() * 0.0005
            while time.monotonic() < until:
                pass
            answers[at] = call.on(connection)

        threads = [threading.Thread(target=make, args=(at, call)) for at, call in enumerate((first, second))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return answers[0], answers[1]

    def came_first(self, which: int) -> None:
        """Tells which of the last two was first, so that the other has a better chance."""
        self._lead_s += 0.0002 if which == 1 else -0.0002

    def close(self) -> None:
        """Ends the connections."""
        for connection in self._connections.values():
            connection.close()

    def _connection(self, at: int, login: str) -> Connection:
        if (at, login) not in self._connections:
            self._connections[at, login] = self._database.connect(login)
        return self._connections[at, login]
