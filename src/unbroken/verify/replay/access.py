"""Who may do what, and who asked for it: grants and requests."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import Found, Row, Table, stated_time

ADOPTED = "migration"
"""The basis of grants that are older than their entries."""


class Grant(Row):
    """A login's duty."""

    login: str
    duty: str
    granted_seq: int
    granted_by: str
    granted_at: str | None = None
    confirmed_by: str | None = None
    revoked_at: str | None = None
    revoked_seq: int | None = None
    revoked_by: str | None = None


class Grants(Table[Grant]):
    """A row for each ``access_granted``, which an ``access_revoked`` ends."""

    name = "grants"
    row = Grant
    made = "granted_seq"
    numbers = ("revoked_seq",)
    follows: ClassVar = {"revoked_at": "revoked_seq", "revoked_seq": "revoked_seq", "revoked_by": "revoked_seq"}

    def __init__(self) -> None:
        super().__init__()
        self._standing: dict[tuple[str, str], str] = {}

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"access_granted": self._granted, "access_revoked": self._revoked}

    def key(self, found: Found) -> str:
        return str(found["granted_seq"])

    def _granted(self, told: Statement) -> None:
        login, duty = told.text("login"), told.text("duty")
        if login is None or duty is None:
            return
        is_adopted = told.text("basis") == ADOPTED
        self._standing[login, duty] = key = str(told.seq)
        grant = Grant(
            login=login,
            duty=duty,
            granted_seq=told.seq,
            granted_by=told.text("requested_by") or told.login,
            confirmed_by=told.text("confirmed_by"),
            times={} if is_adopted else {"granted_at": told.at},
            untold=("granted_at",) if is_adopted else (),
        )
        self.rows.put(key, grant)

    def _revoked(self, told: Statement) -> None:
        key = self._standing.pop((told.text("login") or "", told.text("duty") or ""), None)
        grant = None if key is None else self.rows.get(key)
        if key is None or grant is None:
            return
        grant.revoked_seq, grant.revoked_by = told.seq, told.login
        grant.times = grant.times | {"revoked_at": told.at}
        self.rows.put(key, grant)


class AccessRequest(Row):
    """A duty that was asked for."""

    request: str
    login: str
    duty: str
    reason: str | None
    requested_by: str
    requested_seq: int
    requested_at: str | None = None
    expires_at: str | None = None
    decided_seq: int | None = None
    decided_by: str | None = None
    outcome: str | None = None


class AccessRequests(Table[AccessRequest]):
    """A row for each ``log.access_requested``, decided by ``access_granted`` or ``log.access_withdrawn``."""

    name = "access_requests"
    row = AccessRequest
    made = "requested_seq"
    numbers = ("decided_seq",)
    follows: ClassVar = {"decided_seq": "decided_seq", "decided_by": "decided_seq", "outcome": "decided_seq"}

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {
            "log.access_requested": self._requested,
            "access_granted": lambda told: self._decided(told, "granted"),
            "log.access_withdrawn": lambda told: self._decided(told, "withdrawn"),
        }

    def key(self, found: Found) -> str:
        return str(found["request"])

    def _requested(self, told: Statement) -> None:
        request, login, duty = told.text("request"), told.text("login"), told.text("duty")
        if request is None or login is None or duty is None:
            return
        until = stated_time(told, "valid_until")
        asked = AccessRequest(
            request=request,
            login=login,
            duty=duty,
            reason=told.text("reason"),
            requested_by=told.login,
            requested_seq=told.seq,
            expires_at=until,
            times={"requested_at": told.at},
            untold=() if until else ("expires_at",),
        )
        self.rows.put(request, asked)

    def _decided(self, told: Statement, outcome: str) -> None:
        asked = self.rows.get(told.text("request") or "")
        if asked is not None and asked.outcome is None:
            asked.decided_seq, asked.decided_by, asked.outcome = told.seq, told.login, outcome
            self.rows.put(asked.request, asked)
