"""What stands in place of a value: ``[EMAIL_ADDRESS:k7:5d0c…]``.

The token has 32 hex digits: 96 bits that name the value, then 32 bits of a check under the log's key. The 96 bits
are an HMAC of kind and canonical value, so that the same address is the same everywhere in a log and nobody without the
key can try addresses out; or they are random, where the profile says so. The check lets a second scan know its own
placeholders from what somebody typed; those are written ``[typed:EMAIL_ADDRESS:k7:…]``.
"""

import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from unbroken.core.keyed import KEY_BYTES
from unbroken.errors import ConfigurationError

TOKEN_LETTERS: Final = 32
_NAMING_BYTES: Final = 12
_CHECK_BYTES: Final = 4
_ID: Final = re.compile(r"[0-9a-z]{1,16}")
_TOKEN: Final = re.compile(rf"[0-9a-f]{{{TOKEN_LETTERS}}}")
_SHAPE: Final = re.compile(r"\[([A-Z][A-Z0-9_]{1,40}):k([0-9a-z]{1,16}):([0-9a-z]{8,64})\]")


@dataclass(frozen=True)
class PlaceholderKey:
    """A secret of one log; ``id`` stands in every placeholder made with it."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if _ID.fullmatch(self.id) is None or len(self.secret) != KEY_BYTES:
            raise ConfigurationError("a placeholder key is an id of 1 to 16 lower-case letters or digits and 32 bytes")

    @classmethod
    def generate(cls, key_id: str = "0") -> "PlaceholderKey":
        """A new random key."""
        return cls(key_id, os.urandom(KEY_BYTES))

    @classmethod
    def derived(cls, key_id: str, secret: bytes) -> "PlaceholderKey":
        """A key from a log's secret, apart from whatever else is made from that."""
        return cls(key_id, hmac.new(secret, b"unbroken placeholder", hashlib.sha256).digest())

    def digest(self, purpose: bytes, text: str) -> bytes:
        """A keyed hash; ``purpose`` keeps what it is for apart."""
        return hmac.digest(self.secret, purpose + b"\x00" + text.encode("utf-8", "surrogatepass"), "sha256")


class Placeholders:
    """Makes placeholders under one key and knows them again."""

    def __init__(self, key: PlaceholderKey, *, random: bool) -> None:
        self._key = key
        self._random = random

    def make(self, kind: str, value: str) -> str:
        """The placeholder of ``value``; the same one for equal values, unless they are random."""
        naming = os.urandom(_NAMING_BYTES) if self._random else self._named(kind, value)
        return self._sealed(kind, naming)

    def unscanned(self) -> str:
        """A placeholder of nothing known."""
        return self._sealed("UNSCANNED", os.urandom(_NAMING_BYTES))

    def own(self, text: str) -> Iterator[tuple[int, int]]:
        """Where placeholders stand that were made under this key."""
        for match in _shapes(text):
            if self._is_own(match):
                yield match.span()

    def escape_typed(self, text: str) -> str:
        """``text`` with whatever looks like a placeholder and isn't one marked as typed."""
        if "[" not in text or ":k" not in text:
            return text
        return _SHAPE.sub(lambda match: match[0] if self._is_own(match) else f"[typed:{match[0][1:]}", text)

    def _named(self, kind: str, value: str) -> bytes:
        return self._key.digest(b"value " + kind.encode(), canonical(kind, value))[:_NAMING_BYTES]

    def _sealed(self, kind: str, naming: bytes) -> str:
        return f"[{kind}:k{self._key.id}:{naming.hex()}{self._check(kind, naming).hex()}]"

    def _check(self, kind: str, naming: bytes) -> bytes:
        return self._key.digest(b"check", f"{kind}:{naming.hex()}")[:_CHECK_BYTES]

    def _is_own(self, match: re.Match[str]) -> bool:
        kind, key_id, token = match.groups()
        if key_id != self._key.id or _TOKEN.fullmatch(token) is None:
            return False
        raw = bytes.fromhex(token)
        return hmac.compare_digest(raw[_NAMING_BYTES:], self._check(kind, raw[:_NAMING_BYTES]))


def _shapes(text: str) -> Iterator[re.Match[str]]:
    return _SHAPE.finditer(text) if "[" in text and ":k" in text else iter(())


_NO_DIGIT: Final = re.compile(r"[^0-9]+")
_BLANKS: Final = re.compile(r"\s+")
_SEPARATORS: Final = re.compile(r"[\s._-]+")
_AS_WRITTEN: Final = frozenset("PASSWORD SECRET API_KEY JWT PRIVATE_KEY URL".split())
_WORDS: Final = frozenset(("PERSON", "ADDRESS"))
_DIGITS_ONLY: Final = frozenset(
    "CREDIT_CARD US_SSN PHONE_NUMBER US_ITIN UK_NHS US_NPI ABA_ROUTING_NUMBER BANK_ACCOUNT PIN CARD_CODE".split()
)


def canonical(kind: str, value: str) -> str:
    """One spelling of a value: digits of a number, lower case of an address, no blanks within a code."""
    plain = value.strip() if value.isascii() else unicodedata.normalize("NFKC", value).strip()
    if kind in _DIGITS_ONLY:
        digits = _digits(plain)
        if digits:
            if kind == "PHONE_NUMBER":
                return _international(plain, digits)
            # As a JSON number it has lost its leading zeros.
            return digits.zfill(9) if kind == "US_SSN" else digits
    if kind in _AS_WRITTEN:
        return plain
    if kind in _WORDS:
        return " ".join(plain.casefold().split())
    return (_BLANKS if "@" in plain else _SEPARATORS).sub("", plain.casefold())


def _digits(text: str) -> str:
    if text.isascii():
        return _NO_DIGIT.sub("", text)
    return "".join(str(unicodedata.digit(letter)) for letter in text if unicodedata.digit(letter, None) is not None)


def _international(plain: str, digits: str) -> str:
    if plain.startswith("+"):
        return "+" + digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    north_american = (len(digits) == 10 and digits[0] not in "01") or (len(digits) == 11 and digits[0] == "1")
    return "+1" + digits[-10:] if north_american and re.match(r"[(1]|\d{3}[^\d]", plain) else digits
