"""How disposals are shown: the list that is to go by class, what was decided, how far it is, whom it waits for."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from rich.padding import Padding
from rich.text import Text

from unbroken.cli.printing import (
    amount,
    as_json_time,
    cells,
    columns,
    console,
    counted,
    moment,
    plain_table,
    print_table,
)
from unbroken.cli.subject_view import print_section
from unbroken.store.disposals import Decision, Disposal, Group, Place

IRREVERSIBLE: Final = (
    "What goes can't be brought back. The lines of the log stay, and say that it was there and when it went."
)
_INDENT: Final = 2
_SHOWN: Final = 50
_NUMBERS: Final = 120
"""Letters of numbers of entries that are shown."""
_PLURALS: Final = {"class": "classes", "entry": "entries"}
_WAITS: Final = {
    "policies": "policies to be in force: without, nothing is ever due",
    "review": "a person to review it",
    "approval": "another person to approve of it",
    "vacuum": "a vacuum of what it was deleted from",
    "snapshot": "a transaction that still sees it to end, and another vacuum",
}
_GOES: Final = {"both": "all of it", "originals": "originals alone", "payloads": "payloads alone"}


def waits_in_words(waits_for: str | None) -> str:
    """Who or what it takes to go on."""
    return "" if waits_for is None else _WAITS[waits_for]


def state_in_words(row: Disposal) -> str:
    """How far it is."""
    until, by = (f" {word} {moment(row.expires_at)} UTC" if row.expires_at else "" for word in ("until", "by"))
    words = {
        "frozen": "nothing was due" if row.is_empty else "candidates are being looked for",
        "proposed": f"waits to be reviewed{until}",
        "reviewed": f"waits to be approved{until}",
        "approved": f"approved, to be carried out{by}",
        "begun": f"begun: {row.through:,} of {row.entries:,} gone through",
        "emptied": "deleted, and not found to be gone yet",
        "gone": "gone, and not certified yet",
        "done": "done",
        "withdrawn": "withdrawn",
        "expired": "expired: nobody approved it, or it was not carried out, in time",
    }
    return words.get(row.state, row.state)


def print_disposals(rows: Sequence[Disposal]) -> None:
    """A row for each."""
    table = plain_table("disposal", "proposed (UTC)", "kind", "candidates", "reviewed by", "approved by", "state")
    for column in (table.columns[0], table.columns[1]):
        column.no_wrap = True
    for each in rows:
        proposed = "" if each.proposed_at is None else moment(each.proposed_at)[:-3]
        approved = "" if each.standing else each.approved_by or ""
        kind = kind_of(each)
        people = (each.reviewed_by or "", approved)
        table.add_row(*cells(each.disposal, proposed, kind, f"{each.entries:,}", *people, state_in_words(each)))
    print_table(table)


def kind_of(row: Disposal) -> str:
    """Who agrees to it."""
    return in_words(standing=row.standing)


def in_words(*, standing: bool) -> str:
    """Who agrees to disposals of a kind."""
    return "approved in advance" if standing else "by two people"


def print_disposal(row: Disposal, *, log: str) -> None:
    """What it is and who did what about it."""
    facts = [
        ("disposal", row.disposal),
        ("log", log),
        ("kind", kind_of(row)),
        ("candidates", f"{row.entries:,}, of the entries up to {row.upto:,}; policies version {row.policies_version}"),
        ("list", row.sha256 or "(not complete yet)"),
        ("proposed", _by(row.proposed_by, row.proposed_at, row.proposed_seq)),
        ("reviewed", "not needed" if row.standing else _by(row.reviewed_by, row.reviewed_at, row.reviewed_seq)),
        ("approved", _in_advance(row) or _by(row.approved_by, row.approved_at, row.approved_seq)),
        ("begun", _by(row.begun_by, row.begun_at, row.begun_seq)),
        ("state", state_in_words(row)),
    ]
    console().print(columns([(name, words) for name, words in facts if words]))
    if row.begun_seq is not None:
        print_section("Destroyed", [(counted(row.payloads, "payload"), f"and {counted(row.originals, 'original')}")])
        console().print(Padding(Text(_left(row)), (0, 0, 0, _INDENT), expand=False))


def _in_advance(row: Disposal) -> str:
    return f"in advance: {', '.join(row.approvals)}" if row.approvals else ""


def _left(row: Disposal) -> str:
    keys = f"{counted(row.keys, 'key')} that opened nothing any more went with them"
    if not row.kept:
        return f"{keys}; no candidate was left."
    left = f"{counted(row.kept, 'candidate')} {'was' if row.kept == 1 else 'were'} left"
    return f"{keys}; {left}: held, not due any more, taken out by a reviewer, or gone before."


def print_groups(groups: Sequence[Group]) -> None:
    """What is on the list, by class, and under which policies."""
    if not groups:
        return
    is_split = any(each.part != "both" for each in groups)
    headings = ["class", "event type", "domains", "scope", "candidates", "recorded (UTC)", "under"]
    table = plain_table(*headings, *(["what goes"] if is_split else []))
    for each in groups[:_SHOWN]:
        recorded = " to ".join(dict.fromkeys(moment(time)[:10] for time in (each.oldest, each.newest)))
        scope = "not known" if each.scope is None else ", ".join(each.scope)
        words = (each.number, each.event_type, ", ".join(each.domains), scope, f"{each.entries:,}", recorded)
        alone = [_GOES[each.part]] if is_split else []
        table.add_row(*cells(*words, ", ".join(each.policies), *alone))
    print_table(table)
    if len(groups) > _SHOWN:
        console().print(Text(f"and {len(groups) - _SHOWN:,} more classes: --json has all of them"))


def print_decisions(decisions: Sequence[Decision]) -> None:
    """What reviewers took out."""
    if decisions:
        print_section("Taken out by reviewers", ((f"entry {each.seq:,}", _what(each)) for each in decisions))


def _what(decision: Decision) -> str:
    """What is kept by a decision, whose it is, and why."""
    classes = ",".join(map(str, decision.classes or ()))
    of = _numbered("class", classes) if classes else _numbered("entry", decision.numbers or "")
    how = f"under {', '.join(decision.domains or ()) or 'no domain'}"
    if decision.until is not None:
        how = f"kept until {moment(decision.until)} UTC"
    return f"{of} {how}: {decision.reason} ({decision.decided_by}, {moment(decision.decided_at)} UTC)"


def _numbered(noun: str, numbers: str) -> str:
    """``entry 3``, ``entries 3-7,9``: things by their numbers, and not more of them than can be read."""
    shown = numbers if len(numbers) <= _NUMBERS else f"{numbers[:_NUMBERS].rpartition(',')[0]}, …"
    return f"{noun if numbers.isdigit() else _PLURALS[noun]} {shown}"


def print_places(places: Sequence[Place]) -> None:
    """Where it lay, and what of it is waited for."""
    if places:
        print_section("Where it lay", ((each.partition, _gone(each)) for each in places))


def _gone(place: Place) -> str:
    if place.gone_at is not None:
        return f"gone: {place.how}, {moment(place.gone_at)} UTC"
    if place.waits_for is None:
        return f"{amount(place.size)}; the next round finds that it is gone"
    return f"{amount(place.size)}; waits for {waits_in_words(place.waits_for)}"


def disposal_as_json(row: Disposal) -> dict[str, Any]:
    """A disposal, for programs."""
    return {
        "disposal": row.disposal,
        "state": row.state,
        "standing": row.standing,
        "approvals": row.approvals,
        "policies_version": row.policies_version,
        "upto": row.upto,
        "candidates": row.entries,
        "sha256": row.sha256,
        "proposed": _act(row.proposed_by, row.proposed_at, row.proposed_seq),
        "valid_until": _time(row.expires_at),
        "reviewed": _act(row.reviewed_by, row.reviewed_at, row.reviewed_seq),
        "approved": _act(row.approved_by, row.approved_at, row.approved_seq),
        "withdrawn": _act(row.withdrawn_by, row.withdrawn_at, row.withdrawn_seq),
        "begun": _act(row.begun_by, row.begun_at, row.begun_seq),
        "through": row.through,
        "payloads": row.payloads,
        "originals": row.originals,
        "keys": row.keys,
        "kept": row.kept,
        "decisions": row.decisions,
        "emptied_at": _time(row.emptied_at),
        "gone_at": _time(row.gone_at),
        "done_at": _time(row.done_at),
        "done_seq": row.done_seq,
        "certificate_sha256": row.certificate_sha256,
    }


def group_as_json(group: Group) -> dict[str, Any]:
    """The candidates of a class, for programs."""
    return {
        "class": group.number,
        "event_type": group.event_type,
        "domains": group.domains,
        "scope": group.scope,
        "part": group.part,
        "policies": group.policies,
        "candidates": group.entries,
        "first": group.first,
        "last": group.last,
        "oldest": as_json_time(group.oldest),
        "newest": as_json_time(group.newest),
    }


def decision_as_json(decision: Decision) -> dict[str, Any]:
    """A reviewer's decision, for programs."""
    return {
        "nth": decision.nth,
        "decision": decision.decision,
        "classes": decision.classes,
        "numbers": decision.numbers,
        "until": _time(decision.until),
        "domains": decision.domains,
        "reason": decision.reason,
        "by": decision.decided_by,
        "at": as_json_time(decision.decided_at),
        "seq": decision.seq,
    }


def places_as_json(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Partitions in which something was deleted, for programs."""
    return [
        {
            "partition": each.partition,
            "bytes": each.size,
            "gone": each.how,
            "gone_at": _time(each.gone_at),
            "waits_for": each.waits_for,
        }
        for each in places
    ]


def _by(who: str | None, at: datetime | None, seq: int | None) -> str:
    return "" if who is None or at is None or seq is None else f"{who}, {moment(at)} UTC, entry {seq:,}"


def _act(by: str | None, at: datetime | None, seq: int | None) -> dict[str, Any] | None:
    return None if by is None or at is None else {"by": by, "at": as_json_time(at), "seq": seq}


def _time(time: datetime | None) -> str | None:
    return None if time is None else as_json_time(time)
