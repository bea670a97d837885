"""Dates that are somebody's birthday: by what is said near them, or because nothing else is that long ago."""

import re
from typing import Final

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

WORDS: Final = frozenset(
    "born birth birthday birthdate dob bday birthdays geboren geburtsdatum geburtstag naissance nacimiento nascita nato"
    " nata nascimento geboortedatum fodd fodelsedatum syntymaaika urodzenia dogum"
    .split()
)  # fmt: skip
PERSON_WORDS: Final = frozenset(
    "name passenger patient customer mr mrs ms dr he she his her aged age years old person member traveler traveller"
    .split()
)  # fmt: skip
_MONTHS: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_NUMERIC: Final = re.compile(
    r"(?<![\w./-])(?:(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:19|20)\d\d|\d\d))(?![\w/-]|\.\d|:\d)"
)
_COMPACT: Final = re.compile(r"(?<!\w)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\w)")
_WRITTEN: Final = re.compile(
    rf"(?<!\w)(?:{_MONTHS}\.?\s{{1,2}}\d{{1,2}}(?:st|nd|rd|th)?,?\s{{1,2}}(?:19|20)\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?:\s{{1,2}}of)?[\s-]{{1,2}}{_MONTHS}\.?,?[\s-]{{1,2}}(?:19|20)\d\d)(?!\w)",
    re.IGNORECASE,
)
MONTH_NAMES: Final = frozenset(
    "january february march april may june july august september october november december jan feb mar apr"
    " jun jul aug sep"
    " sept oct nov dec".split()
)  # fmt: skip
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
# Begin with their letters, so that texts without them cost nothing.
_OLD_ISO: Final = [
    re.compile(r"19(?<!\w19)\d\d-[01]\d-[0-3]\d(?![\w-])"), re.compile(r"200(?<!\w200)\d-[01]\d-[0-3]\d(?![\w-])"),
]  # fmt: skip
_TIME: Final = re.compile(
    r"(?<![\w])(?:19|20)\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
)
_FEW_WORDS: Final = 3
_OLD: Final = range(1900, 2010)
"""Years in which whoever is served today as an adult was born, and of which little else is told to the day."""


def birth_dates(page: Page, found: Findings, *, every: bool) -> None:
    """Takes birth dates; ``every``: all dates and times, as Safe Harbor asks."""
    spoken = not WORDS.isdisjoint(page.hints)
    patterns = [_WRITTEN] if not MONTH_NAMES.isdisjoint(page.hints) else []
    patterns += [_NUMERIC, _COMPACT] if spoken or every else _OLD_ISO
    for pattern in patterns:
        for match in pattern.finditer(page.text):
            _date(page, *match.span(), spoken=spoken, every=every, found=found)
    if every:
        for match in _TIME.finditer(page.text):
            found.add(*match.span(), "DATE", "time")


def _date(page: Page, start: int, end: int, *, spoken: bool, every: bool, found: Findings) -> None:
    if spoken:
        found.add_if_near(start, end, "DATE_OF_BIRTH", rule="date of birth", words=WORDS, rank=5)
    if every:
        found.add(start, end, "DATE", "date")
    year = _YEAR.search(page.text, start, end)
    if year is not None and int(year[0]) in _OLD and _is_told(page, start, end):
        found.add(start, end, "DATE_OF_BIRTH", "date that long ago")


def _is_told(page: Page, start: int, end: int) -> bool:
    """Whether the date stands in running text, or near a word for a person: data of other things is dated too."""
    if not PERSON_WORDS.isdisjoint(page.left_of(start, 60).replace(",", " ").replace(":", " ").split()):
        return True
    return len(page.around(start, end).split()) >= _FEW_WORDS
