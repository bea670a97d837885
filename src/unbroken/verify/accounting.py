"""Content that is not there, held against the entries that declare it erased (spec/FORMAT.md, "What was erased")."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, TypeAlias

from unbroken.core.commitment import PARTS
from unbroken.verify.declaration import Declaration, runs_in
from unbroken.verify.finding import MAX_ERASURES, Accounted, Erasure
from unbroken.verify.numbers import Comparison, Counted, Numbers, Run, both, compared, merged, size

ORIGINAL: Final = "original"
Held: TypeAlias = Literal["payload", "original"]
"""The two that an erasure destroys, each as a whole."""
_BITS: Final = {part: 1 << place for place, part in enumerate((*PARTS, ORIGINAL))}
OF: Final[dict[Held, int]] = {"payload": _BITS[ORIGINAL] - 1, "original": _BITS[ORIGINAL]}
"""What :func:`bits_of` gives for all parts of each."""


def bits_of(parts: Iterable[str]) -> int:
    """Some parts of one entry, as a number."""
    return sum(_BITS[part] for part in parts)


def parts_of(bits: int) -> list[str]:
    """The parts that :func:`bits_of` was given, in their order."""
    return [part for part, bit in _BITS.items() if bits & bit]


@dataclass(slots=True)
class Declared:
    """What the entries of one erasure declare so far; of ``keys`` and ``names`` how many were found to be gone."""

    erasure: str
    first_seq: int
    last_seq: int
    payload: Numbers = field(default_factory=Numbers)
    original: Numbers = field(default_factory=Numbers)
    keys: int = 0
    names: int = 0
    complete: bool = False

    def numbers(self, held: Held) -> Numbers:
        return self.payload if held == "payload" else self.original


@dataclass(slots=True)
class Accounting:
    """What a run lacks and what it was told of that; both may be millions of entries.

    ``absent`` are the entries that lack something by what they lack, ``declared`` the erasures by their ids, each with
    what its entries say. An entry's word is taken for the entries before it alone. ``keys`` and ``pseudonyms`` are
    those that entries name, with the erasure and the entry that does first.
    """

    absent: dict[int, Numbers] = field(default_factory=dict)
    declared: dict[str, Declared] = field(default_factory=dict)
    keys: dict[str, tuple[Declared, int]] = field(default_factory=dict)
    pseudonyms: dict[str, tuple[Declared, int]] = field(default_factory=dict)
    _compared: dict[Held, Comparison] = field(default_factory=dict)

    def lack(self, bits: int, first: int, last: int) -> None:
        """Notes that these entries lack the parts that ``bits`` stand for."""
        self.absent.setdefault(bits, Numbers()).add(first, last)
        self._compared.clear()

    def hear(self, declaration: Declaration, *, about: str = "") -> None:
        """Takes note of what an entry declares of the log ``about``: of its own, or of one that its log continues."""
        if declaration.about != about:
            return
        seq = declaration.seq
        known = self.declared.setdefault(declaration.erasure, Declared(declaration.erasure, seq, seq))
        known.first_seq, known.last_seq = min(known.first_seq, seq), max(known.last_seq, seq)
        known.complete |= declaration.complete
        for names, named in ((self.keys, declaration.keys), (self.pseudonyms, declaration.pseudonyms)):
            place = known, seq
            for name in named:
                names.setdefault(name, place)
        for numbers, text in ((known.payload, declaration.payloads), (known.original, declaration.originals)):
            for first, last in runs_in(text):
                if first < declaration.limit:
                    numbers.add(first, min(last, declaration.limit - 1))
        self._compared.clear()

    def unaccounted(self) -> Iterator[tuple[int, Run]]:
        """What is absent and not declared, by what it is that is lacking; not in order of the numbers."""
        for held, mask in OF.items():
            left = self._comparison(held).only_one
            for bits, numbers in self.absent.items() if left else ():
                if bits & mask:
                    yield from ((bits & mask, run) for run in both(numbers, left))

    def contradicted(self, held: Held, intact: Iterable[Run]) -> Iterator[Run]:
        """What is declared and not absent, among the entries that are ``intact``."""
        return both(self._comparison(held).only_other, intact)

    def is_settled(self) -> bool:
        """Whether all that is absent is declared."""
        return not any(self._comparison(held).only_one for held in OF)

    def result(self) -> Accounted:
        """What is accounted for."""
        there = {held: Counted(self._comparison(held).only_other) for held in OF}
        erasures = self.declared.values()
        return Accounted(
            self._comparison("payload").common,
            self._comparison("original").common,
            keys=sum(each.keys for each in erasures),
            names=sum(each.names for each in erasures),
            erasures=tuple(_told(each, there) for each in islice(erasures, MAX_ERASURES)),
            erasures_total=len(erasures),
        )

    def _comparison(self, held: Held) -> Comparison:
        """What is absent, and what is declared to be."""
        known = self._compared.get(held)
        if known is None:
            absent = merged(*(numbers for bits, numbers in self.absent.items() if bits & OF[held]))
            declared = merged(*(each.numbers(held) for each in self.declared.values()))
            known = self._compared[held] = compared(absent, declared)
        return known


def _told(each: Declared, there: Mapping[Held, Counted]) -> Erasure:
    payloads, originals = (size(each.numbers(held)) - there[held].within(each.numbers(held)) for held in OF)
    return Erasure(
        each.erasure,
        each.first_seq,
        each.last_seq,
        payloads,
        originals,
        each.keys,
        each.names,
        complete=each.complete,
    )
