"""Forging the record of the clinic's agent, in copies of its database: four ways, and what should be found."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from unbroken.demo.conversations import NORMAL
from unbroken.demo.statements import statement
from unbroken.errors import AccessDeniedError, UnbrokenError
from unbroken.store.connection import Connection, connect, translated
from unbroken.store.embedded import DATABASE, SUPERUSER, EmbeddedServer
from unbroken.verify.finding import Kind

COPY: Final = "unbroken_copy"
_DOSE: Final = {"session": NORMAL.session_id, "tool": "read_record", "old": "ramipril 5 mg", "new": "ramipril 50 mg"}
_CALLER: Final = {"session": NORMAL.session_id, "tool": "book_appointment", "new": f"p-{'0ddba11' * 4}0dd1"}
_BOOKING: Final = {"session": NORMAL.session_id, "tool": "book_appointment"}


@dataclass(frozen=True)
class Tampering:
    """One way to forge: ``done`` and ``why_found`` say in words what is done and by what it shows.

    ``forge`` returns the number of the entry at which a verifier should find ``kind``. ``hidden`` is a forgery that
    shows only to who holds the log against what was kept elsewhere.
    """

    done: str
    why_found: str
    kind: Kind
    forge: Callable[[Connection], int]
    hidden: bool = False


@contextmanager
def copied(server: EmbeddedServer) -> Iterator[str]:
    """The name of a copy of the log's database, which is dropped again. Nobody may be connected to the original."""
    names = {"copy": sql.Identifier(COPY), "original": sql.Identifier(DATABASE)}
    with connect(server.conninfo(SUPERUSER, SUPERUSER)) as connection, translated():
        connection.execute(sql.SQL(statement("drop")).format(**names))
        connection.execute(sql.SQL(statement("copy")).format(**names))
        try:
            yield COPY
        finally:
            connection.execute(sql.SQL(statement("drop")).format(**names))


def refusal(conninfo: str) -> str:
    """What the database says to a login that tries to change a payload while the guards stand."""
    try:
        with connect(conninfo) as connection:
            _sole_seq(connection, "change_payload", _DOSE)
    except AccessDeniedError as error:
        return str(error)
    raise UnbrokenError("the database let a stored payload be changed, although its guards stand")


def forge(tampering: Tampering, conninfo: str) -> int:
    """Removes the guards by force and forges; returns the number of the entry where it should show."""
    with connect(conninfo) as connection:
        with translated():
            connection.execute(statement("remove_guards"))
        return tampering.forge(connection)


def _change_payload(connection: Connection) -> int:
    return _sole_seq(connection, "change_payload", _DOSE)


def _change_actor(connection: Connection) -> int:
    return _sole_seq(connection, "change_actor", _CALLER)


def _delete_entry(connection: Connection) -> int:
    return _sole_seq(connection, "delete_entry", _BOOKING)


def _rewrite(connection: Connection) -> int:
    place = {"seq": _change_payload(connection)}
    with translated():
        connection.execute(statement("commit_anew"), place)
        connection.execute(statement("define_hash_anew"))
    return _sole_seq(connection, "hash_anew", place)


def _sole_seq(connection: Connection, name: str, given: Mapping[str, object]) -> int:
    with translated():
        rows = connection.execute(statement(name), given).fetchall()
    if len(rows) != 1 or not isinstance(rows[0][0], int):
        raise UnbrokenError(f"{len(rows)} entries were forged by {name}, not one")
    return rows[0][0]


TAMPERINGS: Final = (
    Tampering(
        "What a tool answered: the dose that the agent read becomes 50 mg.",
        "The entry commits to the answer that was recorded, and this is another one.",
        "altered_payload",
        _change_payload,
    ),
    Tampering(
        "Who did it: the booking is put down to another caller.",
        "The entry's text no longer has the hash that the entry, and the next one, state.",
        "altered_entry",
        _change_actor,
    ),
    Tampering(
        "That it was done at all: the booking is deleted, from every table that knows of it.",
        "The numbers have no gaps, so one that is not there is missed.",
        "missing",
        _delete_entry,
    ),
    Tampering(
        "Everything: the dose becomes 50 mg, and the commitment and all later hashes are computed anew.",
        "The tree's root depends on every entry, so it can't stay the one that was signed.",
        "rewritten",
        _rewrite,
        hidden=True,
    ),
)
