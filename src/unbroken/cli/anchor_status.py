"""``unbroken anchor status`` and ``check``: the window that no anchor covers, and what is odd outside."""

import typer

from unbroken.cli.anchor_look import look
from unbroken.cli.anchor_options import AnchorsOption, anchors_file
from unbroken.cli.anchor_view import as_json, print_outside
from unbroken.cli.printing import print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption


def status(
    anchors: AnchorsOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Tell which entries no anchor covers yet, and how old the newest outside is.

    Each anchor is asked for its newest checkpoint; those that can't be asked
    (timestamp authorities, witnesses) by their receipts in the database. All
    is verified with the keys in the anchors' file. Whether the log still is
    what was anchored is compared by the database's own tree here: `unbroken
    verify --anchors FILE` recomputes it. Looks only: run it from a monitor,
    on another machine than the database's.

    \b
    On a server this takes a login with any duty but writer, server and
    subjects.
    Exit codes: 0 a quorum has something new enough, 1 late, or something
    outside is odd or contradicts the log, 2 wrong usage or no access.

    \b
    Examples:
      unbroken anchor status --anchors anchors.toml
      unbroken anchor status --anchors anchors.toml --json | jq .window
    """
    file = anchors_file(anchors)
    outside = look(file, store, log, what="`unbroken anchor status`")
    if json:
        print_json({"exit_code": outside.exit_code(), **as_json(outside, quorum=file.terms.quorum)})
    else:
        print_outside(outside, quorum=file.terms.quorum)
    raise typer.Exit(outside.exit_code())


def check(
    anchors: AnchorsOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Read all that the anchors hold, and look in it for every receipt.

    What is damaged, foreign, deleted, replaced or not locked is told, and
    what an anchor was given by its receipts in the database (the newest
    10,000 of each) and does not hold any more. Every receipt of a timestamp
    authority and a witness is verified again. Every anchor has to answer,
    each within ten times the file's timeout. Looks only.

    \b
    On a server this takes a login with any duty but writer, server and
    subjects.
    Exit codes: 0 all is as it should be, 1 an anchor did not answer, is late
    or odd, or contradicts the log, 2 wrong usage or no access.

    \b
    Examples:
      unbroken anchor check --anchors anchors.toml
      unbroken anchor check --anchors anchors.toml --json | jq -r '.problems[]'
    """
    file = anchors_file(anchors)
    outside = look(file, store, log, what="`unbroken anchor check`", thorough=True)
    code = outside.exit_code(all_must_answer=True)
    if json:
        print_json({"exit_code": code, **as_json(outside, quorum=file.terms.quorum)})
    else:
        print_outside(outside, quorum=file.terms.quorum)
        total = sum(each.count for each in outside.seen)
        typer.echo(
            f"Looked at {total:,} checkpoints and receipts: {'as they should be' if code == 0 else 'see above'}."
        )
    raise typer.Exit(code)
