"""Payment cards: ranges of issuers, Luhn, groups as people write them, and what stands behind a number."""

import re
from itertools import accumulate
from typing import Final

from unbroken.core.kinds import UNSCANNED
from unbroken.privacy.redaction.checksums import luhn
from unbroken.privacy.redaction.finding import Findings

WORDS: Final = frozenset(
    "card cards credit debit visa mastercard amex maestro diners jcb unionpay cc pan cardnumber creditcard"
    " ccnum ccn carte karte kreditkarte tarjeta cartao cartão".split()
)

_SHORTEST: Final = 12
_LONGEST: Final = 19
_LENGTHS: Final = (16, 19, 15, 14)
_LENGTHS_NAMED: Final = (16, 19, 18, 17, 15, 14, 13, 12)
_WIDEST_GAP: Final = 3
_MOST_GROUPS: Final = 64
_MOST_MARKS: Final = 2
"""Nobody parts one number with more than two kinds of marks; an amount and a date side by side have more."""
_GROUPS: Final = frozenset(
    [
        (4, 4, 4, 4),
        (4, 6, 5),
        (4, 6, 4),
        (4, 4, 4, 4, 3),
        (4, 4, 4, 4, 2),
        (4, 4, 4, 3),
        (4, 4, 5),
        (4, 4, 4, 1),
        (8, 8),
        (6, 13),
        (6, 10),
        (4, 4, 4),
        (4, 4, 4, 4, 1),
        (4, 5, 6),
        (4, 4, 8),
        (4, 12),
        (12, 4),
        (6, 9),
    ]
)
"""How many digits stand together in printed numbers."""

# What a card carries beside its number: the rest of track 2, or the month and year it ends.
_TRACK_REST: Final = re.compile(r"[=Dd]\d{4,}[0-9A-Fa-f=?;]*|\^[^\x00\x01^]{2,40}\^\d{4,}[\d ?;]*")
_EXPIRY: Final = re.compile(
    r"[\s,;|/:.-]{1,4}(?:(?:exp(?:iry|ires|iration)?|valid|until|thru|good|date|end)\W{1,3}){0,3}"
    r"((?:0[1-9]|1[0-2])\s?[/-]\s?(?:20)?[2-4]\d)(?![\d/-])(?:[\s,;|/]{1,3}(?:(?:cvv2?|cvc2?|code)\W{1,2})?\d{3,4}(?!\d))?",
    re.IGNORECASE,
)
_DATE: Final = re.compile(r"\d([./-])\d\d?\1(?:19|20)\d\d(?!\d)|(?<!\d)(?:19|20)\d\d([./-])\d\d\2\d\d(?!\d)")
_DATE_LETTERS: Final = 6

_TRACK_ONE: Final = re.compile(r"%?B(?P<number>\d{12,19})\^[^\x00\x01^]{2,40}\^\d{4,}[\d ?;]*", re.IGNORECASE)


def tracks(text: str, found: Findings) -> None:
    """Takes the first track of a magnetic stripe: a number behind a letter, and whose it is."""
    if "^" in text:
        for match in _TRACK_ONE.finditer(text):
            if may_be_card(match["number"]):
                found.add(match.start(), match.end("number"), "CREDIT_CARD", "card number")
                found.add(match.end("number"), match.end(), "CARD_TRACK", "track after a card number")


def issuer(digits: str) -> bool:
    """Whether a card network in use has given out numbers that begin so, of this length."""
    length = len(digits)
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if digits[0] == "4":
        return length in (13, 16, 19)
    if 51 <= two <= 55 or 2221 <= four <= 2720 or 2200 <= four <= 2204 or 3528 <= four <= 3589:
        return length == 16 or (length <= _LONGEST and length > 16 and 3528 <= four <= 3589)
    if two in (34, 37) or four in (1800, 2131):
        return length == 15
    if 300 <= three <= 305 or four == 3095 or two in (36, 38, 39):
        return 14 <= length <= _LONGEST
    if two in (62, 65, 81, 82) or four == 6011 or 644 <= three <= 649:
        return 16 <= length <= _LONGEST
    return (four == 9792 and length == 16) or _maestro(two, length)


def _maestro(two: int, length: int) -> bool:
    return (two in (50, 60, 61, 63, 66, 67, 68, 69) or 56 <= two <= 58) and _SHORTEST <= length <= _LONGEST


def is_card(digits: str) -> bool:
    """Whether this is a card's number by range and check digit, of a length that is certain by itself."""
    return (
        len(digits) in (14, 15, 16, 19) and issuer(digits) and luhn(digits) and digits.count(digits[-1]) < len(digits)
    )


def may_be_card(digits: str) -> bool:
    """Whether this is a card's number where the text speaks of one."""
    # Beginning with 1, only airlines' cards; times in milli-, micro- and nanoseconds do too.
    in_range = digits[0] != "1" or len(digits) == 15 or issuer(digits)
    return _SHORTEST <= len(digits) <= _LONGEST and in_range and luhn(digits) and digits.count(digits[0]) < len(digits)


def card_alone(text: str, start: int, end: int, found: Findings, *, named: bool) -> bool:
    """Takes one run of digits; ``named``: the text speaks of cards."""
    digits = text[start:end]
    if is_card(digits):
        _add(text, start, end, found)
        return True
    if named and may_be_card(digits):
        found.add_if_near(start, end, "CREDIT_CARD", rule="card number", words=WORDS, rank=3)
    return False


def cards_in_groups(
    text: str, groups: list[tuple[int, int]], found: Findings, *, named: bool
) -> list[list[tuple[int, int]]]:
    """Takes every number that groups of digits make up; answers the groups that are left, in stretches."""
    if len(groups) > _MOST_GROUPS and _is_series(groups):
        # Any sixteen of so many digits may be a number: all are withheld rather than some looked at.
        found.add(groups[0][0], groups[-1][1], UNSCANNED, "long series of digits")
        return []
    window = _Window(text, groups)
    left: list[list[tuple[int, int]]] = [[]]
    at = 0
    while at < len(groups):
        last = window.card_from(at, found, named=named)
        if last:
            left.append([])
            at = last
        else:
            left[-1].append(groups[at])
            at += 1
    return [stretch for stretch in left if stretch]


def _is_series(groups: list[tuple[int, int]]) -> bool:
    """Whether the groups are digits one by one or in pairs, with one mark between them."""
    letters = sum(last - first for first, last in groups)
    return letters <= 2 * len(groups) and groups[-1][1] - groups[0][0] <= letters + len(groups)


class _Window:
    """Numbers of known lengths within digit groups, whichever group they begin with."""

    def __init__(self, text: str, groups: list[tuple[int, int]]) -> None:
        self._text = text
        self._groups = groups
        self._sizes = [last - first for first, last in groups]
        self._before = [0, *accumulate(self._sizes)]
        self._ends = {count: place for place, count in enumerate(self._before)}
        self._digits = "".join(text[first:last] for first, last in groups)

    def card_from(self, at: int, found: Findings, *, named: bool) -> int:
        """The number of the group after the card that begins with group ``at``; 0 when none does."""
        begin = self._before[at]
        size = self._sizes[at]
        if size > _LONGEST or (not named and self._digits[begin] in "01" and self._digits[begin : begin + 4] != "1800"):
            return 0
        for length in _LENGTHS_NAMED if named else _LENGTHS:
            last = self._ends.get(begin + length)
            if last is not None and self._takes(at, last, found, named=named):
                return last
        return 0

    def _takes(self, at: int, last: int, found: Findings, *, named: bool) -> bool:
        digits = self._digits[self._before[at] : self._before[last]]
        sure = len(digits) in _LENGTHS and issuer(digits)
        if not (sure or named) or not may_be_card(digits):
            return False
        start, end = self._groups[at][0], self._groups[last - 1][1]
        if last - at == 1:
            # Digits after a decimal point are no number of their own.
            fraction = start > 1 and self._text[start - 1] == "." and self._text[start - 2].isdigit()
            return not fraction and card_alone(self._text, start, end, found, named=named)
        if self._is_apart(at, last):
            return False
        regular = self._is_regular(at, last)
        if not regular and (self._has_date(start, end) or self._marks(at, last) > _MOST_MARKS):
            return False
        if regular and sure and is_card(digits):
            _add(self._text, start, end, found)
            return True
        if named:
            rule = "card number" if regular else "card number in odd groups"
            found.add_if_near(start, end, "CREDIT_CARD", rule=rule, words=WORDS, rank=3)
        return regular and named

    def _is_regular(self, at: int, last: int) -> bool:
        sizes = tuple(self._sizes[at:last])
        if sizes in _GROUPS:
            return True
        one_by_one = sizes[0] <= 2 and sizes.count(sizes[0]) == len(sizes)
        return one_by_one and self._groups[last - 1][1] - self._groups[at][0] < sum(sizes) + len(sizes)

    def _has_date(self, start: int, end: int) -> bool:
        return _DATE.search(self._text, max(start - _DATE_LETTERS, 0), end + _DATE_LETTERS) is not None

    def _marks(self, at: int, last: int) -> int:
        """How many kinds of marks stand between the groups, blanks aside."""
        groups = self._groups
        between = {self._text[groups[place][1] : groups[place + 1][0]] for place in range(at, last - 1)}
        return len({*"".join(between)} - {" "})

    def _is_apart(self, at: int, last: int) -> bool:
        groups = self._groups
        return any(groups[place + 1][0] - groups[place][1] > _WIDEST_GAP for place in range(at, last - 1))


def _add(text: str, start: int, end: int, found: Findings) -> None:
    found.add(start, end, "CREDIT_CARD", "card number")
    rest_of_card(text, end, found)


def rest_of_card(text: str, end: int, found: Findings) -> None:
    """Takes what follows a number: the rest of a magnetic stripe, or when the card ends and its code."""
    if (track := _TRACK_REST.match(text, end, end + 120)) is not None:
        found.add(end, track.end(), "CARD_TRACK", "track after a card number")
    elif (expiry := _EXPIRY.match(text, end, end + 60)) is not None:
        found.add(expiry.start(1), expiry.end(), "CARD_EXPIRY", "date after a card number")
