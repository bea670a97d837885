"""Verifying a whole log, and what this user's verifier keeps of it from run to run."""

import os
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from msgspec import structs

from unbroken.cli.kept_heads import KeptHeads, Nights, Seen
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import warn
from unbroken.cli.target import open_reader
from unbroken.core.entry import Head
from unbroken.store.log_reader import LogReader
from unbroken.verify.certificates import Certificates
from unbroken.verify.continuing import continuations_of
from unbroken.verify.finding import Report
from unbroken.verify.nightly import Night
from unbroken.verify.outside import Outside
from unbroken.verify.run import verify_log

LARGE: Final = 200_000
"""Entries from which on several processes are quicker than one."""
MAX_WORKERS: Final = 8


def verify_whole(
    reader: LogReader,
    store: str,
    *,
    expect: Head | None,
    workers: int | None,
    seen: Seen | None,
    outside: Outside | None = None,
    certificates: Certificates | None = None,
) -> Report:
    """The whole log, held against what was seen of it before; in several processes where it is large."""
    continues, continued = continuations_of(reader)
    kept = None if seen is None else seen.kept
    if kept is not None and continued is not None and continued.declares(kept.seq):
        kept = None
    with LateProgress("verifying") as progress:
        report = verify_log(
            reader,
            expect=expect,
            kept=kept,
            outside=outside,
            certificates=None if certificates is None else certificates.without_lost(continued),
            workers=workers or _workers_for(reader.head().seq),
            connect=partial(_connect_worker, store, reader.log),
            progress=progress,
        )
    return replace(report, continues=continues, continued=continued)


def remember(kept: KeptHeads, place: str, log: str, *, night: Night, before: Seen | None) -> None:
    """Keeps what a run came to; only warns where that can't be."""
    try:
        kept.remember(place, log, seen=_now_seen(night, before))
    except OSError as error:
        warn(f"the head and the verdict can't be kept in {kept}: {error.strerror}")


def recall(kept: KeptHeads, place: str, log: str) -> Seen | None:
    """What was seen before; where that can't be read, only warns and goes on without."""
    try:
        return kept.recall(place, log)
    except OSError as error:
        warn(f"{kept} can't be read, so the log is not held against an earlier head: {error.strerror}")
        return None


def _now_seen(night: Night, before: Seen | None) -> Seen:
    """What to keep: a run with findings leaves the earlier head, so that the next one finds them again."""
    now, report = datetime.now(UTC), night.new
    before = before or Seen(verdict="consistent", at=now, upto=0)
    seen = structs.replace(before, verdict=night.verdict, at=now, upto=report.head.seq, findings=night.findings_total)
    if night.memory is not None:
        seen = structs.replace(seen, nights=Nights.of(night.memory))
    if report.findings_total:
        return seen
    newest = None if report.against is None else report.against.newest
    checkpoint = before.checkpoint if newest is None else newest.note
    return structs.replace(seen, head=str(report.head), head_at=now, checkpoint=checkpoint)


def _workers_for(entries: int) -> int:
    return 1 if entries < LARGE else min(os.cpu_count() or 1, MAX_WORKERS)


# A worker process uses its reader until it ends, and never closes it.
_worker = ExitStack()


def _connect_worker(store: str, log: str) -> LogReader:
    return _worker.enter_context(open_reader(store, log))
