"""Options that the commands about erasing people have in common, and what they name."""

import shlex
import uuid
from typing import Annotated

import typer

from unbroken.cli.kept_heads import name_of
from unbroken.errors import ConfigurationError

ErasureArgument = Annotated[str, typer.Argument(metavar="ERASURE", help="The erasure's id, as listed.")]


def erasure_id(text: str) -> str:
    """An id as the log writes it; raises :class:`ConfigurationError` for what is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ConfigurationError(f"{text} is no erasure's id: `unbroken subject list` shows what there is") from None


def command(store: str, log: str, *words: str) -> str:
    """An ``unbroken`` command on the same log, for somebody with a login of their own."""
    return shlex.join(["unbroken", *words, "--log", log, "--store", name_of(store)])
