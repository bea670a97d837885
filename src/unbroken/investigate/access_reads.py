"""Who looked at what and why: each read with how it ended, refused ones, and what may have shown one person."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from unbroken.core.times import is_time, parse_time
from unbroken.investigate.access_entries import Problem, Statement
from unbroken.store.access import TicketRow

NAMES: Final = ("actor", "subject", "resource", "about")
"""The keys of a scope under which a person is looked for; the log keeps pseudonyms there."""


@dataclass(frozen=True, slots=True)
class Completion:
    """How a read ended: ``count`` entries were shown, and ``digest`` is over their hashes in the order shown."""

    seq: int
    at: datetime
    outcome: str
    count: int | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """One ticket: who opened it, as what, why, and how far it reached; times are aware UTC."""

    seq: int
    at: datetime
    ticket: str
    login: str
    duty: str
    purpose: str
    case: str | None
    scope: Mapping[str, str]
    valid_until: datetime | None
    completion: Completion | None = None

    def state(self, now: datetime) -> str:
        """How it ended; ``open`` while it may still go on, and ``never completed`` when nobody said how."""
        if self.completion is not None:
            return self.completion.outcome
        return "open" if self.valid_until is not None and now < self.valid_until else "never completed"

    @property
    def session(self) -> str | None:
        """The only session that it could show."""
        return self.scope.get("session")


@dataclass(frozen=True, slots=True)
class Denial:
    """A read that the log refused; ``attempts`` counts those alike since the one before that has an entry."""

    seq: int
    at: datetime
    login: str
    duty: str | None
    refused: str
    attempts: int


@dataclass(frozen=True, slots=True)
class About:
    """Reads that concern one person: ``named`` looked for it, ``session`` opened one session in which it acts or is
    touched, ``wide`` opened the whole log and named nobody.

    ``other_sessions`` counts reads of one session where it neither acts nor is touched: whether such a session mentions
    it, no column tells. ``other_people`` counts reads of the whole log that named somebody else: the database binds a
    read to its session only, what else its scope says is the reader's word.
    """

    pseudonym: str
    named: tuple[int, ...]
    session: tuple[int, ...]
    wide: tuple[int, ...]
    other_sessions: int
    other_people: int


def reads_of(told: Iterable[Statement]) -> tuple[list[Read], list[Denial]]:
    """The reads, each with its completion where it is among the entries, and the refused ones; both in order."""
    listed = list(told)
    completions = {each.text("ticket"): _completion(each) for each in listed if each.type == "log.read_completed"}
    reads = [_read(each, completions) for each in listed if each.type == "log.read"]
    return reads, [_denial(each) for each in listed if each.type == "log.read_denied"]


def _completion(told: Statement) -> Completion:
    return Completion(told.seq, told.at, told.text("outcome") or "?", told.number("count"), told.text("digest"))


def _read(told: Statement, completions: Mapping[str | None, Completion]) -> Read:
    until, ticket, scope = told.text("valid_until"), told.text("ticket"), told.details.get("scope")
    return Read(
        told.seq,
        told.at,
        ticket or "",
        told.login,
        told.text("duty") or "?",
        told.text("purpose") or "",
        told.text("case"),
        {key: str(value) for key, value in scope.items()} if isinstance(scope, dict) else {},
        parse_time(until) if until is not None and is_time(until) else None,
        completions.get(ticket) if ticket else None,
    )


def _denial(told: Statement) -> Denial:
    return Denial(
        told.seq,
        told.at,
        told.text("login") or told.login,
        told.text("duty"),
        told.text("refused") or "?",
        told.number("attempts") or 1,
    )


def ticket_differences(reads: Iterable[Read], rows: Iterable[TicketRow]) -> Iterator[Problem]:
    """Tickets that no entry tells of, or that open more or longer than their entry says."""
    told = {read.ticket: read for read in reads}
    for row in rows:
        read = told.get(row.ticket)
        if read is None or (read.seq, read.login) != (row.opened_seq, row.login):
            yield Problem(
                "ticket_disagrees", row.opened_seq, f"the table has a ticket of {row.login}, and no entry does"
            )
        elif read.session != row.session_id:
            yield Problem("ticket_disagrees", read.seq, f"the ticket of {row.login} opens another scope than its entry")
        elif read.valid_until is not None and read.valid_until < row.expires_at:
            yield Problem("ticket_disagrees", read.seq, f"the ticket of {row.login} lasts longer than its entry says")


def about(reads: Iterable[Read], *, pseudonym: str, sessions: Collection[str]) -> About:
    """Which reads concern the person behind ``pseudonym``, who acts or is touched in ``sessions``."""
    named: list[int] = []
    session: list[int] = []
    wide: list[int] = []
    others = {"session": 0, "people": 0}
    for read in reads:
        looked_for = [read.scope[key] for key in NAMES if key in read.scope]
        if pseudonym in looked_for:
            named.append(read.seq)
        elif read.session in sessions:
            session.append(read.seq)
        elif read.session is not None:
            others["session"] += 1
        elif looked_for:
            others["people"] += 1
        else:
            wide.append(read.seq)
    return About(pseudonym, tuple(named), tuple(session), tuple(wide), others["session"], others["people"])
