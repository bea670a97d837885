"""``unbroken hold confirm``, ``withdraw`` and ``review``: the second person's word, and what one person says alone."""

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed_by_another
from unbroken.cli.granting import ReasonOption, YesOption
from unbroken.cli.hold_options import HoldArgument, RequestArgument, hold_in, open_holds, request_in
from unbroken.cli.hold_view import hold_as_json, print_hold, print_request, print_scope
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.printing import moment, print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption


def confirm(
    request: RequestArgument,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Confirm that a hold is narrowed or released, as somebody else asked.

    Shows the hold, who asked and why. What it covered is covered on until its
    grace period is over; from then on disposal and erasure go their ordinary
    way with it. Whether the matter is really over, and whether another one
    needs the same, is for people to judge.

    \b
    Needs a login with the duty legal or compliance, other than the one that
    asked. Exit codes: 0 confirmed or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken hold confirm 0b51c6f2-… --log clinic.example/agents
    """
    with open_holds(store, log, login=wiring.LEGAL) as (door, _):
        asked = request_in(door, request)
        row = hold_in(door, asked.hold)
        if not json:
            print_hold(row)
            print_scope("Covers", row.scope)
            print_request(asked)
            if asked.scope is not None:
                print_scope("Would cover", asked.scope)
        if not agreed_by_another("Confirm this?", store, yes=yes):
            typer.echo("Nothing was confirmed: the hold stands as it was.")
            return
        seq = door.confirm(asked.request)
        row = hold_in(door, asked.hold)
        ends_at = next(each.ends_at for each in door.scopes(row.hold) if each.version == asked.version)
    if json:
        print_json({**hold_as_json(row), "request": asked.request, "seq": seq})
        return
    done = "released" if asked.kind == "release" else "narrowed"
    until = "" if ends_at is None else f" What it covered before is held until {moment(ends_at)} UTC."
    typer.echo(f"The hold is {done}: entry {seq:,} says so.{until}")


def withdraw(
    request: RequestArgument, json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None
) -> None:
    """Withdraw a request to narrow or release a hold.

    One person is enough. The hold stands as it was, and it can be asked for
    anew.

    \b
    Needs a login with the duty legal or compliance.
    Exit codes: 0 withdrawn, 2 wrong usage, no access, or it was decided.

    \b
    Examples:
      unbroken hold withdraw 0b51c6f2-… --log clinic.example/agents
    """
    with open_holds(store, log, login=wiring.READER) as (door, _):
        asked = request_in(door, request)
        seq = door.withdraw(asked.request)
    if json:
        print_json({"log": door.log, "request": asked.request, "hold": asked.hold, "seq": seq})
        return
    typer.echo(f"Withdrawn: the hold stands as it was, and entry {seq:,} says so.")


def review(
    hold: HoldArgument,
    reason: ReasonOption,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Say that a hold was looked at again and is still needed.

    One person is enough. It puts the next review off by as many days as the
    hold was issued with; nothing else changes. A hold that is not needed any
    more is released, which takes two.

    \b
    Needs a login with the duty legal or compliance.
    Exit codes: 0 noted, 2 wrong usage, no access, or it was released.

    \b
    Examples:
      unbroken hold review 0b51c6f2-… --reason "hearing set for 3 June"
    """
    with open_holds(store, log, login=wiring.READER) as (door, reader):
        row = hold_in(door, hold)
        seq = door.review(row.hold, reason=masked(store, reason, rules=rules_of(reader)))
        row = hold_in(door, hold)
    if json:
        print_json({**hold_as_json(row), "seq": seq})
        return
    due = "" if row.review_due_at is None else f" The next review is due by {moment(row.review_due_at)} UTC."
    typer.echo(f"Noted, in entry {seq:,}.{due}")
