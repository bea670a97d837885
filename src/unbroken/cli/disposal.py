"""``unbroken disposal``: what is to go because its time is over, from review to certificate."""

import typer

from unbroken.cli.disposal_certificate import certificate, check_certificate
from unbroken.cli.disposal_decide import approve, extend, relabel, review, withdraw
from unbroken.cli.disposal_list import list_disposals, show

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Review and approve what is to go because its time is over.

    `unbroken retention run` looks for what is due, proposes it and, when two
    people have agreed, destroys it. The lines of the log stay and go on
    verifying. docs/disposal.md tells the whole of it.
    """


app.command("list")(list_disposals)
app.command("show")(show)
app.command("review")(review)
app.command("extend")(extend)
app.command("relabel")(relabel)
app.command("approve")(approve)
app.command("withdraw")(withdraw)
app.command("certificate")(certificate)
app.command("check-certificate")(check_certificate)
