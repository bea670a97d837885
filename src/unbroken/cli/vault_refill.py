"""``unbroken vault refill``: vault keys for people and sessions to come; the first time, the vault's set-up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.granting import YesOption
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.people import KeyOption, keys_of
from unbroken.cli.printing import columns, console, counted, print_json, warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.cli.vault_key import new_id
from unbroken.cli.vault_status import free_of
from unbroken.cli.vault_store import (
    DryRunOption,
    KekOption,
    encryptions_of,
    folder_file,
    open_vault,
    wrapping_ids,
)
from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.privacy.vault.kek import doubts_of
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.local_key import LocalKey, create_file
from unbroken.privacy.vault.pool import Pooled
from unbroken.privacy.vault.refilling import refill as refill_pool
from unbroken.store.vault import KeyCount, VaultDoor

FREE: Final = 1000
MOST: Final = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What is going to be done: ``wrapping`` is ``None`` where ``new_file`` has to be made first."""

    log: str
    free: int
    count: int
    is_first: bool
    others: tuple[str, ...]
    wrapping: KeyEncryptions | None = field(repr=False)
    new_file: Path | None = None

    @property
    def wrapped_by(self) -> str:
        """What will wrap the keys, in words."""
        if self.wrapping is None:
            return f"a new key-encryption key in {self.new_file}"
        return self.wrapping.current.id

    @property
    def question(self) -> str | None:
        """What to ask before it is done, where that is not what was done before."""
        if self.is_first:
            return "Set up the vault?"
        if self.others and self.wrapping is not None and self.wrapping.current.id not in self.others:
            return f"So far {', '.join(self.others)} wraps the keys of this vault. Go on with {self.wrapped_by}?"
        return None


def refill(
    free: Annotated[
        int, typer.Option("--free", min=1, max=MOST, metavar="N", help="How many free keys the pool is to hold.")
    ] = FREE,
    kek: KekOption = None,
    key: KeyOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Fill the pool of vault keys up; the first time, set the vault up.

    Each person, or session that names nobody, takes one key, at the first
    original that is kept of it. The keys are made here, wrapped by the last
    --kek, and endorsed with the log's key, so that recorders know them. Run
    it where originals may be opened, and regularly: with enough free keys it
    does nothing. Each thousand is an entry, log.vault_refilled.

    The first time it asks, as originals are kept from then on, unless the
    registry's [originals] says otherwise; so it does when another key is to
    wrap than before. In a folder it makes the key-encryption key as well.

    On a server this takes a login with the duty dpo. Exit codes: 0 the pool
    holds that many, 2 wrong usage, no access, or it can't be wrapped: what
    was added until then stays.

    \b
    Examples:
      unbroken vault refill --dry-run
      unbroken vault refill --free 5000 --yes
      unbroken vault refill --kek file:/etc/unbroken/vault.keys --key log.key
      unbroken vault refill --kek aws-kms:kms-2026=alias/unbroken --key log.key
    """
    log_key = _log_key(store, key)
    with open_vault(store, log, what="filling the vault's pool") as vault:
        plan = _plan(vault, store, kek, free=free)
        if plan.wrapping is not None and plan.count:
            _tell_doubts(plan.wrapping)
        if dry_run or not plan.count:
            _tell(plan, entries=[], json=json, done=False)
            return
        if plan.question is not None:
            if not (json and yes):
                _print_plan(plan, asking=True)
            if not agreed(plan.question, yes=yes):
                typer.echo("Nothing was added.")
                return
        wrapping = plan.wrapping or _made(plan.new_file, quiet=json)
        entries = _filled(vault, plan.count, wrapping=wrapping, log_key=log_key)
    _tell(plan, entries=entries, json=json, done=True, wrapped_by=wrapping.current.id)


def _log_key(store: str, key: Path | None) -> LogKey:
    keys = keys_of(store, key)
    if not keys:
        raise ConfigurationError(
            "recorders know the vault's keys by the log's key: name its file with --key (or UNBROKEN_KEY_FILE)"
        )
    return keys[0]


def _plan(vault: VaultDoor, store: str, kek: Sequence[str] | None, *, free: int) -> Plan:
    counts = vault.state()
    there = free_of(counts)
    is_first, others = not counts, tuple(wrapping_ids(counts))
    new_file = None if kek else _missing_file(store, counts)
    wrapping = None if new_file is not None else encryptions_of(store, kek)
    return Plan(vault.log, there, max(free - there, 0), is_first, others, wrapping, new_file)


def _missing_file(store: str, counts: Sequence[KeyCount]) -> Path | None:
    """The folder's file that is to be made; raises :class:`ConfigurationError` where it was there and is lost."""
    own = folder_file(store)
    if own is None or own.exists():
        return None
    if counts:
        raise ConfigurationError(
            f"{own} is gone, and the vault's keys are wrapped by {', '.join(wrapping_ids(counts)) or 'what it held'}: "
            "bring it back from where you keep its copy. Only if there is none, begin anew with `unbroken vault key`: "
            "what was sealed so far then opens to nobody"
        )
    return own


def _tell_doubts(wrapping: KeyEncryptions) -> None:
    doubts = doubts_of(wrapping.current)
    if doubts is not None:
        warn(doubts)


def _made(path: Path | None, *, quiet: bool) -> KeyEncryptions:
    if path is None:
        raise ConfigurationError("there is no key-encryption key: name one with --kek")
    key = LocalKey.generate(new_id())
    create_file(path, key)
    if not quiet:
        warn(
            f"wrote the key-encryption key {key.id} to {path}: copy it to where the database's backups are not; "
            "whoever loses it has lost all originals"
        )
    return KeyEncryptions(key)


def _filled(vault: VaultDoor, count: int, *, wrapping: KeyEncryptions, log_key: LogKey) -> list[int]:
    pool = _Counting(vault)
    with LateProgress("making keys") as progress:
        try:
            return refill_pool(pool, count, wrapping=wrapping, log_key=log_key, progress=progress)
        except BaseException:
            warn(
                f"{counted(pool.added, 'key')} added, which stay: run it again for the rest"
                if pool.added
                else "nothing was added"
            )
            raise


class _Counting:
    """The pool, and how many keys were added to it."""

    def __init__(self, vault: VaultDoor) -> None:
        self._vault = vault
        self.added = 0

    @property
    def log(self) -> str:
        return self._vault.log

    def refill(self, keys: Sequence[Pooled]) -> int:
        entry = self._vault.refill(keys)
        self.added += len(keys)
        return entry


def _print_plan(plan: Plan, *, asking: bool = False) -> None:
    facts = [
        ("log", plan.log),
        ("free keys", f"{plan.free:,}"),
        ("to be added", f"{plan.count:,}"),
        ("wrapped by", plan.wrapped_by),
    ]
    console(stderr=asking).print(columns(facts))
    if plan.is_first:
        typer.echo(
            "Recorders notice within a minute, and from then on keep what they mask, sealed, unless the registry's\n"
            "[originals] says otherwise.",
            err=asking,
        )


def _tell(plan: Plan, *, entries: list[int], json: bool, done: bool, wrapped_by: str | None = None) -> None:
    if json:
        print_json(_as_json(plan, entries, done=done, wrapped_by=wrapped_by))
    elif not plan.count:
        typer.echo(f"The pool holds {counted(plan.free, 'free key')}: nothing to add.")
    elif not done:
        _print_plan(plan)
        typer.echo("Nothing was added: a dry run.")
    else:
        free = plan.free + plan.count
        typer.echo(
            printable(f"Added {counted(plan.count, 'key')} to {plan.log}, wrapped by {wrapped_by}: {free:,} free.")
        )


def _as_json(plan: Plan, entries: list[int], *, done: bool, wrapped_by: str | None) -> dict[str, Any]:
    current = None if plan.wrapping is None else plan.wrapping.current.id
    return {
        "log": plan.log,
        "added": plan.count if done else 0,
        "to_add": 0 if done else plan.count,
        "free": plan.free + (plan.count if done else 0),
        "first": plan.is_first,
        "wrapped_by": wrapped_by or current,
        "new_file": None if plan.new_file is None else str(plan.new_file),
        "entries": entries,
    }
