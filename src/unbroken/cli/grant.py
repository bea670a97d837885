"""``unbroken grant``: a login's duty for one log, with a second person where the duty asks for one."""

from collections.abc import Iterator

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.granting import (
    Administration,
    DutyArgument,
    LoginArgument,
    ReasonOption,
    YesOption,
    open_granting,
    open_requests,
)
from unbroken.cli.masked import masked
from unbroken.cli.printing import as_json_time, moment, print_json, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store import administration
from unbroken.store.access import AccessTables, RequestRow, login_state
from unbroken.store.administration import Granting


def grant(
    login: LoginArgument,
    duty: DutyArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Grant a login a duty for a log, or ask for the second person.

    Needs the login of an access administrator of the log, or, while it has
    fewer than two, the role that installed it. Every duty but writer and ops
    takes two people: this makes a request, and another access administrator
    confirms it within its time. The grant is an entry of the log; so is the
    request. It opens nothing unless the login is in the duty's group, which
    `unbroken login add` sees to. docs/access.md tells the whole of it.

    \b
    Examples:
      unbroken grant booking-agent writer --reason "release 12"
      unbroken grant clara compliance --log clinic.example/agents \\
        --reason "audit of the 3rd quarter" --yes
      unbroken grant clara compliance --reason "audit" --yes --json
    """
    administration.require_duty(duty)
    with open_granting(store, log) as given:
        warnings = list(_missing(given, login, duty))
        for words in warnings:
            warn(words)
        if not agreed(f"Grant {printable(login)} the duty {duty} for {given.log}?", yes=yes):
            typer.echo("Nothing was granted.")
            return
        done = _grant(given, login, duty=duty, reason=masked(store, reason))
    asked = None if done.request is None else _request(store, given.log, done.request)
    if json:
        print_json(_as_json(given, login, duty=duty, done=done, asked=asked, warnings=warnings))
        return
    for line in _done(given, login, duty=duty, done=done, asked=asked):
        typer.echo(printable(line))


def _missing(given: Administration, login: str, duty: str) -> Iterator[str]:
    """What the login lacks besides the grant. A grant to nobody would be for whoever gets the name one day."""
    state = login_state(given.connection, login, duty=duty)
    add = given.command("login", "add", login, "--role", duty)
    if not state.exists:
        raise ConfigurationError(f"there is no login {login} in this database: whoever administers it runs `{add}`")
    if not state.is_member:
        yield f"{login} is not a member of unbroken_{duty}, so the grant opens nothing until: {add}"


def _grant(given: Administration, login: str, *, duty: str, reason: str) -> Granting:
    if not given.installs:
        return administration.grant(given.connection, given.log, login, duty=duty, reason=reason)
    try:
        return administration.install_grant(given.connection, given.log, login, duty=duty, reason=reason)
    except AccessDeniedError as error:
        raise AccessDeniedError(
            f"this login is no access administrator of {given.log}, nor the role that installed it before it has two: "
            f"{error}"
        ) from error


def _request(store: str, log: str, request: str) -> RequestRow | None:
    """The request as it stands; ``None`` where an installing role may not look at it."""
    try:
        with open_requests(store, log) as reader:
            return AccessTables(reader).request(request)
    except (AccessDeniedError, ConfigurationError):
        return None


def _done(given: Administration, login: str, *, duty: str, done: Granting, asked: RequestRow | None) -> Iterator[str]:
    if done.request is None:
        yield f"Granted: {login} has the duty {duty} for {given.log} since entry {done.seq:,}."
        return
    yield f"Requested, in entry {done.seq:,}. {login} has nothing yet: {duty} takes a second person."
    until = "" if asked is None else f" by {moment(asked.expires_at)} UTC"
    yield f"Another access administrator of {given.log} confirms it{until}, with:"
    yield f"  {given.command('access', 'confirm', done.request)}"


def _as_json(
    given: Administration, login: str, *, duty: str, done: Granting, asked: RequestRow | None, warnings: list[str]
) -> dict[str, object]:
    return {
        "log": given.log,
        "login": login,
        "duty": duty,
        "state": done.state,
        "seq": done.seq,
        "request": done.request,
        "valid_until": None if asked is None else as_json_time(asked.expires_at),
        "confirm": None if done.request is None else given.command("access", "confirm", done.request),
        "warnings": warnings,
    }
