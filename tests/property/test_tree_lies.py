"""Proofs that were changed, or are offered for something else: every one is rejected, by one error."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.kept_tiles import AllAlike, KeptTiles, LevelZeroFromRows, grown
from tests.property.rfc6962 import Tree, leaf, split, turns
from unbroken.core.tree.edge import EMPTY, Edge
from unbroken.core.tree.extending import extended
from unbroken.core.tree.hashing import EMPTY_ROOT
from unbroken.core.tree.proving import consistency_proof, inclusion_proof, root_of
from unbroken.core.tree.reading import TileReader
from unbroken.core.tree.tile import MAX_SIZE, Tile, partial_tiles_of, tiles_of
from unbroken.core.tree.verifying import verify_consistency, verify_inclusion
from unbroken.errors import ProofError

LEAVES = 600
SMALL = 18


@cache
def definition() -> Tree:
    return Tree([leaf(number) for number in range(LEAVES)])


@cache
def tiles() -> KeptTiles:
    return grown(definition().leaves)


def included(index: int, size: int, proof: Sequence[bytes], root: bytes | None = None, of: bytes | None = None) -> bool:
    """Whether the verifier says so; any other error than the rejection gets through."""
    try:
        verify_inclusion(of or leaf(index), index, size=size, root=root or definition().root(size), proof=proof)
    except ProofError:
        return False
    return True


def consistent(old: int, new: int, proof: Sequence[bytes], roots: tuple[bytes, bytes] | None = None) -> bool:
    old_root, new_root = roots or (definition().root(old), definition().root(new))
    try:
        verify_consistency(old_root, new_root, old_size=old, new_size=new, proof=proof)
    except ProofError:
        return False
    return True


def flipped(hashes: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The hashes with each bit changed in turn."""
    for number, each in enumerate(hashes):
        for bit in range(8 * len(each)):
            changed = (int.from_bytes(each, "big") ^ 1 << bit).to_bytes(len(each), "big")
            yield [*hashes[:number], changed, *hashes[number + 1 :]]


def rearranged(proof: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Hashes left out, repeated, put in, and in another order."""
    for at in range(len(proof) + 1):
        for more in (leaf(0), bytes(32), *proof[:1], *proof[-1:]):
            yield [*proof[:at], more, *proof[at:]]
    for at in range(len(proof)):
        yield [*proof[:at], *proof[at + 1 :]]
        yield [*proof[:at], proof[at][:-1], *proof[at + 1 :]]
        yield [*proof[:at], proof[at] + b"\x00", *proof[at + 1 :]]
        yield [*proof[:at], b"", *proof[at + 1 :]]
    if len(proof) > 1:
        yield list(reversed(proof))
        yield [proof[1], proof[0], *proof[2:]]


# ---- every change ----


@pytest.mark.parametrize("size", [*range(1, SMALL), 255, 256, 257, 513])
def test_no_changed_bit_of_an_inclusion_proof_goes_unseen(size: int) -> None:
    for index in range(size) if size < SMALL else (0, 1, size // 2, size - 1):
        proof = inclusion_proof(index, size, reader=tiles())
        assert included(index, size, proof)
        for root, of, *changed in flipped([definition().root(size), leaf(index), *proof]):
            assert not included(index, size, changed, root, of)


@pytest.mark.parametrize("new", [*range(1, SMALL), 257, 513])
def test_no_changed_bit_of_a_consistency_proof_goes_unseen(new: int) -> None:
    for old in range(1, new + 1) if new < SMALL else (1, 2, 255, 256, new - 1, new):
        proof = consistency_proof(old, new, reader=tiles())
        assert consistent(old, new, proof)
        for old_root, new_root, *changed in flipped([definition().root(old), definition().root(new), *proof]):
            assert not consistent(old, new, changed, (old_root, new_root))


def test_no_rearranged_proof_is_accepted() -> None:
    for size in (*range(1, SMALL), 255, 256, 257, 513):
        for index in {0, 1, size // 2, size - 1} & set(range(size)):
            proof = inclusion_proof(index, size, reader=tiles())
            assert [changed for changed in rearranged(proof) if included(index, size, changed)] == []
            proof = consistency_proof(index + 1, size, reader=tiles())
            assert [changed for changed in rearranged(proof) if consistent(index + 1, size, changed)] == []


@given(st.integers(1, LEAVES), st.data())
@settings(deadline=None)
def test_no_changed_byte_goes_unseen(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    for proof, accepted in (
        (inclusion_proof(index, size, reader=tiles()), partial(included, index, size)),
        (consistency_proof(index + 1, size, reader=tiles()), partial(consistent, index + 1, size)),
    ):
        if proof:
            number, at = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 31))
            changed = bytearray(proof[number])
            changed[at] ^= data.draw(st.integers(1, 255))
            assert accepted(proof)
            assert not accepted([*proof[:number], bytes(changed), *proof[number + 1 :]])


# ---- something else ----


def test_an_inclusion_proof_is_for_one_leaf_one_place_and_one_checkpoint() -> None:
    for size in range(1, 41):
        for index in range(size):
            proof = inclusion_proof(index, size, reader=tiles())
            assert [at for at in range(size) if included(at, size, proof, of=leaf(index))] == [index]
            assert [at for at in range(41) if included(index, size, proof, of=leaf(at))] == [index]
            assert [at for at in range(1, 41) if included(index, at, proof)] == [size]


def test_a_consistency_proof_is_for_one_pair_of_checkpoints() -> None:
    for new in range(1, 25):
        for old in range(1, new):
            proof = consistency_proof(old, new, reader=tiles())
            pairs = [(m, n) for n in range(1, 25) for m in range(1, n) if consistent(m, n, proof)]
            assert pairs == [(old, new)]


def test_without_its_checkpoint_a_root_does_not_tell_the_size() -> None:
    """RFC 6962 hashes no sizes: a proof fits every size at which the way to the leaf turns alike, and no other."""
    fits = 0
    for size in range(1, 41):
        root = definition().root(size)
        for index in range(size):
            proof = inclusion_proof(index, size, reader=tiles())
            for other in range(index + 1, 41):
                alike = turns(index, other) == turns(index, size)
                assert included(index, other, proof, root) == alike
                fits += alike and other != size
    assert fits > 0


def way(old: int, new: int) -> str:
    """Where the way from the new root to the old tree's end turns."""
    if old == new:
        return ""
    k = split(new)
    return "l" + way(old, k) if old <= k else "r" + way(old - k, new - k)


def test_without_their_checkpoints_roots_do_not_tell_sizes() -> None:
    for new in range(2, 20):
        for old in range(1, new):
            proof = consistency_proof(old, new, reader=tiles())
            roots = definition().root(old), definition().root(new)
            for n in range(2, 20):
                for m in range(1, n):
                    assert consistent(m, n, proof, roots) == (way(m, n) == way(old, new))


def test_a_rewritten_tree_continues_no_old_one() -> None:
    forged = Tree([*definition().leaves[:40], leaf(-1), *definition().leaves[41:100]])
    kept = grown(forged.leaves)
    for old in (41, 50, 64, 99):
        proof = consistency_proof(old, 100, reader=kept)
        assert not consistent(old, 100, proof, (definition().root(old), forged.root(100)))
    proof = consistency_proof(40, 100, reader=kept)
    assert consistent(40, 100, proof, (definition().root(40), forged.root(100)))


# ---- what is no proof at all ----

HASH = leaf(0)
ODD_HASHES: list[object] = [b"", bytes(31), bytes(33), "a" * 32, None, 7, bytearray(32), memoryview(bytes(32))]
ODD_NUMBERS: list[object] = [-1, 2**63, 2**64 - 1, 2**100, 1.0, "1", None, True]


@pytest.mark.parametrize("odd", ODD_HASHES)
def test_what_is_no_hash_is_rejected(odd: bytes) -> None:
    for attempt in (
        lambda: verify_inclusion(odd, 0, size=1, root=HASH, proof=[]),
        lambda: verify_inclusion(HASH, 0, size=1, root=odd, proof=[]),
        lambda: verify_inclusion(HASH, 0, size=2, root=HASH, proof=[odd]),
        lambda: verify_consistency(odd, odd, old_size=1, new_size=1, proof=[]),
        lambda: verify_consistency(HASH, odd, old_size=1, new_size=2, proof=[HASH]),
        lambda: verify_consistency(HASH, HASH, old_size=1, new_size=2, proof=[odd]),
        lambda: extended(EMPTY, [HASH, odd]),
        lambda: Edge(1, (odd,)),
    ):
        with pytest.raises(ProofError):
            attempt()


@pytest.mark.parametrize("odd", ODD_NUMBERS, ids=repr)
def test_what_is_no_number_of_leaves_is_rejected(odd: int) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: verify_inclusion(HASH, odd, size=2, root=HASH, proof=[HASH]),
        lambda: verify_inclusion(HASH, 0, size=odd, root=HASH, proof=[]),
        lambda: verify_consistency(HASH, HASH, old_size=odd, new_size=2, proof=[HASH]),
        lambda: verify_consistency(HASH, HASH, old_size=1, new_size=odd, proof=[]),
        lambda: inclusion_proof(odd, 2, reader=tiles()),
        lambda: inclusion_proof(0, odd, reader=tiles()),
        lambda: consistency_proof(odd, 2, reader=tiles()),
        lambda: consistency_proof(1, odd, reader=tiles()),
        lambda: root_of(odd, tiles()),
        lambda: Edge.read(odd, tiles()),
        lambda: Edge(odd, ()),
        lambda: list(tiles_of(odd)),
        lambda: partial_tiles_of(odd),
        lambda: Tile(odd, 0),
        lambda: Tile(0, odd),
        lambda: Tile(0, 0, odd),
    ]
    for attempt in attempts:
        with pytest.raises(ProofError):
            attempt()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 5), (6, 5)])
def test_a_leaf_beyond_the_tree_is_rejected(index: int, size: int) -> None:
    assert not included(index, size, [], of=HASH)
    with pytest.raises(ProofError):
        inclusion_proof(index, size, reader=tiles())


def test_no_proof_of_a_leaf_is_taken_for_a_place_outside_the_tree() -> None:
    """In binary the places around a tree look like places in it: -1 like its last."""
    for size in range(1, SMALL):
        for index in range(size):
            proof = inclusion_proof(index, size, reader=tiles())
            outside = [*range(-40, 0), *range(size, 80), index - 2**63, index + 2**63, index + 2**64]
            assert [at for at in outside if included(at, size, proof, of=leaf(index))] == []


def test_a_tree_is_never_larger_than_the_largest() -> None:
    """Proofs in which nothing else is wrong."""
    alike = AllAlike(HASH)
    halves = [alike.perfect(height) for height in range(63)]
    most, too_many = alike.perfect(62), alike.perfect(63)
    assert included(0, 2**62, halves[:-1], most, of=HASH)
    assert not included(0, 2**63, halves, too_many, of=HASH)
    assert consistent(2**61, 2**62, halves[-2:-1], (halves[-2], most))
    assert not consistent(2**62, 2**63, halves[-1:], (halves[-1], too_many))
    assert not consistent(2**63, 2**63, [], (too_many, too_many))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5)])
def test_what_consistency_can_not_be_proved_of_is_rejected(old: int, new: int) -> None:
    """The empty tree begins every tree; that is for the caller to say, not for a proof."""
    assert not consistent(old, new, [])
    assert not consistent(old, new, [], (EMPTY_ROOT, EMPTY_ROOT))
    with pytest.raises(ProofError):
        consistency_proof(old, new, reader=tiles())


NUMBERS = st.integers() | st.integers(0, 70) | st.integers(MAX_SIZE - 3, MAX_SIZE + 3)
HASHES = st.binary(min_size=32, max_size=32) | st.sampled_from([leaf(0), leaf(1), bytes(32)]) | st.binary(max_size=40)


@given(NUMBERS, NUMBERS, HASHES, st.lists(HASHES, max_size=70))
def test_whatever_is_offered_is_rejected_by_the_one_error(
    one: int, other: int, root: bytes, proof: list[bytes]
) -> None:
    assert not included(one, other, proof, root or b"none", of=leaf(99))
    assert not consistent(one, other, proof, (root, leaf(98)))


def test_more_leaves_than_a_tree_can_have_are_rejected() -> None:
    edge = Edge(MAX_SIZE - 1, tuple(bytes(32 * width) for width in (254, *6 * [255], 127)))
    assert extended(edge, [HASH]).edge.size == MAX_SIZE
    with pytest.raises(ProofError):
        extended(edge, [HASH, HASH])


# ---- tiles that are not what they should be ----


class Answering:
    """A reader that answers with anything."""

    def __init__(self, answer: Callable[[Sequence[Tile]], Sequence[bytes]]) -> None:
        self.read_tiles = answer


def answers() -> list[Callable[[Sequence[Tile]], Sequence[bytes]]]:
    good = tiles().read_tiles
    return [
        lambda wanted: good(wanted)[:0],
        lambda wanted: [*good(wanted), b""],
        lambda wanted: good(wanted)[:-1],
        lambda wanted: [content[:-1] for content in good(wanted)],
        lambda wanted: [content[:-32] for content in good(wanted)],
        lambda wanted: [content + bytes(32) for content in good(wanted)],
        lambda wanted: [memoryview(content) for content in good(wanted)],  # type: ignore[misc]
        lambda wanted: [None for _ in wanted],  # type: ignore[misc]
    ]


@pytest.mark.parametrize("number", range(8))
def test_tiles_of_another_length_are_rejected(number: int) -> None:
    reader: TileReader = Answering(answers()[number])
    for attempt in (
        lambda: root_of(300, reader),
        lambda: inclusion_proof(7, 300, reader=reader),
        lambda: consistency_proof(7, 300, reader=reader),
        lambda: Edge.read(300, reader),
    ):
        with pytest.raises(ProofError):
            attempt()


def test_a_row_that_is_missing_is_noticed() -> None:
    rows = LevelZeroFromRows(definition().leaves, tiles())
    del rows.rows[5]
    with pytest.raises(ProofError):
        inclusion_proof(6, LEAVES, reader=rows)


def test_a_proof_from_a_changed_table_is_rejected() -> None:
    rows = LevelZeroFromRows(definition().leaves, tiles())
    rows.rows[5] = leaf(-1)
    assert not included(5, LEAVES, inclusion_proof(5, LEAVES, reader=rows))
    rows = LevelZeroFromRows(definition().leaves, tiles())
    rows.above[1, 0] = bytes(32) + rows.above[1, 0][32:]
    assert not included(300, LEAVES, inclusion_proof(300, LEAVES, reader=rows))


def test_an_edge_of_another_tree_has_another_root() -> None:
    edge = Edge.read(300, tiles())
    other = Edge(300, (leaf(-1) + edge.partial[0][32:], *edge.partial[1:]))
    assert other.root != edge.root == definition().root(300)


@pytest.mark.parametrize(
    ("size", "partial_tiles"),
    [
        (1, ()),
        (1, (b"",)),
        (1, (bytes(64),)),
        (0, (b"",)),
        (256, (b"",)),
        (256, (bytes(32), b"")),
        (1, (bytes(32), b"")),
    ],
)
def test_an_edge_that_is_not_of_its_size_is_rejected(size: int, partial_tiles: tuple[bytes, ...]) -> None:
    with pytest.raises(ProofError):
        Edge(size, partial_tiles)
