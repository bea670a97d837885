"""``unbroken prove``: that one entry is in the log, for somebody who is shown nothing else of it."""

import re
import uuid
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unbroken.cli.printing import counted, print_json, warn
from unbroken.cli.prove_check import check as checked
from unbroken.cli.reading import CaseOption, PurposeOption, open_read
from unbroken.cli.signed_heads import SignedHead, opened
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.cli.trust import Trusted, TrustOption, trusted
from unbroken.core.proof import EntryProof
from unbroken.core.tree.hashing import leaf_hash
from unbroken.errors import AccessDeniedError, ConfigurationError, NoteError, ProofError
from unbroken.files import exchange
from unbroken.store.checkpoints import Checkpoints

PROVEN: Final = 0
REFUTED: Final = 1
NOT_COVERED: Final = 3
_NUMBER: Final = re.compile("[1-9][0-9]{0,15}")


def prove(
    entry: Annotated[
        str | None, typer.Argument(metavar="[ENTRY]", help="The entry's number, or its id.", show_default=False)
    ] = None,
    line: Annotated[
        Path | None,
        typer.Option("--line", metavar="FILE", help="Also write the entry's line here, byte by byte what is proved."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="PROOF", help="Check this proof of the line in --line; no log is asked."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, metavar="N", help="The checkpoint of N entries.  [default: the newest]"),
    ] = None,
    trust: TrustOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Prove that one entry is in the log, without showing the others.

    Prints a proof in the format of C2SP tlog-proof: where the entry stands, a
    few hashes, and the signed checkpoint. Whoever has the entry's line, the
    log's name and its key checks it with this or any other program for this
    format, and needs neither the log nor its database.

    The proof is verified before it is printed. With --trust so is who signed
    the checkpoint; without, nobody vouches for it here, which is said.
    --check is for whoever was given a proof and a line.

    \b
    The proof alone shows nobody's content and takes any login that may know
    of the log; finding an id takes the duty verifier. --line is a read, which
    is recorded, and takes compliance, legal or dpo.
    Exit codes: 0 proven, 1 what is kept does not lead to what was signed, or
    by a key that is not believed, 2 wrong usage or no access, 3 no checkpoint
    covers the entry yet; with --check 5 origin unproven: it fits, but no key
    in --trust signed it.

    \b
    Examples:
      unbroken prove 1207 > entry-1207.tlog-proof
      unbroken prove 1207 --trust notary.vkey --line entry-1207.json
      unbroken prove 0198c1a2-7d1e-7c3a-9b1f-2f6d3a4b5c6d
      unbroken prove 1207 --size 2000 --json
      unbroken prove --check entry-1207.tlog-proof --line entry-1207.json \\
          --trust notary.vkey
    """
    believed = trusted(trust)
    if check is not None:
        if entry is not None or line is None:
            raise typer.BadParameter("--check takes a proof, with the line that it is about in --line, and no entry")
        raise typer.Exit(checked(check, line, believed=believed, log=log, as_json=json))
    if entry is None:
        raise typer.BadParameter("say which entry, by its number or its id", param_hint="ENTRY")
    with open_reader(store, log) as reader:
        checkpoints = Checkpoints(reader.connection, reader.log)
        seq = _number(entry, checkpoints)
        head = _head(checkpoints, seq, size=size, believed=believed)
        leaf, proof = _proven(checkpoints, seq, head)
    if line is not None:
        _write_line(line, store, checkpoints.log, seq, leaf=leaf, purpose=purpose, case=case)
    if json:
        print_json(_as_json(seq, leaf, proof, head))
    else:
        typer.echo(str(proof), nl=False)
    if not head.signers:
        warn("who signed the checkpoint was not verified: name the key that you believe with --trust")


def _number(entry: str, checkpoints: Checkpoints) -> int:
    if _NUMBER.fullmatch(entry):
        return int(entry)
    try:
        entry_id = str(uuid.UUID(entry))
    except ValueError:
        raise typer.BadParameter(f"{entry} is neither an entry's number nor its id", param_hint="ENTRY") from None
    try:
        seq = checkpoints.number_of(entry_id)
    except AccessDeniedError as error:
        raise AccessDeniedError("looking for an id takes the duty verifier: name the entry by its number") from error
    if seq is None:
        raise ConfigurationError(f"no entry of {checkpoints.log} has the id {entry_id}")
    return seq


def _head(checkpoints: Checkpoints, seq: int, *, size: int | None, believed: Trusted) -> SignedHead:
    stored = checkpoints.newest() if size is None else checkpoints.of_size(size)
    if stored is None or stored.size < seq:
        warn(_not_covered(seq, size, None if stored is None else stored.size))
        raise typer.Exit(NOT_COVERED)
    try:
        return opened(stored, checkpoints, believed)
    except NoteError as error:
        warn(f"the checkpoint of {counted(stored.size, 'entry')}: {error}")
        raise typer.Exit(REFUTED) from error


def _not_covered(seq: int, size: int | None, stored: int | None) -> str:
    if stored is None:
        return "there is no checkpoint yet" if size is None else f"there is no checkpoint of {counted(size, 'entry')}"
    if size is None:
        return f"entry {seq:,} is not covered yet: the newest checkpoint is of {counted(stored, 'entry')}"
    return f"entry {seq:,} is not among the {stored:,} of this checkpoint"


def _proven(checkpoints: Checkpoints, seq: int, head: SignedHead) -> tuple[bytes, EntryProof]:
    try:
        return checkpoints.tree.prove(seq, head.checkpoint, head.note)
    except ProofError as error:
        warn(f"entry {seq:,} can't be proved, as what is kept does not lead to the root that was signed: {error}")
        raise typer.Exit(REFUTED) from error


def _write_line(
    path: Path, store: str, log: str, seq: int, *, leaf: bytes, purpose: str | None, case: str | None
) -> None:
    scope = {"what": f"prove: the line of entry {seq}"}
    with open_read(store, log, scope=scope, purpose=purpose, case=case) as reading:
        found = reading.reader.entries_at([seq])
        if not found or leaf_hash(found[0].line) != leaf:
            warn(
                f"the line of entry {seq:,} is not what the tree has: it was changed, or is missing. Nothing is written"
            )
            raise typer.Exit(REFUTED)
        try:
            exchange(path, found[0].line)
        except OSError as error:
            raise ConfigurationError(f"{path} can't be written ({error.strerror})") from error
        reading.shown(found[0])


def _as_json(seq: int, leaf: bytes, proof: EntryProof, head: SignedHead) -> dict[str, Any]:
    return {
        "log": head.checkpoint.origin,
        "seq": seq,
        "index": proof.index,
        "leaf": leaf.hex(),
        "size": head.checkpoint.size,
        "root": head.checkpoint.root.hex(),
        "hashes": [each.hex() for each in proof.hashes],
        "checkpoint": head.note,
        "signed_by": [str(key) for key in head.signers],
        "proof": str(proof),
    }
