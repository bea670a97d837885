"""``unbroken hold narrow`` and ``release``: asking for what a second person confirms."""

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed
from unbroken.cli.granting import ReasonOption, YesOption
from unbroken.cli.hold_options import (
    ActorsOption,
    AgentsOption,
    DomainsOption,
    EventsOption,
    FromOption,
    HoldArgument,
    ResourcesOption,
    ScopeOption,
    SessionsOption,
    SubjectsOption,
    ToolsOption,
    ToOption,
    TypesOption,
    as_in_log,
    hold_in,
    open_holds,
    scope_from,
)
from unbroken.cli.hold_view import print_hold, print_scope
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.people import KeyOption, keys_of
from unbroken.cli.printing import as_json_time, counted, moment, print_json
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.retention.holds import Scope, narrowed
from unbroken.store.holds import ChangeAsked, Hold, Holds


def narrow(
    hold: HoldArgument,
    reason: ReasonOption,
    session: SessionsOption = None,
    actor: ActorsOption = None,
    subject: SubjectsOption = None,
    agent: AgentsOption = None,
    resource_type: TypesOption = None,
    resource: ResourcesOption = None,
    event_type: EventsOption = None,
    tool: ToolsOption = None,
    domain: DomainsOption = None,
    item: ScopeOption = None,
    since: FromOption = None,
    until: ToOption = None,
    key: KeyOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Ask for a hold to cover less.

    An option takes the place of what the hold names there: of its sessions,
    those that stay; a shorter time. One that the hold does not have narrows
    it further. What is not mentioned stays. Another login confirms it within
    seven days, and what was covered before is covered on for the grace
    period.

    \b
    Needs the duty legal or compliance.
    Exit codes: 0 asked for or left, 2 wrong usage, no access, or this is no
    narrower.

    \b
    Examples:
      unbroken hold narrow 0b51c6f2-… --session s-1 --reason "the rest settled"
      unbroken hold narrow 0b51c6f2-… --to 2026-03-08 --reason "over" --yes
    """
    lists = {
        "sessions": session,
        "actors": actor,
        "subjects": subject,
        "agents": agent,
        "resource_types": resource_type,
        "resource_ids": resource,
        "event_types": event_type,
        "tools": tool,
        "domains": domain,
        "scope": item,
    }
    given = scope_from(lists, since=since, until=until)
    with open_holds(store, log, login=wiring.READER) as (door, reader):
        row = _changeable(door, hold)
        keys = keys_of(store, key)
        to = as_in_log(given, reader, store, log, keys=keys, login=wiring.READER, of=row.scope)
        scope = narrowed(row.scope, to)
        _show(row, scope, json=json)
        asked = None
        if agreed("Ask for this hold to be narrowed?", yes=yes):
            asked = door.ask_narrowing(row.hold, scope, reason=masked(store, reason, rules=rules_of(reader)))
    _tell(door, row, asked, scope, store, json=json)


def release(
    hold: HoldArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Ask for a hold to be released.

    Another login confirms it within seven days. The hold covers on for its
    grace period then, and nothing is destroyed by its end: what it kept goes
    the ordinary way, if anything asks for that.

    \b
    Needs the duty legal or compliance.
    Exit codes: 0 asked for or left, 2 wrong usage, no access, or it was
    released.

    \b
    Examples:
      unbroken hold release 0b51c6f2-… --reason "judgment of 3 March is final"
    """
    with open_holds(store, log, login=wiring.READER) as (door, reader):
        row = _changeable(door, hold)
        _show(row, None, json=json)
        asked = None
        if agreed("Ask for this hold to be released?", yes=yes):
            asked = door.ask_release(row.hold, reason=masked(store, reason, rules=rules_of(reader)))
    _tell(door, row, asked, None, store, json=json)


def _changeable(door: Holds, hold: str) -> Hold:
    row = hold_in(door, hold)
    if row.state != "in force":
        raise ConfigurationError("this hold was released: there is nothing to change any more")
    return row


def _show(row: Hold, scope: Scope | None, *, json: bool) -> None:
    if json:
        return
    print_hold(row)
    print_scope("Covers", row.scope)
    if scope is not None:
        print_scope("Would cover", scope)


def _tell(door: Holds, row: Hold, asked: ChangeAsked | None, scope: Scope | None, store: str, *, json: bool) -> None:
    confirm = "" if asked is None else command(store, door.log, "hold", "confirm", asked.request)
    if json:
        request = None
        if asked is not None:
            until = as_json_time(asked.expires_at)
            request = {"request": asked.request, "seq": asked.seq, "valid_until": until, "confirm": confirm}
        new = None if scope is None else dict(scope)
        print_json({"log": door.log, "hold": row.hold, "scope": new, "asked": request})
        return
    if asked is None:
        typer.echo("Nothing was asked for: the hold stands as it was.")
        return
    grace = f"then it covers on for {counted(row.grace_days, 'day')}" if row.grace_days else "then at once"
    typer.echo(f"Asked for, in entry {asked.seq:,}. The hold stands until somebody else confirms it, and {grace}.")
    withdraw = command(store, door.log, "hold", "withdraw", asked.request)
    print_next(
        [
            (
                f"Somebody else confirms it by {moment(asked.expires_at)} UTC, with the duty legal or compliance:",
                confirm,
            ),
            ("Until then one of you can withdraw it:", withdraw),
        ]
    )
