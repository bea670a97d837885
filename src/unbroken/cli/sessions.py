"""``unbroken sessions``: which conversations there are."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from unbroken.cli.denials import READERS
from unbroken.cli.people import (
    KeyOption,
    NamesOption,
    as_recorded,
    keys_for_names,
    keys_of,
    known_as,
    names_in,
    unknowable,
)
from unbroken.cli.printing import as_json_time, cells, console, duration, moment, plain_table, print_json, print_table
from unbroken.cli.reading import CaseOption, PurposeOption, open_read, shown_in
from unbroken.cli.report_view import finding_as_json, print_findings
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.investigate.listed import Listed, listed_sessions
from unbroken.investigate.short_forms import ShortForms
from unbroken.store.log_reader import SessionSummary


def sessions(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="N", help="How many to list.")] = 20,
    before: Annotated[
        int | None, typer.Option(min=1, metavar="SEQ", help="Only those whose last entry comes before this number.")
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option("--actor", metavar="NAME", help="Only those in which this person, by name or pseudonym, acts."),
    ] = None,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List sessions, the newest first.

    Who, when and how many entries come from the lines of each session's
    first and last entry, which are verified; the exit code is 1 if something
    is wrong with them. The number of errors, and that these are all, is the
    database's word. Times are UTC, by the database's clock.

    On a server this takes a login with the duty compliance, legal or dpo, or
    ops, which is not told the actors and takes the database's word for all.
    It is recorded as a read. That a person acts in a session of --actor is
    the database's word; `unbroken show` has the entries.

    \b
    Examples:
      unbroken sessions
      unbroken sessions --limit 100 --before 5000
      unbroken sessions --json
      unbroken sessions --actor dana@clinic.example --names
    """
    keys = keys_for_names(store, key, wanted=names)
    scope = {"what": "sessions", "limit": str(limit), **({} if actor is None else {"actor": as_recorded(actor)})}
    duties = READERS if names or actor is not None else "compliance, legal, dpo or ops"
    with open_read(store, log, scope=scope, purpose=purpose, case=case, duties=duties) as reading:
        page: dict[str, Any] = {} if before is None else {"before": before}
        hint = None
        if actor is not None:
            known_keys = keys or keys_of(store, key)
            page["people"] = known_as(actor, reading, known_keys)
            hint = unknowable(actor, reading, known_keys)
        in_full = reading.ticket.duty != "ops"
        rows = reading.reader.sessions(limit=limit, actors=in_full, **page)
        name = reading.reader.log
        listed = listed_sessions(reading.reader, rows) if in_full else [Listed(row, (), ()) for row in rows]
        known = names_in((each.row.actor_id or "" for each in listed), reading, keys) if names else {}
        shown_in(reading, listed)
    found = [each.row for each in listed]
    findings = [finding for each in listed for finding in each.findings]
    older = min((session.last_seq for session in found), default=0) if len(found) == limit else None
    if json:
        print_json(
            {
                "log": name,
                "sessions": [_as_json(session) for session in found],
                "findings": [finding_as_json(finding) for finding in findings],
                "next_before": older,
            }
            | ({"names": known} if names else {})
        )
    elif not found:
        typer.echo(_nothing(actor, before, hint))
    else:
        _print(listed, known)
        print_findings(console(), findings)
        if older is not None and older > 1:
            console(stderr=True).print(f"Older ones: unbroken sessions --before {older}", style="dim")
    raise typer.Exit(1 if findings else 0)


def _nothing(actor: str | None, before: int | None, hint: str | None) -> str:
    """What is said in place of a list."""
    if actor is None:
        return "No sessions yet." if before is None else f"No sessions before entry {before:,}."
    return " ".join(filter(None, ("No sessions in which that person acts.", hint)))


def _print(listed: list[Listed[SessionSummary]], names: Mapping[str, str]) -> None:
    table = plain_table(
        "session", "actor", "agent", "entries", "errors", "began (UTC)", "lasted", right=("entries", "errors")
    )
    table.columns[0].no_wrap, table.columns[0].overflow = True, "ellipsis"
    forms = ShortForms(names=names)
    for each in listed:
        forms.learn(each.row.actor_id or "")
    for each in listed:
        session = each.row
        table.add_row(
            *cells(
                session.session_id,
                forms.name(session.actor_id or "", scanned=each.scanned),
                forms.name(session.agent_id or "", scanned=each.scanned),
                f"{session.entries:,}",
                f"{session.errors:,}" if session.errors else "",
                moment(session.first_at)[:-3],
                _length(session.last_at - session.first_at),
            )
        )
    print_table(table)


def _length(length: timedelta) -> str:
    return f"{length.total_seconds():.1f} s" if length < timedelta(seconds=60) else duration(length)


def _as_json(session: SessionSummary) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "actor_id": session.actor_id,
        "agent_id": session.agent_id,
        "entries": session.entries,
        "errors": session.errors,
        "first_at": as_json_time(session.first_at),
        "last_at": as_json_time(session.last_at),
        "first_seq": session.first_seq,
        "last_seq": session.last_seq,
    }
