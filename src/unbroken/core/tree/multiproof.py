"""One proof for many leaves: what is needed beside them to compute the root, and nothing twice.

It is what single inclusion proofs have in common. For neighbours it is hardly longer than for one of them; for all
leaves of a tree it is empty.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

from unbroken.core.tree.reading import TileReader
from unbroken.core.tree.roots import roots_of
from unbroken.core.tree.subtrees import Leaves
from unbroken.core.tree.tile import checked_size
from unbroken.errors import ProofError

_AT_ONCE: Final = 1024
"""How many subtrees' roots are computed from tiles that are in memory together."""


def multiproof(positions: Sequence[int], size: int, *, reader: TileReader) -> tuple[bytes, ...]:
    """What shows that the leaves at ``positions`` (from 0) are in the tree of the first ``size`` leaves.

    The roots of the largest subtrees that hold none of them, from left to right (spec/TREE.md, "Proofs"). Raises
    :class:`ProofError` for positions that are none, don't ascend or lie outside the tree, and for tiles of another
    length than they must have.
    """
    _require_positions(positions, checked_size(size))
    others, proof = _without(positions, size), list[bytes]()
    while some := list(islice(others, _AT_ONCE)):
        proof += roots_of(some, size=size, reader=reader)
    return tuple(proof)


def _without(positions: Sequence[int], size: int) -> Iterator[Leaves]:
    """The largest subtrees without any of the leaves, from left to right."""
    # Each subtree with which of the positions, from and up to, lie in it.
    waiting = [(Leaves(0, size), 0, len(positions))]
    while waiting:
        here, first, last = waiting.pop()
        if first == last:
            yield here
        elif last - first < here.end - here.start:
            left, right = here.halves
            cut = bisect_left(positions, left.end, first, last)
            waiting += (right, cut, last), (left, first, cut)


def _require_positions(positions: Sequence[int], size: int) -> None:
    if not positions or not all(type(each) is int for each in positions):
        raise ProofError("a proof for many leaves needs the positions of at least one, as whole numbers")
    if positions[0] < 0 or positions[-1] >= size or any(a >= b for a, b in pairwise(positions)):
        raise ProofError("the leaves' positions do not ascend, or are not in a tree of this size")
