"""``unbroken subject check-certificate``: what a certificate says, and whether it is one."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from unbroken.cli.certificates import (
    Evidence,
    act_in_words,
    backups_in_words,
    believed,
    checked_as_json,
    note_in,
    print_evidence,
    print_refusal,
    signature_of,
)
from unbroken.cli.destruction_options import LedgerOption, SignOption, TrustOption
from unbroken.cli.printing import columns, console, counted, print_json
from unbroken.cli.subject_evidence import evidence_in_ledger, evidence_in_log
from unbroken.cli.subject_view import print_section
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import NoteError
from unbroken.privacy.erasure.certificate import Certificate
from unbroken.privacy.erasure.records import CertificateNote, OrderNote, document_of


def check_certificate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate.")],
    trust: TrustOption = None,
    sign: SignOption = None,
    ledger: LedgerOption = None,
    in_log: Annotated[
        bool, typer.Option("--in-log", help="Also hold it against the log: its entries, and what is there now.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Check a certificate of erasure, and say in words what it states.

    Checks that a trusted key signed exactly this text. With --ledger also
    that it stands there with the order it answers; with --in-log that the
    log's own entries say the same. Without --in-log nothing is connected to.

    \b
    With --in-log it takes a login with the duty verifier.
    Exit codes: 0 it holds, 1 it does not, 2 wrong usage or no access.

    \b
    Examples:
      unbroken subject check-certificate certificate-0b51c6f2-….txt \\
        --trust clinic.example/erasure+1a2b3c4d+Ae…
      unbroken subject check-certificate c.txt --trust dpo.vkey --in-log --json
    """
    trusted = believed(trust, sign)
    document = _document(file, trusted)
    if isinstance(document, str):
        print_refusal(document, as_json=json)
        raise typer.Exit(1)
    evidence = [signature_of(document.note, trusted)]
    if ledger is not None:
        evidence += evidence_in_ledger(document, DestructionLedger(ledger), trusted)
    if in_log:
        evidence += evidence_in_log(document, store, log)
    if json:
        print_json(checked_as_json(msgspec.to_builtins(document.certificate), evidence))
    else:
        _print(document.certificate, evidence)
    raise typer.Exit(0 if all(each.holds for each in evidence) else 1)


def _document(file: Path, trusted: list[VerifierKey]) -> CertificateNote | str:
    """The certificate, or why it is none to rely on."""
    try:
        document = document_of(note_in(file), trusted)
    except NoteError as error:
        return f"this is no certificate to rely on: {error}"
    if isinstance(document, OrderNote):
        return "this is an order to erase, and no certificate that it was carried out"
    return document


def _print(certificate: Certificate, evidence: list[Evidence]) -> None:
    gone = certificate.counts
    facts = [
        ("erasure", certificate.erasure),
        ("log", certificate.log),
        ("case", certificate.case),
        ("person", _person(certificate)),
        ("asked by", act_in_words(certificate.requested)),
        ("confirmed by", act_in_words(certificate.confirmed)),
        ("begun by", act_in_words(certificate.begun)),
        ("finished", f"{certificate.finished.by}, {certificate.finished.at}"),
        ("basis", _basis(certificate)),
        ("entries", f"all up to {certificate.upto_at}; what they did to others {_acted(certificate)}"),
        ("kept by law", _floored(certificate)),
        ("log's end then", certificate.head),
    ]
    console().print(columns(facts))
    amounts = {"payloads": gone.payloads, "originals": gone.originals, "keys": gone.keys, "names": gone.names}
    how = certificate.methods
    rows = ((counted(number, kind.removesuffix("s")), how.get(kind, "")) for kind, number in amounts.items())
    print_section("Destroyed", rows)
    print_section("Checked afterwards", [(certificate.left.checked_at, _left(certificate))])
    print_section("Kept, and on which ground", certificate.kept.items())
    print_section(
        "Not spoken for",
        [("until when", backups_in_words(certificate.backups_expire)), *certificate.not_covered.items()],
    )
    print_evidence(
        evidence, not_checked=("the chain", "that these entries are the log's, and nothing is back: unbroken verify")
    )


def _left(certificate: Certificate) -> str:
    left = certificate.left
    return (
        f"{left.payloads} payloads, {left.originals} originals, {left.keys} keys, {left.names} names of it were left, "
        f"{left.held} of them kept by a legal hold; "
        f"{counted(left.recorded_since, 'payload')} about the same ids came later, of which this says nothing"
    )


def _floored(certificate: Certificate) -> str:
    despite = "; asked for and confirmed despite that" if certificate.despite_floors else ""
    return f"{counted(certificate.floored, 'entry')} of it, when it was ordered{despite}"


def _person(certificate: Certificate) -> str:
    others = [f"and {counted(certificate.other_ids, 'opaque id')}, named in the order"] if certificate.other_ids else []
    return "\n".join([*certificate.pseudonyms, *others])


def _basis(certificate: Certificate) -> str:
    if certificate.basis == "two people":
        return "two people, each with a login of their own"
    return "the ledger: carried out again after a restore had brought it back"


def _acted(certificate: Certificate) -> str:
    return "destroyed as well" if certificate.with_acted else "kept"
