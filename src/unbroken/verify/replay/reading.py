"""Who looked at what, and on whose leave: tickets, names behind pseudonyms, originals."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from unbroken.verify.declaration import runs_in
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import Found, Row, Table, stated_time


class Ticket(Row):
    """A person's leave to read; with a session for that one alone."""

    ticket: str
    login: str
    duty: str | None
    opened_seq: int
    opened_at: str | None = None
    expires_at: str | None = None
    session_id: str | None = None
    closed_seq: int | None = None
    closed_at: str | None = None


class Tickets(Table[Ticket]):
    """A row for each ``log.read``, which ``log.read_completed`` closes."""

    name = "tickets"
    row = Ticket
    made = "opened_seq"
    numbers = ("closed_seq",)
    follows: ClassVar = {"closed_seq": "closed_seq", "closed_at": "closed_seq"}

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.read": self._opened, "log.read_completed": self._closed}

    def key(self, found: Found) -> str:
        return str(found["ticket"])

    def _opened(self, told: Statement) -> None:
        ticket = told.text("ticket")
        if ticket is None:
            return
        until, scope = stated_time(told, "valid_until"), told.details.get("scope")
        opened = Ticket(
            ticket=ticket,
            login=told.login,
            duty=told.text("duty"),
            opened_seq=told.seq,
            expires_at=until,
            session_id=_session_in(scope),
            times={"opened_at": told.at},
            untold=() if until else ("expires_at",),
        )
        self.rows.put(ticket, opened)

    def _closed(self, told: Statement) -> None:
        ticket = self.rows.get(told.text("ticket") or "")
        if ticket is not None and ticket.closed_seq is None:
            ticket.closed_seq = told.seq
            ticket.times = ticket.times | {"closed_at": told.at}
            self.rows.put(ticket.ticket, ticket)


def _session_in(scope: object) -> str | None:
    session = scope.get("session") if isinstance(scope, dict) else None
    return session if isinstance(session, str) else None


class NameLookup(Row):
    """Names that were asked for."""

    lookup: str
    ticket: str | None
    pseudonyms: list[str]
    login: str
    asked_seq: int
    asked_at: str | None = None


class NameLookups(Table[NameLookup]):
    """A row for each ``log.names_asked``."""

    name = "name_lookups"
    row = NameLookup
    made = "asked_seq"

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.names_asked": self._asked}

    def key(self, found: Found) -> str:
        return str(found["lookup"])

    def _asked(self, told: Statement) -> None:
        lookup = told.text("lookup")
        if lookup is not None:
            asked = NameLookup(
                lookup=lookup,
                ticket=told.text("ticket"),
                pseudonyms=told.texts("pseudonyms"),
                login=told.login,
                asked_seq=told.seq,
                times={"asked_at": told.at},
            )
            self.rows.put(lookup, asked)


class Opening(Row):
    """Originals that were asked for, or keys, to wrap them anew."""

    opening: str
    kind: str
    login: str
    asked_seq: int
    asked_at: str | None = None
    ticket: str | None = None
    seqs: str | None = None
    wraps_to: str | None = None
    done_seq: int | None = None


class Openings(Table[Opening]):
    """A row for each ``log.original_asked`` and ``log.vault_rewrapping``, with the entry that ends it."""

    name = "openings"
    row = Opening
    made = "asked_seq"
    numbers = ("done_seq",)
    follows: ClassVar = {"done_seq": "done_seq"}

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {
            "log.original_asked": self._asked,
            "log.vault_rewrapping": self._asked,
            "log.original_opened": self._ended,
            "log.vault_rewrapped": self._ended,
        }

    def key(self, found: Found) -> str:
        return str(found["opening"])

    def agrees(self, column: str, row: Opening, value: Any) -> bool:
        if column == "seqs" and row.seqs is not None:
            return isinstance(value, list) and value == _numbers_in(row.seqs)
        return super().agrees(column, row, value)

    def _asked(self, told: Statement) -> None:
        opening = told.text("opening")
        if opening is None:
            return
        rewraps = told.type == "log.vault_rewrapping"
        asked = Opening(
            opening=opening,
            kind="rewrap" if rewraps else told.text("kind") or "",
            login=told.login,
            asked_seq=told.seq,
            ticket=told.text("ticket"),
            seqs=told.text("seqs"),
            wraps_to=told.text("to") if rewraps else None,
            times={"asked_at": told.at},
        )
        self.rows.put(opening, asked)

    def _ended(self, told: Statement) -> None:
        opening = self.rows.get(told.text("opening") or "")
        if opening is not None and opening.done_seq is None:
            opening.done_seq = told.seq
            self.rows.put(opening.opening, opening)


def _numbers_in(text: str) -> list[int] | None:
    try:
        return [number for first, last in runs_in(text) for number in range(first, last + 1)]
    except ValueError:
        return None
