"""``unbroken keys``: the keys that sign checkpoints."""

import typer

from unbroken.cli.keys_history import history
from unbroken.cli.keys_new import new
from unbroken.cli.keys_rotate import lost, rotate
from unbroken.cli.keys_show import show

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make and change the keys that sign checkpoints.

    A key is worth what those know of it who verify: give its public half to
    them when it is made, by a way that the log's keeper can't change. How
    keys are kept and what their loss means is in docs/checkpoints.md, what
    is signed in spec/KEYS.md.
    """


app.command()(new)
app.command()(show)
app.command()(rotate)
app.command()(lost)
app.command()(history)
