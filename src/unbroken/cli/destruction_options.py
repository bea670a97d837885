"""Options of commands that destroy, or check what was destroyed: the ledger, the key that signs, keys believed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken.cli.target import is_conninfo
from unbroken.cli.trust import texts_of
from unbroken.core.note import SigningKey, VerifierKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError
from unbroken.files import beginning, is_mine_alone, is_plain

_MAX_KEY_BYTES: Final = 64 * 1024

LedgerOption = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        envvar="UNBROKEN_DESTRUCTION_LEDGER",
        metavar="FILE",
        help="The destruction ledger: a file outside the database and its backups.",
        show_default=False,
    ),
]
SignOption = Annotated[
    Path | None,
    typer.Option(
        "--sign",
        envvar="UNBROKEN_CERTIFICATE_KEY",
        metavar="FILE",
        help="The key that signs: made with `unbroken subject key`.",
        show_default=False,
    ),
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        envvar="UNBROKEN_CERTIFICATE_TRUST",
        metavar="VKEY",
        help="A verifier key whose signatures are believed, or a file with one in each line; may be repeated.",
        show_default=False,
    ),
]
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
BatchOption = Annotated[
    int, typer.Option("--batch", min=1, max=5000, metavar="N", help="Entries destroyed in one transaction.")
]


def ledger_of(store: str, path: Path | None) -> DestructionLedger:
    """The ledger that was named. Raises :class:`ConfigurationError` without one, and for one inside the store."""
    if path is None:
        raise ConfigurationError(
            "name the destruction ledger with --ledger (or UNBROKEN_DESTRUCTION_LEDGER): a file on another disk than "
            "the database's, that no restore of a backup brings back to what it was"
        )
    if not is_conninfo(store) and path.resolve().is_relative_to(Path(store).resolve()):
        raise ConfigurationError(
            f"the ledger {path} lies in the folder of the database itself: whoever restores that folder restores the "
            "ledger with it, and it would have forgotten the same. Put it elsewhere"
        )
    return DestructionLedger(path)


def signing_key_of(path: Path | None) -> SigningKey:
    """The key that signs. Raises :class:`ConfigurationError` without one, and for a file that others may read."""
    if path is None:
        raise ConfigurationError(
            "name the key that signs with --sign (or UNBROKEN_CERTIFICATE_KEY); one is made by `unbroken subject key "
            "FILE --name NAME`"
        )
    return SigningKey.from_text(_private_text(path))


def trusted_keys(given: Sequence[str] | None) -> list[VerifierKey]:
    """The verifier keys that were named, by themselves or in files."""
    return [VerifierKey.from_text(text) for text in texts_of(given)]


def _private_text(path: Path) -> str:
    try:
        status, content = beginning(path, _MAX_KEY_BYTES)
    except OSError as error:
        raise ConfigurationError(f"the signing key {path} can't be read ({error.strerror})") from error
    if not is_plain(status) or not is_mine_alone(status):
        raise ConfigurationError(
            f"the signing key {path} must be a plain file of the user that reads it, and nobody else may: chmod 0600"
        )
    return content.decode("utf-8", "replace")
