"""``unbroken hold list``: legal holds, and what waits for a second person."""

from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.hold_options import SEERS, open_holds
from unbroken.cli.hold_view import hold_as_json, request_as_json, state_in_words
from unbroken.cli.printing import cells, counted, moment, plain_table, print_json, print_table, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.retention.holds import in_words
from unbroken.store.holds import Hold, HoldRequest


def list_holds(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose review is overdue.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List legal holds, the newest first, and what waits for a second person.

    A hold whose review is overdue goes on: silence releases nothing. With
    --overdue it tells in its exit code whether there is one, for a reminder
    that runs every day.

    \b
    Needs a login with the duty legal, compliance, dpo or verifier. Times are
    UTC, by the database's clock.
    Exit codes: 0 listed, 1 with --overdue: some are, 2 wrong usage or no
    access.

    \b
    Examples:
      unbroken hold list
      unbroken hold list --overdue --json || mail -s "review" legal@clinic.example
    """
    with open_holds(store, log, login=wiring.READER, duties=SEERS) as (door, _):
        rows = door.all()
        waiting = [each for each in door.requests() if each.state == "asked"]
    shown = [each for each in rows if (each.is_overdue if overdue else everything or each.state != "over")]
    if json:
        holds = [hold_as_json(each) for each in shown]
        print_json({"log": door.log, "holds": holds, "waiting": [request_as_json(each) for each in waiting]})
    else:
        _print(shown, [] if overdue else waiting, nothing="No review is overdue." if overdue else "Nothing is held.")
        late = sum(each.is_overdue for each in rows)
        if late:
            warn(
                f"{counted(late, 'hold')} overdue for review: look whether it is still needed, and say so with "
                "`unbroken hold review`, or have it released"
            )
    raise typer.Exit(1 if overdue and shown else 0)


def _print(shown: list[Hold], waiting: list[HoldRequest], *, nothing: str) -> None:
    if shown:
        table = plain_table("hold", "matter", "kind", "issued (UTC)", "issued by", "covers", "state")
        for column in (table.columns[0], table.columns[3]):
            column.no_wrap = True
        for each in shown:
            issued = moment(each.issued_at)[:-3]
            covers = in_words(each.scope)
            state = state_in_words(each)
            table.add_row(*cells(each.hold, each.matter, each.kind, issued, each.issued_by, covers, state))
        print_table(table)
    else:
        typer.echo(nothing)
    if waiting:
        _print_waiting(waiting)


def _print_waiting(waiting: list[HoldRequest]) -> None:
    typer.echo("\nWaiting for a second person: `unbroken hold confirm REQUEST`")
    table = plain_table("request", "to", "hold", "asked by", "because", "good until (UTC)")
    for column in (table.columns[0], table.columns[2]):
        column.no_wrap = True
    for each in waiting:
        until = moment(each.expires_at)[:-3]
        table.add_row(*cells(each.request, each.kind, each.hold, each.asked_by, each.reason, until))
    print_table(table)
