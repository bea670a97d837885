"""The Merkle tree measured on one core: what adding leaves costs, and what proofs cost as the tree grows."""

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import conditions
from report import Result, Target
from timing import side_by_side, tell

from unbroken.core.tree.edge import EMPTY, Edge
from unbroken.core.tree.extending import extended
from unbroken.core.tree.proving import consistency_proof, inclusion_proof, root_of
from unbroken.core.tree.tile import Tile
from unbroken.core.tree.verifying import verify_consistency, verify_inclusion

_BATCHES: Final = (1, 100, 1_000, 10_000, 65_536)
_MOST: Final = 65_536
_BATCHES_TIMED: Final = 500
"""So many batches, or :data:`_MOST` leaves, are added in each pass."""
_PASSES: Final = 9
_ASKED: Final = 300
_RATE: Final = 200_000
_PROOF_MS: Final = 5
_BASE: Final = "hashing alone"


class Kept:
    """Tiles in memory, the widest of each place."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], bytes] = {}
        self.edge = EMPTY

    def grow(self, leaves: Sequence[bytes]) -> None:
        added = extended(self.edge, leaves)
        for tile, content in [*added.full.items(), *added.partial.items()]:
            self.kept[tile.level, tile.index] = content
        self.edge = added.edge

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        return [self.kept[tile.level, tile.index][: tile.length] for tile in tiles]


def extending(kept: Kept, leaves: Sequence[bytes]) -> Result:
    """Leaves a second by size of batch, with the root after each batch, beside as many bare hashes."""
    works = {_BASE: (_MOST, _bare)}
    for size in _BATCHES:
        count = min(_MOST, size * _BATCHES_TIMED)
        works[f"batches of {size:,}"] = (count, _in_batches(kept.edge, leaves[:count], size))
    tell("extending")
    contenders = {name: partial(_itself, work) for name, (_, work) in works.items()}
    samples = side_by_side(contenders, rounds=_PASSES, warm_up=2)
    rates = {name: samples[name].rate(count) for name, (count, _) in works.items()}
    rows = [
        [name, f"{rate:,.0f}", f"{1e6 / rate:,.2f} µs", f"{rate / rates[_BASE]:.3f}"] for name, rate in rates.items()
    ]
    targets = [
        Target(f"leaves a second in batches of {size:,}", rates[f"batches of {size:,}"], _RATE)
        for size in _BATCHES
        if size >= 1_000
    ]
    notes = [
        f"Leaves are added to a tree of {kept.edge.size:,}: all new tiles are made, and the root after each batch.",
        f"Medians of {_PASSES} passes in turn. Hashing alone: as many SHA-256 of 65 bytes, which no tree does without.",
    ]
    columns = ["work", "leaves a second", "each", "of hashing alone"]
    return Result("tree", "Extending the tree", columns, rows, rates, targets, notes)


def _itself(work: Callable[[], object]) -> Callable[[], object]:
    return work


def _bare() -> object:
    pair = bytes(64)
    return [sha256(b"\x01" + pair).digest() for _ in range(_MOST)]


def _in_batches(edge: Edge, leaves: Sequence[bytes], size: int) -> Callable[[], object]:
    def work() -> bytes:
        grown, root = edge, b""
        for at in range(0, len(leaves), size):
            grown = extended(grown, leaves[at : at + size]).edge
            root = grown.root
        return root

    return work


def proving(kept: Kept, sizes: Sequence[int]) -> Result:
    """What one proof takes in trees of these sizes: to build from tiles in memory, and to verify."""
    figures: dict[str, dict[str, float]] = {}
    for size in sizes:
        tell(f"proofs in a tree of {size:,}")
        figures[f"{size:,}"] = _proofs_of(kept, size)
    first = next(iter(figures.values()))
    rows = [
        [size, *(f"{found[name]:,.3f} ms" for name in ("build", "verify", "consistency")),
         f"{found['build'] / first['build']:.1f}", f"{found['hashes']:.0f}", f"{found['tiles']:.0f}"]
        for size, found in figures.items()
    ]  # fmt: skip
    largest = list(figures.values())[-1]
    targets = [
        Target(f"ms for an inclusion proof in {sizes[-1]:,} leaves", largest["build"], _PROOF_MS, at_least=False)
    ]
    notes = [
        f"Means over {_ASKED} leaves, or old sizes, at random; tiles in memory, so a store's round trip comes on top.",
        "hashes, tiles: the longest inclusion proof, and the most tiles that one was built from.",
    ]
    columns = ["leaves", "inclusion", "verified", "consistency", "times the first", "hashes", "tiles"]
    return Result("tree_proofs", "Proofs", columns, rows, figures, targets, notes)


def _proofs_of(kept: Kept, size: int) -> dict[str, float]:
    chosen = random.Random(size)  # noqa: S311 - a reproducible choice, nothing secret
    indexes = [chosen.randrange(size) for _ in range(_ASKED)]
    reader = _Counting(kept)
    root = root_of(size, reader)
    proofs, build = _timed(lambda index: inclusion_proof(index, size, reader=reader), indexes)
    leaves = [kept.kept[0, index // 256][index % 256 * 32 :][:32] for index in indexes]
    given = list(zip(leaves, indexes, proofs, strict=True))
    _, verify = _timed(lambda one: verify_inclusion(one[0], one[1], size=size, root=root, proof=one[2]), given)
    olds = [(index + 1, root_of(index + 1, kept)) for index in indexes]
    _, consistency = _timed(lambda old: _consistent(kept, old, (size, root)), olds)
    hashes = max(map(len, proofs))
    return {"build": build, "verify": verify, "consistency": consistency, "hashes": hashes, "tiles": reader.most}


def _consistent(kept: Kept, old: tuple[int, bytes], new: tuple[int, bytes]) -> None:
    proof = consistency_proof(old[0], new[0], reader=kept)
    verify_consistency(old[1], new[1], old_size=old[0], new_size=new[0], proof=proof)


class _Counting:
    """Reads on, and remembers the most tiles that were asked for at once."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.most = 0

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        self.most = max(self.most, len(tiles))
        return self._kept.read_tiles(tiles)


def _timed(work: Callable[[Any], Any], asked: Sequence[Any]) -> tuple[list[Any], float]:
    """What came out, and the mean time in ms of processor time: the best of three passes."""
    best, found = float("inf"), []
    for _ in range(3):
        begin = time.process_time()
        found = [work(each) for each in asked]
        best = min(best, time.process_time() - begin)
    return found, best / len(asked) * 1000


def measure(entries: int) -> list[Result]:
    """Both measurements, over one tree."""
    tell(f"a tree of {entries:,}")
    leaves = [sha256(b"\x00%d" % number).digest() for number in range(_MOST)]
    kept = Kept()
    while kept.edge.size < entries:
        kept.grow([sha256(b"%d" % kept.edge.size + leaf).digest() for leaf in leaves[: entries - kept.edge.size]])
    sizes = [size for power in range(2, 12) if (size := 10**power) < entries]
    return [extending(kept, leaves), proving(kept, [*sizes, entries])]


def main() -> None:
    """Measures and prints; a missed target is no error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, metavar="N", help="how many leaves the tree has")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    wanted = parser.parse_args()
    machine = conditions.of_machine()
    print("# The tree, measured\n")
    for name in ("cpu", "cores", "os", "python", "load", "parallel"):
        print(f"- {name}: {machine[name]}")
    if conditions.is_busy(machine):
        print("- WARNING: this machine is busy with something else; ratios may hold, absolute figures do not")
    results = measure(wanted.entries)
    for result in results:
        print(result.text(), flush=True)
    if wanted.json:
        found = {"machine": machine, "results": [result.as_json() for result in results]}
        wanted.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
