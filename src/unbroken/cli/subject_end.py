"""What is said when an erasure is done: what went, where the certificate is, and who has what to do now."""

from collections.abc import Iterator
from pathlib import Path

import typer

from unbroken.cli.kept_heads import name_of
from unbroken.cli.printing import counted
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.investigate.printable import printable
from unbroken.privacy.erasure.certificate import Certificate
from unbroken.privacy.erasure.signing import Signing
from unbroken.store.erasures import Erasure


def print_end(
    row: Erasure, certificate: Certificate, signing: Signing, *, file: Path, store: str, log: str, before: bool
) -> None:
    """Says it; ``before`` tells that an earlier run had done it."""
    gone = certificate.counts
    amounts = (
        f"{counted(gone.payloads, 'payload')}, {counted(gone.originals, 'original')}, {counted(gone.keys, 'key')} and "
        f"{counted(gone.names, 'name')}"
    )
    if before:
        typer.echo(f"It was done before, by {certificate.finished.by}: nothing more was destroyed.")
    typer.echo(f"Destroyed: {amounts}. Asked once more, the log had nothing of it left.")
    typer.echo(
        printable(
            f"Certificate: {file}, signed by {signing.key.name}, line {certificate.line.n} of {signing.ledger.path}, "
            f"entry {row.done_seq:,} of the log."
        )
    )
    print_next(_next_steps(certificate, store=store, log=log))


def _next_steps(certificate: Certificate, *, store: str, log: str) -> Iterator[tuple[str, str]]:
    if certificate.left.recorded_since:
        later = counted(certificate.left.recorded_since, "payload")
        words = f"You: {later} about the same ids came after {certificate.upto_at} and are not part of this."
        yield f"{words} Ask for another erasure if they have to go.", ""
    words = (
        "Whoever administers the database: have the bytes leave its files too, and see to WAL archives and replicas."
    )
    yield words, f"unbroken db vacuum --full --store {name_of(store)}"
    if certificate.backups_expire is not None:
        words = f"Whoever keeps backups: have those from before today gone by {certificate.backups_expire[:10]}."
        yield f"{words} After a restore of one: `unbroken recover`.", ""
    yield "You: keep a copy of the ledger on another machine.", ""
    yield "You: answer the person within a month of the request (GDPR Art. 12(3); verify).", ""
    yield "You: tell those to whom the data was disclosed (GDPR Art. 19; verify).", ""
    words = "Whoever audits it:"
    yield words, command(store, log, "subject", "check-certificate", "FILE", "--trust", "VKEY", "--in-log")
