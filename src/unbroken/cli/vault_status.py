"""``unbroken vault status``: how many keys are left, and what wraps them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from unbroken.cli.printing import cells, counted, plain_table, print_json, print_table, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.cli.vault_store import KekOption, folder_file, not_at_hand, open_vault, places_of, wrapping_ids
from unbroken.privacy.vault.kek import encryptions_at
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.store.vault import KeyCount

DUTIES: Final = "ops, compliance, legal, dpo or verifier"
LEAST: Final = 100
NEEDS_YOU: Final = 1
NO_VAULT: Final = 3
EMPTY: Final = (
    "The pool is empty: what is recorded of people who have no key yet stops, or goes on without originals, as the "
    "registry's [originals] without_key says. Fill it: unbroken vault refill"
)


def status(
    least: Annotated[
        int, typer.Option("--least", min=0, metavar="N", help="How many free keys are few: below it, exit code 1.")
    ] = LEAST,
    kek: KekOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Tell how many vault keys are left, and what wraps them.

    Free keys are for people and sessions that are recorded for the first
    time; assigned ones are theirs. With --kek it also tells whether each
    key-encryption key that something is wrapped by is at hand. Looks only.
    On a server it takes a login with the duty ops, compliance, legal, dpo or
    verifier: run it from a monitor.

    \b
    Exit codes: 0 fine, 1 few keys are left or a key-encryption key is not at
    hand, 2 wrong usage or no access, 3 no vault is set up.

    \b
    Examples:
      unbroken vault status
      unbroken vault status --least 1000 --store postgresql://ops@db.example/audit
      unbroken vault status --json | jq .free
    """
    with open_vault(store, log, what="asking how the vault stands", duties=DUTIES, changes=False) as vault:
        counts, name = vault.state(), vault.log
    keys = _at_hand(store, kek)
    code = _code(counts, keys, least=least)
    if json:
        print_json({"log": name, "exit_code": code, **_as_json(counts, keys)})
    else:
        _print(counts, keys, name, least=least)
    raise typer.Exit(code)


def free_of(counts: Sequence[KeyCount]) -> int:
    """How many keys the pool holds."""
    return sum(each.free for each in counts)


def _at_hand(store: str, kek: Sequence[str] | None) -> KeyEncryptions | None:
    """The key-encryption keys here, where any are named or a folder has its own."""
    own = folder_file(store)
    places = places_of(store, kek) if kek or (own is not None and own.exists()) else []
    return encryptions_at(places) if places else None


def _code(counts: Sequence[KeyCount], keys: KeyEncryptions | None, *, least: int) -> int:
    if not counts:
        return NO_VAULT
    lacking = keys is not None and not_at_hand(counts, keys)
    return NEEDS_YOU if lacking or free_of(counts) < least else 0


def _print(counts: Sequence[KeyCount], keys: KeyEncryptions | None, log: str, *, least: int) -> None:
    if not counts:
        typer.echo("No vault is set up, so no originals are kept: `unbroken vault refill` sets one up.")
        return
    table = plain_table("key-encryption key", "free", "assigned", "", right=("free", "assigned"))
    for each in counts:
        if each.wrapped_by is not None:
            table.add_row(*cells(each.wrapped_by, f"{each.free:,}", f"{each.assigned:,}", _hand(each.wrapped_by, keys)))
    print_table(table)
    destroyed = sum(each.destroyed for each in counts)
    if destroyed:
        typer.echo(f"{counted(destroyed, 'key')} destroyed.")
    free = free_of(counts)
    if not free:
        warn(EMPTY)
    elif free < least:
        warn(f"{counted(free, 'free key')} left in {log}, fewer than {least:,}: unbroken vault refill")
    for key_id in not_at_hand(counts, keys) if keys is not None else ():
        warn(f"what is wrapped by {key_id} can't be opened here: name where it is with --kek, beside the others")
    if keys is not None and set(wrapping_ids(counts)) - {keys.current.id} and not not_at_hand(counts, keys):
        warn(f"not everything is wrapped by {keys.current.id} yet: unbroken vault rotate")


def _hand(key_id: str, keys: KeyEncryptions | None) -> str:
    if keys is None:
        return ""
    if key_id == keys.current.id:
        return "at hand, wraps new keys"
    return "at hand" if key_id in keys.ids else "not at hand"


def _as_json(counts: Sequence[KeyCount], keys: KeyEncryptions | None) -> dict[str, Any]:
    wrapped = [each for each in counts if each.wrapped_by is not None]
    return {
        "free": free_of(counts),
        "assigned": sum(each.assigned for each in counts),
        "destroyed": sum(each.destroyed for each in counts),
        "wraps": None if keys is None else keys.current.id,
        "keks": [
            {
                "id": each.wrapped_by,
                "free": each.free,
                "assigned": each.assigned,
                "at_hand": None if keys is None else each.wrapped_by in keys.ids,
            }
            for each in wrapped
        ],
    }
