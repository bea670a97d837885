"""The tree that a verifier computes while it follows entries, against RFC 6962's own definition."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.rfc6962 import Tree as Definition
from tests.property.rfc6962 import leaf
from unbroken.core.tree.hashing import EMPTY_ROOT
from unbroken.verify.tree import EMPTY, Span, Tree, spans_of

MOST = 700
SIZES = st.integers(0, MOST)


@cache
def definition() -> Definition:
    return Definition([leaf(number) for number in range(MOST)])


def pages(bounds: Sequence[int]) -> list[tuple[int, int]]:
    return list(pairwise(sorted({0, *bounds, MOST})))


@given(st.sets(SIZES), st.lists(SIZES), st.data())
def test_roots_are_those_of_the_definition_however_the_leaves_come(
    wanted: set[int], bounds: list[int], data: st.DataObject
) -> None:
    tree = Tree(wanted)
    leaves = definition().leaves
    for start, end in pages(bounds):
        if data.draw(st.booleans()):
            for each in leaves[start:end]:
                tree.add(each)
        else:
            tree.take(spans_of(leaves[start:end], start=start, cuts=tree.cuts(start, end)))
    assert tree.roots == {size: definition().root(size) for size in wanted if size}
    assert (tree.size, tree.root) == (MOST, definition().root(MOST))


@given(SIZES, SIZES)
def test_what_stands_is_enough_to_go_on_with(at: int, wanted: int) -> None:
    before = Tree()
    before.take(spans_of(definition().leaves[:at], start=0, cuts=()))
    kept = before.standing
    tree = Tree([wanted, MOST], start=Span(kept.start, kept.end, kept.roots))
    assert tree.root == definition().root(at)
    tree.take(spans_of(definition().leaves[at:], start=at, cuts=tree.cuts(at, MOST)))
    assert tree.roots == {size: definition().root(size) for size in {wanted, MOST} if size >= max(at, 1)}


@given(st.integers(0, MOST - 1), st.integers(1, 40))
def test_nothing_is_known_beyond_a_leaf_that_is_lacking(at: int, lacking: int) -> None:
    tree = Tree(range(MOST + 1))
    leaves = definition().leaves
    tree.take(spans_of(leaves[:at], start=0, cuts=range(at)))
    start = min(at + lacking, MOST)
    tree.take(spans_of([*leaves[start:], leaf(0)], start=start, cuts=range(start, MOST)))
    tree.add(leaf(at))
    assert tree.size == at
    assert tree.roots == {size: definition().root(size) for size in range(1, at + 1)}


def test_a_tree_without_leaves_has_the_root_of_none() -> None:
    assert Tree([0]).root == EMPTY_ROOT
    assert (Tree([0]).roots, Tree().standing) == ({}, EMPTY)


@pytest.mark.parametrize(
    ("start", "end", "roots"),
    [(0, 3, (leaf(0),)), (0, 2, (leaf(0), leaf(1))), (0, 1, (b"short",)), (3, 2, ()), (-1, 0, (leaf(0),))],
)
def test_a_span_has_the_subtrees_that_its_leaves_consist_of(start: int, end: int, roots: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="not the subtrees"):
        Span(start, end, roots)


def test_a_tree_begins_with_its_first_leaf() -> None:
    with pytest.raises(ValueError, match="begins with its first leaf"):
        Tree(start=Span(1, 2, (leaf(1),)))
