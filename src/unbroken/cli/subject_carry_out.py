"""``unbroken subject carry-out``: destroying what two people agreed on, to the certificate."""

from pathlib import Path
from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.destruction_options import (
    BackupsOption,
    BatchOption,
    LedgerOption,
    SignOption,
    TrustOption,
    ledger_of,
    signing_key_of,
    trusted_keys,
)
from unbroken.cli.ending import ending_in_order
from unbroken.cli.printing import print_json
from unbroken.cli.subject_decide import erasure_in, open_door
from unbroken.cli.subject_end import print_end
from unbroken.cli.subject_options import ErasureArgument, erasure_id
from unbroken.cli.subject_run import Run
from unbroken.cli.subject_view import erasure_as_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.files import create
from unbroken.privacy.erasure.ending import BATCH
from unbroken.privacy.erasure.records import CertificateNote
from unbroken.privacy.erasure.signing import Signing
from unbroken.store.erasures import Erasures


def carry_out(
    erasure: ErasureArgument,
    backups_kept: BackupsOption = None,
    sign: SignOption = None,
    ledger: LedgerOption = None,
    trust: TrustOption = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="Where to write the certificate.  [default: certificate-ERASURE.txt beside the ledger]",
        ),
    ] = None,
    new_ledger: Annotated[
        bool,
        typer.Option("--new-ledger", help="Go on with a ledger that lacks earlier erasures of this log: keep the old."),
    ] = False,
    batch: BatchOption = BATCH,
    yes: Annotated[bool, typer.Option("--yes", help="Destroy without being asked once more.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Carry a confirmed erasure out. It can't be taken back.

    Shows what will be destroyed, and asks. Then a signed order is written
    into the ledger, keys and names are destroyed, payloads and originals in
    batches, and the log is asked whether anything is left. The certificate
    goes into the ledger and into a file. Whoever is interrupted runs the same
    command again: it goes on where it stopped.

    \b
    Needs the duty dpo, a signing key and a ledger outside the database.
    Exit codes: 0 done, or left as it is; 2 wrong usage, no access, or
    something is left: no certificate is made then.

    \b
    Examples:
      unbroken subject carry-out 0b51c6f2-… --backups-kept 30 \\
        --sign dpo.key --ledger /mnt/safe/erasures.jsonl
      unbroken subject carry-out 0b51c6f2-… --backups-kept 0 --yes --json
    """
    if backups_kept is None:
        raise ConfigurationError(
            "say with --backups-kept for how many days backups are kept: until then they hold what is destroyed here, "
            "and the certificate says so; 0 where there are none"
        )
    signing = Signing(ledger_of(store, ledger), signing_key_of(sign), backups_kept, trusted_keys(trust))
    with ending_in_order(), open_door(store, log, login=wiring.DPO, duties="dpo") as reader:
        run = Run(reader, Erasures(reader), signing, store)
        row = erasure_in(run.door, erasure_id(erasure))
        run.check_state(row)
        if not new_ledger:
            run.check_ledger(row)
        before = row.state == "done"
        if before:
            done = run.ending.certificate_of(row)
        else:
            if row.state == "confirmed" and not run.agreed(row, yes=yes, quiet=json):
                typer.echo("Nothing was destroyed.")
                return
            done = run.to_the_end(row, limit=batch)
        row = erasure_in(run.door, row.erasure)
    file = _write(certificate or _beside(signing.ledger.path, row.erasure), done)
    if json:
        print_json({"log": run.door.log, "certificate": str(file), **erasure_as_json(row)})
    else:
        print_end(row, done.certificate, signing, file=file, store=store, log=run.door.log, before=before)


def _beside(ledger: Path, erasure: str) -> Path:
    return ledger.parent / f"certificate-{erasure}.txt"


def _write(file: Path, certificate: CertificateNote) -> Path:
    """Writes the certificate; one that is there already is left where it says the same."""
    content = certificate.note.encode()
    try:
        if file.exists() and file.read_bytes() == content:
            return file
        create(file, content)
    except OSError as error:
        raise ConfigurationError(
            f"the erasure is done and its certificate is in the ledger, but it could not be written to {file} "
            f"({error.strerror}): run the same command again with --certificate FILE"
        ) from error
    return file
