"""The report on access to one log: who looked at what and why, and who may, since when and by whose decision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from unbroken.core.entry import StoredEntry
from unbroken.investigate.access_entries import (
    ERASURE_TYPES,
    GRANT_TYPES,
    READ_TYPES,
    RETENTION_TYPES,
    Problem,
    statements,
)
from unbroken.investigate.access_erasures import Erasure, Restored, erasure_differences, erasures_replayed
from unbroken.investigate.access_grants import Grant, Request, grant_differences, replayed, request_differences
from unbroken.investigate.access_openings import VaultWork, opening_differences, openings_without_read, vault_works
from unbroken.investigate.access_reads import (
    About,
    Denial,
    Person,
    Read,
    about,
    lookups_without_read,
    reads_of,
    ticket_differences,
)
from unbroken.investigate.access_retention import RetentionStep, retention_steps
from unbroken.investigate.access_review import Remark, Server, remarks
from unbroken.store.access import AccessTables, GrantRow, OpeningRow, RequestRow, TicketRow
from unbroken.store.erasures import Erasure as ErasureRow
from unbroken.store.erasures import Erasures
from unbroken.store.log_reader import LogReader
from unbroken.verify.replay.act import Statement

UNUSED: Final = timedelta(days=90)
"""After how long without a use a grant is called unused."""
_LOT: Final = 1000
_MARGIN: Final = timedelta(days=1)
"""More than lies between a ticket's row and its entry."""


@dataclass(frozen=True, slots=True)
class Period:
    """What a report is about: reads from ``since`` to before ``until``, and grants as they stood at ``as_of``."""

    since: datetime
    until: datetime
    as_of: datetime

    @property
    def unused_since(self) -> datetime:
        """Since when a grant must have been used."""
        return self.as_of - UNUSED

    def includes(self, time: datetime) -> bool:
        """Whether what happened at this time is listed."""
        return self.since <= time < self.until


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a report is made from. Nothing in the entries is believed before it is verified.

    The tables were read before the entries; ``settled`` is a number up to which both are complete.
    """

    log: str
    now: datetime
    settled: int
    grants: list[GrantRow]
    requests: list[RequestRow]
    tickets: list[TicketRow]
    server: Server
    entries: list[StoredEntry]
    person: Person | None = None
    openings: list[OpeningRow] = field(default_factory=list)
    erasures: list[ErasureRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What verified entries tell of access, where something contradicts them, and what deserves a look."""

    log: str
    now: datetime
    period: Period
    grants: tuple[Grant, ...]
    ended: tuple[Grant, ...]
    requests: tuple[Request, ...]
    reads: tuple[Read, ...]
    denials: tuple[Denial, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[Remark, ...]
    about: About | None
    vault: tuple[VaultWork, ...] = ()
    erasures: tuple[Erasure, ...] = ()
    restored: tuple[Restored, ...] = ()
    retention: tuple[RetentionStep, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 where something was altered or contradicts the entries, else 0."""
        return 1 if self.problems else 0


def gathered(
    reader: LogReader, period: Period, *, settled: int, names: Sequence[str] = (), pseudonyms: Sequence[str] = ()
) -> Evidence:
    """Reads all that a report needs, with the rights of the reader's login.

    ``names`` are spellings of a person's that it asks about, and ``pseudonyms`` those that stand for it in this log.
    """
    tables = AccessTables(reader)
    since = min(period.since, period.unused_since)
    now, grants, requests, tickets = tables.now(), tables.grants(), tables.requests(), tables.tickets(since)
    openings, erasures = tables.openings(since), Erasures(reader).all()
    server = Server(
        roles=tuple(tables.roles()),
        logins=frozenset(tables.logins()),
        recording=frozenset(tables.recorders_since(period.unused_since)),
        unused_since=period.unused_since,
    )
    whole = tables.entries([*GRANT_TYPES, *ERASURE_TYPES])
    lately = tables.entries([*READ_TYPES, *RETENTION_TYPES], since=since - _MARGIN)
    numbers = sorted({*whole, *lately})
    lots = (reader.entries_at(numbers[first : first + _LOT]) for first in range(0, len(numbers), _LOT))
    return Evidence(
        log=reader.log,
        now=now,
        settled=settled,
        grants=grants,
        requests=requests,
        tickets=tickets,
        server=server,
        entries=[entry for lot in lots for entry in lot],
        person=_person(tables, names, pseudonyms) if names else None,
        openings=openings,
        erasures=erasures,
    )


def _person(tables: AccessTables, names: Sequence[str], pseudonyms: Sequence[str]) -> Person:
    known_as = dict.fromkeys((*names, *pseudonyms))
    return Person(
        tuple(pseudonyms),
        tuple(map(tables.pseudonym, known_as)),
        frozenset(session for each in known_as for session in tables.sessions_with(each)),
    )


def assembled(evidence: Evidence, period: Period) -> AccessReport:
    """The report that the evidence supports."""
    told, problems = statements(evidence.entries)
    whole = replayed(told)
    then = replayed(each for each in told if each.at <= period.as_of)
    reads, denials = reads_of(told)
    listed = [read for read in reads if period.includes(read.at)]
    standing, erasures = then.standing(), erasures_replayed(told)
    person = evidence.person
    return AccessReport(
        log=evidence.log,
        now=evidence.now,
        period=period,
        grants=tuple(standing),
        ended=tuple(each for each in then.grants.values() if each.ended and each.ended.at >= period.since),
        requests=tuple(each for each in then.requests.values() if each.state(period.as_of) == "waiting"),
        reads=tuple(listed),
        denials=tuple(denial for denial in denials if period.includes(denial.at)),
        problems=(
            *problems,
            *whole.problems,
            *erasures.problems,
            *_differences(evidence, told, since=period.since),
            *erasure_differences(erasures, evidence.erasures, settled=evidence.settled),
        ),
        remarks=tuple(remarks(whole, standing, reads=reads, server=evidence.server)),
        about=None if person is None else about(listed, person),
        vault=tuple(each for each in vault_works(told) if period.includes(each.at)),
        erasures=tuple(each for each in erasures.erasures.values() if _is_listed(each, period)),
        restored=tuple(each for each in erasures.restored if period.includes(each.act.at)),
        # A report about a person may be handed to that person, who is not to learn of holds.
        retention=() if person else tuple(each for each in retention_steps(told) if period.includes(each.at)),
    )


def _is_listed(erasure: Erasure, period: Period) -> bool:
    """Whether something happened to it in the time, or waits for somebody at its end."""
    return any(period.includes(act.at) for act in erasure.acts) or (
        erasure.is_open(period.until) and any(act.at < period.until for act in erasure.acts)
    )


def _differences(evidence: Evidence, told: list[Statement], *, since: datetime) -> Iterator[Problem]:
    replay, (reads, _) = replayed(told), reads_of(told)
    yield from grant_differences(replay, evidence.grants, settled=evidence.settled)
    yield from request_differences(replay, evidence.requests, settled=evidence.settled)
    yield from ticket_differences(reads, evidence.tickets)
    yield from lookups_without_read(told, since=since)
    yield from openings_without_read(told, since=since)
    yield from opening_differences(told, evidence.openings, settled=evidence.settled, since=since)
