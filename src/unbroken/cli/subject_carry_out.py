"""``unbroken subject carry-out``: destroying what two people agreed on, to the certificate."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed
from unbroken.cli.ending import ending_in_order
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import counted, print_json
from unbroken.cli.subject_decide import erasure_in, open_door
from unbroken.cli.subject_options import (
    BatchOption,
    ErasureArgument,
    LedgerOption,
    SignOption,
    TrustOption,
    command,
    erasure_id,
    ledger_of,
    signing_key_of,
    trusted_keys,
)
from unbroken.cli.subject_view import erasure_as_json, print_next, print_plan, print_request
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.core.entry import Head
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.privacy.erasure.beginning import Beginning
from unbroken.privacy.erasure.certificate import Certificate
from unbroken.privacy.erasure.ending import BATCH, Ending
from unbroken.privacy.erasure.records import CertificateNote
from unbroken.privacy.erasure.signing import Signing
from unbroken.privacy.erasure.writing import Looked, Now
from unbroken.store.erasures import Erasure, Erasures
from unbroken.store.log_reader import LogReader

TO_CHECK: Final = "to check that an erasure left nothing"
"""What the log is read for at the end, as it records it."""

BackupsOption = Annotated[
    int | None,
    typer.Option(
        "--backups-kept",
        min=0,
        max=36_500,
        metavar="DAYS",
        help="For how many days backups, archived WAL included, are kept; 0: there are none. The certificate says it.",
        show_default=False,
    ),
]


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
        run = _Run(reader, Erasures(reader), signing, store)
        row = erasure_in(run.door, erasure_id(erasure))
        run.check_state(row)
        if not new_ledger:
            run.check_ledger(row)
        if row.state == "done":
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
        _print_end(row, done.certificate, signing, file, store=store, log=run.door.log)


@dataclass(frozen=True)
class _Run:
    """One run of the command."""

    reader: LogReader
    door: Erasures
    signing: Signing
    store: str

    @property
    def ending(self) -> Ending:
        return Ending(self.door, self.signing, self._look)

    def check_state(self, row: Erasure) -> None:
        """Raises :class:`ConfigurationError` for an erasure that can't be carried out, and says what it takes."""
        what = {
            "asked": "it waits for a second person: "
            + command(self.store, self.door.log, "subject", "confirm", row.erasure),
            "withdrawn": "it was withdrawn",
            "expired": "nobody confirmed it, or carried it out, in time: ask for it anew",
        }.get(row.state)
        if what is not None:
            raise ConfigurationError(f"this erasure can't be carried out: {what}. Nothing was destroyed")

    def check_ledger(self, row: Erasure) -> None:
        """Raises :class:`ConfigurationError` where the ledger lacks what this log's erasures began with."""
        records = self.signing.records()
        begun = [each for each in self.door.all() if each.order_sha256 is not None]
        lacking = [each for each in begun if records.order(each.order_sha256 or "") is None]
        if not lacking:
            return
        if row.erasure in {each.erasure for each in lacking}:
            self.ending.order_of(row)
        raise ConfigurationError(
            f"the ledger {self.signing.ledger.path} lacks the orders of {counted(len(lacking), 'erasure')} of this "
            f"log, such as {lacking[0].erasure}: it is another one, or was cut. Name the right one; where it is lost, "
            "--new-ledger begins another, and whatever is left of the old one has to be kept for `unbroken recover`. "
            "Nothing was destroyed"
        )

    def agreed(self, row: Erasure, *, yes: bool, quiet: bool) -> bool:
        """Shows what will be destroyed, and whether whoever runs this says yes."""
        found = self.door.prepare(row.erasure)
        if not quiet:
            print_request(row, log=self.door.log)
            print_plan(found, log=self.door.log, with_acted=row.with_acted)
        new = "" if self.signing.ledger.exists() else f" The ledger {self.signing.ledger.path} is new."
        return agreed(f"Destroy this for good?{new}", yes=yes)

    def to_the_end(self, row: Erasure, *, limit: int) -> CertificateNote:
        """Begins, or goes on, and finishes."""
        if row.begun_seq is None:
            order = Beginning(self.door, self.signing, self._now).begin(row)
        else:
            order = self.ending.order_of(row)
        with LateProgress("erasing") as progress:
            self.ending.destroy(row.erasure, of=order.order.counts.payloads, limit=limit, progress=progress)
        return self.ending.finish(row.erasure, order)

    def _now(self) -> Now:
        stated = self.reader.stated_head()
        if stated is None:
            raise ConfigurationError("the log is empty")
        return Now(self.door.log, _text(stated.head), stated.now, self.door.login())

    def _look(self, row: Erasure) -> Looked:
        """What there is of the person now, under a ticket of its own."""
        scope = {"what": "subject carry-out", "erasure": row.erasure}
        ticket = self.reader.open_ticket(purpose=TO_CHECK, case=row.case or "erasure", scope=scope)
        outcome, seen = "failed", hashlib.sha256()
        told = []
        try:
            person = self.door.find_person(ticket, row.subjects, with_acted=row.with_acted)
            told = self.door.told_since(row.begun_seq or 0)
            for each in told:
                seen.update(each.hash)
            outcome = "complete"
        finally:
            self.reader.close_ticket(ticket, outcome=outcome, count=len(told), digest=seen.hexdigest())
        return Looked(self._now(), person, told)


def _text(head: Head) -> str:
    return f"{head.seq}:{head.hash}"


def _beside(ledger: Path, erasure: str) -> Path:
    return ledger.parent / f"certificate-{erasure}.txt"


def _write(file: Path, certificate: CertificateNote) -> Path:
    """Writes the certificate; one that is there already is left where it says the same."""
    content = certificate.note.encode()
    try:
        if file.exists() and file.read_bytes() == content:
            return file
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise ConfigurationError(
            f"the erasure is done and its certificate is in the ledger, but it could not be written to {file} "
            f"({error.strerror}): run the same command again with --certificate FILE"
        ) from error
    return file


def _print_end(row: Erasure, certificate: Certificate, signing: Signing, file: Path, *, store: str, log: str) -> None:
    gone = certificate.counts
    amounts = (
        f"{counted(gone.payloads, 'payload')}, {counted(gone.originals, 'original')}, {counted(gone.keys, 'key')} and "
        f"{counted(gone.names, 'name')}"
    )
    typer.echo(f"Destroyed: {amounts}. Asked once more, the log has nothing of it left.")
    typer.echo(
        printable(
            f"Certificate: {file}, signed by {signing.key.name}, line {certificate.line.n} of {signing.ledger.path}, "
            f"entry {row.done_seq:,} of the log."
        )
    )
    print_next(list(_next_steps(certificate, store=store, log=log)))


def _next_steps(certificate: Certificate, *, store: str, log: str) -> list[str]:
    steps = []
    if certificate.left.recorded_since:
        steps.append(
            f"You: {counted(certificate.left.recorded_since, 'payload')} about the same ids came after "
            f"{certificate.upto_at}. They are not part of this; ask for another erasure if they have to go."
        )
    steps.append(
        "Whoever administers the database: `unbroken db vacuum`, so that the bytes leave its files too, and a look at "
        "WAL archives and replicas."
    )
    if certificate.backups_expire is not None:
        steps.append(
            f"Whoever keeps backups: delete those from before today by {certificate.backups_expire[:10]}. After a "
            "restore of one of them: `unbroken recover`, before anybody reads."
        )
    steps.append(
        "You: keep a copy of the ledger on another machine, answer the person within the month (GDPR Art. 12(3); "
        "verify), and tell those to whom their data was disclosed (Art. 19; verify)."
    )
    check = command(store, log, "subject", "check-certificate", "FILE", "--trust", "VKEY")
    steps.append(f"Whoever audits: {check}")
    return steps
