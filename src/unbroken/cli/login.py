"""``unbroken login``: the database logins of one duty each."""

import secrets
import sys
from enum import StrEnum
from getpass import getpass
from typing import Annotated, Final

import typer

from unbroken.cli.printing import as_json_time, cells, console, moment, plain_table, print_json
from unbroken.cli.target import (
    DEFAULT_STORE,
    JsonOption,
    LogOption,
    StoreOption,
    is_conninfo,
    open_administration,
    open_reader,
)
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store import administration

PASSWORD_BYTES: Final = 24

app = typer.Typer(no_args_is_help=True)


class Duty(StrEnum):
    """What a login may do."""

    WRITER = "writer"
    VERIFIER = "verifier"
    OPS = "ops"


@app.callback()
def _group() -> None:
    """Add and list the database logins of a log.

    A writer records into one log. A verifier reads all entries and their
    payloads. An ops login reads all but the payloads.
    """


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The login's name in the database.")],
    role: Annotated[Duty, typer.Option("--role", metavar="ROLE", help="writer, verifier or ops.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    generate_password: Annotated[
        bool, typer.Option("--generate-password", help="Make a random password and print it, once.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Add a login for one duty, with time-outs that fit it.

    A writer may record into --log and nothing else. A login that is there
    is kept, with its password, and gets the role. Without a password the
    login is for certificates, peer authentication and the like, as your
    pg_hba.conf has it. A password is stored as a SCRAM verifier.

    \b
    Examples:
      unbroken login add booking-agent --role writer --generate-password
      unbroken login add auditor --role verifier --password-stdin < secret
      unbroken login add monitor --role ops
    """
    if password_stdin and generate_password:
        raise typer.BadParameter("--password-stdin and --generate-password exclude each other")
    password = secrets.token_urlsafe(PASSWORD_BYTES) if generate_password else None
    if password_stdin:
        password = _read_password()
    origin = _origin(store, log) if role is Duty.WRITER else None
    with open_administration(store) as connection:
        made = administration.add_login(connection, name, duty=role, origin=origin, password=password)
    where = "" if origin is None else f" into {origin}"
    verb = {Duty.WRITER: "record", Duty.VERIFIER: "read and verify all logs", Duty.OPS: "watch all logs"}[role]
    typer.echo(printable(f"{'Added' if made else 'There was already'} the login {name}; it may {verb}{where}."))
    if generate_password and made:
        typer.echo(f"Its password, shown only now: {password}")
    elif password is not None and not made:
        typer.echo("Its password was left as it is.")


@app.command("list")
def list_logins(json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None) -> None:
    """List the logins that may record into a log.

    \b
    Examples:
      unbroken login list
      unbroken login list --log clinic.example/agents --json
    """
    with open_reader(store, log) as reader:
        writers, name = reader.writers(), reader.log
    if json:
        rows = [
            {"login": login, "granted_at": as_json_time(granted), "exists": exists}
            for login, granted, exists in writers
        ]
        print_json({"log": name, "writers": rows})
        return
    table = plain_table("login", "may record since", "")
    for login, granted, exists in writers:
        table.add_row(*cells(login, moment(granted), "" if exists else "no such login any more"))
    console().print(table if writers else "No login may record into this log.")


def _read_password() -> str:
    text = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline()
    password = text.rstrip("\r\n")
    if not password:
        raise ConfigurationError("there was no password on standard input")
    return password


def _origin(store: str, log: str | None) -> str:
    """The log that a writer is for."""
    if log is not None:
        return log.partition("~")[0]
    if is_conninfo(store):
        raise ConfigurationError("name the log that the login may record into with --log")
    with open_reader(store, None) as reader:
        return reader.log.partition("~")[0]
