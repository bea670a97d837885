"""Recording batches through the door and through the library, against COPY of the same rows into plain tables."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

from plain import PlainTables
from plan import BATCH, SIZES, Plan, size_name
from report import Result, Target, figure
from rows import Conversations
from servers import LOG, Database, Server, fresh_database
from timing import Contender, Sample, side_by_side, tell

from unbroken.ledger.ledger import Ledger
from unbroken.store.log_writer import LogWriter

_BOUNDS = {1_200: 0.45, 4_000: 0.9, 10_000: 0.9}


def measure(server: Server, plan: Plan) -> Result:
    """Microseconds per entry and the ratio to COPY, for each size of entry."""
    rows: list[list[str]] = []
    figures: dict[str, Any] = {}
    targets: list[Target] = []
    for size in SIZES:
        tell(f"{server.kind}: append, {size_name(size)}")
        with fresh_database(server, "append") as database:
            actual, samples = _compare(database, size, plan)
        copy, door = samples["copy"], samples["door"]
        ratio = copy.median / door.median
        targets.append(Target(f"append at {size_name(size)} against COPY", ratio, _BOUNDS[size]))
        rows += [_row(size_name(size), name, sample, copy) for name, sample in samples.items()]
        figures[size_name(size)] = {"mean_bytes": actual, "batch": BATCH} | {
            name: {
                "us_per_entry": sample.median / BATCH * 1e6,
                "entries_per_s": sample.rate(BATCH),
                "ratio_to_copy": copy.median / sample.median,
                "batches": sample.times,
            }
            for name, sample in samples.items()
        }
    return Result(
        "append",
        f"Appending batches of {BATCH}, {server.kind}",
        ("entry", "way", "us per entry", "quartiles", "entries/s", "ratio to COPY"),
        rows,
        figures,
        targets,
        [
            "copy: COPY of the same rows into plain tables with 7 indexes and a payload key.",
            "door: unbroken.append by LogWriter.append, from prepared texts.",
            "record: Ledger.record, from drafts: the door, sealing, and the check of every receipt.",
        ],
    )


def _row(size: str, name: str, sample: Sample, copy: Sample) -> list[str]:
    quartiles = f"{figure(sample.low / BATCH * 1e6)} to {figure(sample.high / BATCH * 1e6)}"
    ratio = figure(copy.median / sample.median)
    return [size, name, figure(sample.median / BATCH * 1e6), quartiles, figure(sample.rate(BATCH)), ratio]


def _compare(database: Database, size: int, plan: Plan) -> tuple[float, dict[str, Sample]]:
    source = Conversations(size, seed=size)
    mean = source.batch(BATCH).mean_bytes
    with (
        closing(PlainTables(database)) as plain,
        closing(LogWriter(database.conninfo("writer"), LOG)) as writer,
        closing(Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG))) as ledger,
    ):
        contenders: dict[str, Contender] = {
            "copy": lambda: partial(plain.copy, plain.rows(source.batch(BATCH))),
            "door": lambda: door(writer, source),
            "record": lambda: partial(ledger.record, source.batch(BATCH).drafts),
        }
        return mean, side_by_side(contenders, rounds=plan.rounds, warm_up=plan.warm_up)


def door(writer: LogWriter, source: Conversations, size: int = BATCH) -> Callable[[], object]:
    """One batch, ready to be handed to the database."""
    batch = source.batch(size)
    return partial(writer.append, batch.events, batch.parts)


def fill(database: Database, source: Conversations, batches: int) -> Iterator[int]:
    """Appends batches to the log, and tells after each how many entries there are."""
    with closing(LogWriter(database.conninfo("writer"), LOG)) as writer:
        for number in range(batches):
            door(writer, source)()
            yield (number + 1) * BATCH
