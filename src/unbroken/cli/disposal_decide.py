"""``unbroken disposal review``, ``extend``, ``relabel``, ``approve`` and ``withdraw``: what people say about a list."""

from typing import Annotated, Final, Literal

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed, agreed_by_another
from unbroken.cli.disposal_options import DisposalArgument, disposal_in, listed_in, open_disposals
from unbroken.cli.disposal_view import (
    IRREVERSIBLE,
    disposal_as_json,
    print_decisions,
    print_disposal,
    print_groups,
)
from unbroken.cli.granting import ReasonOption, YesOption
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.moments import moment_of
from unbroken.cli.printing import counted, moment, print_json
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.store.disposals import Disposal, Disposals

_UNDECIDED: Final = ("proposed", "reviewed")
ClassesOption = Annotated[
    list[int] | None, typer.Option("--class", metavar="N", help="All candidates of a class, by its number.")
]
EntriesOption = Annotated[
    str | None, typer.Option("--entries", metavar="RANGES", help="Entries by their numbers: 3-7,9.")
]


def review(
    disposal: DisposalArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Say that a list was looked at, and may go but for what was taken out.

    Shows what is on it, by class. Destroys nothing: another person approves.
    Bound to the list by its hash; after a further `extend` or `relabel` it
    has to be reviewed again.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 reviewed or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal review 0b51c6f2-… --reason "no matter needs it"
    """
    with open_disposals(store, log, login=wiring.READER) as (door, reader):
        row, sha256 = listed_in(door, disposal, states=_UNDECIDED)
        if not json:
            _print(door, row)
        if not agreed("Does this list stand, but for what was taken out?", yes=yes):
            typer.echo("Nothing was reviewed.")
            return
        seq = door.review(row.disposal, sha256=sha256, reason=masked(store, reason, rules=rules_of(reader)))
        row = disposal_in(door, row.disposal)
    _tell(row, door, seq, f"Reviewed, in entry {seq:,}. Nothing is destroyed yet.", as_json=json)
    if not json:
        print_next([("Somebody else approves of it:", command(store, door.log, "disposal", "approve", row.disposal))])


def approve(
    disposal: DisposalArgument,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Approve of a list that somebody else reviewed. It is the last word.

    The next `unbroken retention run --execute` destroys what is on it, but
    for what was taken out, what a legal hold covers by then, and what is not
    due any more. Until that has begun it can be withdrawn.

    \b
    Needs a login with the duty compliance, legal or dpo, other than the one
    that reviewed. Exit codes: 0 approved or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal approve 0b51c6f2-… --log clinic.example/agents
      unbroken disposal approve 0b51c6f2-… --yes --json
    """
    with open_disposals(store, log, login=wiring.LEGAL) as (door, _):
        row, sha256 = listed_in(door, disposal, states=("reviewed",))
        if not json:
            _print(door, row)
            typer.echo(f"  {IRREVERSIBLE} Approving alone destroys nothing.")
        if not agreed_by_another("Approve of this list?", store, yes=yes, first="reviews", second="approves"):
            typer.echo("Nothing was approved.")
            return
        seq = door.approve(row.disposal, sha256=sha256)
        row = disposal_in(door, row.disposal)
    until = f" by {moment(row.expires_at)} UTC" if row.expires_at else ""
    said = f"Approved, in entry {seq:,}. Nothing is destroyed yet: the retention service carries it out{until}."
    _tell(row, door, seq, said, as_json=json)
    if not json:
        carry_out = command(store, door.log, "retention", "run", "--execute", "--backups-kept", "DAYS")
        print_next([("The retention service, to carry it out:", carry_out)])


def extend(
    disposal: DisposalArgument,
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="Kept until then, at least.")],
    reason: ReasonOption,
    classes: ClassesOption = None,
    entries: EntriesOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Take candidates out of a list, and keep them until a later day.

    It counts at once, also where the list is withdrawn. What a matter needs
    is held instead: `unbroken hold issue`.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 taken out, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal extend 0b51c6f2-… --class 3 --until 2027-06-30 \\
        --reason "the audit of 2026 is not closed"
    """
    _check_named(classes, entries)
    with open_disposals(store, log, login=wiring.READER) as (door, reader):
        row, _ = listed_in(door, disposal, states=_UNDECIDED)
        seq = door.decide(
            row.disposal,
            "extend",
            classes=classes,
            numbers=entries,
            until=moment_of(until, option="--until"),
            domains=None,
            reason=masked(store, reason, rules=rules_of(reader)),
        )
        row = disposal_in(door, row.disposal)
    _taken(row, door, seq, "extend", as_json=json)


def relabel(
    disposal: DisposalArgument,
    reason: ReasonOption,
    classes: ClassesOption = None,
    entries: EntriesOption = None,
    domains: Annotated[
        list[str] | None, typer.Option("--domain", metavar="NAME", help="A domain they are under; may be repeated.")
    ] = None,
    nothing: Annotated[bool, typer.Option("--no-domain", help="They are under no domain.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Take candidates out that were recorded under the wrong domains.

    They are looked at under the given ones as soon as the list is approved.
    The entries stay as they are: the decision is an entry of its own.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 taken out, 2 wrong usage or no access.

    \b
    Examples:
      unbroken disposal relabel 0b51c6f2-… --entries 118-240 \\
        --domain health --reason "the intake agent was not labelled"
    """
    if bool(domains) == nothing:
        raise ConfigurationError("say under which domains they are: --domain NAME, or --no-domain")
    _check_named(classes, entries)
    with open_disposals(store, log, login=wiring.READER) as (door, reader):
        row, _ = listed_in(door, disposal, states=_UNDECIDED)
        seq = door.decide(
            row.disposal,
            "relabel",
            classes=classes,
            numbers=entries,
            until=None,
            domains=domains or [],
            reason=masked(store, reason, rules=rules_of(reader)),
        )
        row = disposal_in(door, row.disposal)
    _taken(row, door, seq, "relabel", as_json=json)


def withdraw(
    disposal: DisposalArgument,
    reason: ReasonOption,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Withdraw a disposal that has not begun.

    One person is enough. Nothing was destroyed; what is still due comes on
    the next list, which somebody has to review anew.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 withdrawn, 2 wrong usage, no access, or it has begun.

    \b
    Examples:
      unbroken disposal withdraw 0b51c6f2-… --reason "policies are changing"
    """
    with open_disposals(store, log, login=wiring.READER) as (door, reader):
        row = disposal_in(door, disposal)
        seq = door.withdraw(row.disposal, reason=masked(store, reason, rules=rules_of(reader)))
        row = disposal_in(door, row.disposal)
    _tell(row, door, seq, f"Withdrawn: nothing was destroyed, and entry {seq:,} says so.", as_json=json)


def _print(door: Disposals, row: Disposal) -> None:
    print_disposal(row, log=door.log)
    print_groups(door.groups(row.disposal))
    print_decisions(door.decisions(row.disposal))


def _check_named(classes: list[int] | None, entries: str | None) -> None:
    if (not classes) == (entries is None):
        raise ConfigurationError("say which candidates: classes with --class N, or entries with --entries 3-7,9")


def _taken(row: Disposal, door: Disposals, seq: int, decision: Literal["extend", "relabel"], *, as_json: bool) -> None:
    what = "kept" if decision == "extend" else "looked at under other domains once the list is approved"
    again = " Somebody has to review the list again." if row.reviewed_seq is not None else ""
    said = f"Taken out, and {what}: entry {seq:,} says so. {counted(row.decisions, 'decision')} so far.{again}"
    _tell(row, door, seq, said, as_json=as_json)


def _tell(row: Disposal, door: Disposals, seq: int, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"log": door.log, **disposal_as_json(row), "seq": seq})
    else:
        typer.echo(said)
