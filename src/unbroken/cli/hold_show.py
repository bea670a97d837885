"""``unbroken hold show``: one legal hold, all that it covered, and who asked for what."""

from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.hold_counting import count
from unbroken.cli.hold_options import HOLDERS, SEERS, HoldArgument, hold_in, open_holds
from unbroken.cli.hold_view import (
    hold_as_json,
    print_hold,
    print_reach,
    print_request,
    print_scope,
    print_versions,
    reach_as_json,
    request_as_json,
    version_as_json,
)
from unbroken.cli.printing import print_json
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption


def show(
    hold: HoldArgument,
    counting: Annotated[
        bool, typer.Option("--count", help=f"Count anew what it preserves, on record; needs {HOLDERS}.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show one legal hold: what it covers and covered, and who did what.

    \b
    Needs a login with the duty legal, compliance, dpo or verifier.
    Exit codes: 0 shown, 2 wrong usage, no access, or no such hold.

    \b
    Examples:
      unbroken hold show 0b51c6f2-… --log clinic.example/agents
      unbroken hold show 0b51c6f2-… --count --json
    """
    duties = HOLDERS if counting else SEERS
    with open_holds(store, log, login=wiring.READER, duties=duties) as (door, _):
        row = hold_in(door, hold)
        versions = door.scopes(row.hold)
        requests = [each for each in door.requests() if each.hold == row.hold]
        found = count(door, row.hold) if counting else None
    if json:
        print_json(
            {
                **hold_as_json(row),
                "versions": [version_as_json(each) for each in versions],
                "requests": [request_as_json(each) for each in requests],
                "counted": None if found is None else reach_as_json(found),
            }
        )
        return
    print_hold(row)
    print_scope("Covers" if row.state == "in force" else "Covered", row.scope)
    print_versions(versions)
    if found is not None:
        print_reach(found)
    for request in (each for each in requests if each.state == "asked"):
        typer.echo()
        print_request(request)
        if request.scope is not None:
            print_scope("Would cover", request.scope)
        confirm = command(store, door.log, "hold", "confirm", request.request)
        print_next([("Somebody else than who asked, to confirm it:", confirm)])
