"""Roots, tiles and proofs against RFC 6962's own definition, at all sizes and over the boundaries of tiles."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.kept_tiles import AllAlike, KeptTiles, LevelZeroFromRows, grown, pieces
from tests.property.rfc6962 import Tree, leaf
from unbroken.core.entry import hash_of
from unbroken.core.tree.edge import EMPTY, Edge
from unbroken.core.tree.extending import extended
from unbroken.core.tree.hashing import EMPTY_ROOT, leaf_hash
from unbroken.core.tree.proving import consistency_proof, inclusion_proof, root_of
from unbroken.core.tree.tile import MAX_SIZE, Tile, partial_tiles_of, tiles_of
from unbroken.core.tree.verifying import verify_consistency, verify_inclusion

MOST = 66_000
EDGES = (
    1, 2, 3, 127, 128, 129, 254, 255, 256, 257, 258, 511, 512, 513, 767, 768, 65_279, 65_280, 65_281, 65_535, 65_536,
    65_537, 65_791, 65_792, 65_793, MOST,
)  # fmt: skip
"""Sizes at which a tile begins, is full, or lacks one hash."""
SIZES = st.sampled_from(EDGES) | st.integers(1, MOST) | st.integers(1, 600)


@cache
def definition() -> Tree:
    return Tree([leaf(number) for number in range(MOST)])


@cache
def tiles() -> KeptTiles:
    """Of the whole tree; smaller trees are read from it as well, since a wider tile begins with the narrower."""
    return grown(definition().leaves, 1, 255, 300, 65_535, 65_537)


def test_a_leaf_is_hashed_as_an_entry_is() -> None:
    assert leaf_hash(b"a line") == hash_of(b"a line")


# ---- roots ----


@pytest.mark.parametrize("sizes", [range(1100), EDGES], ids=["small", "edges"])
def test_roots_are_those_of_the_definition(sizes: range | tuple[int, ...]) -> None:
    for size in sizes:
        assert root_of(size, tiles()) == definition().root(size), size


@given(SIZES)
@settings(deadline=None)
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert root_of(size, tiles()) == definition().root(size)
    assert Edge.read(size, tiles()).root == definition().root(size)


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert root_of(0, tiles()) == EMPTY.root == Edge.read(0, tiles()).root == EMPTY_ROOT


# ---- extending ----


@given(st.lists(st.integers(0, 700), max_size=8), st.booleans())
@settings(deadline=None)
def test_however_a_tree_grows_it_is_the_same(steps: list[int], far: bool) -> None:
    """Tiles, edge and root, after each step, and what the step says is new."""
    edge = Edge.read(start := 65_200 if far else 0, tiles())
    for wanted in steps:
        step = min(wanted, MOST - start)
        added = extended(edge, definition().leaves[start : start + step])
        assert added.edge == Edge.read(start + step, tiles())
        assert added.edge.root == definition().root(start + step)
        before, after = set(tiles_of(start)), set(tiles_of(start + step))
        assert list(added.full) == sorted(tile for tile in after - before if tile.is_full)
        assert list(added.partial) == sorted(tile for tile in after - before if not tile.is_full)
        for tile, content in [*added.full.items(), *added.partial.items()]:
            assert tiles().read_tiles([tile]) == [content]
        edge, start = added.edge, start + step


def test_tiles_hold_what_the_definition_says() -> None:
    """The n-th tile's i-th hash at a level spans ``256 ** level`` leaves: MTH(D[(n * 256 + i) * 256**l : ...])."""
    seen = 0
    for tile in tiles_of(MOST):
        span = 256**tile.level
        (content,) = tiles().read_tiles([tile])
        expected = [definition().mth(at * span, (at + 1) * span) for at in range(tile.start, tile.end)]
        assert pieces(content) == expected
        seen += 1
    assert seen == 258 + 2 + 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, {}),
        (1, {0: (0, 1)}),
        (256, {0: (1, 0), 1: (0, 1)}),
        (70_000, {0: (273, 112), 1: (1, 17), 2: (0, 1)}),
        (65_536, {0: (256, 0), 1: (1, 0), 2: (0, 1)}),
    ],
)
def test_a_tree_has_these_tiles(size: int, expected: dict[int, tuple[int, int]]) -> None:
    """The examples of C2SP tlog-tiles among them: full tiles per level, and the width of the partial one."""
    all_tiles = list(tiles_of(size))
    for level, (full, width) in expected.items():
        widths = [tile.width for tile in all_tiles if tile.level == level]
        assert widths == [256] * full + [width] * (width > 0)
    assert {tile.level for tile in all_tiles} == set(expected)
    assert partial_tiles_of(size) == [tile for tile in all_tiles if not tile.is_full]


# ---- proofs ----


@given(SIZES, st.data())
@settings(deadline=None)
def test_inclusion_proofs_are_those_of_the_definition(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1) | st.sampled_from([each for each in EDGES if each < size] or [0]))
    proof = inclusion_proof(index, size, reader=tiles())
    assert list(proof) == definition().inclusion(index, size)
    verify_inclusion(leaf(index), index, size=size, root=definition().root(size), proof=proof)


@given(SIZES, SIZES)
@settings(deadline=None)
def test_consistency_proofs_are_those_of_the_definition(one: int, other: int) -> None:
    old, new = sorted((one, other))
    proof = consistency_proof(old, new, reader=tiles())
    assert list(proof) == definition().consistency(old, new)
    verify_consistency(definition().root(old), definition().root(new), old_size=old, new_size=new, proof=proof)


def test_all_proofs_of_small_trees_are_those_of_the_definition() -> None:
    for size in range(1, 70):
        for index in range(size):
            assert list(inclusion_proof(index, size, reader=tiles())) == definition().inclusion(index, size)
            old = index + 1
            assert list(consistency_proof(old, size, reader=tiles())) == definition().consistency(old, size)


def test_the_leaves_may_come_from_a_table() -> None:
    leaves = definition().leaves[:1500]
    rows = LevelZeroFromRows(leaves, grown(leaves))
    for size in (1, 255, 256, 257, 1500):
        assert root_of(size, rows) == definition().root(size)
        assert list(inclusion_proof(size // 2, size, reader=rows)) == definition().inclusion(size // 2, size)
        assert Edge.read(size, rows).root == definition().root(size)


# ---- how much is read, and how long proofs are ----


HUGE = (2**24 - 1, 2**24, 2**24 + 1, 10**9, 2**40 + 12_345, 2**56 + 1, 2**62, MAX_SIZE - 1, MAX_SIZE)


@pytest.mark.parametrize("size", [*EDGES, *HUGE])
def test_proofs_grow_with_the_logarithm(size: int) -> None:
    """One read of at most two tiles a level, and a hash for each time that the size can be halved."""
    alike = AllAlike(leaf(0))
    levels = -(-size.bit_length() // 8)
    for index in {0, size // 3, size // 2, size - 2, size - 1} - {-1}:
        alike.read.clear()
        proof = inclusion_proof(index, size, reader=alike)
        verify_inclusion(leaf(0), index, size=size, root=alike.root(size), proof=proof)
        assert len(proof) <= (size - 1).bit_length()
        assert sum(map(len, alike.read)) <= 2 * levels
        assert len(alike.read) <= 1
    assert len(inclusion_proof(0, size, reader=alike)) == (size - 1).bit_length()


@pytest.mark.parametrize("size", HUGE)
def test_trees_that_no_memory_holds(size: int) -> None:
    alike = AllAlike(leaf(0))
    assert root_of(size, alike) == alike.root(size)
    assert Edge.read(size, alike).root == alike.root(size)
    for old in (1, 256, size // 2, size // 3 + 1, size - 1, size):
        proof = consistency_proof(old, size, reader=alike)
        verify_consistency(alike.root(old), alike.root(size), old_size=old, new_size=size, proof=proof)
        assert len(proof) <= (size - 1).bit_length() + 1


@pytest.mark.parametrize("size", [2**24 - 3, 2**40 - 700, MAX_SIZE - 300])
def test_a_tree_that_no_memory_holds_grows(size: int) -> None:
    alike = AllAlike(leaf(0))
    added = extended(Edge.read(size, alike), [leaf(0)] * 300)
    assert added.edge.root == alike.root(size + 300)
    for tile, content in [*added.full.items(), *added.partial.items()]:
        assert alike.read_tiles([tile]) == [content]


def test_a_tile_is_wider_only_at_its_end() -> None:
    narrow, wide = grown(definition().leaves[:300]), grown(definition().leaves[:500])
    (before,), (after,) = narrow.read_tiles([Tile(0, 1, 44)]), wide.read_tiles([Tile(0, 1, 244)])
    assert after.startswith(before)
    assert len(after) > len(before)
