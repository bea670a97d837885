"""``unbroken retention standing``: approvals in advance, for policies that nobody needs to look at each time."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed, agreed_by_another
from unbroken.cli.granting import ReasonOption, YesOption
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.moments import moment_of
from unbroken.cli.printing import as_json_time, cells, columns, console, moment, plain_table, print_json, print_table
from unbroken.cli.retention_store import DECIDERS, SEERS, Kept, open_kept
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.store.retention import StandingApproval

app = typer.Typer(no_args_is_help=True)
ApprovalArgument = Annotated[str, typer.Argument(metavar="APPROVAL", help="The approval's id, as listed.")]
_DAYS = 365


@app.callback()
def _group() -> None:
    """Approve in advance of what named policies let go.

    Two people approve, for up to 400 days; then `unbroken retention run`
    disposes of what falls under no other policies than these without asking
    anybody. Of a policy that was changed since, the approval is void.
    """


@app.command()
def ask(
    policy: Annotated[list[str], typer.Argument(metavar="POLICY...", help="Policies in force, by id.")],
    reason: ReasonOption,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Until when; by default, for 365 days.")
    ] = None,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Ask for an approval in advance; somebody else confirms it.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 asked or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention standing ask default.one_year --reason "routine"
    """
    ends = datetime.now(UTC) + timedelta(days=_DAYS) if until is None else moment_of(until, option="--until")
    with open_kept(store, log, login=wiring.READER, duties=DECIDERS) as kept:
        question = f"Ask that what {', '.join(policy)} let go may be destroyed until {ends:%Y-%m-%d} without asking?"
        if not agreed(question, yes=yes):
            typer.echo("Nothing was asked for.")
            return
        because = masked(store, reason, rules=rules_of(kept.reader))
        asked = kept.door.ask_standing(policy, valid_until=ends, reason=because)
    confirming = command(store, kept.origin, "retention", "standing", "confirm", asked.approval)
    if json:
        told = {"approval": asked.approval, "seq": asked.seq, "answer_until": as_json_time(asked.expires_at)}
        print_json({"log": kept.log, **told, "valid_until": as_json_time(ends), "confirm": confirming})
        return
    typer.echo(f"Asked for, in entry {asked.seq:,}. Nothing is approved yet.")
    print_next([(f"Somebody else confirms it by {moment(asked.expires_at)} UTC:", confirming)])


@app.command()
def confirm(
    approval: ApprovalArgument,
    yes: YesOption = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Confirm an approval in advance that somebody else asked for.

    From then on what its policies let go is destroyed without anybody being
    asked. It can be ended at any time, by one person.

    \b
    Needs a login with the duty compliance, legal or dpo, other than the one
    that asked. Exit codes: 0 confirmed or left, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention standing confirm 0b51c6f2-…
    """
    with open_kept(store, log, login=wiring.LEGAL, duties=DECIDERS) as kept:
        row = _row(kept, approval)
        if not json:
            _print_one(row)
        question = "Confirm it? What these policies let go is destroyed then without asking."
        if not agreed_by_another(question, store, yes=yes):
            typer.echo("Nothing was confirmed.")
            return
        seq = kept.door.confirm_standing(row.approval)
    if json:
        print_json({"log": kept.log, "approval": row.approval, "seq": seq})
    else:
        typer.echo(f"Confirmed, in entry {seq:,}, until {moment(row.valid_until)} UTC.")


@app.command()
def end(
    approval: ApprovalArgument,
    reason: ReasonOption,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """End an approval in advance, at once; one person is enough.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes: 0 ended, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention standing end 0b51c6f2-… --reason "a complaint came in"
    """
    with open_kept(store, log, login=wiring.READER, duties=DECIDERS) as kept:
        row = _row(kept, approval)
        seq = kept.door.end_standing(row.approval, reason=masked(store, reason, rules=rules_of(kept.reader)))
    if json:
        print_json({"log": kept.log, "approval": row.approval, "seq": seq})
    else:
        typer.echo(f"Ended, in entry {seq:,}: what its policies let go waits for people again.")


@app.command("list")
def list_approvals(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over, ended or expired.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List approvals in advance, the newest first.

    \b
    Needs a login with the duty compliance, legal, dpo, retention or verifier.
    Exit codes: 0 listed, 2 wrong usage or no access.

    \b
    Examples:
      unbroken retention standing list --json
    """
    with open_kept(store, log, login=wiring.READER, duties=SEERS) as kept:
        rows = [each for each in kept.door.standing_approvals() if everything or each.state in ("asked", "in force")]
    if json:
        print_json({"log": kept.log, "approvals": [_as_json(each) for each in rows]})
    elif rows:
        _print(rows)
    else:
        typer.echo("Nothing is approved in advance.")


def _row(kept: Kept, approval: str) -> StandingApproval:
    try:
        name = str(uuid.UUID(approval))
    except ValueError:
        name = ""
    row = next((each for each in kept.door.standing_approvals() if each.approval == name), None)
    if row is None:
        raise ConfigurationError(
            f"{kept.log} has no approval in advance {approval}: `unbroken retention standing list` shows what there is"
        )
    return row


def _print_one(row: StandingApproval) -> None:
    facts = [
        ("approval", row.approval),
        ("policies", _policies(row)),
        ("until", f"{moment(row.valid_until)} UTC"),
        ("asked by", f"{row.asked_by}, {moment(row.asked_at)} UTC, entry {row.asked_seq:,}"),
        ("because", row.reason),
        ("state", row.state),
    ]
    console().print(columns(facts))


def _print(rows: list[StandingApproval]) -> None:
    table = plain_table("approval", "policies", "asked by", "confirmed by", "until (UTC)", "state")
    table.columns[0].no_wrap = True
    for each in rows:
        until = moment(each.valid_until)[:-3]
        by = each.confirmed_by or ""
        table.add_row(*cells(each.approval, _policies(each), each.asked_by, by, until, each.state))
    print_table(table)


def _policies(row: StandingApproval) -> str:
    return ", ".join(each if each in row.unchanged else f"{each} (changed since: void)" for each in row.policies)


def _as_json(row: StandingApproval) -> dict[str, Any]:
    def act(by: str | None, at: datetime | None, seq: int | None) -> dict[str, Any] | None:
        return None if by is None or at is None else {"by": by, "at": as_json_time(at), "seq": seq}

    return {
        "approval": row.approval,
        "state": row.state,
        "policies": row.policies,
        "void": [each for each in row.policies if each not in row.unchanged],
        "reason": row.reason,
        "valid_until": as_json_time(row.valid_until),
        "asked": act(row.asked_by, row.asked_at, row.asked_seq),
        "confirmed": act(row.confirmed_by, row.confirmed_at, row.confirmed_seq),
        "ended": act(row.ended_by, row.ended_at, row.ended_seq),
    }
