"""``unbroken subject list``: erasures and what became of them."""

from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.printing import cells, moment, plain_table, print_json, print_table
from unbroken.cli.subject_decide import open_erasures
from unbroken.cli.subject_view import erasure_as_json, planned_in_words, state_in_words
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.store.erasures import Erasure

_OPEN = ("asked", "confirmed", "begun")


def list_erasures(
    everything: Annotated[bool, typer.Option("--all", help="Also those done, withdrawn or expired.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List the erasures that wait for somebody, the newest first.

    Needs a login with the duty dpo, legal, compliance or verifier. Times are
    UTC, by the database's clock. Planned is what there was when it was asked
    for. One that has begun is to be carried out to its end by the same
    command that began it.

    \b
    Exit codes: 0 listed, 2 wrong usage or no access.

    \b
    Examples:
      unbroken subject list
      unbroken subject list --all --json | jq -r '.erasures[].erasure'
    """
    duties = "dpo, legal, compliance or verifier"
    with open_erasures(store, log, login=wiring.READER, duties=duties) as door:
        found = [each for each in door.all() if everything or each.state in _OPEN]
    if json:
        print_json({"log": door.log, "erasures": [erasure_as_json(each) for each in found]})
    elif found:
        _print(found)
    else:
        typer.echo("No erasures yet." if everything else "No erasure waits for anybody.")


def _print(found: list[Erasure]) -> None:
    table = plain_table("erasure", "case", "asked (UTC)", "asked by", "confirmed by", "begun by", "planned", "state")
    for column in (table.columns[0], table.columns[2]):
        column.no_wrap = True
    for each in found:
        table.add_row(
            *cells(
                each.erasure,
                each.case or "",
                "" if each.requested_at is None else moment(each.requested_at)[:-3],
                each.requested_by or "",
                each.confirmed_by or "",
                each.begun_by or "",
                planned_in_words(each),
                state_in_words(each),
            )
        )
    print_table(table)
