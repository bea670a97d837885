"""One proof for many leaves, against RFC 6962's own definition; and every change to one is rejected."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.kept_tiles import AllAlike, KeptTiles, grown
from tests.property.rfc6962 import Tree, leaf, split
from tests.property.test_tree_lies import flipped, rearranged
from unbroken.core.tree.multiproof import multiproof
from unbroken.core.tree.proving import inclusion_proof
from unbroken.core.tree.tile import MAX_SIZE
from unbroken.core.tree.verifying import verify_multiproof
from unbroken.errors import ProofError

LEAVES = 1500
SMALL = 8


@cache
def definition() -> Tree:
    return Tree([leaf(number) for number in range(LEAVES)])


@cache
def tiles() -> KeptTiles:
    return grown(definition().leaves)


def defined(positions: Sequence[int], start: int, end: int) -> list[bytes]:
    """The definition of spec/TREE.md, word for word."""
    inside = [each for each in positions if start <= each < end]
    if not inside:
        return [definition().mth(start, end)]
    if end - start == 1:
        return []
    middle = start + split(end - start)
    return [*defined(inside, start, middle), *defined(inside, middle, end)]


def at(positions: Sequence[int]) -> list[tuple[int, bytes]]:
    return [(each, leaf(each)) for each in positions]


def shown(leaves: Sequence[tuple[int, bytes]], size: int, proof: Sequence[bytes], root: bytes | None = None) -> bool:
    """Whether the verifier says so; any other error than the rejection gets through."""
    try:
        verify_multiproof(leaves, size=size, root=root or definition().root(size), proof=proof)
    except ProofError:
        return False
    return True


def picks(size: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, size + 1):
        yield from combinations(range(size), count)


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_every_pick_of_a_small_tree_is_proved_as_defined(size: int) -> None:
    for positions in picks(size):
        proof = multiproof(positions, size, reader=tiles())
        assert list(proof) == defined(positions, 0, size)
        assert shown(at(positions), size, proof)


@given(st.integers(1, LEAVES), st.data())
@settings(deadline=None)
def test_any_pick_is_proved_as_defined(size: int, data: st.DataObject) -> None:
    positions = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=60)))
    proof = multiproof(positions, size, reader=tiles())
    assert list(proof) == defined(positions, 0, size)
    assert shown(at(positions), size, proof)


def test_the_proof_of_one_leaf_has_the_hashes_of_its_inclusion_proof() -> None:
    for size in (1, 2, 7, 256, 257, LEAVES):
        for position in {0, size // 2, size - 1}:
            alone = multiproof([position], size, reader=tiles())
            assert set(alone) == set(inclusion_proof(position, size, reader=tiles()))
            assert len(alone) == len(inclusion_proof(position, size, reader=tiles()))


def test_all_leaves_need_no_proof_and_neighbours_a_short_one() -> None:
    assert multiproof(range(LEAVES), LEAVES, reader=tiles()) == ()
    assert shown(at(range(LEAVES)), LEAVES, ())
    assert len(multiproof(range(512, 1024), LEAVES, reader=tiles())) == 2


def test_scattered_leaves_are_read_for_bit_by_bit() -> None:
    """Not all tiles at once: of a large log they would not fit into memory."""
    reader = grown(definition().leaves)
    positions = list(range(0, LEAVES, 3))
    reader.read.clear()
    proof = multiproof(positions, LEAVES, reader=reader)
    assert shown(at(positions), LEAVES, proof)
    assert len(proof) > 1024 / 2
    assert len(reader.read) >= len(proof) // 1024 + 1


def test_trees_of_any_size_are_proved() -> None:
    alike = AllAlike(leaf(0))
    positions = [0, 2**40, 2**62, MAX_SIZE - 2, MAX_SIZE - 1]
    proof = multiproof(positions, MAX_SIZE, reader=alike)
    leaves = [(each, leaf(0)) for each in positions]
    assert shown(leaves, MAX_SIZE, proof, alike.root(MAX_SIZE))
    assert not shown([*leaves[:-1], (MAX_SIZE - 1, leaf(1))], MAX_SIZE, proof, alike.root(MAX_SIZE))


@pytest.mark.parametrize("positions", [[], [-1], [7], [0, 0], [3, 2], [0, 7], [True], [1.0], [2**63]], ids=str)
def test_positions_that_are_none_are_refused(positions: list[int]) -> None:
    with pytest.raises(ProofError):
        multiproof(positions, 7, reader=tiles())
    assert not shown([(each, leaf(0)) for each in positions], 7, [])


@pytest.mark.parametrize("size", [0, -1, 2**63, True, 7.0])
def test_sizes_that_no_tree_has_are_refused(size: int) -> None:
    with pytest.raises(ProofError):
        multiproof([0], size, reader=tiles())
    assert not shown(at([0]), size, [], definition().root(7))


# ---- lies ----


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 257, 600])
def test_no_changed_bit_goes_unseen(size: int) -> None:
    for positions in {(0,), (size - 1,), tuple(sorted({0, size // 2, size - 1}))}:
        proof, root = multiproof(positions, size, reader=tiles()), definition().root(size)
        assert shown(at(positions), size, proof)
        for other, *changed in flipped([root, *(hash_ for _, hash_ in at(positions)), *proof]):
            leaves, rest = changed[: len(positions)], changed[len(positions) :]
            assert not shown(list(zip(positions, leaves, strict=True)), size, rest, other)


def test_no_rearranged_proof_is_accepted() -> None:
    for size in range(1, 20):
        for positions in {(0,), (size - 1,), tuple(range(0, size, 3))}:
            proof = multiproof(positions, size, reader=tiles())
            assert [changed for changed in rearranged(proof) if shown(at(positions), size, changed)] == []


def test_leaves_are_accepted_at_their_own_places_alone() -> None:
    size = 7
    for positions in picks(size):
        proof = multiproof(positions, size, reader=tiles())
        for others in picks(size):
            leaves = [(place, hash_) for place, (_, hash_) in zip(others, at(positions), strict=False)]
            if len(others) == len(positions):
                assert shown(leaves, size, proof) is (others == positions)
        if len(positions) > 1:
            exchanged = [*at(positions)[2:], *at(positions)[:2][::-1]]
            assert not shown(exchanged, size, proof)
            assert not shown(at(positions)[1:], size, proof)


def test_a_subtrees_hash_is_no_leaf() -> None:
    """Hashes of inner nodes are made with another first byte, but a verifier is given hashes and not lines."""
    size, middle = 8, definition().mth(0, 4)
    assert not shown([(0, middle)], size, [definition().mth(4, 8)])


@given(st.integers(2, 200), st.data())
@settings(deadline=None)
def test_the_proof_for_other_leaves_is_rejected(size: int, data: st.DataObject) -> None:
    pick = st.sets(st.integers(0, size - 1), min_size=1)
    some, others = sorted(data.draw(pick)), sorted(data.draw(pick))
    proof = multiproof(some, size, reader=tiles())
    same = defined(some, 0, size) == defined(others, 0, size)
    assert shown(at(others), size, proof) is same
