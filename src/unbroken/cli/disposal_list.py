"""``unbroken disposal list`` and ``show``: what there is, what is on a list, and what it waits for."""

from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.disposal_options import SEERS, DisposalArgument, disposal_in, open_disposals
from unbroken.cli.disposal_view import (
    decision_as_json,
    disposal_as_json,
    group_as_json,
    places_as_json,
    print_decisions,
    print_disposal,
    print_disposals,
    print_groups,
    print_places,
)
from unbroken.cli.printing import print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.store.disposals import OPEN

_WAITING = tuple(state for state in OPEN if state != "frozen")


def list_disposals(
    everything: Annotated[bool, typer.Option("--all", help="Also those done, withdrawn, or not proposed yet.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List disposals that are under way, the newest first.

    Needs a login with the duty compliance, legal, dpo, retention or verifier.
    Times are UTC, by the database's clock.

    \b
    Exit codes: 0 listed, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal list
      unbroken disposal list --all --json | jq -r '.disposals[].disposal'
    """
    with open_disposals(store, log, login=wiring.READER, duties=SEERS) as (door, _):
        rows = [each for each in door.all() if everything or each.state in _WAITING]
    if json:
        print_json({"log": door.log, "disposals": [disposal_as_json(each) for each in rows]})
    elif rows:
        print_disposals(rows)
    else:
        typer.echo("No disposals yet." if everything else "No disposal is under way.")


def show(
    disposal: DisposalArgument, json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None
) -> None:
    """Show a disposal: what is on its list, what was decided, how far it is.

    Candidates are counted by class: their event type, domains and scope.
    `extend` and `relabel` take classes out by their number, or entries.

    \b
    Needs a login with the duty compliance, legal, dpo or verifier.
    Exit codes: 0 shown, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal show 0b51c6f2-… --log clinic.example/agents
      unbroken disposal show 0b51c6f2-… --json | jq '.classes'
    """
    with open_disposals(store, log, login=wiring.READER, duties="compliance, legal, dpo or verifier") as (door, _):
        row = disposal_in(door, disposal)
        groups, decisions = door.groups(row.disposal), door.decisions(row.disposal)
        places = door.places(row.disposal)
    if json:
        shown = {
            "classes": [group_as_json(each) for each in groups],
            "taken_out": [decision_as_json(each) for each in decisions],
            "partitions": places_as_json(places),
        }
        print_json({"log": door.log, **disposal_as_json(row), **shown})
        return
    print_disposal(row, log=door.log)
    print_groups(groups)
    print_decisions(decisions)
    print_places(places)
