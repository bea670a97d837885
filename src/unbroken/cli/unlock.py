"""``unbroken unlock``: end a session that sits on a log's lock."""

from typing import Annotated

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.printing import print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, conninfo_of, origin_of
from unbroken.investigate.printable import printable
from unbroken.store.administration import end_lock_holder
from unbroken.store.connection import connect
from unbroken.store.embedded import SUPERUSER


def unlock(
    patience: Annotated[
        float, typer.Option("--patience", min=0, max=30, metavar="SECONDS", help="How long one session may hold it.")
    ] = 5.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """End a session that keeps others from recording.

    Recording takes a log's lock for milliseconds. A login that records in an
    open transaction and then does nothing stops every other recorder of that
    log; this ends its session once it has held the lock for --patience. What
    it had not committed is not recorded. That it was ended is an entry,
    `log.unlocked`. The login needs the duty ops.

    \b
    Examples:
      unbroken unlock --store postgresql://ops@db.example/audit --log a.example/l
      unbroken unlock --log a.example/l --patience 2 --yes --json
    """
    log = log or origin_of(store, None)
    if not agreed(f"End whatever session holds the lock of {printable(log)} for {patience:g} s?", yes=yes):
        typer.echo("Nothing was ended.")
        return
    with conninfo_of(store, login=SUPERUSER) as conninfo, connect(conninfo) as connection:
        ended = end_lock_holder(connection, log, patience_s=patience)
    if json:
        print_json({"log": log, "ended": None if ended is None else {"pid": ended[0], "login": ended[1]}})
    elif ended is None:
        typer.echo(f"Nobody held the lock of {log} for {patience:g} s.")
    else:
        typer.echo(f"Ended session {ended[0]} of {ended[1]}; what it had not committed is not recorded.")
