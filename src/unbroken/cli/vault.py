"""``unbroken vault``: the keys that originals are sealed to."""

import typer

from unbroken.cli.vault_key import key
from unbroken.cli.vault_refill import refill
from unbroken.cli.vault_rotate import rotate
from unbroken.cli.vault_status import status

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Set up and look after the keys that originals are sealed to.

    Recorders take keys from a pool and can only seal with them. What opens is
    wrapped by a key-encryption key, which is yours: in a file, in AWS KMS or
    in a transit engine of HashiCorp Vault or OpenBao. docs/vault.md tells how
    to set it up, and what its loss means.
    """


app.command()(status)
app.command()(refill)
app.command()(rotate)
app.command()(key)
