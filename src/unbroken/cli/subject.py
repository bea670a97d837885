"""``unbroken subject``: erasing a person, from the dry run to the certificate."""

import typer

from unbroken.cli.subject_carry_out import carry_out
from unbroken.cli.subject_certificate import check_certificate
from unbroken.cli.subject_decide import confirm, withdraw
from unbroken.cli.subject_erase import erase
from unbroken.cli.subject_key import key
from unbroken.cli.subject_list import list_erasures

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Erase what a log holds of a person, with two people and a certificate.

    `erase` shows what there is and asks, another login confirms, and a data
    protection officer carries it out. The lines of the log stay and go on
    verifying; what was said, the sealed originals, their keys and the name
    behind the pseudonym are destroyed. docs/erasure.md tells the whole of it.
    """


app.command("erase")(erase)
app.command("confirm")(confirm)
app.command("withdraw")(withdraw)
app.command("carry-out")(carry_out)
app.command("list")(list_erasures)
app.command("check-certificate")(check_certificate)
app.command("key")(key)
