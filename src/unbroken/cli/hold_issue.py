"""``unbroken hold issue``: holding what is there and what comes, at once and alone."""

from enum import StrEnum
from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed
from unbroken.cli.granting import ReasonOption, YesOption
from unbroken.cli.hold_counting import count
from unbroken.cli.hold_options import (
    ActorsOption,
    AgentsOption,
    DomainsOption,
    EventsOption,
    FromOption,
    ResourcesOption,
    ScopeOption,
    SessionsOption,
    SubjectsOption,
    ToolsOption,
    ToOption,
    TypesOption,
    as_in_log,
    open_holds,
    scope_from,
)
from unbroken.cli.hold_view import print_reach, print_scope, reach_as_json
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.people import KeyOption, keys_of
from unbroken.cli.printing import print_json
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.store.holds import Issued, Reach


class Kind(StrEnum):
    """What a matter may be."""

    LITIGATION = "litigation"
    REGULATOR = "regulator"
    INTERNAL = "internal"
    DISPUTE = "dispute"
    INCIDENT = "incident"
    RESTRICTION = "restriction"


def issue(
    matter: Annotated[
        str, typer.Option("--matter", metavar="TEXT", help="The matter's number or name: it stays in the log.")
    ],
    kind: Annotated[Kind, typer.Option("--kind", help="What the matter is.")],
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
    everything: Annotated[bool, typer.Option("--everything", help="All of the log; without other options.")] = False,
    grace_days: Annotated[
        int, typer.Option("--grace-days", min=0, max=3650, metavar="N", help="How long it covers on after its release.")
    ] = 30,
    review_days: Annotated[
        int, typer.Option("--review-days", min=1, max=3650, metavar="N", help="How often somebody looks at it again.")
    ] = 90,
    key: KeyOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Issue a legal hold: at once, by one person.

    From then on nothing that it covers is destroyed: by no disposal, no
    erasure, and with no key, whoever tries. It covers what fits all options;
    one that is given several times fits where one of its values does. What is
    recorded later is covered too, unless --to ends it. People are held under
    all ids that they have: name them, and --key, or give their pseudonyms.

    The answer is how much it preserves, and how much had gone already. To
    narrow or release it takes two people.

    \b
    Needs the duty legal or compliance.
    Exit codes: 0 issued or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken hold issue --matter 2026-CV-114 --kind litigation \\
        --reason "complaint of 3 March" --subject dana@clinic.example
      unbroken hold issue --matter INC-7 --kind incident --reason "wrong doses" \\
        --agent dosing --from 2026-03-01 --to 2026-03-08 --yes --json
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
    asked = scope_from(lists, since=since, until=until, everything=everything)
    issued: Issued | None = None
    found: dict[str, Reach] = {}
    with open_holds(store, log, login=wiring.READER) as (door, reader):
        rules = rules_of(reader)
        matter, reason = masked(store, matter, rules=rules), masked(store, reason, rules=rules)
        keys = keys_of(store, key)
        scope = as_in_log(asked, reader, store, log, keys=keys, login=wiring.READER)
        if not json:
            print_scope(f"This holds, of {door.log.partition('~')[0]}", scope)
        if agreed("Issue this hold? To release it takes two people.", yes=yes):
            issued = door.issue(
                matter, kind.value, scope=scope, reason=reason, grace_days=grace_days, review_days=review_days
            )
            if not json:
                typer.echo(f"Issued as {issued.hold}, in entry {issued.seq:,}. It holds from now on.")
            found = count(door, issued.hold)
    if json:
        facts = None if issued is None else {"hold": issued.hold, "seq": issued.seq}
        print_json({"log": door.log, "scope": dict(scope), "issued": facts, "counted": reach_as_json(found)})
    elif issued is None:
        typer.echo("Nothing was issued.")
    else:
        print_reach(found)
        print_next(
            [
                ("You, to look at it:", command(store, door.log, "hold", "show", issued.hold)),
                (
                    f"One of you, at least every {review_days} days, if it is still needed:",
                    command(store, door.log, "hold", "review", issued.hold, "--reason", "TEXT"),
                ),
            ]
        )
