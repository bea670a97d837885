"""How an answer is printed: as a table for people, as one JSON object, as CSV."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unbroken.cli.placeholders import mark_placeholders
from unbroken.cli.printing import counted, plain_table, print_json
from unbroken.cli.report_view import finding_as_json, finding_in_words
from unbroken.investigate.csv_rows import CsvOutput
from unbroken.investigate.investigations import Row, Value
from unbroken.investigate.printable import printable
from unbroken.investigate.short_forms import ShortForms
from unbroken.privacy.pseudonyms import pseudonyms_in
from unbroken.verify.finding import MAX_FINDINGS, Finding, FindingList

WIDE: Final = 130
"""Characters from which every fact has a column of its own; in a narrower terminal some share the last."""


@dataclass(frozen=True)
class Column:
    """A column of the table: its heading, and what a row says under it; numbers are aligned to the right.

    ``label`` stands before the text where columns share one.
    """

    heading: str
    text: Callable[[Row], str]
    right: bool = False
    label: str = ""


@dataclass(frozen=True)
class View:
    """How the rows of one question look: ``columns`` are those of JSON and CSV, the others the table's.

    In a narrow terminal the text of ``lead`` comes first in the last column, and those of ``minor`` below it.
    """

    columns: tuple[str, ...]
    main: tuple[Column, ...]
    minor: tuple[Column, ...]
    lead: Column | None = None

    @property
    def all(self) -> tuple[Column, ...]:
        """The columns of a wide table."""
        return (*self.main, *([self.lead] if self.lead else []), *self.minor)


@dataclass
class Answer:
    """What is known once all rows are out. ``ticket`` is the entry that recorded this read, if there is one.

    ``next`` is the key after which the rest of the answer comes, ``continuation`` the command that shows it. ``hint``
    is said where nothing is found.
    """

    query: str
    parameters: dict[str, str | int | None]
    log: str
    ticket: int | None
    rows: int = 0
    entries: int = 0
    next: str | int | None = None
    continuation: str | None = None
    hint: str | None = None
    findings: FindingList = field(default_factory=FindingList)

    def add(self, rows: Sequence[Row]) -> None:
        """Counts rows, and the findings beside them that are new."""
        self.rows += len(rows)
        for finding in (finding for row in rows for finding in row.findings):
            if finding not in self.findings.kept:
                self.findings.add(finding)


class Output(Protocol):
    """Takes the rows of an answer, some at a time."""

    def rows(self, rows: Sequence[Row]) -> None:
        """Some rows, at least one."""

    def end(self, answer: Answer) -> None:
        """There are no more."""


class TextOutput:
    """Tables, and after them what was verified and what was not."""

    def __init__(self, view: View, out: Console, names: Mapping[str, str] | None) -> None:
        self._view = view
        self._out = out
        self._forms = ShortForms(names=names)

    def rows(self, rows: Sequence[Row]) -> None:
        """A table, with the findings beside each row."""
        cells = _Cells(self._forms)
        cells.learn(rows)
        table = _wide if self._out.width >= WIDE else _narrow
        self._out.print(table(rows, self._view, cells))

    def end(self, answer: Answer) -> None:
        """What the rows are worth, and how to go on."""
        if answer.rows:
            self._out.print()
        print_worth(self._out, answer)


@dataclass(frozen=True)
class _Cells:
    """What stands in a table: printable, placeholders and pseudonyms shortened."""

    forms: ShortForms

    def learn(self, rows: Sequence[Row]) -> None:
        """Takes note of what is to be shown."""
        for row in rows:
            for text in texts_in(row):
                self.forms.learn(text)

    def text(self, row: Row, text: str) -> Text:
        """One cell's text."""
        return mark_placeholders(Text(printable(self.forms.name(text, scanned=row.scanned))))


class JsonOutput:
    """One object, printed at the end."""

    def __init__(self, view: View, names: Mapping[str, str] | None) -> None:
        self._view = view
        self._names = names
        self._rows: list[dict[str, object]] = []

    def rows(self, rows: Sequence[Row]) -> None:
        """Kept until the end, so that an answer that is cut off is no JSON."""
        for row in rows:
            values = {name: row.values.get(name) for name in self._view.columns}
            self._rows.append(values | {"findings": [finding_as_json(finding) for finding in row.findings]})

    def end(self, answer: Answer) -> None:
        """The object."""
        print_json(
            {
                "query": answer.query,
                "parameters": answer.parameters,
                "log": answer.log,
                "ticket": answer.ticket,
                "rows": self._rows,
                "entries_verified": answer.entries,
                "findings": [finding_as_json(finding) for finding in answer.findings.kept],
                "findings_total": answer.findings.total,
                "next": answer.next,
            }
            | ({} if self._names is None else {"names": dict(self._names)})
        )


class CsvRows:
    """The rows as CSV, each with the log's name and, if asked for, people's; what they are worth goes to ``notes``."""

    def __init__(self, view: View, file: TextIO, *, log: str, notes: Console, names: Mapping[str, str] | None) -> None:
        self._view = view
        self._log = log
        self._notes = notes
        self._names = names
        self._csv = CsvOutput(file, ["log", *view.columns, "findings", *([] if names is None else ["names"])])

    def rows(self, rows: Sequence[Row]) -> None:
        """A record for each row."""
        for row in rows:
            values = (_cell(row.values.get(name)) for name in self._view.columns)
            findings = "; ".join(map(finding_in_words, row.findings)) or None
            self._csv.write([self._log, *values, findings, *self._people(row)])

    def end(self, answer: Answer) -> None:
        """What the rows are worth, and how to go on."""
        self._notes.print(Text(f"{counted(answer.rows, 'row')} written"), soft_wrap=True)
        for finding in answer.findings.kept:
            self._notes.print(Text(_in_words(finding), "bold red"), soft_wrap=True)
        print_worth(self._notes, answer)

    def _people(self, row: Row) -> list[str | None]:
        """Who stands behind the pseudonyms of a row, as one cell."""
        if self._names is None:
            return []
        found = dict.fromkeys(each for text in texts_in(row) for each in pseudonyms_in(text))
        return ["; ".join(f"{each}={self._names[each]}" for each in found if each in self._names) or None]


def texts_in(row: Row) -> Iterator[str]:
    """All texts among a row's values."""
    for value in row.values.values():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                yield text


def _cell(value: Value) -> str | int | bool | None:
    """A value as one cell of CSV holds it."""
    return ", ".join(value) if isinstance(value, tuple) else value


def print_worth(out: Console, answer: Answer) -> None:
    """What was verified, against what it was not, and where the read is on record."""
    for line in _worth(answer):
        out.print(line)
    if answer.continuation is not None:
        # A command to copy stays on one line.
        out.print(Text(printable(f"Next page: {answer.continuation}")), soft_wrap=True)


def _worth(answer: Answer) -> list[Text]:
    lines = [] if answer.rows else [Text(" ".join(filter(None, ("Nothing found, as the database says.", answer.hint))))]
    if answer.entries:
        each = "1 entry that was" if answer.entries == 1 else f"{answer.entries:,} entries, each of them"
        lines.append(Text(f"This is read from {each} recomputed: its hash is the one that the log states.", "green"))
    if answer.findings.total:
        more = f", of which the first {MAX_FINDINGS:,} are listed" if answer.findings.total > MAX_FINDINGS else ""
        words = f"{counted(answer.findings.total, 'finding')}{more}: this is not what was recorded."
        lines.append(Text(words, "bold red"))
    lines.append(
        Text(
            "That these are all, and that none was rewritten together with its hash, is the database's word:"
            " `unbroken verify` checks it."
        )
    )
    if answer.ticket is not None:
        lines.append(Text(f"This read is entry {answer.ticket:,}."))
    return lines


def _wide(rows: Sequence[Row], view: View, cells: _Cells) -> Table:
    with_findings = any(row.findings for row in rows)
    table = _table(view.all, view, *(["finding"] if with_findings else []))
    for row in rows:
        texts = [cells.text(row, column.text(row)) for column in view.all]
        table.add_row(*texts, *([_findings(row)] if with_findings else []))
    return table


def _narrow(rows: Sequence[Row], view: View, cells: _Cells) -> Table:
    table = _table(view.main, view, "about")
    for row in rows:
        table.add_row(*(cells.text(row, column.text(row)) for column in view.main), _about(row, view, cells))
    return table


def _table(columns: Sequence[Column], view: View, *more: str) -> Table:
    right = tuple(column.heading for column in columns if column.right)
    table = plain_table(*(column.heading for column in columns), *more, right=right)
    for column in table.columns[: len(view.main)]:
        column.no_wrap = True
    return table


def _about(row: Row, view: View, cells: _Cells) -> Text:
    """What has no column of its own, and the findings on lines of their own."""
    facts = " · ".join(f"{column.label}{text}" for column in view.minor if (text := column.text(row)))
    lines = [cells.text(row, text) for text in (view.lead.text(row) if view.lead else "", facts) if text]
    return Text("\n").join([*lines, *([_findings(row)] if row.findings else [])])


def _findings(row: Row) -> Text:
    return Text("\n".join(map(_in_words, row.findings)), "bold red")


def _in_words(finding: Finding) -> str:
    return f"FINDING at entry {finding.seq:,}: {finding_in_words(finding)}"
