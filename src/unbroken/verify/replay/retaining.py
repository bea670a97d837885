"""What is to be kept for how long: policies, the events that periods start with, approvals in advance."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import Found, Row, Table, is_json, stated_time


class PolicySet(Row):
    """One version of a log's policies."""

    version: int
    text: str | None
    sha256: str | None
    simulated: Any
    reason: str | None
    proposed_by: str
    proposed_seq: int
    proposed_at: str | None = None
    expires_at: str | None = None
    outcome: str | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    decided_seq: int | None = None


class PolicySets(Table[PolicySet]):
    """A row for each ``log.policies_proposed``, decided by ``_confirmed`` or ``_withdrawn``.

    Nobody confirms what they proposed: such an entry decides nothing.
    """

    name = "policy_sets"
    row = PolicySet
    made = "proposed_seq"
    numbers = ("decided_seq",)
    follows: ClassVar = dict.fromkeys(("outcome", "decided_by", "decided_at", "decided_seq"), "decided_seq")

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {
            "log.policies_proposed": self._proposed,
            "log.policies_confirmed": lambda told: self._decided(told, "confirmed"),
            "log.policies_withdrawn": lambda told: self._decided(told, "withdrawn"),
        }

    def key(self, found: Found) -> str:
        return str(found["version"])

    def agrees(self, column: str, row: PolicySet, value: Any) -> bool:
        if column == "simulated":
            return is_json(value, row.simulated)
        return super().agrees(column, row, value)

    def _proposed(self, told: Statement) -> None:
        version = told.number("version")
        if version is None:
            return
        proposed = PolicySet(
            version=version,
            text=told.text("text"),
            sha256=told.text("sha256"),
            simulated=told.details.get("simulated"),
            reason=told.text("reason"),
            proposed_by=told.login,
            proposed_seq=told.seq,
            expires_at=stated_time(told, "valid_until"),
            times={"proposed_at": told.at},
        )
        self.rows.put(str(version), proposed)

    def _decided(self, told: Statement, outcome: str) -> None:
        row = self.rows.get(str(told.number("version")))
        is_alone = row is not None and outcome == "confirmed" and told.login == row.proposed_by
        if row is not None and row.outcome is None and not is_alone:
            row.outcome, row.decided_by, row.decided_seq = outcome, told.login, told.seq
            row.times = row.times | {"decided_at": told.at}
            self.rows.put(str(row.version), row)


class StartEvent(Row):
    """When something happened that periods start with, as it was told last."""

    kind: str
    item: str
    at: str | None
    evidence: str | None
    told_by: str
    seq: int
    told_at: str | None = None


class StartEvents(Table[StartEvent]):
    """A row for what ``log.start_told`` tells of, by the newest such entry."""

    name = "start_events"
    row = StartEvent
    made = "seq"

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.start_told": self._told}

    def key(self, found: Found) -> str:
        return f"{found['kind']}\x00{found['item']}"

    def _told(self, told: Statement) -> None:
        kind, item = told.text("kind"), told.text("item")
        if kind is None or item is None:
            return
        event = StartEvent(
            kind=kind,
            item=item,
            at=stated_time(told, "at"),
            evidence=told.text("evidence"),
            told_by=told.login,
            seq=told.seq,
            times={"told_at": told.at},
        )
        self.rows.put(f"{kind}\x00{item}", event)


class StandingApproval(Row):
    """An approval in advance of what some policies let go."""

    approval: str
    policies: list[str]
    reason: str | None
    asked_by: str
    asked_seq: int
    asked_at: str | None = None
    expires_at: str | None = None
    valid_until: str | None = None
    confirmed_by: str | None = None
    confirmed_at: str | None = None
    confirmed_seq: int | None = None
    ended_by: str | None = None
    ended_at: str | None = None
    ended_seq: int | None = None


class StandingApprovals(Table[StandingApproval]):
    """A row for each ``log.standing_asked``, which others confirm and end."""

    name = "standing_approvals"
    row = StandingApproval
    made = "asked_seq"
    numbers = ("confirmed_seq", "ended_seq")
    follows: ClassVar = {
        **dict.fromkeys(("confirmed_by", "confirmed_at", "confirmed_seq"), "confirmed_seq"),
        **dict.fromkeys(("ended_by", "ended_at", "ended_seq"), "ended_seq"),
    }

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {
            "log.standing_asked": self._asked,
            "log.standing_confirmed": self._confirmed,
            "log.standing_ended": self._ended,
        }

    def key(self, found: Found) -> str:
        return str(found["approval"])

    def _asked(self, told: Statement) -> None:
        approval = told.text("approval")
        if approval is None:
            return
        asked = StandingApproval(
            approval=approval,
            policies=told.texts("policies"),
            reason=told.text("reason"),
            asked_by=told.login,
            asked_seq=told.seq,
            expires_at=stated_time(told, "answer_until"),
            valid_until=stated_time(told, "valid_until"),
            times={"asked_at": told.at},
        )
        self.rows.put(approval, asked)

    def _confirmed(self, told: Statement) -> None:
        row = self.rows.get(told.text("approval") or "")
        if row is not None and row.confirmed_seq is None and told.login != row.asked_by:
            row.confirmed_by, row.confirmed_seq = told.login, told.seq
            row.times = row.times | {"confirmed_at": told.at}
            self.rows.put(row.approval, row)

    def _ended(self, told: Statement) -> None:
        row = self.rows.get(told.text("approval") or "")
        if row is not None and row.ended_seq is None:
            row.ended_by, row.ended_seq = told.login, told.seq
            row.times = row.times | {"ended_at": told.at}
            self.rows.put(row.approval, row)
