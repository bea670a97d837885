"""What the commands about retention show: policies, classes, what would change."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import typer
from rich.padding import Padding
from rich.text import Text

from unbroken.cli.printing import as_json_time, cells, columns, console, counted, moment, plain_table, print_table
from unbroken.core.normalise import Json
from unbroken.retention.comparing import Difference
from unbroken.retention.policy import Policy
from unbroken.retention.policy_set import PolicySet
from unbroken.retention.reckoning import Kind
from unbroken.retention.simulating import WORDS, Change, Simulation
from unbroken.retention.written import table_of
from unbroken.store.retention import PolicyVersion

_MOST_CHANGES: Final = 30
_UNVERIFIED: Final = "verify: a citation that was not compared with the official text yet; do so before relying on it."


def print_policies(policies: Iterable[Policy], *, default: str | None) -> None:
    """Policies, a row each."""
    shown = list(policies)
    table = plain_table("policy", "version", "keep", "gone by", "from", "for", "basis", "citation")
    table.columns[0].no_wrap = True
    for each in shown:
        name = f"{each.id} (default)" if each.id == default else each.id
        table.add_row(
            *cells(
                name, each.version, each.floor or "", each.ceiling or "", start_in_words(each), whom(each), each.basis
            ),
            *cells(each.cited),
        )
    print_table(table)
    if any(each.verify for each in shown):
        console(stderr=True).print(_UNVERIFIED, style="dim")


def start_in_words(policy: Policy) -> str:
    """What a policy's period starts with, and where its days end, if not in UTC."""
    start = "the record" if policy.start_key is None else f"{policy.start} of {policy.start_key}=…"
    return start if policy.zone.key == "UTC" else f"{start}, days in {policy.zone.key}"


def whom(policy: Policy) -> str:
    """Which entries a policy is for, or which part of them."""
    applies = policy.applies
    entries = ["everything"] if applies.everything else sorted(applies.domains) + sorted(applies.event_types)
    parts = f"{', '.join(policy.parts)} of " if policy.is_partial else ""
    return parts + ", ".join(entries)


def type_in_words(kind: Kind) -> str:
    """The type of a class's entries, with the part that it is about where it is one alone."""
    return kind.event_type if kind.part is None else f"{kind.event_type} ({kind.part})"


def kind_in_words(kind: Kind) -> str:
    """What the entries of a class have in common, besides their type."""
    scope = ["(scope not known)"] if kind.scope is None else list(kind.scope)
    return ", ".join([*kind.domains, *scope])


def kind_as_json(kind: Kind) -> dict[str, Any]:
    """The same for programs; a scope that is not known is null, and a part stands there where it is about one alone."""
    scope = None if kind.scope is None else list(kind.scope)
    part = {} if kind.part is None else {"part": kind.part}
    return {"event_type": kind.event_type, "domains": list(kind.domains), "scope": scope, **part}


def version_as_json(row: PolicyVersion) -> dict[str, Any]:
    """A version of the policies, without its text."""
    return {
        "version": row.version,
        "state": row.state,
        "sha256": row.sha256,
        "reason": row.reason,
        "proposed": {"by": row.proposed_by, "at": as_json_time(row.proposed_at), "seq": row.proposed_seq},
        "valid_until": as_json_time(row.expires_at),
        "decided": _act(row.decided_by, row.decided_at, row.decided_seq),
        "simulated": dict(row.simulated),
    }


def set_as_json(rules: PolicySet) -> dict[str, Json]:
    """A set of policies, as logs keep it."""
    return {"default": rules.default, "policies": [table_of(policy) for policy in rules.policies]}


def print_version(row: PolicyVersion, *, log: str) -> None:
    """Who proposed a version and why, and what became of it."""
    facts = [
        ("log", log),
        ("version", f"{row.version:,}, {row.state}"),
        ("proposed by", f"{row.proposed_by}, {moment(row.proposed_at)} UTC, entry {row.proposed_seq:,}"),
        ("because", row.reason),
    ]
    if row.decided_by is not None and row.decided_at is not None:
        facts.append(("decided by", f"{row.decided_by}, {moment(row.decided_at)} UTC, entry {row.decided_seq:,}"))
    console().print(columns([*facts, ("sha256", row.sha256)]))


def print_differences(found: Sequence[Difference], *, against: str) -> None:
    """What is different in a set of policies."""
    if not found:
        typer.echo(f"Nothing is different from {against}.")
        return
    typer.echo(f"{counted(len(found), 'difference')} from {against}:")
    table = plain_table("", "policy", "how", "moves dates")
    for each in found:
        table.add_row("", *cells(each.policy, each.words, "yes" if each.moves else "no"))
    print_table(table)


def print_simulation(found: Simulation) -> None:
    """What other policies would change, in entries, and for which classes most."""
    print_counts(found.counts)
    changes = found.changes
    if not changes:
        return
    table = plain_table("event type", "of", "policies now", "then", *_RIGHT, right=_RIGHT)
    for each in changes[:_MOST_CHANGES]:
        table.add_row(
            *cells(type_in_words(each.kind), kind_in_words(each.kind), ", ".join(each.before), ", ".join(each.after)),
            *cells(*(f"{number:,}" for number in _numbers(each))),
        )
    print_table(table)
    if len(changes) > _MOST_CHANGES:
        typer.echo(f"and {len(changes) - _MOST_CHANGES:,} more of the kind: --json lists all")


_RIGHT: Final = ("entries", "due at once", "no longer due", "sooner", "later")


def _numbers(change: Change) -> tuple[int, ...]:
    return change.entries, change.newly_due, change.no_longer_due, change.sooner, change.later


def print_counts(counts: Mapping[str, int]) -> None:
    """What was simulated, in words: first of all what would go at once."""
    rows = [(f"{counts.get(name, 0):,}", words) for name, words in WORDS.items() if counts.get(name) or name in _ALWAYS]
    console().print(Text("Entries that", "bold"))
    console().print(Padding(columns(rows), (0, 0, 0, 2), expand=False))


_ALWAYS: Final = frozenset({"entries", "newly_due"})


def simulation_as_json(found: Simulation) -> dict[str, Any]:
    """The same for programs, with all classes."""
    changes = [
        {
            **kind_as_json(each.kind),
            "policies_before": list(each.before),
            "policies_after": list(each.after),
            "entries": each.entries,
            "newly_due": each.newly_due,
            "no_longer_due": each.no_longer_due,
            "sooner": each.sooner,
            "later": each.later,
        }
        for each in found.changes
    ]
    return {"at": as_json_time(found.now), "counts": dict(found.counts), "changes": changes}


def json_time(time: datetime | None) -> str | None:
    """A moment for programs, where there is one."""
    return None if time is None else as_json_time(time)


def day(time: datetime | None) -> str:
    """A moment's date in UTC, for a table."""
    return "" if time is None else moment(time)[:10]


def _act(by: str | None, at: datetime | None, seq: int | None) -> dict[str, Any] | None:
    return None if by is None or at is None else {"by": by, "at": as_json_time(at), "seq": seq}
