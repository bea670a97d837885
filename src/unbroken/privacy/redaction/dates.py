"""Dates that are somebody's birthday: by what is said near them, or because nothing else is that long ago."""

import re
from typing import Final

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

WORDS: Final = frozenset(
    "born birth birthday birthdate dob bday birthdays geboren geborene geb geburtsdatum geburtstag naissance"
    " nacimiento nacido nacida nascita nato nata nascido nascida nascimento geboortedatum fodd fodelsedatum fodselsdato"
    " syntymaaika urodzenia urodzony urodzona dogum"
    .split()
)  # fmt: skip
# Too short to be context of anything further off: French writes "ne" in every other sentence.
_NE: Final = re.compile(r"\bne(?:e|\(e\)|\.e)?\s{0,2}(?:le|:|en)\W{0,4}(?:le\s)?$")
NE_WORDS: Final = frozenset(("ne", "nee"))
PERSON_WORDS: Final = frozenset(
    "name passenger patient customer mr mrs ms dr he she his her aged age years old person member traveler traveller"
    .split()
)  # fmt: skip
_MONTHS: Final = (
    r"(?:jan(?:uary|uar|vier)?|jan[ne]er|enero|gennaio|januari|feb(?:ruary|ruar|rero|braio|ruari)?|fevrier|fevereiro"
    r"|mar(?:ch|s|zo|co)?|maerz|marz|maart|apr(?:il|ile)?|avril|abril|may|mai|mayo|maggio|maio|mei|june?|juni|juin|junio"
    r"|giugno|junho|july?|juli|juillet|julio|luglio|julho|aug(?:ust|ustus)?|aout|agosto|sept?(?:ember|embre|iembre)?"
    r"|settembre|setembro|okt(?:ober)?|oct(?:ober|obre|ubre)?|ottobre|outubro|nov(?:ember|embre|iembre|embro)?|dec(?:ember|embre)?"
    r"|dez(?:ember|embro)?|dicembre|diciembre|janeiro)"
)
_NUMERIC: Final = re.compile(
    r"(?<![\w./-])(?:(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:19|20)\d\d|\d\d))(?![\w/-]|\.\d|:\d)"
)
_COMPACT: Final = re.compile(r"(?<!\w)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\w)")
_WRITTEN: Final = re.compile(
    rf"(?<!\w)(?:{_MONTHS}\.?\s{{1,2}}\d{{1,2}}(?:st|nd|rd|th)?,?\s{{1,2}}(?:19|20)\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.)?(?:\s{{1,2}}(?:of|de))?[\s-]{{0,2}}{_MONTHS}\.?,?(?:\s(?:de|del))?[\s-]{{1,2}}(?:19|20)\d\d)"
    r"(?!\w)",
    re.IGNORECASE,
)
MONTH_NAMES: Final = frozenset(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug"
    " sep sept oct nov dec januar februar marz maerz mai juni juli oktober dezember okt dez janner janvier fevrier mars"
    " avril juin juillet aout septembre octobre novembre decembre enero febrero marzo abril mayo junio julio agosto"
    " septiembre octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre"
    " januari februari maart mei augustus janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro"
    .split()
)  # fmt: skip
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
# Begin with their letters, so that texts without them cost nothing.
_OLD_ISO: Final = [
    re.compile(r"19(?<!\w19)\d\d-[01]\d-[0-3]\d(?![\w-])"), re.compile(r"200(?<!\w200)\d-[01]\d-[0-3]\d(?![\w-])"),
]  # fmt: skip
_TIME: Final = re.compile(
    r"(?<![\w])(?:19|20)\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
)
_OLD_YEARS: Final = [re.compile(r"19(?<=\d[./-]19)\d\d(?!\d)"), re.compile(r"200(?<=\d[./-]200)\d(?!\d)")]
_FEW_WORDS: Final = 3
_OLD: Final = range(1900, 2010)
"""Years in which whoever is served today as an adult was born, and of which little else is told to the day."""
_LATEST: Final = 30
_BIRTH: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(sorted(WORDS, reverse=True))})(?![a-z])")
_OTHER_DATE: Final = re.compile(r"\d[./-]\d{1,2}[./-]\d|[a-z]{3}\W{1,2}(?:\d{1,2}\W{1,2})?\d{4}")


def birth_dates(page: Page, found: Findings, *, every: bool) -> None:
    """Takes birth dates; ``every``: all dates and times, as Safe Harbor asks."""
    spoken = not WORDS.isdisjoint(page.hints) or not NE_WORDS.isdisjoint(page.hints)
    patterns = [_WRITTEN] if not MONTH_NAMES.isdisjoint(page.hints) else []
    if spoken or every or any([year.search(page.text) is not None for year in _OLD_YEARS]):
        patterns += [_NUMERIC, _COMPACT]
    else:
        patterns += _OLD_ISO
    for pattern in patterns:
        for match in pattern.finditer(page.text):
            _date(page, *match.span(), spoken=spoken, every=every, found=found)
    if every:
        for match in _TIME.finditer(page.text):
            found.add(*match.span(), "DATE", "time")


def _date(page: Page, start: int, end: int, *, spoken: bool, every: bool, found: Findings) -> None:
    year = _year(page.text[start:end])
    if spoken:
        _spoken_of(page, start, end, old=year in _OLD, found=found)
    if every:
        found.add(start, end, "DATE", "date")
    if year in _OLD and _YEAR.search(page.text, start, end) is not None and _is_told(page, start, end):
        found.add(start, end, "DATE_OF_BIRTH", "date that long ago")


def _year(date: str) -> int:
    """The year of a date; one of two digits is taken for the one nearest to now."""
    year = _YEAR.search(date)
    if year is not None:
        return int(year[0])
    short = int(date[-2:])
    return 2000 + short if short <= _LATEST else 1900 + short


def _spoken_of(page: Page, start: int, end: int, *, old: bool, found: Findings) -> None:
    if _NE.search(page.left_of(start)) is not None:
        found.add_said(start, end, "DATE_OF_BIRTH", rule="date of birth", said="ne", rank=5)
    elif old or _is_meant(page, start, end):
        found.add_if_near(start, end, "DATE_OF_BIRTH", rule="date of birth", words=WORDS, rank=5)


def _is_meant(page: Page, start: int, end: int) -> bool:
    """Whether a word for birth speaks of this date: no other one stands between them, and the word comes first."""
    before = page.left_of(start, 90)
    words = list(_BIRTH.finditer(before))
    if words:
        return _OTHER_DATE.search(before, words[-1].end()) is None
    if _BIRTH.search(page.key_of(start)) is not None:
        return _OTHER_DATE.search(before) is None
    return _BIRTH.match(page.lower[end : end + 30].lstrip(" ,;:()-")) is not None


def _is_told(page: Page, start: int, end: int) -> bool:
    """Whether the date stands in running text, or near a word for a person: data of other things is dated too."""
    if not PERSON_WORDS.isdisjoint(page.left_of(start, 60).replace(",", " ").replace(":", " ").split()):
        return True
    return len(page.around(start, end).split()) >= _FEW_WORDS
