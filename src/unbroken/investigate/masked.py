"""What redaction left out of an event, in words: the kinds by the names that people have for them."""

from collections.abc import Iterable, Mapping
from typing import Final

from unbroken.core.event import Event
from unbroken.core.kinds import UNSCANNED

_WORDS: Final[Mapping[str, tuple[str, str, str]]] = {
    UNSCANNED: ("not scanned", "part withheld unscanned", "parts withheld unscanned"),
    "ABA_ROUTING_NUMBER": ("routing number", "routing number", "routing numbers"),
    "ADDRESS": ("address", "address", "addresses"),
    "API_KEY": ("API key", "API key", "API keys"),
    "CONNECTION_SECRET": ("connection secret", "secret of a connection", "secrets of connections"),
    "CREDIT_CARD": ("card", "card", "cards"),
    "CRYPTO": ("wallet", "wallet address", "wallet addresses"),
    "DATE_OF_BIRTH": ("date of birth", "date of birth", "dates of birth"),
    "EMAIL_ADDRESS": ("e-mail", "e-mail address", "e-mail addresses"),
    "HEALTH_PLAN": ("health plan", "health plan number", "health plan numbers"),
    "IBAN_CODE": ("IBAN", "IBAN", "IBANs"),
    "IDENTIFIER": ("identifier", "identifier", "identifiers"),
    "IP_ADDRESS": ("IP address", "IP address", "IP addresses"),
    "JWT": ("token", "JSON web token", "JSON web tokens"),
    "LICENSE_PLATE": ("licence plate", "licence plate", "licence plates"),
    "LOCATION": ("place", "place", "places"),
    "MAC_ADDRESS": ("MAC address", "MAC address", "MAC addresses"),
    "MEDICAL_RECORD": ("medical record", "medical record number", "medical record numbers"),
    "NRP": ("belonging", "origin, faith or conviction", "origins, faiths or convictions"),
    "PERSON": ("name", "name", "names"),
    "PHONE_NUMBER": ("phone", "telephone number", "telephone numbers"),
    "URL": ("web address", "web address", "web addresses"),
    "URL_CREDENTIALS": ("URL login", "login in a URL", "logins in URLs"),
    "US_DRIVER_LICENSE": ("US driver's licence", "US driver's licence", "US driver's licences"),
}
_ABBREVIATIONS: Final = frozenset((
    "AADHAAR", "ABN", "ACN", "AHV", "BRN", "BSN", "BSNR", "CNPJ", "CPF", "CPR", "CUIT", "CURP", "DNI", "FIN",
    "GSTIN", "IBAN", "ID", "IMEI", "ITIN", "LANR", "MBI", "NHS", "NI", "NIE", "NIF", "NIN", "NINO", "NIR", "NPI",
    "NRIC", "PAN", "PESEL", "PIN", "PPS", "RFC", "RRN", "RUT", "SIN", "SSN", "TFN", "TIN", "TNIN", "UEN", "VAT",
    "VIN", "ZIP",
))  # fmt: skip
_COUNTRIES: Final = frozenset((
    "AR", "AU", "BE", "BR", "CA", "CH", "CL", "CN", "DE", "DK", "ES", "FI", "FR", "HK", "IE", "IL", "IN", "IT",
    "KR", "MX", "NG", "NL", "NO", "PH", "PL", "SE", "SG", "TH", "TR", "TW", "UK", "US", "ZA",
))  # fmt: skip


def label_of(kind: str) -> str:
    """The word that stands in place of a kind within a text, such as ``e-mail``."""
    return _words_of(kind)[0]


def is_label(text: str) -> bool:
    """Whether ``text`` is the word of a kind that has one of its own."""
    return text in _LABELS


def counts_of(event: Event) -> dict[str, int]:
    """How many of each kind were masked in an event, as its recorder counted them."""
    return counted(event.redactions or ())


def counted(redactions: Iterable[str]) -> dict[str, int]:
    """The counts by kind that a list of ``kind:count`` holds."""
    found: dict[str, int] = {}
    for item in redactions:
        kind, _, number = item.rpartition(":")
        # Whoever records may write anything there; what is no count is still something that was masked.
        found[kind or item] = int(number) if kind and number.isascii() and number.isdigit() and len(number) < 16 else 1
    return found


def in_words(counts: Mapping[str, int]) -> str:
    """``2 e-mail addresses, 1 card``: the most first, what was withheld before all; empty where nothing was masked."""
    return ", ".join(
        f"{number:,} {_words_of(kind)[1 if number == 1 else 2]}" for kind, number in _most_first(counts.items())
    )


def _most_first(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda item: (item[0] != UNSCANNED, -item[1], item[0]))


def _words_of(kind: str) -> tuple[str, str, str]:
    known = _WORDS.get(kind)
    if known is not None:
        return known
    first, *rest = kind.split("_")
    word = " ".join([first if first in _COUNTRIES or first in _ABBREVIATIONS else first.lower(), *map(_spelt, rest)])
    return word, word, _plural(word)


def _spelt(word: str) -> str:
    return word if word in _ABBREVIATIONS else word.lower()


def _plural(word: str) -> str:
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


_LABELS: Final = frozenset(words[0] for words in _WORDS.values())
