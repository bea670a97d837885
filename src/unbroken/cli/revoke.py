"""``unbroken revoke``: ends a login's duty for one log, at once."""

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.granting import DutyArgument, LoginArgument, ReasonOption, YesOption, open_granting
from unbroken.cli.masked import masked
from unbroken.cli.printing import print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.investigate.printable import printable
from unbroken.store import administration


def revoke(
    login: LoginArgument,
    duty: DutyArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """End a login's duty for a log, at once and alone.

    Needs the login of an access administrator of the log. What the login
    begins next is refused, also under a ticket that is open; a transaction
    that has begun may go on until it ends. The revocation is an entry of the
    log. The login stays, and stays in the duty's group: whoever administers
    the server removes it.

    \b
    Examples:
      unbroken revoke clara compliance --reason "left the team"
      unbroken revoke booking-agent writer --log clinic.example/agents \\
        --reason "password found in a repository" --yes
    """
    administration.require_duty(duty)
    with open_granting(store, log) as given:
        if not agreed(f"Revoke the duty {duty} for {given.log} from {printable(login)}?", yes=yes):
            typer.echo("Nothing was revoked.")
            return
        seq = administration.revoke(given.connection, given.log, login, duty=duty, reason=masked(store, reason))
    if json:
        print_json({"log": given.log, "login": login, "duty": duty, "seq": seq})
        return
    typer.echo(printable(f"Revoked: {login} no longer has the duty {duty} for {given.log}; entry {seq:,} says so."))
