"""The roots of subtrees, computed from tiles."""

from collections.abc import Sequence

from unbroken.core.tree.hashing import HASH_BYTES, perfect_root
from unbroken.core.tree.reading import TileReader, read
from unbroken.core.tree.subtrees import Leaves, Perfect, joined, perfect_subtrees
from unbroken.core.tree.tile import LEVEL_BITS, Tile, tile_around


def roots_of(subtrees: Sequence[Leaves], *, size: int, reader: TileReader) -> list[bytes]:
    """The root of each subtree of a tree of ``size`` leaves; all tiles are read at once.

    The tiles' hashes are taken as they are. Raises :class:`ProofError` for tiles of another length than they must have.
    """
    parts = [[_Run.of(perfect, size=size) for perfect in perfect_subtrees(leaves)] for leaves in subtrees]
    contents = read((run.tile for runs in parts for run in runs), reader)
    return [joined([perfect_root(run.cut(contents[run.tile])) for run in runs]) for runs in parts]


class _Run:
    """Where the hashes stand from which a perfect subtree's root is computed."""

    def __init__(self, tile: Tile, first: int, count: int) -> None:
        self.tile = tile
        self._bytes = slice(first * HASH_BYTES, (first + count) * HASH_BYTES)

    @classmethod
    def of(cls, perfect: Perfect, *, size: int) -> "_Run":
        level, height = divmod(perfect.height, LEVEL_BITS)
        position = perfect.index << height
        tile = tile_around(position, level=level, size=size)
        return cls(tile, position - tile.start, 1 << height)

    def cut(self, content: bytes) -> bytes:
        return content[self._bytes]
