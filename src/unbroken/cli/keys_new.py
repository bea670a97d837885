"""``unbroken keys new``: a signing key in a file."""

from pathlib import Path
from typing import Annotated

import typer

from unbroken.cli.keys_show import print_key
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, origin_of
from unbroken.core.checkpoint import key_name
from unbroken.core.note import SigningKey
from unbroken.investigate.printable import printable
from unbroken.notary.local_key import create_file


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is going to be.")],
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Make an Ed25519 key for a log's checkpoints, in a file for its owner alone.

    Make it on the notary's host, as the notary's user. With AWS KMS or a
    transit engine make the key there instead: docs/checkpoints.md tells how.
    With --log no database is asked.

    \b
    Exit codes: 0 made, 2 wrong usage, or the file is there already.

    \b
    Examples:
      unbroken keys new notary.key --log clinic.example/agents
      unbroken keys new /etc/unbroken/notary.key
    """
    key = SigningKey.generate(key_name(origin_of(store, log)))
    create_file(file, key)
    if not json:
        typer.echo(printable(f"Made the signing key {file}. Back it up where the database's administrators can't go."))
        typer.echo("Its public half, for --trust and for whoever verifies:")
    print_key(key.verifier, as_json=json)
