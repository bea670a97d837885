"""``unbroken subject confirm`` and ``withdraw``: the second person's word, and taking a request back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed_by_another
from unbroken.cli.denials import state_of_refusal, takes
from unbroken.cli.granting import YesOption
from unbroken.cli.printing import moment, print_json
from unbroken.cli.subject_options import ErasureArgument, command, erasure_id
from unbroken.cli.subject_view import print_limits, print_next, print_planned, print_request
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, conninfo_of
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.privacy.erasure.plan import IRREVERSIBLE
from unbroken.store.erasures import Erasure, Erasures
from unbroken.store.log_reader import LogReader

DECIDERS: Final = "dpo, legal or compliance"


def confirm(
    erasure: ErasureArgument,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Confirm an erasure that somebody else asked for.

    Shows who asked, for whom and why, how much goes and how many other
    people it touches, what of it a legal hold keeps, and what a law asks to
    keep. Confirming destroys nothing: a data protection officer carries it
    out then, and until that has begun it can be withdrawn. Nothing begins
    while a hold keeps any of it, nor against a law unless it was asked for
    with --despite-floors. Judge before whether anything else forbids it.

    \b
    Needs a login with the duty dpo, legal or compliance, other than the one
    that asked. Exit codes: 0 confirmed or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken subject confirm 0b51c6f2-… --log clinic.example/agents
      unbroken subject confirm 0b51c6f2-… --yes --json
    """
    with open_erasures(store, log, login=wiring.READER) as door:
        row = _waiting(door, erasure_id(erasure))
        if not json:
            print_request(row, log=door.log)
            print_planned(row)
            typer.echo(f"  {IRREVERSIBLE} Confirming alone destroys nothing.")
            print_limits(with_acted=row.with_acted, acts=None if row.planned is None else row.planned["kept"])
        if not agreed_by_another("Confirm this erasure?", store, yes=yes):
            typer.echo("Nothing was confirmed.")
            return
        seq = door.confirm(row.erasure)
        carry_out = command(store, door.log, "subject", "carry-out", row.erasure)
    if json:
        print_json({"log": door.log, "erasure": row.erasure, "seq": seq, "carry_out": carry_out})
        return
    typer.echo(f"Confirmed, in entry {seq:,}. Nothing is destroyed yet.")
    until = f" by {moment(row.expires_at)} UTC" if row.expires_at else ""
    print_next([(f"A data protection officer carries it out{until}:", f"{carry_out} --backups-kept DAYS")])


def withdraw(
    erasure: ErasureArgument,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Withdraw an erasure that has not begun.

    One person is enough. Nothing was destroyed, and nobody can confirm it or
    carry it out any more; it can be asked for anew.

    \b
    Needs a login with the duty dpo, legal or compliance.
    Exit codes: 0 withdrawn, 2 wrong usage, no access, or it has begun.

    \b
    Examples:
      unbroken subject withdraw 0b51c6f2-… --log clinic.example/agents
    """
    with open_erasures(store, log, login=wiring.READER) as door:
        row = erasure_in(door, erasure_id(erasure))
        seq = door.withdraw(row.erasure)
    if json:
        print_json({"log": door.log, "erasure": row.erasure, "seq": seq})
        return
    typer.echo(f"Withdrawn: nothing was destroyed, and entry {seq:,} says so.")


@contextmanager
def open_erasures(store: str, log: str | None, *, login: str, duties: str = DECIDERS) -> Iterator[Erasures]:
    """The erasures of a log, for a login with one of ``duties``."""
    with open_door(store, log, login=login, duties=duties) as reader:
        yield Erasures(reader)


@contextmanager
def open_door(store: str, log: str | None, *, login: str, duties: str) -> Iterator[LogReader]:
    """A connection that may write, for a login with one of ``duties``; a refusal says which duties those are."""
    try:
        with conninfo_of(store, login=login) as conninfo, LogReader(conninfo, log, writes=True) as reader:
            yield reader
    except AccessDeniedError as error:
        if state_of_refusal(error) not in ("42501", "UB003"):
            raise
        raise AccessDeniedError(takes("this", duties)) from error


def erasure_in(door: Erasures, erasure: str) -> Erasure:
    """The erasure of this id; raises :class:`ConfigurationError` where there is none."""
    row = door.one(erasure)
    if row is None:
        raise ConfigurationError(f"{door.log} holds no erasure {erasure}: `unbroken subject list` shows what there is")
    return row


def _waiting(door: Erasures, erasure: str) -> Erasure:
    row = erasure_in(door, erasure)
    if row.state != "asked":
        raise ConfigurationError(f"this erasure does not wait for a second person: it is {row.state}")
    return row
