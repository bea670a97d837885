"""Where a command works: a folder with an embedded PostgreSQL, or any PostgreSQL by its connection string."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.core.keyed import LogKey
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.ledger.ledger import Ledger
from unbroken.store import embedded
from unbroken.store.connection import Connection
from unbroken.store.connection import connect as connect_database
from unbroken.store.log_reader import LogReader

DEFAULT_STORE: Final = "unbroken-store"

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        "-s",
        envvar="UNBROKEN_STORE",
        metavar="STORE",
        help="A folder (embedded PostgreSQL) or a connection string such as postgresql://app@db.example/audit.",
        show_default=True,
    ),
]
LogOption = Annotated[
    str | None,
    typer.Option(
        "--log",
        "-l",
        envvar="UNBROKEN_LOG",
        metavar="LOG",
        help="The log's name; may be left out where there is only one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def is_conninfo(store: str) -> bool:
    """Whether ``store`` is a connection string rather than a folder."""
    return store.startswith(("postgresql://", "postgres://")) or "=" in store


@contextmanager
def open_reader(store: str, log: str | None, *, writes: bool = False) -> Iterator[LogReader]:
    """A reader of one log, with the login in the connection string or the folder's own verifier login.

    For verifying, and for what is known of a log without its rows; people read through :mod:`unbroken.cli.reading`.
    With ``writes`` a standby won't do.
    """
    with conninfo_of(store, login=wiring.VERIFIER) as conninfo, LogReader(conninfo, log, writes=writes) as reader:
        yield reader


@contextmanager
def open_ledger(store: str, log: str | None) -> Iterator[Ledger]:
    """A ledger of one log, with the login in the connection string or the folder's own writer login."""
    with conninfo_of(store, login=wiring.WRITER) as conninfo:
        keys = keys_of(store)
        ledger = wiring.open_ledger(
            conninfo, log=log or origin_of(store, None), key=keys[0] if keys else None, retired=keys[1:]
        )
        try:
            yield ledger
        finally:
            ledger.close()


@contextmanager
def open_administration(store: str, *, create: bool = False) -> Iterator[Connection]:
    """A connection that may install and make logins; in a folder that is the embedded server's superuser."""
    with (
        conninfo_of(store, login=embedded.SUPERUSER, create=create) as conninfo,
        connect_database(conninfo) as connection,
    ):
        yield connection


@contextmanager
def conninfo_of(store: str, *, login: str, create: bool = False) -> Iterator[str]:
    """The connection string for ``store``, as ``login`` in a folder, which is entered meanwhile."""
    if is_conninfo(store):
        yield store
        return
    if not create and not embedded.is_embedded(store):
        raise ConfigurationError(
            f"there is no log in the folder {store}: make one with `unbroken init --store {store}`"
        )
    with embedded.enter(store) as server:
        wiring.add_login_when_needed(server, login)
        yield server.conninfo(login)


def origin_of(store: str, log: str | None) -> str:
    """The name, without an incarnation, of the log that was named, or of the only one that there is.

    Raises :class:`ConfigurationError` where there are several, or the login can't see which there are.
    """
    if log is not None:
        return log.partition("~")[0]
    try:
        with open_reader(store, None) as reader:
            return reader.log.partition("~")[0]
    except AccessDeniedError as error:
        raise ConfigurationError("name the log with --log: this login can't see which logs there are") from error


def key_of(store: str) -> LogKey | None:
    """The one of :func:`keys_of` that is in use; ``None`` without any."""
    return next(iter(keys_of(store)), None)


def keys_of(store: str) -> list[LogKey]:
    """The log's keys, the one in use first: the folder's own, or those in the file that UNBROKEN_KEY_FILE names."""
    if is_conninfo(store):
        path = os.environ.get("UNBROKEN_KEY_FILE")
        return [] if path is None else wiring.load_keys(Path(path))
    if not embedded.is_embedded(store):
        return []
    wiring.embedded_key(Path(store))
    return wiring.embedded_keys(Path(store))
