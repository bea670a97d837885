"""Content that is not there, held against the entries that declare it gone.

Follows spec/FORMAT.md, "What was erased or disposed of".
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, TypeAlias

from unbroken.core.commitment import PARTS
from unbroken.verify.declaration import Declaration, Work, runs_in
from unbroken.verify.finding import MAX_ERASURES, Accounted, Disposal, Erasure
from unbroken.verify.holding import HoldWord, Place, Version, in_force, versions_of
from unbroken.verify.numbers import Comparison, Counted, Numbers, Run, both, compared, merged, size

ORIGINAL: Final = "original"
Held: TypeAlias = Literal["payload", "original"]
"""The two that are destroyed, each as a whole."""
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
    """What the entries of one erasure or disposal declare so far; of ``keys`` and ``names`` how many are gone."""

    work: Work
    id: str
    first_seq: int
    last_seq: int
    payload: Numbers = field(default_factory=Numbers)
    original: Numbers = field(default_factory=Numbers)
    keys: int = 0
    names: int = 0
    complete: bool = False

    def numbers(self, held: Held) -> Numbers:
        return self.payload if held == "payload" else self.original


@dataclass(frozen=True, slots=True)
class _Word:
    """One entry that declares: where it stands, when it was recorded, and the numbers that it names, packed."""

    place: Place
    at: str
    limit: int
    packed: Mapping[Held, bytes]

    def runs(self, held: Held) -> Iterator[Run]:
        for first, last in runs_in(zlib.decompress(self.packed[held]).decode()):
            if first < self.limit:
                yield first, min(last, self.limit - 1)


@dataclass(slots=True)
class Accounting:
    """What a run lacks and what it was told of that; both may be millions of entries.

    ``absent`` are the entries that lack something by what they lack, ``declared`` the erasures and disposals by their
    ids, each with what its entries say. An entry's word is taken for the entries before it alone. ``keys`` and
    ``pseudonyms`` are those that entries name, with what they went with and the entry that says so first. ``holds`` is
    what entries tell of holds.
    """

    absent: dict[int, Numbers] = field(default_factory=dict)
    declared: dict[tuple[Work, str], Declared] = field(default_factory=dict)
    keys: dict[str, tuple[Declared, int]] = field(default_factory=dict)
    pseudonyms: dict[str, tuple[Declared, int]] = field(default_factory=dict)
    holds: dict[Place, HoldWord] = field(default_factory=dict)
    _words: list[_Word] = field(default_factory=list)
    _compared: dict[Held, Comparison] = field(default_factory=dict)

    def lack(self, bits: int, first: int, last: int) -> None:
        """Notes that these entries lack the parts that ``bits`` stand for."""
        self.absent.setdefault(bits, Numbers()).add(first, last)
        self._compared.clear()

    def hear(self, word: Declaration | HoldWord, *, about: str = "", rank: int = 0) -> None:
        """Takes note of what an entry says of the log ``about``: of its own, or of one that its log continues.

        ``rank`` is how many incarnations later the entry's log is than the one in question.
        """
        if word.about != about:
            return
        if isinstance(word, HoldWord):
            self.hear_of_hold(word, rank=rank)
        else:
            self._hear_declaration(word, rank=rank)

    def hear_of_hold(self, word: HoldWord, *, rank: int) -> None:
        """Takes note of what an entry of any incarnation tells of a hold: it covers all of them."""
        self.holds[rank, word.seq] = word

    def _hear_declaration(self, declaration: Declaration, *, rank: int) -> None:
        seq, work, of = declaration.seq, declaration.work, declaration.id
        known = self.declared.setdefault((work, of), Declared(work, of, seq, seq))
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
        if declaration.payloads or declaration.originals:
            told: dict[Held, str] = {"payload": declaration.payloads, "original": declaration.originals}
            packed = {held: zlib.compress(text.encode(), 1) for held, text in told.items()}
            self._words.append(_Word((rank, seq), declaration.at, declaration.limit, packed))
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

    def under_hold(self, held: Held) -> Iterator[tuple[tuple[Version, ...], Numbers]]:
        """What is absent and was declared gone while there were holds, with those that were in force then.

        The same entry may come more than once.
        """
        versions = versions_of(self.holds)
        if not versions or not self._words:
            return
        told: dict[tuple[int, ...], tuple[tuple[Version, ...], Numbers]] = {}
        for word in sorted(self._words, key=lambda word: word.place):
            then = in_force(versions, word.place, word.at)
            if then:
                _, numbers = told.setdefault(tuple(map(id, then)), (then, Numbers()))
                for first, last in word.runs(held):
                    numbers.add(first, last)
        absent = Numbers(self._absent(held))
        for then, numbers in told.values():
            yield then, Numbers(both(numbers, absent))

    def is_settled(self) -> bool:
        """Whether all that is absent is declared."""
        return not any(self._comparison(held).only_one for held in OF)

    def result(self) -> Accounted:
        """What is accounted for."""
        there = {held: Counted(self._comparison(held).only_other) for held in OF}
        erasures, disposals = self._of("erasure"), self._of("disposal")
        return Accounted(
            self._comparison("payload").common,
            self._comparison("original").common,
            keys=sum(each.keys for each in self.declared.values()),
            names=sum(each.names for each in self.declared.values()),
            erasures=tuple(_erasure(each, there) for each in islice(erasures, MAX_ERASURES)),
            erasures_total=len(erasures),
            disposed=self._disposed("payload") if disposals else 0,
            disposed_originals=self._disposed("original") if disposals else 0,
            disposed_keys=sum(each.keys for each in disposals),
            disposals=tuple(_disposal(each, there) for each in islice(disposals, MAX_ERASURES)),
            disposals_total=len(disposals),
        )

    def _of(self, work: Work) -> list[Declared]:
        return [each for each in self.declared.values() if each.work == work]

    def _disposed(self, held: Held) -> int:
        """How much is absent and declared by disposals alone."""
        erased = merged(*(each.numbers(held) for each in self._of("erasure")))
        return self._comparison(held).common - compared(self._absent(held), erased).common

    def _absent(self, held: Held) -> Iterator[Run]:
        return merged(*(numbers for bits, numbers in self.absent.items() if bits & OF[held]))

    def _comparison(self, held: Held) -> Comparison:
        """What is absent, and what is declared to be."""
        known = self._compared.get(held)
        if known is None:
            declared = merged(*(each.numbers(held) for each in self.declared.values()))
            known = self._compared[held] = compared(self._absent(held), declared)
        return known


def _erasure(each: Declared, there: Mapping[Held, Counted]) -> Erasure:
    payloads, originals = _gone(each, there)
    return Erasure(
        each.id, each.first_seq, each.last_seq, payloads, originals, each.keys, each.names, complete=each.complete
    )


def _disposal(each: Declared, there: Mapping[Held, Counted]) -> Disposal:
    payloads, originals = _gone(each, there)
    return Disposal(each.id, each.first_seq, each.last_seq, payloads, originals, each.keys, complete=each.complete)


def _gone(each: Declared, there: Mapping[Held, Counted]) -> tuple[int, int]:
    payloads, originals = (size(each.numbers(held)) - there[held].within(each.numbers(held)) for held in OF)
    return payloads, originals
