"""``unbroken login``: the database logins of one duty each."""

import secrets
import shlex
import sys
from dataclasses import asdict
from enum import StrEnum
from getpass import getpass
from typing import Annotated, Final

import typer

from unbroken.cli.denials import denials_told
from unbroken.cli.printing import as_json_time, cells, console, moment, plain_table, print_json
from unbroken.cli.target import (
    DEFAULT_STORE,
    JsonOption,
    LogOption,
    StoreOption,
    is_conninfo,
    open_administration,
    open_reader,
    origin_of,
)
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store import administration
from unbroken.store.connection import Connection

PASSWORD_BYTES: Final = 24

app = typer.Typer(no_args_is_help=True)


Duty = StrEnum("Duty", {duty.upper(): duty for duty in administration.DUTIES})  # type: ignore[misc]
"""What a login may be for."""

_VERBS: Final = {
    "writer": "record into",
    "server": "record on behalf of those it has authenticated into",
    "ops": "watch",
    "compliance": "read",
    "legal": "read, for a case,",
    "dpo": "read, for a case,",
    "subjects": "answer data subjects about",
    "retention": "see the head and the size of",
    "verifier": "read and verify",
    "access": "grant access to",
    "notary": "sign checkpoints of",
}


@app.callback()
def _group() -> None:
    """Add and list the database logins of a log.

    A login has one duty: writer and server record, verifier verifies,
    compliance, legal and dpo read, each read an entry of the log, ops
    watches, access grants, notary signs checkpoints. docs/roles.md tells
    what each may do.
    """


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The login's name in the database.")],
    role: Annotated[Duty, typer.Option("--role", metavar="ROLE", help="The login's one duty.")],
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

    It may do so with --log and no other. While a log has no access
    administrators, adding a login grants it that; once it has, they do, with
    `unbroken grant`. A login that is there is kept, with its password.
    Without a password the login is for certificates, peer authentication and
    the like, as your pg_hba.conf has it. A password is stored as a SCRAM
    verifier.

    \b
    Examples:
      unbroken login add booking-agent --role writer --generate-password
      unbroken login add auditor --role verifier --password-stdin < secret
      unbroken login add clara --role compliance --log clinic.example/agents
    """
    if password_stdin and generate_password:
        raise typer.BadParameter("--password-stdin and --generate-password exclude each other")
    password = secrets.token_urlsafe(PASSWORD_BYTES) if generate_password else None
    if password_stdin:
        password = _read_password()
    if log is None and is_conninfo(store):
        # Which one it is for is not left to how many logs happen to be there.
        raise ConfigurationError("name the log that the login is for with --log")
    origin = origin_of(store, log)
    with open_administration(store) as connection:
        made = administration.add_login(connection, name, duty=role.value, password=password)
        granted = _grant(connection, origin, name, role)
    typer.echo(printable(f"{'Added' if made else 'There was already'} the login {name}{_may(granted, role, origin)}."))
    if granted is None:
        command = f"unbroken grant {shlex.quote(name)} {role.value} --log {shlex.quote(origin)}"
        typer.echo(f"It may do nothing yet: {origin} has access administrators, who grant it with\n  {command}")
    elif granted.request is not None:
        typer.echo(f"A second person has to confirm it: unbroken access confirm {granted.request}")
    if generate_password and made:
        typer.echo(f"Its password, shown only now: {password}")
    elif password is not None and not made:
        typer.echo("Its password was left as it is.")


def _grant(connection: Connection, origin: str, name: str, duty: Duty) -> administration.Granting | None:
    """Grants as at installation; ``None`` where that is for the log's access administrators."""
    try:
        return administration.install_grant(connection, origin, name, duty=duty.value)
    except AccessDeniedError:
        return None


def _may(granted: administration.Granting | None, duty: Duty, origin: str) -> str:
    if granted is None or granted.request is not None:
        return ""
    return f"; it may {_VERBS[duty.value]} {origin}"


@app.command("list")
def list_logins(json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None) -> None:
    """List the logins that hold a duty for a log.

    By whose decision, and what each has looked at, is told by `unbroken
    access report`. On a server this takes a login with the duty verifier,
    ops, compliance or access.

    \b
    Examples:
      unbroken login list
      unbroken login list --log clinic.example/agents --json
    """
    duties = "verifier, ops, compliance or access"
    with denials_told("`unbroken login list`", duties=duties), open_reader(store, log) as reader:
        grants, name = reader.grants(), reader.log
    if json:
        rows = [{**asdict(each), "granted_at": as_json_time(each.granted_at)} for each in grants]
        print_json({"log": name, "logins": rows})
        return
    table = plain_table("login", "duty", "since (UTC)", "")
    for each in grants:
        table.add_row(
            *cells(each.login, each.duty, moment(each.granted_at), "" if each.exists else "no such login any more")
        )
    console().print(table if grants else "No login holds a duty for this log.")


def _read_password() -> str:
    text = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline()
    password = text.rstrip("\r\n")
    if not password:
        raise ConfigurationError("there was no password on standard input")
    return password
