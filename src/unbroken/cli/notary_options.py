"""What the commands of a notary have in common: its folder, its key, and the door that they go through."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.cli.denials import denials_told
from unbroken.cli.target import conninfo_of, is_conninfo
from unbroken.cli.vault_store import older_folder_told
from unbroken.errors import ConfigurationError
from unbroken.notary.memory import NotaryFolder
from unbroken.notary.places import FORMS
from unbroken.store.checkpoints import Checkpoints

DUTY: Final = "notary"
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        envvar="UNBROKEN_NOTARY_STATE",
        metavar="DIR",
        help="The notary's folder: what it signed last. On another disk than the database's, in no backup.",
        show_default=False,
        file_okay=False,
    ),
]
SigningKeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="UNBROKEN_NOTARY_KEY",
        metavar="SPEC",
        help=f"Where the key is that signs: {FORMS}.",
        show_default=False,
    ),
]


def folder_of(store: str, state: Path | None, *, log: str) -> NotaryFolder:
    """The notary's folder. Raises :class:`ConfigurationError` without one, and for one inside the store."""
    if state is None:
        raise ConfigurationError(
            "name the notary's folder with --state (or UNBROKEN_NOTARY_STATE): on another disk than the database's, in"
            " no backup that could bring an older one back"
        )
    if not is_conninfo(store) and state.resolve().is_relative_to(Path(store).resolve()):
        raise ConfigurationError(
            f"{state} lies in the folder of the database itself: whoever restores that folder restores the notary's"
            " memory with it, and it would notice nothing. Put it elsewhere"
        )
    return NotaryFolder(state, log=log)


def key_spec(given: str | None) -> str:
    """Where the key is; raises :class:`ConfigurationError` where nobody said."""
    if given is None:
        raise ConfigurationError(
            f"name the key that signs with --key (or UNBROKEN_NOTARY_KEY): {FORMS}. A new one: `unbroken keys new`"
        )
    return given


@contextmanager
def opened_by_notary(store: str, *, what: str) -> Iterator[Callable[[str], AbstractContextManager[Checkpoints]]]:
    """Opens a log, by its name, over connections of the notary's login; the folder of an embedded server stays entered.

    Raises :class:`AccessDeniedError` saying that ``what`` takes a notary.
    """
    with conninfo_of(store, login=wiring.NOTARY) as conninfo:
        yield partial(_opened, conninfo, store=store, what=what)


@contextmanager
def _opened(conninfo: str, log: str, *, store: str, what: str) -> Iterator[Checkpoints]:
    with (
        denials_told(what, duties=DUTY),
        older_folder_told(store, login=wiring.NOTARY),
        Checkpoints.open(conninfo, log) as found,
    ):
        yield found
