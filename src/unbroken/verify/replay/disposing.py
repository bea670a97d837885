"""What was disposed of, and on whose word: the rounds, each with what reviewers took out of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

from unbroken.core.times import is_time, parse_time
from unbroken.verify.numbers import size
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.lots import batch_in, runs_named, runs_of_multirange
from unbroken.verify.replay.standing import Standing
from unbroken.verify.replay.table import NEAR, Found, Remark, Row, Table, stated_time

_COUNTED: Final = ("payloads", "originals", "keys", "kept")
_UNTOLD: Final = ("started_by", "started_at")
"""Who began to look for candidates, and when."""


class Disposal(Row):
    """One round. ``through`` counts its candidates that batches tell of, the newest of which is ``told_seq``."""

    disposal: str
    standing: bool = False
    policies_version: int | None = None
    upto: int | None = None
    entries: int | None = None
    sha256: str | None = None
    proposed_by: str | None = None
    proposed_at: str | None = None
    proposed_seq: int | None = None
    expires_at: str | None = None
    reviewed_by: str | None = None
    reviewed_at: str | None = None
    reviewed_seq: int | None = None
    approved_by: str | None = None
    approved_at: str | None = None
    approved_seq: int | None = None
    withdrawn_by: str | None = None
    withdrawn_at: str | None = None
    withdrawn_seq: int | None = None
    begun_by: str | None = None
    begun_at: str | None = None
    begun_seq: int | None = None
    payloads: int = 0
    originals: int = 0
    keys: int = 0
    kept: int = 0
    through: int = 0
    told_seq: int = 0
    certificate_sha256: str | None = None
    done_at: str | None = None
    done_seq: int | None = None
    emptied_at: str | None = None
    gone_at: str | None = None


class Disposals(Table[Disposal]):
    """A row for each disposal that was proposed. Of one that isn't yet, which only collects candidates, no entry tells.

    Notes as well what no row can show: destruction that was not announced, approved by two people, or of this list.
    """

    name = "disposals"
    row = Disposal
    made = "proposed_seq"
    numbers = ("reviewed_seq", "approved_seq", "withdrawn_seq", "begun_seq", "done_seq")
    follows: ClassVar = {
        **{
            f"{step}_{what}": f"{step}_seq"
            for step in ("reviewed", "approved", "withdrawn", "begun", "done")
            for what in ("by", "at", "seq")
        },
        **dict.fromkeys((*_COUNTED, "emptied_at", "gone_at"), "told_seq"),
        "certificate_sha256": "done_seq",
    }
    is_summed = True

    def __init__(self) -> None:
        super().__init__()
        self._standing = Standing()
        self._remarks: list[Remark] = []

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {**self._standing.hears, **dict.fromkeys(self._steps, self._heard)}

    @property
    def _steps(self) -> Mapping[str, Callable[[Disposal, Statement], Iterable[str]]]:
        """What to do with a disposal as it is known; each gives the times that follow from the entry."""
        return {
            "log.disposal_proposed": self._proposed,
            "log.disposal_reviewed": _reviewed,
            "log.disposal_approved": _approved,
            "log.disposal_withdrawn": _withdrawn,
            "log.disposing": self._begun,
            "log.disposed": self._disposed,
        }

    def key(self, found: Found) -> str:
        return str(found["disposal"])

    def is_lawful(self, found: Found) -> bool:
        later = ("sha256", "emptied_at", "gone_at", *self.numbers, *_COUNTED)
        return found["proposed_seq"] is None and not any(found[column] for column in later)

    def place(self, column: str, row: Disposal) -> int:
        return super().place(column, row) or row.told_seq

    def differing(self, row: Disposal, found: Found) -> Iterator[str]:
        for column in super().differing(row, found):
            # The counts are put in when all lots are through.
            if column not in _COUNTED or found["emptied_at"] is not None or found[column] != 0:
                yield column
        if found["emptied_at"] is None and found["gone_at"] is not None:
            yield "emptied_at"

    def agrees(self, column: str, row: Disposal, value: Any) -> bool:
        match column:
            case "reached":
                return bool(value == row.upto)
            case "emptied_at":
                return _is_after(row, value) and (value is None or row.through == row.entries)
            case "gone_at":
                return _is_after(row, value)
        return super().agrees(column, row, value)

    def remarks(self) -> Iterable[Remark]:
        return self._remarks

    def _heard(self, told: Statement) -> None:
        disposal = told.text("disposal")
        if disposal is None:
            return
        row = self.rows.get(disposal) or Disposal(disposal=disposal, untold=_UNTOLD)
        times = self._steps[told.type](row, told)
        row.told_seq = told.seq
        row.times = row.times | dict.fromkeys(times, told.at)
        self.rows.put(disposal, row)

    def _proposed(self, row: Disposal, told: Statement) -> Iterable[str]:
        row.standing = told.details.get("standing") is True
        row.policies_version, row.upto, row.entries = map(told.number, ("policies_version", "upto", "entries"))
        row.sha256, row.proposed_by, row.proposed_seq = told.text("sha256"), told.login, told.seq
        row.expires_at = stated_time(told, "valid_until")
        if not row.standing:
            return ["proposed_at"]
        if not self._standing.are_good(told):
            wanted = f"approvals in advance that count: disposal {row.disposal} is proposed under them"
            self._remarks.append(Remark("not_approved", told.seq, wanted, "others, or none"))
        row.approved_by, row.approved_seq = told.login, told.seq
        return ["proposed_at", "approved_at"]

    def _begun(self, row: Disposal, told: Statement) -> Iterable[str]:
        if not _is_approved(row) or told.text("sha256") != row.sha256:
            wanted = f"a disposal that two people approved of, or others in advance: {row.disposal}"
            self._remarks.append(Remark("not_approved", told.seq, wanted, "one that was not, or another list"))
        row.begun_by, row.begun_seq = told.login, told.seq
        return ["begun_at"]

    def _disposed(self, row: Disposal, told: Statement) -> Iterable[str]:
        if told.details.get("complete") is True:
            row.certificate_sha256, row.done_seq = told.text("certificate"), told.seq
            return ["done_at"]
        if row.begun_seq is None:
            wanted = f"an entry log.disposing before it, of disposal {row.disposal}"
            self._remarks.append(Remark("not_approved", told.seq, wanted, "none"))
        batch = batch_in(told)
        row.payloads, row.originals = row.payloads + size(batch.payloads), row.originals + size(batch.originals)
        row.keys, row.kept = row.keys + len(told.texts("keys")), row.kept + size(batch.kept)
        row.through += size(batch.candidates)
        return ["told_at"]


def _is_after(row: Disposal, value: Any) -> bool:
    """Whether a time that no entry states lies after the newest batch and before the end."""
    done = row.times.get("done_at")
    if value is None:
        return done is None
    told = row.times.get("told_at", row.times.get("begun_at"))
    if told is None or not isinstance(value, str) or not is_time(value):
        return False
    moment = parse_time(value)
    return told - NEAR <= moment and (done is None or moment <= done + NEAR)


def _reviewed(row: Disposal, told: Statement) -> Iterable[str]:
    row.reviewed_by, row.reviewed_seq = told.login, told.seq
    return ["reviewed_at"]


def _approved(row: Disposal, told: Statement) -> Iterable[str]:
    row.approved_by, row.approved_seq = told.login, told.seq
    return ["approved_at"]


def _withdrawn(row: Disposal, told: Statement) -> Iterable[str]:
    row.withdrawn_by, row.withdrawn_seq = told.login, told.seq
    return ["withdrawn_at"]


def _is_approved(row: Disposal) -> bool:
    if row.proposed_seq is None or row.approved_seq is None or row.withdrawn_seq is not None:
        return False
    is_of_two = row.reviewed_seq is not None and row.approved_by not in (row.reviewed_by, row.proposed_by)
    return row.standing or is_of_two


class Decision(Row):
    """What a reviewer took out of a round."""

    disposal: str
    nth: int
    decision: str | None
    classes: list[int] | None
    seqs: str | None
    until: str | None
    domains: list[str] | None
    reason: str | None
    decided_by: str
    seq: int
    decided_at: str | None = None


class Decisions(Table[Decision]):
    """A row for each ``log.disposal_decided``."""

    name = "disposal_decisions"
    row = Decision
    made = "seq"

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.disposal_decided": self._decided}

    def key(self, found: Found) -> str:
        return f"{found['disposal']} {found['nth']}"

    def agrees(self, column: str, row: Decision, value: Any) -> bool:
        if column == "seqs" and row.seqs is not None:
            return runs_of_multirange(value) == runs_named(row.seqs)
        return super().agrees(column, row, value)

    def _decided(self, told: Statement) -> None:
        disposal, nth = told.text("disposal"), told.number("nth")
        if disposal is None or nth is None:
            return
        decision = Decision(
            disposal=disposal,
            nth=nth,
            decision=told.text("decision"),
            classes=told.details.get("classes"),
            seqs=told.text("numbers"),
            until=stated_time(told, "until"),
            domains=told.details.get("domains"),
            reason=told.text("reason"),
            decided_by=told.login,
            seq=told.seq,
            times={"decided_at": told.at},
        )
        self.rows.put(f"{disposal} {nth}", decision)
