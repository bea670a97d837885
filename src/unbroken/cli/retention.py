"""``unbroken retention``: how long what entries hold is kept, and when it goes."""

import typer

from unbroken.cli.retention_explain import explain
from unbroken.cli.retention_policies import policies
from unbroken.cli.retention_propose import confirm, propose, simulate, withdraw
from unbroken.cli.retention_run import run
from unbroken.cli.retention_standing import app as standing
from unbroken.cli.retention_started import started
from unbroken.cli.retention_status import status

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Say how long content is kept, and let go of it in time.

    Policies stand in one TOML file, chosen from a catalogue or your own. They
    are simulated, proposed by one login and put into force by another. From
    them, and from what is told of closed accounts and the like, follows when
    each entry's content is due. Lines stay for ever. docs/retention.md tells
    the whole of it.
    """


app.command("policies")(policies)
app.command("simulate")(simulate)
app.command("propose")(propose)
app.command("confirm")(confirm)
app.command("withdraw")(withdraw)
app.command("explain")(explain)
app.command("started")(started)
app.add_typer(standing, name="standing")
app.command("status")(status)
app.command("run")(run)
