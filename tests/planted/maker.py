"""Made-up values of every form, from a seed: the same seed gives the same values."""

import base64
import hashlib
import random
import re
import string
from collections.abc import Callable, Sequence
from typing import Final

_CLASSES: Final = {
    "d": string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "U": string.ascii_uppercase + string.digits,
    "L": string.ascii_uppercase,
    "l": string.ascii_lowercase + string.digits,
    "a": string.ascii_letters + string.digits,
    "A": string.ascii_letters,
    "B": string.ascii_uppercase + "234567",
    "c": "qpzry9x8gf2tvdw0s3jn54khce6mua7l".upper(),
    "w": string.ascii_letters + string.digits + "_-",
    "s": string.ascii_letters + string.digits + "+/",
}
_BLANK: Final = re.compile(r"<([a-zA-Z])(\d+)>")
_SYLLABLES: Final = [
    "ba",
    "ko",
    "ri",
    "ten",
    "mal",
    "vo",
    "sui",
    "dar",
    "lin",
    "zu",
    "pek",
    "hal",
    "ned",
    "oru",
    "fim",
    "gat",
    "wes",
    "jol",
    "kyn",
    "tav",
]


class Maker:
    """Makes values; ``<h32>`` in a form stands for 32 letters of the class ``h``."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(str(seed))  # noqa: S311 - made-up values

    def form(self, text: str) -> str:
        """``text`` with its blanks filled; ``<uuid>`` is one as well."""
        while "<uuid>" in text:
            text = text.replace("<uuid>", self.form("<h8>-<h4>-4<h3>-a<h3>-<h12>"), 1)
        return _BLANK.sub(lambda blank: self.letters(blank[1], int(blank[2])), text)

    def letters(self, kind: str, count: int) -> str:
        """So many letters of a class; the first and the last are no marks, and it is not all one letter."""
        plain = _CLASSES["a"] if kind in ("w", "s") else _CLASSES[kind]
        made = [self.random.choice(_CLASSES[kind]) for _ in range(count)]
        for place in {0, count - 1} if count else set():
            made[place] = self.random.choice(plain)
        return "".join(made)

    def digits(self, count: int) -> str:
        """So many digits, the first not 0."""
        return self.random.choice("123456789") + "".join(self.random.choice(string.digits) for _ in range(count - 1))

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def number(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def word(self, syllables: int = 3) -> str:
        """A word that is in no dictionary."""
        return "".join(self.random.choice(_SYLLABLES) for _ in range(syllables))

    def name(self) -> str:
        """First and last name of nobody."""
        return f"{self.word(2).title()} {self.word(4).title()}"

    def until(self, right: Callable[[str], bool], form: str) -> str:
        """Fills a form until the value is right."""
        for _ in range(100_000):
            made = self.form(form)
            if right(made):
                return made
        raise AssertionError(form)

    def base64(self, count: int) -> str:
        """So many random bytes."""
        return base64.b64encode(self.random.randbytes(count)).decode()

    def date(self) -> tuple[int, int, int]:
        """Year, month and day on which an adult may be born; the day can't be taken for a month."""
        return self.number(1931, 1998), self.number(1, 12), self.number(13, 28)


def luhn(body: str) -> str:
    """``body`` with the check digit that ISO/IEC 7812 gives it."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def mod_11(body: str, weights: Sequence[int]) -> int:
    """The weighted sum, modulo 11."""
    return sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11


def grouped(digits: str, *sizes: int, by: str = " ") -> str:
    """Digits in groups of these sizes."""
    groups, at = [], 0
    for size in sizes:
        groups.append(digits[at : at + size])
        at += size
    assert at == len(digits), digits
    return by.join(groups)


def base58check(raw: bytes) -> str:
    """Bytes as a Bitcoin address of the older kind."""
    full = raw + hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    number, text = int.from_bytes(full, "big"), ""
    while number:
        number, place = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[place] + text
    return "1" * (len(full) - len(full.lstrip(b"\0"))) + text
