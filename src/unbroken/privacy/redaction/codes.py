"""Identifiers of letters and digits: national ids, passports, IBANs, wallets."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from unbroken.privacy.redaction import checksums
from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page
from unbroken.privacy.redaction.phones import THINGS


@dataclass(frozen=True, slots=True)
class Code:
    """A form; where ``words`` is empty it is certain by itself, else one of them must stand near."""

    kind: str
    form: re.Pattern[str]
    words: frozenset[str] = frozenset()
    check: Callable[[str], bool] | None = None
    """Asked with the letters and digits alone, in upper case."""
    rank: int = 2
    also: frozenset[str] = frozenset()
    """Of these, one must stand anywhere in the event."""


def _code(
    kind: str,
    form: str,
    words: str = "",
    *,
    check: Callable[[str], bool] | None = None,
    rank: int = 2,
    case: bool = False,
    also: str = "",
) -> Code:
    pattern = re.compile(rf"(?<!\w)(?:{form})(?!\w)", 0 if case else re.IGNORECASE)
    return Code(kind, pattern, frozenset(words.split()), check, rank, frozenset(also.split()))


def _uk_nino(text: str) -> bool:
    return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _has_both(text: str) -> bool:
    return any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text)


def _digits(text: str) -> int:
    return sum(letter.isdigit() for letter in text)


def _some_digits(text: str) -> bool:
    return _digits(text) >= 4


CERTAIN: Final = (
    _code("UK_NINO", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D]", check=_uk_nino),
    _code(
        "US_MBI",
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
        r"[AC-HJKMNP-RT-Y]{2}\d\d",
        case=True,
    ),
    _code("ES_NIF", r"\d{8}-?[A-HJ-NP-TV-Z]", check=checksums.es_nif, case=True),
    _code("ES_NIE", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", check=checksums.es_nie),
    _code(
        "IT_FISCAL_CODE",
        r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
        check=checksums.it_fiscal_code,
    ),
    _code("FI_PERSONAL_IDENTITY_CODE", r"[0-3]\d[01]\d\d\d[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", check=None, case=True),
    _code("SG_NRIC_FIN", r"[STFGM]\d{7}[A-Z]", check=checksums.sg_nric, case=True),
    _code("IN_PAN", r"[A-Z]{3}P[A-Z]\d{4}[A-Z]", case=True),
    _code("IN_GSTIN", r"[0-3]\d[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]", check=checksums.gstin),
    _code(
        "UK_DRIVING_LICENCE",
        r"[A-Z]{2,5}9{0,3}\d[0156]\d[0-3]\d\d[A-Z]{1,2}9?[A-Z0-9][A-Z]{2}",
        check=lambda text: len(text) == 16,
        case=True,
    ),
    _code("CN_RESIDENT_ID", r"[1-8]\d{5}(?:18|19|20)\d{9}[\dX]", check=checksums.cn_rid),
    _code("MX_CURP", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", case=True),
    _code("SE_PERSONNUMMER", r"\d{6}\+\d{4}"),
)

NEAR: Final = (
    _code("UK_NINO", r"[A-Z]{2}[ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D]?", "nino ni", rank=4, case=True),
    _code("US_MBI", r"[1-9][A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d\d", "medicare mbi beneficiary"),
    _code("US_PASSPORT", r"[A-Z]\d{8}", "passport reisepass passeport pasaporte"),
    _code("UK_PASSPORT", r"[A-Z]{2}\d{7}", "passport passports"),
    _code(
        "DE_PASSPORT",
        r"[CFGHJK][CFGHJKLMNPRTVWXYZ0-9]{8}\d?",
        "reisepass reisepasses reisepassnummer passport passnummer",
        check=_some_digits,
    ),
    _code(
        "DE_PASSPORT",
        r"[CFGHJK][CFGHJKLMNPRTVWXYZ0-9]{8}\d?",
        "pass",
        check=_some_digits,
        also="nr nummer passnummer",
    ),
    _code(
        "DE_ID_CARD",
        r"[LMNPRTVWXYCFGHJK][CFGHJKLMNPRTVWXYZ0-9]{7}\d",
        "personalausweis ausweis ausweisnummer perso",
        check=_some_digits,
    ),
    _code("KR_PASSPORT", r"[MSRODG](?:\d{3}[A-Z]\d{4}|\d{8})", "passport korean 여권 여권번호"),
    _code("ES_PASSPORT", r"[A-Z]{2,3}\d{6}", "pasaporte passport"),
    _code("IT_PASSPORT", r"[A-Z]{2}\d{7}", "passaporto passport", rank=1),
    _code("IN_PASSPORT", r"[A-Z]\d{7}", "passport"),
    _code(
        "PASSPORT",
        r"[A-Z]{1,3}\d{5,9}|\d\d[A-Z]{2}\d{5}|[A-Z]\d{2}[A-Z]{2}\d{2,4}[A-Z]?",
        "passport passports passeport pasaporte passaporto reisepass reisepasses reisepassnummer passnummer paspoort",
        rank=0,
    ),
    _code(
        "US_DRIVER_LICENSE",
        r"[A-Z]{1,2}-?\d{3,7}(?:[ -]?\d{2,7}){0,3}|\d{3,4}-\d{2,4}-\d{3,4}|[A-Z]\d{2}[ -]\d{2}[ -]\d{4}"
        r"|[A-Z0-9]{7,16}",
        "license licence licenses dl dln permis",
        check=_some_digits,
        rank=4,
        also="driver drivers driving dl dln permis",
    ),
    _code("US_DRIVER_LICENSE", r"[A-Z]{1,2}-?\d{5,14}", "license licence", rank=0),
    _code("UK_DRIVING_LICENCE", r"[A-Z9]{5}\d{6}[A-Z9]{2}[A-Z0-9]{3}", "driving licence license dvla", rank=5),
    _code("DE_FUEHRERSCHEIN", r"[A-Z]{1,2}\d{8}[A-Z0-9]{1,2}", "fuhrerschein fuehrerschein fahrerlaubnis", rank=5),
    _code("IT_DRIVER_LICENSE", r"(?:[A-Z]{2}\d{7}[A-Z]|U1[BCDFGHLJKMNPRSTUWYXZ0-9]{7}[A-Z])", "patente guida", rank=5),
    _code(
        "IT_IDENTITY_CARD", r"[A-Z]{2}\s?\d{7}|\d{7}[A-Z]{2}|[A-Z]{2}\d{5}[A-Z]{2}", "identita carta elettronica cie"
    ),
    _code("IN_PAN", r"[A-Z]{5}\d{4}[A-Z]", "pan permanent", rank=3),
    _code("IN_GSTIN", r"[0-3]\d[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]", "gstin gst"),
    _code("IN_VOTER", r"[A-Z]{3}\d{7}", "voter"),
    _code("SG_NRIC_FIN", r"[A-Z]\d{7}[A-Z]", "nric fin singapore"),
    _code("SG_UEN", r"\d{8,9}[A-Z]|[TSR]\d\d[A-Z]{2}\d{4}[A-Z]", "uen"),
    _code("MEDICAL_LICENSE", r"[A-Z][A-Z9]\d{7}", "dea certificate prescriber", check=checksums.dea),
    _code(
        "DE_HEALTH_INSURANCE",
        r"[A-Z]\d{9}",
        "kvnr krankenkasse kasse egk krankenversicherung versichertennummer versichertennr vers versicherung gkv aok tk"
        " barmer dak",
        check=checksums.de_health,
    ),
    _code(
        "DE_SOCIAL_SECURITY",
        r"\d{2}[ -]?\d{6}[ -]?[A-Z][ -]?\d{3}",
        "rentenversicherungsnummer rvnr svnr sozialversicherungsnummer sozialversicherung rentenversicherung",
    ),
    _code("DE_VAT_ID", r"DE\s?\d{3}\s?\d{3}\s?\d{3}", "ust ustid umsatzsteuer vat mwst"),
    _code("FI_PERSONAL_IDENTITY_CODE", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Z]", "henkilotunnus hetu"),
    _code(
        "MEDICAL_RECORD",
        r"[A-Z]{1,4}[-#]?\d{4,12}|\d{2,4}-\d{2,4}-\d{2,4}|[A-Z0-9]{6,14}",
        "mrn mrno medical",
        check=_some_digits,
    ),
    _code(
        "HEALTH_PLAN",
        r"[A-Z]{1,4}-?\d{6,12}(?:-\d{2})?|[A-Z0-9]{3}-?[A-Z0-9]{6,11}",
        "medicaid policyholder",
        check=_some_digits,
        rank=0,
    ),
    _code("UK_SORT_CODE", r"\d\d-\d\d-\d\d", "code sortcode", also="sort sortcode"),
    _code(
        "LICENSE_PLATE",
        r"[A-Z]{1,3}[ -]?\d{1,4}[ -]?[A-Z]{0,3}|\d{1,4}[ -]?[A-Z]{1,3}[ -]?\d{1,4}"
        r"|[A-Z]{1,3}-[A-Z]{1,2}[ -]\d{1,4}[EH]?|\d{4}[ -]?[A-Z]{3}",
        "plate plates plaka plakasi kennzeichen licenseplate numberplate vrn matricula immatriculation targa kenteken",
        check=_has_both,
        rank=3,
        case=True,
    ),
    _code(
        "LICENSE_PLATE",
        r"[A-Z]{2}\d\d[ -]?[A-Z]{3}|[A-Z]{1,3}[ -]?\d{1,4}[ -]?[A-Z]{0,3}",
        "registration",
        check=_has_both,
        case=True,
        also="vehicle car van vehicles plate",
    ),
    _code("VIN", r"[A-HJ-NPR-Z0-9]{17}", "vin vehicle chassis", check=_some_digits),
    _code("CRYPTO", r"0x[0-9a-f]{40}", "wallet ethereum eth address usdt crypto"),
    _code("POSTCODE", r"[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}", "postcode postcodes", rank=3),
    _code("ZIP_CODE", r"\d{5}(?:-\d{4})?", "zipcode plz postleitzahl", rank=3),
    _code("HK_ID", r"[A-Z]{1,2}\d{6}\([0-9A]\)", "hkid hong"),
    _code("TW_ID", r"[A-Z][1289]\d{8}", "taiwan"),
    _code("CL_RUT", r"\d{1,2}\.?\d{3}\.?\d{3}-[\dK]", "rut run"),
    _code("MX_RFC", r"[A-Z&]{3,4}\d{6}[A-Z0-9]{3}", "rfc"),
    _code("IE_PPS", r"\d{7}[A-W][A-IW]?", "pps ppsn"),
    _code("NATIONAL_ID", r"[A-Z]{0,3}\d{6,12}[A-Z]{0,2}", "nationalid", check=_some_digits, rank=0),
)

WORDS: Final = frozenset(word for code in NEAR for word in code.words | code.also)

# Forms with separators in them, which no single token shows: the part with digits, and the middle of an MBI.
_HYPHENED: Final = re.compile(
    r"-(?:[A-Z][A-Z0-9]\d-[A-Z]|\d{7}-?[A-Z]|[A-Z](?<=\d{7}-[A-Z])|\d{3}(?<=\d{6}-\d{3})[0-9A-Z])(?!\w\w\w\w)"
)
_PAIRED: Final = re.compile(r" \d\d \d\d \d\d ?[A-Da-d](?!\w)")
_HYPHENED_PAIRS: Final = re.compile(r"-\d\d-\d\d-\d\d-?[A-Da-d](?!\w)")
_PLUS: Final = re.compile(r"\+\d{3}(?<=\d{6}\+\d{3})")
_DATE: Final = re.compile(r"(?:19|20)\d\d-[01]\d-[0-3]\d|[0-3]\d-[01]\d-(?:19|20)\d\d")
_LETTERS_AND_DIGITS: Final = re.compile(r"[^0-9A-Za-z]")

_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
# ISO 13616 registry: digits in total, for each country.
_SEPARATORS: Final = frozenset(" .-_/")
_MOST_APART: Final = 2
_IBAN_START: Final = re.compile(r"\d(?<=[A-Za-z]{2}\d)(?<!\w{3}\d)\d")
_IBAN_REST: Final = re.compile(r"(?:[ .\-_/]{0,2}[A-Za-z0-9]){11,30}")
_COUNTRIES: Final = frozenset(country.lower() for country in _IBAN_LENGTHS)
_COUNTRIES_OF_HEX: Final = tuple(country for country in _COUNTRIES if not country.strip("abcdef"))
IBAN_WORDS: Final = frozenset("iban ibans bankkonto kontonummer".split())
_BITCOIN: Final = re.compile(
    r"(?<!\w)(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71}|BC1[02-9AC-HJ-NP-Z]{11,71})(?!\w)"
)
_NIF_LENGTH: Final = 9
_LONGEST_BASE58: Final = 35
_WALLET_LENGTHS: Final = range(26, 75)


def codes(page: Page, found: Findings) -> None:
    """Takes identifiers of letters and digits."""
    for token in page.mixed:
        if len(token) in _BY_LENGTH:
            _token(page, token, found)
    if _may_be_split(page):
        _split(page, found)
    for token in page.hexes:
        if len(token) == _NIF_LENGTH:
            _token(page, token, found)
    if _may_hold_iban(page):
        ibans(page, found)
    if page.longest >= _WALLET_LENGTHS.start and any(
        [len(token) in _WALLET_LENGTHS and token[0] in "13b" for token in page.mixed]
    ):
        _wallets(page, found)
    if not page.hints.isdisjoint(WORDS):
        for code in _hinted(page.hints & WORDS):
            _near(page, code, found)


def _may_hold_iban(page: Page) -> bool:
    """Whether a token begins as an IBAN does."""
    if any([token[:2] in _COUNTRIES and token[2:4].isdigit() for token in page.mixed]):
        return True
    return any([token.startswith(_COUNTRIES_OF_HEX) and token[2:4].isdigit() for token in page.hexes])


def _may_be_split(page: Page) -> bool:
    """Whether separators may stand within a code."""
    text = page.text
    return (
        _HYPHENED.search(text) is not None
        or (b" 00 00 00" in page.shape and _PAIRED.search(text) is not None)
        or (b"-00-00-00" in page.shape and _HYPHENED_PAIRS.search(text) is not None)
        or ("+" in text and _PLUS.search(text) is not None)
    )


_BY_LENGTH: Final = {
    9: ("UK_NINO", "ES_NIF", "ES_NIE", "SG_NRIC_FIN"),
    10: ("IN_PAN",),
    11: ("US_MBI", "FI_PERSONAL_IDENTITY_CODE"),
    15: ("IN_GSTIN",),
    16: ("IT_FISCAL_CODE", "UK_DRIVING_LICENCE"),
    18: ("CN_RESIDENT_ID", "MX_CURP"),
}
_BY_KIND: Final = {code.kind: code for code in CERTAIN}


def _token(page: Page, token: str, found: Findings) -> None:
    forms = [_BY_KIND[kind] for kind in _BY_LENGTH[len(token)]]
    if not any(code.form.fullmatch(token.upper()) is not None for code in forms):
        return
    at = page.lower.find(token)
    while at >= 0:
        word = page.text[at : at + len(token)]
        for code in forms:
            if code.form.match(page.text, at) is not None and _passes(code, word) and not _is_lower_hex(word):
                found.add(at, at + len(token), code.kind, "code by its form")
                break
        at = page.lower.find(token, at + len(token))


def _split(page: Page, found: Findings) -> None:
    for code in CERTAIN:
        for match in code.form.finditer(page.text):
            if _passes(code, match[0]) and not _is_lower_hex(match[0]):
                found.add(*match.span(), code.kind, "code by its form")


def _is_lower_hex(text: str) -> bool:
    return text.strip("0123456789abcdef") == "" and not text.isdigit()


def _passes(code: Code, text: str) -> bool:
    if code.check is None:
        return code.kind != "FI_PERSONAL_IDENTITY_CODE" or bool(code.words) or checksums.fi_hetu(text.upper())
    return code.check(_LETTERS_AND_DIGITS.sub("", text).upper())


def _near(page: Page, code: Code, found: Findings) -> None:
    for match in code.form.finditer(page.text):
        word = match[0]
        if any(letter.isdigit() for letter in word) and _passes(code, word) and _DATE.fullmatch(word) is None:
            found.add_if_near(
                *match.span(), code.kind, rule="named code", words=code.words, rank=code.rank, unless=THINGS
            )


@lru_cache(maxsize=512)
def _hinted(hints: frozenset[str]) -> tuple[Code, ...]:
    named = (code for code in NEAR if not code.words.isdisjoint(hints))
    return tuple(code for code in named if not code.also or not code.also.isdisjoint(hints))


def ibans(page: Page, found: Findings) -> None:
    """Takes IBANs: those whose check digits are right, and what is called one."""
    named = not IBAN_WORDS.isdisjoint(page.hints)
    text = page.text
    for match in _IBAN_START.finditer(text):
        start = match.start() - 2
        length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
        if length is None:
            continue
        end = _after_letters(text, start, length)
        plain = _LETTERS_AND_DIGITS.sub("", text[start:end]).upper()
        if _is_of_uuid(text, start, end):
            continue
        if len(plain) == length and not text[end : end + 1].isalnum() and checksums.iban(plain):
            found.add(start, end, "IBAN_CODE", "IBAN")
        elif named and (rest := _IBAN_REST.match(text, match.end())) is not None:
            found.add_if_near(start, rest.end(), "IBAN_CODE", rule="named IBAN", words=IBAN_WORDS, rank=6)


def _is_of_uuid(text: str, start: int, end: int) -> bool:
    """Whether this is hex in lower case with a hyphen right before or after it."""
    beside = text[start - 1 : start] == "-" or text[end : end + 1] == "-"
    return beside and not text[start:end].strip("0123456789abcdef-")


def _after_letters(text: str, start: int, count: int) -> int:
    """Where so many ASCII letters and digits end, with at most two separators between any of them."""
    at, apart = start, 0
    while count and at < len(text) and apart <= _MOST_APART:
        if text[at] in _SEPARATORS:
            apart += 1
        elif text[at].isascii() and text[at].isalnum():
            count, apart = count - 1, 0
        else:
            break
        at += 1
    return at


def _wallets(page: Page, found: Findings) -> None:
    for match in _BITCOIN.finditer(page.text):
        word = match[0]
        if _is_wallet(word):
            found.add(*match.span(), "CRYPTO", "wallet address")


def _is_wallet(word: str) -> bool:
    if word[0] in "13":
        return len(word) <= _LONGEST_BASE58 and checksums.base58check(word)
    return checksums.bech32(word.lower())
