"""What the example says, laid out: headings, sentences, commands and their output, readable without colour too."""

import textwrap
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from unbroken.cli.placeholders import mark_placeholders
from unbroken.cli.printing import cells, columns, plain_table
from unbroken.cli.report_view import print_report
from unbroken.core.entry import Head
from unbroken.verify.finding import Report

WIDTH: Final = 100
_PAUSE_SECONDS: Final = 1.5
_INDENT: Final = 2


@dataclass(frozen=True)
class Page:
    """Writes to a console; ``pauses`` says whether it waits a moment before each heading."""

    console: Console
    pauses: bool

    def heading(self, number: int, title: str) -> None:
        """Begins a step."""
        if self.pauses:
            time.sleep(_PAUSE_SECONDS)
        self.console.print()
        self.console.print(Rule(Text(f"{number}  {title}", "bold"), align="left", style="dim"))

    def say(self, text: str, *, style: str = "") -> None:
        """A paragraph. Names and paths in it are not broken."""
        lines = textwrap.wrap(text, self.console.width, break_long_words=False, break_on_hyphens=False)
        self.console.print()
        self.console.print(Text("\n".join(lines), style), soft_wrap=True)

    def quote(self, pairs: list[tuple[str, str]]) -> None:
        """Short texts, each behind what it is."""
        self.console.print()
        self.console.print(Padding(columns(pairs), (0, 0, 0, _INDENT)))

    def table(self, titles: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str]) -> None:
        """A table; the columns named in ``numbers`` hold numbers."""
        table = plain_table(*titles, right=tuple(numbers))
        for row in rows:
            table.add_row(*cells(*row))
        self.console.print()
        self.console.print(Padding(table, (0, 0, 0, _INDENT)))

    def compare(self, titles: tuple[str, str], rows: Iterable[tuple[str, str]]) -> None:
        """Texts side by side, placeholders in colour."""
        table = plain_table(*titles)
        for column in table.columns:
            column.ratio = 1
        for row in rows:
            table.add_row(*map(mark_placeholders, cells(*row)))
        self.console.print()
        self.console.print(Padding(table, (0, 0, 0, _INDENT)))

    def commands(self, *texts: str) -> None:
        """Commands as they would be typed; never broken, so that they can be copied."""
        self.console.print()
        for text in texts:
            self.console.print(Text.assemble(("$ ", "dim"), (text, "bold")), soft_wrap=True)

    def report(self, report: Report, *, expect: Head | None) -> None:
        """What ``unbroken verify`` prints."""
        print_report(self.console, report, expect=expect)
