"""``unbroken registry``: what tools, data sources and resource types are, and how their data is treated."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from unbroken.cli.printing import (
    as_json_time,
    cells,
    columns,
    console,
    counted,
    moment,
    plain_table,
    print_json,
    print_table,
    warn,
)
from unbroken.cli.registry_explain import explain
from unbroken.cli.registry_load import load
from unbroken.cli.registry_store import FileArgument, in_force, open_registry
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable, printable_lines
from unbroken.privacy.registry.oddities import oddities
from unbroken.privacy.registry.reading import read_registry
from unbroken.privacy.registry.registry import Registry
from unbroken.store.log_reader import LogReader, RegistryVersion, Unclassified

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Say what tools and data are, and how their data is treated.

    One TOML file names tools, data sources, resource types and domains, and
    says how far redaction goes, whose names become pseudonyms and which
    prompts are kept. Loaded, it is a version of the log's registry.
    docs/registry.md tells the whole of it.
    """


@app.command()
def check(file: FileArgument, json: JsonOption = False) -> None:
    """Check a registry's file: what it says, and what in it is odd.

    Needs no log, and changes nothing. Exit code 2, and the place, where the
    file can't be loaded.

    \b
    Examples:
      unbroken registry check unbroken.toml
      unbroken registry check unbroken.toml --json | jq -r '.warnings[]'
    """
    read = read_registry(file)
    odd = oddities(read)
    if json:
        print_json({"file": str(file), **_summary(read), "warnings": odd})
        return
    out = console()
    typer.echo(f"{printable(str(file))} can be loaded: {counted(len(list(read.entries())), 'entry')}.")
    out.print(columns([(label, value) for label, value in _in_words(read) if value]))
    for words in odd:
        warn(words)


app.command()(load)


@app.command()
def show(
    version: Annotated[
        int | None, typer.Option("--version", min=1, metavar="N", help="This version; by default, the newest.")
    ] = None,
    versions: Annotated[bool, typer.Option("--versions", help="List the versions instead, the newest first.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Print a log's registry, or list its versions.

    The text alone goes to the output; which version it is, to standard error.
    Needs a login with the duty compliance, legal, dpo or ops. Times are UTC.

    \b
    Examples:
      unbroken registry show > unbroken.toml
      unbroken registry show --versions
      unbroken registry show --version 3 --json
    """
    with open_registry(store, log) as reader:
        name = reader.log
        if versions:
            _print_versions(name, list(_versions(reader)), json=json)
            return
        found = reader.registry(version)
    if found is None and version is not None:
        raise ConfigurationError(f"{name} has no version {version} of the registry: `--versions` lists them")
    if json:
        print_json({"log": name, "registry": None if found is None else {**_version(found), "text": found.text}})
    elif found is None:
        typer.echo("Nothing is loaded: what is built in holds.", err=True)
    else:
        warn(f"version {found.version} of {name}, loaded {moment(found.loaded_at)} by {found.loaded_by}")
        _print_text(found.text)


@app.command()
def unknown(json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None) -> None:
    """List what was recorded and no entry of the registry names.

    Tools, data sources and resource types, the oldest first, with the time
    (UTC) when a recorder noted each. Their data is treated as [defaults] say.
    What the newest version names is not listed any more. Needs a login with
    the duty compliance, legal, dpo or ops.

    \b
    Examples:
      unbroken registry unknown
      unbroken registry unknown --json | jq -r '.unknown[].name'
    """
    with open_registry(store, log) as reader:
        known, name = in_force(reader), reader.log
        found = [item for item in reader.unclassified() if not known.of_kind(item.kind).of(item.name)]
    if json:
        print_json({"log": name, "version": known.version, "unknown": [_unknown_as_json(item) for item in found]})
    elif found:
        table = plain_table("kind", "name", "noted")
        for item in found:
            table.add_row(*cells(item.kind, item.name, moment(item.noted_at)))
        print_table(table)
    else:
        typer.echo("Every name that was recorded is in the registry.")


app.command()(explain)


# ---- what a file says ----


def _summary(read: Registry) -> dict[str, Any]:
    return {
        "entries": {kind: len(read.of_kind(kind).entries) for kind in ("tool", "source", "resource", "domain")},
        "profile": read.profile.name,
        "patterns": len(read.rules.patterns),
        "pseudonyms": read.pseudonyms,
        "scope": sorted(read.pseudonymous_scope),
        "prompts": read.prompts,
        "agents": {agent.name: agent.store for agent in read.agents.entries},
        "originals": {
            "keep": read.originals.keep,
            "domains": sorted(read.originals.domains),
            "without_key": read.originals.without_key,
        },
        "default": read.defaults.classification,
    }


def _in_words(read: Registry) -> Iterator[tuple[str, str]]:
    for kind, label in (
        ("tool", "tools"),
        ("source", "sources"),
        ("resource", "resource types"),
        ("domain", "domains"),
    ):
        entries = read.of_kind(kind).entries
        patterns = sum(entry.is_pattern for entry in entries)
        yield label, f"{len(entries):,}" + (f", {patterns:,} by pattern" if patterns else "")
    yield "unnamed", f"{read.defaults.classification} by default"
    own = len(read.rules.patterns)
    yield "redaction", read.profile.name + (f", with {counted(own, 'pattern')} of your own" if own else "")
    scope = "".join(f", {key}= in scope" for key in sorted(read.pseudonymous_scope))
    yield "pseudonyms", f"persons{scope}" if read.pseudonyms else "no: callers pass ids that say nothing"
    yield "prompts", ", ".join([read.prompts, *(f"{agent.name} {agent.store}" for agent in read.agents.entries)])
    yield "originals", str(read.originals)


# ---- what a log holds ----


def _versions(reader: LogReader) -> Iterator[RegistryVersion]:
    found = reader.registry()
    while found is not None:
        yield found
        found = reader.registry(found.version - 1) if found.version > 1 else None


def _print_versions(log: str, found: list[RegistryVersion], *, json: bool) -> None:
    if json:
        print_json({"log": log, "versions": [_version(each) for each in found]})
    elif found:
        table = plain_table("version", "loaded", "by", "sha256", right=("version",))
        for each in found:
            table.add_row(*cells(each.version, moment(each.loaded_at), each.loaded_by, each.sha256))
        print_table(table)
    else:
        typer.echo("Nothing is loaded: what is built in holds.")


def _version(found: RegistryVersion) -> dict[str, Any]:
    return {
        "version": found.version,
        "loaded_at": as_json_time(found.loaded_at),
        "loaded_by": found.loaded_by,
        "sha256": found.sha256,
    }


def _print_text(text: str) -> None:
    if sys.stdout.isatty():
        text = "\n".join(printable_lines(text))
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()


def _unknown_as_json(item: Unclassified) -> dict[str, Any]:
    return {"kind": item.kind, "name": item.name, "noted_at": as_json_time(item.noted_at)}
