"""``unbroken checkpoint list``: the checkpoints that the database keeps."""

from typing import Annotated

import typer

from unbroken.cli.printing import as_json_time, cells, moment, plain_table, print_json, print_table
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.core.tree.tile import MAX_SIZE
from unbroken.store.checkpoints import Checkpoints


def list_checkpoints(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, metavar="N", help="At most so many.")] = 20,
    before: Annotated[
        int | None, typer.Option("--before", min=1, metavar="SIZE", help="Only of fewer entries.", show_default=False)
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List the checkpoints that the database keeps, the largest first.

    Nothing of them is verified: see `unbroken checkpoint show --trust` for
    one, and `unbroken verify --anchors` for the log. A checkpoint of a quiet
    log is signed again with a later time, and stays one.

    \b
    Any login that may know of the log will do.
    Exit codes: 0 listed, 2 wrong usage or no access.

    \b
    Examples:
      unbroken checkpoint list
      unbroken checkpoint list --limit 100 --json
    """
    with open_reader(store, log) as reader:
        found = Checkpoints(reader.connection, reader.log)
        listed = found.listed(limit=limit, before=before or MAX_SIZE)
    if json:
        rows = [
            {
                "size": each.size,
                "root": each.root.hex(),
                "signed_at": as_json_time(each.signed_at),
                "stored_at": as_json_time(each.stored_at),
            }
            for each in listed
        ]
        print_json({"log": found.log, "checkpoints": rows})
        return
    if not listed:
        typer.echo("There is no checkpoint: `unbroken checkpoint run` signs one.")
        return
    table = plain_table("entries", "signed (UTC)", "root", right=("entries",))
    for each in listed:
        table.add_row(*cells(f"{each.size:,}", moment(each.signed_at), each.root.hex()))
    print_table(table)
