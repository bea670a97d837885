"""Payment cards: ranges of issuers, Luhn, groups as people write them, what follows a number on a card or its stripe."""

import re
from typing import Final

from unbroken.privacy.redaction.checksums import luhn
from unbroken.privacy.redaction.finding import Findings

WORDS: Final = frozenset(
    "card cards credit debit visa mastercard amex maestro discover diners jcb unionpay cc pan cardnumber creditcard"
    " ccnum ccn plastic american carte karte kreditkarte tarjeta carta cartao cartão payment"
    .split()
)  # fmt: skip

_SHORTEST: Final = 12
_LONGEST: Final = 19
_GROUPS: Final = frozenset(
    [(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 3), (4, 4, 5), (4, 4, 4, 1), (8, 8),
     (6, 13), (6, 10), (4, 4, 4), (4, 4, 4, 4, 1), (4, 5, 6), (4, 4, 8), (4, 12), (12, 4), (6, 9)]
)  # fmt: skip
"""How many digits stand together in printed numbers."""

# What a card carries beside its number: the rest of track 2, or the month and year it ends.
_TRACK_REST: Final = re.compile(r"[=Dd]\d{4,}[0-9A-Fa-f=?;]*|\^[^\x00\x01^]{2,40}\^\d{4,}[\d ?;]*")
_EXPIRY: Final = re.compile(
    r"[\s,;|/:.-]{1,4}(?:(?:exp(?:iry|ires|iration)?|valid|until|thru|good|date|end)\W{1,3}){0,3}"
    r"((?:0[1-9]|1[0-2])\s?[/-]\s?(?:20)?[2-4]\d)(?![\d/-])(?:[\s,;|/]{1,3}(?:(?:cvv2?|cvc2?|code)\W{1,2})?\d{3,4}(?!\d))?",
    re.IGNORECASE,
)


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
    return four == 9792 and length == 16 or _maestro(two, length)


def _maestro(two: int, length: int) -> bool:
    return (two in (50, 60, 61, 63, 66, 67, 68, 69) or 56 <= two <= 58) and _SHORTEST <= length <= _LONGEST


def is_card(digits: str) -> bool:
    """Whether this is a card's number by range and check digit, of a length that is certain by itself."""
    return len(digits) in (14, 15, 16, 19) and issuer(digits) and luhn(digits) and digits.count(digits[-1]) < len(digits)


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


def cards_in_groups(text: str, groups: list[tuple[int, int]], found: Findings, *, named: bool) -> int:
    """Takes every number that groups of digits make up; answers the position up to which they are taken."""
    taken = at = 0
    while at < len(groups):
        last = _card_from(text, groups, at, found, named=named)
        if last:
            taken, at = groups[last - 1][1], last
        else:
            at += 1
    return taken


def _card_from(text: str, groups: list[tuple[int, int]], at: int, found: Findings, *, named: bool) -> int:
    """The number of the group after the card that begins with group ``at``; 0 when none does."""
    digits, sizes = "", []
    for place in range(at, min(at + _LONGEST, len(groups))):
        start, end = groups[place]
        if place > at and start - groups[place - 1][1] > 3:
            return 0
        if end - start > _LONGEST:
            return 0
        digits += text[start:end]
        sizes.append(end - start)
        if len(digits) > _LONGEST:
            return 0
        if len(digits) < _SHORTEST or (place + 1 < len(groups) and _goes_on(sizes, groups[place + 1], end)):
            continue
        if _takes(text, groups[at][0], end, digits=digits, sizes=sizes, found=found, named=named):
            return place + 1
    return 0


def _goes_on(sizes: list[int], following: tuple[int, int], end: int) -> bool:
    """Whether digits written one by one or in pairs don't end here."""
    return sizes[-1] <= 2 and len(set(sizes)) == 1 and following[1] - following[0] == sizes[-1] and (
        following[0] - end == 1 and sum(sizes) + sizes[-1] <= 16)  # fmt: skip


def _takes(text: str, start: int, end: int, *, digits: str, sizes: list[int], found: Findings, named: bool) -> bool:
    if len(sizes) == 1:
        # Digits after a decimal point are no number of their own.
        fraction = start > 1 and text[start - 1] == "." and text[start - 2].isdigit()
        return not fraction and card_alone(text, start, end, found, named=named)
    regular = tuple(sizes) in _GROUPS or (len(set(sizes)) == 1 and sizes[0] <= 2)
    if regular and is_card(digits):
        _add(text, start, end, found)
        return True
    if named and may_be_card(digits):
        rule = "card number" if regular else "card number in odd groups"
        found.add_if_near(start, end, "CREDIT_CARD", rule=rule, words=WORDS, rank=3)
        return regular
    return False


def _add(text: str, start: int, end: int, found: Findings) -> None:
    found.add(start, end, "CREDIT_CARD", "card number")
    rest_of_card(text, end, found)


def rest_of_card(text: str, end: int, found: Findings) -> None:
    """Takes what follows a number: the rest of a magnetic stripe, or when the card ends and its code."""
    if (track := _TRACK_REST.match(text, end, end + 120)) is not None:
        found.add(end, track.end(), "CARD_TRACK", "track after a card number")
    elif (expiry := _EXPIRY.match(text, end, end + 60)) is not None:
        found.add(expiry.start(1), expiry.end(), "CARD_EXPIRY", "date after a card number")
