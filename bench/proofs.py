"""The tree of a large log in its database: what proofs take as it grows, what extending it takes, what signing costs.

Loads a log of its own, which takes some minutes and 2 GB below the temporary directory for 1,000,000 entries.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import checkpointing
import conditions
from load import load
from notaries import notary_in
from processors import processor_time
from report import Result, Target
from servers import LOG, SERVERS, Database, fresh_database, is_installed
from timing import Sample, tell

from unbroken.core import checkpoint as signing
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.note import SigningKey
from unbroken.core.tree.edge import EMPTY
from unbroken.core.tree.extending import extended
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.core.tree.proving import consistency_proof, root_of
from unbroken.core.tree.tile import Tile
from unbroken.core.tree.verifying import verify_consistency
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.tree import StoredTree

_PROOFS: Final = 2_000
_PROOF_MS: Final = 5.0
_RATE: Final = 200_000.0
_TIMED: Final = 5
_ROUNDS: Final = 10


# ---- proofs ----


class Counting(StoredTree):
    """Remembers how many tiles the last proof asked for, and in how many round trips."""

    def __init__(self, connection: Any, log: str) -> None:
        super().__init__(connection, log)
        self.asked: list[int] = []
        self.backend = connection.info.backend_pid

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        self.asked.append(len(tiles))
        return super().read_tiles(tiles)


@dataclass(frozen=True, slots=True)
class Proofs:
    """What proofs in a tree of one size take, in seconds, and the most tiles, round trips and hashes that one took.

    ``busy`` is the processor time of client and server for one inclusion proof: what a machine can't make longer by
    doing other things besides.
    """

    inclusion: Sample
    consistency: Sample
    busy: float
    tiles: int
    trips: int
    hashes: int


def proving(database: Database, sizes: Sequence[int]) -> Result:
    """Inclusion and consistency proofs as a verifier's login gets them: from the database, verified."""
    found: dict[int, Proofs] = {}
    with database.connect("verifier") as connection:
        tree = Counting(connection, LOG)
        for size in sizes:
            tell(f"{database.server.kind}: proofs in a tree of {size:,}")
            found[size] = _proofs_of(tree, size)
    smallest = found[sizes[0]].busy
    rows = [
        [
            f"{size:,}",
            *(f"{1000 * value:.2f}" for value in (each.inclusion.median, each.inclusion.late)),
            f"{1000 * each.busy:.2f}",
            f"{each.busy / smallest:.2f}",
            *(f"{1000 * value:.2f}" for value in (each.consistency.median, each.consistency.late)),
            *map(str, (each.hashes, each.tiles, each.trips)),
        ]
        for size, each in found.items()
    ]
    most, median = sizes[-1], 1000 * found[sizes[-1]].inclusion.median
    return Result(
        "stored_proofs",
        f"Proofs from the database, {database.server.kind}",
        (
            "leaves",
            "inclusion ms",
            "99th",
            "processor ms",
            "times the first",
            "consistency ms",
            "99th",
            "hashes",
            "tiles",
            "trips",
        ),
        rows,
        {str(size): _figures(each) for size, each in found.items()},
        [Target(f"ms for an inclusion proof in {most:,} entries", median, _PROOF_MS, at_least=False)],
        [
            f"Medians and 99th percentiles of {_PROOFS:,} proofs about leaves at random: read, built and verified.",
            "processor: of client and server together, on average; times the first: of that.",
            "hashes, tiles, trips: the most that one inclusion proof took; a trip is a round trip to the server.",
        ],
    )


def _figures(each: Proofs) -> dict[str, float]:
    return {
        "inclusion_ms": 1000 * each.inclusion.median,
        "inclusion_p99_ms": 1000 * each.inclusion.late,
        "inclusion_processor_ms": 1000 * each.busy,
        "consistency_ms": 1000 * each.consistency.median,
        "consistency_p99_ms": 1000 * each.consistency.late,
        "hashes": each.hashes,
        "tiles": each.tiles,
        "round_trips": each.trips,
    }


def _proofs_of(tree: Counting, size: int) -> Proofs:
    chosen = random.Random(size)  # noqa: S311 - a reproducible choice, nothing secret
    key = SigningKey.generate(key_name(LOG))
    checkpoint = Checkpoint(f"{LOG}~1", size, root_of(size, tree))
    note = signing.signed(checkpoint, key)
    seconds: list[float] = []
    tiles = trips = hashes = 0
    busy = 0.0
    for number in range(_PROOFS + 100):
        if number == 100:
            busy = -processor_time([os.getpid(), tree.backend])
        seq = chosen.randrange(size) + 1
        tree.asked.clear()
        begin = time.perf_counter()
        _, proof = tree.prove(seq, checkpoint, note)
        if number >= 100:
            seconds.append(time.perf_counter() - begin)
        tiles, trips = max(tiles, sum(tree.asked)), max(trips, len(tree.asked))
        hashes = max(hashes, len(proof.hashes))
    busy += processor_time([os.getpid(), tree.backend])
    consistency = Sample.of(list(_consistencies(tree, checkpoint, chosen)))
    return Proofs(Sample.of(seconds), consistency, busy / _PROOFS, tiles, trips, hashes)


def _consistencies(tree: StoredTree, new: Checkpoint, chosen: random.Random) -> Iterator[float]:
    for _ in range(_PROOFS // 4):
        old = chosen.randrange(new.size) + 1
        old_root = root_of(old, tree)
        begin = time.perf_counter()
        proof = consistency_proof(old, new.size, reader=tree)
        verify_consistency(old_root, new.root, old_size=old, new_size=new.size, proof=proof)
        yield time.perf_counter() - begin


# ---- extending ----


def extending(database: Database, entries: int) -> Result:
    """The first round of a notary over the whole log, by its parts, and rounds over a few new entries."""
    tell(f"{database.server.kind}: the tree of {entries:,} entries")
    with Checkpoints.open(database.conninfo("notary"), LOG) as found, tempfile.TemporaryDirectory() as folder:
        reading, leaves = _timed(lambda: list(found.tree.leaves(0, entries)))
        alone = min(_timed(lambda: _extended(leaves))[0] for _ in range(_TIMED))
        with notary_in(Path(folder)) as notary:
            whole, done = _timed(lambda: notary.round(found))
            again = [_timed(lambda: notary.round(found))[0] for _ in range(20)]
    count = done.signed.checkpoint.size
    rates = {"the tree alone": entries / alone, "reading the hashes": entries / reading, "a round": count / whole}
    notes = [
        f"the tree alone: hashes in memory, in the lots that come from the database; the best of {_TIMED} times.",
        "a round: a notary's first over the whole log, with hashes read, tiles stored, and the root signed and stored.",
        f"A round in a log in which nothing is new takes {1000 * statistics.median(again):.1f} ms.",
    ]
    return Result(
        "stored_tree",
        f"Extending the tree in the database, {database.server.kind}",
        ("work", "entries a second", "each"),
        [[name, f"{rate:,.0f}", f"{1e6 / rate:,.2f} µs"] for name, rate in rates.items()],
        rates | {"heartbeat_ms": 1000 * statistics.median(again)},
        [Target("leaves a second, the tree alone", rates["the tree alone"], _RATE)],
        notes,
    )


def _extended(lots: Sequence[bytes]) -> bytes:
    edge = EMPTY
    for hashes in lots:
        edge = extended(edge, [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]).edge
    return edge.root


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    done = work()
    return time.perf_counter() - begin, done


# ---- all of it ----


def _measured(kind: str, wanted: argparse.Namespace) -> Iterator[Result]:
    tell(f"{kind}: starting")
    with SERVERS[kind]() as server:
        settings = conditions.of_server(server)
        print(f"\n## {kind}: PostgreSQL " + ", ".join(f"{name} {value}" for name, value in settings.items()))
        if not wanted.only_beside:
            with fresh_database(server, "proofs") as database:
                load(database, wanted.entries, processes=2)
                yield extending(database, wanted.entries)
                sizes = [size for power in range(3, 10) if (size := 10**power) < wanted.entries]
                yield proving(database, [*sizes, wanted.entries])
        yield checkpointing.measure(server, wanted.rounds)


def main() -> None:
    """Measures and prints; a missed target is no error."""
    wanted = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine = conditions.of_machine()
    print("# The tree in its database, measured\n")
    for name, value in machine.items():
        print(f"- {name}: {', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else value}")
    if conditions.is_busy(machine):
        print("- WARNING: this machine is busy with something else; ratios may hold, absolute figures do not")
    found: list[dict[str, Any]] = []
    for kind in wanted.server or SERVERS:
        if not is_installed(kind):
            print(f"\n{kind} is not installed here and is left out.")
            continue
        for result in _measured(kind, wanted):
            print(result.text(), flush=True)
            found.append({"server": kind} | result.as_json())
    if wanted.json:
        wanted.json.write_text(json.dumps({"machine": machine, "results": found}, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, metavar="N", help="how many entries the log has")
    parser.add_argument("--server", action="append", choices=list(SERVERS), help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, metavar="N", help="of writers beside a notary")
    parser.add_argument("--only-beside", action="store_true", help="only what signing costs writers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; servers and folders of this run are removed")
