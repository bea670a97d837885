"""Verifying a large log: entries per second on one core, the gain from a second process, and memory."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plan import BATCH, Plan
from report import Result, Target, figure
from servers import LOG, Database, Server, fresh_database
from timing import Sample, tell
from writers import writers

_VERIFIER: Final = Path(__file__).with_name("verifier.py")
_POLL_S: Final = 0.05
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Verification:
    """One run: its time, the processor time of its processes, and the peak memory of all of them together."""

    seconds: float
    cpu_seconds: float
    entries: int
    peak_bytes: int


def measure(server: Server, plan: Plan) -> Result:
    """Verification of one log by one worker and by two."""
    with fresh_database(server, "verification") as database:
        built, wal = _build(database, plan.verified_entries)
        runs: dict[int, list[Verification]] = {1: [], 2: []}
        for number in range(plan.verifications):
            for workers, done in runs.items():
                tell(f"{server.kind}: verification {number + 1} of {plan.verifications}, workers: {workers}")
                done.append(_verify(database, workers))
    return _result(server, plan, built, wal, runs)


def _result(server: Server, plan: Plan, built: float, wal: float, runs: dict[int, list[Verification]]) -> Result:
    entries = plan.verified_entries
    times = {workers: Sample.of([run.seconds for run in done]) for workers, done in runs.items()}
    cpu = {workers: statistics.median(run.cpu_seconds for run in done) for workers, done in runs.items()}
    peak = {workers: max(run.peak_bytes for run in done) / _MB for workers, done in runs.items()}
    ratio = times[1].median / times[2].median
    rows = [
        [
            str(workers),
            figure(times[workers].median),
            figure(times[workers].rate(entries)),
            figure(times[1].median / times[workers].median),
            figure(cpu[workers] / entries * 1e6),
            figure(peak[workers]) if peak[workers] else "unknown",
        ]
        for workers in runs
    ]
    targets = [
        Target("entries/s verified on one core", times[1].rate(entries), 70_000),
        Target("verification with two processes against one", ratio, 1.7),
        *(
            Target(f"MB at the peak, {name}", peak[workers], 200, at_least=False)
            for workers, name in ((1, "one process"), (2, "two worker processes and their parent"))
            if peak[workers]
        ),
    ]
    figures = {"entries": entries, "built_per_s": built, "wal_bytes_per_entry": wal} | {
        str(workers): {
            "entries_per_s": times[workers].rate(entries),
            "seconds": [run.seconds for run in done],
            "client_us_per_entry": cpu[workers] / entries * 1e6,
            "peak_mb": peak[workers],
        }
        for workers, done in runs.items()
    }
    return Result(
        "verification",
        f"Verifying {entries:,} entries of 1.2 KB, {server.kind}",
        ("workers", "s", "entries/s", "ratio to one", "client us per entry", "peak MB"),
        rows,
        figures,
        targets,
        [
            f"Built by two writers at {built:,.0f} entries/s, {wal:,.0f} bytes of WAL per entry.",
            "VACUUM, ANALYZE and CHECKPOINT before the first run, as autovacuum and time would do.",
            _placement(),
            f"The whole of verify_log is timed, with the start of its processes. Medians of {plan.verifications}.",
            "peak MB: the verifier's processes together, each at its own highest.",
        ],
    )


def _build(database: Database, entries: int) -> tuple[float, float]:
    """Fills the log; entries per second and bytes of WAL per entry."""
    with database.connect("postgres") as admin, writers(database, 2) as both:
        start, began = _position(admin), time.monotonic()
        step = max(1, entries // 20 // BATCH // 2)
        left = entries // BATCH
        while left:
            shares = [min(step, left), min(step, left - min(step, left))]
            for writer, share in zip(both, shares, strict=True):
                writer.send("fill", batches=share, size=BATCH)
            for writer in both:
                writer.answer()
            left -= sum(shares)
            tell(f"{database.server.kind}: building, {entries - left * BATCH:,} of {entries:,} entries")
        seconds, wal = time.monotonic() - began, _position(admin) - start
        admin.execute("vacuum (analyze)")
        admin.execute("checkpoint")
    return entries / seconds, wal / entries


def _position(admin: Any) -> int:
    """How much WAL the server has written in its life."""
    return int(admin.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()[0])


def _placement() -> str:
    if _cores(2):
        return "The verifier's processes are bound to one core, or two, and the server's to the others."
    return "Too few cores to bind the processes to cores of their own."


def _cores(count: int) -> tuple[set[int], set[int]] | None:
    """``count`` cores for the verifier and the others for the server, where there are enough and the system lets us."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (set(usable[:count]), set(usable[count:])) if len(usable) >= 2 * count else None


@contextmanager
def _confined(server: Server, cores: set[int] | None) -> Iterator[None]:
    """New backends, which are forked from the postmaster, run on ``cores`` for the time of a block."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(server.postmaster)
    os.sched_setaffinity(server.postmaster, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(server.postmaster, before)


def _verify(database: Database, workers: int) -> Verification:
    ours, servers = _cores(workers) or (set(), None)
    command = [sys.executable, str(_VERIFIER), database.conninfo("verifier"), LOG, str(workers), *map(str, ours)]
    with (
        _confined(database.server, servers),
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,  # noqa: S603
    ):
        peak = _watched(process)
        answer = json.loads(process.stdout.read() if process.stdout else "null")
    if answer["verdict"] != "consistent":
        raise RuntimeError(f"the log that was built is not in order: {answer}")
    return Verification(answer["seconds"], answer["cpu_seconds"], answer["entries"], peak)


def _watched(process: "subprocess.Popen[str]") -> int:
    """Waits for the end; the sum of the highest memory that each process of the family ever held, in bytes."""
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for member in _family(process.pid):
            peaks[member] = max(peaks.get(member, 0), _peak(member))
        time.sleep(_POLL_S)
    return sum(peaks.values())


def _family(process: int) -> Iterator[int]:
    yield process
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        for child in _read(path).split():
            yield from _family(int(child))


def _peak(process: int) -> int:
    """The kernel's high-water mark, which unlike getrusage's knows nothing of the parent before exec."""
    lines = (line.split() for line in _read(Path(f"/proc/{process}/status")).splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == "VmHWM:"), 0)


def _read(path: Path) -> str:
    """The file's text; nothing when its process has ended, or where there is no /proc."""
    try:
        return path.read_text()
    except OSError:
        return ""
