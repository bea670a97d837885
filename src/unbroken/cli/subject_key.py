"""``unbroken subject key``: the key that signs orders and certificates, of erasures and of disposals."""

from pathlib import Path
from typing import Annotated

import typer

from unbroken.cli.destruction_options import signing_key_of
from unbroken.cli.printing import print_json
from unbroken.cli.target import JsonOption
from unbroken.core.note import SigningKey
from unbroken.errors import ConfigurationError
from unbroken.files import create
from unbroken.investigate.printable import printable


def key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is, or is going to be.")],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Makes a key that signs under this name, such as a host's."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make the key that signs orders and certificates, or show its public half.

    With --name a new Ed25519 key is written to FILE, for its owner alone.
    What is printed is the verifier key: give it to whoever is to check
    certificates, by a way that nobody can meddle with, and keep it for
    `unbroken recover`. Whoever has FILE can sign certificates; whoever loses
    it makes another one and goes on trusting the old verifier key. It may sign
    certificates of disposals as well, or those have a key of their own.

    \b
    Exit codes: 0 made or shown, 2 wrong usage, no such file.

    \b
    Examples:
      unbroken subject key dpo.key --name clinic.example/erasure
      unbroken subject key dpo.key
    """
    made = name is not None
    found = _made(file, name) if name is not None else signing_key_of(file)
    if json:
        print_json({"file": str(file), "name": found.name, "verifier_key": str(found.verifier), "made": made})
        return
    if made:
        typer.echo(printable(f"Made the signing key {file}. Back it up where certificates are made, and nowhere else."))
        typer.echo("Its verifier key, for --trust and for whoever checks certificates:")
    typer.echo(printable(str(found.verifier)))


def _made(file: Path, name: str) -> SigningKey:
    new = SigningKey.generate(name)
    try:
        create(file, new.to_text().encode())
    except FileExistsError as error:
        raise ConfigurationError(f"{file} is there already: without --name its verifier key is shown") from error
    except OSError as error:
        raise ConfigurationError(f"the signing key {file} can't be written ({error.strerror})") from error
    return new
