"""``--anchors``: the file that says where a log's checkpoints are outside."""

from pathlib import Path
from typing import Annotated

import typer

from unbroken.anchors.configuration import AnchorsFile
from unbroken.errors import ConfigurationError

AnchorsOption = Annotated[
    Path | None,
    typer.Option(
        "--anchors",
        envvar="UNBROKEN_ANCHORS",
        metavar="FILE",
        help="The file that names the anchors and the log's trusted keys: `unbroken anchor init` writes a first one.",
        show_default=False,
    ),
]


def anchors_file(given: Path | None) -> AnchorsFile:
    """What the file says. Raises :class:`ConfigurationError` where none was named, or it says nothing of use."""
    if given is None:
        raise ConfigurationError(
            "name the anchors' file with --anchors (or UNBROKEN_ANCHORS): `unbroken anchor init FILE` writes a first"
        )
    return AnchorsFile.read(given)
