"""Patterns that can't be slow: a part of the usual syntax in which the next character always decides.

Allowed: literals, ``.``, ``\\d \\w \\s``, classes, ``\\b``, ``^``, ``$``, groups of alternatives that are literals, and
``? * + {n} {n,m}`` after a single character or class. Two rules make it linear: a repeated class and what may follow it
have no character in common, so that there is never a way back to try; and no repetition takes more than :data:`MOST`
characters (``*`` and ``+`` end there). An attempt at one place then reads at most a fixed number of characters.
"""

import re
from dataclasses import dataclass
from typing import Final

from unbroken.errors import ConfigurationError

MOST: Final = 64
_MOST_LETTERS: Final = 256
_MOST_ALTERNATIVES: Final = 64
_ASCII: Final = frozenset(map(chr, range(128)))
_OUTSIDE: Final = frozenset("\u00e9\u4e00\u2003\u0663\u2028\u20ac")
"""A letter, a blank, a digit, a mark outside ASCII: they stand for all of their like."""
_REPEAT: Final = re.compile(r"\{(\d{1,3})(?:(,)(\d{0,3}))?\}")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_SET_OPERATION: Final = re.compile(r"(?<!\\)\[|--|&&|~~|\|\|")
_GROUP: Final = re.compile(r"\((?:\?:)?([^()\[\]?*+{}]+)\)")


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    letters: frozenset[str]
    """What it may begin with; empty for what takes no character."""
    fewest: int
    most: int
    alternatives: int = 1


def compile_linear(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """The pattern, compiled; raises :class:`ConfigurationError` that says which rule it breaks and where."""
    pieces = _pieces(pattern)
    letters = sum(piece.most for piece in pieces)
    if not pieces or not any(piece.fewest for piece in pieces):
        raise _refused(pattern, 0, "it matches an empty text")
    if letters > _MOST_LETTERS:
        raise _refused(pattern, 0, f"it may take more than {_MOST_LETTERS} characters; give repetitions an end")
    ways = 1
    for piece in pieces:
        ways *= piece.alternatives
    if ways > _MOST_ALTERNATIVES:
        raise _refused(pattern, 0, f"its alternatives make more than {_MOST_ALTERNATIVES} ways")
    _hold_apart(pattern, pieces, ignore_case=ignore_case)
    return re.compile("".join(piece.text for piece in pieces), re.IGNORECASE if ignore_case else 0)


def _hold_apart(pattern: str, pieces: list[_Piece], *, ignore_case: bool) -> None:
    for place, piece in enumerate(pieces):
        if piece.fewest == piece.most:
            continue
        for following in pieces[place + 1 :]:
            if _fold(piece.letters, ignore_case) & _fold(following.letters, ignore_case):
                raise _refused(pattern, place, f"{piece.text!r} and {following.text!r} after it share characters")
            if following.fewest:
                break


def _fold(letters: frozenset[str], ignore_case: bool) -> frozenset[str]:
    return frozenset(letter.lower() for letter in letters) if ignore_case else letters


def _refused(pattern: str, place: int, why: str) -> ConfigurationError:
    return ConfigurationError(f"the pattern {pattern!r} is not accepted at element {place + 1}: {why}")


def _pieces(pattern: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    at = 0
    while at < len(pattern):
        piece, at = _next(pattern, at, len(pieces))
        pieces.append(piece)
    return pieces


def _next(pattern: str, at: int, place: int) -> tuple[_Piece, int]:
    if pattern[at] in "^$":
        return _Piece(pattern[at], frozenset(), 0, 0), at + 1
    if pattern.startswith(("\\b", "\\B"), at):
        return _Piece(pattern[at : at + 2], frozenset(), 0, 0), at + 2
    if pattern[at] == "(":
        return _group(pattern, at, place)
    length, text, letters = _single(pattern, at, place)
    fewest, most, end = _repeated(pattern, at + length, place)
    repeat = "" if (fewest, most) == (1, 1) else f"{{{fewest},{most}}}"
    return _Piece(text + repeat, letters, fewest, most), end


def _group(pattern: str, at: int, place: int) -> tuple[_Piece, int]:
    match = _GROUP.match(pattern, at)
    if match is None or pattern[match.end() : match.end() + 1] in ("?", "*", "+", "{"):
        raise _refused(pattern, place, "a group holds literal alternatives only and is not repeated")
    options = match[1].split("|")
    if not all(options) or "\\" in match[1] or "." in match[1]:
        raise _refused(pattern, place, "a group holds literal alternatives only")
    first = frozenset(option[0] for option in options)
    lengths = [len(option) for option in options]
    text = "(?:" + "|".join(re.escape(option) for option in options) + ")"
    return _Piece(text, first, min(lengths), max(lengths), len(options)), match.end()


def _single(pattern: str, at: int, place: int) -> tuple[int, str, frozenset[str]]:
    """How long it is in the pattern, how it is compiled, and what it stands for."""
    letter = pattern[at]
    if letter == "[":
        match = _CLASS.match(pattern, at)
        if match is None:
            raise _refused(pattern, place, "a class isn't closed")
        if _SET_OPERATION.search(match[0], 1) is not None:
            raise _refused(pattern, place, "a class with [, --, &&, ~~ or || in it may come to mean something else")
        return len(match[0]), match[0], _letters_of(match[0])
    if letter == ".":
        return 1, letter, _ASCII | _OUTSIDE
    if letter == "\\":
        escape = pattern[at : at + 2]
        if len(escape) < 2 or (escape[1].isalnum() and escape[1] not in "dwsDWStnr"):
            raise _refused(pattern, place, f"{escape!r} is not part of the syntax")
        return 2, escape, _letters_of(escape)
    if letter in "*+?{|)":
        raise _refused(pattern, place, f"{letter!r} has nothing to stand for here")
    return 1, re.escape(letter), _letters_of(re.escape(letter))


def _letters_of(text: str) -> frozenset[str]:
    try:
        compiled = re.compile(text)
    except re.error as error:
        raise ConfigurationError(f"{text!r} is no class of characters") from error
    # A class that names characters outside ASCII may share any of them with another one.
    outside = _OUTSIDE if not text.isascii() else frozenset(mark for mark in _OUTSIDE if compiled.fullmatch(mark))
    return frozenset(letter for letter in _ASCII if compiled.fullmatch(letter)) | outside


def _repeated(pattern: str, at: int, place: int) -> tuple[int, int, int]:
    mark = pattern[at : at + 1]
    if mark in ("?", "*", "+"):
        fewest, most, end = {"?": (0, 1), "*": (0, MOST), "+": (1, MOST)}[mark] + (at + 1,)
    elif mark == "{":
        match = _REPEAT.match(pattern, at)
        if match is None:
            raise _refused(pattern, place, "a repetition isn't written {n} or {n,m}")
        fewest = int(match[1])
        most = fewest if match[2] is None else int(match[3]) if match[3] else MOST
        end = match.end()
    else:
        return 1, 1, at
    if most > MOST or fewest > most:
        raise _refused(pattern, place, f"a repetition takes at most {MOST} characters")
    if pattern[end : end + 1] in ("?", "+", "*", "{"):
        raise _refused(pattern, place, "a repetition is not repeated")
    return fewest, most, end
