"""``unbroken checkpoint show``: one checkpoint, as it was signed."""

from typing import Annotated, Any, Final

import typer

from unbroken.cli.printing import as_json_time, columns, console, counted, moment, print_json, warn
from unbroken.cli.signed_heads import SignedHead, opened
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.cli.trust import TrustOption, trusted
from unbroken.errors import NoteError
from unbroken.store.checkpoints import Checkpoints, StoredCheckpoint

REFUTED: Final = 1
NONE_YET: Final = 3


def show(
    size: Annotated[
        int | None, typer.Argument(metavar="[SIZE]", min=1, help="The checkpoint of so many entries; else the newest.")
    ] = None,
    note: Annotated[bool, typer.Option("--note", help="Print the signed note and nothing else.")] = False,
    trust: TrustOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show a checkpoint: how much it covers, when it was signed, by whom.

    What the database keeps proves nothing by itself. With --trust the
    signature is verified by a key that you have from elsewhere, or one that
    the log's key history leads to from it. What an anchor has is shown by
    `unbroken anchor list`.

    \b
    Any login that may know of the log will do.
    Exit codes: 0 shown; 1 it is not what a trusted key signed; 2 wrong usage
    or no access; 3 there is no such checkpoint.

    \b
    Examples:
      unbroken checkpoint show
      unbroken checkpoint show --trust clinic.vkey
      unbroken checkpoint show 12000 --note > checkpoint.txt
    """
    with open_reader(store, log) as reader:
        found = Checkpoints(reader.connection, reader.log)
        kept = found.newest() if size is None else found.of_size(size)
        if kept is None:
            warn("there is no such checkpoint: see `unbroken checkpoint list`")
            raise typer.Exit(NONE_YET)
        try:
            head = opened(kept, found, trusted(trust))
        except NoteError as error:
            warn(f"the checkpoint of {counted(kept.size, 'entry')}: {error}")
            raise typer.Exit(REFUTED) from error
    if note:
        typer.echo(kept.note, nl=False)
    elif json:
        print_json(_as_json(head, kept))
    else:
        console().print(columns(_rows(head, kept)))


def _as_json(head: SignedHead, kept: StoredCheckpoint) -> dict[str, Any]:
    return {
        "log": head.checkpoint.origin,
        "size": kept.size,
        "root": kept.root.hex(),
        "signed_at": as_json_time(kept.signed_at),
        "stored_at": as_json_time(kept.stored_at),
        "stored_by": kept.stored_by,
        "believed": [str(key) for key in head.signers],
        "note": kept.note,
    }


def _rows(head: SignedHead, kept: StoredCheckpoint) -> list[tuple[str, Any]]:
    believed = "\n".join(map(str, head.signers)) or "not asked: say with --trust which key you believe"
    return [
        ("log", head.checkpoint.origin),
        ("entries", f"{kept.size:,}"),
        ("root", kept.root.hex()),
        ("signed", f"{moment(kept.signed_at)} UTC, as it states"),
        ("stored", f"{moment(kept.stored_at)} UTC, by {kept.stored_by}"),
        ("signed by", believed),
    ]
