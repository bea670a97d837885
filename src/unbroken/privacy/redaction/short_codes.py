"""Codes too short to be told by their form: a card's check value, a PIN, a code that is sent once."""

import re
from typing import Final

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

_IS: Final = r"(?:\s{0,2}(?:code|number|no\.?|nummer|nr\.?|value))?\W{1,3}(?:(?:is|was|ist|lautet|est|es)\W{1,3})?"
_CARD_CODE: Final = re.compile(
    r"(?<![a-z0-9])(?:cvv2?|cvc2?|cv2|csc|cid|card verification|security code|kartenprufnummer|prufnummer|cryptogramme"
    rf"|codigo de seguridad|code de securite){_IS}(\d{{3,4}})(?![\w-]|\.\d)"
)
_PIN: Final = re.compile(
    r"(?<![a-z0-9_])pin(?:[ -]?(?:code|number|nummer))?"
    r"(?:\s{0,2}[:=]\s{0,2}|\s{1,2}(?:is|was|ist|lautet|est|es)\s{1,2})(\d{4,8})(?![\w-]|\.\d)"
)
_SENT: Final = re.compile(
    r"(?<![a-z0-9])(?:otp|one[- ]time (?:code|password|passcode|pin)|(?:verification|confirmation|authentication|login"
    r"|security|2fa|mfa|access) code|passcode|einmalpasswort|einmalcode|tan|bestatigungscode|sicherheitscode"
    r"|code de (?:verification|confirmation|securite)|codigo de (?:verificacion|confirmacion|seguridad|acceso))"
    r"(?:\s{0,2}[:=]\s{0,2}|\s{1,2}(?:is|was|ist|lautet|est|es)[: ]{1,2})(\d{4,8}|\d{3}[ -]\d{3})(?![\w-]|\.\d)"
)
_CARD_WORDS: Final = frozenset(
    "cvv cvv2 cvc cvc2 cv2 csc cid verification security kartenprufnummer prufnummer cryptogramme seguridad"
    " securite".split()
)
_SENT_WORDS: Final = frozenset(
    "otp one verification confirmation authentication login security 2fa mfa access passcode einmalpasswort"
    " einmalcode"
    " tan bestatigungscode sicherheitscode securite verificacion confirmacion seguridad acceso"
    .split()
)  # fmt: skip
WORDS: Final = _CARD_WORDS | _SENT_WORDS | {"pin"}


def short_codes(page: Page, found: Findings) -> None:
    """Takes codes right behind what they are called."""
    if page.hints.isdisjoint(WORDS):
        return
    for pattern, kind, words in _RULES:
        if not page.hints.isdisjoint(words):
            for match in pattern.finditer(page.lower):
                found.add(*match.span(1), kind, "code behind its name")


_RULES: Final = (
    (_CARD_CODE, "CARD_CODE", _CARD_WORDS),
    (_PIN, "PIN", frozenset(("pin",))),
    (_SENT, "SECRET", _SENT_WORDS),
)
