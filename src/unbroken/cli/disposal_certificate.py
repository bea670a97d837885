"""``unbroken disposal certificate``, ``check-certificate``: what was signed about a disposal, and whether it holds."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

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
from unbroken.cli.disposal_evidence import evidence_in_ledger, evidence_in_log
from unbroken.cli.printing import columns, console, counted, print_json
from unbroken.cli.subject_view import print_section
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError, NoteError
from unbroken.retention.certificate import Certificate, UnderPolicy
from unbroken.retention.certified import CertificateNote, certificate_of, certificates_in

_RUNS: Final = 10
InLogOption = Annotated[
    bool, typer.Option("--in-log", help="Also hold it against the log: its entries, and who agreed to it.")
]


def certificate(
    disposal: Annotated[str, typer.Argument(metavar="DISPOSAL", help="The disposal's id, as listed.")],
    ledger: LedgerOption = None,
    trust: TrustOption = None,
    sign: SignOption = None,
    note: Annotated[bool, typer.Option("--note", help="Print the signed note and nothing else: to hand it over.")] = (
        False
    ),
    in_log: InLogOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show the certificate of a disposal, as the ledger has it.

    What went under which policies, on whose word, what was kept, that holds
    were asked for and that it is gone: as it was signed, out of a file and
    without the database. --note prints the note itself; whoever has that and
    the verifier key needs neither ledger nor database to check it.

    \b
    With --in-log it takes a login with the duty verifier.
    Exit codes: 0 it holds, 1 it does not, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal certificate 0d15c6f2-… --ledger ledger.jsonl \\
        --trust clinic.example/disposal+1a2b3c4d+Ae…
      unbroken disposal certificate 0d15c6f2-… --note > certificate.txt
      unbroken disposal certificate 0d15c6f2-… --in-log --json
    """
    if ledger is None:
        raise ConfigurationError("name the destruction ledger with --ledger (or UNBROKEN_DESTRUCTION_LEDGER)")
    trusted, kept = believed(trust, sign), DestructionLedger(ledger)
    document = _in_ledger(kept, _id(disposal), trusted)
    if note:
        typer.echo(document.note, nl=False)
        return
    _show(document, trusted, kept=kept, in_log=(store, log) if in_log else None, as_json=json)


def check_certificate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate.")],
    trust: TrustOption = None,
    sign: SignOption = None,
    ledger: LedgerOption = None,
    in_log: InLogOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Check a certificate of disposal, and say in words what it states.

    Checks that a trusted key signed exactly this text. With --ledger also
    that it stands there; with --in-log that the log's own entries say the
    same. Without --in-log nothing is connected to.

    \b
    With --in-log it takes a login with the duty verifier.
    Exit codes: 0 it holds, 1 it does not, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal check-certificate certificate.txt \\
        --trust clinic.example/disposal+1a2b3c4d+Ae…
      unbroken disposal check-certificate certificate.txt \\
        --trust disposal.vkey --in-log --json
    """
    trusted = believed(trust, sign)
    try:
        document = certificate_of(note_in(file), trusted)
    except NoteError as error:
        print_refusal(f"this is no certificate to rely on: {error}", as_json=json)
        raise typer.Exit(1) from error
    kept = None if ledger is None else DestructionLedger(ledger)
    _show(document, trusted, kept=kept, in_log=(store, log) if in_log else None, as_json=json)


def _id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ConfigurationError(f"{text} is no disposal's id: `unbroken disposal list` shows what there is") from None


def _in_ledger(ledger: DestructionLedger, disposal: str, trusted: Sequence[VerifierKey]) -> CertificateNote:
    """The last certificate of a disposal; raises :class:`ConfigurationError` where the ledger holds none."""
    if not ledger.exists():
        raise ConfigurationError(f"there is no destruction ledger {ledger.path}")
    found = [each for each in certificates_in(ledger.notes(), trusted) if each.certificate.disposal == disposal]
    if not found:
        raise ConfigurationError(
            f"the ledger {ledger.path} holds no certificate of the disposal {disposal}: one that is not done has none "
            "yet; `unbroken disposal list` says how far it is"
        )
    return found[-1]


def _show(
    document: CertificateNote,
    trusted: Sequence[VerifierKey],
    *,
    kept: DestructionLedger | None,
    in_log: tuple[str, str | None] | None,
    as_json: bool,
) -> None:
    """Prints what it says and what was checked, and exits as that came out."""
    evidence = [signature_of(document.note, trusted), _agreed(document.certificate)]
    if kept is not None:
        evidence += evidence_in_ledger(document, kept, trusted)
    if in_log is not None:
        evidence += evidence_in_log(document, *in_log)
    if as_json:
        print_json(checked_as_json(msgspec.to_builtins(document.certificate), evidence))
    else:
        _print(document.certificate, evidence)
    raise typer.Exit(0 if all(each.holds for each in evidence) else 1)


def _agreed(shown: Certificate) -> Evidence:
    if not shown.is_agreed:
        return Evidence("two people", False, "does NOT name two people who agreed to it")
    words = (
        "reviewed and approved by two, with a login each"
        if shown.reviewed
        else "approved of in advance, which takes two"
    )
    return Evidence("two people", True, words)


def _print(shown: Certificate, evidence: list[Evidence]) -> None:
    console().print(columns(list(_facts(shown))))
    print_section("Under these policies", ((each.id, _policy(each)) for each in shown.policies))
    counts = shown.counts
    amounts = {"payloads": counts.payloads, "originals": counts.originals, "keys": counts.keys}
    rows = ((counted(number, kind.removesuffix("s")), shown.methods.get(kind, "")) for kind, number in amounts.items())
    print_section("Destroyed", rows)
    print_section("Gone", [(shown.gone.at, _gone(shown))])
    print_section("Legal holds", [("asked for", f"{shown.hold_check.how}; {_between(shown)}")])
    kept = (counted(counts.kept, "candidate"), "listed in the same entries")
    print_section("Kept", [kept, *_decisions(shown), *shown.kept.items()])
    print_section(
        "Not spoken for", [("until when", backups_in_words(shown.backups_expire)), *shown.not_covered.items()]
    )
    print_evidence(
        evidence, not_checked=("the chain", "that these entries are the log's, and nothing is back: unbroken verify")
    )


def _facts(shown: Certificate) -> Iterator[tuple[str, str]]:
    candidates = shown.candidates
    yield "disposal", shown.disposal
    yield "log", shown.log
    yield "candidates", f"{counted(candidates.entries, 'entry')} up to entry {candidates.upto:,}"
    yield "agreed to as", f"sha256 {candidates.sha256}"
    yield "listed in", f"{'entry' if len(shown.entries) == 1 else 'entries'} {_listed(shown.entries)}"
    yield "proposed by", act_in_words(shown.proposed)
    if shown.reviewed is None:
        yield "reviewed by", f"nobody: approved of in advance, {', '.join(shown.standing)}"
    else:
        yield "reviewed by", act_in_words(shown.reviewed)
    yield "approved by", act_in_words(shown.approved)
    yield "begun by", act_in_words(shown.begun)
    yield "finished", f"{shown.finished.by}, {shown.finished.at}"
    yield "policies", f"version {shown.policy_set.version} of the log's, sha256 {shown.policy_set.sha256}"
    yield "log's end then", shown.head


def _listed(entries: Sequence[int]) -> str:
    """Numbers as runs, in few words where there are thousands of batches."""
    runs: list[list[int]] = []
    for seq in entries:
        if runs and seq == runs[-1][1] + 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    shown = [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in runs[:_RUNS]]
    return ", ".join([*shown, *(["and more: --json"] if len(runs) > _RUNS else [])]) or "none: all were kept"


def _policy(under: UnderPolicy) -> str:
    start = "" if under.start == "record" else f" after {under.start}"
    periods = [
        *([] if under.floor is None else [f"kept for at least {under.floor}{start}"]),
        *([] if under.ceiling is None else [f"at most {under.ceiling}{start}"]),
    ]
    verify = " (verify)" if under.verify else ""
    alone = f"{under.parts[0]} " if len(under.parts) == 1 else ""
    return (
        f"{under.title}: {alone}{', '.join(periods)}. {under.citation}{verify}; "
        f"{under.basis}, version {under.version}; {counted(under.entries, 'candidate')}"
    )


def _gone(shown: Certificate) -> str:
    gone = shown.gone
    ways = {"dropped": gone.dropped, "written anew": gone.rewritten, "vacuumed": gone.vacuumed}
    told = ", ".join(f"{counted(number, 'partition')} {way}" for way, number in ways.items() if number)
    return f"{told or 'nothing was to go'}; no snapshot is left that shows it"


def _between(shown: Certificate) -> str:
    return f"from {shown.hold_check.since} to {shown.hold_check.until}"


def _decisions(shown: Certificate) -> Iterator[tuple[str, str]]:
    for each in shown.decisions:
        what = "extended" if each.decision == "extend" else "counted to other domains"
        yield what, f"by {each.by}, {each.at}: entry {each.entry:,} says which and why"
