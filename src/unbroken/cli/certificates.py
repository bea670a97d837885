"""What the commands that check certificates have in common: whose signature is believed, and what to say of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from unbroken.cli.destruction_options import signing_key_of, trusted_keys
from unbroken.cli.printing import console, print_json
from unbroken.cli.subject_view import print_section
from unbroken.core.note import MAX_NOTE_BYTES, VerifierKey, verified
from unbroken.destruction.document import Act
from unbroken.errors import ConfigurationError, NoteError
from unbroken.investigate.printable import printable


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was checked, whether it holds, and what to say of it."""

    what: str
    holds: bool
    words: str


def believed(trust: list[str] | None, sign: Path | None) -> list[VerifierKey]:
    """The keys whose signatures are believed; raises :class:`ConfigurationError` without any."""
    keys = trusted_keys(trust)
    if not keys and sign is not None:
        keys = [signing_key_of(sign).verifier]
    if not keys:
        raise ConfigurationError(
            "say with --trust (or UNBROKEN_CERTIFICATE_TRUST) whose signature is believed: the verifier key that "
            "`unbroken subject key` printed, as you got it from whoever made it and not with the certificate"
        )
    return keys


def note_in(file: Path) -> str:
    """What a file holds as text; raises :class:`NoteError` where it is none."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_NOTE_BYTES + 1).decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise NoteError("it is no text in UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read ({error.strerror})") from error


def signature_of(note: str, trusted: Sequence[VerifierKey]) -> Evidence:
    """Who of those that are believed has signed a note that was verified."""
    signers = ", ".join(key.name for key in verified(note, trusted)[1])
    return Evidence("signature", True, f"signed by {signers}, and unchanged since")


def print_refusal(text: str, *, as_json: bool) -> None:
    """Why something is no certificate to rely on."""
    if as_json:
        print_json({"holds": False, "certificate": None, "evidence": [], "because": text})
    else:
        typer.echo(printable(text[0].upper() + text[1:]))


def print_evidence(evidence: Sequence[Evidence], *, not_checked: tuple[str, str]) -> None:
    """What was checked, what was not, and whether the certificate holds."""
    print_section("Evidence", ((each.what, each.words) for each in evidence))
    print_section("Not checked here", [not_checked])
    holds = all(each.holds for each in evidence)
    verdict = "The certificate holds." if holds else "THE CERTIFICATE DOES NOT HOLD."
    console().print(Text(verdict, "bold green" if holds else "bold red"))


def checked_as_json(certificate: Any, evidence: Sequence[Evidence]) -> dict[str, Any]:
    """A certificate, as it was signed, and what was checked."""
    return {
        "holds": all(each.holds for each in evidence),
        "certificate": certificate,
        "evidence": [{"what": each.what, "holds": each.holds, "words": each.words} for each in evidence],
    }


def act_in_words(act: Act) -> str:
    """Who did it, when, and the entry that says so."""
    return f"{act.by}, {act.at}, entry {act.entry:,}"


def backups_in_words(expire: str | None) -> str:
    """Until when backups may hold what was destroyed."""
    if expire is None:
        return "whoever carried it out stated that there are no backups"
    return f"backups may hold all of it until {expire}"
