"""``unbroken access``: what waits for a second person, and the report on who may and who did."""

import uuid
from datetime import datetime
from typing import Annotated, Any

import typer

from unbroken.cli.access_report import report
from unbroken.cli.asking import agreed
from unbroken.cli.granting import Administration, RequestArgument, YesOption, open_granting, open_requests
from unbroken.cli.printing import as_json_time, cells, columns, console, moment, plain_table, print_json, print_table
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store import administration
from unbroken.store.access import AccessTables, RequestRow

app = typer.Typer(no_args_is_help=True)
app.command("report")(report)


@app.callback()
def _group() -> None:
    """Confirm or withdraw requests for access, and report who has it.

    Access administrators grant with `unbroken grant`. A duty that takes two
    people waits here for the second. The report is for compliance.
    """


@app.command()
def requests(
    everything: Annotated[bool, typer.Option("--all", help="Also those decided or expired.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List the requests that wait for a second person, the oldest first.

    Needs a login with the duty access or compliance. Times are UTC.

    \b
    Examples:
      unbroken access requests
      unbroken access requests --all --json | jq '.requests[].request'
    """
    with open_requests(store, log) as reader:
        tables, name = AccessTables(reader), reader.log
        now = tables.now()
        found = [row for row in tables.requests() if everything or _state(row, now) == "waiting"]
    if json:
        print_json({"log": name, "requests": [_as_json(row, now) for row in found]})
    elif found:
        _print_list(found, now)
    else:
        typer.echo("No requests yet." if everything else "Nothing waits for a second person.")


@app.command()
def confirm(
    request: RequestArgument,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Confirm another person's request: the grant takes effect.

    Needs the login of an access administrator of the log who neither asked
    nor is granted. What is granted to whom is shown first.

    \b
    Examples:
      unbroken access confirm 0b51c6f2-… --log clinic.example/agents
      unbroken access confirm 0b51c6f2-… --yes --json
    """
    asked, now = _asked(store, log, request)
    if not json:
        _print_request(asked, now)
    with open_granting(store, log) as given:
        if not agreed("Confirm this grant?", yes=yes):
            typer.echo("Nothing was confirmed.")
            return
        seq = administration.confirm(given.connection, given.log, asked.request)
    if json:
        print_json(_decision(given, asked, seq))
        return
    words = f"Granted: {asked.login} has the duty {asked.duty} for {given.log} since entry {seq:,}."
    typer.echo(printable(words))


@app.command()
def withdraw(
    request: RequestArgument,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Withdraw a request that waits: nobody can confirm it any more.

    Needs the login of an access administrator of the log; any one will do.

    \b
    Examples:
      unbroken access withdraw 0b51c6f2-… --log clinic.example/agents
    """
    asked, _ = _asked(store, log, request)
    with open_granting(store, log) as given:
        seq = administration.withdraw(given.connection, given.log, asked.request)
    if json:
        print_json(_decision(given, asked, seq))
        return
    typer.echo(printable(f"Withdrawn: {asked.duty} for {asked.login} is not granted; entry {seq:,} says so."))


def _asked(store: str, log: str | None, request: str) -> tuple[RequestRow, datetime]:
    """The request, and the time by the database's clock."""
    with open_requests(store, log) as reader:
        tables, name = AccessTables(reader), reader.log
        found, now = tables.request(_as_id(request)), tables.now()
    if found is None:
        raise ConfigurationError(f"{name} holds no request {request}: `unbroken access requests` shows what waits")
    return found, now


def _as_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text


def _state(row: RequestRow, now: datetime) -> str:
    return row.outcome or ("expired" if row.expires_at < now else "waiting")


def _print_request(asked: RequestRow, now: datetime) -> None:
    facts = [
        ("request", asked.request),
        ("grants", f"{asked.login} the duty {asked.duty}"),
        ("asked by", f"{asked.requested_by}, in entry {asked.requested_seq:,}"),
        ("because", asked.reason),
        ("state", f"{_state(asked, now)}, until {moment(asked.expires_at)} UTC"),
    ]
    console().print(columns(facts))


def _print_list(found: list[RequestRow], now: datetime) -> None:
    table = plain_table("request", "login", "duty", "asked by", "because", "until (UTC)", "state")
    for column in (table.columns[0], table.columns[5]):
        column.no_wrap = True
    for row in found:
        by = f" by {row.decided_by}" if row.decided_by else ""
        table.add_row(
            *cells(
                row.request,
                row.login,
                row.duty,
                row.requested_by,
                row.reason,
                moment(row.expires_at)[:-3],
                f"{_state(row, now)}{by}",
            )
        )
    print_table(table)


def _as_json(row: RequestRow, now: datetime) -> dict[str, Any]:
    return {
        "request": row.request,
        "state": _state(row, now),
        "login": row.login,
        "duty": row.duty,
        "reason": row.reason,
        "requested_by": row.requested_by,
        "seq": row.requested_seq,
        "valid_until": as_json_time(row.expires_at),
        "decided_by": row.decided_by,
        "decided_seq": row.decided_seq,
    }


def _decision(given: Administration, asked: RequestRow, seq: int) -> dict[str, Any]:
    return {"log": given.log, "request": asked.request, "login": asked.login, "duty": asked.duty, "seq": seq}
