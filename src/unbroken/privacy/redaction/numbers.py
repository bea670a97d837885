"""Everything that is made of digits, found in one pass over the text.

A candidate is a stretch of digits and separators. Most of what a log is full of (times, prices, counts, parts of ids)
is refused by its length or its form before any check digit is computed.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from unbroken.privacy.redaction import cards, identifiers, phones
from unbroken.privacy.redaction.cards import card_alone, cards_in_groups
from unbroken.privacy.redaction.checksums import ean13, isbn10
from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.identifiers import Number
from unbroken.privacy.redaction.page import Page

Groups = list[tuple[int, int]]

# Begins with a digit that no letter or digit precedes. Times, decimals and short versions are passed over as a whole.
_CANDIDATE: Final = re.compile(
    r"\d(?<![0-9A-Za-z]\d)(?:"
    r"\d{3}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])"
    r"|(?!\d\d\.(?:\d{4}|\d{7})(?!\d))\d{0,8}\.\d+(?![\d.\-/(]| [\d(])"
    r"|\d?\.\d\d?\.\d\d?(?![\d.\-])|\d?:\d\d(?::\d\d)?(?![\d:.])"
    r"|([\d ().\-/_,:|\t\n\r]{5,}))"
)
_GROUP: Final = re.compile(r"\d+")
_SEPARATORS: Final = " ().-/_,:|\t\n\r"
_BETWEEN_NUMBERS: Final = re.compile(r"[,;|\n\r\t]|  | / | - |\. |: ")
_FEWEST: Final = 6
_FEWEST_OF_CARDS: Final = 12
_FEWEST_OF_UNNAMED: Final = 14
"""A card number by itself has no fewer digits."""
_NAMED: Final = identifiers.WORDS | cards.WORDS | frozenset(("account",))
_SIGNS: Final = frozenset("+(")
BY_ITSELF: Final = {13: "70", 14: "3056", 15: "012345678", 16: "023456789", 18: "12345678", 19: "345689"}
"""With what a run of digits begins that may be something without any word for it; other lengths only with a 0."""
MOST_ALONE: Final = 19
"""Longer runs are no number that any rule knows."""


def numbers(page: Page, found: Findings) -> None:
    """Takes what digits make up."""
    text = page.text
    # Without any word that names a number most are let through at once.
    checked = phones.is_spoken_of(page) or not page.hints.isdisjoint(_NAMED)
    for match in _CANDIDATE.finditer(text):
        if match.lastindex is None:
            continue
        start = match.start()
        run = match[0].rstrip(_SEPARATORS)
        if not run.isdigit():
            groups = _groups_of(text, start, start + len(run))
            if groups:
                _in_groups(page, groups, found)
        elif _FEWEST < len(run) <= MOST_ALONE:
            end = start + len(run)
            by_itself = run[0] in BY_ITSELF.get(len(run), "0") or text[start - 1 : start] in _SIGNS
            if (checked or by_itself) and not _is_inside(page, start, end):
                alone(page, start, end, found)


def _groups_of(text: str, start: int, end: int) -> Groups:
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    if sum([last - first for first, last in groups]) < _FEWEST:
        return []
    return groups


def alone(page: Page, start: int, end: int, found: Findings) -> None:
    """Takes one run of digits."""
    length = end - start
    if length > MOST_ALONE:
        return
    text = page.text
    if length >= _FEWEST_OF_CARDS and card_alone(text, start, end, found, named=not cards.WORDS.isdisjoint(page.hints)):
        return
    digits = text[start:end]
    sure = identifiers.ALONE.get(length)
    if sure is not None and sure.check(digits):
        found.add(start, end, sure.kind, "number with check digits")
        return
    if page.hints:
        for number in _hinted(page.hints & identifiers.WORDS).get(length, ()):
            if number.check(digits):
                _near(found, start, end, number)
        _account(page, start, end, found)
    if phones.is_spoken_of(page) or digits.startswith("00") or text[start - 1 : start] in ("+", "("):
        phones.phone(page, [(start, end)], found)


_ACCOUNT: Final = re.compile(r"\b(?:account|acct|a/c)\s{0,2}(?:number|no\.?|num|nr|#)?(?:\s(?:is|was))?\W{0,4}$")
_BANK_WORDS: Final = frozenset("bank checking savings deposit direct wire transfer routing iban ach debit".split())
ACCOUNT_WORDS: Final = frozenset(("account",)) | _BANK_WORDS


def _account(page: Page, start: int, end: int, found: Findings) -> None:
    """Takes a number right behind the word account, where the text speaks of a bank."""
    if "account" in page.hints and not page.hints.isdisjoint(_BANK_WORDS) and _ACCOUNT.search(page.left_of(start)):
        found.add_said(start, end, "BANK_ACCOUNT", rule="account number", said="account", rank=1)


def _near(found: Findings, start: int, end: int, number: Number) -> None:
    found.add_if_near(
        start, end, number.kind, rule="named number", words=number.words, rank=number.rank, unless=phones.THINGS
    )


@lru_cache(maxsize=512)
def _hinted(hints: frozenset[str]) -> dict[int, tuple[Number, ...]]:
    """The numbers, by length, whose words are among the hints."""
    return {
        length: tuple(number for number in numbers if _is_named(number, hints))
        for length, numbers in identifiers.BY_LENGTH.items()
    }


def _is_named(number: Number, hints: frozenset[str]) -> bool:
    return not number.words.isdisjoint(hints) and (not number.also or not number.also.isdisjoint(hints))


def _in_groups(page: Page, groups: Groups, found: Findings) -> None:
    left = [groups]
    named = not cards.WORDS.isdisjoint(page.hints)
    if sum([last - first for first, last in groups]) >= (_FEWEST_OF_CARDS if named else _FEWEST_OF_UNNAMED):
        left = cards_in_groups(page.text, groups, found, named=named)
    for rest in left:
        for stretch in _stretches(page.text, rest):
            _stretch(page, stretch, found)


def _stretches(text: str, groups: Groups) -> list[Groups]:
    """The groups, cut where one number ends and another begins; a number is also read with odd separators in it."""
    result: list[Groups] = [[groups[0]]]
    for before, group in pairwise(groups):
        if _ends(text, before[1], group[0], groups):
            result.append([])
        result[-1].append(group)
    return result


def _ends(text: str, end: int, start: int, groups: Groups) -> bool:
    """Whether what stands between two groups parts two numbers."""
    if start - end > 1:
        return _BETWEEN_NUMBERS.search(text, end, start) is not None
    return text[end] in ",|\n\t\r" and not _odd(text, groups)


def _odd(text: str, groups: Groups) -> bool:
    """Whether one and the same single separator stands between groups that make up a known number."""
    sizes = tuple(last - first for first, last in groups)
    return sizes in identifiers.BY_GROUPS and len({text[last:first] for (_, last), (first, _) in pairwise(groups)}) == 1


def _stretch(page: Page, groups: Groups, found: Findings) -> None:
    """One number in groups, or several numbers with blanks between them."""
    if _one_number(page, groups, found):
        return
    chunks = _chunks(page.text, groups)
    if len(chunks) > 1:
        for chunk in chunks:
            _one_number(page, chunk, found)


def _chunks(text: str, groups: Groups) -> list[Groups]:
    chunks: list[Groups] = [[groups[0]]]
    for before, group in pairwise(groups):
        if text[before[1]] == " ":
            chunks.append([])
        chunks[-1].append(group)
    return chunks


def _one_number(page: Page, groups: Groups, found: Findings) -> bool:
    start, end = groups[0][0], groups[-1][1]
    text = page.text
    if len(groups) == 1:
        if end - start > _FEWEST and not _is_inside(page, start, end):
            alone(page, start, end, found)
        return False
    length = sum(last - first for first, last in groups)
    if length < _FEWEST or length > MOST_ALONE or len(groups) > 16 or _is_inside(page, start, end):
        return False
    if _is_plain(text, groups) or _AFTER_IBAN.search(text[max(start - 26, 0) : start]) is not None:
        return False
    digits = "".join(text[first:last] for first, last in groups)
    if length >= 9 and _certain(text, groups, digits=digits, found=found):
        return True
    if page.hints and not _is_date(text, groups):
        for number in _hinted(page.hints & identifiers.WORDS).get(length, ()):
            if number.check(digits):
                if number.check not in identifiers.LENIENT and _is_called(page, start, number):
                    found.add(start, end, number.kind, "number behind its name")
                    return True
                _near(found, start, end, number)
    return phones.phone(page, groups, found)


_LAST_WORDS: Final = re.compile(r"[a-z]+")


def _is_called(page: Page, start: int, number: Number) -> bool:
    """Whether one of the last words before it names the number: that tells more than a form it shares with others."""
    return not number.words.isdisjoint(_LAST_WORDS.findall(page.left_of(start, 24))[-2:])


_DATES: Final = frozenset([(2, 2, 4), (1, 2, 4), (2, 1, 4), (1, 1, 4), (4, 2, 2)])


def _is_date(text: str, groups: Groups) -> bool:
    """Whether groups of digits are a day, a month and a year."""
    sizes = tuple(last - first for first, last in groups)
    if sizes not in _DATES or text[groups[0][1]] not in "./-" or text[groups[0][1]] != text[groups[1][1]]:
        return False
    values = [int(text[first:last]) for first, last in groups]
    year, *rest = values if sizes[0] == 4 else reversed(values)
    return 1900 <= year < 2100 and 1 <= min(rest) <= 12 and max(rest) <= 31


def _certain(text: str, groups: Groups, *, digits: str, found: Findings) -> bool:
    if groups[0][0] > 0 and text[groups[0][0] - 1] == "+":
        return False
    sizes = tuple(last - first for first, last in groups)
    for number in identifiers.BY_GROUPS.get(sizes, ()):
        if number.check(digits) and _fits(number, text, groups):
            found.add(groups[0][0], groups[-1][1], number.kind, "number in its groups")
            return True
    return False


# Two groups make no certain number unless a hyphen (or a plus, for centenarians) holds them together.
def _fits(number: Number, text: str, groups: Groups) -> bool:
    separators = {text[last:first] for (_, last), (first, _) in pairwise(groups)}
    if len(groups) == 2:
        return separators == {"-"}
    if number.kind in ("AU_ABN", "DE_TAX_ID", "AADHAAR"):
        return separators in ({" "}, {"-"})
    if number.kind in ("US_SSN", "US_ITIN") and len(separators) > 1:
        return False
    return all(len(separator) == 1 for separator in separators)


_AFTER_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ .-][A-Za-z0-9]{4}){0,4}[ .-]$")


def _is_plain(text: str, groups: Groups) -> bool:
    """Decimals, ISBNs, times of day and numeric UUIDs."""
    sizes = tuple(last - first for first, last in groups)
    between = [text[last:first] for (_, last), (first, _) in pairwise(groups)]
    if len(groups) == 2 and between[0] == "." and sizes not in ((3, 4), (3, 7)):
        return True
    if sizes[:5] == (8, 4, 4, 4, 12) or (set(between) <= {":"} and max(sizes) <= 2):
        return True
    return _is_isbn(text, groups, between)


def _is_isbn(text: str, groups: Groups, between: list[str]) -> bool:
    if set(between) not in ({"-"}, {" "}) or len(groups) not in (4, 5):
        return False
    digits = "".join(text[first:last] for first, last in groups)
    if len(groups) == 5:
        return len(digits) == 13 and digits[:3] in ("978", "979") and ean13(digits)
    return len(digits) == 10 and groups[-1][1] - groups[-1][0] == 1 and isbn10(digits)


def _is_inside(page: Page, start: int, end: int) -> bool:
    """Whether digits are a piece of something longer: a UUID, a hash, a path, a version, a dated name."""
    text = page.text
    after = text[end] if end < len(text) else " "
    if after.isalpha() and after not in "xX":
        return True
    if start < 2 or text[start - 1] not in "-_./:#+=" or not text[start - 2].isalnum():
        return False
    if text[start - 1] in ":#=+" and not text[start - 2].isdigit():
        return False
    return not _follows_hint(page, start - 1)


def _follows_hint(page: Page, end: int) -> bool:
    """Whether the letters right before are a word that names numbers."""
    begin = end
    while begin > 0 and end - begin < 24 and page.text[begin - 1].isalpha():
        begin -= 1
    return page.lower[begin:end] in page.hints


_GLUED: Final = re.compile(r"(?<![a-z0-9])([a-z]{2,20})[_#]?(\d{6,19})(?![a-z0-9])")


def glued_numbers(page: Page, found: Findings) -> None:
    """Takes numbers that stand right behind the word that names them: ``SSN078051120``."""
    if not any(_is_glued(token) for token in page.mixed):
        return
    for match in _GLUED.finditer(page.lower):
        word, run = match.groups()
        start, end = match.span(2)
        for number in identifiers.BY_LENGTH.get(len(run), ()):
            if word in number.words and number.check(run):
                found.add(start, end, number.kind, "number behind its name")
                break
        else:
            _glued_card_or_phone(page, (start, end), word=word, found=found)


def _is_glued(token: str) -> bool:
    word = token.rstrip("0123456789")
    return word.isalpha() and len(token) - len(word) >= _FEWEST


def _glued_card_or_phone(page: Page, span: tuple[int, int], *, word: str, found: Findings) -> None:
    if word in phones.WORDS:
        found.add(*span, "PHONE_NUMBER", "number behind its name")
    elif span[1] - span[0] >= 14:
        card_alone(page.text, *span, found, named=True)
