"""Rows as CSV (RFC 4180, UTF-8, CRLF) that a spreadsheet shows and does not carry out.

What a log holds was written by models, tools and strangers, and a spreadsheet takes a cell that begins with ``=`` for
a formula. So texts are written in a form that no program obeys, and that can be read back exactly:

* every text is quoted, every number is not; an empty cell is a value that is absent;
* a text that a spreadsheet could take for a formula gets an apostrophe in front, and so does one that begins with one;
* characters that terminals and editors obey or hide are written ``\\uXXXX`` (UTF-16 units, lower-case hex), so each
  row is one line; so is a backslash that would look like the beginning of that, and a sign after a semicolon, where a
  spreadsheet of another country begins a new cell.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, TextIO, TypeAlias

Cell: TypeAlias = str | int | None

_SIGNS: Final = frozenset("=+-@\N{MINUS SIGN}")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Words and emoji are spelt with the two joiners.
_JOINERS: Final = frozenset("\u200c\u200d")
_LIKE_ESCAPE: Final = re.compile(r"\\(?=u[0-9a-f]{4})")
# Most of what is written: nothing in it is invisible, a sign at the beginning, a semicolon or a backslash.
_PLAIN: Final = re.compile(r"[0-9A-Za-z({\[_][ -:<-\[\]-~]*")
_AFTER_SEMICOLON: Final = re.compile(r"(;[\s\"]*)([^\s\";])")


class CsvOutput:
    """Writes a header, and then rows of as many cells."""

    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        self._file = file
        self.write(columns)

    def write(self, row: Sequence[Cell]) -> None:
        """One record."""
        self._file.write(",".join(map(field_of, row)) + "\r\n")


def field_of(value: Cell) -> str:
    """One value as it stands between two commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + _harmless(value).replace('"', '""') + '"'


def _harmless(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    visible = "".join(map(_visible, _LIKE_ESCAPE.sub(r"\\u005c", text)))
    one_cell = _AFTER_SEMICOLON.sub(lambda match: match[1] + _escaped_sign(match[2]), visible)
    return f"'{one_cell}" if one_cell.startswith("'") or _is_formula(one_cell) else one_cell


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE or character in _JOINERS:
        return character
    return _escape(character)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _escaped_sign(character: str) -> str:
    return _escape(character) if _is_sign(character) else character


def _is_formula(text: str) -> bool:
    """Whether the first character that counts is a sign, also where blanks, quotes or joiners stand before it."""
    return any(_is_sign(character) for character in _first_that_counts(text))


def _first_that_counts(text: str) -> Iterator[str]:
    for character in text:
        if character != '"' and unicodedata.category(character)[0] not in "ZCM":
            yield character
            return


def _is_sign(character: str) -> bool:
    """Full-width, small and raised variants are signs as well."""
    return unicodedata.normalize("NFKC", character)[:1] in _SIGNS
