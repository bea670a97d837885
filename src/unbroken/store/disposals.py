"""Disposals of a log: what is due and frozen, who proposed, reviewed and approved it, and the steps that destroy it.

The functions of ``sql/functions/disposals.sql`` and ``dropping.sql`` decide and put everything on record; nothing is
destroyed but through them. Times are aware UTC, by the database's clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

import psycopg

from unbroken.store.erasures import Told
from unbroken.store.log_reader import StatedHead
from unbroken.store.rows import first_of, rows_of

PAGE: Final = 10_000
"""Entries that are looked at in one statement."""
MOST_TOLD: Final = 1000
"""Entries that tell of a disposal, in one answer."""
OPEN: Final = ("frozen", "proposed", "reviewed", "approved", "begun", "emptied", "gone", "expired")
"""States of a disposal that has neither ended nor been withdrawn."""


@dataclass(frozen=True, slots=True)
class Disposal:
    """A disposal and how far it is.

    ``state`` is frozen (candidates are being looked for), proposed, reviewed, approved, begun, emptied (all lots are
    through), gone (nothing of it is left here), done, withdrawn or expired. ``standing``: under approvals in advance.
    Of ``entries`` candidates ``through`` were gone through so far; ``payloads``, ``originals`` and ``keys`` went,
    ``kept`` candidates were left; ``approvals`` are those in advance that it was proposed under. What has not happened
    yet is ``None``.
    """

    disposal: str
    state: str
    standing: bool
    policies_version: int
    upto: int
    reached: int
    entries: int
    sha256: str | None
    started_by: str
    started_at: datetime
    proposed_by: str | None
    proposed_at: datetime | None
    proposed_seq: int | None
    expires_at: datetime | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    reviewed_seq: int | None
    approved_by: str | None
    approved_at: datetime | None
    approved_seq: int | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdrawn_seq: int | None
    begun_by: str | None
    begun_at: datetime | None
    begun_seq: int | None
    through: int
    payloads: int
    originals: int
    keys: int
    kept: int
    emptied_at: datetime | None
    gone_at: datetime | None
    certificate_sha256: str | None
    done_at: datetime | None
    done_seq: int | None
    decisions: int
    approvals: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether all was looked through and nothing was due: it is taken up anew then."""
        return self.state == "frozen" and self.entries == 0 and self.reached >= self.upto


@dataclass(frozen=True, slots=True)
class Looking:
    """How far the look for candidates is: through with it at ``upto``, with ``entries`` found."""

    reached: int
    upto: int
    entries: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch destroyed and left, and its entry; ``seq`` is ``None`` where all lots are through."""

    seq: int | None
    payloads: int
    originals: int
    keys: int
    kept: int


@dataclass(frozen=True, slots=True)
class Group:
    """The candidates of one class of which the same ``part`` goes: both, originals or payloads.

    ``scope`` is ``None`` where it is not known.
    """

    number: int
    event_type: str
    domains: list[str]
    scope: list[str] | None
    policies: list[str]
    entries: int
    first: int
    last: int
    oldest: datetime
    newest: datetime
    part: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer took out: by ``classes`` or ``numbers``, ``until`` a day or under other ``domains``."""

    nth: int
    decision: str
    classes: list[int] | None
    numbers: str | None
    until: datetime | None
    domains: list[str] | None
    reason: str
    decided_by: str
    decided_at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Under:
    """A policy, as the set has it whose SHA-256 is ``policies_sha256``, and how many candidates fall under it."""

    policy: Mapping[str, Any]
    entries: int
    policies_sha256: str


@dataclass(frozen=True, slots=True)
class Place:
    """A partition in which something was deleted, with its size in bytes.

    ``how`` tells that it is gone: dropped, rewritten or vacuumed. Until then ``waits_for`` is "vacuum", or "snapshot"
    where it was vacuumed and somebody may still see what was deleted, or ``None`` where :meth:`Disposals.note_gone`
    will find that it is gone.
    """

    number: int
    part: str
    partition: str
    size: int
    how: str | None
    gone_at: datetime | None
    waits_for: str | None


class Connected(Protocol):
    """A reader's connection and the log that it is for."""

    log: str

    @property
    def connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """The connection, which its owner closes."""


class Disposals:
    """The disposals of one log, over the connection of a login with a duty for it; ``log`` is an incarnation's name.

    All methods raise :class:`AccessDeniedError` where the duty does not allow it, and :class:`ConfigurationError` where
    the disposal is not in the state for it.
    """

    def __init__(self, reader: Connected, *, log: str | None = None) -> None:
        self._reader = reader
        self.log = log or reader.log

    def all(self) -> list[Disposal]:
        """All disposals, the newest first."""
        return [Disposal(*row) for row in self._rows("disposals", (self.log,))]

    def one(self, disposal: str) -> Disposal | None:
        """The disposal of this id, in lower case with hyphens; ``None`` where there is none."""
        return next((each for each in self.all() if each.disposal == disposal), None)

    def open(self, *, standing: bool) -> Disposal | None:
        """The one that has not ended, with or without approvals in advance."""
        return next((each for each in self.all() if each.standing == standing and each.state in OPEN), None)

    def groups(self, disposal: str) -> list[Group]:
        """The candidates by class, the most first."""
        return [Group(*row) for row in self._rows("disposal_groups", (self.log, disposal))]

    def decisions(self, disposal: str) -> list[Decision]:
        """What reviewers took out, in order."""
        return [Decision(*row) for row in self._rows("disposal_decisions", (self.log, disposal))]

    def policies(self, disposal: str) -> list[Under]:
        """The policies that candidates fall under."""
        return [Under(*row) for row in self._rows("disposal_policies", (self.log, disposal))]

    def places(self, disposal: str) -> list[Place]:
        """Where something of it was deleted."""
        return [Place(*row) for row in self._rows("gone_state", (self.log, disposal))]

    def told(self, disposal: str) -> Iterator[Told]:
        """The log's entries that say what became of it, in order."""
        after = 0
        while rows := self._rows("disposed_entries", (self.log, disposal, after, MOST_TOLD)):
            yield from (Told(*row) for row in rows)
            after = rows[-1][0]

    def stated_head(self) -> StatedHead | None:
        """The end of this very incarnation as the database states it; ``None`` for an empty log."""
        row = next(iter(self._rows("stated_head", (self.log,))), None)
        return None if row is None else StatedHead.of(row)

    def start(self, *, standing: bool) -> str | None:
        """Begins to look for candidates, or goes on; ``None`` where no policy is in force, or approved in advance."""
        row = next(iter(self._rows("start_disposal", (self.log, standing))), None)
        return None if row is None else str(row[0])

    def freeze(self, disposal: str, limit: int = PAGE) -> Looking:
        """Looks through the next entries that hold something."""
        return Looking(*self._one("freeze_disposal", (self.log, disposal, limit)))

    def propose(self, disposal: str) -> int | None:
        """Proposes what was found; the entry's number, ``None`` where nothing was."""
        seq: int | None = self._one("propose_disposal", (self.log, disposal))[0]
        return seq

    def decide(
        self,
        disposal: str,
        decision: Literal["extend", "relabel"],
        *,
        classes: Sequence[int] | None,
        numbers: str | None,
        until: datetime | None,
        domains: Sequence[str] | None,
        reason: str,
    ) -> int:
        """Takes candidates out, by classes or numbers such as ``3-7,9``; returns the entry's number."""
        given = (None if each is None else list(each) for each in (classes, domains))
        of_classes, under = given
        return int(
            self._one("decide_disposal", (self.log, disposal, decision, of_classes, numbers, until, under, reason))[0]
        )

    def review(self, disposal: str, *, sha256: str, reason: str) -> int:
        """Says that the list with this hash was looked at and may go; returns the entry's number."""
        return int(self._one("review_disposal", (self.log, disposal, sha256, reason))[0])

    def approve(self, disposal: str, *, sha256: str) -> int:
        """The second person's word for the list with this hash; returns the entry's number."""
        return int(self._one("approve_disposal", (self.log, disposal, sha256))[0])

    def withdraw(self, disposal: str, *, reason: str) -> int:
        """Ends one that has not begun; returns the entry's number."""
        return int(self._one("withdraw_disposal", (self.log, disposal, reason))[0])

    def begin(self, disposal: str) -> int:
        """Announces that it is carried out, once; returns the entry's number."""
        return int(self._one("begin_disposal", (self.log, disposal))[0])

    def batch(self, disposal: str, limit: int) -> Batch:
        """Destroys what the next lots hold: of up to ``limit`` candidates, and at least one lot."""
        return Batch(*self._one("dispose_batch", (self.log, disposal, limit)))

    def drop_empty(self, number: int) -> str:
        """Drops one partition of this number that is empty: dropped, more, in use, not empty, or newest."""
        return str(self._one("drop_empty", (self.log, number))[0])

    def note_gone(self, disposal: str) -> bool:
        """Looks whether what was deleted is gone, and notes what is; whether all of it is."""
        return bool(self._one("note_gone", (self.log, disposal))[0])

    def finish(self, disposal: str, *, certificate: str) -> int:
        """Ends it with the SHA-256, in hex, of its certificate; returns the entry's number."""
        return int(self._one("finish_disposal", (self.log, disposal, certificate))[0])

    def login(self) -> str:
        """The login that this connection is of."""
        return str(self._one("own_login")[0])

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        return rows_of(self._reader.connection, name, given)

    def _one(self, name: str, given: Any = None) -> tuple[Any, ...]:
        return first_of(self._rows(name, given))
