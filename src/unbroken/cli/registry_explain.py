"""``unbroken registry explain``: how an event's data would be treated, and what decides it."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unbroken.cli.printing import ROWS, cells, columns, console, plain_table, print_json
from unbroken.cli.registry_store import in_force, open_registry
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.core.kinds import CARD, HEALTH, PERSONAL, SECRET
from unbroken.errors import ConfigurationError
from unbroken.privacy.registry.explanation import reasons
from unbroken.privacy.registry.reading import read_registry
from unbroken.privacy.registry.registry import Registry
from unbroken.privacy.registry.said import Classified

FLAGS: Final = (PERSONAL, HEALTH, CARD, SECRET)

OwnFile = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="A registry that isn't loaded; left out, the log's.", show_default=False),
]


def explain(
    file: OwnFile = None,
    tool: Annotated[str | None, typer.Option("--tool", metavar="TOOL", help="The tool called.")] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="SOURCE", help="A data source; may be repeated.")
    ] = None,
    resource: Annotated[str | None, typer.Option("--resource", metavar="TYPE", help="The resource's type.")] = None,
    domain: Annotated[
        list[str] | None, typer.Option("--domain", metavar="DOMAIN", help="A domain the caller names; may be repeated.")
    ] = None,
    found: Annotated[
        list[str] | None,
        typer.Option("--found", metavar="FLAG", help=f"What is found in it: {', '.join(FLAGS)}; may be repeated."),
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="AGENT", help="The agent's id, for prompts.")] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Tell how an event's data would be treated, and what decides it.

    Of what the entries, the defaults, the caller and the findings say, the
    strictest holds; named are those that say it, by their place in the file:
    `tool 3 (ehr_*)` is the third [[tool]]. Asking a log's own registry takes
    a login with the duty compliance, legal, dpo or ops.

    \b
    Examples:
      unbroken registry explain --tool get_patient
      unbroken registry explain --tool pay --source shop --found card
      unbroken registry explain --resource patient unbroken.toml --json
    """
    fields = _fields(tool, source, resource=resource, domains=domain)
    if not (fields or found or agent):
        raise ConfigurationError("say what it is about: --tool, --source, --resource, --domain, --found or --agent")
    unknown = sorted(set(found or ()) - set(FLAGS))
    if unknown:
        raise ConfigurationError(f"--found is one of {', '.join(FLAGS)}")
    registry = _registry(file, store, log)
    classified = registry.raised(registry.classified(fields), found or ())
    if json:
        print_json(_as_json(registry, classified, tool=tool, resource=resource, agent=agent))
    else:
        _print(registry, classified, tool=tool, resource=resource, agent=agent)


def _fields(
    tool: str | None, sources: list[str] | None, *, resource: str | None, domains: list[str] | None
) -> dict[str, Any]:
    scope = [f"system={name}" for name in sources or ()]
    fields = {"tool": tool, "scope": scope or None, "resource_type": resource, "domains": domains or None}
    return {key: value for key, value in fields.items() if value is not None}


def _registry(file: Path | None, store: str, log: str | None) -> Registry:
    if file is not None:
        return read_registry(file)
    with open_registry(store, log) as reader:
        return in_force(reader)


def _print(
    registry: Registry, classified: Classified, *, tool: str | None, resource: str | None, agent: str | None
) -> None:
    out = console(piped=ROWS)
    table = plain_table("", "", "because of")
    for reason in reasons(classified):
        table.add_row(*cells(reason.of, reason.value, ", ".join(reason.by)))
    out.print(table)
    told = _facts(registry, classified, tool=tool, resource=resource, agent=agent)
    facts = [(label.replace("_", " "), _word(value)) for label, value in told.items()]
    facts += [("named by no entry", f"{kind} {name}") for kind, name in classified.unknown]
    out.print()
    out.print(columns(facts))


def _facts(
    registry: Registry, classified: Classified, *, tool: str | None, resource: str | None, agent: str | None
) -> dict[str, Any]:
    """What a registry tells besides how data is treated."""
    facts: dict[str, Any] = {"keeps_original": registry.originals.keeps(classified.domains)}
    known = None if tool is None else registry.tool(tool).resource
    if known is not None:
        facts |= {"records_resource": known[0], "by_argument": known[1]}
    if resource is not None:
        facts["pseudonym_for_id"] = registry.is_pseudonymous(resource)
    if agent is not None:
        facts["prompts"] = registry.prompts_of(agent)
    return facts


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _as_json(
    registry: Registry, classified: Classified, *, tool: str | None, resource: str | None, agent: str | None
) -> dict[str, Any]:
    return {
        "version": registry.version,
        "domains": sorted(classified.domains),
        "classification": classified.classification,
        "side_effect": classified.side_effect,
        "redaction": classified.profile.name,
        "because": [{"of": each.of, "value": each.value, "by": list(each.by)} for each in reasons(classified)],
        "unknown": [{"kind": kind, "name": name} for kind, name in classified.unknown],
        **_facts(registry, classified, tool=tool, resource=resource, agent=agent),
    }
