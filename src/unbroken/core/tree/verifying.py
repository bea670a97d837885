"""Verifying the proofs of RFC 6962. Shares nothing with what builds them but the hashes.

A proof is verified against a root from a checkpoint that is trusted, with the size that the same checkpoint states: the
two belong together. A root alone does not tell the size of its tree, and a proof for one size can also fit a
neighbouring one, whose way to the leaf turns left and right in the same places.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from unbroken.core.tree.hashing import HASH_BYTES, node_hash
from unbroken.errors import ProofError

_MAX_SIZE: Final = 2**63 - 1


def verify_inclusion(leaf: bytes, index: int, *, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Returns if ``proof`` shows that ``leaf``, a leaf's hash, is at ``index`` (from 0) in the tree of ``size`` and
    ``root``; raises :class:`ProofError` if it does not.
    """
    _require_hashes(leaf, root, *proof)
    _require_numbers(index, size)
    if not 0 <= index < size <= _MAX_SIZE:
        raise ProofError("there is no such leaf in a tree of this size")
    computed, place, last = leaf, index, size - 1
    for beside in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long for a tree of this size")
        if place & 1 or place == last:
            computed = node_hash(beside, computed)
            place, last = _climbed(place, last)
        else:
            computed = node_hash(computed, beside)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofError("the inclusion proof is too short for a tree of this size")
    if computed != root:
        raise ProofError("the inclusion proof does not lead to the root: not this leaf, not here, or not this tree")


def verify_consistency(
    old_root: bytes, new_root: bytes, *, old_size: int, new_size: int, proof: Sequence[bytes]
) -> None:
    """Returns if ``proof`` shows that the new tree begins with all leaves of the old one; raises
    :class:`ProofError` if it does not.

    An old size of 0 is rejected: there is nothing to prove, and whoever compares with an empty tree says so.
    """
    _require_hashes(old_root, new_root, *proof)
    _require_numbers(old_size, new_size)
    if not 0 < old_size <= new_size <= _MAX_SIZE:
        raise ProofError("a tree is consistent only with one that is not larger, and has leaves")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError("trees of one size are consistent only if their roots are equal, which takes no proof")
        return
    # A perfect old tree is a subtree of the new one, so that its root, which is known, is left out of the proof.
    whole = old_size & (old_size - 1) == 0
    if not (proof or whole):
        raise ProofError("the consistency proof is too short for trees of these sizes")
    first, rest = (old_root, proof) if whole else (proof[0], proof[1:])
    computed = _joined(first, rest, old_size=old_size, new_size=new_size)
    if computed != (old_root, new_root):
        raise ProofError("the consistency proof does not lead to both roots: the new tree does not continue the old")


def verify_multiproof(leaves: Sequence[tuple[int, bytes]], *, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Returns if ``proof`` shows that each of ``leaves``, a position from 0 and a leaf's hash, is in the tree of
    ``size`` and ``root``; raises :class:`ProofError` if it does not.

    The positions ascend, and there is at least one. Every hash of the proof is used exactly once.
    """
    _require_hashes(root, *proof, *(leaf for _, leaf in leaves))
    _require_numbers(size, *(position for position, _ in leaves))
    if not leaves or leaves[0][0] < 0 or not leaves[-1][0] < size <= _MAX_SIZE:
        raise ProofError("there are no such leaves in a tree of this size")
    if any(first >= second for (first, _), (second, _) in pairwise(leaves)):
        raise ProofError("the leaves' positions do not ascend")
    beside = iter(proof)
    computed = _root_over(0, size, told=deque(leaves), beside=beside)
    if next(beside, None) is not None:
        raise ProofError("the proof for many leaves is too long for them and a tree of this size")
    if computed != root:
        raise ProofError("the proof does not lead to the root: not these leaves, not at these places, or not this tree")


def _root_over(start: int, end: int, *, told: deque[tuple[int, bytes]], beside: Iterator[bytes]) -> bytes:
    """The root of a subtree: out of the proof where none of the leaves is in it. As deep as the tree, 63 at most.

    Takes from ``told`` the leaves that are in it, and from ``beside`` the hashes that belong to it.
    """
    if not told or told[0][0] >= end:
        hash_ = next(beside, None)
        if hash_ is None:
            raise ProofError("the proof for many leaves is too short for them and a tree of this size")
        return hash_
    if end - start == 1:
        return told.popleft()[1]
    middle = start + (1 << (end - start - 1).bit_length() - 1)
    left = _root_over(start, middle, told=told, beside=beside)
    return node_hash(left, _root_over(middle, end, told=told, beside=beside))


def _joined(first: bytes, rest: Sequence[bytes], *, old_size: int, new_size: int) -> tuple[bytes, bytes]:
    """The roots of both trees, computed from the last subtree that they share and what stands beside it."""
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = first
    for beside in rest:
        if last == 0:
            raise ProofError("the consistency proof is too long for trees of these sizes")
        if place & 1 or place == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            place, last = _climbed(place, last)
        else:
            new = node_hash(new, beside)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency proof is too short for trees of these sizes")
    return old, new


def _climbed(place: int, last: int) -> tuple[int, int]:
    """Past the levels at which a lone right edge has nothing beside it."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _require_hashes(*hashes: bytes) -> None:
    if set(map(type, hashes)) != {bytes} or set(map(len, hashes)) != {HASH_BYTES}:
        raise ProofError(f"a hash is {HASH_BYTES} bytes long")


def _require_numbers(*numbers: int) -> None:
    if set(map(type, numbers)) != {int}:
        raise ProofError("an index or a size is a whole number")
