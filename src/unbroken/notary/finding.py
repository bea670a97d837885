"""Finding the tree that was signed in a database: its right edge, from which the tree goes on."""

from collections.abc import Iterator

from unbroken.core.tree.edge import EMPTY, Edge
from unbroken.core.tree.extending import Extension, extended
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.errors import ContradictionError, ProofError
from unbroken.notary.memory import Signed
from unbroken.store.tree import StoredTree


def edge_of(signed: Signed | None, tree: StoredTree) -> Edge:
    """The edge of the tree that was signed, as the database has it, with the root that was signed.

    Read from the tiles; where those are not what they were, counted anew from the entries' hashes, which takes a
    while, and tiles that are missing are laid down again. Raises :class:`ContradictionError` where the entries are not
    the ones that were signed, and :class:`ProofError` for tiles that were changed although the entries are.
    """
    if signed is None:
        return EMPTY
    size, root = signed.checkpoint.size, signed.checkpoint.root
    try:
        edge = Edge.read(size, tree)
    except ProofError:
        edge = EMPTY
    if edge.root == root:
        return edge
    counted = EMPTY
    for grown in growing(EMPTY, tree, upto=size):
        counted = grown.edge
    if counted.size != size or counted.root != root:
        raise ContradictionError(
            f"this database's first {size:,} entries are not the ones that were signed: it was rewritten, or is another"
        )
    _lay_down_again(tree, size)
    return counted


def growing(edge: Edge, tree: StoredTree, *, upto: int) -> Iterator[Extension]:
    """How the tree grows from ``edge`` to ``upto`` entries, or as far as there are any, some 65,536 at a time."""
    for hashes in tree.leaves(edge.size, upto):
        leaves = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
        grown = extended(edge, leaves)
        yield grown
        edge = grown.edge


def _lay_down_again(tree: StoredTree, size: int) -> None:
    for grown in growing(EMPTY, tree, upto=size):
        try:
            tree.store({**grown.full, **grown.partial})
        except ContradictionError as error:
            raise ProofError(
                "the tiles of the tree in this database were changed, although its entries are the ones that were"
                " signed: nothing can be proved from them. Have its administrator find out how, and remove them; they"
                " are laid down again"
            ) from error
