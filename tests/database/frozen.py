"""Server processes that are stopped in the middle, as on a machine that hangs: alive, and silent."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.faults.processes import send, working_in


@contextmanager
def frozen_server(database: Database) -> Iterator[None]:
    """Every process of the server, the postmaster first, so that it makes no new ones."""
    data = Path(_only(database.admin, "show data_directory")).resolve()
    postmaster = int((data / "postmaster.pid").read_text().splitlines()[0])
    if not working_in(data):
        pytest.skip("processes can be looked at on Linux only")
    try:
        send([postmaster], signal.SIGSTOP)
        send(working_in(data), signal.SIGSTOP)
        yield
    finally:
        send(working_in(data), signal.SIGCONT)


@contextmanager
def frozen_backend(database: Database) -> Iterator[None]:
    """The one process that serves the login ``writer``."""
    (pid,) = backends(database)
    try:
        send([pid], signal.SIGSTOP)
        yield
    finally:
        send([pid], signal.SIGCONT)


def backends(database: Database, login: str = "writer") -> list[int]:
    """The processes that serve a login in this database."""
    found = database.admin.execute(
        "select pid from pg_stat_activity where datname = %s and usename = %s order by pid", (database.name, login)
    )
    return [row[0] for row in found]


def _only(connection: psycopg.Connection[tuple[str, ...]], statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]
