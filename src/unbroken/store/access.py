"""What the tables and the server's catalog say of who may do what, for reports that hold it against the entries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from unbroken.store.connection import Connection, translated
from unbroken.store.log_reader import LogReader
from unbroken.store.rows import rows_of
from unbroken.store.sql import query


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One row of the table of grants; times are aware UTC."""

    login: str
    duty: str
    granted_at: datetime
    granted_seq: int | None
    granted_by: str
    confirmed_by: str | None
    revoked_at: datetime | None
    revoked_seq: int | None
    revoked_by: str | None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One row of the table of requests for a grant; times are aware UTC."""

    request: str
    login: str
    duty: str
    reason: str
    requested_by: str
    requested_seq: int
    expires_at: datetime
    decided_seq: int | None
    decided_by: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class TicketRow:
    """One row of the table of tickets; ``session_id`` is the only session that the ticket opens, where it has one."""

    ticket: str
    login: str
    opened_seq: int
    expires_at: datetime
    session_id: str | None


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """One row of the table of openings; of one that wraps keys anew, ``kind`` rewrap, ``wraps_to`` alone is there."""

    opening: str
    kind: str
    ticket: str | None
    seqs: tuple[int, ...]
    wraps_to: str | None
    login: str
    asked_seq: int
    done_seq: int | None


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the server that is a member of the project's groups, or that PostgreSQL asks for no policy.

    ``groups`` are those of the groups ``unbroken_<group>`` whose rights it has or may take, ``reachable`` those that it
    can make itself a member of. ``reads_files`` tells that it may read the server's files or run programs there.
    """

    name: str
    can_login: bool
    superuser: bool
    bypasses_policies: bool
    reads_files: bool
    groups: tuple[str, ...]
    reachable: tuple[str, ...]


class AccessTables:
    """Reads them over a reader's connection: with the rights of its login, and under its ticket."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    def entries(self, types: list[str], *, since: datetime | None = None) -> list[int]:
        """The numbers of entries of these types recorded from ``since`` on, in order.

        The types are found by column: that a column was not changed is for verification to show.
        """
        given = {"log": self._reader.number, "types": types, "since": since}
        return [row[0] for row in self._rows("access_entries", given)]

    def grants(self) -> list[GrantRow]:
        """All grants of the log, also revoked ones, in the order of their entries."""
        return [GrantRow(*row) for row in self._rows("access_grants", {"log": self._reader.number})]

    def requests(self) -> list[RequestRow]:
        """All requests, in the order of their entries."""
        return [RequestRow(*row) for row in self._rows("access_requests", {"log": self._reader.number})]

    def request(self, request: str) -> RequestRow | None:
        """The request of this id, in lower case with hyphens; ``None`` where the log holds none."""
        return next((row for row in self.requests() if row.request == request), None)

    def tickets(self, since: datetime) -> list[TicketRow]:
        """The tickets opened from ``since`` on, in the order of their entries."""
        given = {"log": self._reader.number, "since": since}
        return [TicketRow(*row) for row in self._rows("access_tickets", given)]

    def openings(self, since: datetime) -> list[OpeningRow]:
        """The openings of originals, and of keys to wrap them anew, from ``since`` on, in their entries' order."""
        rows = self._rows("access_openings", {"log": self._reader.number, "since": since})
        return [_opening(row) for row in rows]

    def roles(self) -> list[Role]:
        """The roles that matter, by name, the project's own groups left out."""
        return [_role(row) for row in self._rows("access_roles")]

    def logins(self) -> set[str]:
        """The names of all roles that can log in."""
        return {row[0] for row in self._rows("login_names")}

    def recorders_since(self, since: datetime) -> set[str]:
        """The logins of which a recorder recorded for the first time from ``since`` on."""
        given = {"log": self._reader.number, "since": since}
        return {row[0] for row in self._rows("recorders_since", given)}

    def pseudonym(self, name: str) -> str:
        """What stands for ``name`` in recorded searches."""
        return str(self._rows("pseudonym", (self._reader.log, name))[0][0])

    def sessions_with(self, name: str) -> set[str]:
        """The sessions in which ``name`` acts, or is what is touched."""
        given = {"log": self._reader.number, "name": name}
        return {row[0] for row in self._rows("sessions_with", given)}

    def now(self) -> datetime:
        """The time by the database's clock."""
        moment: datetime = self._rows("time_now")[0][0]
        return moment

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        return rows_of(self._reader.connection, name, given)


@dataclass(frozen=True, slots=True)
class LoginState:
    """Whether a login is there, and a member of a duty's group."""

    exists: bool
    is_member: bool


def login_state(connection: Connection, login: str, *, duty: str) -> LoginState:
    """What the server's catalog says of a login; for every login."""
    with translated():
        row = connection.execute(query("login_state"), {"login": login, "group": f"unbroken_{duty}"}).fetchone()
    return LoginState(*(bool(each) for each in row or (False, False)))


def is_access_administrator(connection: Connection) -> bool:
    """Whether this login may call the functions that grant; a superuser may call everything."""
    with translated():
        row = connection.execute(query("is_access_administrator")).fetchone()
    return row is not None and bool(row[0])


def _opening(row: tuple[Any, ...]) -> OpeningRow:
    opening, kind, ticket, seqs, *rest = row
    return OpeningRow(opening, kind, ticket, tuple(seqs or ()), *rest)


def _role(row: tuple[Any, ...]) -> Role:
    *facts, groups, reachable = row
    name, can_login, superuser, bypasses, files = facts
    return Role(name, can_login, superuser, bypasses, files, tuple(groups), tuple(reachable))
