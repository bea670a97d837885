"""``unbroken verify --anchors``: the log against what is kept of it elsewhere; night by night, and on record."""

from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from rich.text import Text

import unbroken
from unbroken.anchors.configuration import AnchorsFile
from unbroken.cli.against_view import fork_file
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.outside_checkpoints import gather
from unbroken.cli.printing import console, print_json, warn
from unbroken.cli.report_view import print_report, report_as_json
from unbroken.core.entry import Head
from unbroken.errors import ConfigurationError, NoteError, ProofError
from unbroken.files import write_new
from unbroken.investigate.printable import printable
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.log_reader import LogReader
from unbroken.verify.finding import Report
from unbroken.verify.fork import MAX_PROOF_BYTES, ForkProof
from unbroken.verify.nightly import Memory, Night, Whole, verify_nightly
from unbroken.verify.outside import Outside, Signers

PROVEN: Final = 0
NOT_PROVEN: Final = 1


def gathered(reader: LogReader, file: AnchorsFile, kept: str | None) -> Outside:
    """What is kept elsewhere of the reader's log; raises :class:`ConfigurationError` where the file is another's."""
    if reader.log.partition("~")[0] != file.log:
        raise ConfigurationError(f"the anchors' file {file.path} is about the log {file.log}, not {reader.log}")
    checkpoints = Checkpoints(reader.connection, reader.log)
    return gather(file, checkpoints, kept=() if kept is None else (kept,))


def by_night(reader: LogReader, outside: Outside, memory: Memory | None, *, within: int, whole: Whole) -> Night:
    """One night's run."""
    with LateProgress("verifying") as progress:
        return verify_nightly(reader, memory, outside=outside, whole=whole, within=within, progress=progress)


def write_proof(report: Report, path: Path) -> None:
    """Writes the proof of a fork, where there is one, into a new file."""
    proof = fork_file(report)
    if proof is None:
        return
    try:
        write_new(path, proof, mode=0o644)
    except OSError as error:
        raise ConfigurationError(f"the proof of the fork can't be written to {path} ({error.strerror})") from error
    warn(f"the proof of the fork is in {path}: hand it to whoever has the log's key")


def print_night(night: Night, *, expect: Head | None) -> None:
    """What a run came to, and below it what was read again."""
    out = console()
    print_report(out, night.new, expect=expect)
    if night.again is not None:
        out.print(Text("\nRead again, as a part of it is every night:", "dim"))
        print_report(out, night.again, expect=None)


def print_night_as_json(night: Night, *, expect: Head | None, seq: int | None) -> None:
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


def record_run(reader: LogReader, night: Night, *, run: str) -> int:
    """Puts a run on record as one entry; its number."""
    return Checkpoints(reader.connection, reader.log).record_verification(_summary(night, run))


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


def _require_about(proof: ForkProof, log: str | None) -> None:
    if log is not None and log not in (proof.log, proof.log.partition("~")[0]):
        raise ProofError(f"this is about the log {proof.log}, not {log}")


def verify_fork(path: Path, signers: Signers, *, log: str | None, as_json: bool) -> NoReturn:
    """Tells whether a file proves that two histories of a log were signed, and ends with the exit code for it."""
    try:
        with path.open("rb") as file:
            proof = ForkProof.from_bytes(file.read(MAX_PROOF_BYTES + 1))
        _require_about(proof, log)
        smaller, larger = proof.verified(signers)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read ({error.strerror})") from error
    except (NoteError, ProofError) as error:
        told: dict[str, Any] = {"verdict": "not proven", "exit_code": NOT_PROVEN, "why": str(error)}
        words = f"No fork is proven: {error}"
    else:
        told = {"verdict": "proven", "exit_code": PROVEN, "log": proof.log, "sizes": [smaller.size, larger.size]}
        words = (
            f"Proven: two histories of {proof.log} were signed. A checkpoint of {smaller.size:,} entries and one of "
            f"{larger.size:,} exclude each other."
        )
    if as_json:
        print_json(told)
    else:
        typer.echo(printable(words))
    raise typer.Exit(told["exit_code"])
