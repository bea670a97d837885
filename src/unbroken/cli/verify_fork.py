"""``unbroken verify --fork``: does this file prove that two histories of a log were signed?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import typer

from unbroken.cli.printing import print_json
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError, NoteError, ProofError
from unbroken.investigate.printable import printable
from unbroken.verify.fork import MAX_PROOF_BYTES, ForkProof

PROVEN: Final = 0
NOT_PROVEN: Final = 1


def _require_about(proof: ForkProof, log: str | None) -> None:
    if log is not None and log not in (proof.log, proof.log.partition("~")[0]):
        raise ProofError(f"this is about the log {proof.log}, not {log}")


def verify_fork(path: Path, keys: Sequence[VerifierKey], *, log: str | None, as_json: bool) -> NoReturn:
    """Tells whether a file proves that two histories of a log were signed, and ends with the exit code for it."""
    if not keys:
        raise typer.BadParameter("name with --trust whose signatures are believed: the log's checkpoint key")
    try:
        with path.open("rb") as file:
            proof = ForkProof.from_bytes(file.read(MAX_PROOF_BYTES + 1))
        _require_about(proof, log)
        smaller, larger = proof.verified(KeyHistory.of((), keys, proof.log))
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
