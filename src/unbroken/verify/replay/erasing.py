"""What was destroyed for whom, and on whose word: erasures, and the keys and names that went with them."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec

from unbroken.core.times import is_time, parse_time
from unbroken.verify.declaration import runs_in
from unbroken.verify.numbers import size
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import NEAR, Found, Row, Table, is_json, stated_time

_PSEUDONYM: Final = re.compile(r"p-[0-9a-f]{32}")


class Erasure(Row):
    """One erasure; ``reached`` is how far it got at least, and ``told_seq`` the last entry about it so far."""

    erasure: str
    basis: str
    subjects: list[str] = msgspec.field(default_factory=list)
    with_acted: bool = False
    despite_floors: bool = False
    planned: Any = None
    case_name: str | None = None
    reason: str | None = None
    requested_by: str | None = None
    requested_at: str | None = None
    requested_seq: int | None = None
    expires_at: str | None = None
    confirmed_by: str | None = None
    confirmed_at: str | None = None
    confirmed_seq: int | None = None
    withdrawn_by: str | None = None
    withdrawn_seq: int | None = None
    upto_at: str | None = None
    order_sha256: str | None = None
    begun_by: str | None = None
    begun_at: str | None = None
    begun_seq: int | None = None
    reached: int = 0
    keys: int = 0
    payloads: int = 0
    originals: int = 0
    certificate_sha256: str | None = None
    done_at: str | None = None
    done_seq: int | None = None
    told_seq: int = 0


class Erasures(Table[Erasure]):
    """A row for each erasure that was asked for, or brought from the ledger outside after a restore."""

    name = "erasures"
    row = Erasure
    made = "requested_seq"
    numbers = ("confirmed_seq", "withdrawn_seq", "begun_seq", "done_seq")
    follows: ClassVar = {
        **dict.fromkeys(("confirmed_by", "confirmed_at", "confirmed_seq"), "confirmed_seq"),
        **dict.fromkeys(("withdrawn_by", "withdrawn_seq"), "withdrawn_seq"),
        **dict.fromkeys(("order_sha256", "begun_by", "begun_at", "begun_seq", "upto_at"), "begun_seq"),
        **dict.fromkeys(("reached", "keys", "payloads", "originals"), "told_seq"),
        **dict.fromkeys(("certificate_sha256", "done_at", "done_seq"), "done_seq"),
    }
    is_summed = True

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return dict.fromkeys(self._steps, self._heard)

    @property
    def _steps(self) -> Mapping[str, Callable[[Erasure, Statement], Iterable[str]]]:
        """What to do with an erasure as it is known; each gives the times that follow from the entry."""
        return {
            "log.erasure_requested": _requested,
            "log.erasure_confirmed": _confirmed,
            "log.erasure_withdrawn": _withdrawn,
            "log.erasure_reapplied": _reapplied,
            "log.erased": _erased,
        }

    def key(self, found: Found) -> str:
        return str(found["erasure"])

    def place(self, column: str, row: Erasure) -> int:
        return super().place(column, row) or row.told_seq

    def agrees(self, column: str, row: Erasure, value: Any) -> bool:
        match column:
            case "subjects":
                return _are_these_people(row, value)
            case "planned":
                return is_json(value, row.planned)
            case "upto_at":
                return _is_between(row, value)
            case "reached":
                return isinstance(value, int) and row.reached <= value <= max(row.told_seq, row.reached)
        return super().agrees(column, row, value)

    def _heard(self, told: Statement) -> None:
        erasure = told.text("erasure")
        if erasure is None:
            return
        # One that nobody asked for came from the ledger, or from nowhere.
        row = self.rows.get(erasure) or Erasure(erasure=erasure, basis="ledger", untold=_OF_LEDGER)
        times = self._steps[told.type](row, told)
        row.told_seq = told.seq
        row.times = row.times | dict.fromkeys(times, told.at)
        self.rows.put(erasure, row)


_OF_LEDGER: Final = ("subjects", "with_acted", "upto_at")
"""What the ledger outside knows, and no entry."""


def _requested(row: Erasure, told: Statement) -> Iterable[str]:
    until = stated_time(told, "valid_until")
    row.basis = "two people"
    row.subjects, row.with_acted = told.texts("subjects"), told.details.get("with_acted") is True
    row.despite_floors = told.details.get("despite_floors") is True
    row.planned, row.case_name, row.reason = told.details.get("planned"), told.text("case"), told.text("reason")
    row.requested_by, row.requested_seq, row.expires_at = told.login, told.seq, until
    row.untold = () if until else ("expires_at",)
    return ["requested_at"]


def _confirmed(row: Erasure, told: Statement) -> Iterable[str]:
    # Nobody confirms what they asked for: such an entry decides nothing.
    if told.login == row.requested_by:
        return []
    row.confirmed_by, row.confirmed_seq = told.login, told.seq
    return ["confirmed_at"]


def _withdrawn(row: Erasure, told: Statement) -> Iterable[str]:
    row.withdrawn_by, row.withdrawn_seq = told.login, told.seq
    return []


def _reapplied(row: Erasure, _: Statement) -> Iterable[str]:
    # The ledger may know of more ids than the request did, and of another time.
    row.basis, row.untold = "ledger", (*row.untold, "subjects", "upto_at")
    return []


def _erased(row: Erasure, told: Statement) -> Iterable[str]:
    """The first such entry names the order and is the beginning; the last one names the certificate."""
    if told.details.get("complete") is True:
        row.certificate_sha256, row.done_seq = told.text("certificate"), told.seq
        return ["done_at"]
    payloads, originals = _runs(told.text("payloads")), _runs(told.text("originals"))
    row.keys += len(told.texts("keys"))
    row.payloads, row.originals = row.payloads + size(payloads), row.originals + size(originals)
    row.reached = max([row.reached, *(last for _, last in (*payloads, *originals))])
    if told.text("order") is None or row.begun_seq is not None:
        return []
    row.order_sha256, row.begun_by, row.begun_seq = told.text("order"), told.login, told.seq
    return ["begun_at"]


def _are_these_people(row: Erasure, value: Any) -> bool:
    """Whether they are who it was asked for; once it is prepared also what other pseudonyms the same people have."""
    if not isinstance(value, list) or not set(row.subjects) <= set(value):
        return False
    added = set(value) - set(row.subjects)
    return not added or (row.confirmed_seq is not None and all(map(_PSEUDONYM.fullmatch, added)))


def _is_between(row: Erasure, value: Any) -> bool:
    """Until when entries are concerned is set after the confirmation and before the beginning."""
    if value is None:
        return row.begun_seq is None
    if not isinstance(value, str) or not is_time(value) or "confirmed_at" not in row.times:
        return False
    moment: datetime = parse_time(value)
    begun = row.times.get("begun_at")
    return row.times["confirmed_at"] - NEAR <= moment and (begun is None or moment <= begun + NEAR)


def _runs(text: str | None) -> list[tuple[int, int]]:
    try:
        return list(runs_in(text or ""))
    except ValueError:
        return []


class KeyEnd(Row):
    """A vault key that an entry names as destroyed."""

    key_id: str
    destroyed_seq: int


class KeyEnds(Table[KeyEnd]):
    """Of the vault's keys those that are marked as destroyed: each by the first entry that names it, whatever for."""

    name = "subject_keys"
    row = KeyEnd
    made = "destroyed_seq"

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.erased": self._erased, "log.disposed": self._erased}

    def key(self, found: Found) -> str:
        return str(found["key_id"])

    def _erased(self, told: Statement) -> None:
        for key in told.texts("keys"):
            if self.rows.get(key) is None:
                self.rows.put(key, KeyEnd(key_id=key, destroyed_seq=told.seq))


class Forgotten(Row):
    """A pseudonym behind which nobody can be found any more."""

    pseudonym: str
    seq: int


class ForgottenNames(Table[Forgotten]):
    """A row for each pseudonym that an erasure names, with the first entry that does."""

    name = "forgotten"
    row = Forgotten
    made = "seq"

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.erased": self._erased}

    def key(self, found: Found) -> str:
        return str(found["pseudonym"])

    def _erased(self, told: Statement) -> None:
        for pseudonym in told.texts("pseudonyms"):
            if self.rows.get(pseudonym) is None:
                self.rows.put(pseudonym, Forgotten(pseudonym=pseudonym, seq=told.seq))
