"""The one text of an event that is scanned, with the words of it and how far each stands from a place.

Leaves follow one another as ``key words \\x01 value \\x00``. Distances count letters of words only: numbers and
whatever is masked have no length. So a second scan, which meets placeholders in place of values, measures the same.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import filterfalse
from typing import Final

from unbroken.privacy.redaction.finding import Found

END: Final = "\x00"
"""Ends a leaf, and with it every context."""
KEY: Final = "\x01"
"""Stands between the words of a key and its value."""
BLANK: Final = "\x02"
"""Stands in place of what needs no scanning."""
REACH: Final = 60
"""Letters within which a word is context."""

_WORD_LETTERS: Final = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128))
_LOWER: Final = "".join(chr(code).lower() for code in range(128))
# Of bytes the same is several times as fast.
_WORD_BYTES: Final = _WORD_LETTERS.encode() + bytes(range(128, 256))
_HEX_SHAPE: Final = bytes(
    ord("0") if chr(code) in "0123456789abcdefABCDEF" else ord("a") if code < 128 and chr(code).isalpha() else code
    for code in range(256)
)
# Two letters behind a slash are a unit more often than a word: mg/dl.
_WORD: Final = re.compile(r"(?<![a-z0-9])(?:[^\W\d_]{3,}|(?<!/)[^\W\d_]{2}(?![^\W_]))|\x00")
_HEX: Final = "0123456789abcdef"
_LONG: Final = 15
_LONGEST_NUMBER: Final = 20
_FEW: Final = 3
_Measures = tuple[list[int], list[int], dict[str, list[int]]]
_APART: Final = 10 * REACH
_AFTER: Final = 3


class Page:
    """A text to scan; ``vocabulary`` are the words that any rule asks for."""

    def __init__(self, text: str, vocabulary: frozenset[str], elsewhere: frozenset[str] = frozenset()) -> None:
        self.text = text
        self._vocabulary = vocabulary
        raw = text.encode("ascii", "replace")
        self.shape = raw.translate(_HEX_SHAPE)
        """The text with 0 for whatever could be a hex digit, and ``a`` for other letters."""
        plain = raw.translate(_WORD_BYTES).decode("ascii") if text.isascii() else text.translate(_WORD_LETTERS)
        self.tokens = plain.split()
        """Runs of letters and digits, lower case, in order."""
        self.hints = vocabulary.intersection(self.tokens) | elsewhere
        """The words of the vocabulary that stand anywhere in the text, or in what belongs to it."""
        self._lower: str | None = None
        self.mixed: list[str] = []
        """Tokens of four and more characters that have letters and digits, and aren't hex."""
        self.hexes: list[str] = []
        """Those that could be hex."""
        for token in filterfalse(str.isdigit, filterfalse(str.isalpha, self.tokens)):
            if len(token) > _FEW:
                (self.mixed if token.strip(_HEX) else self.hexes).append(token)
        self.longest = max(map(len, self.mixed), default=0)
        """How long the longest of the mixed tokens is."""
        long = [word for word in self.tokens if len(word) > _LONG]
        self.long_words = [word for word in long if word.isalpha()]
        """Tokens of letters alone that are longer than words usually are."""
        self.long_digits = [word for word in long if len(word) > _LONGEST_NUMBER and word.isdigit()]
        """Tokens of digits alone that are longer than any number."""
        self._covered: list[tuple[int, int]] = []
        self._measures: _Measures | None = None

    @property
    def lower(self) -> str:
        """The text in lower case; every position is the same."""
        if self._lower is None:
            self._lower = self.text.lower() if self.text.isascii() else self.text.translate(_LOWER)
        return self._lower

    def left_of(self, position: int, letters: int = 40) -> str:
        """Up to so many characters before ``position``, of the same value."""
        before = self.lower[max(position - letters, 0) : position]
        return before[max(before.rfind(END), before.rfind(KEY)) + 1 :]

    def key_of(self, position: int) -> str:
        """The words of the key whose value stands at ``position``."""
        begin = self.lower.rfind(END, 0, position) + 1
        return self.lower[begin:position].partition(KEY)[0] if KEY in self.lower[begin:position] else ""

    def around(self, start: int, end: int, letters: int = 120) -> str:
        """What stands near in the same value, itself included."""
        before = self.left_of(start, letters)
        after = self.lower[end : end + letters]
        return before + self.lower[start:end] + after.partition(END)[0]

    def cover(self, found: Iterable[Found]) -> None:
        """Names what is masked in any case: words in there are no context."""
        self._covered = sorted((item.start, item.end) for item in found)
        self._measures = None

    def nearest(
        self, start: int, end: int, words: frozenset[str], unless: frozenset[str] = frozenset()
    ) -> tuple[int, str] | None:
        """How many letters away the nearest of ``words`` stands in the same leaf, and which it is.

        ``None`` where there is none within reach, or one of ``unless`` stands before the place and nearer.
        """
        best = self._nearest(start, end, words)
        if best is not None and unless:
            other = self._nearest(start, start, unless)
            if other is not None and other[0] < best[0]:
                return None
        return best

    def _nearest(self, start: int, end: int, words: frozenset[str]) -> tuple[int, str] | None:
        here = self._measure(start)
        there = self._measure(end)
        best: tuple[int, str] | None = None
        for word in words & self._placed.keys():
            places = self._placed[word]
            at = bisect_right(places, here)
            before = here - places[at - 1] if at else _APART
            # What stands before is meant more often than what follows.
            after = _AFTER * (places[at] - there) if at < len(places) else _APART
            nearest = min(before, after)
            if nearest <= REACH and (best is None or (nearest, word) < best):
                best = (nearest, word)
        return best

    @property
    def _placed(self) -> dict[str, list[int]]:
        return self._measured()[2]

    def _measured(self) -> "_Measures":
        """Ends of words in the text; letters counted up to there; and the counts at which each known word ends."""
        if self._measures is None:
            self._measures = self._count()
        return self._measures

    def _count(self) -> "_Measures":
        ends, counts, placed = [0], [0], dict[str, list[int]]()
        count = 0
        covered = iter([*self._covered, (len(self.text) + 1, 0)])
        start, stop = next(covered)
        for match in _WORD.finditer(self.lower):
            while stop and stop <= match.start():
                start, stop = next(covered)
            word = match[0]
            if word == END:
                count += _APART
            elif start < match.end():
                continue
            else:
                count += len(word) + 1
                if word in self._vocabulary:
                    placed.setdefault(word, []).append(count)
            ends.append(match.end())
            counts.append(count)
        return ends, counts, placed

    def _measure(self, position: int) -> int:
        ends, counts, _ = self._measured()
        return counts[max(bisect_left(ends, position + 1) - 1, 0)]
