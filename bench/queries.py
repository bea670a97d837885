"""How long the first questions of an investigation take in a large log, as somebody asks them who may.

Builds a log of its own, which takes minutes and, for 10,000,000 entries, about 16 GB below the temporary directory. It
is removed afterwards, unless `--keep` names a folder, in which a later run finds it again.
"""

import argparse
import json
import random
import re
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import conditions
import psycopg
from load import load
from report import Result, Target, figure
from servers import LOG, SERVERS, Database, Server, administer, is_installed, kept_server
from timing import tell

from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.investigations import Investigations
from unbroken.store.migrations import install
from unbroken.store.sql import query

_VITALS: Final = (Path(__file__).parent / "sql" / "vitals.sql").read_text()
_TARGET_MS: Final = 50.0
_PAGE: Final = 50
_WARM_UP: Final = 10
_PLANS: Final = 10
_LEAST: Final = 10
_LENGTHS: Final = (timedelta(days=1), timedelta(days=7), timedelta(days=30), None)
_PARTITION: Final = re.compile(r"(entries|payloads)_\d+_\d+")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that a question is about."""

    seq: int
    recorded_at: datetime
    actor_id: str
    agent_id: str
    resource_id: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """One way of asking: what is given is drawn anew for each time."""

    name: str
    page: str
    given: Callable[[random.Random], dict[str, Any]]


def main() -> None:
    """Loads, asks, prints; exits with an error where a question is answered without an index."""
    wanted = _arguments()
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine = conditions.of_machine()
    print("# The first questions of an investigation, measured\n")
    for name, value in machine.items():
        print(f"- {name}: {', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else value}")
    found = []
    for kind in wanted.server or SERVERS:
        if not is_installed(kind):
            print(f"\n{kind} is not installed here and is left out.")
            continue
        with _server(kind, wanted.keep) as server, _loaded(server, wanted) as database:
            settings = conditions.of_server(server)
            print(f"\n## {kind}: PostgreSQL " + ", ".join(f"{name} {value}" for name, value in settings.items()))
            result = measure(database, wanted.runs)
        print(result.text(), flush=True)
        found.append({"server": kind, "settings": settings} | result.as_json())
    if wanted.json:
        wanted.json.write_text(json.dumps({"machine": machine, "results": found}, indent=2) + "\n")


def measure(database: Database, runs: int) -> Result:
    """Asks each question ``runs`` times for a first page and for a later one."""
    with database.connect("postgres") as admin, database.connect("compliance") as person:
        vitals = _vitals(admin)
        entries = _sample(admin, vitals["entries"])
        person.execute("select unbroken.open_ticket(%s, 'measurement', null, '{}', '12 hours')", (LOG,))
        rows, targets = [], []
        figures: dict[str, dict[str, Any]] = {}
        for question in _questions(entries):
            tell(f"{database.server.kind}: {question.name}, {question.page} page")
            plans = _plans(person, question)
            took, sizes = _ask(person, question, runs)
            late = statistics.quantiles(took, n=20, method="inclusive")[18]
            middle = statistics.median(took)
            name = f"{question.name}, {question.page} page"
            rows.append([name, *map(figure, (middle, late, max(took), statistics.fmean(sizes)))])
            figures[name] = {"p50_ms": middle, "p95_ms": late, "max_ms": max(took), "rows": statistics.fmean(sizes)}
            figures[name] |= {"runs": len(took), "nodes": sorted(plans[0]), "indexes": sorted(plans[1])}
            if question.page == "first":
                targets.append(Target(f"ms at p95, {name}", late, _TARGET_MS, at_least=False))
    return Result(
        "queries",
        f"{vitals['entries']:,} entries, pages of {_PAGE}, {database.server.kind}",
        ("question", "p50 ms", "p95 ms", "max ms", "rows"),
        rows,
        {"log": vitals} | figures,
        targets,
        [*_notes(vitals, runs), *_indexes(figures)],
    )


def _notes(vitals: dict[str, Any], runs: int) -> list[str]:
    counts = ("partitions", "sessions", "side_effects", "approvals", "errors")
    held = ", ".join(f"{vitals[name]:,} {name.replace('_', ' ')}" for name in counts)
    return [
        f"In the log, over {vitals['days']:.0f} days: {held}; {vitals['bytes'] / 1e9:.1f} GB.",
        f"{runs} times each after {_WARM_UP} to warm up, about agents, users, resources and times of random entries,",
        "over a day, a week, a month or everything; a later page begins behind a random entry. As a login for",
        f"compliance under a ticket. Bursts are minutes with {_LEAST} errors. Timed on the client, with planning.",
        "Caches as they come. No plan reads a table of entries or payloads from end to end; what is read instead:",
    ]


def _indexes(figures: dict[str, dict[str, Any]]) -> list[str]:
    return [f"- {name}: {', '.join(found['nodes'])} ({', '.join(found['indexes'])})" for name, found in figures.items()]


def _questions(entries: list[Entry]) -> list[Question]:
    def actions(source: random.Random, *, later: bool) -> dict[str, Any]:
        about, since = source.choice(entries), _since(source, entries)
        given = {"agent": about.agent_id, "actor": about.actor_id, **since}
        return given | ({"after": _behind(source, entries, given)} if later else {"after": 0})

    def calls(source: random.Random, *, later: bool) -> dict[str, Any]:
        given = _since(source, entries)
        return given | ({"after": _behind(source, entries, given)} if later else {"after": 0})

    def bursts(source: random.Random, *, later: bool) -> dict[str, Any]:
        before = source.choice(entries).recorded_at if later else None
        return {**_since(source, entries), "least": _LEAST, "before": before}

    def accesses(source: random.Random, *, later: bool) -> dict[str, Any]:
        about = source.choice([each for each in entries if each.resource_id is not None])
        after = source.randrange(about.seq) if later else 0
        return {"resource": about.resource_id, "kind": source.choice((None, "patient")), "after": after}

    asked: dict[str, Callable[..., dict[str, Any]]] = {
        "agent_actions": actions,
        "unapproved_calls": calls,
        "error_bursts": bursts,
        "resource_access": accesses,
    }
    return [
        Question(name, page, partial(given, later=page == "later"))
        for name, given in asked.items()
        for page in ("first", "later")
    ]


def _since(source: random.Random, entries: list[Entry]) -> dict[str, datetime | None]:
    length = source.choice(_LENGTHS)
    since = None if length is None else source.choice(entries).recorded_at
    return {"since": since, "upto": None if since is None or length is None else since + length}


def _behind(source: random.Random, entries: list[Entry], given: dict[str, Any]) -> int:
    """An entry within the time that is asked about."""
    since, upto = given["since"], given["upto"]
    within = [each.seq for each in entries if since is None or since <= each.recorded_at < upto]
    return source.choice(within or [0])


def _ask(person: Any, question: Question, runs: int) -> tuple[list[float], list[int]]:
    """Milliseconds and numbers of rows."""
    source = random.Random(question.name + question.page)  # noqa: S311 - choices, no secret
    ask = getattr(Investigations(person, LOG), question.name)
    took, sizes = [], []
    for number in range(_WARM_UP + runs):
        given = question.given(source)
        named = {key: given.pop(key) for key in ("agent", "actor", "resource") if key in given}
        began = time.perf_counter()
        rows = ask(*named.values(), **given, limit=_PAGE)
        if number >= _WARM_UP:
            took.append((time.perf_counter() - began) * 1e3)
            sizes.append(len(rows))
    return took, sizes


def _plans(person: Any, question: Question) -> tuple[set[str], set[str]]:
    """The kinds of scans in the plans for some of the questions, and their indexes by the columns in their names."""
    source = random.Random(question.page + question.name)  # noqa: S311 - choices, no secret
    kinds, indexes = set(), set()
    for _ in range(_PLANS):
        given = {"log": LOG, "limit": _PAGE, **question.given(source)}
        (plan,) = person.execute("explain (format json) " + query(question.name), given).fetchone()
        for node in _nodes(plan[0]["Plan"]):
            if node["Node Type"] == "Seq Scan" and _PARTITION.fullmatch(node["Relation Name"]):
                sys.exit(f"{question.name} reads {node['Relation Name']} from end to end for {given}")
            if node.get("Function Name") == question.name:
                sys.exit(f"{question.name} is not planned as part of the query")
            if "Index Name" in node:
                kinds.add(node["Node Type"])
                indexes.add(_PARTITION.sub(r"\1", node["Index Name"]))
    return kinds, indexes


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _vitals(admin: Any) -> dict[str, Any]:
    cursor = admin.execute(_VITALS)
    (row,) = cursor.fetchall()
    return dict(zip([column.name for column in cursor.description], row, strict=True))


def _sample(admin: Any, entries: int, size: int = 2000) -> list[Entry]:
    """Random entries, so that who and what is often in the log is often asked about."""
    source = random.Random(size)  # noqa: S311 - choices, no secret
    numbers = [source.randrange(1, entries + 1) for _ in range(size)]
    rows = admin.execute(
        "select e.seq, e.recorded_at, e.actor_id, e.agent_id, e.resource_id from unbroken.entries e"
        " join unbroken.logs l on l.log = e.log and l.origin = %s where e.seq = any(%s) and e.agent_id is not null",
        (LOG, numbers),
    )
    return [Entry(*row) for row in rows]


@contextmanager
def _server(kind: str, keep: Path | None) -> Iterator[Server]:
    tell(f"{kind}: starting")
    with SERVERS[kind]() if keep is None else kept_server(kind, keep / kind) as server:
        yield server


@contextmanager
def _loaded(server: Server, wanted: argparse.Namespace) -> Iterator[Database]:
    """The database, built where it is not there yet; what was not finished is built anew."""
    database = Database(server, f"queries_{wanted.entries}")
    if wanted.keep is None or not _is_complete(database):
        administer(server, "drop database if exists {} with (force)", database.name)
        administer(server, "create database {}", database.name)
        _build(database, wanted)
    with connect(database.conninfo("postgres")) as connection:
        # A log that was kept is asked with the functions of today.
        install(connection)
    with nullcontext(database) if wanted.keep is not None else _dropped(database):
        yield database


def _build(database: Database, wanted: argparse.Namespace) -> None:
    with connect(database.conninfo("postgres")) as connection:
        install(connection)
        administration.create_log(connection, LOG)
    load(database, wanted.entries, processes=wanted.processes)
    # Last, so that a log that has its readers is complete.
    with connect(database.conninfo("postgres")) as connection:
        for duty in ("verifier", "compliance"):
            administration.add_login(connection, duty, duty=duty, password=None)
            administration.install_grant(connection, LOG, duty, duty=duty)


def _is_complete(database: Database) -> bool:
    try:
        with database.connect("postgres") as admin:
            row = admin.execute("select from unbroken.grants where duty = 'compliance'").fetchone()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return False
    return row is not None


@contextmanager
def _dropped(database: Database) -> Iterator[None]:
    try:
        yield
    finally:
        administer(database.server, "drop database {} with (force)", database.name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000, help="size of the log")
    parser.add_argument("--runs", type=int, default=300, help="how often each question is asked")
    parser.add_argument("--server", action="append", choices=list(SERVERS), help="only this one; may be repeated")
    parser.add_argument("--processes", type=int, default=3, help="that load at once")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the log here, or use the one that is there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; what was not to be kept is removed")
