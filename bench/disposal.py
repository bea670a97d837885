"""Disposing of a million payloads while recorders append and a slow reader holds a snapshot.

Usage: disposal.py [--payloads N] [--server KIND] [--pace EVENTS]. A log is filled with entries that are due, then
recorders begin and go on to the end, each in a process of its own with one event per call; a reader opens a snapshot
and reads on slowly. Printed: what the steps of the disposal took, how fast payloads went, what appends took before,
meanwhile and afterwards, and how much memory the destroying session and this process used.
"""

import argparse
import json
import resource
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import fmean
from typing import Any, Final, Self

import conditions
import psycopg
from report import Result, Target, figure
from rows import Conversations
from servers import LOG, SERVERS, Database, Server, fresh_database, is_installed
from timing import tell

from unbroken.core.canonical import canonical
from unbroken.core.commitment import commit
from unbroken.core.entry import Part
from unbroken.core.event import encode_event, make_event
from unbroken.core.ids import new_id
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.log_writer import LogWriter
from unbroken.wiring import open_ledger

_RECORDERS: Final = 8
_SIZE: Final = 1_200
_LOADERS: Final = 3
_BATCH: Final = 1_000
_PAYLOAD: Final = 700
_DRAFTS: Final = 200
_DEADLINE_S: Final = 60.0
_MEGABYTE: Final = 1024.0
"""kB, as the kernel counts."""
_MOST_MB: Final = 300
_LEAST: Final = 0.7
"""Of what recorders append without it."""
_DUTIES: Final = ("retention", "compliance", "legal", "dpo")
_WRITTEN: Final = {"basis": "organisation", "citation": "bench", "jurisdiction": "any", "start": "record", "version": 1}
_POLICIES: Final = {
    "default": "keep",
    "policies": [
        {**_WRITTEN, "id": "go", "title": "goes at once", "ceiling": "1d", "domains": ["bench"], "zone": "UTC"},
        {**_WRITTEN, "id": "keep", "title": "stays", "floor": "1y", "everything": True, "zone": "UTC"},
    ],
    "v": 1,
}
Call = tuple[float, float]
"""When an append was answered, by the monotonic clock, and how long it took."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def within(self, calls: Sequence[Call]) -> list[float]:
        """What those took that were answered meanwhile, shortest first."""
        return sorted(took for at, took in calls if self.begin <= at < self.end)


@dataclass
class Steps:
    """What each step took, in its order."""

    spans: dict[str, Span] = field(default_factory=dict)

    @contextmanager
    def taking(self, name: str) -> Iterator[None]:
        """Times a step."""
        tell(name)
        begin = time.monotonic()
        yield
        self.spans[name] = Span(begin, time.monotonic())


# ---- what is disposed of ----


def load(database: Database, payloads: int) -> None:
    """Entries with a payload each, all of them due, from several processes."""
    context = get_context("spawn")
    shares = [payloads // _LOADERS + (payloads % _LOADERS if number == 0 else 0) for number in range(_LOADERS)]
    loaders = [context.Process(target=_load, args=(database.conninfo("writer"), share)) for share in shares]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
        if loader.exitcode:
            sys.exit("a process that was loading failed")
    with database.connect("postgres") as admin:
        admin.execute("vacuum (analyze)")
        admin.execute("checkpoint")


def _load(conninfo: str, count: int) -> None:
    salt, value = bytes(32), canonical({"text": "x" * _PAYLOAD})
    placeholder, recorder = new_id(), new_id()
    made: dict[str, Any] = {"ts": "2026-01-31T09:30:00.000000Z", "actor_id": "desk", "actor_type": "agent"}
    made |= {"session_id": f"s-{recorder}", "recorder": recorder, "recorder_seq": 1, "outputs": commit(salt, value)}
    event = encode_event(make_event(id=placeholder, event_type="tool_result", domains=["bench"], **made))
    before, _, behind = event.partition(placeholder.encode())
    parts = [{"outputs": Part(salt, value)}] * _BATCH
    writer = LogWriter(conninfo, LOG)
    for first in range(0, count, _BATCH):
        events = [before + new_id().encode() + behind for _ in range(min(_BATCH, count - first))]
        writer.append(events, parts[: len(events)])
    writer.close()


# ---- who appends and who reads meanwhile ----


@contextmanager
def recording(database: Database, pace: float) -> Iterator[list[Call]]:
    """Recorders at work; what each of their calls took is there once they have ended."""
    context = get_context("spawn")
    stop, calls = context.Event(), list[Call]()
    pipes = [context.Pipe(duplex=False) for _ in range(_RECORDERS)]
    processes: list[BaseProcess] = [
        context.Process(target=_record, args=(database.conninfo("writer"), number, pace, stop, far), daemon=True)
        for number, (_, far) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for near, _ in pipes:
        near.recv()
    try:
        yield calls
    finally:
        stop.set()
        for near, _ in pipes:
            calls += near.recv()
        for process in processes:
            process.join()


def _record(conninfo: str, number: int, pace: float, stop: Any, pipe: Any) -> None:
    """One recorder: ``pace`` events a second, or as many as are answered."""
    source, calls = Conversations(_SIZE, seed=number), list[Call]()
    ledger = open_ledger(conninfo, log=LOG, deadline_s=_DEADLINE_S)
    ledger.record(source.batch(1).drafts)
    pipe.send("ready")
    due = time.monotonic()
    while not stop.is_set():
        for draft in source.batch(_DRAFTS if not pace else 1).drafts:
            if pace:
                due = max(due + 1 / pace, time.monotonic() - 1)
                time.sleep(max(0.0, due - time.monotonic()))
            begin = time.monotonic()
            ledger.record([draft])
            calls.append((time.monotonic(), time.monotonic() - begin))
            if stop.is_set():
                break
    ledger.close()
    pipe.send(calls)


@contextmanager
def slow_reader(database: Database) -> Iterator[None]:
    """A transaction that keeps its snapshot and fetches a little now and then, as an export over a slow line does."""
    with database.connect("postgres") as reader, reader.transaction():
        reader.execute("set transaction isolation level repeatable read, read only")
        with reader.cursor("slow") as cursor:
            cursor.itersize = 10
            cursor.execute("select event, inputs from unbroken.entries join unbroken.payloads using (log, seq)")
            done = threading.Event()

            def read() -> None:
                while not done.wait(0.2):
                    cursor.fetchmany(10)

            thread = threading.Thread(target=read)
            thread.start()
            try:
                yield
            finally:
                done.set()
                thread.join()


# ---- the disposal ----


@dataclass
class Disposer:
    """Its steps, each by somebody who may; ``peak_mb`` is the most memory of its own that the session had."""

    database: Database
    steps: Steps = field(default_factory=Steps)
    disposal: str = ""
    gone: int = 0
    batches: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    def propose(self) -> None:
        """Up to what destroys it."""
        with self.steps.taking("look for what is due"):
            self.disposal = str(self._does("retention", "start_disposal", False)[0])
            reached, upto = 0, 1
            while reached < upto:
                reached, upto, entries = self._does("retention", "freeze_disposal", self.disposal, 50_000)
        with self.steps.taking("propose, review, approve"):
            self._does("retention", "propose_disposal", self.disposal)
            row = self._all("retention", "select sha256 from unbroken.disposals(%s) where disposal = %s", self.disposal)
            self._does("compliance", "review_disposal", self.disposal, row[0][0], "a measurement")
            self._does("dpo", "approve_disposal", self.disposal, row[0][0])
        tell(f"{entries:,} candidates")

    def destroy(self, limit: int) -> None:
        """Batch after batch over one connection, whose memory is looked at."""
        with self.steps.taking("destroy"), self.database.connect("retention") as session:
            watched = _Memory(session.info.backend_pid)
            with watched:
                self._on(session, "begin_disposal", self.disposal)
                while True:
                    begin = time.monotonic()
                    seq, payloads, *_ = self._on(session, "dispose_batch", self.disposal, limit)
                    if seq is None:
                        break
                    self.batches.append(time.monotonic() - begin)
                    self.gone += payloads
            self.peak_mb = watched.peak_mb

    def certify(self) -> None:
        """Until nothing of it is left in the files."""
        with self.steps.taking("vacuum until it is gone"), self.database.connect("postgres") as admin:
            gone = False
            while not gone:
                # One that was at work before the last batch ended counts for nothing.
                admin.execute("vacuum unbroken.payloads, unbroken.originals")
                (gone,) = self._does("retention", "note_gone", self.disposal)
        self._does("retention", "finish_disposal", self.disposal, "0" * 64)

    def _does(self, login: str, function: str, *given: Any) -> tuple[Any, ...]:
        with self.database.connect(login) as connection:
            return self._on(connection, function, *given)

    def _on(self, connection: Any, function: str, *given: Any) -> tuple[Any, ...]:
        places = ", ".join(["%s"] * (1 + len(given)))
        statement = f"select * from unbroken.{function}({places})"  # noqa: S608 - a name of ours
        row: tuple[Any, ...] = connection.execute(statement, (LOG, *given)).fetchone()
        return row

    def _all(self, login: str, statement: str, *given: Any) -> list[tuple[Any, ...]]:
        with self.database.connect(login) as connection:
            return connection.execute(statement.encode(), (LOG, *given)).fetchall()


class _Memory:
    """The most memory of a backend's own, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.peak_mb = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            fields = dict(line.split(":", 1) for line in self._status.read_text().splitlines() if ":" in line)
            self.peak_mb = max(self.peak_mb, int(fields["RssAnon"].split()[0]) / _MEGABYTE)


# ---- the measurement ----


def measure(server: Server, *, payloads: int, pace: float, limit: int, quiet_s: float) -> Result:
    """One run."""
    with fresh_database(server, "disposal") as database:
        with connect(database.conninfo("postgres")) as connection:
            for duty in _DUTIES:
                administration.add_login(connection, duty, duty=duty, password=None)
                administration.install_grant(connection, LOG, duty, duty=duty)
        _put_in_force(database)
        tell(f"loading {payloads:,} entries")
        load(database, payloads)
        disposer = Disposer(database)
        with recording(database, pace) as calls:
            before, after = disposer.steps, Steps()
            time.sleep(2)
            with before.taking("before"):
                time.sleep(quiet_s)
            disposer.propose()
            with slow_reader(database):
                disposer.destroy(limit)
            disposer.certify()
            with after.taking("after"):
                time.sleep(quiet_s)
        spans = disposer.steps.spans | after.spans
    return Run(server, disposer, spans, calls, pace, limit).result()


def _put_in_force(database: Database) -> None:
    text = json.dumps(_POLICIES, sort_keys=True, separators=(",", ":"))
    propose = "select version from unbroken.propose_policies(%s, %s, 'a measurement', '{\"entries\":0}')"
    with database.connect("compliance") as connection:
        ((version,),) = connection.execute(propose, (LOG, text)).fetchall()
    with database.connect("legal") as connection:
        connection.execute("select unbroken.confirm_policies(%s, %s)", (LOG, version))


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured, and how."""

    server: Server
    disposer: Disposer
    spans: dict[str, Span]
    calls: list[Call]
    pace: float
    limit: int

    def figures(self) -> dict[str, Any]:
        """By what went on meanwhile, what appends took; and the disposal's own."""
        found: dict[str, Any] = {name: _appends(span, span.within(self.calls)) for name, span in self.spans.items()}
        quiet, during = (found["before"], found["after"]), found["destroy"]
        return found | {
            "payloads": self.disposer.gone,
            "rate": self.disposer.gone / self.spans["destroy"].seconds,
            "appends_ratio": during["appends_s"] / fmean(each["appends_s"] for each in quiet),
            "p99_ratio": during["p99_ms"] / fmean(each["p99_ms"] for each in quiet),
            "session_mb": self.disposer.peak_mb,
            "client_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE,
        }

    def result(self) -> Result:
        """As it is printed."""
        found, batches = self.figures(), self.disposer.batches
        recorders = f"{self.pace:g} events a second each" if self.pace else "the next event as soon as one is answered"
        return Result(
            "disposal",
            f"{found['payloads']:,} payloads destroyed, {_RECORDERS} recorders, a slow reader, {self.server.kind}",
            ("meanwhile", "s", "appends/s", "p50 ms", "p99 ms", "longest ms"),
            [[name, *map(figure, found[name].values())] for name in self.spans],
            found,
            [
                Target(
                    "appends while payloads are destroyed, of those before and after", found["appends_ratio"], _LEAST
                ),
                Target("MB of the session that destroys", found["session_mb"], _MOST_MB, at_least=False),
                Target("MB of this process", found["client_mb"], _MOST_MB, at_least=False),
            ],
            [
                f"{found['rate']:,.0f} payloads a second, in {len(batches):,} batches of up to {self.limit:,}:",
                f"{_late(batches, 0.5):.0f} ms each, one in a hundred over {_late(batches, 0.99):.0f}.",
                f"p99 of appends meanwhile: {found['p99_ratio']:.1f} times the mean of before and after.",
                f"Recorders: {recorders}.",
                "The reader's snapshot is from before the first batch, and ends after the last.",
            ],
        )


def _appends(span: Span, took: Sequence[float]) -> dict[str, float]:
    late = {f"p{share}_ms": _late(took, share / 100) for share in (50, 99)}
    return {"seconds": span.seconds, "appends_s": len(took) / span.seconds, **late, "max_ms": _late(took, 1)}


def _late(took: Sequence[float], share: float) -> float:
    """Milliseconds that this share of them do not exceed."""
    ordered = sorted(took)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else float("nan")


def main() -> None:
    """Measures and prints; a missed target is no error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payloads", type=int, default=1_000_000, metavar="N", help="how many are disposed of")
    parser.add_argument("--pace", type=float, default=0, help="events a second of each recorder; 0: as many as go")
    parser.add_argument("--limit", type=int, default=1_000, help="entries in a batch")
    parser.add_argument("--seconds", type=float, default=15, help="how long appends are measured before and after")
    parser.add_argument("--server", action="append", choices=list(SERVERS), help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    wanted = parser.parse_args()
    machine, found = conditions.of_machine(), []
    print("# Disposal, measured\n")
    for name in ("cpu", "cores", "memory", "os", "python", "load", "parallel"):
        print(f"- {name}: {machine[name]}")
    if conditions.is_busy(machine):
        print("- WARNING: this machine is busy with something else; ratios may hold, absolute figures do not")
    for kind in wanted.server or SERVERS:
        if not is_installed(kind):
            print(f"\n{kind} is not installed here and is left out.")
            continue
        with SERVERS[kind]() as server:
            settings = conditions.of_server(server)
            print(f"\n## {kind}: PostgreSQL " + ", ".join(f"{name} {value}" for name, value in settings.items()))
            result = measure(
                server, payloads=wanted.payloads, pace=wanted.pace, limit=wanted.limit, quiet_s=wanted.seconds
            )
        print(result.text(), flush=True)
        found.append({"server": kind, "settings": settings} | result.as_json())
    if wanted.json:
        wanted.json.write_text(json.dumps({"machine": machine, "results": found}, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, psycopg.OperationalError) as error:
        sys.exit(f"it ended before it was through: {error}")
