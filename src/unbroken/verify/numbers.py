"""Sets of entry numbers that may be millions, in little memory."""

import heapq
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import sub
from typing import Final, TypeAlias

Run: TypeAlias = tuple[int, int]
"""The first and the last of numbers without a gap."""
AT_ONCE: Final = 1000
"""Entries that are looked at once more together."""
_BLOCK: Final = 8192
"""Firsts and lasts that are kept as they are before they are packed."""


class Numbers:
    """A set of numbers, kept as runs: the distances between their firsts and lasts, compressed.

    Numbers are best added in ascending order. What comes out of order begins another piece; pieces of like size are
    put together, so there are few of them however they came.
    """

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._pieces: list[_Piece] = [_Piece()]
        for first, last in runs:
            self.add(first, last)

    def add(self, first: int, last: int) -> None:
        """Adds the numbers from ``first``, which is at least 1, to ``last``."""
        if not self._pieces[-1].add(first, last):
            while len(self._pieces) > 1 and 2 * self._pieces[-1].size >= self._pieces[-2].size:
                self._pieces[-2:] = [_Piece(merged(*self._pieces[-2:]))]
            self._pieces.append(_Piece([(first, last)]))

    def __iter__(self) -> Iterator[Run]:
        """The runs in ascending order, between any two of which a number is lacking."""
        return merged(*self._pieces)

    def __bool__(self) -> bool:
        return self._pieces[0].size > 0


class _Piece:
    """Runs in ascending order. The last one is open, as the next numbers may continue it."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.size = 0
        self._packed: list[bytes] = []
        self._open: list[int] = [0, 0]
        for first, last in runs:
            self.add(first, last)

    def add(self, first: int, last: int) -> bool:
        """Takes a run, unless it begins before the last one; whether it did."""
        begin, end = self._open[-2], self._open[-1]
        if first < begin:
            return False
        if begin and first <= end + 1:
            self._open[-1] = max(end, last)
            return True
        if len(self._open) >= _BLOCK:
            self._packed.append(_packed(self._open))
            self._open.clear()
        self._open += (first, last)
        self.size += 1
        return True

    def __iter__(self) -> Iterator[Run]:
        for block in self._packed:
            yield from _pairs(accumulate(array("Q", zlib.decompress(block))))
        yield from _pairs(iter(self._open))


def _packed(ascending: list[int]) -> bytes:
    return zlib.compress(array("Q", map(sub, ascending, chain([0], ascending))).tobytes(), 1)


def _pairs(ends: Iterator[int]) -> Iterator[Run]:
    return ((first, last) for first, last in zip(ends, ends, strict=True) if first)


def merged(*sets: Iterable[Run]) -> Iterator[Run]:
    """What is in any of them; each ascending, as is the result."""
    ordered = iter(sets[0]) if len(sets) == 1 else heapq.merge(*sets)
    first, last = next(ordered, (0, 0))
    for begin, end in ordered:
        if begin <= last + 1:
            last = max(last, end)
        else:
            yield first, last
            first, last = begin, end
    if first:
        yield first, last


def without(some: Iterable[Run], others: Iterable[Run]) -> Iterator[Run]:
    """What is in ``some`` and not in ``others``."""
    left_out = iter(others)
    begin, end = next(left_out, _NONE)
    for first, last in some:
        at = first
        while at <= last:
            while end < at:
                begin, end = next(left_out, _NONE)
            if begin > at:
                yield at, min(last, begin - 1)
            at = end + 1


def both(some: Iterable[Run], others: Iterable[Run]) -> Iterator[Run]:
    """What is in ``some`` and in ``others``."""
    left = iter(others)
    begin, end = next(left, _NONE)
    for first, last in some:
        while end < first:
            begin, end = next(left, _NONE)
        while begin <= last:
            yield max(first, begin), min(last, end)
            if end > last:
                break
            begin, end = next(left, _NONE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sets beside each other: what only one of them has, and how many numbers both have."""

    only_one: Numbers
    only_other: Numbers
    common: int


def compared(one: Iterable[Run], other: Iterable[Run]) -> Comparison:
    """Two sets, each ascending, held against each other in one pass."""
    alone = Numbers(), Numbers()
    common = 0
    for begin, end, where in _pieces(iter(one), iter(other)):
        if where is None:
            common += end - begin + 1
        else:
            alone[where].add(begin, end)
    return Comparison(*alone, common)


def _pieces(ones: Iterator[Run], others: Iterator[Run]) -> Iterator[tuple[int, int, int | None]]:
    """Both sets cut so that each piece is in one of them alone, whose place is given, or in both."""
    (a, a_end), (b, b_end) = next(ones, _NONE), next(others, _NONE)
    while (a, b) != (_NONE[0], _NONE[0]):
        if a != b:
            where = 0 if a < b else 1
            end = min(a_end, b - 1) if a < b else min(b_end, a - 1)
            yield min(a, b), end, where
        else:
            end = min(a_end, b_end)
            yield a, end, None
        if a <= end:
            a, a_end = (end + 1, a_end) if end < a_end else next(ones, _NONE)
        if b <= end:
            b, b_end = (end + 1, b_end) if end < b_end else next(others, _NONE)


def size(runs: Iterable[Run]) -> int:
    """How many numbers there are in all."""
    return sum(last - first + 1 for first, last in runs)


def in_lots(run: Run) -> Iterator[Run]:
    """A run cut into pieces of up to :data:`AT_ONCE` numbers."""
    first, last = run
    for begin in range(first, last + 1, AT_ONCE):
        yield begin, min(begin + AT_ONCE - 1, last)


class Counted:
    """A set that is asked again and again how many of its numbers lie in a run."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._firsts, self._lasts, self._before = array("Q"), array("Q"), array("Q", [0])
        for first, last in runs:
            self._firsts.append(first)
            self._lasts.append(last)
            self._before.append(self._before[-1] + last - first + 1)

    def within(self, runs: Iterable[Run]) -> int:
        """How many of them are in ``runs`` too."""
        return sum(self._upto(last) - self._upto(first - 1) for first, last in runs) if self._firsts else 0

    def _upto(self, number: int) -> int:
        """How many are not above ``number``."""
        at = bisect_right(self._firsts, number)
        return self._before[at] - max(0, self._lasts[at - 1] - number) if at else 0


_NONE: Run = (1 << 64, 1 << 64)
"""Stands behind the last run: higher than any number there is."""
