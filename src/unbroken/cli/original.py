"""``unbroken original``: what was said before redaction, for those who may open it, and on record."""

import typer

from unbroken.cli.original_match import match
from unbroken.cli.original_open import open_originals

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """See what was said before redaction; needs the vault's keys.

    Recorders seal what they mask to keys of the people it concerns. Opening
    takes a login with the duty dpo, a case, and the key-encryption key; what
    is asked for is an entry before anything is opened, and how many opened is
    another one.
    """


app.command("open")(open_originals)
app.command()(match)
