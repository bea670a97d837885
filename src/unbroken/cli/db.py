"""``unbroken db``: whether a database is as released, and scripts for whoever administers it."""

from typing import Annotated, Any, Final

import typer
from rich.padding import Padding
from rich.text import Text

from unbroken.cli.db_vacuum import vacuum
from unbroken.cli.kept_heads import name_of
from unbroken.cli.printing import ROWS, console, counted, print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, StoreOption, conninfo_of
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store.check import Outcome
from unbroken.store.check import check as check_database
from unbroken.store.check_finding import Finding, Severity
from unbroken.store.connection import connect
from unbroken.store.embedded import SUPERUSER
from unbroken.store.installation_script import migration_script, roles_script

FINE: Final = 0
FAULTY: Final = 1
WARNED: Final = 3
_LISTED: Final = 10
_STYLES: Final = {Severity.FAULT: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}

SqlOption = Annotated[bool, typer.Option("--sql", help="Print the script: nothing is executed.")]

app = typer.Typer(no_args_is_help=True)
app.command("vacuum")(vacuum)


@app.callback()
def _group() -> None:
    """Check a database, clear out what was erased, print scripts."""


@app.command()
def check(
    guarded: Annotated[
        bool, typer.Option("--guarded", help="Missing guards against DDL are a fault, not a note.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every finding, and why each check matters.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Check a database's schema, roles and settings against this release.

    Compares owners, columns, functions, views, privileges, row security,
    triggers and partitions with what this package knows of its schema, and
    looks for memberships, parameters and settings that go around them. It
    reads the catalogues and changes nothing, so any login will do; what that
    login may not read is told. Run it after a restore and from a monitor.
    It reads no entries: that is `unbroken verify`.

    \b
    Exit codes:
      0  as released; there may be notes
      1  faults: something that the log relies on is not so
      2  wrong usage, or the database can't be reached
      3  no faults, but warnings

    \b
    Examples:
      unbroken db check
      unbroken db check --store postgresql://ops@db.example/audit --guarded
      unbroken db check --json | jq '.checks[] | select(.findings != [])'
    """
    with conninfo_of(store, login=SUPERUSER) as conninfo, connect(conninfo) as connection:
        outcomes = check_database(connection, guarded=guarded)
    code = exit_code(outcomes)
    if json:
        print_json({"store": name_of(store), "exit_code": code, "checks": [_as_json(each) for each in outcomes]})
    else:
        _print(store, outcomes, everything=everything)
    raise typer.Exit(code)


@app.command()
def roles(sql: SqlOption = False) -> None:
    """Print the script that makes the roles.

    Roles belong to the server and not to a database, and often to somebody
    else than the database. The script may be run again.

    \b
    Examples:
      unbroken db roles --sql
      unbroken db roles --sql | psql postgresql://dba@db.example/postgres
    """
    _demand(sql)
    typer.echo(roles_script(), nl=False)


@app.command()
def migrate(
    sql: SqlOption = False,
    again: Annotated[
        bool, typer.Option("--again", help="All of it, also where the schema says that it is of this release.")
    ] = False,
    no_guards: Annotated[
        bool, typer.Option("--no-guards", help="Without the guards against DDL, which only a superuser makes.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Print what `unbroken init` would execute in a database.

    For a database in which somebody else executes what you ask for. Needs a
    login that may read which migrations were applied, or an empty database.
    With --again the script also gives everything back to unbroken_owner and
    takes away what the release does not grant: for after a restore without
    owners or privileges, run by a superuser.

    \b
    Examples:
      unbroken db migrate --sql --store postgresql://ops@db.example/audit
      unbroken db migrate --again --sql > again.sql
    """
    _demand(sql)
    with conninfo_of(store, login=SUPERUSER) as conninfo, connect(conninfo) as connection:
        text = migration_script(connection, again=again, guards=not no_guards)
    typer.echo(text or "-- The schema is of this release: nothing to execute. All of it: --again", nl=not text)


def exit_code(outcomes: list[Outcome]) -> int:
    """What a monitor is to be told."""
    if any(each.count(Severity.FAULT) for each in outcomes):
        return FAULTY
    return WARNED if any(each.count(Severity.WARNING) for each in outcomes) else FINE


def _demand(sql: bool) -> None:
    if not sql:
        raise ConfigurationError("this command only prints: say --sql. `unbroken init` executes")


def _print(store: str, outcomes: list[Outcome], *, everything: bool) -> None:
    out = console(piped=ROWS)
    for each in outcomes:
        out.print(_headline(each))
        if everything or each.findings:
            out.print(_indented(Text(each.why, "dim"), 4))
        shown = each.findings if everything else each.findings[:_LISTED]
        for finding in shown:
            out.print(_indented(_in_words(finding), 4))
            out.print(_indented(Text(f"mend: {printable(finding.mend)}", "dim"), 8))
        if len(shown) < len(each.findings):
            out.print(f"    and {len(each.findings) - len(shown)} more: --all")
    out.print()
    out.print(Text(printable(f"{name_of(store)}: {_summary(outcomes)}")))


def _headline(each: Outcome) -> Text:
    if each.undone is not None:
        return Text(f"not done  {each.name}: {printable(each.undone)}", "yellow")
    if not each.findings:
        return Text("ok        ", "green").append(each.name, "default")
    worst = each.findings[0].severity
    return Text(f"{worst.value.upper() if worst is Severity.FAULT else worst.value:<10}", _STYLES[worst]).append(
        each.name, "default"
    )


def _in_words(finding: Finding) -> Text:
    text = Text(f"    {finding.severity.value}: ", _STYLES[finding.severity])
    return text.append(printable(f"{finding.object} {finding.found}"), "default")


def _indented(text: Text, width: int) -> Padding:
    return Padding(text, (0, 0, 0, width), expand=False)


def _summary(outcomes: list[Outcome]) -> str:
    counts = {severity: sum(each.count(severity) for each in outcomes) for severity in Severity}
    told = [counted(number, severity.value) for severity, number in counts.items() if number]
    undone = sum(each.undone is not None for each in outcomes)
    parts = [counted(len(outcomes), "check"), *(told or ["as released"])]
    return ", ".join([*parts, *([f"{undone} not done"] if undone else [])])


def _as_json(each: Outcome) -> dict[str, Any]:
    return {
        "name": each.name,
        "why": each.why,
        "not_done": each.undone,
        "findings": [
            {"severity": found.severity.value, "object": found.object, "found": found.found, "mend": found.mend}
            for found in each.findings
        ],
    }
