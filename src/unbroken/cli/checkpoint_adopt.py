"""``unbroken checkpoint adopt``: a notary's folder anew, after the old one was lost."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.ending import ending_in_order
from unbroken.cli.notary_options import StateOption, folder_of, opened_by_notary
from unbroken.cli.printing import as_json_time, counted, moment, print_json, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, origin_of
from unbroken.cli.trust import TrustOption, trusted
from unbroken.errors import ConfigurationError, ContradictionError, NoteError
from unbroken.investigate.printable import printable
from unbroken.notary.adopting import adopted
from unbroken.notary.memory import Memory

REFUSED: Final = 1
_MAX_BYTES: Final = 64 * 1024


def adopt(
    note: Annotated[
        str, typer.Argument(metavar="FILE", help="The newest checkpoint that an anchor holds; - for standard input.")
    ],
    state: StateOption = None,
    trust: TrustOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look whether it can be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without being asked once more.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Begin a notary's folder anew, where the old one is lost.

    A notary signs nothing without its memory, so that nobody can have it sign
    a second history by taking the memory away. This makes another one: from
    the newest checkpoint that any anchor holds, which has to be in the
    database, or a later one that the database keeps under the log's keys.
    What was signed and reached no anchor nobody can know of, so look at all
    of them first: `unbroken anchor list`. Be sure that the old notary will
    not start again.

    \b
    Takes a login with the duty notary, and --trust with the notary's key.
    Exit codes: 0 done; 1 the checkpoint is not signed by a trusted key, or
    not in the database (then `unbroken recover`); 2 wrong usage or no access.

    \b
    Examples:
      unbroken checkpoint adopt /mnt/nas/checkpoints/newest.txt \\
          --trust clinic.vkey --state /var/lib/notary --dry-run
      unbroken checkpoint show --note | unbroken checkpoint adopt - \\
          --trust clinic.vkey --state /var/lib/notary --yes
    """
    origin, text, keys = origin_of(store, log), _text(note), trusted(trust).keys
    if not keys:
        raise ConfigurationError("say with --trust which key of this log you believe, from elsewhere than the log")
    folder = folder_of(store, state, log=origin)
    what = "`unbroken checkpoint adopt`"
    with ending_in_order(), folder.locked(), opened_by_notary(store, what=what) as opened, opened(origin) as found:
        if folder.file.exists():
            raise ConfigurationError(f"{folder.file} is there: nothing was done. Put it aside where it is of no use")
        try:
            memory = adopted(found, text, keys)
        except (NoteError, ContradictionError) as error:
            warn(f"{error}. Nothing was done")
            raise typer.Exit(REFUSED) from error
        _tell(memory, found.log, as_json=json)
        if dry_run:
            return
        if not agreed("Begin from it? The old notary must never start again.", yes=yes):
            typer.echo("Nothing was done.", err=True)
            return
        folder.write(memory)
    if not json:
        typer.echo(printable(f"Wrote {folder.file}. Next: unbroken checkpoint run --state {folder.path}"))


def _text(given: str) -> str:
    try:
        if given == "-":
            return sys.stdin.buffer.read(_MAX_BYTES).decode()
        with Path(given).open("rb") as file:
            return file.read(_MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the checkpoint {given} can't be read") from error


def _tell(memory: Memory, log: str, *, as_json: bool) -> None:
    signed = memory.signed(log)
    if signed is None:
        return
    checkpoint = signed.checkpoint
    if as_json:
        print_json(
            {"log": log, "size": checkpoint.size, "root": checkpoint.root.hex(), "signed_at": as_json_time(signed.at)}
        )
        return
    entries = counted(checkpoint.size, "entry")
    typer.echo(printable(f"{log}: {entries}, signed {moment(signed.at)} UTC by {memory.key}, and in this database."))
