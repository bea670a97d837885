"""How anchors are shown: what each has, since when, and what that is worth."""

from collections.abc import Iterator
from typing import Any, Final

import typer

from unbroken.anchors.anchor import Kind
from unbroken.anchors.survey import Seen, Shown
from unbroken.cli.anchor_look import Outside
from unbroken.cli.printing import (
    ROWS,
    as_json_time,
    cells,
    columns,
    console,
    counted,
    duration,
    moment,
    plain_table,
    warn,
)

SHOWS: Final[dict[Kind, str]] = {
    "directory": "that machine's administrator was given it; not when, nor that nothing was removed there since",
    "file": "that machine's administrator was given it; not when, nor that no lines were cut off its end",
    "object store": "nobody can remove it before its retention ends; not when, but for the store's word",
    "timestamp": "it existed at that time, by the authority's clock; not that there is no other history",
    "witness": "somebody who remembers saw no other history, as of that time; nothing if it sides with the owner",
}
"""What a checkpoint at an anchor of this kind shows, and what not."""
_CLOCKS: Final = {"anchor": "its own", "log": "the log's", None: ""}


def print_outside(outside: Outside, *, quorum: int) -> None:
    """For people, on the output; what needs them on standard error."""
    out = console(piped=ROWS)
    out.print(columns(list(_summary(outside, quorum=quorum))))
    table = plain_table("anchor", "kind", "entries", "as of (UTC)", "clock", "", right=("entries",))
    for each in outside.seen:
        table.add_row(*cells(each.anchor, each.kind, *_has(each.newest), _remark(each, outside)))
    out.print(table)
    typer.echo("What each shows of the entries that it has:")
    for kind in dict.fromkeys(each.kind for each in outside.seen):
        typer.echo(f"  {kind}: {SHOWS[kind]}")
    for line in lines_of(outside):
        warn(line)


def lines_of(outside: Outside) -> Iterator[str]:
    """What somebody should look into, the worst first."""
    for name, words in outside.contradictions.items():
        yield f"the anchor {name!r} contradicts the log: {words}. Find out who did what before anything else"
    for each in outside.seen:
        for odd in each.oddities:
            yield f"the anchor {odd.anchor!r}: {odd.what}: {odd.place}"
        if each.error is not None:
            yield str(each.error)
    if outside.unfitting is not None:
        yield f"the log's key statements in the database count for nothing: {outside.unfitting}"
    if outside.lateness.is_late:
        yield f"late: a quorum has had nothing newer for more than {duration(outside.lateness.allowed)}"


def as_json(outside: Outside, *, quorum: int) -> dict[str, Any]:
    """The same for programs."""
    late, window = outside.lateness, outside.window
    return {
        "log": outside.log,
        "head": outside.head,
        "anchored": late.size,
        "window": None if window is None else {"first": window[0], "last": window[1]},
        "quorum": quorum,
        "age_s": None if late.age is None else round(late.age.total_seconds(), 3),
        "allowed_age_s": late.allowed.total_seconds(),
        "is_late": late.is_late,
        "is_odd": outside.is_odd,
        "anchors": [_anchor_as_json(each, outside) for each in outside.seen],
        "problems": list(lines_of(outside)),
    }


def _anchor_as_json(seen: Seen, outside: Outside) -> dict[str, Any]:
    newest = seen.newest
    return {
        "name": seen.anchor,
        "kind": seen.kind,
        "where": seen.where,
        "is_asked": seen.is_asked,
        "size": None if newest is None else newest.checkpoint.size,
        "root": None if newest is None else newest.checkpoint.root.hex(),
        "at": None if newest is None or newest.at is None else as_json_time(newest.at),
        "clock": None if newest is None else newest.clock,
        "checkpoints": seen.count,
        "oddities": [{"what": odd.what, "place": odd.place, "size": odd.size} for odd in seen.oddities],
        "contradiction": outside.contradictions.get(seen.anchor),
        "error": None if seen.error is None else str(seen.error),
        "shows": SHOWS[seen.kind],
    }


def _summary(outside: Outside, *, quorum: int) -> Iterator[tuple[str, str]]:
    late, window = outside.lateness, outside.window
    yield "log", outside.log
    yield "head", counted(outside.head, "entry")
    age = "" if late.age is None else f", {duration(late.age)} ago"
    have = f"by {outside.have} of {counted(len(outside.seen), 'anchor')}, {quorum} are wanted"
    yield "anchored", f"{counted(late.size, 'entry')} {have}{age}" if late.size else f"nothing yet: {quorum} are wanted"
    if window is None:
        yield "window", "none: all entries are anchored"
    else:
        first, last = window
        yield "window", f"entries {first:,} to {last:,} could be changed unseen ({counted(last - first + 1, 'entry')})"
    yield "allowed age", duration(late.allowed)


def _has(newest: Shown | None) -> tuple[str, str, str]:
    if newest is None:
        return "none", "", ""
    return f"{newest.checkpoint.size:,}", "" if newest.at is None else moment(newest.at), _CLOCKS[newest.clock]


def _remark(seen: Seen, outside: Outside) -> str:
    if seen.anchor in outside.contradictions:
        return "CONTRADICTS THE LOG"
    if seen.is_odd:
        return "odd: see below"
    if seen.error is not None:
        return "can't be asked: as the database has it"
    return "" if seen.is_asked or seen.newest is None else "by its receipts"
