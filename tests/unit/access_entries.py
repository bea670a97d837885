"""A small log of access, made by hand: entries as the log's own functions make them, and the tables beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import msgspec

from tests.plain import draft
from unbroken.core.entry import GENESIS, StoredEntry, hash_of
from unbroken.core.event import encode_event
from unbroken.core.times import format_time
from unbroken.investigate.access import AccessReport, Evidence, Period, assembled
from unbroken.investigate.access_reads import Person
from unbroken.investigate.access_review import Server
from unbroken.store.access import GrantRow, OpeningRow, RequestRow, Role, TicketRow
from unbroken.store.erasures import Erasure as ErasureRow
from unbroken.verify.examine import columns_of

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
DIGEST = "ab" * 32
ERASURE = "0b51c6f2-0000-4000-8000-000000000001"
_LATER: tuple[str, ...] = (
    *("confirmed_by", "confirmed_at", "confirmed_seq", "upto_at", "begun_by", "begun_at", "begun_seq"),
    *("order_sha256", "done_at", "done_seq", "certificate_sha256"),
)
"""What a row of the table of erasures gets one step after another."""


@dataclass
class Story:
    """Entries one hour apart, in the order in which they are told, with the rows that they leave in the tables."""

    entries: list[StoredEntry] = field(default_factory=list)
    grants: list[GrantRow] = field(default_factory=list)
    requests: list[RequestRow] = field(default_factory=list)
    tickets: list[TicketRow] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    openings: list[OpeningRow] = field(default_factory=list)
    erasures: list[ErasureRow] = field(default_factory=list)

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

    def ask(
        self, *seqs: int, login: str = "vera", ticket: str = "t-1", kind: str = "open", opening: str = "o-1"
    ) -> int:
        """Asks for originals."""
        told = ranges_of(seqs)
        seq = self.own("log.original_asked", login, opening=opening, ticket=ticket, kind=kind, seqs=told)
        self.openings.append(OpeningRow(opening, kind, ticket, seqs, None, login, seq, None))
        return seq

    def opened(self, opened: int, failed: int = 0, *, login: str = "vera", opening: str = "o-1") -> int:
        seq = self.own("log.original_opened", login, opening=opening, opened=opened, failed=failed, digest=DIGEST)
        self._ended(opening, seq)
        return seq

    def rewrap(self, to: str, *, login: str = "vera", opening: str = "w-1") -> int:
        seq = self.own("log.vault_rewrapping", login, opening=opening, to=to)
        self.openings.append(OpeningRow(opening, "rewrap", None, (), to, login, seq, None))
        return seq

    def rewrapped(self, to: str, keys: int, *, login: str = "vera", opening: str = "w-1") -> int:
        seq = self.own("log.vault_rewrapped", login, opening=opening, to=to, keys=keys, others=1)
        self._ended(opening, seq)
        return seq

    def _ended(self, opening: str, seq: int) -> None:
        self.openings = [replace(row, done_seq=seq) if row.opening == opening else row for row in self.openings]

    def erasure(self, *subjects: str, by: str = "dpo", erasure: str = ERASURE, days: int = 7) -> int:
        """Asks for an erasure."""
        until, planned = self.now + timedelta(days=days), {"payloads": 5, "originals": 3, "keys": 1, "others": 2}
        seq = self.own(
            "log.erasure_requested",
            by,
            erasure=erasure,
            subjects=list(subjects),
            with_acted=False,
            planned=planned,
            case="C-31",
            reason="asked on 3 March",
            valid_until=format_time(until),
        )
        row = ErasureRow(
            erasure=erasure,
            state="asked",
            basis="two people",
            case="C-31",
            reason="asked on 3 March",
            with_acted=False,
            subjects=list(subjects),
            requested_by=by,
            requested_at=self.now,
            requested_seq=seq,
            expires_at=until,
            planned=planned,
            payloads=0,
            originals=0,
            keys=0,
            despite_floors=False,
            **dict.fromkeys(_LATER),
        )
        self.erasures.append(row)
        return seq

    def confirmed(self, *, by: str = "legal", erasure: str = ERASURE) -> int:
        seq = self.own("log.erasure_confirmed", by, erasure=erasure)
        self._step(erasure, state="confirmed", confirmed_by=by, confirmed_at=self.now, confirmed_seq=seq)
        return seq

    def withdrawn(self, *, by: str = "legal", erasure: str = ERASURE) -> int:
        seq = self.own("log.erasure_withdrawn", by, erasure=erasure)
        self._step(erasure, state="withdrawn")
        return seq

    def begun(self, *keys: str, by: str = "dpo", erasure: str = ERASURE) -> int:
        seq = self.own("log.erased", by, erasure=erasure, order=DIGEST, keys=list(keys), pseudonyms=[])
        self._step(erasure, state="begun", begun_by=by, begun_seq=seq, order_sha256=DIGEST)
        return seq

    def erased(self, payloads: str, originals: str, *, by: str = "dpo", erasure: str = ERASURE) -> int:
        return self.own("log.erased", by, erasure=erasure, payloads=payloads, originals=originals)

    def finished(self, *, by: str = "dpo", erasure: str = ERASURE) -> int:
        seq = self.own("log.erased", by, erasure=erasure, complete=True, certificate=DIGEST, payloads=9, originals=9)
        self._step(erasure, state="done", done_seq=seq, certificate_sha256=DIGEST)
        return seq

    def _step(self, erasure: str, **changed: Any) -> None:
        self.erasures = [replace(row, **changed) if row.erasure == erasure else row for row in self.erasures]

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
            "openings": self.openings,
            "erasures": self.erasures,
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


def ranges_of(seqs: Sequence[int]) -> str:
    """``3-5,9`` for 3, 4, 5, 9: numbers in order, as the database writes them."""
    runs = [[seq for _, seq in run] for _, run in groupby(enumerate(seqs), key=lambda pair: pair[1] - pair[0])]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def administered() -> Story:
    """A log whose access anna and bert administer; its next entry is number 4."""
    story = Story()
    story.grant("anna", "access", by="dba", basis="installation", reason="set up")
    story.request("bert", "access", by="dba", request="r-0")
    story.confirm("r-0", by="anna")
    return story
