"""What the commands about legal holds show: what is covered, who did what, who has to do what next."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import typer
from rich.padding import Padding
from rich.text import Text

from unbroken.cli.printing import as_json_time, columns, console, counted, moment
from unbroken.investigate.printable import printable
from unbroken.retention.holds import Scope, in_words, parts_of
from unbroken.store.holds import Hold, HoldRequest, HoldScope, Reach

_INDENT = 2


def print_scope(title: str, scope: Scope) -> None:
    """A heading, and below it what a scope names: all of it has to fit."""
    out = console()
    out.print(Text(title, "bold"))
    out.print(Padding(columns(list(parts_of(scope))), (0, 0, 0, _INDENT), expand=False))


def print_hold(row: Hold) -> None:
    """Whose hold it is, why, and how it stands."""
    facts = [
        ("hold", row.hold),
        ("log", row.log),
        ("matter", f"{row.matter} ({row.kind})"),
        ("because", row.reason),
        ("state", state_in_words(row)),
        ("issued by", by(row.issued_by, row.issued_at, row.issued_seq)),
        ("reviewed by", by(row.reviewed_by, row.reviewed_at, row.reviewed_seq)),
        ("grace period", f"{counted(row.grace_days, 'day')} after it was narrowed or released"),
    ]
    console().print(columns(facts))


def print_versions(versions: Iterable[HoldScope]) -> None:
    """What a hold covered before, and until when it covers on."""
    rows = [
        (f"version {each.version}", f"until {moment(each.ends_at)} UTC: {in_words(each.scope)}")
        for each in versions
        if each.ends_at is not None
    ]
    if rows:
        console().print(Text("Covered before, and on until its grace period is over", "bold"))
        console().print(Padding(columns(rows), (0, 0, 0, _INDENT), expand=False))


def print_request(row: HoldRequest) -> None:
    """Who asked for a change of a hold, and why."""
    facts = [
        ("request", row.request),
        ("to", "release it" if row.kind == "release" else "narrow it"),
        ("because", row.reason),
        ("asked by", by(row.asked_by, row.asked_at, row.asked_seq)),
        ("good until", f"{moment(row.expires_at)} UTC"),
    ]
    console().print(columns(facts))


def print_reach(found: Mapping[str, Reach]) -> None:
    """How much a hold preserves, and how much had gone before it came."""
    preserved, originals, gone = (
        sum(getattr(each, name) for each in found.values()) for name in ("preserved", "originals", "gone")
    )
    typer.echo(f"Preserved: {counted(preserved, 'payload')} and {counted(originals, 'original')} that were recorded.")
    if gone:
        typer.echo(
            f"Already gone: what {counted(gone, 'entry')} held. Entries log.erased and log.disposed tell when and why; "
            "backups may have it."
        )
    else:
        typer.echo("Nothing of it had gone.")


def state_in_words(row: Hold) -> str:
    """The state, and until when it is so."""
    if row.state == "in force":
        due = "" if row.review_due_at is None else f"; to be reviewed by {moment(row.review_due_at)} UTC"
        return f"in force{due}{': overdue' if row.is_overdue else ''}"
    released = "" if row.released_at is None else f"released {moment(row.released_at)} UTC"
    if row.state == "in grace" and row.ends_at is not None:
        return f"{released}; covers on until {moment(row.ends_at)} UTC"
    return f"{released}, and over"


def by(who: str | None, at: datetime | None, seq: int | None) -> str:
    """Who did something, when, and the entry that says so."""
    if who is None or at is None or seq is None:
        return "nobody"
    return f"{who}, {moment(at)} UTC, entry {seq:,}"


def print_plain(text: str) -> None:
    """A line in which whatever a log holds can do nothing to the terminal."""
    typer.echo(printable(text))


def hold_as_json(row: Hold) -> dict[str, Any]:
    """A hold, for programs."""
    return {
        "hold": row.hold,
        "log": row.log,
        "state": row.state,
        "matter": row.matter,
        "kind": row.kind,
        "reason": row.reason,
        "version": row.version,
        "scope": dict(row.scope),
        "sha256": row.sha256,
        "grace_days": row.grace_days,
        "review_days": row.review_days,
        "issued": _act(row.issued_by, row.issued_at, row.issued_seq),
        "reviewed": _act(row.reviewed_by, row.reviewed_at, row.reviewed_seq),
        "review_due_at": _json_time(row.review_due_at),
        "is_overdue": row.is_overdue,
        "released_at": _json_time(row.released_at),
        "released_seq": row.released_seq,
        "ends_at": _json_time(row.ends_at),
    }


def version_as_json(row: HoldScope) -> dict[str, Any]:
    """One version of what a hold covers, for programs."""
    return {
        "version": row.version,
        "scope": dict(row.scope),
        "sha256": row.sha256,
        "since": as_json_time(row.since),
        "seq": row.seq,
        "ends_at": _json_time(row.ends_at),
        "ended_seq": row.ended_seq,
    }


def request_as_json(row: HoldRequest) -> dict[str, Any]:
    """A request to change a hold, for programs."""
    return {
        "request": row.request,
        "hold": row.hold,
        "state": row.state,
        "kind": row.kind,
        "version": row.version,
        "sha256": row.sha256,
        "scope": None if row.scope is None else dict(row.scope),
        "reason": row.reason,
        "asked": _act(row.asked_by, row.asked_at, row.asked_seq),
        "valid_until": as_json_time(row.expires_at),
        "decided": _act(row.decided_by, row.decided_at, row.decided_seq),
    }


def reach_as_json(found: Mapping[str, Reach]) -> list[dict[str, Any]]:
    """What was counted of each incarnation, for programs."""
    return [
        {
            "log": log,
            "upto": each.upto,
            "preserved": each.preserved,
            "originals": each.originals,
            "gone": each.gone,
        }
        for log, each in found.items()
    ]


def _act(who: str | None, at: datetime | None, seq: int | None) -> dict[str, Any] | None:
    return None if who is None or at is None else {"by": who, "at": as_json_time(at), "seq": seq}


def _json_time(time: datetime | None) -> str | None:
    return None if time is None else as_json_time(time)
