"""Connections to PostgreSQL, and its errors as ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import psycopg

from unbroken.errors import (
    AccessDeniedError,
    ConfigurationError,
    InvalidEventError,
    SchemaError,
    TooLargeError,
    UnavailableError,
)

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

DEADLINE_S: Final = 10
# While connecting, the client library passes on a text and no SQLSTATE. In another language a refusal reads as
# unavailable, which is as true.
_REFUSED: Final = re.compile(
    r'role ".*" does not exist|authentication failed|no pg_hba\.conf entry|not permitted to log in'
    r"|permission denied for database"
)
_WAITS: Final = {
    "connect_timeout": DEADLINE_S,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": DEADLINE_S * 1000,
}


def connect(conninfo: str) -> Connection:
    """A connection in autocommit mode, every wait on the network bounded by :data:`DEADLINE_S`.

    Raises :class:`UnavailableError` when there is no server, :class:`AccessDeniedError` when it refuses the login
    and :class:`ConfigurationError` when ``conninfo`` can't be read.
    """
    try:
        return psycopg.connect(conninfo, autocommit=True, application_name="unbroken", **_WAITS)  # type: ignore[arg-type]
    except psycopg.ProgrammingError as error:
        raise ConfigurationError("the connection string can't be read") from error
    except psycopg.OperationalError as error:
        if _REFUSED.search(str(error)):
            raise AccessDeniedError("the server refused this login") from error
        raise UnavailableError("the database can't be reached; nothing was recorded") from error


@contextmanager
def translated() -> Iterator[None]:
    """Raises the errors of :mod:`unbroken.errors` in place of psycopg's, which are kept as their cause."""
    try:
        yield
    except psycopg.Error as error:
        raise _translate(error) from error


def _translate(error: psycopg.Error) -> Exception:
    state = error.sqlstate or ""
    text = (error.diag.message_primary or "").strip()
    match state:
        case "UB001":
            detail = error.diag.message_detail
            return InvalidEventError(text, index=int(detail) if detail else None)
        case "UB002":
            return TooLargeError(text)
        case "UB004":
            return ConfigurationError(f"{text}: set default_transaction_isolation accordingly")
        case "UB003" | "UB010" | "UB011" | "42501":
            return AccessDeniedError(text)
        case "3F000" | "42P01" | "42883" | "42703" | "42704":
            return SchemaError("this database has no unbroken schema, or an older one: run `unbroken init`")
        case "25006":
            return UnavailableError("this server is a standby and takes no writes; nothing was recorded")
        case "54000" | "54001" | "53400":
            return TooLargeError("the database refused the size of a value; nothing was recorded")
        case _:
            return UnavailableError(f"the database did not carry this out ({state or 'connection lost'})")
