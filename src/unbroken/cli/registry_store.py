"""What the commands on registries have in common: the file, and the versions that a log holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.cli.denials import denials_told
from unbroken.cli.target import conninfo_of
from unbroken.errors import ConfigurationError
from unbroken.privacy.registry.reading import BUILT_IN, registry_from
from unbroken.privacy.registry.registry import Registry
from unbroken.store.log_reader import LogReader, RegistryVersion

READERS: Final = "compliance, legal, dpo or ops"
"""Duties that a registry can be asked for with."""
LOADERS: Final = "compliance"

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The registry, in TOML: unbroken.toml.", show_default=False)
]


@contextmanager
def open_registry(store: str, log: str | None, *, loading: bool = False) -> Iterator[LogReader]:
    """A reader for what a log's registry is, with the login in the connection string or the folder's own reader.

    It needs no ticket: a registry holds nobody's data. Raises :class:`AccessDeniedError` saying which duties may.
    """
    what, duties = ("loading a registry", LOADERS) if loading else ("asking for the registry", READERS)
    with (
        conninfo_of(store, login=wiring.READER) as conninfo,
        denials_told(what, duties=duties),
        LogReader(conninfo, log, writes=loading) as reader,
    ):
        yield reader


def in_force(reader: LogReader) -> Registry:
    """What holds for the log: the newest version, or what is built in."""
    newest = reader.registry()
    return BUILT_IN if newest is None else read(newest)


def read(stored: RegistryVersion) -> Registry:
    """The registry of a version; raises :class:`ConfigurationError` for one that this release can't read."""
    try:
        return registry_from(stored.text, version=stored.version)
    except ConfigurationError as error:
        raise ConfigurationError(f"version {stored.version} of the registry, as it is loaded: {error}") from error
