"""What a log says of retention: its policies, what their periods start with, and what there is of each class.

The functions of ``sql/functions/retention_policies.sql`` decide and put everything on record. Times are aware UTC, by
the database's clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

import psycopg
from psycopg.types.json import Jsonb

from unbroken.store.rows import first_of, rows_of

PAGE: Final = 20_000
"""Numbers of entries that are counted in one statement."""


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A set of policies: its text, what it would have changed when it was proposed, and what became of it.

    ``state`` is proposed, in force, replaced, withdrawn, overtaken (by a newer one) or expired.
    """

    version: int
    state: str
    sha256: str
    text: str
    simulated: Mapping[str, int]
    reason: str
    proposed_by: str
    proposed_at: datetime
    proposed_seq: int
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_seq: int | None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A set of policies that waits for its second person until ``expires_at``; ``seq`` is its entry."""

    version: int
    seq: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StartEvent:
    """When something happened that a period starts with, for an item of scopes such as ``account=17``."""

    kind: str
    item: str
    at: datetime
    evidence: str
    told_by: str
    told_at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """Policies whose expiry was approved of in advance until ``valid_until``.

    ``state`` is asked, in force, over, ended or expired. ``unchanged`` are those of ``policies`` that are what they
    were when it was asked for: for the others it does not count.
    """

    approval: str
    state: str
    policies: list[str]
    unchanged: list[str]
    reason: str
    asked_by: str
    asked_at: datetime
    asked_seq: int
    expires_at: datetime
    valid_until: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    confirmed_seq: int | None
    ended_by: str | None
    ended_at: datetime | None
    ended_seq: int | None


@dataclass(frozen=True, slots=True)
class AskedStanding:
    """An approval in advance that waits for its second person until ``expires_at``; ``seq`` is its entry."""

    approval: str
    seq: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """What policies go by, once for all entries that have the same; a scope of ``None`` is one that is not known."""

    number: int
    event_type: str
    domains: list[str]
    scope: list[str] | None


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Entries of a class that hold the same parts, recorded within a quarter of an hour from ``recorded_at``.

    ``payloads`` and ``originals`` are how many there are of each: as many as ``entries``, or none. ``extended`` is the
    day until which reviewers kept them, ``domains`` those that reviewers gave them.
    """

    class_number: int
    recorded_at: datetime
    extended: datetime | None
    domains: list[str] | None
    entries: int
    payloads: int
    originals: int
    held: int


@dataclass(frozen=True, slots=True)
class Page:
    """What was counted up to the entry ``upto`` of a log that ended with ``head`` then."""

    upto: int
    head: int
    counts: list[ClassCount]


@dataclass(frozen=True, slots=True)
class EntryRetention:
    """One entry as retention sees it, and what the database makes of a part of it, or of both.

    ``domains`` are those that hold, ``class_domains`` those it was recorded with. ``gone_seq`` is the entry that tells
    what became of what it held. ``matters`` and ``holds`` are ``None`` for a login that may not know them.
    """

    seq: int
    recorded_at: datetime
    event_type: str
    is_own: bool
    class_number: int | None
    class_domains: list[str] | None
    domains: list[str] | None
    scope: list[str] | None
    extended: datetime | None
    payload: bool
    original: bool
    gone_seq: int | None
    gone_type: str | None
    held: bool
    matters: list[str] | None
    holds: list[str] | None
    version: int | None
    waits: list[str] | None
    keep_until: datetime | None
    erase_by: datetime | None
    is_due: bool
    now: datetime
    part: Literal["both", "payloads", "originals"]


class Connected(Protocol):
    """A reader's connection and the log that it is for."""

    log: str

    @property
    def connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """The connection, which its owner closes."""


class Retention:
    """What a log's policies are and what there is of each class, over the connection of a login with a duty for it.

    All methods raise :class:`AccessDeniedError` where the duty does not allow it, and :class:`ConfigurationError` where
    what is asked for can't be.
    """

    def __init__(self, reader: Connected, log: str | None = None) -> None:
        """Of the reader's log, or of another of its incarnations, by its full name."""
        self._connection = reader.connection
        self.log = log or reader.log

    def policy_versions(self) -> list[PolicyVersion]:
        """All sets of policies, the newest first."""
        return [PolicyVersion(*row) for row in self._rows("policy_sets", (self.log,))]

    def propose(self, text: str, *, reason: str, simulated: Mapping[str, int]) -> Proposed:
        """Proposes a set of policies, which a second login then confirms."""
        return Proposed(*self._one("propose_policies", (self.log, text, reason, Jsonb(dict(simulated)))))

    def confirm(self, version: int) -> int:
        """Puts into force what another login proposed; returns the entry's number."""
        return int(self._one("confirm_policies", (self.log, version))[0])

    def withdraw(self, version: int) -> int:
        """Takes a proposal back that nobody has confirmed; returns the entry's number."""
        return int(self._one("withdraw_policies", (self.log, version))[0])

    def tell_start(self, kind: str, item: str, *, at: datetime, evidence: str) -> int:
        """Tells when something happened that periods start with, or corrects it; returns the entry's number."""
        return int(self._one("tell_start", (self.log, kind, item, at, evidence))[0])

    def start_events(self) -> list[StartEvent]:
        """What was told so far, by kind and item: of each the newest."""
        return [StartEvent(*row) for row in self._rows("start_events", (self.log,))]

    def ask_standing(self, policies: Sequence[str], *, valid_until: datetime, reason: str) -> AskedStanding:
        """Asks for an approval in advance, which a second login then confirms."""
        return AskedStanding(*self._one("ask_standing", (self.log, list(policies), valid_until, reason)))

    def confirm_standing(self, approval: str) -> int:
        """Confirms what another login asked for; returns the entry's number."""
        return int(self._one("confirm_standing", (self.log, approval))[0])

    def end_standing(self, approval: str, *, reason: str) -> int:
        """Ends an approval in advance, at once and alone; returns the entry's number."""
        return int(self._one("end_standing", (self.log, approval, reason))[0])

    def standing_approvals(self) -> list[StandingApproval]:
        """All approvals in advance, the newest first."""
        return [StandingApproval(*row) for row in self._rows("standing_approvals", (self.log,))]

    def entry(self, entry: str) -> list[EntryRetention]:
        """One entry by its number or its event's id: of each part by itself where policies tell them apart.

        Empty where there is none.
        """
        return [EntryRetention(*row) for row in self._rows("retention_of", (self.log, entry))]

    def counts(self, *, limit: int = PAGE) -> Iterator[Page]:
        """What there is, some entries at a time, in order; each page is a statement of its own."""
        after = 0
        while True:
            rows = self._rows("class_counts", (self.log, after, limit))
            after, head = first_of(rows)[:2]
            yield Page(after, head, [ClassCount(*row[2:]) for row in rows if row[2] is not None])
            if after >= head:
                return

    def classes(self, numbers: Sequence[int]) -> list[RetentionClass]:
        """The classes of these numbers."""
        return [RetentionClass(*row) for row in self._rows("retention_classes", (self.log, list(numbers)))]

    def _rows(self, name: str, given: Any = None) -> list[tuple[Any, ...]]:
        return rows_of(self._connection, name, given)

    def _one(self, name: str, given: Any = None) -> tuple[Any, ...]:
        return first_of(self._rows(name, given))
