"""How commands show people: with the log's key, to duties that may know, and on record."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.cli.masked import masked_under
from unbroken.cli.reading import Reading
from unbroken.cli.target import is_conninfo
from unbroken.core.entry import StoredEntry
from unbroken.core.keyed import LogKey
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.privacy.names import spelling
from unbroken.privacy.people import People
from unbroken.privacy.pseudonyms import is_pseudonym

MAY_KNOW: Final = ("compliance", "legal", "dpo")
"""Duties that may know who stands behind a pseudonym."""

NamesOption = Annotated[
    bool, typer.Option("--names", help="Show names beside pseudonyms: a look-up, which is recorded.")
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key",
        envvar="UNBROKEN_KEY_FILE",
        metavar="FILE",
        help="The log's key file, under which names are found and sealed; a folder has its own.",
        show_default=False,
    ),
]


def keys_of(store: str, key: Path | None) -> list[LogKey]:
    """The log's keys, the one in use first: of the file that was named, or the folder's own; none without either."""
    if not is_conninfo(store):
        return wiring.embedded_keys(Path(store))
    return [] if key is None else wiring.load_keys(key)


def keys_for_names(store: str, key: Path | None, *, wanted: bool) -> list[LogKey]:
    """The keys to open names with; raises :class:`ConfigurationError` where names are wanted and there are none."""
    keys = keys_of(store, key) if wanted else []
    if wanted and not keys:
        raise ConfigurationError(
            "names are sealed under the log's key: name its file with --key (or UNBROKEN_KEY_FILE)"
        )
    return keys


def people_of(reading: Reading, keys: Sequence[LogKey]) -> People:
    """The people of one read. Raises :class:`AccessDeniedError` for a duty that may not know who they are."""
    if reading.ticket.duty not in MAY_KNOW:
        raise AccessDeniedError(
            f"the duty {reading.ticket.duty} is not told who stands behind a pseudonym: "
            "that takes a login with the duty compliance, legal or dpo"
        )
    return People(reading.reader, reading.ticket, keys)


def texts_of(entries: Iterable[StoredEntry]) -> Iterable[str]:
    """What entries say of people: their events, without payloads."""
    return (entry.event.decode("utf-8", "replace") for entry in entries)


def names_in(texts: Iterable[str], reading: Reading, keys: Sequence[LogKey]) -> dict[str, str]:
    """The names behind all pseudonyms in what is going to be shown, by pseudonym."""
    people = people_of(reading, keys)
    people.look_up_in(texts)
    return people.names


def known_as(name: str, reading: Reading, keys: Sequence[LogKey]) -> list[str]:
    """All that may stand for a name in this log, or one pseudonym alone; not its pseudonyms where nobody may know."""
    if is_pseudonym(name):
        return [name]
    known = [name] if unknowable(name, reading, keys) else People(reading.reader, reading.ticket, keys).known_as(name)
    return [*known, *masked_under(keys, name)]


def as_recorded(name: str) -> str:
    """The spelling under which a search for somebody is recorded, so that all searches for one person are alike."""
    return spelling(name) or name


def unknowable(name: str, reading: Reading, keys: Sequence[LogKey]) -> str | None:
    """Why it can't be found out under which pseudonyms a name is recorded, where that is so."""
    if is_pseudonym(name):
        return None
    if reading.ticket.duty not in MAY_KNOW:
        return f"The duty {reading.ticket.duty} knows no names, so it was not looked for under the name's pseudonyms."
    return None if keys else "For its pseudonyms the log's key is needed: --key."
