"""``unbroken anchor``: the places outside the database that hold a log's checkpoints."""

import typer

from unbroken.cli.anchor_init import init
from unbroken.cli.anchor_list import list_anchored
from unbroken.cli.anchor_status import check, status

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Set up and watch the places outside that hold checkpoints.

    Whoever owns the database could rewrite all of it; the checkpoints held
    elsewhere are what a rewritten log no longer fits. One TOML file names the
    anchors and the keys that are trusted; `unbroken checkpoint run` publishes
    to them, `unbroken verify --anchors` compares the log with them.
    docs/anchors.md tells which are for whom, and what each shows.
    """


app.command()(status)
app.command()(check)
app.command("list")(list_anchored)
app.command()(init)
