"""Single events from many threads and processes at once, against one writer."""

from dataclasses import dataclass
from typing import Any, Final

from crowd import in_turn, summary
from plan import Plan
from recorders import Task
from report import Result, figure
from servers import LOG, Database, Server, add_log, fresh_database, own_server

_CONNECTIONS: Final = 250
_OTHER_LOGS: Final = [f"bench.example/agents-{number}" for number in (2, 3, 4)]
_ALONE: Final = "1 thread"

_BOUND: Final = (
    "",
    "What bounds it: commits of one log come one after another, since each entry holds the hash of the one before.",
    "So a log has as many commits per second as fit one by one, and only more events per commit, or more logs,",
    "give more. Threads of a process share commits by themselves; processes don't. What helps many processes:",
    "record() with several events at a time; fewer processes of more threads; a log for each group of agents;",
    "a pooler before those that come for one event; early release, where flushes are slow (slow_storage).",
)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Who records: ``threads`` to a process, which share its connection, each recording ``events``."""

    name: str
    events: int
    processes: int = 1
    threads: int = 1
    logs: int = 1
    warm_up: int = 20


_SHAPES: Final = (
    _Shape(_ALONE, events=600),
    _Shape("8 threads", events=200, threads=8, warm_up=5),
    _Shape("64 threads", events=60, threads=64, warm_up=2),
    _Shape("4 processes", events=300, processes=4),
    _Shape("4 processes of 8 threads", events=80, processes=4, threads=8, warm_up=5),
    _Shape("4 processes, a log each", events=300, processes=4, logs=4),
    _Shape("200 processes", events=5, processes=200, warm_up=8),
    _Shape("200 processes, first events", events=1, processes=200, warm_up=0),
)


def measure(server: Server, plan: Plan) -> Result:
    """Events per second of each way, the size of batches, and how long a call takes."""
    settings = {"max_connections": _CONNECTIONS}
    with own_server(server.kind, settings=settings) as roomy, fresh_database(roomy, "concurrency") as database:
        for log in _OTHER_LOGS:
            add_log(database, log)
        tasks = {shape.name: _task(database, shape) for shape in _SHAPES}
        done = in_turn(tasks, runs=plan.runs, what=f"{server.kind}: concurrency")
    return _result(server, plan, {name: summary(runs) for name, runs in done.items()})


def _result(server: Server, plan: Plan, figures: dict[str, dict[str, Any]]) -> Result:
    alone = figures[_ALONE]["events_per_s"]
    return Result(
        "concurrency",
        f"Single events of 1.2 KB from many at once, {server.kind}",
        ("who", "events/s", "ratio to one", "events per commit", "p50 ms", "p99 ms"),
        [[name, *map(figure, _cells(values, alone))] for name, values in figures.items()],
        figures,
        (),
        [
            "Each call of Ledger.record records one event and returns when it is durable. One connection per process.",
            f"Medians of {plan.runs} runs; p50 and p99 over the calls of all. max_connections {_CONNECTIONS}.",
            "first events: of fresh connections, whose server processes have everything still to load and to plan.",
            *_BOUND,
        ],
    )


def _task(database: Database, shape: _Shape) -> Task:
    return Task(
        conninfo=database.conninfo("writer"),
        logs=[LOG, *_OTHER_LOGS][: shape.logs],
        processes=shape.processes,
        threads=shape.threads,
        events=shape.events,
        warm_up=shape.warm_up,
    )


def _cells(values: dict[str, Any], alone: float) -> list[float]:
    rate = values["events_per_s"]
    return [rate, rate / alone, values["events_per_commit"], values["p50_ms"], values["p99_ms"]]
