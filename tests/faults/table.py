"""Many runs of every fault, and what came of them as a table: ``make torture``, or ``python -m tests.faults``.

A broken promise is printed with the seed of its run, and makes the exit code 1.
"""

import argparse
import os
import platform
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tests.faults.catalogue import FAULTS, Fault
from tests.faults.cluster import prepared
from tests.faults.installation import KINDS, Installation, is_installed
from tests.faults.run import Outcome, run
from unbroken.errors import UnbrokenError

_BEGIN: Final = "<!-- what `make torture` found -->\n"
_END: Final = "<!-- end of what `make torture` found -->\n"
_TOLD: Final = 10
"""Broken promises of one run that are printed."""
_COLUMNS: Final = (
    "fault",
    "runs",
    "acknowledged",
    "refused",
    "unknown",
    "lost",
    "doubled",
    "otherwise wrong",
    "deadline, s",
    "longest stop, s",
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A fault to be run once."""

    fault: Fault
    installation: Installation
    seed: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that came to no outcome, and why."""

    attempt: Attempt
    reason: str


def main() -> None:
    """Runs, prints, and writes the table where it is asked to."""
    wanted = _arguments()
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.setdefault("UNBROKEN_ALLOW_ROOT", "1")
    faults = [fault for fault in FAULTS if not wanted.fault or fault.name in wanted.fault]
    kinds = [kind for kind in wanted.server or KINDS if is_installed(kind)]
    since = time.monotonic()
    with ExitStack() as stack:
        installations = [stack.enter_context(prepared(kind)) for kind in kinds]
        found = list(_results(faults, installations, runs=wanted.runs, jobs=wanted.jobs, seed=wanted.seed))
        versions = [_version(installation) for installation in installations]
    text = "\n".join(
        [*_table(faults, found), "", *_conditions(versions, wanted, len(found), time.monotonic() - since), ""]
    )
    print(text)
    if wanted.write is not None:
        _write(wanted.write, text)
    sys.exit(any(isinstance(one, Failure) or one.broken for one in found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=6, help="of each fault on each server (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time (default: %(default)s)")
    parser.add_argument("--server", action="append", choices=KINDS, help="only this one; may be repeated")
    parser.add_argument("--fault", action="append", choices=[fault.name for fault in FAULTS], help="likewise")
    parser.add_argument("--seed", type=int, help="of a single run that is to be repeated")
    parser.add_argument("--write", type=Path, help="the document whose table is replaced")
    return parser.parse_args()


def _results(
    faults: Sequence[Fault], installations: Sequence[Installation], *, runs: int, jobs: int, seed: int | None
) -> Iterator[Outcome | Failure]:
    attempts = [
        Attempt(fault, installation, secrets.randbits(32) if seed is None else seed)
        for _ in range(runs)
        for fault in faults
        if _is_possible(fault)
        for installation in installations
    ]
    with ThreadPoolExecutor(jobs) as pool:
        try:
            results = zip(attempts, pool.map(_result, attempts), strict=True)
            for number, (attempt, result) in enumerate(results, 1):
                _tell(number, len(attempts), attempt, result)
                yield result
        finally:
            # After an interruption, what runs is cleaned up and the rest is not begun.
            pool.shutdown(cancel_futures=True)


def _is_possible(fault: Fault) -> bool:
    obstacle = fault.obstacle()
    if obstacle is not None:
        print(f"{fault.name} is left out: {obstacle}", file=sys.stderr)
    return obstacle is None


def _result(attempt: Attempt) -> Outcome | Failure:
    try:
        return run(attempt.fault, attempt.installation, seed=attempt.seed)
    except (AssertionError, OSError, subprocess.SubprocessError, psycopg.Error, UnbrokenError) as error:
        return Failure(attempt, f"{type(error).__name__}: {error}")


def _tell(number: int, total: int, attempt: Attempt, result: Outcome | Failure) -> None:
    broken = [result.reason] if isinstance(result, Failure) else result.broken
    what = attempt.fault.name if isinstance(result, Failure) else f"{attempt.fault.name} ({result.variant})"
    state = "broken" if broken else "held"
    place = f"[{number}/{total}] {what}, {attempt.installation.kind}, seed {attempt.seed}"
    print("\n    ".join([f"{place}: {state}", *broken[:_TOLD]]), file=sys.stderr, flush=True)


def _table(faults: Iterable[Fault], found: Sequence[Outcome | Failure]) -> list[str]:
    rows = [row for fault in faults if (row := _row(fault, found))]
    rule = ["---", *("--:" for _ in _COLUMNS[1:])]
    totals = [sum(int(row[column].replace(",", "")) for row in rows) for column in range(1, 8)]
    last = ["**all**", *(f"**{total:,}**" for total in totals), "", ""]
    return [f"| {' | '.join(row)} |" for row in (_COLUMNS, rule, *rows, last)]


def _row(fault: Fault, found: Sequence[Outcome | Failure]) -> list[str] | None:
    held = [one for one in found if isinstance(one, Outcome) and one.fault == fault.name]
    failed = sum(isinstance(one, Failure) and one.attempt.fault is fault for one in found)
    if not held and not failed:
        return None
    lost = sum(len(one.tally.lost) for one in held)
    doubled = sum(len(one.tally.doubled) for one in held)
    counts = (
        len(held) + failed,
        sum(one.tally.acknowledged for one in held),
        sum(one.tally.refused for one in held),
        sum(one.tally.unknown for one in held),
        lost,
        doubled,
        sum(len(one.broken) for one in held) - lost - doubled + failed,
    )
    stop = max((one.longest_stop for one in held), default=0.0)
    return [fault.name, *(f"{count:,}" for count in counts), f"{fault.deadline_s:g}", f"{stop:.2f}"]


def _conditions(versions: Sequence[str], wanted: argparse.Namespace, runs: int, seconds: float) -> list[str]:
    facts = (
        f"{runs} runs in {seconds / 60:.0f} minutes, {wanted.jobs} at a time, {wanted.runs} per fault and server",
        "; ".join(versions),
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, psycopg {psycopg.__version__}, libpq {psycopg.pq.version()}",
    )
    return [f"{'. '.join(facts)}."]


def _version(installation: Installation) -> str:
    said = subprocess.run(
        [installation.programs / "postgres", "--version"], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    return f"{installation.kind} ({said.removeprefix('postgres (PostgreSQL) ').strip()})"


def _write(document: Path, text: str) -> None:
    """Replaces what stands between the document's two markers."""
    before, begin, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{document} lacks the markers of the table")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
