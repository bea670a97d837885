"""Texts as a reader sees them: other scripts' digits, wide and mathematical letters, look-alikes and invisible marks.

The scanners know ASCII. What looks the same is made the same, and every position can be mapped back.
"""

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

_OTHER: Final = re.compile(r"[^\x00-\x7f]+")

_LOOK_ALIKES: Final = {
    "\u00a0": " ", "\u2800": " ", "\u2024": ".", "\u3002": ".", "\uff61": ".", "\u00b7": ".", "\u2219": ".",
    "\u06d4": ".", "\u0660": "0", "\u2212": "-", "\u2043": "-", "\u00ad": "", "\u30fc": "-", "\u2044": "/",
    "\u2215": "/", "\u2236": ":", "\ua789": ":", "\u02d0": ":", "\u0589": ":", "\u24d0": "a",
    "\u3164": "", "\u115f": "", "\u1160": "", "\uffa0": "", "\u034f": "", "\u180e": "", "\u2063": "",
    "\u2795": "+", "\u2796": "-", "\u29f8": "/", "\u2022": ".", "\u00d8": "O",
    # Letters that nobody can tell from ASCII ones.
    "\u0430": "a", "\u0435": "e", "\u043e": "o", "\u0440": "p", "\u0441": "c", "\u0443": "y", "\u0445": "x",
    "\u0456": "i", "\u0458": "j", "\u0455": "s", "\u04bb": "h", "\u0501": "d", "\u0410": "A", "\u0412": "B",
    "\u0415": "E", "\u041a": "K", "\u041c": "M", "\u041d": "H", "\u041e": "O", "\u0420": "P", "\u0421": "C",
    "\u0422": "T", "\u0425": "X", "\u0391": "A", "\u0392": "B", "\u0395": "E", "\u0397": "H", "\u0399": "I",
    "\u039a": "K", "\u039c": "M", "\u039d": "N", "\u039f": "O", "\u03a1": "P", "\u03a4": "T", "\u03a7": "X",
    "\u03bf": "o", "\u0131": "i", "\u00f8": "o", "\u0142": "l", "\u0141": "L", "\u0111": "d", "\u00df": "s",
}  # fmt: skip


class _Fold(dict[int, str]):
    """One letter each for ``str.translate``: an ASCII one, the letter itself, or nothing; worked out when first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


def _fold(letter: str) -> str:
    if letter in _LOOK_ALIKES:
        return _LOOK_ALIKES[letter]
    category = unicodedata.category(letter)
    if category in ("Mn", "Me", "Cf"):
        return ""
    digit = unicodedata.digit(letter, None)
    if digit is not None:
        return str(digit)
    if category == "Zs":
        return " "
    if category == "Pd":
        return "-"
    number = unicodedata.numeric(letter, None)
    if category == "No" and number is not None and number == int(number) and 0 <= number <= 9:
        return str(int(number))
    plain = unicodedata.normalize("NFKD", letter)
    if plain[0].isascii() and plain[0].isalnum() and all(unicodedata.combining(mark) for mark in plain[1:]):
        return plain[0]
    compatible = unicodedata.normalize("NFKC", letter)
    return compatible if len(compatible) == 1 and compatible.isascii() else letter


_TABLE: Final = _Fold()


@dataclass(frozen=True, slots=True)
class Folded:
    """A text and where its letters came from."""

    text: str
    _starts: tuple[int, ...] = ()
    """Positions in ``text`` where the distance to the original changes."""
    _shifts: tuple[tuple[int, int], ...] = ()
    """From each of them on: where the original goes on, and how many letters of it one letter stands for, 1 or 0.

    0 means that the stretch has to be taken as a whole.
    """

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that ``start`` to ``end`` was made of."""
        if not self._starts:
            return start, end
        return self._back(start), max(self._back(end - 1, last=True), self._back(start) + 1)

    def _back(self, position: int, *, last: bool = False) -> int:
        at = bisect_right(self._starts, position) - 1
        begun, (origin, per_letter) = self._starts[at], self._shifts[at]
        if per_letter:
            return origin + position - begun + (1 if last else 0)
        return self._shifts[at + 1][0] if last else origin


class Mapping:
    """Puts a text together from stretches of another one, remembering which."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._starts: list[int] = []
        self._shifts: list[tuple[int, int]] = []
        self._length = 0

    def same(self, text: str, origin: int) -> None:
        """Letters that stand for one letter each."""
        if text:
            self._begin(origin, 1)
            self._put(text)

    def replaced(self, text: str, origin: int) -> None:
        """Letters that stand together for a stretch of the original."""
        if text:
            self._begin(origin, 0)
            self._put(text)

    def finish(self, length: int) -> Folded:
        """The text, made of an original of this length."""
        self._begin(length, 1)
        return Folded("".join(self._parts), tuple(self._starts), tuple(self._shifts))

    def _begin(self, origin: int, per_letter: int) -> None:
        self._starts.append(self._length)
        self._shifts.append((origin, per_letter))

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def fold(text: str) -> Folded:
    """``text`` with look-alikes made ASCII and invisible letters left out."""
    if text.isascii():
        return Folded(text)
    length = len(text)
    same_length = _OTHER.sub(lambda match: match[0].translate(_TABLE), text)
    if len(same_length) == length:
        return Folded(same_length)
    mapping = Mapping()
    at = 0
    for match in _OTHER.finditer(text):
        mapping.same(text[at : match.start()], at)
        at = match.end()
        _fold_run(match[0], match.start(), mapping)
    mapping.same(text[at:], at)
    return mapping.finish(length)


def _fold_run(run: str, origin: int, mapping: Mapping) -> None:
    begun, letters = 0, ""
    for place, letter in enumerate(run):
        folded = _TABLE[ord(letter)]
        if folded:
            if not letters:
                begun = place
            letters += folded
        elif letters:
            mapping.same(letters, origin + begun)
            letters = ""
    mapping.same(letters, origin + begun)
