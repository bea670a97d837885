"""Content that is not there, held against the entries that declare it erased (spec/FORMAT.md, "What was erased")."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, TypeAlias

from unbroken.core.commitment import PARTS
from unbroken.verify.declaration import Declaration, runs_in
from unbroken.verify.finding import MAX_ERASURES, Accounted, Erasure
from unbroken.verify.numbers import Counted, Numbers, Run, both, merged, size, without

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

    def lack(self, bits: int, first: int, last: int) -> None:
        """Notes that these entries lack the parts that ``bits`` stand for."""
        self.absent.setdefault(bits, Numbers()).add(first, last)

    def hear(self, declaration: Declaration) -> None:
        """Takes note of what an entry declares."""
        seq = declaration.seq
        known = self.declared.setdefault(declaration.erasure, Declared(declaration.erasure, seq, seq))
        known.first_seq, known.last_seq = min(known.first_seq, seq), max(known.last_seq, seq)
        known.complete |= declaration.complete
        for names, named in ((self.keys, declaration.keys), (self.pseudonyms, declaration.pseudonyms)):
            place = known, seq
            for name in named:
                names.setdefault(name, place)
        for numbers, text in ((known.payload, declaration.payloads), (known.original, declaration.originals)):
            for first, last in both(runs_in(text), [(1, seq - 1)]):
                numbers.add(first, last)

    def unaccounted(self) -> Iterator[tuple[int, Run]]:
        """What is absent and not declared, by what it is that is lacking; not in order of the numbers."""
        for held, mask in OF.items():
            left = Numbers(without(self._absent(held), self._declared(held)))
            for bits, numbers in self.absent.items() if left else ():
                if bits & mask:
                    yield from ((bits & mask, run) for run in both(numbers, left))

    def contradicted(self, held: Held, intact: Iterable[Run]) -> Iterator[Run]:
        """What is declared and not absent, among the entries that are ``intact``."""
        return both(without(self._declared(held), self._absent(held)), intact)

    def is_settled(self) -> bool:
        """Whether all that is absent is declared."""
        return next(self.unaccounted(), None) is None

    def result(self) -> Accounted:
        """What is accounted for."""
        there = {held: Counted(without(self._declared(held), self._absent(held))) for held in OF}
        payloads, originals = (size(both(self._declared(held), self._absent(held))) for held in OF)
        erasures = self.declared.values()
        return Accounted(
            payloads,
            originals,
            keys=sum(each.keys for each in erasures),
            names=sum(each.names for each in erasures),
            erasures=tuple(_told(each, there) for each in islice(erasures, MAX_ERASURES)),
            erasures_total=len(erasures),
        )

    def _absent(self, held: Held) -> Iterator[Run]:
        return merged(*(numbers for bits, numbers in self.absent.items() if bits & OF[held]))

    def _declared(self, held: Held) -> Iterator[Run]:
        return merged(*(each.numbers(held) for each in self.declared.values()))


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
