"""``unbroken subject check-certificate``: what a certificate says, and whether it is one."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from unbroken.cli.destruction_options import LedgerOption, SignOption, TrustOption, signing_key_of, trusted_keys
from unbroken.cli.printing import columns, console, counted, print_json
from unbroken.cli.subject_evidence import Evidence, evidence_in_ledger, evidence_in_log
from unbroken.cli.subject_view import print_section
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.core.note import MAX_NOTE_BYTES, VerifierKey, verified
from unbroken.destruction.document import Act
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError, NoteError
from unbroken.investigate.printable import printable
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
    trusted = _trusted(trust, sign)
    document = _document(file, trusted)
    if isinstance(document, str):
        _print_refusal(document, as_json=json)
        raise typer.Exit(1)
    evidence = [Evidence("signature", True, f"signed by {_signers(document, trusted)}, and unchanged since")]
    if ledger is not None:
        evidence += evidence_in_ledger(document, DestructionLedger(ledger), trusted)
    if in_log:
        evidence += evidence_in_log(document, store, log)
    holds = all(each.holds for each in evidence)
    if json:
        print_json(_as_json(document.certificate, evidence, holds=holds))
    else:
        _print(document.certificate, evidence, holds=holds)
    raise typer.Exit(0 if holds else 1)


def _trusted(trust: list[str] | None, sign: Path | None) -> list[VerifierKey]:
    keys = trusted_keys(trust)
    if not keys and sign is not None:
        keys = [signing_key_of(sign).verifier]
    if not keys:
        raise ConfigurationError(
            "say with --trust (or UNBROKEN_CERTIFICATE_TRUST) whose signature is believed: the verifier key that "
            "`unbroken subject key` printed, as you got it from whoever made it and not with the certificate"
        )
    return keys


def _document(file: Path, trusted: list[VerifierKey]) -> CertificateNote | str:
    """The certificate, or why it is none to rely on."""
    try:
        document = document_of(_content(file).decode("utf-8", "strict"), trusted)
    except UnicodeDecodeError:
        return "this is no certificate: it is no text in UTF-8"
    except NoteError as error:
        return f"this is no certificate to rely on: {error}"
    if isinstance(document, OrderNote):
        return "this is an order to erase, and no certificate that it was carried out"
    return document


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read ({error.strerror})") from error


def _signers(document: CertificateNote, trusted: list[VerifierKey]) -> str:
    return ", ".join(key.name for key in verified(document.note, trusted)[1])


def _print_refusal(text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"holds": False, "certificate": None, "evidence": [], "because": text})
    else:
        typer.echo(printable(text[0].upper() + text[1:]))


def _print(certificate: Certificate, evidence: list[Evidence], *, holds: bool) -> None:
    out, gone = console(), certificate.counts
    facts = [
        ("erasure", certificate.erasure),
        ("log", certificate.log),
        ("case", certificate.case),
        ("person", _person(certificate)),
        ("asked by", _act(certificate.requested)),
        ("confirmed by", _act(certificate.confirmed)),
        ("begun by", _act(certificate.begun)),
        ("finished", f"{certificate.finished.by}, {certificate.finished.at}"),
        ("basis", _basis(certificate)),
        ("entries", f"all up to {certificate.upto_at}; what they did to others {_acted(certificate)}"),
        ("log's end then", certificate.head),
    ]
    out.print(columns(facts))
    amounts = {"payloads": gone.payloads, "originals": gone.originals, "keys": gone.keys, "names": gone.names}
    how = certificate.methods
    rows = ((counted(number, kind.removesuffix("s")), how.get(kind, "")) for kind, number in amounts.items())
    print_section("Destroyed", rows)
    print_section("Checked afterwards", [(certificate.left.checked_at, _left(certificate))])
    print_section("Kept, and on which ground", certificate.kept.items())
    print_section("Not spoken for", [("until when", _backups(certificate)), *certificate.not_covered.items()])
    print_section("Evidence", ((each.what, each.words) for each in evidence))
    print_section(
        "Not checked here", [("the chain", "that these entries are the log's, and nothing is back: unbroken verify")]
    )
    verdict = "The certificate holds." if holds else "THE CERTIFICATE DOES NOT HOLD."
    out.print(Text(verdict, "bold green" if holds else "bold red"))


def _left(certificate: Certificate) -> str:
    left = certificate.left
    return (
        f"{left.payloads} payloads, {left.originals} originals, {left.keys} keys, {left.names} names of it were left; "
        f"{counted(left.recorded_since, 'payload')} about the same ids came later, of which this says nothing"
    )


def _person(certificate: Certificate) -> str:
    others = [f"and {counted(certificate.other_ids, 'opaque id')}, named in the order"] if certificate.other_ids else []
    return "\n".join([*certificate.pseudonyms, *others])


def _act(act: Act) -> str:
    return f"{act.by}, {act.at}, entry {act.entry:,}"


def _basis(certificate: Certificate) -> str:
    if certificate.basis == "two people":
        return "two people, each with a login of their own"
    return "the ledger: carried out again after a restore had brought it back"


def _acted(certificate: Certificate) -> str:
    return "destroyed as well" if certificate.with_acted else "kept"


def _backups(certificate: Certificate) -> str:
    if certificate.backups_expire is None:
        return "whoever carried it out stated that there are no backups"
    return f"backups may hold all of it until {certificate.backups_expire}"


def _as_json(certificate: Certificate, evidence: list[Evidence], *, holds: bool) -> dict[str, Any]:
    return {
        "holds": holds,
        "certificate": msgspec.to_builtins(certificate),
        "evidence": [{"what": each.what, "holds": each.holds, "words": each.words} for each in evidence],
    }
