"""``unbroken anchor init``: a first anchors' file, and the folders and files that it names."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken.anchors.appended_file import AppendedFile
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.directory import Directory
from unbroken.cli.asking import agreed
from unbroken.cli.trust import TrustOption, trusted
from unbroken.errors import ConfigurationError
from unbroken.files import create
from unbroken.investigate.printable import printable

_TEMPLATE: Final = """\
# Where checkpoints of this log go, and by which keys they are believed. There is no secret in it.
log = {log}
# The log's checkpoint keys, as its notary's operator told them: `unbroken keys show`.
trust = [{trust}]

# A checkpoint counts as anchored when so many have it; each is asked for so long in a round.
quorum = 2
timeout = "20s"
# There is an alarm when a quorum has had nothing newer for longer than this; a quiet log is shown again after 'renew'.
allowed_age = "3h"
renew = "1h"

# Two at least, better of different kinds, at none of which the database's owner is at home.

# A directory on another machine's mount; 'file' is the same in one append-only file, for mounts without hard links.
#[[anchor]]
#name = "nas"
#kind = "directory"
#path = "/mnt/nas/checkpoints"

# An object store with object lock; credentials where boto3 looks for them, in a profile if one is named.
#[[anchor]]
#name = "store"
#kind = "object store"
#bucket = "clinic-checkpoints"
#retain = "3650d"
#owner = "111122223333"

# A timestamp authority (RFC 3161); its root's certificate from itself, and not out of its answers.
#[[anchor]]
#name = "tsa"
#kind = "timestamp"
#url = "https://tsa.example/tsr"
#roots = "tsa-roots.pem"

# A witness (C2SP tlog-witness), with its submission prefix and its verifier key of type 04.
#[[anchor]]
#name = "w1"
#kind = "witness"
#url = "https://witness.example/prefix"
#keys = ["witness.example/w1+..."]
"""


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The anchors' file.")],
    log: Annotated[
        str | None,
        typer.Option(
            "--log",
            "-l",
            envvar="UNBROKEN_LOG",
            metavar="LOG",
            help="The log's name, for a new file.",
            show_default=False,
        ),
    ] = None,
    trust: TrustOption = None,
    incarnation: Annotated[
        int,
        typer.Option("--incarnation", min=1, metavar="N", help="Make ready for this incarnation, after a recovery."),
    ] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Make them without being asked once more.")] = False,
) -> None:
    """Write a first anchors' file, or make ready the folders and files it names.

    Where FILE is not there it is written, with an example of each kind to
    fill in; --log and --trust are put into it. Where it is there, the log's
    folder in each directory, and each append-only file, are made: once, with
    the mounts mounted, as publishing never makes them. An incarnation that
    follows after a loss has folders of its own. Asks no database.

    \b
    Examples:
      unbroken anchor init anchors.toml --log clinic.example/agents \\
        --trust checkpoints.vkey
      unbroken anchor init anchors.toml
      unbroken anchor init anchors.toml --incarnation 2 --yes
    """
    if path.exists():
        _make_ready(AnchorsFile.read(path), incarnation, yes=yes)
    else:
        _write(path, log, trust)


def _write(path: Path, log: str | None, trust: Sequence[str] | None) -> None:
    keys = trusted(trust).keys
    if log is None or not keys:
        raise ConfigurationError(
            f"there is no file {path}: to write a first one say of which log with --log, and the key of its notary with"
            " --trust (`unbroken keys show` prints it)"
        )
    text = _TEMPLATE.format(log=_quoted(log.partition("~")[0]), trust=", ".join(_quoted(str(key)) for key in keys))
    try:
        create(path, text.encode())
        path.chmod(0o644)
    except OSError as error:
        raise ConfigurationError(f"the file {path} can't be written ({error.strerror})") from error
    AnchorsFile.read(path)
    typer.echo(printable(f"Wrote {path}. Fill in two anchors at least, then: unbroken anchor init {path}"))


def _make_ready(file: AnchorsFile, incarnation: int, *, yes: bool) -> None:
    anchors = file.anchors(file.trusted(f"{file.log}~{incarnation}"))
    places = [each for each in anchors if isinstance(each, Directory | AppendedFile)]
    if not places:
        typer.echo("There is nothing to make ready: it names neither a directory nor a file.")
        return
    for each in places:
        typer.echo(printable(f"{each.name}: {each.where}"))
    if not agreed("Are these mounts mounted, and shall the folders and files be made there?", yes=yes):
        typer.echo("Nothing was made.")
        return
    for each in places:
        each.prepare()
    typer.echo("They are ready.")


def _quoted(text: str) -> str:
    """As a TOML string of one line, which JSON's are."""
    return json.dumps(text, ensure_ascii=False)
