"""How long one durable entry takes, against one durable row."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, Final

from bare_rows import BareRows
from plan import Plan
from report import Result, Target, figure
from rows import Conversations
from servers import LOG, Database, Server, fresh_database
from timing import Contender, Sample, side_by_side, tell

from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.wiring import open_ledger

_SIZE: Final = 1_200
_WARM_UP: Final = 50
_TARGET: Final = 2.5


def measure(server: Server, plan: Plan) -> Result:
    """The median and the 99th percentile of single calls, with drafts made before and within, and early release."""
    tell(f"{server.kind}: latency of single entries")
    with fresh_database(server, "latency") as database:
        samples = _compare(database, plan)
    bare = samples["INSERT"]
    ratio = samples["record"].median / bare.median
    return Result(
        "latency",
        f"One durable entry of 1.2 KB, {server.kind}",
        ("way", "p50 ms", "p99 ms", "quartiles", "ratio of p50", "ratio of p99"),
        [_row(name, sample, bare) for name, sample in samples.items()],
        {name: _figures(sample, bare) for name, sample in samples.items()},
        [Target("p50 of one entry against one row", ratio, _TARGET, at_least=False)],
        [
            "INSERT: the same values into a plain table with a primary key, one prepared statement, one commit.",
            "record: Ledger.record of one draft. draft and record: making it, too, from a call's arguments.",
            "early release: record over a connection with it, which waits for two transactions in place of one.",
            f"{bare.times:,} calls of each, one of each in turn.",
        ],
    )


def _row(name: str, sample: Sample, bare: Sample) -> list[str]:
    quartiles = f"{figure(sample.low * 1e3)} to {figure(sample.high * 1e3)}"
    ratios = (figure(sample.median / bare.median), figure(sample.late / bare.late))
    return [name, figure(sample.median * 1e3), figure(sample.late * 1e3), quartiles, *ratios]


def _figures(sample: Sample, bare: Sample) -> dict[str, Any]:
    return {
        "p50_ms": sample.median * 1e3,
        "p99_ms": sample.late * 1e3,
        "ratio_p50": sample.median / bare.median,
        "ratio_p99": sample.late / bare.late,
        "calls": sample.times,
    }


def _compare(database: Database, plan: Plan) -> dict[str, Sample]:
    source = Conversations(_SIZE, seed=_SIZE)
    conninfo = database.conninfo("writer")
    with (
        closing(BareRows(database)) as bare,
        closing(open_ledger(conninfo, log=LOG)) as strict,
        closing(open_ledger(conninfo, log=LOG, early_release=True)) as early,
    ):
        contenders: dict[str, Contender] = {
            "INSERT": lambda: bare.insert(source.batch(1)),
            "record": lambda: partial(strict.record, source.batch(1).drafts),
            "draft and record": lambda: _drafting(strict, source.recipe()),
            "early release": lambda: partial(early.record, source.batch(1).drafts),
        }
        return side_by_side(contenders, rounds=plan.single_calls, warm_up=_WARM_UP)


def _drafting(ledger: Ledger, recipe: Callable[[], Draft]) -> Callable[[], object]:
    return lambda: ledger.record([recipe()])
