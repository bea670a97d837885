"""``unbroken retention started``: telling that something happened which periods start with."""

from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.moments import moment_of
from unbroken.cli.printing import as_json_time, moment, print_json, warn
from unbroken.cli.retention_store import Kept, open_kept
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.investigate.printable import printable
from unbroken.retention.reading import rules_of as policies_of


def started(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What happened, as policies name it: account_closed.")],
    item: Annotated[str, typer.Argument(metavar="KEY=VALUE", help="The item of events' scope that it is told for.")],
    at: Annotated[str, typer.Option("--at", metavar="DATE", help="When it happened.", show_default=False)],
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="TEXT", help="What shows it; it stays in the log.", show_default=False)
    ],
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Tell when something happened that a period starts with.

    An account was closed, a fiscal year, a case: policies that start with
    such an event keep what they are for until it is told, and count from it
    then. It is told for one item of scopes, and counts for all entries with
    that item. Told anew, it is corrected; each time is an entry.

    \b
    Needs a login with the duty compliance or legal. Servers with the duty
    server call unbroken.tell_start. Exit codes: 0 told, 2 wrong usage or no
    access.

    \b
    Examples:
      unbroken retention started account_closed account=17 \\
        --at 2026-03-31 --evidence "letter of 2 April"
    """
    happened = moment_of(at, option="--at")
    if "=" not in item:
        raise typer.BadParameter("an item is a key and a value, such as account=17", param_hint="KEY=VALUE")
    with open_kept(store, log, login=wiring.READER, duties="compliance or legal") as kept:
        rules = rules_of(kept.reader)
        _warn(kept, kind, item)
        # As it was masked on its way into the log.
        named = masked(store, item, rules=rules)
        seq = kept.door.tell_start(kind, named, at=happened, evidence=masked(store, evidence, rules=rules))
    if json:
        print_json({"log": kept.log, "kind": kind, "item": named, "at": as_json_time(happened), "seq": seq})
    else:
        typer.echo(printable(f"Told, in entry {seq:,}: {kind} of {named} on {moment(happened)} UTC."))


def _warn(kept: Kept, kind: str, item: str) -> None:
    """A kind that no policy starts with is told for nothing, most likely because it is spelt otherwise."""
    if kept.version is None:
        warn("no policies are in force yet: nothing starts with this so far")
        return
    starts = {(each.start, each.start_key) for each in policies_of(kept.version).policies if each.start_key is not None}
    key = item.partition("=")[0]
    if (kind, key) not in starts:
        known = ", ".join(sorted(f"{start} {of}=…" for start, of in starts)) or "none"
        warn(f"no policy in force starts with {kind} of {key}: those that do are {known}")
