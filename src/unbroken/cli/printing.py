"""How commands print: text that wraps nowhere unexpected, JSON that a terminal can't misread, numbers people read."""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from unbroken.investigate.printable import printable

PROSE: Final = 100
"""Columns of running text where the output is no terminal."""
ROWS: Final = 10_000
"""Columns of a table or a list where the output is no terminal: each row stays on its line, to be searched."""


def console(*, piped: int = PROSE, stderr: bool = False) -> Console:
    """A console that interprets no markup; ``piped`` is its width where there is no terminal to ask."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal and (piped == ROWS or not os.environ.get("COLUMNS")):
        made.width = piped
    return made


def print_json(value: object) -> None:
    """One line of JSON in ASCII, so that whatever a log holds reaches the terminal as letters."""
    typer.echo(json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f"))


def warn(text: str) -> None:
    """A line on standard error."""
    typer.echo(f"unbroken: {printable(text)}", err=True)


def plain_table(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines; the columns named in ``right`` hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in headings:
        if heading in right:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, overflow="fold")
    return table


def cells(*texts: object) -> list[Text]:
    """The texts as cells of a table, printable."""
    return [Text(printable(str(text))) for text in texts]


def moment(time: datetime) -> str:
    """``2026-01-31 09:30:00``, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def duration(length: timedelta) -> str:
    """A length of time in its one or two largest units."""
    seconds = max(round(length.total_seconds()), 0)
    for unit, size, below, below_size in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // below_size
            return f"{seconds // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{seconds} s"


def amount(count: float) -> str:
    """A number of bytes, to three digits."""
    units = ["TB", "GB", "MB", "KB", "bytes"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop()
    return f"{count:.1f} {units[-1]}" if count < 100 and units[-1] != "bytes" else f"{count:.0f} {units[-1]}"


def counted(number: int, noun: str) -> str:
    """``1 entry``, ``2 entries``: English nouns as this package needs them."""
    plural = noun[:-1] + "ies" if noun.endswith("y") and not noun.endswith(("ay", "ey")) else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


def as_json_time(time: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def print_table(table: Table) -> None:
    """A table, each row on its line; on a terminal that is too narrow for its words, a line for each cell."""
    out = console(piped=ROWS)
    if Measurement.get(out, out.options.update(max_width=ROWS), table).minimum <= out.width:
        out.print(table)
        return
    headings = [str(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        out.print()
        out.print(columns([(name, cell) for name, cell in zip(headings, row, strict=True) if str(cell)]))


def columns(pairs: list[tuple[str, Any]]) -> Table:
    """Labels at the left, their values beside them."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in pairs:
        table.add_row(Text(label), value if isinstance(value, Text) else Text(printable(str(value))))
    return table
