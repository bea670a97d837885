"""``unbroken approvals``: what agents wait for, and deciding on it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from unbroken import wiring
from unbroken.capture.trail import Trail
from unbroken.cli.asking import agreed
from unbroken.cli.lengths import length_of
from unbroken.cli.people import KeyOption, NamesOption, keys_for_names, names_in
from unbroken.cli.placeholders import mark_placeholders
from unbroken.cli.printing import as_json_time, cells, columns, console, moment, plain_table, print_json, print_table
from unbroken.cli.reading import CaseOption, PurposeOption, open_read, shown_in
from unbroken.cli.report_view import finding_as_json, print_findings
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_ledger
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.keyed import LogKey
from unbroken.core.times import parse_time
from unbroken.errors import AccessDeniedError, ConfigurationError, NotApprovedError, UnbrokenError
from unbroken.investigate.listed import Listed, listed_approvals
from unbroken.investigate.printable import printable
from unbroken.investigate.requested_arguments import RequestedArguments, not_shown, requested_arguments
from unbroken.investigate.short_forms import ShortForms
from unbroken.ledger.approval import Approval
from unbroken.store.log_reader import ApprovalRequest
from unbroken.verify.examine import Broken, examine

TO_DECIDE: Final = "to decide on a request for approval"
"""What the arguments are read for, as the log records it."""

app = typer.Typer(no_args_is_help=True)


class Decision(StrEnum):
    """What can be said to a request."""

    APPROVE = "approve"
    DENY = "deny"


@app.callback()
def _group() -> None:
    """List requests for approval, and decide on them.

    An agent's tool that requires an approval records a request and waits.
    What is decided here is recorded in the log, for one call with exactly
    the arguments that were asked for.
    """


@app.command("list")
def list_requests(
    everything: Annotated[bool, typer.Option("--all", help="Also those decided, used or expired.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="N", help="How many to list.")] = 50,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List the requests that wait for a decision, the newest first.

    On a server this takes a login with the duty compliance, legal or dpo. It
    is recorded as a read. Times are UTC, by the database's clock. What was
    asked and decided comes from lines that are verified, and the exit code
    is 1 if something is wrong with them; whether an approval was used, and
    that these are all, is the database's word.

    \b
    Examples:
      unbroken approvals list
      unbroken approvals list --all --limit 10
      unbroken approvals list --json | jq -r '.approvals[].request'
    """
    keys = keys_for_names(store, key, wanted=names)
    scope = {"what": "approvals list", "limit": str(limit)}
    with open_read(store, log, scope=scope, purpose=purpose, case=case) as reading:
        rows, name = reading.reader.approvals(limit=limit, decided=everything), reading.reader.log
        listed = listed_approvals(reading.reader, rows)
        people = (f"{each.row.actor_id} {each.row.decided_by}" for each in listed)
        known = names_in(people, reading, keys) if names else {}
        shown_in(reading, listed)
    found = [each.row for each in listed]
    findings = [finding for each in listed for finding in each.findings]
    if json:
        told = [finding_as_json(finding) for finding in findings]
        answer = {"log": name, "approvals": [_as_json(each) for each in found], "findings": told}
        print_json(answer | ({"names": known} if names else {}))
    elif found:
        _print_list(listed, known)
        print_findings(console(), findings)
    else:
        typer.echo("No requests yet." if everything else "Nothing waits for a decision.")
    raise typer.Exit(1 if findings else 0)


@app.command()
def decide(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id, as listed.")],
    decision: Annotated[Decision, typer.Argument(metavar="approve|deny", help="What you decide.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides: it is recorded as the actor.")],
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; recorded as well.")] = None,
    valid_for: Annotated[
        str, typer.Option("--valid-for", metavar="TIME", help="How long an approval may be used: 30m, 1h, 2d.")
    ] = "1h",
    yes: Annotated[bool, typer.Option("--yes", help="Approve without being asked once more.")] = False,
    reader: Annotated[
        str | None,
        typer.Option(
            envvar="UNBROKEN_READER",
            metavar="STORE",
            help="The connection string of a login that may read, such as compliance, so that the arguments are shown.",
        ),
    ] = None,
    case: CaseOption = None,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Approve or deny one request.

    Needs a login with the duty writer. One that is not the agent's: a
    decision through the login that recorded the request is marked as
    self-attested, as nobody else vouches for it. A writer reads nothing, so
    the arguments are shown where --reader names a login that may; that is
    recorded as a read, for this purpose. Where some of them are masked, it
    says which kinds you can't see. A denial is final, and withdraws an
    approval that has not been used.

    \b
    Examples:
      unbroken approvals decide 0198c1a2-… deny --by alice --reason "twice"
      unbroken approvals decide 0198c1a2-… approve --by alice --valid-for 30m
      UNBROKEN_STORE=postgresql://approver@db.example/audit \\
        unbroken approvals decide 0198c1a2-… approve --by alice --yes
    """
    length = length_of(valid_for, option="--valid-for")
    with open_ledger(store, log) as ledger:
        trail = Trail(ledger, protection=wiring.protection_of(ledger))
        asked = _asked(trail, request)
        _print_request(asked, _looked_at(reader, store, log, asked, case=case, key=ledger.key))
        if decision is Decision.APPROVE and not agreed("Approve this call?", yes=yes):
            typer.echo("Nothing was decided.")
            return
        decided = trail.decide(asked, decision.value, by=by, reason=reason, valid_for=length)
    _print_decision(decided, by)


def _asked(trail: Trail, request: str) -> Approval:
    try:
        return trail.approval(request)
    except NotApprovedError as error:
        raise ConfigurationError(
            f"{trail.ledger.log} holds no request {request}: `unbroken approvals list` shows what there is"
        ) from error


def _looked_at(
    reader: str | None, store: str, log: str | None, asked: Approval, *, case: str | None, key: LogKey | None
) -> RequestedArguments:
    """The arguments, or why they are not shown."""
    try:
        entry = _read_request(reader or store, log, asked.request, case=case)
    except AccessDeniedError as error:
        return not_shown("this login can't read them" if reader is None else f"not read: {printable(str(error))}")
    if entry is None or entry.inputs is None:
        return not_shown("they are not there any more")
    return requested_arguments(decode_event(entry.event), entry.inputs, bound_to=asked.arguments_hash, key=key)


def _read_request(store: str, log: str | None, request: str, *, case: str | None) -> StoredEntry | None:
    """The entry that asks, verified; ``None`` where it is gone.

    Raises :class:`AccessDeniedError` where this login may not read it, and :class:`UnbrokenError` where it is not what
    was recorded.
    """
    scope = {"what": "approvals decide", "request": request}
    with open_read(store, log, scope=scope, purpose=TO_DECIDE, case=case) as reading:
        listed = reading.reader.approvals(limit=1, decided=True, request=request)
        entry = reading.reader.entry(listed[0].seq) if listed else None
        if entry is not None:
            reading.shown(entry)
    if entry is None:
        return None
    step = examine(entry)
    if isinstance(step, Broken) or step.faults:
        raise UnbrokenError(f"entry {entry.seq}, which asks for this, was altered: run `unbroken verify`")
    return entry


def _print_request(asked: Approval, arguments: RequestedArguments) -> None:
    agent = f", agent {asked.agent_id}" if asked.agent_id else ""
    facts = [
        ("request", asked.request),
        ("tool", asked.tool),
        ("call", asked.call_id),
        ("session", asked.session_id or "(none)"),
        ("asked by", f"{asked.requested_by}{agent}"),
        ("state", f"{asked.state}, until {_utc(asked.valid_until)}"),
        ("arguments", mark_placeholders(Text("\n".join((*arguments.lines, *arguments.notes))))),
    ]
    out = console()
    out.print(columns(facts))
    if arguments.masked:
        out.print(Text(f"WARNING: you don't see all of what you decide on; masked: {arguments.masked}.", "bold yellow"))


def _print_decision(decided: Approval, by: str) -> None:
    until = f", to be used until {_utc(decided.valid_until)}" if decided.outcome == "approved" else ""
    who = by if decided.by in (None, by) else f"{by} ({ShortForms().name(decided.by, scanned=False)})"
    typer.echo(printable(f"Recorded: {decided.outcome} by {who}{until}."))
    if decided.self_attested:
        typer.echo("It is self-attested: the request came through the same login.")


def _utc(text: str) -> str:
    return f"{moment(parse_time(text))} UTC"


def _print_list(listed: list[Listed[ApprovalRequest]], names: Mapping[str, str]) -> None:
    table = plain_table("request", "tool", "call", "session", "asked by", "asked (UTC)", "until (UTC)", "state")
    for column in (table.columns[0], table.columns[5], table.columns[6]):
        column.no_wrap = True
    forms = ShortForms(names=names)
    for row in listed:
        forms.learn(f"{row.row.actor_id} {row.row.decided_by}")
    for row in listed:
        each = row.row
        agent = f" > {each.agent_id}" if each.agent_id else ""
        table.add_row(
            *cells(
                each.request,
                each.tool,
                each.call_id,
                each.session_id or "",
                forms.name(f"{each.actor_id}{agent}", scanned=row.scanned),
                moment(each.requested_at),
                moment(each.valid_until),
                forms.name(_state(each), scanned=row.scanned),
            )
        )
    print_table(table)


def _state(each: ApprovalRequest) -> str:
    words = [each.state]
    if each.decided_by is not None:
        words = [] if each.state in ("approved", "denied") else words
        words.append(f"{'denied' if each.state == 'denied' else 'approved'} by {each.decided_by}")
    return ", ".join([*words, "self-attested"] if each.self_attested else words)


def _as_json(each: ApprovalRequest) -> dict[str, Any]:
    return {
        "request": each.request,
        "state": each.state,
        "tool": each.tool,
        "call_id": each.call_id,
        "session_id": each.session_id,
        "actor_id": each.actor_id,
        "agent_id": each.agent_id,
        "seq": each.seq,
        "requested_at": as_json_time(each.requested_at),
        "valid_until": as_json_time(each.valid_until),
        "decided_by": each.decided_by,
        "decided_at": None if each.decided_at is None else as_json_time(each.decided_at),
        "self_attested": each.self_attested,
    }
