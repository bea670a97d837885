"""Legal holds of a log: what they cover, who issued them, who asked for them to be narrowed or released.

The functions of ``sql/functions/holds.sql`` decide and put everything on record. Times are aware UTC, by the
database's clock. A scope is a JSON object as :mod:`unbroken.retention.holds` makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import psycopg
from psycopg.types.json import Jsonb

from unbroken.store.rows import first_of, rows_of

PAGE: Final = 10_000
"""Entries that are looked at in one statement."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands; ``log`` is the incarnation it was issued in, and it holds in all.

    ``state`` is "in force", "in grace" (released, and covering on until ``ends_at``) or "over". ``scope`` is what it
    was last given, as ``version``. ``review_due_at`` is when somebody has to say again that it is needed, ``None``
    after the release; ``is_overdue`` that nobody did.
    """

    log: str
    hold: str
    state: str
    matter: str
    kind: str
    reason: str
    version: int
    scope: Mapping[str, Any]
    sha256: str
    grace_days: int
    review_days: int
    issued_by: str
    issued_at: datetime
    issued_seq: int
    reviewed_by: str | None
    reviewed_at: datetime | None
    reviewed_seq: int | None
    review_due_at: datetime | None
    is_overdue: bool
    released_at: datetime | None
    released_seq: int | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldScope:
    """One version of what a hold covers; it covers until ``ends_at``, ``None`` while nobody ended it."""

    version: int
    scope: Mapping[str, Any]
    sha256: str
    since: datetime
    seq: int
    ends_at: datetime | None
    ended_seq: int | None


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """A request to narrow a hold to ``scope``, or to release it: of the version that it was asked for, and no other.

    ``state`` is asked, confirmed, withdrawn, expired, or overtaken by another change of the hold.
    """

    request: str
    hold: str
    state: str
    kind: str
    version: int
    sha256: str
    scope: Mapping[str, Any] | None
    reason: str
    asked_by: str
    asked_at: datetime
    asked_seq: int
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_seq: int | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A hold that was issued, and its entry."""

    hold: str
    seq: int


@dataclass(frozen=True, slots=True)
class ChangeAsked:
    """A request that waits for its second person until ``expires_at``; ``seq`` is its entry."""

    request: str
    seq: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """What a hold covers up to an entry: payloads and originals that are there, and entries whose content had gone."""

    upto: int
    preserved: int
    originals: int
    gone: int


class Connected(Protocol):
    """A reader's connection and the log that it is for."""

    log: str

    @property
    def connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """The connection, which its owner closes."""

    def incarnations(self) -> list[tuple[int, str]]:
        """All incarnations of the log: their numbers in the tables, and their full names."""


class Holds:
    """The holds of one log, over the connection of a login with a duty for it.

    All methods raise :class:`AccessDeniedError` where the duty does not allow it, and :class:`ConfigurationError` where
    the hold or request is not in the state for it.
    """

    def __init__(self, reader: Connected) -> None:
        self._reader = reader
        self.log = reader.log

    def all(self) -> list[Hold]:
        """All holds of the log and its other incarnations, the newest first."""
        return [Hold(*row) for row in self._rows("holds", (self.log,))]

    def one(self, hold: str) -> Hold | None:
        """The hold of this id, in lower case with hyphens; ``None`` where there is none."""
        return next((each for each in self.all() if each.hold == hold), None)

    def scopes(self, hold: str) -> list[HoldScope]:
        """What a hold has covered, in order."""
        return [HoldScope(*row) for row in self._rows("hold_scopes", (self.log, hold))]

    def requests(self) -> list[HoldRequest]:
        """All requests to narrow or release a hold, the newest first."""
        return [HoldRequest(*row) for row in self._rows("hold_requests", (self.log,))]

    def issue(
        self, matter: str, kind: str, *, scope: Mapping[str, Any], reason: str, grace_days: int, review_days: int
    ) -> Issued:
        """Issues a hold, which counts at once."""
        given = (self.log, matter, kind, Jsonb(scope), reason, grace_days, review_days)
        return Issued(*self._one("issue_hold", given))

    def logs(self) -> list[tuple[str, int]]:
        """All incarnations of the log, in order, and the number of the last entry of each."""
        names = [name for _, name in self._reader.incarnations()]
        return [(name, next((row[0] for row in self._rows("stated_head", (name,))), 0)) for name in names]

    def reach(self, log: str, hold: str, *, after: int) -> Reach | None:
        """What a hold covers of the next :data:`PAGE` entries that it may cover; ``None`` where there are no more."""
        row = self._one("hold_reach", (log, hold, after, PAGE))
        return None if row[0] is None else Reach(*row)

    def note_reach(self, log: str, hold: str, reach: Reach) -> int:
        """Puts on record what was counted of one incarnation; returns the entry's number."""
        counts = (reach.upto, reach.preserved, reach.originals, reach.gone)
        return int(self._one("note_hold_reach", (log, hold, *counts))[0])

    def review(self, hold: str, *, reason: str) -> int:
        """Says that a hold is still needed; returns the entry's number."""
        return int(self._one("review_hold", (self.log, hold, reason))[0])

    def ask_narrowing(self, hold: str, scope: Mapping[str, Any], *, reason: str) -> ChangeAsked:
        """Asks for a hold to cover no more than ``scope``, which has to be narrower than what it covers."""
        return ChangeAsked(*self._one("ask_hold_change", (self.log, hold, "narrow", Jsonb(scope), reason)))

    def ask_release(self, hold: str, *, reason: str) -> ChangeAsked:
        """Asks for a hold to be released."""
        return ChangeAsked(*self._one("ask_hold_change", (self.log, hold, "release", None, reason)))

    def confirm(self, request: str) -> int:
        """Confirms what another login asked for; returns the entry's number."""
        return int(self._one("confirm_hold_change", (self.log, request))[0])

    def withdraw(self, request: str) -> int:
        """Ends a request that nobody confirmed; returns the entry's number."""
        return int(self._one("withdraw_hold_change", (self.log, request))[0])

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        return rows_of(self._reader.connection, name, given)

    def _one(self, name: str, given: Any = None) -> tuple[Any, ...]:
        return first_of(self._rows(name, given))
