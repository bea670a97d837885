"""Extending a tree: what new leaves add to its tiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unbroken.core.tree.edge import Edge
from unbroken.core.tree.hashing import HASH_BYTES, perfect_root
from unbroken.core.tree.paths import WIDTH
from unbroken.core.tree.tile import Tile, checked_size, hashes_at, levels_of
from unbroken.errors import ProofError

_TILE_BYTES = WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Extension:
    """A tree that has grown: its new edge, the tiles that became full, and the partial tiles that are new.

    Tiles stand in order of level and index. Those of level 0 hold the leaves as they were given; where leaves are kept
    otherwise, as entries' hashes in a table, they need not be stored. A tile in ``full`` or ``partial`` replaces the
    partial one that stood at its place: that one's bytes are its beginning.
    """

    edge: Edge
    full: Mapping[Tile, bytes] = field(repr=False)
    partial: Mapping[Tile, bytes] = field(repr=False)


def extended(edge: Edge, leaves: Sequence[bytes]) -> Extension:
    """The tree of ``edge`` with these leaves' hashes after its own.

    One pass, with one hash per leaf on average; memory for the leaves and their tiles, so a long log is taken in
    batches. Raises :class:`ProofError` for a leaf that is no hash, and for a tree larger than any can be.
    """
    if not set(map(type, leaves)) <= {bytes} or not set(map(len, leaves)) <= {HASH_BYTES}:
        raise ProofError(f"a leaf's hash is {HASH_BYTES} bytes long")
    size = checked_size(edge.size + len(leaves))
    full: dict[Tile, bytes] = {}
    changed: dict[Tile, bytes] = {}
    partial: list[bytes] = []
    added = b"".join(leaves)
    for level in range(levels_of(size)):
        before = edge.partial[level] if level < len(edge.partial) else b""
        tiles, rest = _cut(before + added, level=level, index=hashes_at(edge.size, level) // WIDTH)
        partial.append(rest)
        if added and rest:
            tile = Tile(level, hashes_at(size, level) // WIDTH, len(rest) // HASH_BYTES)
            changed[tile] = rest
        full |= tiles
        added = b"".join(map(perfect_root, tiles.values()))
    return Extension(Edge(size, tuple(partial)), full, changed)


def _cut(hashes: bytes, *, level: int, index: int) -> tuple[dict[Tile, bytes], bytes]:
    """The full tiles from ``index`` on that these hashes make, and the hashes that are left over."""
    end = len(hashes) - len(hashes) % _TILE_BYTES
    starts = enumerate(range(0, end, _TILE_BYTES), start=index)
    return {Tile(level, number): hashes[at : at + _TILE_BYTES] for number, at in starts}, hashes[end:]
