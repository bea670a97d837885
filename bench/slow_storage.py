"""Early release of the log's lock where storage takes its time to flush."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from crowd import in_turn, summary
from plan import Plan
from recorders import Did, Task
from report import Result, Target, figure
from servers import LOG, Database, Server, fresh_database, own_server
from timing import side_by_side

_SOURCE: Final = Path(__file__).with_name("slow_fsync.c")
_LATENCY_MS: Final = 2
_TARGET: Final = 2.5
_WARM_UP: Final = 12
_COMMIT: Final = "select pg_logical_emit_message(true, 'bench', 'flush')"
_TITLE: Final = "Single events on storage that flushes"


@dataclass(frozen=True, slots=True)
class _Shape:
    """Who records: ``threads`` to each of a process's ``connections``; each records ``events``."""

    name: str
    events: int
    processes: int = 1
    connections: int = 1
    threads: int = 1


_ALONE: Final = _Shape("1 process", events=200)
_PROCESSES: Final = _Shape("16 processes", events=40, processes=16)
_SHAPES: Final = (
    _ALONE,
    _PROCESSES,
    _Shape("16 threads, a connection each", events=40, connections=16),
    _Shape("16 threads, one connection", events=80, threads=16),
)


def measure(server: Server, plan: Plan) -> Result:
    """Events per second with early release against without, and what it costs a writer that is alone."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return _left_out(server)
    with _slow_server(server.kind, compiler) as slow, fresh_database(slow, "slow") as database:
        delay = _flush(database)
        tasks = {
            (shape.name, early): _task(database, shape, early=early) for shape in _SHAPES for early in (False, True)
        }
        done = in_turn(tasks, runs=plan.runs, what=f"{server.kind}: slow storage")
    return _result(server, plan, delay, done)


def _left_out(server: Server) -> Result:
    reason = "Left out: it needs Linux and a C compiler (cc) for the library that slows flushes down."
    return Result("slow_storage", f"{_TITLE} slowly, {server.kind}", ("who",), [], {}, (), [reason])


def _result(server: Server, plan: Plan, delay: float, done: dict[tuple[str, bool], list[Did]]) -> Result:
    figures = {
        shape.name: {name: summary(done[shape.name, early]) for name, early in (("strict", False), ("early", True))}
        for shape in _SHAPES
    }
    return Result(
        "slow_storage",
        f"{_TITLE} {_LATENCY_MS} ms later, 1.2 KB, {server.kind}",
        ("who", "strict/s", "early/s", "ratio", "strict p50 ms", "early p50 ms", "strict p99 ms", "early p99 ms"),
        [_row(name, values["strict"], values["early"]) for name, values in figures.items()],
        {"latency_ms": _LATENCY_MS, "flush_ms": delay * 1e3} | figures,
        [Target("early release, 16 processes on slow storage", _gain(figures[_PROCESSES.name]), _TARGET)],
        [
            "strict: the lock of the log is held until the commit is on disk. early: it is given up before, and the",
            "receipt handed out after; flushes of many then coincide. Each call of Ledger.record records one event.",
            f"Every fsync and fdatasync of this server takes {_LATENCY_MS} ms longer; a flush that was measured took",
            f"{figure(delay * 1e3)} ms. wal_sync_method fdatasync. Medians of {plan.runs} runs, both ways in turn.",
            f"{_ALONE.name}: what early release costs who is alone. 16 threads, one connection: they share commits.",
        ],
    )


def _row(name: str, strict: dict[str, Any], early: dict[str, Any]) -> list[str]:
    rates = (strict["events_per_s"], early["events_per_s"])
    times = (strict["p50_ms"], early["p50_ms"], strict["p99_ms"], early["p99_ms"])
    return [name, *map(figure, (*rates, rates[1] / rates[0], *times))]


def _gain(values: dict[str, Any]) -> float:
    return float(values["early"]["events_per_s"] / values["strict"]["events_per_s"])


def _task(database: Database, shape: _Shape, *, early: bool) -> Task:
    return Task(
        conninfo=database.conninfo("writer"),
        logs=[LOG],
        processes=shape.processes,
        connections=shape.connections,
        threads=shape.threads,
        events=shape.events,
        warm_up=_WARM_UP,
        early_release=early,
    )


@contextmanager
def _slow_server(kind: str, compiler: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="ub-bench-") as folder:
        # The server's user must be able to read it.
        Path(folder).chmod(0o755)
        library = Path(folder) / "slow_fsync.so"
        subprocess.run(  # noqa: S603
            [compiler, "-O2", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True
        )
        environment = {"LD_PRELOAD": str(library), "SLOW_FSYNC_US": str(_LATENCY_MS * 1000)}
        with own_server(kind, settings={"wal_sync_method": "fdatasync"}, environment=environment) as server:
            yield server


def _flush(database: Database) -> float:
    """Seconds that a small commit takes; raises where flushes are not slowed down, so that nothing would be shown."""
    with database.connect("postgres") as connection:
        commits = side_by_side({"commit": lambda: partial(connection.execute, _COMMIT)}, rounds=20, warm_up=5)
    taken = commits["commit"].median
    if taken < _LATENCY_MS / 1000:
        raise RuntimeError(f"a commit takes {taken * 1e3:.2f} ms: the server's flushes are not slowed down")
    return taken
