"""The Merkle tree as the database keeps it: level 0 is the entries' hashes, the tiles above stand in a table."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import psycopg

from unbroken.core.checkpoint import Checkpoint
from unbroken.core.proof import EntryProof
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.core.tree.proving import inclusion_proof
from unbroken.core.tree.tile import Tile, tile_around
from unbroken.errors import ProofError
from unbroken.store.rows import first_of, rows_of

LEAVES: Final = 65_536
"""The most leaves that one statement gives: 2 MiB."""
TILES_READ: Final = 1024
"""The most tiles that one statement gives: 8 MiB."""
TILES_STORED: Final = 4096
"""The most tiles that one statement is given: 32 MiB, what 2^20 entries add and a little more."""


class StoredTree:
    """The tree of one log, a :class:`~unbroken.core.tree.reading.TileReader`; nothing that it gives is believed.

    ``log`` is its full name, or its origin, which stands for the newest incarnation at the time of each statement. For
    every duty that may read of the log; :meth:`store` is for its notary. Each statement is a transaction of its own,
    on a connection in autocommit that somebody else closes.
    """

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]", log: str) -> None:
        self._connection = connection
        self.log = log

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        """The tiles' bytes in order, ``b""`` for one that is not there and fewer where hashes are missing.

        One round trip for up to 1024 of them, which is more than a proof takes.
        """
        found: list[bytes] = []
        for at in range(0, len(tiles), TILES_READ):
            some = tiles[at : at + TILES_READ]
            columns = ([tile.level for tile in some], [tile.index for tile in some], [tile.width for tile in some])
            found += [row[0] or b"" for row in rows_of(self._connection, "read_tiles", (self.log, *columns))]
        return found

    def prove(self, seq: int, checkpoint: Checkpoint, note: str) -> tuple[bytes, EntryProof]:
        """The hash of the entry ``seq`` and the proof that it is in the tree of ``checkpoint``, which ``note`` holds.

        Verified before it is given. Raises :class:`ProofError` where the checkpoint does not have the entry, and where
        what is kept here does not lead to its root.
        """
        index = seq - 1
        beside = _Beside(self, index, checkpoint.size)
        proof = EntryProof(index, inclusion_proof(index, checkpoint.size, reader=beside), note)
        leaf = beside.leaf()
        proof.verify(leaf, checkpoint)
        return leaf, proof

    def leaves(self, after: int, upto: int) -> Iterator[bytes]:
        """The hashes of the entries with ``after < seq <= upto``, concatenated, up to :data:`LEAVES` at a time.

        Stops early, and without an error, where the log ends. Raises :class:`ContradictionError` where entries are
        missing in the middle, and :class:`ProofError` where the database gave something else than it was asked for.
        """
        while after < upto:
            limit = min(LEAVES, upto - after)
            reached, hashes = first_of(rows_of(self._connection, "leaves", (self.log, after, limit)))
            if not after <= reached <= after + limit or len(hashes) != (reached - after) * HASH_BYTES:
                raise ProofError(f"the hashes of the entries after {after} did not come whole")
            if reached == after:
                return
            yield hashes
            after = reached

    def store(self, tiles: Mapping[Tile, bytes]) -> None:
        """Lays tiles above level 0 down, each where none stands, or as what continues or equals the one there.

        Those of level 0 are passed over: they are the entries' hashes. In order, and some at a time: when it raises,
        some may be there, and doing it again is right. Raises :class:`ContradictionError` where other hashes stand.
        """
        above = iter(sorted((tile, hashes) for tile, hashes in tiles.items() if tile.level))
        while some := list(islice(above, TILES_STORED)):
            levels, indexes = [tile.level for tile, _ in some], [tile.index for tile, _ in some]
            rows_of(self._connection, "store_tiles", (self.log, levels, indexes, [hashes for _, hashes in some]))


class _Beside:
    """Reads a leaf with the tiles of its proof, so that it takes one round trip."""

    def __init__(self, reader: StoredTree, index: int, size: int) -> None:
        self._reader = reader
        self._index, self._size = index, size
        self._hashes: bytes | None = None

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        *found, self._hashes = self._reader.read_tiles([*tiles, self._tile])
        return found

    def leaf(self) -> bytes:
        """The leaf's hash; fewer bytes where it is missing."""
        if self._hashes is None:
            self.read_tiles([])
        at = (self._index - self._tile.start) * HASH_BYTES
        return (self._hashes or b"")[at : at + HASH_BYTES]

    @property
    def _tile(self) -> Tile:
        return tile_around(self._index, level=0, size=self._size)
