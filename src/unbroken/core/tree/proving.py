"""Roots and proofs of RFC 6962, section 2.1, built from tiles.

Tiles are taken as they are, so a proof from damaged ones proves nothing: whoever hands one on verifies it first."""

from unbroken.core.tree.hashing import EMPTY_ROOT
from unbroken.core.tree.reading import TileReader
from unbroken.core.tree.roots import roots_of
from unbroken.core.tree.subtrees import Leaves
from unbroken.core.tree.tile import checked_size
from unbroken.errors import ProofError


def root_of(size: int, reader: TileReader) -> bytes:
    """The root of the tree over the first ``size`` leaves, computed from its partial tiles."""
    if checked_size(size) == 0:
        return EMPTY_ROOT
    (root,) = roots_of([Leaves(0, size)], size=size, reader=reader)
    return root


def inclusion_proof(index: int, size: int, *, reader: TileReader) -> tuple[bytes, ...]:
    """What shows that the leaf at ``index`` (from 0) is in the tree of the first ``size`` leaves: PATH of RFC 6962.

    At most ``ceil(log2(size))`` hashes, the deepest first. Raises :class:`ProofError` for an index that the tree does
    not have, and for tiles of another length than they must have.
    """
    if type(index) is not int or not 0 <= index < checked_size(size):
        raise ProofError("there is no such leaf in a tree of this size")
    return tuple(roots_of(_beside(index, size), size=size, reader=reader))


def consistency_proof(old: int, new: int, *, reader: TileReader) -> tuple[bytes, ...]:
    """What shows that the tree of ``new`` leaves begins with that of ``old`` leaves: PROOF of RFC 6962.

    At most ``ceil(log2(new)) + 1`` hashes; none where the sizes are equal. Raises :class:`ProofError` for an old size
    that is 0 (every tree continues the empty one: there is nothing to prove) or above the new one, and for tiles of
    another length than they must have.
    """
    if not 0 < checked_size(old) <= checked_size(new):
        raise ProofError("a tree is consistent only with one that is not larger, and has leaves")
    return tuple(roots_of(_between(old, new), size=new, reader=reader))


def _beside(index: int, size: int) -> list[Leaves]:
    """The subtrees beside the way from the root to a leaf, the deepest first."""
    beside, here = [], Leaves(0, size)
    while here.end - here.start > 1:
        left, right = here.halves
        here, other = (left, right) if index < left.end else (right, left)
        beside.append(other)
    return beside[::-1]


def _between(old: int, new: int) -> list[Leaves]:
    """The subtrees beside the way from the new root to where the old tree ends, the deepest first."""
    beside, here = [], Leaves(0, new)
    while here.end != old:
        left, right = here.halves
        here, other = (left, right) if old <= left.end else (right, left)
        beside.append(other)
    # Where the way never went right, it ends at the old root itself, which the verifier has.
    return ([here] if here.start else []) + beside[::-1]
