"""``unbroken retention simulate``, ``propose``, ``confirm`` and ``withdraw``: how the policies of a log change."""

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed, agreed_by_another
from unbroken.cli.granting import ReasonOption, YesOption
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.printing import moment, print_json
from unbroken.cli.retention_store import DECIDERS, SEERS, FileArgument, Kept, VersionArgument, open_kept
from unbroken.cli.retention_view import (
    print_counts,
    print_differences,
    print_simulation,
    print_version,
    simulation_as_json,
)
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.retention.comparing import Difference, differences
from unbroken.retention.policy_file import read_policies
from unbroken.retention.policy_set import PolicySet
from unbroken.retention.reading import rules_of as policies_of
from unbroken.retention.reading import told_in
from unbroken.retention.reckoning import Reckoning
from unbroken.retention.simulating import Simulation
from unbroken.store.retention import PolicyVersion


def simulate(
    file: FileArgument, json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None
) -> None:
    """Show what other policies would change, for how many entries.

    Nothing is proposed and nothing recorded. Counted is what the log still
    holds, in all its incarnations, at this moment. What a legal hold covers
    goes under no policy, and is counted apart. An entry whose parts have
    policies of their own, now or then, counts for each part.

    \b
    Needs a login with the duty compliance, legal, dpo, retention or verifier.
    Exit codes: 0 simulated, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention simulate retention.toml
      unbroken retention simulate retention.toml --json | jq .simulated.counts
    """
    after = read_policies(file)
    with open_kept(store, log, login=wiring.READER, duties=SEERS) as kept:
        found, changed = _simulated(kept, after), _differences(kept, after)
    if json:
        print_json({"log": kept.log, **_as_json(changed), "simulated": simulation_as_json(found)})
    else:
        print_differences(changed, against=_against(kept))
        print_simulation(found)
        typer.echo("Simulated: nothing was proposed.")


def propose(
    file: FileArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Propose the policies of a log; somebody else puts them into force.

    Simulates them first and shows what they would change. The proposal is an
    entry of the log, with the policies, the counts and the reason; without a
    second person's word it is over after seven days.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 proposed or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention propose retention.toml --reason "records schedule 2026"
      unbroken retention propose retention.toml --reason "audit" --yes --json
    """
    after = read_policies(file)
    with open_kept(store, log, login=wiring.READER, duties=DECIDERS) as kept:
        found, changed = _simulated(kept, after), _differences(kept, after)
        if not json:
            print_differences(changed, against=_against(kept))
            print_simulation(found)
        if not agreed(f"Propose these policies for {kept.origin}? Nothing changes by it yet.", yes=yes):
            typer.echo("Nothing was proposed.")
            return
        because = masked(store, reason, rules=rules_of(kept.reader))
        proposed = kept.door.propose(after.text, reason=because, simulated=found.counts)
    words = ("retention", "confirm", str(proposed.version))
    confirming = command(store, kept.origin, *words)
    if json:
        told = {"version": proposed.version, "seq": proposed.seq, "confirm": confirming}
        print_json({"log": kept.log, "proposed": told, **_as_json(changed), "simulated": simulation_as_json(found)})
        return
    typer.echo(f"Proposed as version {proposed.version:,}, in entry {proposed.seq:,}. It is not in force yet.")
    until = f"{moment(proposed.expires_at)} UTC"
    print_next([(f"Somebody else confirms it by {until}, with the duty compliance, legal or dpo:", confirming)])


def confirm(
    version: VersionArgument,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Put policies into force that somebody else proposed.

    Shows what they change, what was counted when they were proposed, and
    counts anew. Confirming destroys nothing: what is due by them goes with
    the next disposal, which is reviewed and approved, or approved in advance.

    \b
    Needs a login with the duty compliance, legal or dpo, other than the one
    that proposed. Exit codes: 0 confirmed or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention confirm 3 --log clinic.example/agents
      unbroken retention confirm 3 --yes --json
    """
    with open_kept(store, log, login=wiring.LEGAL, duties=DECIDERS) as kept:
        row = _waiting(kept, version)
        after = policies_of(row)
        found, changed = _simulated(kept, after), _differences(kept, after)
        if not json:
            _print_decision(kept, row, changed, found)
        question = f"Put version {version:,} into force for {kept.origin}?"
        if not agreed_by_another(question, store, yes=yes, first="proposes"):
            typer.echo("Nothing was confirmed.")
            return
        seq = kept.door.confirm(version)
    if json:
        simulated = {"simulated": simulation_as_json(found)}
        print_json({"log": kept.log, "version": version, "seq": seq, **_as_json(changed), **simulated})
    else:
        typer.echo(f"Version {version:,} is in force, by entry {seq:,}.")


def withdraw(
    version: VersionArgument, json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None
) -> None:
    """Take a proposal back that nobody has confirmed; one person is enough.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 withdrawn, 2 wrong usage, no access, or it was confirmed.

    \b
    Examples:
      unbroken retention withdraw 3 --log clinic.example/agents
    """
    with open_kept(store, log, login=wiring.READER, duties=DECIDERS) as kept:
        seq = kept.door.withdraw(version)
    if json:
        print_json({"log": kept.log, "version": version, "seq": seq})
    else:
        typer.echo(f"Version {version:,} is withdrawn: what was in force stays so, and entry {seq:,} says it.")


def _waiting(kept: Kept, version: int) -> PolicyVersion:
    row = next((each for each in kept.door.policy_versions() if each.version == version), None)
    if row is None or row.state != "proposed":
        state = "there is no such version" if row is None else f"it is {row.state}"
        raise ConfigurationError(
            f"version {version} does not wait for a second person: {state}. `unbroken retention policies --versions` "
            "lists what there is"
        )
    return row


def _simulated(kept: Kept, after: PolicySet) -> Simulation:
    told = told_in(kept.door)
    before = None if kept.version is None else policies_of(kept.version)
    found = Simulation(Reckoning(before, told), Reckoning(after, told), kept.now())
    for stock in kept.stocks():
        found.add(stock)
    return found


def _differences(kept: Kept, after: PolicySet) -> list[Difference]:
    return differences(None if kept.version is None else policies_of(kept.version), after)


def _against(kept: Kept) -> str:
    if kept.version is None:
        return "what is in force: nothing yet, so that everything is kept"
    return f"version {kept.version.version:,}, which is in force"


def _print_decision(kept: Kept, row: PolicyVersion, changed: list[Difference], found: Simulation) -> None:
    print_version(row, log=kept.log)
    print_differences(changed, against=_against(kept))
    typer.echo("\nAs it was counted when it was proposed:")
    print_counts(row.simulated)
    typer.echo("\nAs it is counted now:")
    print_simulation(found)


def _as_json(changed: list[Difference]) -> dict[str, object]:
    return {"differences": [{"policy": each.policy, "words": each.words, "moves": each.moves} for each in changed]}
