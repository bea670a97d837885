"""Erasing people: what the database finds of a person, who asked and confirmed, and the steps that destroy.

The functions of ``sql/functions/erasures.sql`` decide and put everything on record; nothing is destroyed but through
them. Times are aware UTC, by the database's clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import psycopg

from unbroken.store.log_reader import Ticket
from unbroken.store.rows import first_of, rows_of


@dataclass(frozen=True, slots=True)
class PersonFound:
    """What a log holds of a person, counted.

    ``ids`` are those by which the person stands there; once prepared, all that they go by. ``as_subject`` and
    ``as_actor`` count entries; ``payloads`` and ``originals`` what would be destroyed, ``keys`` and ``pseudonyms`` name
    it. ``shared`` of the entries name other people as well, ``others`` of them; ``kept`` payloads concern only others.
    All of it up to ``upto_at``. Of what would be destroyed ``held`` entries are kept by a legal hold, or name somebody
    whom one keeps, and what ``floored`` hold is still to be kept by law.
    """

    ids: list[str]
    as_subject: int
    as_actor: int
    payloads: int
    originals: int
    keys: list[str]
    pseudonyms: list[str]
    sessions: int
    shared: int
    others: int
    kept: int
    first_at: datetime | None
    last_at: datetime | None
    upto_at: datetime
    held: int = 0
    floored: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure and what became of it.

    ``state`` is asked, confirmed, begun, done, withdrawn or expired; ``basis`` is "two people", or "ledger" where it
    was carried out again after a restore. ``payloads``, ``originals`` and ``keys`` are destroyed so far. ``planned`` is
    what there was when it was asked for, counted under the words of :class:`PersonFound`, pseudonyms as ``names``;
    ``despite_floors`` whether it was asked for though a law asks to keep some of it. What has not happened yet, or was
    lost with a restore, is ``None``.
    """

    erasure: str
    state: str
    basis: str
    case: str | None
    reason: str | None
    with_acted: bool
    subjects: list[str]
    requested_by: str | None
    requested_at: datetime | None
    requested_seq: int | None
    expires_at: datetime | None
    confirmed_by: str | None
    confirmed_at: datetime | None
    confirmed_seq: int | None
    upto_at: datetime | None
    begun_by: str | None
    begun_at: datetime | None
    begun_seq: int | None
    order_sha256: str | None
    payloads: int
    originals: int
    keys: int
    done_at: datetime | None
    done_seq: int | None
    certificate_sha256: str | None
    planned: Mapping[str, int] | None = None
    despite_floors: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One of the log's entries that tell of an erasure: its event and details, and the entry's hash."""

    seq: int
    event: bytes
    details: bytes | None
    salt: bytes | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that waits for its second person until ``expires_at``; ``seq`` is its entry."""

    erasure: str
    seq: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch destroyed, and its entry.

    ``seq`` is ``None`` where there was nothing left, or nothing but ``held`` entries, which a legal hold keeps.
    """

    seq: int | None
    payloads: int
    originals: int
    held: int = 0


class Connected(Protocol):
    """A reader's connection and the log that it is for."""

    log: str

    @property
    def number(self) -> int:
        """The number that stands for the log in the tables."""

    @property
    def connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """The connection, which its owner closes."""


class Steps:
    """What can be done about the erasures of one log, by the login of a duty or, after a restore, by the owner."""

    log: str
    _number: int

    def all(self) -> list[Erasure]:
        """All erasures, the newest first."""
        return [Erasure(*row) for row in self._rows("erasures", (self.log,))]

    def one(self, erasure: str) -> Erasure | None:
        """The erasure of this id, in lower case with hyphens; ``None`` where the log holds none."""
        return next((each for each in self.all() if each.erasure == erasure), None)

    def batch(self, erasure: str, limit: int) -> Batch:
        """Destroys payloads and originals of up to ``limit`` entries."""
        return Batch(*self._one("erase_batch", (self.log, erasure, limit)))

    def finish(self, erasure: str, *, certificate: str) -> int:
        """Ends an erasure with the SHA-256, in hex, of its certificate; returns the entry's number."""
        return int(self._one("finish_erasure", (self.log, erasure, certificate))[0])

    def told_since(self, seq: int) -> list[Told]:
        """The ``log.erased`` entries from ``seq`` on, and all of later incarnations, in order; needs an open ticket."""
        return [Told(*row) for row in self._rows("erased_entries", {"log": self._number, "since": seq})]

    def login(self) -> str:
        """The login that this connection is of."""
        return str(self._one("own_login")[0])

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _one(self, name: str, given: Any = None) -> tuple[Any, ...]:
        return first_of(self._rows(name, given))


class Erasures(Steps):
    """The erasures of one log, over the connection of a login with a duty for it.

    All methods raise :class:`AccessDeniedError` where the duty does not allow it, and :class:`ConfigurationError` where
    the erasure is not in the state for it.
    """

    def __init__(self, reader: Connected) -> None:
        self._connection = reader.connection
        self._number = reader.number
        self.log = reader.log

    def find_person(self, ticket: Ticket, subjects: Sequence[str], *, with_acted: bool) -> PersonFound:
        """What there is of a person, by all ids that stand for them; under a dpo's ticket for the whole log."""
        return PersonFound(*self._one("find_person", (self.log, ticket.id, list(subjects), with_acted)))

    def ask(
        self,
        ticket: Ticket,
        subjects: Sequence[str],
        *,
        with_acted: bool,
        case: str,
        reason: str,
        despite_floors: bool = False,
    ) -> Asked:
        """Asks for an erasure, which a second login then confirms.

        ``despite_floors`` tells that it is asked for although a law asks to keep some of it.
        """
        given = (self.log, ticket.id, list(subjects), with_acted, case, reason, despite_floors)
        return Asked(*self._one("ask_erasure", given))

    def confirm(self, erasure: str) -> int:
        """Confirms what another login asked for; returns the entry's number."""
        return int(self._one("confirm_erasure", (self.log, erasure))[0])

    def withdraw(self, erasure: str) -> int:
        """Ends an erasure that has not begun; returns the entry's number."""
        return int(self._one("withdraw_erasure", (self.log, erasure))[0])

    def prepare(self, erasure: str) -> PersonFound:
        """What a confirmed erasure is going to destroy; the first call fixes ``upto_at``."""
        return PersonFound(*self._one("prepare_erasure", (self.log, erasure)))

    def begin(self, erasure: str, keys: Sequence[str], *, order: str) -> int:
        """Destroys keys and names; ``keys`` as prepared, ``order`` the SHA-256 in hex of the order in the ledger.

        Returns the entry's number. Raises :class:`ConfigurationError` where the person's keys are others by now, or a
        law asks to keep some of it and nobody said "despite that"; :class:`HeldError` where a legal hold keeps some.
        """
        return int(self._one("begin_erasure", (self.log, erasure, list(keys), order))[0])

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        return rows_of(self._connection, name, given)
