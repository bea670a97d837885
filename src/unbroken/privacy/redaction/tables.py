"""Tables in running text: what the head of a column says of the cells below it."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.keys import KeyMeaning, KeyReader, looks_meant
from unbroken.privacy.redaction.page import Page

_LINE: Final = re.compile(r"[^\n\r\x00\x01]+")
_BREAK: Final = re.compile(r"\r?\n|\r")
_MARKS: Final = "\t;|,"
_CELL: Final = re.compile(r"\s{0,9}[\"'*_`]{0,2}([A-Za-z(][\w .()/#*'\-]{0,40}?)[\"'*_`]{0,2}\s{0,9}")
_RULE: Final = re.compile(r"[\s|:+=-]+")
_AROUND: Final = " \t\"'*`"
_MOST_COLUMNS: Final = 60


class _Table(NamedTuple):
    mark: str
    columns: int
    said: dict[int, KeyMeaning]
    """Of the columns that are sensitive."""


def tables(page: Page, found: Findings, read_key: KeyReader) -> None:
    """Takes the cells of columns whose heads are sensitive keys."""
    text = page.text
    if "\n" not in text or not any([mark in text for mark in _MARKS]):
        return
    table: _Table | None = None
    before, end = ("", 0), 0
    for line in _LINE.finditer(text):
        if _BREAK.fullmatch(text, end, line.start()) is None:
            # Another value, or a blank line.
            table, before = None, ("", 0)
        end = line.end()
        if table is not None and _row(line, table, found):
            continue
        mark = max(_MARKS, key=line[0].count)
        shape = (mark, line[0].count(mark))
        # A line like the one before it is a row of the same table, not the head of another.
        table = _head(line[0], mark, read_key) if shape != before else None
        before = shape


def _head(line: str, mark: str, read_key: KeyReader) -> _Table | None:
    """The table that a line begins, where it names columns and at least one of them is sensitive."""
    heads = line.split(mark)
    if not 1 < len(heads) <= _MOST_COLUMNS or any(character in line for character in "=<>{}"):
        return None
    said: dict[int, KeyMeaning] = {}
    for place, head in enumerate(heads):
        match = _CELL.fullmatch(head)
        if match is None:
            if head.strip(_AROUND):
                return None
            continue
        meaning = read_key(match[1])
        if meaning.kind is not None:
            said[place] = meaning
    return _Table(mark, len(heads), said) if said else None


def _row(line: re.Match[str], table: _Table, found: Findings) -> bool:
    """Takes what is sensitive in a row; answers whether the line is one."""
    if _RULE.fullmatch(line[0]) is not None:
        return True
    cells = list(_cells(line[0], table.mark))
    if len(cells) != table.columns:
        return False
    for place, meaning in table.said.items():
        start, end = cells[place]
        value = line[0][start:end]
        if meaning.kind is not None and value and (not meaning.doubtful or looks_meant(meaning.kind, value)):
            found.add(line.start() + start, line.start() + end, meaning.kind, "column of a table")
    return True


def _cells(line: str, mark: str) -> Iterator[tuple[int, int]]:
    """Where each cell stands, without what is around its value; marks in quotes part nothing."""
    begin, quoted = 0, False
    for at in range(len(line) + 1):
        if at < len(line) and line[at] == '"':
            quoted = not quoted
        elif at == len(line) or (line[at] == mark and not quoted):
            cell = line[begin:at]
            start = begin + len(cell) - len(cell.lstrip(_AROUND))
            yield start, max(start, begin + len(cell.rstrip(_AROUND)))
            begin = at + 1
