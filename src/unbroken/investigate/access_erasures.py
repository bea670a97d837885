"""Who asked for erasures, confirmed, withdrew and carried them out: entries replayed, and held against the table."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from unbroken.core.times import is_time, parse_time
from unbroken.investigate.access_entries import Problem
from unbroken.store.erasures import Erasure as ErasureRow
from unbroken.verify.declaration import runs_in
from unbroken.verify.replay.act import Statement

LEDGER: Final = "ledger"
_COUNTS: Final = ("payloads", "originals", "keys", "names", "sessions", "shared", "others", "kept", "held", "floored")


@dataclass(frozen=True, slots=True)
class Act:
    """One step of an erasure: its entry, when, and the login that did it."""

    seq: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure as its entries tell it. ``subjects`` are the ids that it was asked for.

    ``planned`` is what there was when it was asked for, ``despite_floors`` whether it was although a law asks to keep
    some of it. ``reapplied`` tells that it was carried out from the ledger
    outside, after a restore. ``payloads``, ``originals`` and ``keys`` were destroyed, by the entries that name them.
    """

    erasure: str
    subjects: tuple[str, ...] = ()
    with_acted: bool = False
    despite_floors: bool = False
    case: str | None = None
    reason: str | None = None
    planned: Mapping[str, int] = field(default_factory=dict)
    valid_until: datetime | None = None
    requested: Act | None = None
    confirmed: Act | None = None
    withdrawn: Act | None = None
    reapplied: Act | None = None
    begun: Act | None = None
    done: Act | None = None
    order: str | None = None
    certificate: str | None = None
    payloads: int = 0
    originals: int = 0
    keys: int = 0

    @property
    def acts(self) -> list[Act]:
        """What was done, in the order of a whole erasure."""
        steps = (self.requested, self.confirmed, self.withdrawn, self.reapplied, self.begun, self.done)
        return [act for act in steps if act is not None]

    def state(self, now: datetime) -> str:
        """``done``, ``begun``, ``withdrawn``, ``expired``, ``confirmed`` or ``asked``."""
        for name in ("done", "begun", "withdrawn"):
            if getattr(self, name) is not None:
                return name
        if self.valid_until is not None and self.valid_until < now:
            return "expired"
        return "asked" if self.confirmed is None else "confirmed"

    def is_open(self, now: datetime) -> bool:
        """Whether somebody has something left to do."""
        return self.state(now) in ("asked", "confirmed", "begun")


@dataclass(frozen=True, slots=True)
class Restored:
    """Reading was opened on a server that the log did not know; ``erasures`` were done in it by then."""

    act: Act
    erasures: int | None


@dataclass(slots=True)
class Replay:
    """Erasures as the entries tell them, and where an entry breaks the rules that it was made under."""

    erasures: dict[str, Erasure] = field(default_factory=dict)
    restored: list[Restored] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


Step: TypeAlias = tuple[Erasure, list[str]]
"""An erasure after one more entry, and which rules that entry breaks."""


def erasures_replayed(told: Iterable[Statement]) -> Replay:
    """What the entries add up to, in their order."""
    replay = Replay()
    for each in told:
        step = _STEPS.get(each.type)
        if step is not None:
            known = replay.erasures.get(each.text("erasure") or "") or Erasure(each.text("erasure") or "")
            after, broken = step(known, each)
            replay.erasures[known.erasure] = after
            replay.problems += (Problem("rule_broken", each.seq, f"an erasure was {what}") for what in broken)
        elif each.type == "log.restored":
            replay.restored.append(Restored(_act(each), each.number("erasures")))
    return replay


def _requested(known: Erasure, told: Statement) -> Step:
    subjects, planned, until = told.details.get("subjects"), told.details.get("planned"), told.text("valid_until")
    asked = replace(
        known,
        subjects=tuple(map(str, subjects)) if isinstance(subjects, list) else (),
        with_acted=told.details.get("with_acted") is True,
        despite_floors=told.details.get("despite_floors") is True,
        case=told.text("case"),
        reason=told.text("reason"),
        planned=_counts(planned) if isinstance(planned, dict) else {},
        valid_until=parse_time(until) if until is not None and is_time(until) else None,
        requested=_act(told),
    )
    return asked, ["asked for twice"] if known.requested is not None else []


def _confirmed(known: Erasure, told: Statement) -> Step:
    state = known.state(told.at)
    if known.requested is None:
        broken = ["confirmed that nobody asked for"]
    elif known.requested.by == told.login:
        broken = ["asked for and confirmed by one login"]
    else:
        broken = [] if state == "asked" else [f"confirmed that was {state}"]
    return replace(known, confirmed=_act(told)), broken


def _withdrawn(known: Erasure, told: Statement) -> Step:
    state = known.state(told.at)
    if known.requested is None:
        broken = ["withdrawn that nobody asked for"]
    else:
        broken = [f"withdrawn that was {state}"] if state in ("begun", "done", "withdrawn") else []
    return replace(known, withdrawn=_act(told)), broken


def _reapplied(known: Erasure, told: Statement) -> Step:
    return replace(known, reapplied=_act(told)), []


def _erased(known: Erasure, told: Statement) -> Step:
    """The first such entry names the order and is the beginning; the last one names the certificate."""
    broken = []
    if told.details.get("complete") is True:
        done = replace(known, done=_act(told), certificate=told.text("certificate"))
        return done, [] if known.begun is not None else ["ended that had not begun"]
    after = known
    if told.text("order") is not None:
        broken = list(_beginning_broken(known, told))
        after = replace(known, begun=_act(told), order=told.text("order"))
    elif known.begun is None:
        broken = ["carried out that had not begun"]
    keys = told.details.get("keys")
    return replace(
        after,
        payloads=after.payloads + _size(told.text("payloads")),
        originals=after.originals + _size(told.text("originals")),
        keys=after.keys + (len(keys) if isinstance(keys, list) else 0),
    ), broken


def _beginning_broken(known: Erasure, told: Statement) -> Iterator[str]:
    if known.begun is not None:
        yield "begun twice"
    elif known.reapplied is None:
        state = known.state(told.at)
        if state != "confirmed":
            yield f"begun that was {'not confirmed' if state == 'asked' else state}"


_STEPS: Final = {
    "log.erasure_requested": _requested,
    "log.erasure_confirmed": _confirmed,
    "log.erasure_withdrawn": _withdrawn,
    "log.erasure_reapplied": _reapplied,
    "log.erased": _erased,
}


def _act(told: Statement) -> Act:
    return Act(told.seq, told.at, told.login)


def _counts(planned: Mapping[str, object]) -> dict[str, int]:
    return {name: count for name in _COUNTS if isinstance(count := planned.get(name), int)}


def _size(numbers: str | None) -> int:
    try:
        return sum(last - first + 1 for first, last in runs_in(numbers or ""))
    except ValueError:
        return 0


# ---- the table, which the database acts on, against the entries ----


def erasure_differences(replay: Replay, rows: Iterable[ErasureRow], *, settled: int) -> Iterator[Problem]:
    """Where the table of erasures says something else than the entries; it was read before what comes after settled."""
    seen = set()
    for row in rows:
        told = replay.erasures.get(row.erasure)
        if told is None:
            yield _differs(row.requested_seq or row.begun_seq, "the table has an erasure, and no entry does")
            continue
        seen.add(row.erasure)
        yield from (_differs(_first(told), f"an erasure {what}") for what in _row_differs(row, told, settled))
    for told in replay.erasures.values():
        if told.erasure not in seen and (_first(told) or 0) <= settled:
            yield _differs(_first(told), "the entries tell of an erasure, and the table has no row of it")


def _row_differs(row: ErasureRow, told: Erasure, settled: int) -> Iterator[str]:
    acts = (
        ("asked for", told.requested, row.requested_by, row.requested_seq),
        ("confirmed", told.confirmed, row.confirmed_by, row.confirmed_seq),
        ("begun", told.begun, row.begun_by, row.begun_seq),
        ("ended", told.done, None if told.done is None else told.done.by, row.done_seq),
    )
    for word, act, by, seq in acts:
        late = seq is None and act is not None and act.seq > settled
        if not late and (None if act is None else (act.by, act.seq)) != (None if seq is None else (by, seq)):
            yield f"was {word} by others, or in another entry, in the table than by the entries"
    late = told.withdrawn is not None and told.withdrawn.seq > settled
    if not late and (row.state == "withdrawn") != (told.withdrawn is not None):
        yield "is withdrawn in the table or by the entries alone"
    if told.requested is not None:
        yield from _request_differs(row, told)
    if row.order_sha256 not in (None, told.order) or row.certificate_sha256 not in (None, told.certificate):
        yield "names another order or certificate in the table than in the entries"


def _request_differs(row: ErasureRow, told: Erasure) -> Iterator[str]:
    # Carrying it out adds the ids that the person got since.
    if not set(told.subjects) <= set(row.subjects):
        yield "is of other people in the table than by the entries"
    said = (told.with_acted, told.despite_floors, told.case, told.reason)
    if (row.with_acted, row.despite_floors, row.case, row.reason) != said:
        yield "has another reach, case or reason in the table than by the entries"
    if row.expires_at != told.valid_until:
        yield "is valid for another time in the table than by the entries"
    if dict(row.planned or {}) != dict(told.planned):
        yield "counts something else in the table than in the entries"


def _first(told: Erasure) -> int | None:
    return min((act.seq for act in told.acts), default=None)


def _differs(seq: int | None, what: str) -> Problem:
    return Problem("erasure_disagrees", seq, what)
