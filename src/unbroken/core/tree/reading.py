"""Reading tiles from wherever they are kept. What comes back is measured and otherwise not believed."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from unbroken.core.tree.tile import Tile
from unbroken.errors import ProofError


class TileReader(Protocol):
    """Gives the bytes of tiles: a table, a folder, a server, a bundle.

    A reader asked for a partial tile may hold a wider one by now, and then gives its first ``tile.length`` bytes. For a
    tile that it does not have it raises an error of its own.

    Tiles of level 0 need not be stored anywhere, as they are the entries' hashes: a tile holds those at the positions
    from ``tile.start`` up to, and without, ``tile.end``; entry *seq* is the leaf at position *seq* - 1. So, of a log in
    a table, it is ``hash`` of the rows with *seq* from ``tile.start + 1`` to ``tile.end``, concatenated by ascending
    *seq*. Rows that are not there make the tile too short, which is noticed.
    """

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        """The bytes of each tile, in order; all tiles of a proof are asked for at once, to be one round trip."""


def read(tiles: Iterable[Tile], reader: TileReader) -> dict[Tile, bytes]:
    """The tiles' bytes; raises :class:`ProofError` where one has not the length that it must have."""
    wanted = list(dict.fromkeys(tiles))
    contents = reader.read_tiles(wanted) if wanted else []
    if len(contents) != len(wanted):
        raise ProofError(f"{len(wanted)} tiles were asked for, and {len(contents)} came back")
    for tile, content in zip(wanted, contents, strict=True):
        if type(content) is not bytes or len(content) != tile.length:
            raise ProofError(f"the tile {tile.path} is not {tile.length} bytes long: hashes are missing or too many")
    return dict(zip(wanted, contents, strict=True))
