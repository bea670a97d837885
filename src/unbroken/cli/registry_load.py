"""``unbroken registry load``: a new version, with what it changes shown first."""

from collections.abc import Sequence

import typer
from rich.text import Text

from unbroken.cli.asking import agreed
from unbroken.cli.granting import ReasonOption, YesOption
from unbroken.cli.masked import masked
from unbroken.cli.printing import ROWS, cells, console, counted, plain_table, print_json, warn
from unbroken.cli.registry_store import FileArgument, open_registry, read
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.privacy.registry.difference import Change, differences
from unbroken.privacy.registry.looser import listed
from unbroken.privacy.registry.oddities import oddities
from unbroken.privacy.registry.reading import BUILT_IN, registry_from, text_of
from unbroken.privacy.registry.registry import Registry
from unbroken.store.log_reader import RegistryVersion


def load(
    file: FileArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Load a registry into a log as its next version.

    What it changes is shown first; what is protected less by it is marked.
    The load is an entry of the log, with the version, the file's SHA-256 and
    the reason. Recorders take the version up by themselves. A file that is
    the newest version already is not loaded again.

    Needs a login with the duty compliance.

    \b
    Examples:
      unbroken registry load unbroken.toml --reason "the lab's new tools"
      unbroken registry load unbroken.toml --reason "release 12" --yes
      unbroken registry load unbroken.toml --reason "release 12" --yes --json
    """
    text = text_of(file)
    new = registry_from(text, version=0)
    warnings = oddities(new)
    for words in warnings:
        warn(words)
    with open_registry(store, log, loading=True) as reader:
        newest = reader.registry()
        changes = differences(_before(newest), new)
        if newest is not None and newest.text == text:
            _tell_same(newest, reader.log, json=json)
            return
        if not json:
            _print_changes(changes, newest, reader.log)
        if not agreed(f"Load {printable(str(file))} for {reader.log}?", yes=yes):
            typer.echo("Nothing was loaded.")
            return
        version, seq = reader.load_registry(text, reason=masked(store, reason, rules=new.rules))
    if json:
        told = {"version": version, "seq": seq, "loaded": True, "changes": [_as_json(change) for change in changes]}
        print_json({"log": reader.log, **told, "warnings": warnings})
    else:
        typer.echo(f"Version {version} is loaded, in entry {seq:,}.")


def _before(newest: RegistryVersion | None) -> Registry:
    """What the new one is compared with."""
    try:
        return BUILT_IN if newest is None else read(newest)
    except ConfigurationError as error:
        warn(f"{error}; changes are told against what is built in")
        return BUILT_IN


def _tell_same(newest: RegistryVersion, log: str, *, json: bool) -> None:
    if json:
        print_json({"log": log, "version": newest.version, "seq": None, "loaded": False, "changes": [], "warnings": []})
    else:
        typer.echo(f"This is version {newest.version} of {log} already: nothing was loaded.")


def _print_changes(changes: Sequence[Change], newest: RegistryVersion | None, log: str) -> None:
    against = "what is built in, as nothing is loaded yet" if newest is None else f"version {newest.version}"
    out = console(piped=ROWS)
    if not changes:
        typer.echo(f"Nothing changes for {log} against {against}, but words that mean nothing.")
        return
    typer.echo(f"{counted(len(changes), 'change')} for {log} against {against}:")
    table = plain_table("", "what", "how", "protects less")
    for change in changes:
        what, of, words = cells(change.what, change.of, change.words)
        table.add_row(what, of, words, Text(_less(change), "bold red"))
    out.print(table)
    loosened = sum(bool(change.loosens) for change in changes)
    if loosened:
        out.print(Text(f"{counted(loosened, 'change')} protect{'s' if loosened == 1 else ''} less.", "bold red"))


def _less(change: Change) -> str:
    return listed(change.loosens) if change.loosens else ""


def _as_json(change: Change) -> dict[str, object]:
    return {"what": change.what, "of": change.of, "words": change.words, "loosens": list(change.loosens)}
