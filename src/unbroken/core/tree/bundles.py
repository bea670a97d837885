"""Entry bundles (C2SP tlog-tiles): up to 256 entries' lines in one file, so that others' tools can read the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unbroken.core.tree.hashing import leaf_hash
from unbroken.core.tree.paths import parse, path_of
from unbroken.core.tree.tile import Tile
from unbroken.errors import ProofError

MAX_ENTRY_BYTES: Final = 2**16 - 1
"""The longest line that a bundle can hold: its length stands before it in two bytes."""
_FOLDER: Final = "tile/entries"
_LENGTH_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where a bundle stands: its entries are the leaves of ``tile``, which is of level 0."""

    tile: Tile

    def __post_init__(self) -> None:
        if self.tile.level != 0:
            raise ProofError("only tiles of level 0 have entries")

    @property
    def path(self) -> str:
        """The path below the log's prefix, such as ``tile/entries/x001/x234/067``."""
        return path_of(_FOLDER, self.tile.index, self.tile.width)

    @classmethod
    def parse(cls, path: str) -> "Bundle":
        """The bundle at ``path``; raises :class:`ProofError` for anything but the one spelling of a bundle's path."""
        folder, index, width = parse(path)
        if folder != _FOLDER:
            raise ProofError("this is not the path of an entry bundle")
        return cls(Tile(0, index, width))


def bundled(lines: Sequence[bytes]) -> bytes:
    """A bundle's bytes; raises :class:`ProofError` for a line over :data:`MAX_ENTRY_BYTES`, which none can hold."""
    if any(len(line) > MAX_ENTRY_BYTES for line in lines):
        raise ProofError(f"an entry's line is longer than {MAX_ENTRY_BYTES} bytes: no entry bundle can hold it")
    return b"".join(len(line).to_bytes(_LENGTH_BYTES, "big") + line for line in lines)


def unbundled(content: bytes, *, hashes: bytes) -> list[bytes]:
    """The lines of a bundle; ``hashes`` is its tile of level 0.

    Raises :class:`ProofError` where it is not laid out as a bundle, or does not hold exactly the entries of the tile.
    """
    lines, at = [], 0
    while at < len(content):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(content[at:start], "big")
        lines.append(content[start:at])
    if at != len(content) or b"".join(map(leaf_hash, lines)) != hashes:
        raise ProofError("an entry bundle does not hold the entries of its tile")
    return lines
