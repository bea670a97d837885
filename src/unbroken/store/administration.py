"""What an administrator does: logs and logins. Runs as the owner for one transaction at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from psycopg import sql

from unbroken.errors import ConfigurationError
from unbroken.store.connection import Connection, translated
from unbroken.store.rows import first_of
from unbroken.store.sql import query, script

DUTIES: Final = (
    "writer",
    "server",
    "ops",
    "compliance",
    "legal",
    "dpo",
    "subjects",
    "retention",
    "verifier",
    "access",
    "notary",
)
"""What a login may be for; the group of each is ``unbroken_<duty>``."""

_RECORDING: Final = {
    "statement_timeout": "10s",
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "5s",
    "transaction_timeout": "30s",
    "client_connection_check_interval": "2s",
    "default_transaction_isolation": "read committed",
}
_READING: Final = {
    "statement_timeout": "1min",
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "1min",
    # Compiling a policy's checks takes longer than any page of an answer.
    "jit": "off",
}
TIMEOUTS: Final = {
    "writer": _RECORDING,
    "server": _RECORDING,
    "verifier": {**_READING, "statement_timeout": "5min"},
}
"""Defaults of a login, where they are not those of a reader. They bound accidents: a login can reset its own."""

Basis = Literal["granted", "requested"]


@dataclass(frozen=True, slots=True)
class Granting:
    """What became of a grant: the entry's number, and the request where a second person has to confirm it."""

    state: Basis
    request: str | None
    seq: int


@contextmanager
def as_owner(connection: Connection) -> Iterator[None]:
    """The block in one transaction as the schema's owner; raises the errors of :mod:`unbroken.errors`."""
    with translated(), connection.transaction():
        connection.execute(script("become_owner"))
        connection.execute("set local role unbroken_owner")
        yield
        connection.execute(script("leave_owner"))


def create_log(connection: Connection, origin: str) -> None:
    """Makes the log named ``origin``; does nothing when there is one."""
    if not origin or len(origin.encode()) > 255 or "~" in origin or not origin.isprintable():
        raise ConfigurationError("a log's name is 1 to 255 bytes of printable text without '~'")
    with as_owner(connection):
        connection.execute(query("create_log"), (origin,))


def add_login(connection: Connection, name: str, *, duty: str, password: str | None) -> bool:
    """Makes the login ``name`` for one duty, with time-outs; what it may do it with is for :func:`install_grant`.

    A login that is there is kept, with its password. Returns whether it was made.
    """
    require_duty(duty)
    if not name or len(name.encode()) > 63 or not name.isprintable() or " as " in name:
        raise ConfigurationError("a login's name is 1 to 63 bytes of printable text without ' as '")
    with translated(), connection.transaction():
        made = _create_role(connection, name, password)
        connection.execute(_command("grant {} to {}", f"unbroken_{duty}", name))
        # What is as it should be is left, so that opening a folder need not wait for the disk.
        there = {row[0] for row in connection.execute(query("login_settings"), (name,))}
        for setting, value in _timeouts(connection, duty):
            if f"{setting}={value}" not in there:
                connection.execute(
                    sql.SQL("alter role {} set {} = {}").format(sql.Identifier(name), sql.Identifier(setting), value)
                )
    return made


def install_grant(
    connection: Connection, origin: str, login: str, *, duty: str, reason: str = "installation"
) -> Granting:
    """Grants a duty as whoever installs, which the log allows while it has no access administrators to do it.

    Raises :class:`AccessDeniedError` once it has.
    """
    with as_owner(connection):
        return grant(connection, origin, login, duty=duty, reason=reason)


def grant(connection: Connection, origin: str, login: str, *, duty: str, reason: str) -> Granting:
    """Grants a duty for a log, or asks for the second person that it takes."""
    require_duty(duty)
    return Granting(*_called(connection, "grant_access", (origin, login, duty, reason)))


def duties_held(connection: Connection, origin: str) -> set[tuple[str, str]]:
    """The logins that hold a duty for a log, each with the duty, as a superuser sees them."""
    with translated():
        rows = connection.execute(query("duties_held"), (origin,)).fetchall()
    return {(str(login), str(duty)) for login, duty in rows}


def logs_never_granted_to(connection: Connection, login: str, *, duty: str) -> list[str]:
    """The logs, by their origins, for which a login never held a duty, as a superuser sees them."""
    with translated():
        return [str(origin) for (origin,) in connection.execute(query("logs_never_granted_to"), (login, duty))]


def confirm(connection: Connection, origin: str, request: str) -> int:
    """Makes another person's request effective; returns the entry's number."""
    return int(_called(connection, "confirm_access", (origin, request))[0])


def withdraw(connection: Connection, origin: str, request: str) -> int:
    """Ends a request that nobody confirmed; returns the entry's number."""
    return int(_called(connection, "withdraw_access", (origin, request))[0])


def revoke(connection: Connection, origin: str, login: str, *, duty: str, reason: str) -> int:
    """Ends a duty at once; returns the entry's number."""
    require_duty(duty)
    return int(_called(connection, "revoke_access", (origin, login, duty, reason))[0])


def require_duty(duty: str) -> None:
    """Raises :class:`ConfigurationError` unless there is such a duty."""
    if duty not in DUTIES:
        raise ConfigurationError(f"a login is for one of {', '.join(DUTIES)}")


def _called(connection: Connection, name: str, given: tuple[object, ...]) -> tuple[Any, ...]:
    with translated():
        return first_of(connection.execute(query(name), given).fetchall())


def end_lock_holder(connection: Connection, origin: str, *, patience_s: float) -> tuple[int, str] | None:
    """Ends the session that holds the log's lock for ``patience_s`` seconds: its process id and login, if there is one.

    Raises :class:`AccessDeniedError` when this login is not for operations, or the server does not let us.
    """
    with translated():
        row = connection.execute(query("end_lock_holder"), (origin, patience_s)).fetchone()
    return None if row is None else (int(str(row[0])), str(row[1]))


def _create_role(connection: Connection, name: str, password: str | None) -> bool:
    row = connection.execute(query("role_exists"), (name,)).fetchone()
    if row is not None and row[0]:
        return False
    connection.execute(_command("create role {} login inherit", name))
    if password is not None:
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(name), verifier))
    return True


def _timeouts(connection: Connection, duty: str) -> list[tuple[str, str]]:
    known = connection.info.server_version >= 170000
    return [
        (key, value) for key, value in TIMEOUTS.get(duty, _READING).items() if known or key != "transaction_timeout"
    ]


def _command(template: str, *names: str) -> sql.Composed:
    return sql.SQL(template).format(*map(sql.Identifier, names))
