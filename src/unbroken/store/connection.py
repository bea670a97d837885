"""Connections to PostgreSQL, and its errors as ours."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, TypeAlias

import psycopg
from psycopg import pq
from psycopg.pq import ConnStatus, PollingStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

from unbroken.errors import (
    AccessDeniedError,
    ConfigurationError,
    ContinuityError,
    ContradictionError,
    HeldError,
    InvalidEventError,
    NotApprovedError,
    SchemaError,
    TooLargeError,
    UnavailableError,
    UnbrokenError,
)
from unbroken.store.hosts import hosts_of
from unbroken.store.waiting import BoundedConnection, NoAnswerError, readiness

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Conninfo: TypeAlias = str | Callable[[], str]
"""A connection string, or a function that gives one: it is asked at every connect, so that passwords may change."""

DEADLINE_S: Final = 10.0
NOT_LET_IN: Final = "the server refused this login"

# While connecting, the client library passes on a text and no SQLSTATE. In another language a refusal reads as
# unavailable, which is as true.
_REFUSED: Final = re.compile(
    r'role ".*" does not exist|authentication failed|no pg_hba\.conf entry|not permitted to log in'
    r"|permission denied for database"
)
# A pooler that was let in and could not log in further on: not this login's fault.
_BEYOND: Final = re.compile("server login failed|server login has been failing")
_UNTRUSTED: Final = re.compile(
    "certificate verify failed|does not match host name|server does not support SSL|root certificate file"
    "|weak sslmode|could not get server's host name|certificate could not be obtained"
)
_UNREADABLE: Final = re.compile("definition of service|could not match|invalid [a-z_]+ value|invalid port number")
_STANDBY: Final = re.compile("session is read-only|server is in hot standby mode")
_KEPT_ALIVE: Final[dict[str, str | int]] = {
    "fallback_application_name": "unbroken",
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": int(DEADLINE_S * 1000),
}


def connect(conninfo: Conninfo, *, wait_s: float = DEADLINE_S, writes: bool = False) -> BoundedConnection:
    """A connection in autocommit mode, made within ``wait_s`` seconds in all, however many hosts ``conninfo`` names.

    With ``writes`` only a server that takes them will do, and no standby. Without an ``sslmode``, a host that is not
    this machine has to prove its name (``verify-full``). Raises :class:`UnavailableError` when no server answers,
    :class:`AccessDeniedError` when the login is refused and :class:`ConfigurationError` when ``conninfo`` can't be
    read or the server can't prove who it is.
    """
    deadline = monotonic() + wait_s
    given = _ask(conninfo)
    try:
        return _connect(given, deadline, writes=writes)
    except AccessDeniedError:
        # The password may have changed between the question and its use.
        now = _ask(conninfo)
        if now == given:
            raise
        return _connect(now, deadline, writes=writes)


def _ask(conninfo: Conninfo) -> str:
    if isinstance(conninfo, str):
        return conninfo
    try:
        return conninfo()
    except UnbrokenError:
        raise
    except Exception as error:  # whatever it raises: there is nothing to connect with
        raise UnavailableError("the connection string could not be had; nothing was recorded") from error


def _connect(conninfo: str, deadline: float, *, writes: bool) -> BoundedConnection:
    try:
        hosts = hosts_of(conninfo, deadline=deadline, writes=writes, **_KEPT_ALIVE)
    except psycopg.ProgrammingError:
        # Its text quotes the string, and so perhaps a password.
        raise ConfigurationError("the connection string can't be read") from None
    except psycopg.OperationalError as error:
        raise _refused(error) from error
    failures: list[str] = []
    for index, host in enumerate(hosts):
        share = (deadline - monotonic()) / (len(hosts) - index)
        try:
            return _open(host, monotonic() + share)
        except psycopg.OperationalError as error:
            failures.append(str(error))
    failure = psycopg.OperationalError("\n".join(failures))
    raise _refused(failure) from failure


def _open(conninfo: str, deadline: float) -> BoundedConnection:
    server = pq.PGconn.connect_start(conninfo.encode())
    try:
        _finish_connecting(server, deadline)
    except BaseException:
        server.finish()
        raise
    server.nonblocking = 1
    connection = BoundedConnection(server)
    connection.autocommit = True
    return connection


def _finish_connecting(server: PGconn, deadline: float) -> None:
    state: int = PollingStatus.WRITING
    while state != PollingStatus.OK:
        if state == PollingStatus.FAILED or server.status == ConnStatus.BAD:
            raise psycopg.OperationalError(server.get_error_message())
        wanted = Wait.R if state == PollingStatus.READING else Wait.W
        if not readiness(server.socket, wanted, deadline=deadline):
            raise NoAnswerError("no answer in time")
        state = server.connect_poll()


def _refused(error: psycopg.OperationalError) -> UnbrokenError:
    text = str(error)
    if _REFUSED.search(text) and not _BEYOND.search(text):
        return AccessDeniedError(NOT_LET_IN)
    if _UNTRUSTED.search(text):
        return ConfigurationError(
            "the server did not prove that it is the one in the connection string: name the authority that signed its "
            "certificate in sslrootcert and the host as the certificate does; nothing was sent. A server that is "
            "not this machine has to, unless the connection string or PGSSLMODE says otherwise (sslmode=require: "
            "encrypted, to whoever answers)"
        )
    if _UNREADABLE.search(text):
        return ConfigurationError("the connection string can't be used")
    if _STANDBY.search(text):
        return UnavailableError("no server that takes writes can be reached; nothing was recorded")
    return UnavailableError("the database can't be reached; nothing was recorded")


@contextmanager
def translated() -> Iterator[None]:
    """Raises the errors of :mod:`unbroken.errors` in place of psycopg's, of which the cause keeps kind and state."""
    try:
        yield
    except psycopg.Error as error:
        raise _translate(error) from _without_values(error)


# Classes of SQLSTATE whose messages tell of the server, of names in the schema or, for UB, what this package says.
_OF_THE_SERVER: Final = ("08", "25", "40", "53", "55", "57", "58", "UB", "42501")


def _without_values(error: psycopg.Error) -> psycopg.Error:
    """The same kind of error without what the server says of values: a detail may quote a row, a context parameters.

    An error that is no server's answer is the client library's, and stays.
    """
    state = error.sqlstate
    if state is None:
        return error
    text = error.diag.message_primary if state.startswith(_OF_THE_SERVER) else None
    bare = type(error)(text or f"SQLSTATE {state}")
    if bare.sqlstate is None:
        bare.sqlstate = state
    return bare


def _index(error: psycopg.Error) -> int | None:
    """The position of the event that was refused, where the database says it."""
    return int(error.diag.message_detail) if error.diag.message_detail else None


_ISOLATION: Final = (
    ": take default_transaction_isolation out of the connection string, or `alter role <login> set "
    "default_transaction_isolation = 'read committed'`; nothing was recorded"
)
_OLD_SCHEMA: Final = "this database has no unbroken schema, or an older one: run `unbroken init`"
_BY_STATE: Final[dict[str, Callable[[str], UnbrokenError]]] = {
    "UB002": TooLargeError,
    "UB003": AccessDeniedError,
    "UB004": lambda text: ConfigurationError(text + _ISOLATION),
    "UB007": AccessDeniedError,
    "UB008": AccessDeniedError,
    "UB009": ConfigurationError,
    "UB010": AccessDeniedError,
    "UB011": AccessDeniedError,
    "UB012": ContinuityError,
    "UB013": ContradictionError,
    "UB014": HeldError,
    "42501": lambda text: AccessDeniedError(f"this login's duty does not allow that ({text})"),
    **dict.fromkeys(("3F000", "42P01", "42883", "42703", "42704"), lambda _: SchemaError(_OLD_SCHEMA)),
    "25006": lambda _: UnavailableError("this server is a standby and takes no writes; nothing was recorded"),
    **dict.fromkeys(
        ("54000", "54001", "53400"),
        lambda _: TooLargeError("the database refused the size of a value; nothing was recorded"),
    ),
}
"""What a refusal's SQLSTATE means, from the server's message, which for our own states quotes no content."""


def _translate(error: psycopg.Error) -> UnbrokenError:
    if isinstance(error, NoAnswerError):
        return UnavailableError("the database did not answer in time")
    state = error.sqlstate or ""
    text = (error.diag.message_primary or "").strip()
    if state == "UB001":
        return InvalidEventError(text, index=_index(error))
    if state == "UB005":
        return NotApprovedError(error.diag.message_hint or "unknown", index=_index(error))
    if state in _BY_STATE:
        return _BY_STATE[state](text)
    return UnavailableError(f"the database did not carry this out ({state or 'connection lost'})")
