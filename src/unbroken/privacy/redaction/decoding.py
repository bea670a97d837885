"""What is written in another form: escapes, base64, hex, compressed. Bounded in depth and in bytes.

Escapes are undone letter by letter, so that what is found can be mapped back. A long token that decodes to text is
scanned as a text of its own and masked as a whole.
"""

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from unbroken.privacy.redaction.folding import Folded, Mapping
from unbroken.privacy.redaction.page import Page

_ESCAPE: Final = re.compile(
    r"(?:%[0-9A-Fa-f]{2}){1,64}|&#(?:x[0-9A-Fa-f]{1,6}|\d{1,7});?|&(?:commat|period|amp|lt|gt|quot|apos|nbsp|colon|sol|plus|hyphen|dash"
    r"|lowbar|num|equals);|\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[nrtbf\"'/\\]"
)
ROUNDS: Final = 3

_TOKEN: Final = re.compile(r"[A-Za-z0-9+/_\-]{16,}={0,2}")
_HEX: Final = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2}){8,})")
_SPACED_HEX: Final = re.compile(r"[0-9A-Fa-f]{2}(?<!\w[0-9A-Fa-f]{2})(?:[ :][0-9A-Fa-f]{2}){7,2000}(?!\w)")
_CONTROLS: Final = frozenset(map(chr, range(32))) - frozenset("\t\n\r\x0b\x0c")
_SHORTEST: Final = 12
_MOST_INFLATED: Final = 1 << 20
_READABLE: Final = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")


def unescape(text: str) -> Folded | None:
    """``text`` with its escapes undone; ``None`` where there are none."""
    if "%" not in text and "&" not in text and "\\" not in text:
        return None
    mapping = Mapping()
    at = 0
    for match in _ESCAPE.finditer(text):
        mapping.same(text[at : match.start()], at)
        mapping.replaced(_undone(match[0]), match.start())
        at = match.end()
    if not at:
        return None
    mapping.same(text[at:], at)
    return mapping.finish(len(text))


def _undone(escape: str) -> str:
    if escape[0] == "%":
        return _percent(escape)
    if escape[0] == "&":
        letter = html.unescape(escape if escape.endswith(";") else escape + ";")
        return letter if len(letter) == 1 and letter > "\x02" else " "
    if escape[1] in "ux":
        return _letter(int(escape[2:].strip("{}"), 16))
    return escape[1] if escape[1] in "\"'/\\" else " "


def _percent(run: str) -> str:
    """What bytes in percent say in UTF-8; where that is nothing, ASCII ones alone are undone."""
    raw = bytes.fromhex(run.replace("%", ""))
    try:
        return "".join(map(_visible, raw.decode()))
    except UnicodeDecodeError:
        return "".join(_letter(byte) if byte < 0x80 else run[3 * at : 3 * at + 3] for at, byte in enumerate(raw))


def _letter(code: int) -> str:
    """The character, or a blank for what separates leaves and what is none."""
    return _visible(chr(code)) if code < 0x110000 and not 0xD800 <= code < 0xE000 else " "


def _visible(letter: str) -> str:
    """What stands for a letter while scanning: no control character cuts up what it was written in."""
    if letter in _CONTROLS:
        return " " if letter <= "\x02" else "\ufffd"
    return letter


@dataclass(slots=True)
class Budget:
    """What one scan may still decode, and what it tells besides its findings."""

    letters: int
    depth: int = 3
    gave_way: bool = False
    """Whether a finding that reached further was dropped for one that it overlapped."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A token of the text and what it says; ``text`` is ``None`` where decoding would go over the budget."""

    start: int
    end: int
    how: str
    text: str | None


def decoded(page: Page, budget: Budget) -> Iterator[Decoded]:
    """Long tokens of the text that turn out to be text themselves."""
    text = page.text
    if _may_hold(page):
        for match in _TOKEN.finditer(text):
            word = match[0]
            if not word.islower() or not _is_plain(word):
                yield from _token(word, match, budget)
    if b" 00 00 00 " in page.shape or b":00:00:00:" in page.shape:
        for match in _SPACED_HEX.finditer(text):
            raw = bytes.fromhex(match[0].replace(":", " "))
            yield from _readable(match.start(), match.end(), raw, how="hex", budget=budget)


def _may_hold(page: Page) -> bool:
    """Whether any token could be base64, or hex that spells letters."""
    if page.longest >= _SHORTEST or page.long_words or page.long_digits:
        return True
    return any([len(token) > _SHORTEST and not token[::2].strip("01234567cde") for token in page.hexes])


def _is_plain(word: str) -> bool:
    """Whether a word in lower case is a name, a UUID or a hash."""
    if len(word) == 36 and word[8] == word[13] == word[18] == word[23] == "-":
        return True
    # Half of what a hash is made of can't begin a letter.
    return word.isalpha() or (word[::2].strip("01234567cde") != "" and not word.strip("0123456789abcdef"))


def _token(word: str, match: re.Match[str], budget: Budget) -> Iterator[Decoded]:
    hexadecimal = _HEX.fullmatch(word)
    if hexadecimal is not None:
        if not hexadecimal[1][::2].strip("01234567cCdDeE"):
            yield from _readable(*match.span(), bytes.fromhex(hexadecimal[1]), how="hex", budget=budget)
        if word.isdigit() or word.islower():
            return
    raw = _from_base64(word)
    if raw is not None:
        yield from _readable(*match.span(), raw, how="base64", budget=budget)


def _from_base64(word: str) -> bytes | None:
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1:
        return None
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return None


def _readable(start: int, end: int, raw: bytes, *, how: str, budget: Budget) -> Iterator[Decoded]:
    packed = raw[:2] == b"\x1f\x8b" or (raw[:1] == b"\x78" and raw[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"))
    if packed:
        unpacked = _unpacked(raw)
        if unpacked is None:
            yield Decoded(start, end, how, None)
            return
        raw, how = unpacked, how + ", compressed"
    text = _as_text(raw)
    if text is None or len(text) < 6:
        return
    budget.letters -= len(text)
    yield Decoded(start, end, how, text if budget.letters >= 0 else None)


def _unpacked(raw: bytes) -> bytes | None:
    """The bytes, or ``None`` when there are too many to look at; what isn't compressed after all is given back."""
    inflater = zlib.decompressobj(wbits=47)
    try:
        plain = inflater.decompress(raw, _MOST_INFLATED)
    except zlib.error:
        return raw
    return None if inflater.unconsumed_tail else plain


def _as_text(raw: bytes) -> str | None:
    if len(raw) > 8 and raw[1:16:2].count(0) >= 4:
        encoding = "utf-16-le"
    elif len(raw) > 8 and raw[0:16:2].count(0) >= 4:
        encoding = "utf-16-be"
    else:
        encoding = "utf-8"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if _READABLE.fullmatch(text) is not None else None
