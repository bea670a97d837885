"""The lots of disposals: which candidates are through, held against the list that was approved."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from unbroken.verify.declaration import runs_in
from unbroken.verify.lots import BOTH, ListHash, hash_of, lots_of
from unbroken.verify.numbers import Counted, Run, merged, size
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import Found, Remark, Row, Table

_COUNTED: Final = ("payloads", "originals", "keys", "kept")
_RANGE: Final = re.compile(r"\[([1-9][0-9]{0,15}),([1-9][0-9]{0,15})\)(?:,(?=\[)|\Z)")


class Batch(NamedTuple):
    """One batch: the numbers of the payloads and originals that it destroyed, and of the candidates that it kept.

    ``part`` is the one that goes alone of its candidates, or both.
    """

    part: str
    payloads: list[Run]
    originals: list[Run]
    kept: list[Run]

    @property
    def candidates(self) -> Iterator[Run]:
        """All that it went through."""
        return merged(self.payloads, self.originals, self.kept)

    @property
    def exceeds(self) -> bool:
        """Whether it destroyed a part that was to stay."""
        return bool((self.part == "originals" and self.payloads) or (self.part == "payloads" and self.originals))


def batch_in(told: Statement) -> Batch:
    """What one batch tells of."""
    payloads, originals, kept = (runs_named(told.text(key)) for key in ("payloads", "originals", "kept"))
    return Batch(told.text("part") or BOTH, payloads, originals, kept)


def runs_named(text: str | None) -> list[Run]:
    """The runs that a text names; none where it names none."""
    try:
        return list(runs_in(text or ""))
    except ValueError:
        return []


def runs_of_multirange(text: object) -> list[Run] | None:
    """The runs of a multirange as the server writes it: ``{[3,8),[9,10)}``; ``None`` for anything else."""
    if not isinstance(text, str) or text[:1] + text[-1:] != "{}":
        return None
    inner, runs, at = text[1:-1], [], 0
    while at < len(inner):
        match = _RANGE.match(inner, at)
        if match is None:
            return None
        runs.append((int(match[1]), int(match[2]) - 1))
        at = match.end()
    return runs


class Lot(Row):
    """A part of the candidates that is through."""

    disposal: str
    part: str
    nth: int
    first: int
    last: int
    entries: int
    sha256: str
    done_seq: int
    payloads: int
    originals: int
    keys: int
    kept: int


class _List(msgspec.Struct):
    """What is known of one list: its hash and the entry that proposed it, and of each part how many lots are through.

    ``begun`` is the first lot of the newest batch, by its key; ``found`` counts the rows of each part.
    """

    sha256: str | None = None
    seq: int = 0
    lots: dict[str, int] = msgspec.field(default_factory=dict)
    begun: str = ""
    found: dict[str, int] = msgspec.field(default_factory=dict)


class Lots(Table[Lot]):
    """A row for each thousand candidates that batches tell of, in order; of what is not through yet no entry tells.

    But the hash of all lots' hashes was proposed and approved: the rows must add up to it, and in the end the batches.
    """

    name = "disposal_lots"
    row = Lot
    made = "done_seq"
    is_summed = True

    def __init__(self) -> None:
        super().__init__()
        self._lists: dict[str, _List] = {}
        self._told: defaultdict[str, ListHash] = defaultdict(ListHash)
        self._found: defaultdict[str, ListHash] = defaultdict(ListHash)
        self._remarks: list[Remark] = []

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        return {"log.disposal_proposed": self._proposed, "log.disposed": self._disposed}

    def key(self, found: Found) -> str:
        return _key(found["disposal"], found["part"], found["nth"])

    def is_lawful(self, found: Found) -> bool:
        is_next = self._count(found)
        runs = runs_of_multirange(found["seqs"])
        if found["done_seq"] is not None or any(found[column] is not None for column in _COUNTED) or not runs:
            return False
        stated = tuple(found[column] for column in ("first", "last", "entries", "sha256"))
        wanted = (runs[0][0], runs[-1][1], size(runs), hash_of(runs, part=str(found["part"])))
        return is_next and stated == wanted

    def differing(self, row: Lot, found: Found) -> Iterator[str]:
        self._count(found)
        yield from super().differing(row, found)

    def _count(self, found: Found) -> bool:
        """Adds a row to its list; whether it is the one that comes next there."""
        disposal, part = str(found["disposal"]), str(found["part"])
        self._found[disposal].add(str(found["sha256"]))
        counted = self._lists.setdefault(disposal, _List()).found
        counted[part] = counted.get(part, 0) + 1
        return bool(found["nth"] == counted[part])

    def agrees(self, column: str, row: Lot, value: Any) -> bool:
        if column == "seqs":
            runs = runs_of_multirange(value)
            return runs is not None and hash_of(runs, part=row.part) == row.sha256
        return super().agrees(column, row, value)

    def remarks(self) -> Iterator[Remark]:
        yield from self._remarks
        for disposal, known in self._lists.items():
            if known.sha256 is not None and known.sha256 != self._found[disposal].hex:
                wanted = f"disposal_lots: the candidates of disposal {disposal}, by the hash that was proposed"
                yield Remark("table_disagrees", known.seq, wanted, "another list", self.name)

    def _proposed(self, told: Statement) -> None:
        known = self._list_of(told)
        known.sha256, known.seq = told.text("sha256"), told.seq

    def _list_of(self, told: Statement) -> _List:
        return self._lists.setdefault(told.text("disposal") or "", _List())

    def _disposed(self, told: Statement) -> None:
        disposal, known = told.text("disposal") or "", self._list_of(told)
        if told.details.get("complete") is True:
            if known.sha256 != self._told[disposal].hex:
                wanted = f"the list that was proposed and approved, of disposal {disposal}"
                self._remarks.append(Remark("not_approved", told.seq, wanted, "another one, or not all of it"))
            return
        batch = batch_in(told)
        lots = lots_of(batch.candidates)
        if lots is None:
            wanted = f"a batch of disposal {disposal} as the database takes them"
            self._remarks.append(Remark("not_approved", told.seq, wanted, "one that is far larger"))
            return
        if batch.exceeds:
            wanted = f"a batch of disposal {disposal} in which {batch.part} alone go"
            self._remarks.append(Remark("not_approved", told.seq, wanted, "another part went, too"))
        counted = [Counted(each) for each in (batch.payloads, batch.originals, batch.kept)]
        for runs in lots:
            nth = known.lots[batch.part] = known.lots.get(batch.part, 0) + 1
            key, lot = _key(disposal, batch.part, nth), _lot(disposal, batch.part, nth, runs, counted, seq=told.seq)
            self._told[disposal].add(lot.sha256)
            self.rows.put(key, lot)
            known.begun = key if runs is lots[0] else known.begun
        first = self.rows.get(known.begun)
        if first is not None:
            first.keys += len(told.texts("keys"))
            self.rows.put(known.begun, first)


def _key(disposal: object, part: object, nth: object) -> str:
    return f"{disposal} {part} {nth}"


def _lot(disposal: str, part: str, nth: int, runs: list[Run], batch: Iterable[Counted], *, seq: int) -> Lot:
    payloads, originals, kept = (each.within(runs) for each in batch)
    return Lot(
        disposal=disposal,
        part=part,
        nth=nth,
        first=runs[0][0],
        last=runs[-1][1],
        entries=size(runs),
        sha256=hash_of(runs, part=part),
        done_seq=seq,
        payloads=payloads,
        originals=originals,
        keys=0,
        kept=kept,
    )
