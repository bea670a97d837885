"""What there is of a person, in bytes, and where it is found again, whatever form it was put into on the way."""

import base64
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.planted.search import forms

WINDOW: Final = 16
"""Bytes of a random value that are looked for by themselves: pages and chunks end in the middle of longer ones."""
_WORD: Final = 8
_SHORTEST: Final = 2 * _WORD - 1
"""Wherever so many bytes stand, one whole word of theirs stands at a multiple of its length."""


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """Something that was found: whose it is, what it is, where, and in which form."""

    owner: str
    kind: str
    place: str
    form: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    content: bytes
    owner: str
    kind: str
    form: str


class Traces:
    """All that is looked for. Texts are found in every spelling, bytes raw, in hex and in base64.

    Data is looked at a word at a time, and held against whole patterns where the word is one of theirs: it takes
    nanoseconds a byte, so memory and disks are read as they are.
    """

    def __init__(self) -> None:
        self._by_word: dict[int, list[tuple[int, _Pattern]]] = {}

    def add_text(self, owner: str, kind: str, text: str) -> None:
        """A text of somebody's, of 15 bytes at least."""
        self._add(owner, kind, forms(text))

    def add_bytes(self, owner: str, kind: str, value: bytes, *, start: int = 0, step: int = WINDOW) -> None:
        """A random value of somebody's; of a long one a window every ``step`` bytes from ``start`` on."""
        for at in range(start, len(value) - WINDOW + 1, step):
            self._add(owner, kind, forms_of_bytes(value[at : at + WINDOW]))

    def within(self, places: Iterable[tuple[str, bytes]]) -> set[Found]:
        """What stands in these."""
        return {
            Found(pattern.owner, pattern.kind, place, pattern.form)
            for place, data in places
            for pattern in self._in(data)
        }

    def _add(self, owner: str, kind: str, patterns: Iterable[tuple[str, bytes]]) -> None:
        for form, content in patterns:
            if len(content) < _SHORTEST:
                raise ValueError("too short to be looked for")
            pattern = _Pattern(content, owner, kind, form)
            for start in range(_WORD):
                word = int.from_bytes(content[start : start + _WORD], sys.byteorder)
                self._by_word.setdefault(word, []).append((start, pattern))

    def _in(self, data: bytes) -> Iterator[_Pattern]:
        words = memoryview(data + bytes(-len(data) % _WORD)).cast("Q")
        known = self._by_word
        if known.keys().isdisjoint(words):
            return
        for at, word in enumerate(words):
            for start, pattern in known.get(word, ()):
                begin = at * _WORD - start
                if begin >= 0 and data.startswith(pattern.content, begin):
                    yield pattern


def forms_of_bytes(value: bytes) -> Iterator[tuple[str, bytes]]:
    """The bytes in which a random value may stand, with the name of each form."""
    yield "raw", value
    yield "hex", value.hex().encode()
    yield "hex", value.hex().upper().encode()
    for before in range(3):
        text = base64.b64encode(bytes(before) + value + bytes(-(before + len(value)) % 3))
        kept = text[(0, 2, 3)[before] : (8 * (before + len(value))) // 6]
        yield "base64", kept
        yield "base64", kept.translate(bytes.maketrans(b"+/", b"-_"))


def kinds_of(found: Iterable[Found], owner: str) -> set[str]:
    """What was found of somebody, by kind."""
    return {each.kind for each in found if each.owner == owner}
