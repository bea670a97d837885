"""``unbroken retention policies``: what a log has to keep for how long, and what there is to choose from."""

from typing import Annotated

import typer

from unbroken import wiring
from unbroken.cli.printing import cells, moment, plain_table, print_json, print_table
from unbroken.cli.retention_store import SEERS, Kept, open_kept
from unbroken.cli.retention_view import print_policies, print_version, set_as_json, version_as_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.retention.catalogue import built_in
from unbroken.retention.reading import rules_of
from unbroken.retention.written import table_of
from unbroken.store.retention import PolicyVersion


def policies(
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="List the policies that come with unbroken instead; needs no log.")
    ] = False,
    version: Annotated[
        int | None, typer.Option("--version", min=1, metavar="N", help="This version; by default, the one in force.")
    ] = None,
    versions: Annotated[bool, typer.Option("--versions", help="List the versions instead, the newest first.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show the policies of a log, or those to choose from.

    A policy says how long to keep (its floor), by when to let go (its
    ceiling), and what that is counted from; it speaks of all that an entry
    holds, or of its payloads or originals alone. Before a set of them is in force
    everything is kept. --catalogue lists those that come with unbroken, with
    their citations; they are a help and no legal advice.

    \b
    Needs a login with the duty compliance, legal, dpo, retention or verifier.
    Exit codes: 0 shown, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention policies --catalogue
      unbroken retention policies
      unbroken retention policies --versions --json
    """
    if catalogue:
        _print_catalogue(json=json)
        return
    with open_kept(store, log, login=wiring.READER, duties=SEERS) as kept:
        rows = kept.door.policy_versions() if versions else []
        row = kept.version if version is None else _version(kept, version)
    if versions:
        _print_versions(kept.log, rows, json=json)
    elif json:
        told = None if row is None else {**version_as_json(row), **set_as_json(rules_of(row))}
        print_json({"log": kept.log, "policies": told})
    elif row is None:
        typer.echo(f"No policies are in force for {kept.origin}: everything is kept.")
    else:
        print_version(row, log=kept.log)
        rules = rules_of(row)
        print_policies(rules.policies, default=rules.default)


def _version(kept: Kept, number: int) -> PolicyVersion:
    found = next((each for each in kept.door.policy_versions() if each.version == number), None)
    if found is None:
        raise ConfigurationError(f"{kept.log} has no version {number} of the policies: `--versions` lists them")
    return found


def _print_catalogue(*, json: bool) -> None:
    if json:
        print_json({"catalogue": [table_of(policy) for policy in built_in().values()]})
    else:
        print_policies(built_in().values(), default=None)


def _print_versions(log: str, rows: list[PolicyVersion], *, json: bool) -> None:
    if json:
        print_json({"log": log, "versions": [version_as_json(each) for each in rows]})
        return
    if not rows:
        typer.echo("No policies were ever proposed.")
        return
    table = plain_table("version", "state", "proposed (UTC)", "by", "because", "decided by", right=("version",))
    for each in rows:
        proposed = moment(each.proposed_at)[:-3]
        by = each.decided_by or ""
        table.add_row(*cells(each.version, each.state, proposed, each.proposed_by, each.reason, by))
    print_table(table)
