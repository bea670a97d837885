"""``unbroken keys history``: which keys signed a log's checkpoints, and which of them are to be believed."""

from typing import Any, Final

import typer

from unbroken.cli.printing import as_json_time, cells, moment, plain_table, print_json, print_table, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.cli.trust import TrustOption, trusted
from unbroken.core.key_history import KeyHistory
from unbroken.errors import NoteError
from unbroken.store.checkpoints import Checkpoints

REFUTED: Final = 1


def history(
    trust: TrustOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List the keys that have signed a log's checkpoints, by their statements.

    With --trust it says which of them follow from the keys that you have from
    elsewhere: a rotation leads from one to the next and back, a loss leads
    nowhere. Without it none is believed.

    \b
    Any login that may know of the log will do.
    Exit codes: 0 listed; 1 the statements are not what was signed, or do not
    follow each other; 2 wrong usage or no access.

    \b
    Examples:
      unbroken keys history
      unbroken keys history --trust clinic.vkey --json
    """
    with open_reader(store, log) as reader:
        found = Checkpoints(reader.connection, reader.log)
        kept = found.key_statements()
    believed = trusted(trust).keys
    try:
        read = KeyHistory.of([each.statement for each in kept], believed, found.log)
    except NoteError as error:
        warn(f"the key history of {found.log} is not to be relied on: {error}")
        raise typer.Exit(REFUTED) from error
    rows = [
        {
            "change": stated.change,
            "key": str(stated.key),
            "after": f"{stated.after.incarnation}:{stated.after.size}",
            "time": as_json_time(stated.time),
            "entry": each.seq,
            "believed": stated.key in read.keys,
            "statement": each.statement,
        }
        for stated, each in zip(read.statements, kept, strict=True)
    ]
    if json:
        print_json({"log": found.log, "keys": rows})
        return
    _print(rows, read, asked=bool(believed))


def _print(rows: list[dict[str, Any]], read: KeyHistory, *, asked: bool) -> None:
    if not rows:
        typer.echo("No key was stated: `unbroken checkpoint run` states the first.")
        return
    table = plain_table("signs after", "key", "", "stated (UTC)", "entry", *(["believed"] if asked else []))
    for row, stated in zip(rows, read.statements, strict=True):
        after = f"{stated.after.size:,} entries of ~{stated.after.incarnation}"
        believed = [("yes" if row["believed"] else "no")] if asked else []
        table.add_row(*cells(after, stated.key, stated.change, moment(stated.time), row["entry"], *believed))
    print_table(table)
