"""Ranges of leaves that proofs speak of, and the perfect subtrees that they consist of."""

from collections.abc import Sequence
from dataclasses import dataclass

from unbroken.core.tree.hashing import node_hash


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaves from ``start`` up to, and without, ``end``: a subtree of some tree, as RFC 6962 cuts it."""

    start: int
    end: int

    @property
    def middle(self) -> int:
        """Where the subtree is cut into two: after the largest power of two that is less than all."""
        return self.start + (1 << (self.end - self.start - 1).bit_length() - 1)

    @property
    def halves(self) -> "tuple[Leaves, Leaves]":
        """The two subtrees that more than one leaf consists of."""
        return Leaves(self.start, self.middle), Leaves(self.middle, self.end)


@dataclass(frozen=True, slots=True)
class Perfect:
    """A subtree of ``2 ** height`` leaves, the ``index``-th of its height."""

    height: int
    index: int


def perfect_subtrees(leaves: Leaves) -> list[Perfect]:
    """What a subtree consists of, from left to right, each less high than the one before."""
    found, at = [], leaves.start
    for height in reversed(range((leaves.end - leaves.start).bit_length())):
        if (leaves.end - leaves.start) >> height & 1:
            found.append(Perfect(height, at >> height))
            at += 1 << height
    return found


def joined(roots: Sequence[bytes]) -> bytes:
    """The root over the roots of perfect subtrees that stand side by side, each less high than the one before."""
    *others, root = roots
    for left in reversed(others):
        root = node_hash(left, root)
    return root
