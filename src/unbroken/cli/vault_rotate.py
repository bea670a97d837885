"""``unbroken vault rotate``: everything wrapped by another key-encryption key, without touching an original."""

from collections.abc import Sequence
from typing import Any

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.granting import YesOption
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import ROWS, cells, console, counted, plain_table, print_json, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.cli.vault_store import DryRunOption, KekOption, encryptions_of, not_at_hand, open_vault
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.privacy.vault.kek import doubts_of
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.rotation import Rotation
from unbroken.privacy.vault.rotation import rotate as rotate_keys
from unbroken.store.vault import KeyCount, VaultDoor


def rotate(
    kek: KekOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Wrap all vault keys anew, by the last key-encryption key of --kek.

    Name the old ones too: they unwrap. No original is touched, and recorders
    notice nothing. Shown and asked first. It may be stopped and run again at
    any moment: what is wrapped anew stays. The log has an entry when it
    begins and one when it ends.

    Then the old key wraps nothing here any more. Backups of the database
    that were made before still need it: keep it until they have expired.

    On a server this takes a login with the duty dpo. Exit codes: 0 all is
    wrapped by the last one, 1 some keys could not be unwrapped and stay, 2
    wrong usage, no access, or a key-encryption key can't be used.

    \b
    Examples:
      unbroken vault rotate --kek file:/etc/unbroken/vault.keys --dry-run
      unbroken vault rotate --kek file:/etc/unbroken/vault.keys --yes
      unbroken vault rotate --kek file:/etc/unbroken/vault.keys \\
        --kek aws-kms:kms-2026=alias/unbroken
    """
    keys = encryptions_of(store, kek)
    with open_vault(store, log, what="wrapping vault keys anew") as vault:
        counts = vault.state()
        _check(counts, keys)
        due = sum(_held(each) for each in counts if each.wrapped_by not in (None, keys.current.id))
        if dry_run or not due:
            _tell_nothing(counts, keys, vault.log, due=due, json=json)
            return
        _tell_doubts(keys)
        if not (json and yes):
            _print_plan(counts, keys, asking=True)
        if not agreed(f"Wrap {counted(due, 'key')} by {keys.current.id}?", yes=yes):
            typer.echo("Nothing was changed.")
            return
        rotation = _rotated(vault, keys, due)
    _tell(rotation, counts, keys, log=vault.log, json=json)
    raise typer.Exit(1 if rotation.failed else 0)


def _check(counts: Sequence[KeyCount], keys: KeyEncryptions) -> None:
    lacking = not_at_hand(counts, keys)
    if lacking:
        raise ConfigurationError(
            f"some keys are wrapped by {', '.join(lacking)}, which is not at hand: name where it is with --kek, before "
            f"{keys.current.id}. Nothing was changed"
        )


def _held(each: KeyCount) -> int:
    return each.free + each.assigned


def _tell_doubts(keys: KeyEncryptions) -> None:
    doubts = doubts_of(keys.current)
    if doubts is not None:
        warn(doubts)


def _rotated(vault: VaultDoor, keys: KeyEncryptions, due: int) -> Rotation:
    done = 0

    def progressed(number: int) -> None:
        nonlocal done
        done = number
        progress(number, due)

    with LateProgress("wrapping") as progress:
        try:
            return rotate_keys(vault, wrapping=keys, progress=progressed)
        except BaseException:
            warn(f"about {counted(done, 'key')} of {due:,} wrapped anew, which stay: run it again for the rest")
            raise


def _print_plan(counts: Sequence[KeyCount], keys: KeyEncryptions, *, asking: bool = False) -> None:
    table = plain_table("wrapped by", "keys", "", right=("keys",))
    for each in counts:
        if each.wrapped_by is not None:
            what = "stays" if each.wrapped_by == keys.current.id else f"to be wrapped by {keys.current.id}"
            table.add_row(*cells(each.wrapped_by, f"{_held(each):,}", what))
    console(piped=ROWS, stderr=asking).print(table)


def _tell_nothing(counts: Sequence[KeyCount], keys: KeyEncryptions, log: str, *, due: int, json: bool) -> None:
    if json:
        print_json(_as_json(log, keys, due=due))
    elif not counts:
        typer.echo("No vault is set up: nothing to wrap.")
    elif not due:
        typer.echo(printable(f"Everything is wrapped by {keys.current.id}: nothing to do."))
    else:
        _print_plan(counts, keys)
        typer.echo("Nothing was changed: a dry run.")


def _tell(rotation: Rotation, counts: Sequence[KeyCount], keys: KeyEncryptions, *, log: str, json: bool) -> None:
    if json:
        print_json(_as_json(log, keys, due=len(rotation.failed), rotation=rotation))
        return
    typer.echo(printable(f"{counted(rotation.rewrapped, 'key')} of {log} wrapped by {keys.current.id}."))
    for key_id, why in rotation.failed.items():
        warn(f"{key_id} stays as it was: {why}")
    old = [each.wrapped_by for each in counts if each.wrapped_by not in (None, keys.current.id)]
    if not rotation.failed:
        typer.echo(
            printable(
                f"{', '.join(map(str, old))} wraps nothing here any more. Keep it until the last backup made before "
                "now has expired."
            )
        )


def _as_json(log: str, keys: KeyEncryptions, *, due: int, rotation: Rotation | None = None) -> dict[str, Any]:
    return {
        "log": log,
        "wrapped_by": keys.current.id,
        "rewrapped": 0 if rotation is None else rotation.rewrapped,
        "to_rewrap": due,
        "failed": {} if rotation is None else rotation.failed,
        "entry": None if rotation is None else rotation.seq,
    }
