"""A tree's right edge: all that is needed of a tree to extend it, and to tell its root."""

from dataclasses import dataclass

from unbroken.core.tree.hashing import EMPTY_ROOT, HASH_BYTES, perfect_root
from unbroken.core.tree.paths import WIDTH
from unbroken.core.tree.reading import TileReader, read
from unbroken.core.tree.subtrees import joined
from unbroken.core.tree.tile import LEVEL_BITS, checked_size, hashes_at, levels_of, partial_tiles_of
from unbroken.errors import ProofError


@dataclass(frozen=True, slots=True)
class Edge:
    """The partial tiles of a tree of ``size`` leaves, level 0 first; ``b""`` at a level without one.

    At most 255 hashes a level. Raises :class:`ProofError` where the tiles are not those of a tree of this size. That
    the hashes are right is known only by comparing :attr:`root` with a root that is trusted: whoever extends a tree
    and signs it compares with the last root signed before, and keeps the edge or reads it anew.
    """

    size: int
    partial: tuple[bytes, ...]

    def __post_init__(self) -> None:
        widths = [hashes_at(self.size, level) % WIDTH for level in range(levels_of(checked_size(self.size)))]
        lengths = [len(hashes) if type(hashes) is bytes else None for hashes in self.partial]
        if lengths != [width * HASH_BYTES for width in widths]:
            raise ProofError("these are not the partial tiles of a tree of this size")

    @property
    def root(self) -> bytes:
        """The tree's root."""
        tops = [root for hashes in reversed(self.partial) for root in _tops(hashes)]
        return joined(tops) if tops else EMPTY_ROOT

    @classmethod
    def read(cls, size: int, reader: TileReader) -> "Edge":
        """The edge of the tree of the first ``size`` leaves."""
        tiles = partial_tiles_of(size)
        contents = read(tiles, reader)
        by_level = {tile.level: contents[tile] for tile in tiles}
        return cls(size, tuple(by_level.get(level, b"") for level in range(levels_of(size))))


EMPTY = Edge(0, ())
"""The edge of a tree without leaves."""


def _tops(hashes: bytes) -> list[bytes]:
    """The roots of the perfect subtrees over a partial tile's hashes, the highest first."""
    roots, at = [], 0
    for height in reversed(range(LEVEL_BITS)):
        length = HASH_BYTES << height
        if len(hashes) & length:
            roots.append(perfect_root(hashes[at : at + length]))
            at += length
    return roots
