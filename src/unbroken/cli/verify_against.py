"""``unbroken verify --anchors``: the log against what is kept of it elsewhere; night by night, and on record."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import typer
from rich.text import Text

import unbroken
from unbroken.anchors.configuration import AnchorsFile
from unbroken.cli.against_view import fork_file
from unbroken.cli.denials import denials_told
from unbroken.cli.kept_heads import KeptHeads, Seen, name_of
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.outside_checkpoints import gather
from unbroken.cli.printing import console, print_json, warn
from unbroken.cli.report_view import print_report, report_as_json
from unbroken.cli.target import open_reader
from unbroken.cli.verify_whole import recall, remember, verify_whole
from unbroken.core.entry import Head
from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError
from unbroken.files import write_new
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.log_reader import LogReader
from unbroken.verify.certificates import Certificates
from unbroken.verify.continuing import continuations_of
from unbroken.verify.finding import Report
from unbroken.verify.nightly import Memory, Night, Whole, verify_nightly
from unbroken.verify.outside import Outside


@dataclass(frozen=True, slots=True)
class Given:
    """What a verification against anchors was asked for; ``within`` is of nightly runs alone."""

    file: AnchorsFile
    store: str
    expect: Head | None
    workers: int | None
    within: int | None
    record: bool
    proof: Path | None
    as_json: bool
    certificates: Certificates | None = None


def verify_against(given: Given, log: str | None) -> NoReturn:
    """The whole command, whose exit code is the verdict's."""
    with (
        denials_told("`unbroken verify`, which reads everything without a ticket,", duties="verifier"),
        open_reader(given.store, log or given.file.log, writes=given.record) as reader,
    ):
        kept, place = KeptHeads(), name_of(given.store)
        seen = recall(kept, place, reader.log)
        night = _night(reader, given, seen)
        remember(kept, place, reader.log, night=night, before=seen)
        seq = _record(reader, night, run="whole" if given.within is None else "nightly") if given.record else None
    if given.proof is not None:
        _write_proof(night.new, given.proof)
    if given.as_json:
        _print_as_json(night, expect=given.expect, seq=seq)
    else:
        _print(night, expect=given.expect)
        if seq is not None:
            console().print(Text(f"\nOn record as entry {seq:,}."))
    raise typer.Exit(night.exit_code)


def _night(reader: LogReader, given: Given, seen: Seen | None) -> Night:
    outside = _gathered(reader, given.file, None if seen is None else seen.checkpoint)

    def whole() -> Report:
        return verify_whole(
            reader,
            given.store,
            expect=given.expect,
            workers=given.workers,
            seen=seen,
            outside=outside,
            certificates=given.certificates,
        )

    if given.within is None:
        report = whole()
        return Night(report, None, None if report.milestone is None else Memory(report.milestone))
    memory = None if seen is None or seen.nights is None else seen.nights.memory
    return _by_night(reader, outside, memory, within=given.within, whole=whole)


def _gathered(reader: LogReader, file: AnchorsFile, kept: str | None) -> Outside:
    """What is kept elsewhere of the reader's log; raises :class:`ConfigurationError` where the file is another's."""
    if reader.log.partition("~")[0] != file.log:
        raise ConfigurationError(f"the anchors' file {file.path} is about the log {file.log}, not {reader.log}")
    checkpoints = Checkpoints(reader.connection, reader.log)
    outside = gather(file, checkpoints, kept=() if kept is None else (kept,))
    return replace(outside, continued=continuations_of(reader)[1])


def _by_night(reader: LogReader, outside: Outside, memory: Memory | None, *, within: int, whole: Whole) -> Night:
    """One night's run."""
    with LateProgress("verifying") as progress:
        return verify_nightly(reader, memory, outside=outside, whole=whole, within=within, progress=progress)


def _write_proof(report: Report, path: Path) -> None:
    """Writes the proof of a fork, where there is one, into a new file."""
    proof = fork_file(report)
    if proof is None:
        return
    try:
        write_new(path, proof, mode=0o644)
    except OSError as error:
        raise ConfigurationError(f"the proof of the fork can't be written to {path} ({error.strerror})") from error
    warn(f"the proof of the fork is in {path}: hand it to whoever has the log's key")


def _print(night: Night, *, expect: Head | None) -> None:
    """What a run came to, and below it what was read again."""
    out = console()
    print_report(out, night.new, expect=expect)
    if night.again is not None:
        out.print(Text("\nRead again, as a part of it is every night:", "dim"))
        print_report(out, night.again, expect=None)


def _print_as_json(night: Night, *, expect: Head | None, seq: int | None) -> None:
    """One object: what is new, or the whole log, with what was read again beside it."""
    again = night.again
    print_json(
        {
            **report_as_json(night.new, expect=expect),
            "verdict": night.verdict,
            "exit_code": night.exit_code,
            "again": None if again is None else report_as_json(again, expect=None),
            "recorded_seq": seq,
        }
    )


def _record(reader: LogReader, night: Night, *, run: str) -> int | None:
    """Puts a run on record as one entry; its number. A log that takes no entries keeps nobody from the verdict."""
    try:
        return Checkpoints(reader.connection, reader.log).record_verification(_summary(night, run))
    except (UnavailableError, AccessDeniedError) as error:
        warn(f"the run could not be put on record: {error}")
        return None


def _summary(night: Night, run: str) -> dict[str, str | int | bool]:
    new, again = night.new, night.again
    told: dict[str, str | int | bool | None] = {
        "run": run,
        "verdict": night.verdict,
        "exit_code": night.exit_code,
        "findings": night.findings_total,
        "first_finding": None if not new.findings else f"{new.findings[0].kind} at {new.findings[0].seq}",
        "scope": new.scope,
        "entries": new.entries,
        "head": str(new.head),
        "again": None if again is None else again.scope,
        "software": f"unbroken {unbroken.__version__}",
        **_anchoring(new),
    }
    return {key: value for key, value in told.items() if value is not None}


def _anchoring(report: Report) -> dict[str, str | int | bool | None]:
    against = report.against
    if against is None:
        return {}
    window = report.window
    return {
        "proven_to": 0 if against.newest is None else against.newest.size,
        "proven_root": None if against.newest is None else against.newest.root.hex(),
        "window": None if window is None else f"{window[0]}-{window[1]}",
        "checkpoints_compared": against.compared,
        "anchors_reached": len(against.reached),
        "anchors_unreached": len(against.unreached),
    }
