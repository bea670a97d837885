"""What writers lose to a notary that signs beside them: two logs in turn, one without a notary and one with."""

import signal
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from notaries import notary_in
from processors import processes_of, processor_time
from report import Result, Target, figure
from servers import LOG, Database, Server, fresh_database
from timing import tell
from writers import Writer, writers

from unbroken.store.checkpoints import Checkpoints

_SHARE: Final = 5.0
_EVERY_S: Final = 1.0
_WORKS: Final = {"batches of 500": (60, 500), "single events": (1_500, 1)}
"""Batches that each of two writers appends in a round, and events in each."""


@dataclass(frozen=True, slots=True)
class Signing:
    """A process that signs while it is told to, and the server's process that works for it."""

    process: BaseProcess
    backend: int
    pipe: "Connection[Any, Any]"


@dataclass(frozen=True, slots=True)
class Round:
    """Entries a second, and processor time for an entry: of all, and of the notary and the server for it."""

    rate: float
    busy: float
    notary: float


def measure(server: Server, rounds: int) -> Result:
    """Throughput and processor time of two writers with and without a notary that signs every second."""
    with ExitStack() as stack:
        databases = {name: stack.enter_context(fresh_database(server, name)) for name in ("alone", "notarised")}
        notary = stack.enter_context(_signing(databases["notarised"]))
        both = {name: stack.enter_context(writers(database, 2)) for name, database in databases.items()}
        found = {how: _in_turn(server, both, notary, rounds, work) for how, work in _WORKS.items()}
    rows, figures, targets = [], {}, []
    for how, done in found.items():
        alone, signed = done["alone"], done["notarised"]
        # Of each round its own share: what the machine does besides hits both halves of a round alike.
        lost = statistics.median(100 * (1 - b.rate / a.rate) for a, b in zip(alone, signed, strict=True))
        share = 100 * sum(each.notary for each in signed) / sum(each.busy for each in signed)
        rates = [statistics.median(each.rate for each in some) for some in (alone, signed)]
        busy, own = (1e6 * statistics.median(some) for some in zip(*((x.busy, x.notary) for x in signed), strict=True))
        rows.append([how, *map(figure, rates), f"{lost:.1f} %", figure(busy), figure(own), f"{share:.1f} %"])
        figures[how] = {
            "alone_per_s": rates[0],
            "notarised_per_s": rates[1],
            "lost_percent": lost,
            "processor_us": busy,
            "notary_us": own,
            "share_percent": share,
        }
        targets.append(Target(f"% of the processors for the notary, {how}", share, _SHARE, at_least=False))
    columns = ("appending", "alone, entries/s", "notarised", "lost", "processor µs", "the notary's", "share")
    notes = [
        f"Two writer processes, events of 1.2 KB; medians of {rounds} rounds in turn, also of what is lost.",
        f"The notary is a process of its own that signs every {_EVERY_S:g} s; usual is every 60 s.",
        "processor: of writers, server and notary, for an entry; the notary's: its own and the server's for it. The",
        "share is what writers lose where all processors are busy; other work on the machine hardly changes it.",
    ]
    return Result("checkpointing", f"Signing beside writers, {server.kind}", columns, rows, figures, targets, notes)


def _in_turn(
    server: Server, both: dict[str, list[Writer]], notary: Signing, rounds: int, work: tuple[int, int]
) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {name: [] for name in both}
    names = list(both)
    for number in range(rounds + 1):
        for name in names:
            tell(f"{work[1]} at a time, round {number + 1} of {rounds + 1}: {name}")
            done = _round(server, both[name], notary, signs=name == "notarised", work=work)
            if number:
                found[name].append(done)
        names.reverse()
    return found


def _round(server: Server, both: list[Writer], notary: Signing, *, signs: bool, work: tuple[int, int]) -> Round:
    batches, size = work
    _tell_all(both, "prepare", batches, size)
    notary.pipe.send(signs)
    own = [notary.process.pid or 0, notary.backend]
    others = [*processes_of(server), *(each.process.pid or 0 for each in both)]
    before = processor_time(own), processor_time({*own, *others})
    spans = _tell_all(both, "write", batches, size)
    own_time, all_time = processor_time(own) - before[0], processor_time({*own, *others}) - before[1]
    notary.pipe.send(False)
    entries = 2 * batches * size
    seconds = max(ended for _, ended in spans) - min(began for began, _ in spans)
    return Round(entries / seconds, all_time / entries, own_time / entries)


def _tell_all(both: list[Writer], command: str, batches: int, size: int) -> list[tuple[float, float]]:
    for writer in both:
        writer.send(command, batches=batches, size=size)
    return [writer.answer() for writer in both]


@contextmanager
def _signing(database: Database) -> Iterator[Signing]:
    """The process; it has signed once when this returns."""
    context = get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_sign, args=(far, database.conninfo("notary")), daemon=True)
    process.start()
    far.close()
    try:
        yield Signing(process, near.recv(), near)
    finally:
        near.close()
        process.join(timeout=30)
        process.terminate()


def _sign(pipe: "Connection[Any, Any]", conninfo: str) -> None:
    """In the notary's process: as soon as it is told to, and then every second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    at_work = False
    with (
        Checkpoints.open(conninfo, LOG) as found,
        tempfile.TemporaryDirectory() as folder,
        notary_in(Path(folder)) as notary,
    ):
        notary.round(found)
        pipe.send(found.connection.info.backend_pid)
        while True:
            try:
                if pipe.poll(_EVERY_S if at_work else None):
                    at_work = pipe.recv()
            except EOFError:
                return
            if at_work:
                notary.round(found)
