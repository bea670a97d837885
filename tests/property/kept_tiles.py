"""Tiles in memory, as some store might keep them, and a note of what was read."""

from collections.abc import Sequence
from hashlib import sha256

from unbroken.core.tree.edge import EMPTY
from unbroken.core.tree.extending import Extension, extended
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.core.tree.tile import Tile


class KeptTiles:
    """Keeps, per place, the widest tile that it was given; gives the beginning of it where less is asked for."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], bytes] = {}
        self.read: list[Sequence[Tile]] = []
        self.edge = EMPTY

    def grow(self, leaves: Sequence[bytes]) -> Extension:
        added = extended(self.edge, leaves)
        for tile, content in [*added.full.items(), *added.partial.items()]:
            self.kept[tile.level, tile.index] = content
        self.edge = added.edge
        return added

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        self.read.append(tiles)
        return [self.kept[tile.level, tile.index][: tile.length] for tile in tiles]


class LevelZeroFromRows:
    """As a database does it: level 0 out of the entries' hashes, by range; the levels above out of a table."""

    def __init__(self, hashes: Sequence[bytes], above: KeptTiles) -> None:
        self.rows = dict(enumerate(hashes, start=1))
        self.above = {place: content for place, content in above.kept.items() if place[0]}

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        return [self._rows(tile) if tile.level == 0 else self._above(tile) for tile in tiles]

    def _rows(self, tile: Tile) -> bytes:
        between = range(tile.start + 1, tile.end + 1)
        return b"".join(self.rows[seq] for seq in between if seq in self.rows)

    def _above(self, tile: Tile) -> bytes:
        return self.above[tile.level, tile.index][: tile.length]


class AllAlike:
    """The tiles of a tree of any size whose leaves all have one hash: what no memory could hold otherwise."""

    def __init__(self, leaf: bytes) -> None:
        self.of_height = [leaf]
        self.read: list[Sequence[Tile]] = []

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        self.read.append(tiles)
        return [self.perfect(8 * tile.level) * tile.width for tile in tiles]

    def perfect(self, height: int) -> bytes:
        while len(self.of_height) <= height:
            self.of_height.append(sha256(b"\x01" + 2 * self.of_height[-1]).digest())
        return self.of_height[height]

    def root(self, size: int) -> bytes:
        """The RFC's recursion, in which all subtrees of one size are alike."""
        if size & (size - 1) == 0:
            return self.perfect(size.bit_length() - 1)
        k = 1 << size.bit_length() - 1
        return sha256(b"\x01" + self.root(k) + self.root(size - k)).digest()


def pieces(content: bytes) -> list[bytes]:
    """The hashes of a tile, one by one."""
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def grown(leaves: Sequence[bytes], *steps: int) -> KeptTiles:
    """The tiles of a tree that grew to these sizes in turn, and then to all leaves."""
    tiles, at = KeptTiles(), 0
    for size in (*sorted(steps), len(leaves)):
        tiles.grow(leaves[at:size])
        at = size
    return tiles
