"""``unbroken retention status``: what there is of each class, what is due, what keeps the rest, who is waited for."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from unbroken import wiring
from unbroken.cli.disposal_view import state_in_words
from unbroken.cli.printing import cells, counted, moment, plain_table, print_json, print_table
from unbroken.cli.retention_store import DECIDERS, SEERS, Kept, open_kept
from unbroken.cli.retention_view import day, json_time, kind_as_json, kind_in_words, type_in_words
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import AccessDeniedError
from unbroken.retention.standing import COUNTED, Standing, grouped, standing_of
from unbroken.store.disposals import Disposals
from unbroken.store.holds import Holds

_HEADINGS: Final = {
    "entries": "entries",
    "due": "due",
    "unknown": "unknown start",
    "conflicts": "conflicts",
    "past": "past ceiling",
    "held": "held",
}
_NEXT: Final = {
    **dict.fromkeys(("proposed", "reviewed"), DECIDERS),
    **dict.fromkeys(("approved", "begun", "emptied", "gone"), "retention"),
}
"""Whose duty the next step of a disposal is."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Something that waits for somebody: for whom, what, and the command."""

    who: str
    what: str
    command: str


def status(
    classes: Annotated[
        bool, typer.Option("--classes", help="Each class by itself, with the values in its scope.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Tell how retention stands: what is due, what is kept and why.

    Entries that still hold something are counted by what policies go by:
    type, domains and the keys of their scope. Due is what the next disposal
    takes; an unknown start waits for `unbroken retention started`; a conflict
    of floor and ceiling waits for a person, and is kept. What is held is
    counted as neither due nor past its ceiling. An entry whose parts have
    policies of their own counts for each part.

    \b
    Needs a login with the duty compliance, legal, dpo, retention or verifier.
    Exit codes: 0 nothing wants a person, 1 no policies are in force, or there
    are conflicts or entries past their ceiling, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention status
      unbroken retention status --classes --json | jq '.classes[].past'
    """
    with open_kept(store, log, login=wiring.READER, duties=SEERS) as kept:
        found = standing_of(kept.stocks(), kept.reckoning(), now=kept.now())
        waiting = _waiting(kept, store)
    rows = found if classes else grouped(found)
    total = {name: sum(getattr(each, name) for each in found) for name in COUNTED}
    if json:
        print_json(_as_json(kept, rows, total, waiting))
    else:
        _print(kept, rows, total, waiting)
    wanted = kept.version is None or total["conflicts"] or total["past"]
    raise typer.Exit(1 if wanted else 0)


def _waiting(kept: Kept, store: str) -> list[_Waiting]:
    def words(*given: str) -> str:
        return command(store, kept.origin, *given)

    found = []
    for row in kept.door.policy_versions():
        if row.state == "proposed":
            what = f"policies, version {row.version:,}, by {moment(row.expires_at)} UTC"
            found.append(_Waiting(_others(row.proposed_by), what, words("retention", "confirm", str(row.version))))
    for approval in kept.door.standing_approvals():
        if approval.state == "asked":
            what = f"an approval in advance, by {moment(approval.expires_at)} UTC"
            confirming = words("retention", "standing", "confirm", approval.approval)
            found.append(_Waiting(_others(approval.asked_by), what, confirming))
    return found + _of_disposals(kept, store) + _of_holds(kept, words("hold", "list"))


def _of_disposals(kept: Kept, store: str) -> list[_Waiting]:
    """Who has to go on with which disposal, in any incarnation."""
    found = []
    for _, name in kept.reader.incarnations():
        for row in Disposals(kept.reader, log=name).all():
            who = _NEXT.get(row.state)
            if who is not None:
                state = f"disposal {row.disposal}: {state_in_words(row)}"
                other = f", other than {row.reviewed_by}" if row.state == "reviewed" else ""
                words = ("retention", "run", "--execute") if who == "retention" else ("disposal", "show", row.disposal)
                found.append(_Waiting(f"{who}{other}", state, command(store, name, *words)))
    return found


def _of_holds(kept: Kept, listing: str) -> list[_Waiting]:
    """What waits about legal holds, for whom may know of them."""
    holds = Holds(kept.reader)
    try:
        asked = [each for each in holds.requests() if each.state == "asked"]
        late = sum(each.is_overdue for each in holds.all())
    except AccessDeniedError:
        return []
    found = [_Waiting(_others(each.asked_by), f"a hold to {each.kind}", listing) for each in asked]
    return found + ([_Waiting("legal or compliance", f"review of {counted(late, 'hold')}", listing)] if late else [])


def _others(by: str) -> str:
    return f"somebody other than {by}"


def _print(kept: Kept, rows: list[Standing], total: dict[str, int], waiting: list[_Waiting]) -> None:
    if kept.version is None:
        typer.echo(f"No policies are in force for {kept.origin}: everything is kept.")
    else:
        typer.echo(f"Version {kept.version.version:,} of the policies is in force for {kept.origin}.")
    if rows:
        table = plain_table(
            *("event type", "of", "policies", *_HEADINGS.values(), "oldest", "next due"), right=(*_HEADINGS.values(),)
        )
        for each in rows:
            table.add_row(
                *cells(type_in_words(each.kind), kind_in_words(each.kind), ", ".join(each.policies)),
                *cells(*(f"{getattr(each, name):,}" if getattr(each, name) else "" for name in _HEADINGS)),
                *cells(day(each.oldest), day(each.next_due)),
            )
        print_table(table)
    typer.echo(", ".join(f"{heading}: {total[name]:,}" for name, heading in _HEADINGS.items()))
    if waiting:
        print_next((f"{each.who}: {each.what}", each.command) for each in waiting)


def _as_json(kept: Kept, rows: list[Standing], total: dict[str, int], waiting: list[_Waiting]) -> dict[str, Any]:
    return {
        "log": kept.log,
        "policies_version": None if kept.version is None else kept.version.version,
        "total": total,
        "classes": [
            {
                **kind_as_json(each.kind),
                "policies": list(each.policies),
                **{name: getattr(each, name) for name in COUNTED},
                "oldest": json_time(each.oldest),
                "next_due": json_time(each.next_due),
            }
            for each in rows
        ],
        "waiting": [{"for": each.who, "what": each.what, "command": each.command} for each in waiting],
    }
