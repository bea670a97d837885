"""Telephone numbers: by an international prefix, by a national form, or by what the text says just before them."""

import re
from itertools import pairwise
from typing import Final

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

WORDS: Final = frozenset(
    "phone telephone tel mobile mobiles cell cellphone fax whatsapp sms msisdn handset landline hotline helpline"
    " phones"
    " voicemail pager telefon telefono telefone telephoned rufnummer mobil mobilnummer celular movil"
    " movel telefoonnummer telefonnummer puhelin telefonu handy handynummer fon ruckruf rueckruf anruf festnetz"
    " durchwahl erreichbar portable joignable appeler appelez rappelez rappeler llamar llame llameme llamenos"
    " tfno tlf"
    " tlfn localizada localizado llamada emergencia urgence notfallnummer notfallkontakt telefonico telefonica"
    " cellulare recapito chiamare gsm natel mobiel 电话 手机 電話 携帯 전화 휴대폰"
    .split()
)  # fmt: skip

THINGS: Final = frozenset(
    "order orders invoice ticket tracking shipment parcel quote quotation sku serial build commit version booking"
    " bestellung bestellnummer auftrag auftragsnummer rechnung rechnungsnummer rechnungsnr paket sendung angebot"
    " aktenzeichen vertrag vertragsnummer artikel artikelnummer commande facture devis dossier contrat colis article"
    " pedido factura presupuesto expediente contrato articulo referencia ordine fattura preventivo pratica contratto"
    " bestelling factuur ean isbn claim schadennummer sinistre siniestro buchung buchungsnummer reservation reserva"
    " lieferschein albaran vorgang vorgangsnummer sendungsnummer az kundennr kundennummer"
    .split()
)  # fmt: skip
"""What has numbers of its own: one right behind such a word is nobody's."""

OTHER_WORDS: Final = frozenset(
    "address street zip apt suite box order invoice tracking reservation booking confirmation ticket website"
    " id serial sku"
    " account policy claim case reference ref model version amount total price balance room flight date build"
    " commit port"
    .split()
) | THINGS  # fmt: skip
"""Numbers after one of these are not telephones, unless something nearer says so."""

# ITU-T E.164: the zones whose codes have one digit, and those whose codes have two; all others have three.
_TWO: Final = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82"
    " 84 86 90 91"
    " 92 93 94 95 98".split()
)
_NO_CODE: Final = ("0", "210", "214", "215", "217", "219", "28", "83", "89", "384", "388")

# What says, right before it, that a number is dialled. Some words say it of any number, some only of one in groups.
_LEADING: Final = (
    r"(?:\W{1,3}(?:me|us|him|her|them|you|is|was|are|to|from|at|on|via|back|by|the|my|his|our|their|number|office|desk"
    r"|either|please|under|bitte|unter|auf|ist|der|die|au|le|est|al|el|en|es|il)){0,4}\W{0,4}$"
)
_SAID_BEFORE: Final = re.compile(
    r"(?:(?<!tool )(?<!tool_)(?<!function )(?<!model )(?<!api )\bcall(?:ed|ing)?"
    r"|\b(?:dial(?:l?ed|l?ing)?|phone[ds]?|sms|answering|receiving messages|cell|mobile|fax|tel|landline|whatsapp"
    r"|voicemail"
    r"|text (?:me|us|him|her|them)|rang (?:me|us|him|her|them)|ring (?:me|us|him|her|them)"
    r"|(?:reach(?:ed|able)?|contact(?:ed)?|text(?:ed)?)(?: (?:me|us|him|her|them|you))? (?:at|on|under|by|via)))\b"
    + _LEADING
)
_SAID_OF_GROUPS: Final = re.compile(
    r"\b(?:(?:su|mi|mon|votre|ihre|meine|seine) (?:numero|nummer)|messages?|desk|direct|extension|line|numbers?|signal"
    r"|answers?|registered|[tmpf])\b" + _LEADING
)
_SAID_AFTER: Final = re.compile(r"\W{1,3}(?:\(?(?:office|mobile|fax|cell|home|work|desk|direct|phone|tel|landline)\b)")
_EXTENSION: Final = re.compile(r"\s?(?:x|ext\.?|extension|#)\s?\d{1,6}(?![\w-])", re.IGNORECASE)
_MONEY: Final = re.compile(r"[.,]\d{2}(?!\d)|[ \u00a0]?(?:[$\u00a3\u20ac]|EUR|USD|GBP|CHF)(?![a-z])")
_BY_NAME_ONLY: Final = re.compile(
    r"\b(?:call|dial|ring|phone|tel|telephone|fax|mobile|sms)\b"
    r"\W{1,3}(\d{2,6}(?:[ -]\d{3,4})?)(?![\w.,:/%()-]*[ ]?[\d(])"
)

SAID_WORDS: Final = frozenset(
    "call called calling dial dialed dialled dialing dialling ring rang phoned text texted texting sms reach reached"
    " reachable contact contacted answering receiving"
    .split()
)  # fmt: skip
GROUP_WORDS: Final = frozenset(
    "numero nummer registered direct desk number numbers line extension signal answer answers message messages office"
    " home work t m p f"
    .split()
)  # fmt: skip
_EVERY_WORD: Final = WORDS | SAID_WORDS
_DIALLED_WORDS: Final = frozenset("call dial ring phone tel telephone fax mobile sms".split())

_DIALLED: Final = frozenset((" ", "-", ".", ") ", ")", ")-", " (", "-(", " - ", "/", ") - "))
"""What stands between the groups of a number."""
SHORTEST: Final = 7
LONGEST: Final = 15


def international(digits: str) -> bool:
    """Whether digits after ``+`` begin with a country code in use and are as many as E.164 allows."""
    return SHORTEST - 1 <= len(digits) <= LONGEST and not digits.startswith(_NO_CODE) and (
        len(digits) >= (11 if digits[0] == "1" else 11 if digits[0] == "7" else 7 if digits[:2] in _TWO else 6)
    )  # fmt: skip


def north_american(digits: str) -> bool:
    """Whether ten digits, or eleven with the 1 before them, have an area and an exchange that exist by form."""
    ten = digits[-10:]
    return (len(digits) == 10 or (len(digits) == 11 and digits[0] == "1")) and ten[0] > "1" and ten[3] > "1" and (
        ten[1:3] != "11")  # fmt: skip


_BRITISH_MOBILE: Final = (5, 6)
_GERMAN_MOBILE: Final = ((4, 7), (4, 8), (5, 7))
_NORTH_AMERICAN_GROUPS: Final = frozenset([(3, 3, 4), (1, 3, 3, 4), (3, 7), (1, 3, 7), (3, 4)])


def phone(page: Page, groups: list[tuple[int, int]], found: Findings) -> bool:
    """Takes one stretch of digit groups as a telephone number; answers whether its form alone was enough."""
    text = page.text
    start, end = groups[0][0], groups[-1][1]
    digits = "".join(text[first:last] for first, last in groups)
    start, prefix = _with_sign(text, start)
    if len(digits) > LONGEST + 2 or len(digits) < SHORTEST - (2 if prefix == "+" else 1):
        return False
    end = _with_extension(text, end)
    if _by_form(text, groups, digits=digits, prefix=prefix):
        found.add(start, end, "PHONE_NUMBER", "international number" if prefix == "+" else "national number")
        return True
    grouped = len(groups) > 1 and not page.hints.isdisjoint(GROUP_WORDS)
    spoken = grouped or is_spoken_of(page)
    if spoken and not _unlikely(text, groups, digits) and _MONEY.match(text, groups[-1][1], end + 12) is None:
        _by_context(page, start, end, in_groups=len(groups) > 1, found=found)
    return False


def _by_context(page: Page, start: int, end: int, *, in_groups: bool, found: Findings) -> None:
    before = page.left_of(start)
    said = _SAID_BEFORE.search(before)
    if said is not None:
        found.add_said(start, end, "PHONE_NUMBER", rule="number that is dialled", said=_word(said), rank=1)
        return
    if in_groups:
        said = _SAID_OF_GROUPS.search(before) or _SAID_AFTER.match(page.lower, end, end + 20)
        if said is not None:
            found.add_said(start, end, "PHONE_NUMBER", rule="number in groups", said=_word(said), rank=-4)
    if not page.hints.isdisjoint(WORDS):
        found.add_if_near(start, end, "PHONE_NUMBER", rule="telephone number", words=WORDS, rank=1, unless=OTHER_WORDS)


def _word(said: re.Match[str]) -> str:
    return said[0].strip(" ():-").split()[0]


def _by_form(text: str, groups: list[tuple[int, int]], *, digits: str, prefix: str) -> bool:
    sizes = tuple(last - first for first, last in groups)
    if prefix == "+":
        return international(digits)
    if len(digits) > SHORTEST + 2 and digits.startswith("00") and international(digits[2:].lstrip("0")):
        return len(groups) > 1 or len(digits) >= 12
    if len(groups) == 1:
        return False
    if sizes in _NORTH_AMERICAN_GROUPS and north_american(digits):
        return (prefix == "(" or len(groups) > 2) and _dialled_separators(text, groups)
    return _national(text, groups, digits=digits, sizes=sizes, bracketed=prefix == "(")


def _national(
    text: str, groups: list[tuple[int, int]], *, digits: str, sizes: tuple[int, ...], bracketed: bool
) -> bool:
    """A trunk 0 and an area of two to five digits, then at least two groups, or one after brackets."""
    if digits[0] != "0" or not 9 <= len(digits) <= 12 or not _dialled_separators(text, groups):
        return False
    if bracketed:
        return len(digits) < 12 and 2 <= sizes[0] <= 5
    if sizes == _BRITISH_MOBILE:
        return digits.startswith("07") and text[groups[0][1]] in " -"
    if sizes in _GERMAN_MOBILE:
        return digits[:3] in ("015", "016", "017") and text[groups[0][1]] in " -/"
    return len(sizes) > 2 and len(digits) < 12 and 2 <= sizes[0] <= 5 and min(sizes) > 1


def _dialled_separators(text: str, groups: list[tuple[int, int]]) -> bool:
    between = {text[last:first] for (_, last), (first, _) in pairwise(groups)}
    return between <= _DIALLED and between != {"/"}


def _unlikely(text: str, groups: list[tuple[int, int]], digits: str) -> bool:
    """Forms that are something else even where a telephone is spoken of: dates, decimals, addresses, epochs."""
    sizes = tuple(last - first for first, last in groups)
    between = "".join(text[last:first] for (_, last), (first, _) in pairwise(groups))
    if len(groups) == 1:
        return len(digits) >= 13 and digits[0] == "1"
    if sizes in ((4, 2, 2), (2, 2, 4), (1, 2, 4), (2, 1, 4), (1, 1, 4)) and between in ("--", "//", ".."):
        return True
    if len(groups) == 2 and between in (".", ","):
        return True
    if ":" in between or "," in between or "|" in between or ("_" in between and len(digits) > 11):
        return True
    return sizes == (4, 4, 4, 4) or (len(sizes) == 4 and between == "...")


def _with_sign(text: str, start: int) -> tuple[int, str]:
    """Where the number begins with its ``+`` or bracket, and which of them it has."""
    begin, sign = start, ""
    while begin > 0 and text[begin - 1] in "+(" and start - begin < 3:
        begin -= 1
        sign = "+" if text[begin] == "+" or sign == "+" else "("
    if begin > 0 and start > 1 and text[begin - 1] == " " and begin > 1 and text[begin - 2] == "+":
        return begin - 2, "+"
    return begin, sign


def _with_extension(text: str, end: int) -> int:
    match = _EXTENSION.match(text, end, end + 20)
    return match.end() if match is not None else end


def is_spoken_of(page: Page) -> bool:
    """Whether any word of the text could make a number a telephone's."""
    return not page.hints.isdisjoint(_EVERY_WORD)


def short_numbers(page: Page, found: Findings) -> None:
    """Takes numbers of five and six digits that the text tells to dial."""
    if page.hints.isdisjoint(_DIALLED_WORDS):
        return
    for match in _BY_NAME_ONLY.finditer(page.lower):
        if 5 <= sum(letter.isdigit() for letter in match[1]) < SHORTEST:
            found.add(*match.span(1), "PHONE_NUMBER", "short number that is dialled")
