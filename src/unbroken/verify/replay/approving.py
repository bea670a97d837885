"""Requests for approval, what was decided and whether it was used: told by recorders, checked and kept by the log."""

from collections.abc import Iterable
from typing import ClassVar

from unbroken.core.times import is_time
from unbroken.verify.replay.act import Said
from unbroken.verify.replay.table import Found, Row, Table

_UNTIL = "valid_until="


class Approval(Row):
    """One request; ``asked_by`` is the login that recorded it, at ``asked_at``."""

    request: str
    requested_seq: int
    tool: str | None
    call_id: str | None
    arguments_hash: str | None
    actor_id: str
    agent_id: str | None
    requested_until: str | None
    asked_by: str
    asked_at: str
    decided_seq: int | None = None
    outcome: str | None = None
    approved_until: str | None = None
    used_seq: int | None = None
    self_attested: bool | None = None


class Approvals(Table[Approval]):
    """A row for each ``approval_requested``, filled by ``approval_decided`` and by the call that uses it."""

    name = "approvals"
    row = Approval
    made = "requested_seq"
    numbers = ("decided_seq", "used_seq")
    follows: ClassVar = {
        **dict.fromkeys(("decided_seq", "outcome", "approved_until", "self_attested"), "decided_seq"),
        "used_seq": "used_seq",
    }

    def key(self, found: Found) -> str:
        return str(found["request"])

    def hear(self, said: Said) -> None:
        """Takes note of one event about an approval."""
        match said.event.event_type:
            case "approval_requested":
                self.rows.put(said.event.id, _requested(said))
            case "approval_decided":
                self._decided(said)
            case _:
                self._used(said)

    def _asked(self, said: Said) -> Approval | None:
        decision = said.event.decision
        return self.rows.get(decision.request or "") if decision is not None else None

    def _decided(self, said: Said) -> None:
        row, decision = self._asked(said), said.event.decision
        if row is None or decision is None:
            return
        row.decided_seq, row.outcome = said.seq, decision.outcome
        row.approved_until = _until(said.event.scope or ()) if decision.outcome == "approved" else None
        row.self_attested = said.login == row.asked_by
        # An earlier release left it open of a decision that came in one batch with its request.
        row.untold = ("self_attested",) if said.at == row.asked_at and row.self_attested else ()
        self.rows.put(row.request, row)

    def _used(self, said: Said) -> None:
        row = self._asked(said)
        if row is not None:
            row.used_seq = said.seq
            self.rows.put(row.request, row)


def _requested(said: Said) -> Approval:
    event = said.event
    return Approval(
        request=event.id,
        requested_seq=said.seq,
        tool=event.tool,
        call_id=event.call_id,
        arguments_hash=None if event.decision is None else event.decision.arguments_hash,
        actor_id=event.actor_id,
        agent_id=event.agent_id,
        requested_until=_until(event.scope or ()),
        asked_by=said.login,
        asked_at=said.at,
    )


def _until(scope: Iterable[str]) -> str | None:
    """Until when a scope is good; of several times the first in order of their texts."""
    stated = min((item.removeprefix(_UNTIL) for item in scope if item.startswith(_UNTIL)), default="")
    return stated if is_time(stated) else None
