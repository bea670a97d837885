"""A small log of access, made by hand: entries as the log's own functions make them, and the tables beside them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tests.plain import draft
from unbroken.core.entry import GENESIS, StoredEntry, hash_of
from unbroken.core.event import encode_event
from unbroken.core.times import format_time
from unbroken.investigate.access import AccessReport, Evidence, Period, assembled
from unbroken.investigate.access_reads import Person
from unbroken.investigate.access_review import Server
from unbroken.store.access import GrantRow, RequestRow, Role, TicketRow
from unbroken.verify.examine import columns_of

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
DIGEST = "ab" * 32


@dataclass
class Story:
    """Entries one hour apart, in the order in which they are told, with the rows that they leave in the tables."""

    entries: list[StoredEntry] = field(default_factory=list)
    grants: list[GrantRow] = field(default_factory=list)
    requests: list[RequestRow] = field(default_factory=list)
    tickets: list[TicketRow] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return START + timedelta(hours=len(self.entries))

    def own(self, event_type: str, by: str, /, **details: Any) -> int:
        """An entry of the log's own; returns its number."""
        given = {key: value for key, value in details.items() if value is not None}
        return self.add(event_type, actor_id=by, actor_type="system", details=given, writer=by)

    def add(self, event_type: str, *, writer: str, **fields: Any) -> int:
        made = draft("annotated", ts=self.now, **fields)
        # No recorder may make the log's own types, so a draft can't either.
        event = msgspec.structs.replace(made.event, event_type=event_type)
        entry = StoredEntry(
            log="test.example/agents~1",
            seq=len(self.entries) + 1,
            session_seq=None,
            recorded_at=format_time(self.now),
            writer=writer,
            principal=None,
            prev_hash=self.entries[-1].hash if self.entries else bytes.fromhex(GENESIS),
            hash=b"",
            event=encode_event(event),
            columns=columns_of(event),
        )
        for name, part in made.parts.items():
            setattr(entry, name, part.value)
            setattr(entry, f"{name}_salt", part.salt)
        entry.hash = hash_of(entry.line)
        self.entries.append(entry)
        return entry.seq

    def grant(self, login: str, duty: str, *, by: str = "anna", confirmed_by: str | None = None, **details: Any) -> int:
        basis = details.pop("basis", "two people" if confirmed_by else "one person")
        seq = self.own(
            "access_granted",
            confirmed_by or by,
            login=login,
            duty=duty,
            basis=basis,
            requested_by=by,
            confirmed_by=confirmed_by,
            **details,
        )
        self.grants.append(GrantRow(login, duty, self.now, seq, by, confirmed_by, None, None, None))
        return seq

    def request(self, login: str, duty: str, *, by: str = "anna", request: str = "r-1", days: int = 7) -> str:
        until = self.now + timedelta(days=days)
        seq = self.own(
            "log.access_requested",
            by,
            request=request,
            login=login,
            duty=duty,
            reason="to review",
            valid_until=format_time(until),
        )
        self.requests.append(RequestRow(request, login, duty, "to review", by, seq, until, None, None, None))
        return request

    def confirm(self, request: str, *, by: str = "bert", **changed: Any) -> int:
        row = next(row for row in self.requests if row.request == request)
        given = {"login": row.login, "duty": row.duty, "by": row.requested_by, "request": request, "reason": row.reason}
        given |= changed
        seq = self.grant(given.pop("login"), given.pop("duty"), confirmed_by=by, **given)
        self._decide(row, seq, by, "granted")
        return seq

    def withdraw(self, request: str, *, by: str = "anna") -> int:
        row = next(row for row in self.requests if row.request == request)
        seq = self.own("log.access_withdrawn", by, request=request)
        self._decide(row, seq, by, "withdrawn")
        return seq

    def _decide(self, row: RequestRow, seq: int, by: str, outcome: str) -> None:
        at = self.requests.index(row)
        held = (row.request, row.login, row.duty, row.reason, row.requested_by, row.requested_seq, row.expires_at)
        self.requests[at] = RequestRow(*held, seq, by, outcome)

    def revoke(self, login: str, duty: str, *, by: str = "anna") -> int:
        seq = self.own("access_revoked", by, login=login, duty=duty, reason="left")
        at = next(
            n for n, row in enumerate(self.grants) if (row.login, row.duty) == (login, duty) and not row.revoked_at
        )
        row = self.grants[at]
        held = (row.login, row.duty, row.granted_at, row.granted_seq, row.granted_by, row.confirmed_by)
        self.grants[at] = GrantRow(*held, self.now, seq, by)
        return seq

    def read(self, login: str = "clara", *, ticket: str = "t-1", duty: str = "compliance", **details: Any) -> int:
        until, scope = self.now + timedelta(minutes=15), details.pop("scope", {"what": "tail"})
        seq = self.own(
            "log.read",
            login,
            ticket=ticket,
            duty=duty,
            scope=scope,
            valid_until=format_time(until),
            **{"purpose": "a complaint", **details},
        )
        self.tickets.append(TicketRow(ticket, login, seq, until, scope.get("session")))
        return seq

    def complete(self, login: str = "clara", *, ticket: str = "t-1", outcome: str = "complete", count: int = 3) -> int:
        return self.own("log.read_completed", login, ticket=ticket, outcome=outcome, count=count, digest=DIGEST)

    def evidence(self, **changed: Any) -> Evidence:
        members = {row.login: row.duty for row in self.grants}
        roles = (*self.roles, *(Role(login, True, False, False, False, (duty,), ()) for login, duty in members.items()))
        given: dict[str, Any] = {
            "log": "test.example/agents~1",
            "now": self.now,
            "settled": len(self.entries),
            "grants": self.grants,
            "requests": self.requests,
            "tickets": self.tickets,
            "server": Server(roles, frozenset(role.name for role in roles), frozenset(), self.now - timedelta(days=90)),
            "entries": self.entries,
        }
        return Evidence(**{**given, **changed})

    def report(self, *, period: Period | None = None, **changed: Any) -> AccessReport:
        return assembled(self.evidence(**changed), period or Period(START, self.now, self.now))

    def about(self, *recorded_as: str, sessions: tuple[str, ...] = (), known_as: tuple[str, ...] = ()) -> AccessReport:
        return self.report(person=Person(known_as, recorded_as, frozenset(sessions)))

    def names(self, *pseudonyms: str, login: str = "clara", ticket: str = "t-1") -> int:
        return self.own("log.names_asked", login, lookup=f"l-{ticket}", ticket=ticket, pseudonyms=list(pseudonyms))


def administered() -> Story:
    """A log whose access anna and bert administer; its next entry is number 4."""
    story = Story()
    story.grant("anna", "access", by="dba", basis="installation", reason="set up")
    story.request("bert", "access", by="dba", request="r-0")
    story.confirm("r-0", by="anna")
    return story
