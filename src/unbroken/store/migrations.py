"""Bringing a database to the schema of this release: numbered migrations, then functions, views and privileges.

There is one way to a schema: all migrations in order, each once, under a lock, recorded with its checksum; then the
files of ``sql/functions``, which replace what is there. A new database takes the same way as an old one.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Final, Literal, LiteralString

from psycopg import errors as pg
from psycopg import sql

from unbroken.errors import ConfigurationError, SchemaError
from unbroken.store.connection import Connection, translated
from unbroken.store.sql import query, script, scripts

NEWEST: Final = max(int(name.split("/")[1][:4]) for name in scripts("migrations"))
"""The number of the newest migration that this release knows."""

_TRIES: Final = 5

State = Literal["absent", "older", "current"]

_NUMBERED = re.compile(r"migrations/(\d{4})_([a-z_]+)")


def install(connection: Connection) -> list[str]:
    """Makes the roles, the schema and all that is in it, and returns the migrations that were applied.

    ``connection`` needs CREATEROLE and CREATE on the database, no SUPERUSER; the guards against DDL, which only a
    superuser can make, are left out without one. Does nothing where all is up to date; safe to run again and by
    several processes at once.
    """
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise ConfigurationError("unbroken needs a database in UTF8: create one with encoding utf8, template template0")
    for _ in range(_TRIES - 1):
        # Roles belong to the server, which the lock of one database does not cover.
        with translated(), suppress(pg.UniqueViolation, pg.DuplicateObject, pg.InternalError_):
            return _install(connection)
    with translated():
        return _install(connection)


def _install(connection: Connection) -> list[str]:
    with connection.transaction():
        connection.execute(query("migration_lock"))
        superuser = _scalar(connection, "is_superuser")
        if state_of(connection) == "current" and (is_guarded(connection) or not superuser):
            return []
        connection.execute(script("roles"))
        if superuser:
            connection.execute(script("ddl_guard_off"))
        connection.execute(script("become_owner"))
        connection.execute(script("schema"))
        connection.execute("set local role unbroken_owner")
        applied = _migrate(connection)
        connection.execute(sql.SQL("comment on schema unbroken is {}").format(fingerprint()))
        connection.execute("reset role")
        if superuser:
            connection.execute(script("ddl_guard"))
        connection.execute(script("leave_owner"))
    return applied


def _migrate(connection: Connection) -> list[str]:
    connection.execute(script("migrations"))
    present = {row[0]: row[2] for row in connection.execute(query("applied_migrations"))}
    applied = []
    for number, name, text in numbered():
        checksum = hashlib.sha256(text.encode()).digest()
        if number not in present:
            connection.execute(text)
            connection.execute(query("record_migration"), (number, name, checksum))
            applied.append(name)
        elif present[number] != checksum:
            raise SchemaError(f"migration {number} in this database is not the one of this release")
    if present and max(present) > NEWEST:  # type: ignore[type-var, operator]
        raise SchemaError(f"this database has migrations newer than this release: upgrade unbroken (it knows {NEWEST})")
    for functions in scripts("functions"):
        connection.execute(script(functions))
    connection.execute(script("policies"))
    connection.execute(script("privileges"))
    connection.execute(query("adopt_grants"))
    return applied


@cache
def fingerprint() -> str:
    """What the schema's comment holds when it is exactly this release's."""
    names = [*scripts("migrations"), *scripts("functions"), "policies", "privileges", "ddl_guard", "roles"]
    return "unbroken " + hashlib.sha256("".join(map(script, names)).encode()).hexdigest()


def state_of(connection: Connection) -> State:
    """Whether the database has this release's schema, an older one (or a newer), or none."""
    found = _scalar(connection, "schema_fingerprint")
    if found is None:
        return "absent"
    return "current" if found == fingerprint() else "older"


def is_guarded(connection: Connection) -> bool:
    """Whether the guards against DDL stand, which only a superuser can make."""
    return _scalar(connection, "ddl_guard_stands") is True


def numbered() -> Iterator[tuple[int, str, LiteralString]]:
    """Number, name and text of each migration, in order."""
    for name in scripts("migrations"):
        match = _NUMBERED.fullmatch(name)
        if match is None:
            raise SchemaError(f"not the name of a migration: {name}")
        yield int(match[1]), match[2], script(name)


def require_schema(newest: int | None, *, oldest: int = 1) -> None:
    """Raises :class:`SchemaError` unless a database at migration ``newest`` and this release serve each other."""
    if newest is None or newest < NEWEST:
        raise SchemaError(f"the schema is too old (migration {newest}, needed {NEWEST}): run `unbroken init` again")
    if oldest > NEWEST:
        raise SchemaError(f"the schema is too new (it serves releases from migration {oldest}): upgrade unbroken")


def _scalar(connection: Connection, name: str) -> object:
    row = connection.execute(query(name)).fetchone()
    return None if row is None else row[0]
