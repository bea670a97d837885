"""Legal holds: what each is about, what it covers in which version, and the changes that were asked for."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import Found, Row, Table, is_json, stated_time


class Hold(Row):
    """A legal hold."""

    hold: str
    matter: str | None
    kind: str | None
    reason: str | None
    grace_days: int | None
    review_days: int | None
    issued_by: str
    issued_seq: int
    issued_at: str | None = None
    reviewed_by: str | None = None
    reviewed_at: str | None = None
    reviewed_seq: int | None = None
    released_at: str | None = None
    released_seq: int | None = None


class Holds(Table[Hold]):
    """A row for each ``log.hold_issued``, with the newest ``log.hold_reviewed`` and what released it."""

    name = "holds"
    row = Hold
    made = "issued_seq"
    numbers = ("reviewed_seq", "released_seq")
    follows: ClassVar = {
        **dict.fromkeys(("reviewed_by", "reviewed_at", "reviewed_seq"), "reviewed_seq"),
        **dict.fromkeys(("released_at", "released_seq"), "released_seq"),
    }

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.hold_issued": self._issued, "log.hold_reviewed": self._reviewed, "log.hold_changed": self._changed}

    def key(self, found: Found) -> str:
        return str(found["hold"])

    def _issued(self, told: Statement) -> None:
        hold = told.text("hold")
        if hold is None or self.rows.get(hold) is not None:
            return
        issued = Hold(
            hold=hold,
            matter=told.text("matter"),
            kind=told.text("kind"),
            reason=told.text("reason"),
            grace_days=told.number("grace_days"),
            review_days=told.number("review_days"),
            issued_by=told.login,
            issued_seq=told.seq,
            times={"issued_at": told.at},
        )
        self.rows.put(hold, issued)

    def _reviewed(self, told: Statement) -> None:
        row = self.rows.get(told.text("hold") or "")
        if row is not None:
            row.reviewed_by, row.reviewed_seq = told.login, told.seq
            row.times = row.times | {"reviewed_at": told.at}
            self.rows.put(row.hold, row)

    def _changed(self, told: Statement) -> None:
        row = self.rows.get(told.text("hold") or "")
        if row is not None and told.text("kind") == "release" and row.released_seq is None:
            row.released_seq = told.seq
            row.times = row.times | {"released_at": told.at}
            self.rows.put(row.hold, row)


class HoldScope(Row):
    """What one version of a hold covers, and until when."""

    hold: str
    version: int
    scope: Any
    sha256: str | None
    seq: int
    since: str | None = None
    ends_at: str | None = None
    ended_seq: int | None = None


class HoldScopes(Table[HoldScope]):
    """A row for each ``log.hold_issued``, and for each ``log.hold_changed`` that narrows; that ends the one before."""

    name = "hold_scopes"
    row = HoldScope
    made = "seq"
    numbers = ("ended_seq",)
    follows: ClassVar = dict.fromkeys(("ends_at", "ended_seq"), "ended_seq")

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[str, Any] = {}
        self._newest: dict[str, int] = {}

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {
            "log.hold_issued": self._issued,
            "log.hold_change_asked": self._asked_for,
            "log.hold_changed": self._changed,
        }

    def key(self, found: Found) -> str:
        return f"{found['hold']} {found['version']}"

    def agrees(self, column: str, row: HoldScope, value: Any) -> bool:
        if column == "scope":
            return is_json(value, row.scope)
        return super().agrees(column, row, value)

    def _issued(self, told: Statement) -> None:
        hold = told.text("hold")
        if hold is not None and hold not in self._newest:
            self._begin(told, hold, 1, told.details.get("scope"))

    def _asked_for(self, told: Statement) -> None:
        request = told.text("request")
        if request is not None and told.text("kind") == "narrow":
            self._asked[request] = told.details.get("scope")

    def _changed(self, told: Statement) -> None:
        hold = told.text("hold") or ""
        version = self._newest.get(hold, 0)
        before = self.rows.get(f"{hold} {version}")
        if before is None or before.ended_seq is not None:
            return
        before.ends_at, before.ended_seq = stated_time(told, "ends_at"), told.seq
        self.rows.put(f"{hold} {version}", before)
        if told.text("kind") == "narrow":
            self._begin(told, hold, version + 1, self._asked.pop(told.text("request") or "", None))

    def _begin(self, told: Statement, hold: str, version: int, scope: Any) -> None:
        self._newest[hold] = version
        begun = HoldScope(
            hold=hold,
            version=version,
            scope=scope,
            sha256=told.text("sha256"),
            seq=told.seq,
            times={"since": told.at},
        )
        self.rows.put(f"{hold} {version}", begun)


class HoldRequest(Row):
    """A change of a hold that was asked for."""

    request: str
    hold: str | None
    kind: str | None
    version: int | None
    sha256: str | None
    scope: Any
    reason: str | None
    asked_by: str
    asked_seq: int
    asked_at: str | None = None
    expires_at: str | None = None
    outcome: str | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    decided_seq: int | None = None


class HoldRequests(Table[HoldRequest]):
    """A row for each ``log.hold_change_asked``, decided by ``log.hold_changed`` or ``log.hold_change_withdrawn``.

    Nobody confirms what they asked for: such an entry decides nothing.
    """

    name = "hold_requests"
    row = HoldRequest
    made = "asked_seq"
    numbers = ("decided_seq",)
    follows: ClassVar = dict.fromkeys(("outcome", "decided_by", "decided_at", "decided_seq"), "decided_seq")

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {
            "log.hold_change_asked": self._asked,
            "log.hold_changed": lambda told: self._decided(told, "confirmed"),
            "log.hold_change_withdrawn": lambda told: self._decided(told, "withdrawn"),
        }

    def key(self, found: Found) -> str:
        return str(found["request"])

    def agrees(self, column: str, row: HoldRequest, value: Any) -> bool:
        if column == "scope":
            return is_json(value, row.scope)
        return super().agrees(column, row, value)

    def _asked(self, told: Statement) -> None:
        request = told.text("request")
        if request is None:
            return
        asked = HoldRequest(
            request=request,
            hold=told.text("hold"),
            kind=told.text("kind"),
            version=told.number("version"),
            sha256=told.text("sha256"),
            scope=told.details.get("scope"),
            reason=told.text("reason"),
            asked_by=told.login,
            asked_seq=told.seq,
            expires_at=stated_time(told, "valid_until"),
            times={"asked_at": told.at},
        )
        self.rows.put(request, asked)

    def _decided(self, told: Statement, outcome: str) -> None:
        row = self.rows.get(told.text("request") or "")
        is_alone = row is not None and outcome == "confirmed" and told.login == row.asked_by
        if row is not None and row.outcome is None and not is_alone:
            row.outcome, row.decided_by, row.decided_seq = outcome, told.login, told.seq
            row.times = row.times | {"decided_at": told.at}
            self.rows.put(row.request, row)
