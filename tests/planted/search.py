"""Looks for planted values in bytes, whatever form they were put into on the way."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus

from tests.planted.plant import SHORTEST, Plant

_EMPTY: Final = re.compile(rb"\x00{16,}")
_FEW_DIGITS: Final = re.compile(rb"[0-9]{1,15}")
_HEX: Final = b"0123456789abcdefABCDEF"


@dataclass(frozen=True, slots=True)
class Planted:
    """A plant and the entrance that it was sent through."""

    entrance: str
    plant: Plant


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """Something that was found again."""

    entrance: str
    kind: str
    place: str
    form: str
    needle: str


class Search:
    """All that was planted, ready to be looked for.

    A needle is found in UTF-8 and UTF-16, escaped as in JSON (up to three times over), Python, HTML and URLs, in hex,
    and in base64 wherever in the encoded bytes it stands. A number of less than sixteen digits counts only where it is
    no piece of a longer one or of a hash, since those hold every short number sooner or later.
    """

    def __init__(self, planted: Iterable[Planted]) -> None:
        self._by_end: dict[bytes, list[tuple[bytes, str, str, Planted]]] = {}
        known: set[tuple[str, bytes]] = set()
        for item in planted:
            for needle in item.plant.needles:
                for form, pattern in forms(needle):
                    if (item.entrance, pattern) not in known:
                        known.add((item.entrance, pattern))
                        self._by_end.setdefault(pattern[-SHORTEST:], []).append((pattern, form, needle, item))

    def within(self, place: str, data: bytes) -> Iterator[Left]:
        """What stands in the data."""
        begin = 0
        for gap in _EMPTY.finditer(data):
            yield from self._in_piece(place, data[begin : gap.start()])
            begin = gap.end()
        yield from self._in_piece(place, data[begin:])

    def _in_piece(self, place: str, data: bytes) -> Iterator[Left]:
        ends = self._by_end
        for at in [at for at in range(len(data) - SHORTEST + 1) if data[at : at + SHORTEST] in ends]:
            end = at + SHORTEST
            for pattern, form, needle, item in ends[data[at:end]]:
                start = end - len(pattern)
                if start >= 0 and data[start:end] == pattern and not _is_piece(data, start, end, pattern):
                    yield Left(item.entrance, item.plant.kind, place, form, needle)


def forms(needle: str) -> Iterator[tuple[str, bytes]]:
    """The bytes that the needle may stand in, with the name of each form; nothing shorter than is told from chance."""
    for name, pattern in _all_forms(needle):
        if len(pattern) >= SHORTEST:
            yield name, pattern


def _all_forms(needle: str) -> Iterator[tuple[str, bytes]]:
    raw = needle.encode()
    yield "plain", raw
    yield "UTF-16, little end first", needle.encode("utf-16-le")
    yield "UTF-16, big end first", needle.encode("utf-16-be")
    yield from _escaped(needle)
    for name, text in (
        ("percent", quote(needle, safe="")),
        ("form", quote_plus(needle)),
        ("HTML", html.escape(needle)),
    ):
        yield name, text.encode()
    yield "percent", "".join(f"%{byte:02X}" for byte in raw).encode()
    yield "percent", "".join(f"%{byte:02x}" for byte in raw).encode()
    yield "hex", raw.hex().encode()
    yield "hex", raw.hex().upper().encode()
    yield "hex of UTF-16", needle.encode("utf-16-le").hex().encode()
    yield from _in_base64(raw)


def _escaped(needle: str) -> Iterator[tuple[str, bytes]]:
    for ascii_only in (False, True):
        text = needle
        for _ in range(3):
            text = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            yield "JSON", text.encode()
            yield "JSON, in COPY's words", text.replace("\\", "\\\\").encode()
    yield "JSON, every letter", "".join(f"\\u{ord(letter) & 0xFFFF:04x}" for letter in needle).encode()
    yield "Python", needle.encode("unicode_escape")


def _in_base64(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """For each place within three bytes: the letters in which no other bytes have a say."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw + bytes(-(before + len(raw)) % 3))
        skipped = (0, 2, 3)[before]
        kept = text[skipped : (8 * (before + len(raw))) // 6]
        yield "base64", kept
        yield "base64", kept.translate(bytes.maketrans(b"+/", b"-_"))


def _is_piece(data: bytes, start: int, end: int, pattern: bytes) -> bool:
    if _FEW_DIGITS.fullmatch(pattern) is None:
        return False
    return (start > 0 and data[start - 1] in _HEX) or (end < len(data) and data[end] in _HEX)
