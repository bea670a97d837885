"""``unbroken prove --check``: what a proof shows to whoever has it, the entry's line and a key, and no database."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import typer

from unbroken.cli.printing import counted, print_json, warn
from unbroken.cli.trust import Trusted
from unbroken.core import checkpoint as checkpoints
from unbroken.core.note import parse
from unbroken.core.proof import EntryProof
from unbroken.core.tree.hashing import leaf_hash
from unbroken.errors import ConfigurationError, NoteError, ProofError

PROVEN: Final = 0
REFUTED: Final = 1
ORIGIN_UNPROVEN: Final = 5
_MAX_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Shown:
    """What was found: ``signed_by`` is the believed key that signed the checkpoint."""

    verdict: str
    log: str
    seq: int
    size: int
    root: str
    signed_by: str | None


def check(path: Path, line: Path, *, believed: Trusted, log: str | None, as_json: bool) -> int:
    """Prints what the proof at ``path`` shows of the ``line``; the exit code.

    Raises :class:`ConfigurationError` for files that can't be read.
    """
    text, said = _read(path), _read(line)
    try:
        shown = _shown(EntryProof.parse(text.decode("utf-8", "replace")), said, believed=believed, log=log)
    except (ProofError, NoteError) as error:
        warn(f"{path} does not prove {line}: {error}")
        return REFUTED
    if as_json:
        print_json(asdict(shown))
    else:
        typer.echo(_words(shown))
    return PROVEN if shown.signed_by else ORIGIN_UNPROVEN


def _shown(proof: EntryProof, line: bytes, *, believed: Trusted, log: str | None) -> Shown:
    stated = proof.stated()
    if log is not None and log not in (stated.origin, stated.origin.partition("~")[0]):
        raise NoteError(f"it is of the log {stated.origin}, and not of {log}")
    proof.verify(leaf_hash(line), stated)
    # Only a key that put its name there can have signed: one that did and does not fit is no mere stranger.
    named = {(each.name, each.key_id) for each in parse(proof.note).signatures}
    keys = [key for key in believed.keys if (key.name, key.id) in named]
    signers = checkpoints.opened(proof.note, keys, origin=stated.origin)[1] if keys else ()
    signer = next((str(key) for key in signers), None)
    verdict = "proven" if signer else "origin unproven"
    return Shown(verdict, stated.origin, proof.index + 1, stated.size, stated.root.hex(), signer)


def _words(shown: Shown) -> str:
    place = f"entry {shown.seq:,} of {shown.log}, in a tree of {counted(shown.size, 'entry')}"
    if shown.signed_by:
        return f"Proven: this line is {place}, signed by {shown.signed_by}"
    return (
        f"Origin unproven: this line is {place}, but no key that is believed signed that tree."
        " Name the log's key, obtained elsewhere, with --trust"
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read ({error.strerror})") from error
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(f"{path} is longer than any proof or line is")
    return content
