"""Tiles (C2SP tlog-tiles): the tree cut into pieces of 256 hashes that never change once they are full."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.core.tree.paths import WIDTH, parse, path_of
from unbroken.errors import ProofError

LEVEL_BITS: Final = 8
"""A tile is a subtree of this height, so a hash at level *n* stands for ``2 ** (8 * n)`` leaves."""
MAX_SIZE: Final = 2**63 - 1
"""More leaves than any tree here has; also the largest ``bigint``."""
_LEVELS: Final = {str(level): level for level in range(8)}


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Where a tile stands, and how many hashes of it are meant; less than 256 for a partial one.

    It holds, concatenated, the roots of ``width`` subtrees of ``256 ** level`` leaves each, from leaf
    ``index * 256 ** (level + 1)`` on. A wider tile of the same level and index begins with the same bytes. Raises
    :class:`ProofError` for a tile that no tree of up to :data:`MAX_SIZE` leaves has.
    """

    level: int
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        numbers = (self.level, self.index, self.width)
        in_range = all(type(number) is int for number in numbers) and (
            0 <= self.level < len(_LEVELS) and 0 <= self.index <= MAX_SIZE and 1 <= self.width <= WIDTH
        )
        if not in_range or self.end << (LEVEL_BITS * self.level) > MAX_SIZE:
            raise ProofError("there is no such tile: its level, index or width is out of range")

    @property
    def start(self) -> int:
        """The first hash's position in its level."""
        return self.index * WIDTH

    @property
    def end(self) -> int:
        """The position after the last hash's."""
        return self.start + self.width

    @property
    def is_full(self) -> bool:
        """Whether nothing can be added."""
        return self.width == WIDTH

    @property
    def length(self) -> int:
        """How many bytes the tile has."""
        return self.width * HASH_BYTES

    @property
    def path(self) -> str:
        """The path below the log's prefix, such as ``tile/0/x001/x234/067.p/12``."""
        return path_of(f"tile/{self.level}", self.index, self.width)

    @classmethod
    def parse(cls, path: str) -> "Tile":
        """The tile at ``path``; raises :class:`ProofError` for anything but the one spelling of a tile's path."""
        folder, index, width = parse(path)
        top, _, level = folder.partition("/")
        if top != "tile" or level not in _LEVELS:
            raise ProofError("this is not the path of a tile")
        return cls(_LEVELS[level], index, width)


def hashes_at(size: int, level: int) -> int:
    """How many hashes a tree of ``size`` leaves has at ``level``."""
    return size >> (LEVEL_BITS * level)


def levels_of(size: int) -> int:
    """How many levels of tiles a tree of ``size`` leaves has."""
    return (size.bit_length() + LEVEL_BITS - 1) // LEVEL_BITS


def tile_around(position: int, *, level: int, size: int) -> Tile:
    """The tile with the hash at ``position``, as wide as a tree of ``size`` leaves has it."""
    index = position // WIDTH
    return Tile(level, index, min(WIDTH, hashes_at(size, level) - index * WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """All tiles of a tree of ``size`` leaves, level by level: what is written out to publish a log as static files."""
    for level in range(levels_of(checked_size(size))):
        for start in range(0, hashes_at(size, level), WIDTH):
            yield tile_around(start, level=level, size=size)


def partial_tiles_of(size: int) -> list[Tile]:
    """The partial tiles of a tree of ``size`` leaves, at most one per level: its right edge."""
    counts = ((level, hashes_at(size, level)) for level in range(levels_of(checked_size(size))))
    return [Tile(level, count // WIDTH, count % WIDTH) for level, count in counts if count % WIDTH]


def checked_size(size: int) -> int:
    """``size``, where a tree can have so many leaves; else raises :class:`ProofError`."""
    if type(size) is not int or not 0 <= size <= MAX_SIZE:
        raise ProofError("a tree's size is a number from 0 to 2^63 - 1")
    return size
