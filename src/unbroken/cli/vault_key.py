"""``unbroken vault key``: a new key-encryption key in a file."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from unbroken.cli.printing import print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, StoreOption
from unbroken.cli.vault_store import folder_file
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.privacy.vault.local_key import LocalKey, add_to_file, create_file
from unbroken.store import embedded


def key(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The file; left out, a folder's own.", show_default=False)
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Add it to a file that is there: it wraps from then on, the others unwrap.")
    ] = False,
    name: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="What wrapped keys call it; by default made up.")
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Make a key-encryption key in a file that its owner alone may read.

    Whoever has this key and the database can open every original; whoever
    loses it has lost them all. Keep a copy, and keep it apart from the
    database's backups. Needs no database. For a key that nobody can copy, use
    AWS KMS or a transit engine instead: docs/vault.md.

    \b
    Examples:
      unbroken vault key /etc/unbroken/vault.keys
      unbroken vault key /etc/unbroken/vault.keys --add
      unbroken vault key --add --id kek-2027 --store audit
    """
    path = file or _own_file(store)
    made = LocalKey.generate(name or new_id())
    retired: tuple[str, ...] = ()
    if add:
        retired = add_to_file(path, made).ids[1:]
    else:
        _refuse_existing(path)
        create_file(path, made)
    if json:
        print_json({"file": str(path), "id": made.id, "retired": list(retired)})
        return
    for line in _told(made.id, path, retired):
        typer.echo(printable(line))


def new_id() -> str:
    """A name for a key-encryption key that no other has: its day, and something random."""
    return f"kek-{datetime.now(UTC):%Y%m%d}-{os.urandom(3).hex()}"


def _own_file(store: str) -> Path:
    own = folder_file(store)
    if own is None or not embedded.is_embedded(store):
        raise ConfigurationError("name the file: unbroken vault key FILE")
    return own


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(
            f"{path} is there already and was left as it is: --add adds a key to it, for `unbroken vault rotate`"
        )


def _told(key_id: str, path: Path, retired: tuple[str, ...]) -> list[str]:
    if not retired:
        return [
            f"Wrote a new key-encryption key, {key_id}, to {path}.",
            "Copy it to where the database's backups are not: without it no original opens.",
            f"Next: unbroken vault refill --kek file:{path}",
        ]
    return [
        f"Added a key-encryption key, {key_id}, to {path}: it wraps from now on, {', '.join(retired)} unwraps.",
        "Copy the file again to where the database's backups are not.",
        f"Next: unbroken vault rotate --kek file:{path}",
    ]
