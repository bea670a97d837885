"""``unbroken checkpoint``: the signed heads of a log's tree."""

import typer

from unbroken.cli.checkpoint_adopt import adopt
from unbroken.cli.checkpoint_list import list_checkpoints
from unbroken.cli.checkpoint_run import run
from unbroken.cli.checkpoint_show import show
from unbroken.cli.checkpoint_tiles import tiles

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Sign checkpoints of a log, and look at those that were.

    A checkpoint is a signed statement of how many entries there are and of
    one hash over all of them. A notary signs it: a process with a key and a
    memory of its own, apart from the database. docs/checkpoints.md tells how
    to set it up.
    """


app.command()(run)
app.command()(show)
app.command("list")(list_checkpoints)
app.command()(tiles)
app.command()(adopt)
