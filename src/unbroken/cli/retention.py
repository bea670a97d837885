"""``unbroken retention``: how long content is kept, and letting go of it."""

import typer

from unbroken.cli.retention_run import run

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Say how long content is kept, and let go of it in time."""


app.command("run")(run)
