"""Who asked to see originals and what came of it, and who filled the vault or wrapped its keys anew."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from unbroken.investigate.access_entries import Problem
from unbroken.store.access import OpeningRow
from unbroken.verify.declaration import runs_in
from unbroken.verify.numbers import Run
from unbroken.verify.replay.act import Statement

REWRAPPING_LASTS: Final = timedelta(days=1)
"""How long the database gives out keys to be wrapped anew."""
UNDER_WAY: Final = "under way"
NEVER_ENDED: Final = "never ended"


@dataclass(frozen=True, slots=True)
class OpeningEnd:
    """What the opener said came of an opening; ``digest`` is over the hashes of the entries that opened."""

    seq: int
    at: datetime
    opened: int | None
    failed: int | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """One request to open originals, or with ``kind`` match to hold something against them, under a read's ticket.

    ``entries`` are the numbers as the entry has them, such as ``3-7,9``, and ``count`` how many those are; ``None``
    where they can't be read. ``end`` is ``None`` where no entry says what came of it.
    """

    seq: int
    at: datetime
    login: str
    opening: str
    ticket: str
    kind: str
    entries: str
    count: int | None
    end: OpeningEnd | None = None

    def state(self, *, reading: bool) -> str:
        """``ended``; else ``under way`` while its read goes on, and ``never ended`` when that is over."""
        if self.end is not None:
            return "ended"
        return UNDER_WAY if reading else NEVER_ENDED


@dataclass(frozen=True, slots=True)
class VaultWork:
    """The pool filled with ``keys`` new ones wrapped by ``key_encryption``, or all keys wrapped anew by it.

    ``work`` is refilled or rewrapped. Of wrapping anew ``ended`` says whether an entry tells of its end, and then
    ``keys`` are under ``key_encryption`` and ``others`` under another one.
    """

    work: str
    seq: int
    at: datetime
    login: str
    key_encryption: str
    keys: int | None
    others: int | None = None
    ended_seq: int | None = None
    ended: datetime | None = None

    def state(self, now: datetime) -> str:
        """``ended``, ``under way`` or ``never ended``."""
        if self.work == "refilled" or self.ended is not None:
            return "ended"
        return UNDER_WAY if now < self.at + REWRAPPING_LASTS else NEVER_ENDED


def openings_of(told: Iterable[Statement]) -> list[Opening]:
    """The openings of originals, each with its end where one of the same login tells of it; in order."""
    listed = list(told)
    ends = {(each.text("opening"), each.login): each for each in listed if each.type == "log.original_opened"}
    return [
        _opening(each, ends.get((each.text("opening"), each.login)))
        for each in listed
        if each.type == "log.original_asked"
    ]


def by_ticket(openings: Iterable[Opening]) -> dict[str, tuple[Opening, ...]]:
    """The openings by the tickets that they were made under."""
    found: dict[str, tuple[Opening, ...]] = {}
    for each in openings:
        found[each.ticket] = (*found.get(each.ticket, ()), each)
    return found


def vault_works(told: Iterable[Statement]) -> list[VaultWork]:
    """Who filled the pool and who wrapped keys anew, in order."""
    listed = list(told)
    ends = {(each.text("opening"), each.login): each for each in listed if each.type == "log.vault_rewrapped"}
    works = {"log.vault_refilled": _refilled, "log.vault_rewrapping": _rewrapped}
    return [works[each.type](each, ends) for each in listed if each.type in works]


def _opening(told: Statement, end: Statement | None) -> Opening:
    entries = told.text("seqs") or ""
    return Opening(
        told.seq,
        told.at,
        told.login,
        told.text("opening") or "",
        told.text("ticket") or "",
        told.text("kind") or "?",
        entries,
        _size(_runs(entries)),
        None if end is None else _end(end),
    )


def _end(told: Statement) -> OpeningEnd:
    return OpeningEnd(told.seq, told.at, told.number("opened"), told.number("failed"), told.text("digest"))


def _refilled(told: Statement, _: Mapping[tuple[str | None, str], Statement]) -> VaultWork:
    by = told.text("wrapped_by") or "?"
    return VaultWork("refilled", told.seq, told.at, told.login, by, told.number("count"))


def _rewrapped(told: Statement, ends: Mapping[tuple[str | None, str], Statement]) -> VaultWork:
    work = ("rewrapped", told.seq, told.at, told.login, told.text("to") or "?")
    end = ends.get((told.text("opening"), told.login))
    if end is None:
        return VaultWork(*work, None)
    return VaultWork(*work, end.number("keys"), end.number("others"), end.seq, end.at)


def _runs(entries: str) -> list[Run] | None:
    try:
        return list(runs_in(entries)) or None
    except ValueError:
        return None


def _size(runs: Sequence[Run] | None) -> int | None:
    return None if runs is None else sum(last - first + 1 for first, last in runs)


# ---- against reads, and against the table that the database acts on ----


def openings_without_read(told: Iterable[Statement], *, since: datetime) -> Iterator[Problem]:
    """Openings from ``since`` on that no read of the same login tells of: the database makes none."""
    listed = list(told)
    readers = {each.text("ticket"): each.login for each in listed if each.type == "log.read"}
    for each in listed:
        if each.type == "log.original_asked" and each.at >= since and readers.get(each.text("ticket")) != each.login:
            yield _differs(each.seq, f"{each.login} asked for originals, and no read of its own says so")


def opening_differences(
    told: Sequence[Statement], rows: Iterable[OpeningRow], *, settled: int, since: datetime
) -> Iterator[Problem]:
    """Where the table of openings from ``since`` on says something else than the entries; also of keys wrapped anew."""
    asked = {each.text("opening"): each for each in told if each.type in ("log.original_asked", "log.vault_rewrapping")}
    ends = {
        each.text("opening"): each.seq for each in told if each.type in ("log.original_opened", "log.vault_rewrapped")
    }
    seen = set()
    for row in rows:
        entry = asked.get(row.opening)
        if entry is None:
            yield _differs(row.asked_seq, f"the table has an opening of {row.login}, and no entry does")
            continue
        seen.add(row.opening)
        yield from (_differs(entry.seq, f"the opening of {row.login} {what}") for what in _row_differs(row, entry))
        end = ends.get(row.opening)
        if row.done_seq != end and not (row.done_seq is None and (end or 0) > settled):
            yield _differs(entry.seq, f"the opening of {row.login} ends elsewhere in the table than in the entries")
    for opening, entry in asked.items():
        if opening not in seen and since <= entry.at and entry.seq <= settled:
            yield _differs(entry.seq, f"{entry.login} asked for an opening, and the table has no row of it")


def _row_differs(row: OpeningRow, entry: Statement) -> Iterator[str]:
    if (row.login, row.asked_seq) != (entry.login, entry.seq):
        yield "is another login's, or another entry's"
    if row.kind == "rewrap":
        if row.wraps_to != entry.text("to"):
            yield "wraps by another key than its entry says"
    elif (row.kind, row.ticket) != (entry.text("kind"), entry.text("ticket")):
        yield "is of another kind, or under another ticket, than its entry says"
    elif _runs_of(row.seqs) != _runs(entry.text("seqs") or ""):
        yield "opens other entries than its entry says"


def _runs_of(seqs: Iterable[int]) -> list[Run]:
    """The runs of numbers that ascend."""
    runs: list[Run] = []
    for seq in seqs:
        if runs and runs[-1][1] + 1 == seq:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return runs


def _differs(seq: int, what: str) -> Problem:
    return Problem("opening_disagrees", seq, what)
