"""A database with a target in it, and connections to it as whoever attacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from tests.attacks.target import OUTSIDERS, Target
from tests.conftest import Server

Connection = psycopg.Connection[tuple[Any, ...]]

_PATIENCE: Final = "set statement_timeout = '20s'"


@dataclass(frozen=True)
class Scene:
    """The database ``name``. Whatever is done to it goes no further: it is dropped afterwards."""

    server: Server
    name: str
    target: Target

    def connect(self, who: str) -> Connection:
        """A session of its own for a duty's login or an outsider, with a transaction that nothing has committed yet.

        No login can become the owner, and none is a superuser: ``owner`` is a superuser's session after SET ROLE,
        ``superuser`` that session itself, ``replica`` the same under session_replication_role.
        """
        roles = {**self.target.logins, **{name: f"attack_{name}" for name in OUTSIDERS}}
        connection = psycopg.connect(self.server.conninfo(roles.get(who, "postgres"), self.name))
        if who not in roles:
            connection.execute(_PATIENCE)
        if who == "owner":
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(self.target.owner)))
        elif who == "replica":
            connection.execute("set session_replication_role = replica")
        elif who not in roles:
            assert who == "superuser", who
        connection.commit()
        return connection

    def statement(self, template: str) -> str:
        """The catalogue's statement with this target's names in it."""
        return template.format_map({**self.target.names, "database": self.name})

    def value(self, statement: str) -> Any:
        """What a superuser is given: the first column of the first row."""
        with psycopg.connect(self.server.conninfo("postgres", self.name), autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return None if row is None else row[0]

    def findings(self) -> tuple[str, ...]:
        return self.target.findings(self.server, self.name)


@contextmanager
def outsiders(server: Server) -> Iterator[None]:
    """Makes the logins without a duty for as long as the block lasts."""
    for name, role in OUTSIDERS.items():
        server.execute("create role {} login", f"attack_{name}")
        if role is not None:
            server.execute("grant {} to {}", role, f"attack_{name}")
    try:
        yield
    finally:
        for name in OUTSIDERS:
            server.execute("drop role {}", f"attack_{name}")
