"""The log's tree while its entries are followed: its root at wanted sizes, in memory that doesn't grow with the log.

Computed from entries alone and by code of its own: it shares nothing with what extends the stored tree but the hashes,
so that a mistake there, or a tile that was changed, is not repeated here.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from unbroken.core.entry import Head
from unbroken.core.tree.hashing import EMPTY_ROOT, HASH_BYTES, node_hash, perfect_root


def _heights(start: int, end: int) -> Iterator[int]:
    """The heights of the fewest perfect subtrees between two leaves, from left to right."""
    at = start
    while at < end:
        height = (end - at).bit_length() - 1
        if at:
            height = min(height, (at & -at).bit_length() - 1)
        yield height
        at += 1 << height


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves from ``start`` up to, and without, ``end``, as the fewest perfect subtrees that they consist of.

    ``roots`` are those of the subtrees, from left to right. Where each begins and how high it is follows from the two
    numbers: a subtree of ``2 ** h`` leaves begins at a multiple of that. Raises ``ValueError`` for another number of
    roots than that.
    """

    start: int
    end: int
    roots: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        wanted = sum(1 for _ in _heights(self.start, self.end))
        if not 0 <= self.start <= self.end or list(map(len, self.roots)) != [HASH_BYTES] * wanted:
            raise ValueError("these are not the subtrees that these leaves consist of")

    @classmethod
    def over(cls, leaves: Sequence[bytes], *, start: int) -> "Span":
        """Over these leaves' hashes, of which the first stands at ``start``."""
        whole, at, roots = b"".join(leaves), 0, []
        for height in _heights(start, start + len(leaves)):
            length = HASH_BYTES << height
            roots.append(perfect_root(whole[at : at + length]))
            at += length
        return cls(start, start + len(leaves), tuple(roots))


EMPTY: Final = Span(0, 0, ())
"""A tree without leaves."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """How far somebody verified a log: the last entry by then, and the tree up to it. Theirs to believe: they kept it.

    Raises ``ValueError`` where the two are of different sizes.
    """

    head: Head
    tree: Span

    def __post_init__(self) -> None:
        if (self.tree.start, self.tree.end) != (0, self.head.seq):
            raise ValueError("a milestone's tree has the entries up to its head")


def spans_of(leaves: Sequence[bytes], *, start: int, cuts: Iterable[int]) -> tuple[Span, ...]:
    """These leaves' hashes as spans that end at each of the sizes ``cuts``, ascending, and at the last leaf."""
    end = start + len(leaves)
    bounds = [start, *(cut for cut in cuts if start < cut < end), end]
    pairs = pairwise(bounds)
    return tuple(Span.over(leaves[begin - start : stop - start], start=begin) for begin, stop in pairs if begin < stop)


class Tree:
    """A tree that grows by the leaves of a log, from ``start`` on; notes its root at each of the ``wanted`` sizes.

    ``roots`` has those that it came to. It grows no further once a leaf is lacking, as all larger trees are unknown.
    """

    def __init__(self, wanted: Iterable[int] = (), *, start: Span = EMPTY) -> None:
        if start.start != 0:
            raise ValueError("a tree begins with its first leaf")
        self._wanted = sorted({size for size in wanted if size >= max(start.end, 1)})
        self._stack = list(zip(_heights(0, start.end), start.roots, strict=True))
        self._is_whole = True
        self.size = start.end
        self.roots: dict[int, bytes] = {}
        self._note()

    @property
    def root(self) -> bytes:
        """The root of the tree so far."""
        subtrees = reversed(self._stack)
        root = next(subtrees, (0, EMPTY_ROOT))[1]
        for _, left in subtrees:
            root = node_hash(left, root)
        return root

    @property
    def standing(self) -> Span:
        """All that is needed to go on from here another time."""
        return Span(0, self.size, tuple(root for _, root in self._stack))

    def cuts(self, after: int, upto: int) -> tuple[int, ...]:
        """The wanted sizes above ``after``, up to ``upto``."""
        first, end = bisect_right(self._wanted, after), bisect_right(self._wanted, upto)
        return tuple(self._wanted[first:end])

    def add(self, leaf: bytes) -> None:
        """Takes the next leaf's hash."""
        if self._is_whole:
            self._push(0, leaf)
            self._note()

    def take(self, spans: Iterable[Span]) -> None:
        """Takes the next leaves, cut at the wanted sizes; nothing that doesn't follow on what was taken before."""
        for span in spans:
            if span.start != self.size:
                self.stop()
            if not self._is_whole:
                return
            for height, root in zip(_heights(span.start, span.end), span.roots, strict=True):
                self._push(height, root)
            self._note()

    def stop(self) -> None:
        """The next leaf is lacking."""
        self._is_whole = False

    def _push(self, height: int, root: bytes) -> None:
        self.size += 1 << height
        while self._stack and self._stack[-1][0] == height:
            root = node_hash(self._stack.pop()[1], root)
            height += 1
        self._stack.append((height, root))

    def _note(self) -> None:
        at = bisect_left(self._wanted, self.size)
        if at < len(self._wanted) and self._wanted[at] == self.size:
            self.roots[self.size] = self.root
