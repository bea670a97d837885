"""Writer processes of their own, and how much faster two of them are than one."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from plan import Plan
from report import Result, Target, figure
from rows import Conversations
from servers import LOG, Database, Server, fresh_database
from timing import Sample, tell

from unbroken.store.log_writer import LogWriter

SIZE = 1_200
_BATCH = 500
_BATCHES = 30


@dataclass(frozen=True, slots=True)
class Writer:
    """A process with one connection, to which work is sent over a pipe; it answers with when it began and ended."""

    process: BaseProcess
    pipe: "Connection[Any, Any]"

    def send(self, command: str, *, batches: int = _BATCHES, size: int = _BATCH) -> None:
        self.pipe.send((command, batches, size))

    def answer(self) -> tuple[float, float]:
        began, ended = self.pipe.recv()
        return float(began), float(ended)


@contextmanager
def writers(database: Database, count: int) -> Iterator[list[Writer]]:
    """Processes that are ready to write; they end when their pipes are closed."""
    context = get_context("spawn")
    running: list[Writer] = []
    try:
        for number in range(count):
            near, far = context.Pipe()
            process = context.Process(target=_serve, args=(far, database.conninfo("writer"), number), daemon=True)
            process.start()
            far.close()
            running.append(Writer(process, near))
        yield running
    finally:
        for writer in running:
            writer.pipe.close()
            writer.process.join(timeout=30)
            writer.process.terminate()


def _serve(pipe: "Connection[Any, Any]", conninfo: str, number: int) -> None:
    """In the writer process. ``prepare`` makes batches, ``write`` appends them, ``fill`` does both in turn."""
    source = Conversations(SIZE, seed=number)
    prepared = []
    with closing(LogWriter(conninfo, LOG)) as writer:
        while True:
            try:
                command, batches, size = pipe.recv()
            except (EOFError, KeyboardInterrupt):
                return
            began = time.monotonic()
            match command:
                case "prepare":
                    prepared = [source.batch(size) for _ in range(batches)]
                case "write":
                    for batch in prepared:
                        writer.append(batch.events, batch.parts)
                case "fill":
                    for _ in range(batches):
                        batch = source.batch(size)
                        writer.append(batch.events, batch.parts)
            pipe.send((began, time.monotonic()))


def measure(server: Server, plan: Plan) -> Result:
    """Entries per second of one writer process and of two at once."""
    tell(f"{server.kind}: one writer and two")
    with fresh_database(server, "writers") as database, writers(database, 2) as both:
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for number in range(plan.rounds // 2 + 1):
            for count in (1, 2):
                taken = _write_at_once(both[:count])
                if number:
                    seconds[count].append(taken)
    one, two = Sample.of(seconds[1]), Sample.of(seconds[2])
    entries = _BATCH * _BATCHES
    ratio = two.rate(2 * entries) / one.rate(entries)
    return Result(
        "writers",
        f"Two writer processes, batches of {_BATCH} at 1.2 KB, {server.kind}",
        ("writers", "entries/s", "ratio to one"),
        [
            ["1", figure(one.rate(entries)), "1.00"],
            ["2", figure(two.rate(2 * entries)), figure(ratio)],
        ],
        {"one": one.rate(entries), "two": two.rate(2 * entries), "ratio": ratio, "times": one.times},
        [Target("two writers against one", ratio, 1.5)],
        [f"Each writes {entries:,} entries into the same log through the door; medians of {one.times}."],
    )


def _write_at_once(some: list[Writer]) -> float:
    """Seconds from when the first began until the last was done."""
    for command in ("prepare", "write"):
        for writer in some:
            writer.send(command)
        spans = [writer.answer() for writer in some]
    return max(ended for _, ended in spans) - min(began for began, _ in spans)
