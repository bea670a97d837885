"""``unbroken keys show``: the public half of a key."""

import typer

from unbroken.cli.notary_options import SigningKeyOption, key_spec
from unbroken.cli.printing import print_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, origin_of
from unbroken.core.cosignature import CosignerKey
from unbroken.core.note import VerifierKey
from unbroken.investigate.printable import printable
from unbroken.notary.places import signer_at


def show(
    key: SigningKeyOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show the public half of the key that signs, for those who verify.

    Give it to auditors on paper, publish it where the log's keeper can't
    change it, and put it into the file of the anchors. With --log no database
    is asked.

    \b
    Exit codes: 0 shown, 2 wrong usage, or the key can't be reached.

    \b
    Examples:
      unbroken keys show --key file:notary.key --log clinic.example/agents
      unbroken keys show --key aws-kms:alias/notary --json
    """
    print_key(signer_at(key_spec(key), log=origin_of(store, log)).verifier, as_json=json)


def print_key(key: VerifierKey, *, as_json: bool) -> None:
    """The key's text; in JSON also that by which it states times."""
    if as_json:
        print_json({"name": key.name, "verifier_key": str(key), "cosigner_key": str(CosignerKey.of(key))})
        return
    typer.echo(printable(str(key)))
