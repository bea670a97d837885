"""A session's timeline on a terminal.

Every text goes through :class:`rich.text.Text`, which interprets no markup; the timeline made it printable before. The
words carry the meaning, colour only repeats it, so nothing is lost in a file or without colour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from unbroken.cli.placeholders import mark_placeholders
from unbroken.investigate.timeline import (
    ERROR,
    NO_RESULT,
    NOT_RUN,
    REPLACED,
    SIDE_EFFECT,
    Summary,
    Timeline,
    TimelineItem,
)

_WORDS: Final = {
    "request": ("user", "bold cyan"),
    "model_call": ("model", "dim"),
    "model_result": ("model", "dim"),
    "tool_call": ("tool", "yellow"),
    "tool_result": ("result", "yellow"),
    "response": ("agent", "bold green"),
    "error": ("error", "bold red"),
    "conversation_started": ("start", "dim"),
    "conversation_ended": ("end", "dim"),
    "data_accessed": ("read", "blue"),
    "data_modified": ("changed", "magenta"),
    "data_disclosed": ("sent out", "magenta"),
    "approval_requested": ("asks", "magenta"),
    "approval_decided": ("decided", "magenta"),
    "annotated": ("note", "dim"),
    "unreadable": ("?", "bold red"),
}
_MARK_STYLES: Final = {
    SIDE_EFFECT: "bold black on yellow",
    NO_RESULT: "bold red",
    NOT_RUN: "bold",
    REPLACED: "bold",
    ERROR: "bold red",
}
_ERRORS: Final = ("error", "unreadable")
"""Kinds whose word says already that something is wrong."""
_WORD_WIDTH: Final = 9
_OFFSET_WIDTH: Final = 8
_INDENT: Final = 2
_LEFT_OUT: Final = r"… \+[0-9,]+ characters$"


@dataclass(frozen=True)
class TimelineView:
    """Renders row by row, so a long session needs no more memory on the screen than a short one."""

    timeline: Timeline

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _header(self.timeline.summary)
        yield Rule(style="dim")
        number_width = max(len(str(item.seq)) for item in self.timeline.items)
        before: str | None = None
        for item in self.timeline.items:
            offset = _offset(item.offset)
            if item.kind == "request":
                yield Text()
            yield _row(item, "" if offset == before else offset, number_width)
            before = offset


def _header(summary: Summary) -> Iterator[Table | Text]:
    yield Text.assemble(("session ", "dim"), (summary.session or "(none)", "bold"), ("  in ", "dim"), summary.log)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in _facts(summary):
        if text:
            table.add_row(label, Text(text))
    yield table


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "actor", ", ".join(summary.actors)
    yield "agent", ", ".join(summary.agents)
    yield "model", ", ".join(summary.models)
    yield "time", _span(summary.first, summary.last)
    yield "recorded", _recorded(summary)
    yield "events", ", ".join(_counts(summary))
    yield "data", _data(summary)
    yield "usage", ", ".join(_usage(summary))


def _span(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return ""
    start = f"{first:%Y-%m-%d %H:%M:%S} UTC"
    if last == first:
        return f"{start} (all events)"
    end = f"{last:%H:%M:%S}" if last.date() == first.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{start} to {end} ({_duration(last - first)})"


def _recorded(summary: Summary) -> str:
    first, last = (f"{text[:10]} {text[11:19]}" for text in summary.recorded)
    span = f"{first} UTC" if first == last else f"{first} to {last} UTC"
    return f"{span}, {', '.join(summary.captures)}" if summary.captures else span


def _data(summary: Summary) -> str:
    """How the session's events are classified, and what was masked in them."""
    contains = f"masked: {' and '.join(summary.contains)} data" if summary.contains else ""
    return " · ".join(filter(None, (summary.classification or "", ", ".join(summary.domains), contains)))


def _counts(summary: Summary) -> Iterator[str]:
    for kind, noun in (
        ("request", "request"),
        ("model_call", "model call"),
        ("tool_call", "tool call"),
        ("response", "response"),
    ):
        if count := summary.counts.get(kind):
            yield _count(count, noun)
    yield _count(summary.side_effects, "side effect") if summary.side_effects else "no side effects"
    yield _count(summary.errors, "error") if summary.errors else "no errors"


def _usage(summary: Summary) -> Iterator[str]:
    if summary.input_tokens or summary.output_tokens:
        yield f"{summary.input_tokens:,} tokens in, {summary.output_tokens:,} out"
    if summary.cost_usd:
        yield f"${summary.cost_usd:f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _row(item: TimelineItem, offset: str, number_width: int) -> Table:
    word, style = _word(item)
    row = Table.grid(padding=(0, 1))
    row.add_column(width=number_width, justify="right", style="dim", no_wrap=True)
    row.add_column(width=_OFFSET_WIDTH, justify="right", style="dim", no_wrap=True)
    row.add_column(width=_WORD_WIDTH, no_wrap=True)
    row.add_column(overflow="fold", ratio=1)
    row.add_row(Text(str(item.seq)), Text(offset), Text(word, style=style), _body(item))
    return row


def _word(item: TimelineItem) -> tuple[str, str]:
    if ERROR in item.marks and item.kind == "tool_result":
        return "result", "bold red"
    return _WORDS.get(item.kind, (item.kind.replace("_", " "), "magenta"))


def _body(item: TimelineItem) -> Padding | Text:
    first, lines = _first_line(item), list(_lines(item))
    if first.plain and lines and not (item.title or item.facts or item.findings):
        lines[0] = Text("  ").join((first, lines[0]))
    elif first.plain:
        lines.insert(0, first)
    lines += [Text(note, "dim italic") for note in item.notes]
    body = Text("\n").join(lines)
    indent = _INDENT * max(item.depth - 1, 0)
    return Padding(body, (0, 0, 0, indent)) if indent else body


def _first_line(item: TimelineItem) -> Text:
    marks = [mark for mark in item.marks if mark != ERROR or item.kind not in _ERRORS]
    pieces = [Text(mark.upper() if mark == SIDE_EFFECT else mark, _mark_style(mark)) for mark in marks]
    if item.title:
        pieces.append(mark_placeholders(Text(item.title, "bold" if item.kind == "tool_call" else "")))
    if item.facts:
        pieces.append(mark_placeholders(Text(" · ".join(item.facts), "dim")))
    pieces += [Text(f"FINDING: {finding}", "bold white on red") for finding in item.findings]
    return Text("  ").join(pieces)


def _mark_style(mark: str) -> str:
    return _MARK_STYLES.get(mark, "bold")


def _lines(item: TimelineItem) -> Iterator[Text]:
    style = "red" if ERROR in item.marks else ""
    lead = "→ " if item.kind == "tool_result" else ""
    for number, line in enumerate(item.lines):
        text = Text.assemble((lead if number == 0 else " " * len(lead), "dim"), (line, style))
        text.highlight_regex(_LEFT_OUT, "dim not bold")
        yield mark_placeholders(text)


def _offset(offset: timedelta | None) -> str:
    if offset is None:
        return ""
    return f"-{_duration(-offset)}" if offset < timedelta(0) else f"+{_duration(offset)}"


def _duration(length: timedelta) -> str:
    seconds = length.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24}d {hours % 24:02}h"
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {seconds:02}s"
