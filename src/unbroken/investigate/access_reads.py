"""Who looked at what and why: each read with how it ended, refused ones, and what may have shown one person."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from unbroken.core.times import is_time, parse_time
from unbroken.investigate.access_entries import Problem
from unbroken.investigate.access_openings import Opening, by_ticket, openings_of
from unbroken.store.access import TicketRow
from unbroken.verify.replay.act import Statement

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
class NameLookup:
    """One look at the names behind ``pseudonyms``, under the ticket of a read; ``at`` is aware UTC."""

    seq: int
    at: datetime
    login: str
    lookup: str
    ticket: str
    pseudonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """One ticket: who opened it, as what, why, and how far it reached; times are aware UTC.

    ``lookups`` are those of names under it, ``openings`` those of originals.
    """

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
    lookups: tuple[NameLookup, ...] = ()
    openings: tuple[Opening, ...] = ()

    def state(self, now: datetime) -> str:
        """How it ended; ``open`` while it may still go on, and ``never completed`` when nobody said how."""
        if self.completion is not None:
            return self.completion.outcome
        return "open" if self.valid_until is not None and now < self.valid_until else "never completed"

    def state_of(self, opening: Opening, now: datetime) -> str:
        """How an opening under it ended; one that nobody ended goes on as long as the read."""
        return opening.state(reading=self.state(now) == "open")

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
class Person:
    """Somebody who may have been looked for: its pseudonyms in the log, what stands for its name and for each of those
    in recorded searches, and the sessions in which it acts or is touched.
    """

    pseudonyms: tuple[str, ...]
    recorded_as: tuple[str, ...]
    sessions: frozenset[str]


@dataclass(frozen=True, slots=True)
class About:
    """Reads that concern one person: ``named`` looked for it, ``session`` opened one session in which it acts or is
    touched, ``wide`` opened the whole log and named nobody. ``looked_up`` are look-ups of the name behind a pseudonym
    of its.

    ``other_sessions`` counts reads of one session where it neither acts nor is touched: whether such a session mentions
    it, no column tells. ``other_people`` counts reads of the whole log that named somebody else: the database binds a
    read to its session only, what else its scope says is the reader's word.
    """

    person: Person
    named: tuple[int, ...]
    session: tuple[int, ...]
    wide: tuple[int, ...]
    looked_up: tuple[int, ...]
    other_sessions: int
    other_people: int


def reads_of(told: Iterable[Statement]) -> tuple[list[Read], list[Denial]]:
    """The reads, each with its completion where it is among the entries, and the refused ones; both in order."""
    listed = list(told)
    completions = {each.text("ticket"): _completion(each) for each in listed if each.type == "log.read_completed"}
    lookups, openings = _lookups(listed), by_ticket(openings_of(listed))
    reads = [_read(each, completions, lookups, openings) for each in listed if each.type == "log.read"]
    return reads, [_denial(each) for each in listed if each.type == "log.read_denied"]


def _completion(told: Statement) -> Completion:
    return Completion(told.seq, told.at, told.text("outcome") or "?", told.number("count"), told.text("digest"))


def _lookups(told: Iterable[Statement]) -> dict[str, tuple[NameLookup, ...]]:
    """The look-ups of names by the tickets that they were made under."""
    found: dict[str, tuple[NameLookup, ...]] = {}
    for each in told:
        if each.type == "log.names_asked":
            ticket, people = each.text("ticket") or "", each.details.get("pseudonyms")
            pseudonyms = tuple(str(person) for person in people) if isinstance(people, list) else ()
            lookup = NameLookup(each.seq, each.at, each.login, each.text("lookup") or "", ticket, pseudonyms)
            found[ticket] = (*found.get(ticket, ()), lookup)
    return found


def lookups_without_read(told: Iterable[Statement], *, since: datetime) -> Iterator[Problem]:
    """Look-ups from ``since`` on that no read of the same login tells of: the database makes none."""
    listed = list(told)
    readers = {each.text("ticket"): each.login for each in listed if each.type == "log.read"}
    for each in listed:
        if each.type == "log.names_asked" and each.at >= since and readers.get(each.text("ticket")) != each.login:
            yield Problem("lookup_disagrees", each.seq, f"{each.login} looked names up, and no read of its own says so")


def _read(
    told: Statement,
    completions: Mapping[str | None, Completion],
    lookups: Mapping[str, tuple[NameLookup, ...]],
    openings: Mapping[str, tuple[Opening, ...]],
) -> Read:
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
        lookups.get(ticket, ()) if ticket else (),
        openings.get(ticket, ()) if ticket else (),
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


def about(reads: Iterable[Read], person: Person) -> About:
    """Which reads concern this person."""
    named: list[int] = []
    session: list[int] = []
    wide: list[int] = []
    looked_up: list[int] = []
    others = {"session": 0, "people": 0}
    for read in reads:
        looked_up += [each.seq for each in read.lookups if not set(each.pseudonyms).isdisjoint(person.pseudonyms)]
        looked_for = {read.scope[key] for key in NAMES if key in read.scope}
        if not looked_for.isdisjoint(person.recorded_as):
            named.append(read.seq)
        elif read.session in person.sessions:
            session.append(read.seq)
        elif read.session is not None:
            others["session"] += 1
        elif looked_for:
            others["people"] += 1
        else:
            wide.append(read.seq)
    found = (tuple(named), tuple(session), tuple(wide), tuple(looked_up))
    return About(person, *found, others["session"], others["people"])
