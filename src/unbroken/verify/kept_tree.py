"""What the database keeps of the tree and of its signed heads, held against the entries.

Nobody is believed by it and no key is asked for: that is what checkpoints from outside are for. But who changes entries
and forgets these tables is found without any, and so is a tile that would make wrong proofs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from unbroken.core import note
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.tree.edge import Edge
from unbroken.core.tree.hashing import HASH_BYTES, perfect_root
from unbroken.core.tree.paths import WIDTH
from unbroken.core.tree.tile import Tile, hashes_at, levels_of
from unbroken.errors import NoteError, ProofError
from unbroken.verify.chain import Chain
from unbroken.verify.source import Index

CHECKPOINTS = "checkpoints"
TILES = "tiles"


@dataclass(slots=True)
class KeptTree:
    """The roots that a database's table of checkpoints states, by size, and the first row that contradicts itself."""

    roots: dict[int, bytes] = field(default_factory=dict)
    wrong: tuple[int, str] | None = None

    @classmethod
    def read(cls, source: Index) -> "KeptTree":
        """All rows. To be asked before the log's end is: both only grow."""
        kept = cls()
        for size, root, text in source.checkpoints():
            kept.roots[size] = root
            why = _contradiction(size, root, text, log=source.log)
            if why is not None and kept.wrong is None:
                kept.wrong = size, why
        return kept

    def check(self, chain: Chain, source: Index, *, is_judged: bool) -> None:
        """Reports the first of each that doesn't fit.

        ``is_judged`` tells that signed checkpoints were found not to fit: then the table's roots say nothing new.
        """
        tree = chain.tree
        if self.wrong is not None:
            size, why = self.wrong
            _report(chain, CHECKPOINTS, min(size, chain.end), expected="the log, size and root of its note", found=why)
        if tree is None:
            return
        computed = {size: tree.roots[size] for size in self.roots if size in tree.roots}
        unfit = sorted(size for size, root in computed.items() if self.roots[size] != root)
        if not is_judged:
            self._report_roots(chain, unfit, computed)
        fitting = max((size for size in computed if size not in unfit), default=0)
        if fitting:
            _check_tiles(chain, source, fitting, computed[fitting])

    def _report_roots(self, chain: Chain, unfit: Sequence[int], computed: dict[int, bytes]) -> None:
        if unfit:
            first, *others = unfit
            wanted = f"root {computed[first].hex()} of {first} entries, as they are"
            more = f"; nor do {len(others)} of larger trees" if others else ""
            _report(chain, CHECKPOINTS, first, expected=wanted, found=f"root {self.roots[first].hex()}{more}")
        beyond = max((size for size in self.roots if size > chain.end), default=0)
        if beyond:
            found = f"the end after {chain.end}, though checkpoints knows of {beyond}"
            chain.find("truncated", chain.end + 1, expected=f"entries up to {beyond}", found=found)


def _contradiction(size: int, root: bytes, text: str, *, log: str) -> str | None:
    try:
        stated = Checkpoint.parse(note.parse(text).text)
    except NoteError as error:
        return str(error)
    same = (stated.origin, stated.size, stated.root) == (log, size, root)
    return None if same else f"a note of {stated.size} entries of {stated.origin}, or of another root"


def _check_tiles(chain: Chain, source: Index, size: int, root: bytes) -> None:
    try:
        edge = Edge.read(size, source)
        bad = None if edge.root == root else "the tiles at the tree's edge"
        bad = bad or next(_bad_tiles(source, edge), None)
    except ProofError as error:
        bad = str(error)
    if bad is not None:
        _report(chain, TILES, size, expected="the hashes of the tree over the entries", found=f"others: {bad}")


def _bad_tiles(source: Index, edge: Edge) -> Iterator[str]:
    """The stored tiles that are not those of a tree whose edge is right, from the top down."""
    for level in range(2, levels_of(edge.size)):
        yield from _bad_below(source, level, hashes_at(edge.size, level) // WIDTH * WIDTH, edge.partial[level])


def _bad_below(source: Index, level: int, start: int, hashes: bytes) -> Iterator[str]:
    """The same among the tiles under some hashes of a level, the first of which stands at ``start``."""
    roots = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    tiles = [Tile(level - 1, start + nth) for nth in range(len(roots))]
    for tile, root, content in zip(tiles, roots, source.read_tiles(tiles) if tiles else (), strict=True):
        if len(content) != tile.length or perfect_root(content) != root:
            yield f"the tile {tile.path}"
        elif level > 2:
            yield from _bad_below(source, level - 1, tile.start, content)


def _report(chain: Chain, table: str, seq: int, *, expected: str, found: str) -> None:
    chain.find("table_disagrees", seq, expected=f"{table}: {expected}", found=found, part=table)
