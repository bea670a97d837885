"""Numbers in disguise: letters for digits, digits as words, digits turned round by a mark of direction."""

import re
from typing import Final

from unbroken.privacy.redaction.cards import is_card
from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

_LETTERS: Final = str.maketrans("OoQDlIi|!ZzSsBbGg", "00001111122558866")
_LOOKS_LIKE_CARD: Final = re.compile(r"(?<![\w])[0-9OolIZzSsB](?:[ -]?[0-9OolIZzSsB]){13,18}(?![\w])")
_DIGIT_LETTERS: Final = "0123456789oliszb"
_GROUP: Final = 4
_WHOLE: Final = range(13, 20)

_WORDS: Final = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "niner": "9",
}  # fmt: skip
_WORD: Final = "|".join(_WORDS)
_SPOKEN: Final = re.compile(
    rf"(?<!\w)(?:(?:(?:double|triple)[\s-]+)?(?:{_WORD}|\d)(?:[\s,.\-]{{1,3}}|$|(?=\x00))){{7,40}}", re.IGNORECASE
)
_PIECE: Final = re.compile(rf"(?:(double|triple)[\s-]+)?({_WORD}|\d)(?!\w)", re.IGNORECASE)
WORDS: Final = frozenset(_WORDS) - {"o", "oh"}

RIGHT_TO_LEFT: Final = re.compile("[\u202e\u2067]([^\x00\x01\u202c\u2069\u202d]{6,})")


def disguised_numbers(page: Page, found: Findings) -> None:
    """Takes cards with letters in them, and numbers told digit by digit in words."""
    # Of what could be hex, only what is as long as a card number.
    pieces = [token for token in page.mixed if len(token) == _GROUP or len(token) in _WHOLE]
    pieces += [token for token in page.hexes if len(token) in _WHOLE]
    if any([not token.strip(_DIGIT_LETTERS) for token in pieces]):
        for match in _LOOKS_LIKE_CARD.finditer(page.text):
            plain = match[0].translate(_LETTERS).replace(" ", "").replace("-", "")
            digits = sum(letter.isdigit() for letter in match[0])
            if digits * 3 >= len(plain) * 2 and digits < len(plain) and plain.isdigit() and is_card(plain):
                found.add(*match.span(), "CREDIT_CARD", "card number with letters for digits")
    if len(page.hints & WORDS) >= 2 and sum(token in WORDS for token in page.tokens) >= 4:
        for match in _SPOKEN.finditer(page.text):
            _spoken(match, found)


def _spoken(match: re.Match[str], found: Findings) -> None:
    pieces = list(_PIECE.finditer(match[0]))
    if sum(piece[2].isalpha() for piece in pieces) < 5:
        return
    digits = "".join(_WORDS.get(piece[2].lower(), piece[2]) * _times(piece[1]) for piece in pieces)
    if len(digits) >= 7:
        kind = "CREDIT_CARD" if is_card(digits) else "SPOKEN_NUMBER"
        start, end = match.start() + pieces[0].start(), match.start() + pieces[-1].end()
        found.add(start, end, kind, "number told in words")


def _times(word: str | None) -> int:
    return {"double": 2, "triple": 3}.get((word or "").lower(), 1)
