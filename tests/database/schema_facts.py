"""Writes the manifest of the release's schema anew: ``python -m tests.database.schema_facts``.

From fresh installations on every server that the tests use, and on those that are named by the connection strings
given as arguments, each as a superuser. Where versions of PostgreSQL print an expression differently, every printing
is written: all of them stand for the same source.
"""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from psycopg import conninfo, sql

from tests.conftest import _SERVERS, LOG
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.facts import MANIFEST, Fact, manifest, read_facts, read_guards
from unbroken.store.migrations import install
from unbroken.store.sql import query

_PATH: Final = Path(__file__).parents[2] / "src" / "unbroken" / "store" / "sql" / MANIFEST

_HEAD: Final = """\
# What the schema of this release is, fact by fact: what `unbroken db check` holds a database against.
# Made from fresh installations; after any change of the schema: python -m tests.database.schema_facts
"""


def fresh_facts(superuser: str) -> list[Fact]:
    """The facts of a fresh installation in a database of its own on the server of this connection string."""
    name = f"facts_{uuid.uuid4().hex}"
    with connect(superuser) as admin:
        admin.execute(sql.SQL("create database {} template template0 encoding utf8").format(sql.Identifier(name)))
        try:
            with connect(conninfo.make_conninfo(superuser, dbname=name)) as connection:
                install(connection)
                administration.create_log(connection, LOG)
                with connection.transaction():
                    connection.execute(query("steady", of="check"))
                    return [*read_facts(connection), *read_guards(connection)]
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _superusers(others: list[str]) -> Iterator[str]:
    for kind, servers in _SERVERS.items():
        try:
            for server in servers():
                yield server.conninfo("postgres", "postgres")
        except pytest.skip.Exception:
            print(f"without {kind}: what only it prints is left out", file=sys.stderr)
    yield from others


if __name__ == "__main__":
    found = [fact for superuser in _superusers(sys.argv[1:]) for fact in fresh_facts(superuser)]
    _PATH.write_text(_HEAD + "\n".join(manifest(found)) + "\n", encoding="utf-8")
