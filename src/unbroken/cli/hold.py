"""``unbroken hold``: legal holds, from the issue to the release."""

import typer

from unbroken.cli.hold_change import narrow, release
from unbroken.cli.hold_decide import confirm, review, withdraw
from unbroken.cli.hold_issue import issue
from unbroken.cli.hold_list import list_holds
from unbroken.cli.hold_show import show

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep what a matter needs from being destroyed.

    One person issues a hold at once; to narrow or release it takes two, and a
    grace period. Nothing that a hold covers is disposed of or erased, and no
    key to it destroyed, whoever tries. Operations, the retention service and
    the people concerned learn nothing of it. docs/holds.md tells the whole of
    it.
    """


app.command("issue")(issue)
app.command("list")(list_holds)
app.command("show")(show)
app.command("narrow")(narrow)
app.command("release")(release)
app.command("confirm")(confirm)
app.command("withdraw")(withdraw)
app.command("review")(review)
