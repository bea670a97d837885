"""``unbroken keys rotate`` and ``lost``: another key goes on."""

from collections.abc import Callable
from typing import Annotated

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.ending import ending_in_order
from unbroken.cli.notary_options import SigningKeyOption, StateOption, folder_of, key_spec, opened_by_notary
from unbroken.cli.printing import print_json, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, is_conninfo, origin_of
from unbroken.core.key_statement import opened as statement_of
from unbroken.errors import ConfigurationError, UnbrokenError
from unbroken.investigate.printable import printable
from unbroken.notary import handing_over
from unbroken.notary.memory import Memory, NotaryFolder
from unbroken.notary.notary import Notary, utc_now
from unbroken.notary.places import FORMS, signer_at
from unbroken.notary.signer import Signer

ToOption = Annotated[
    str,
    typer.Option("--to", metavar="SPEC", help=f"Where the key is that goes on: {FORMS}.", show_default=False),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without being asked once more.")]


def rotate(
    to: ToOption,
    key: SigningKeyOption = None,
    state: StateOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Hand over to another key, which signs all checkpoints from here on.

    The old key signs that, so whoever trusts it comes to trust the new one,
    and older checkpoints still verify. It is put on record in the log, as
    log.key_stated. Stop the notary first, start it with the new key after,
    and destroy the old key when a checkpoint by the new one is anchored.
    Rotate too where you fear that the old key was copied and know of nothing
    wrong that it signed; where it was lost or misused, `unbroken keys lost`.

    \b
    Takes a login with the duty notary. Safe to interrupt: what was stated and
    is not on record yet is recorded by the next `unbroken checkpoint run`.
    Exit codes: 0 done, 2 wrong usage, no access, or a key can't be reached.

    \b
    Examples:
      unbroken keys new next.key --log clinic.example/agents
      unbroken keys rotate --key file:notary.key --to file:next.key \\
          --state /var/lib/notary
    """
    origin = origin_of(store, log)
    old, new = signer_at(key_spec(key), log=origin), signer_at(to, log=origin)

    def stated(memory: Memory) -> str:
        return handing_over.rotated(memory, old, new, at=utc_now())

    question = f"Hand over to {new.verifier}? {old.verifier} signs no checkpoint after that."
    _hand_over(folder_of(store, state, log=origin), new, stated, question=question, yes=yes, json=json, store=store)


def lost(
    to: ToOption,
    state: StateOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Go on with another key, because the old one is lost or was misused.

    The old key does not sign it, so nobody has to believe it: whoever
    verifies has to be given the new key anew, by the way he got the first
    one. Older checkpoints still verify by the old one. It is put on record in
    the log. Where the notary's folder is lost as well, make another one
    first: `unbroken checkpoint adopt`.

    \b
    Takes a login with the duty notary.
    Exit codes: 0 done, 2 wrong usage, no access, or the key can't be reached.

    \b
    Examples:
      unbroken keys new another.key --log clinic.example/agents
      unbroken keys lost --to file:another.key --state /var/lib/notary
    """
    origin = origin_of(store, log)
    new = signer_at(to, log=origin)

    def stated(memory: Memory) -> str:
        return handing_over.lost(memory, new, at=utc_now())

    question = f"Give the old key up, and go on with {new.verifier}? Everybody has to be given the new one."
    _hand_over(folder_of(store, state, log=origin), new, stated, question=question, yes=yes, json=json, store=store)


def _hand_over(
    folder: NotaryFolder,
    to: Signer,
    stated: Callable[[Memory], str],
    *,
    question: str,
    yes: bool,
    json: bool,
    store: str,
) -> None:
    with ending_in_order(), folder.locked(), opened_by_notary(store, what="changing the key") as opened:
        memory = folder.read()
        if memory.key is None:
            raise ConfigurationError(f"the folder {folder.path} knows of no key: is it the notary's?")
        statement = stated(memory)
        if not agreed(question, yes=yes):
            typer.echo("Nothing was done.", err=True)
            return
        folder.write(memory.stating(statement))
        try:
            with opened(memory.log) as found:
                Notary(folder, to, each_start=is_conninfo(store)).introduce(found)
        except UnbrokenError as error:
            warn(f"stated, and not yet on record in the log, which `unbroken checkpoint run` sees to: {error}")
    _tell(statement, as_json=json)


def _tell(statement: str, *, as_json: bool) -> None:
    read = statement_of(statement)
    if as_json:
        print_json(
            {"change": read.change, "key": str(read.key), "previous": str(read.previous), "statement": statement}
        )
        return
    typer.echo(printable(f"{read.key} signs from here on, after {read.after.size:,} entries."))
    typer.echo("Next: start `unbroken checkpoint run` with it, and give it to those who verify.")
