"""What the commands on the vault have in common: the key-encryption keys, and the door that they go through."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.cli.denials import denials_told
from unbroken.cli.target import conninfo_of, is_conninfo
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.privacy.vault.kek import FORMS, Place, encryptions_at, place_of
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.store.connection import NOT_LET_IN
from unbroken.store.log_reader import LogReader
from unbroken.store.vault import KeyCount, VaultDoor

DUTY: Final = "dpo"
"""Who opens, fills and wraps anew."""

KekOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kek",
        envvar="UNBROKEN_VAULT_KEK",
        metavar="SPEC",
        help=f"Where a key-encryption key is: {FORMS}. May be repeated: the last one wraps. A folder has its own.",
        show_default=False,
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]


@contextmanager
def open_vault(
    store: str, log: str | None, *, what: str, duties: str = DUTY, changes: bool = True
) -> Iterator[VaultDoor]:
    """The door of a log's vault, with the login in the connection string or the folder's own dpo login.

    Raises :class:`AccessDeniedError` saying which ``duties`` may do ``what``.
    """
    with (
        conninfo_of(store, login=wiring.DPO) as conninfo,
        older_folder_told(store),
        denials_told(what, duties=duties),
        LogReader(conninfo, log, writes=changes) as reader,
    ):
        yield VaultDoor(reader)


@contextmanager
def older_folder_told(store: str, *, login: str = wiring.DPO) -> Iterator[None]:
    """Says what to do where a folder of an earlier release has not this login yet."""
    try:
        yield
    except AccessDeniedError as error:
        if is_conninfo(store) or str(error) != NOT_LET_IN:
            raise
        raise AccessDeniedError(
            f"{error}: a folder of an earlier release gets the login {login} by `unbroken init --store {store}`"
        ) from error


def places_of(store: str, kek: Sequence[str] | None) -> list[Place]:
    """Where key-encryption keys are, as was said, or in a folder its own file; none where nobody said."""
    own = folder_file(store)
    return [place_of(spec) for spec in kek or ()] or ([] if own is None else [Place("file", str(own))])


def encryptions_of(store: str, kek: Sequence[str] | None) -> KeyEncryptions:
    """The key-encryption keys to open with; raises :class:`ConfigurationError` saying what is missing."""
    places = places_of(store, kek)
    if not places:
        raise ConfigurationError(f"name the key-encryption key with --kek (or UNBROKEN_VAULT_KEK): {FORMS}")
    own = folder_file(store)
    if not kek and own is not None and not own.exists():
        raise ConfigurationError(
            f"there is no file {own} of key-encryption keys: `unbroken vault refill` makes the first one; if there was "
            "one, bring it back from where you keep its copy, or name where it is with --kek"
        )
    return encryptions_at(places)


def folder_file(store: str) -> Path | None:
    """The file of key-encryption keys of an embedded folder; ``None`` for a server."""
    return None if is_conninfo(store) else Path(store) / wiring.VAULT_KEYS


def wrapping_ids(counts: Iterable[KeyCount]) -> list[str]:
    """The key-encryption keys that something in the vault is wrapped by."""
    return [each.wrapped_by for each in counts if each.wrapped_by is not None]


def not_at_hand(counts: Iterable[KeyCount], keys: KeyEncryptions) -> list[str]:
    """Of those the ones that are not among ``keys``."""
    return [key_id for key_id in wrapping_ids(counts) if key_id not in keys.ids]
