"""What every investigation begins with, over the connection of a reading login: pages of five questions.

The functions of ``sql/functions/investigations.sql`` answer, so that somebody in ``psql`` gets the same. Each answer is
what the database says of its rows: what is shown to anybody is proven from the entries themselves first.

A page has up to ``limit`` rows, 1 to :data:`MOST`; one that is full may have a next page, which begins after its last
row. Times are aware datetimes, given back in UTC by the database's clock, and reach from ``since`` to before ``upto``;
``None`` is no bound. All raise :class:`AccessDeniedError` where this login may not read the log or has no open ticket.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from unbroken.errors import ConfigurationError
from unbroken.store.connection import translated
from unbroken.store.sql import query

MOST: Final = 1000
"""Rows of a page at most."""


@dataclass(frozen=True, slots=True)
class AgentAction:
    """One thing that an agent did for somebody."""

    seq: int
    recorded_at: datetime
    event_type: str
    session_id: str | None
    tool: str | None
    side_effect: bool | None
    outcome: str | None
    resource_type: str | None
    resource_id: str | None


@dataclass(frozen=True, slots=True)
class UnapprovedCall:
    """A call with side effects that nobody else had approved.

    ``reason`` is no_decision, denied, other_arguments, after_the_fact, by_caller, self_attested or not_claimed.
    ``decided_seq`` and ``asked_seq`` are the entries of the decision that was looked at and of its request.
    """

    seq: int
    recorded_at: datetime
    tool: str | None
    call_id: str | None
    session_id: str | None
    actor_id: str
    agent_id: str | None
    reason: str
    decided_seq: int | None
    asked_seq: int | None


@dataclass(frozen=True, slots=True)
class ErrorBurst:
    """A minute of UTC with many errors: how many, of how many agents and sessions, and the first and last of them."""

    minute: datetime
    errors: int
    agents: int
    sessions: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    """An entry that names a resource.

    ``role`` is asked, approved or denied for a request, by what became of it, and for a decision that names the
    resource itself; touched for everything else. ``approved_by``, ``decided_seq`` and ``asked_seq`` tell of the
    approval that the entry is about, or that the call behind it used.
    """

    seq: int
    recorded_at: datetime
    event_type: str
    role: str
    actor_id: str
    agent_id: str | None
    tool: str | None
    session_id: str | None
    approved_by: str | None
    decided_seq: int | None
    asked_seq: int | None


@dataclass(frozen=True, slots=True)
class ContainingEntry:
    """An entry in which something was found; ``contains`` are its flags: card, health, personal, secret."""

    seq: int
    recorded_at: datetime
    event_type: str
    session_id: str | None
    agent_id: str | None
    tool: str | None
    contains: list[str]


class Investigations:
    """Questions to one log, named in full or by its origin, over a connection that somebody else opens and closes."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]", log: str) -> None:
        self._connection = connection
        self._log = log

    def agent_actions(
        self,
        agent: str,
        actor: str,
        *,
        limit: int,
        since: datetime | None = None,
        upto: datetime | None = None,
        after: int = 0,
    ) -> list[AgentAction]:
        """What ``agent`` did for ``actor``, in order of time; ``after`` is the last entry of the page before."""
        given = {"agent": agent, "actor": actor, "since": since, "upto": upto, "after": after}
        return [AgentAction(*row) for row in self._page("agent_actions", limit, given)]

    def unapproved_calls(
        self, *, limit: int, since: datetime | None = None, upto: datetime | None = None, after: int = 0
    ) -> list[UnapprovedCall]:
        """Calls with side effects that nobody else had approved, in order of time; ``after`` as for actions."""
        given = {"since": since, "upto": upto, "after": after}
        return [UnapprovedCall(*row) for row in self._page("unapproved_calls", limit, given)]

    def error_bursts(
        self,
        *,
        limit: int,
        least: int = 1,
        since: datetime | None = None,
        upto: datetime | None = None,
        before: datetime | None = None,
    ) -> list[ErrorBurst]:
        """Minutes with at least ``least`` errors, newest first; ``before`` is the last minute of the page before."""
        given = {"least": least, "since": since, "upto": upto, "before": before}
        return [ErrorBurst(*row) for row in self._page("error_bursts", limit, given)]

    def resource_access(
        self, resource: str, *, limit: int, kind: str | None = None, after: int = 0
    ) -> list[ResourceAccess]:
        """The entries that name ``resource``, of any type or of one, in order of seq, after the entry ``after``."""
        given = {"kind": kind, "resource": resource, "after": after}
        return [ResourceAccess(*row) for row in self._page("resource_access", limit, given)]

    def entries_containing(
        self,
        flags: Collection[str],
        *,
        limit: int,
        since: datetime | None = None,
        upto: datetime | None = None,
        after: int = 0,
    ) -> list[ContainingEntry]:
        """Entries with at least one of ``flags``, in order of time; ``after`` is the last entry of the page before."""
        given = {"flags": sorted(flags), "since": since, "upto": upto, "after": after}
        return [ContainingEntry(*row) for row in self._page("entries_containing", limit, given)]

    def errors_between(self, since: datetime, upto: datetime, *, limit: int, after: int = 0) -> list[int]:
        """The numbers of the errors of a time, in order of time, so that their count can be checked."""
        given = {"since": since, "upto": upto, "after": after}
        return [int(row[0]) for row in self._page("errors_between", limit, given)]

    def _page(self, name: str, limit: int, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        if not 1 <= limit <= MOST:
            raise ConfigurationError(f"a page has 1 to {MOST} rows")
        with translated(), self._connection.cursor(binary=True) as cursor:
            cursor.execute(query("never_compile"))
            # Never prepared: a plan that is kept for other values reads all that an agent ever did for a page of it.
            return cursor.execute(query(name), {"log": self._log, "limit": limit, **given}, prepare=False).fetchall()
