"""The statements of an installation as text, for a database whose administrator runs them and not this package."""

import hashlib
from collections.abc import Iterator
from typing import Final

import psycopg
from psycopg import sql

from unbroken.errors import SchemaError
from unbroken.store.connection import Connection, translated
from unbroken.store.migrations import fingerprint, is_guarded, numbered, state_of
from unbroken.store.sql import query, script, scripts

_HEAD: Final = """\
-- What `unbroken init` would execute in database {database}; made for the state that it is in now.
-- Stop at the first error: psql --set ON_ERROR_STOP=1 --file ...
"""
_ROLES: Final = """\
-- The roles that unbroken needs. They belong to the server, not to a database: for a role with CREATEROLE, once.
"""


def roles_script() -> str:
    """The statements that make the owner and the groups; they change nothing where they were run before."""
    return _ROLES + script("roles")


def migration_script(connection: Connection, *, again: bool, guards: bool) -> str:
    """What brings this database to the release; nothing where it is there already, unless ``again``.

    With ``again`` everything is replaced and given back to the owner, as a restore needs it; that, and the ``guards``
    against DDL, only a superuser can do. Needs a login that may read which migrations were applied; raises
    :class:`SchemaError` where they are not this release's.
    """
    with translated():
        state = state_of(connection)
        if state == "current" and not again and (is_guarded(connection) or not guards):
            return ""
        applied = set() if state == "absent" else _applied(connection)
        head = _HEAD.format(database=connection.info.dbname)
        return head + "\n".join(_statements(connection, applied, again=again, guards=guards)) + "\n"


def _applied(connection: Connection) -> set[object]:
    """The numbers of the migrations that this database has, each as it stands in this release."""
    known = {number: hashlib.sha256(text.encode()).digest() for number, _, text in numbered()}
    found = {row[0]: row[2] for row in connection.execute(query("applied_migrations"))}
    strange = sorted(str(number) for number, checksum in found.items() if known.get(int(str(number))) != checksum)
    if strange:
        raise SchemaError(f"this database has migrations that this release does not know: {', '.join(strange)}")
    return set(found)


def _statements(connection: Connection, applied: set[object], *, again: bool, guards: bool) -> Iterator[str]:
    yield "begin;"
    yield query("migration_lock") + ";"
    yield script("roles")
    if guards:
        yield script("ddl_guard_off")
    yield script("become_owner")
    yield script("schema")
    if again:
        yield script("reclaim")
    yield "set local role unbroken_owner;"
    yield script("migrations")
    for number, name, text in numbered():
        if number not in applied:
            yield text
            yield _rendered(connection, "record_migration", number, name, hashlib.sha256(text.encode()).digest())
    for functions in scripts("functions"):
        yield script(functions)
    yield script("policies")
    yield script("privileges")
    yield query("adopt_grants") + ";"
    yield sql.SQL("comment on schema unbroken is {};").format(fingerprint()).as_string(connection)
    yield "reset role;"
    if guards:
        yield script("ddl_guard")
    yield script("leave_owner")
    yield "commit;"


def _rendered(connection: Connection, name: str, *values: object) -> str:
    return psycopg.ClientCursor(connection).mogrify(query(name), values) + ";"
