"""What the example says, laid out: headings, sentences, commands and verdicts, readable without colour too."""

import re
import textwrap
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from unbroken.verify.finding import Finding, Report

WIDTH: Final = 100
_PAUSE_SECONDS: Final = 1.5
_INDENT: Final = 3
_LONG_HASH: Final = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")


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

    def say(self, text: str) -> None:
        """A paragraph. Names and paths in it are not broken."""
        self.console.print()
        lines = textwrap.wrap(text, self.console.width, break_long_words=False, break_on_hyphens=False)
        self.console.print(Text("\n".join(lines)), soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        """Anything that can be rendered, indented."""
        self.console.print(Padding(what, (0, 0, 0, _INDENT), expand=False))

    def quote(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Short texts, each behind what it is."""
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in pairs:
            table.add_row(Text(label), Text(text))
        self.show(table)

    def table(self, titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int) -> None:
        """A table whose last columns, as many as ``numbers``, hold numbers."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for place, title in enumerate(titles):
            table.add_column(title, justify="right" if place >= len(titles) - numbers else "left")
        for row in rows:
            table.add_row(*map(Text, row))
        self.show(table)

    def command(self, text: str) -> None:
        """A command as it would be typed."""
        indented = Text.assemble((" " * _INDENT + "$ ", "dim"), (shortened(text), "bold"))
        self.console.print(indented, soft_wrap=True)

    def verdict(self, report: Report) -> None:
        """What a verification says: its verdict, or else its findings."""
        if report.findings:
            for finding in report.findings:
                self._finding(finding)
        else:
            self.show(Text(verdict_of(report), "green" if report.verdict == "proven" else "yellow"))

    def _finding(self, finding: Finding) -> None:
        place = [f"entry {finding.seq}"]
        place += [f"session {finding.session}"] if finding.session else []
        place += [f"its {finding.part}"] if finding.part else []
        self.show(Text.assemble(("FOUND", "bold red"), "  ", (finding.kind, "bold"), f" at {', '.join(place)}"))
        facts = (("expected", shortened(finding.expected)), ("found", shortened(finding.found)))
        self.quote((f"       {label}", text) for label, text in facts)


def verdict_of(report: Report) -> str:
    """The verdict in words."""
    match report.verdict:
        case "proven":
            return f"proven: consistent to {report.head.seq}, which is the expected head"
        case "consistent":
            return f"consistent to {report.head.seq}, end unproven"
        case _:
            return report.verdict


def shortened(text: str) -> str:
    """``text`` with the beginnings of hashes in place of hashes."""
    return _LONG_HASH.sub("\\1...", text)
