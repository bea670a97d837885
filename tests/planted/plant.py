"""What is planted: a value of a kind, in a place where redaction claims to know it, and how it would be found again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.planted.maker import Maker
from unbroken.core.normalise import Json

SHORTEST: Final = 8
"""Fewer bytes stand in any large file by chance, so nothing shorter is searched for."""
_LONG: Final = 20
"""Of a value of this length without blanks each half is searched for by itself."""
ALONE: Final = ("{}", "this is {} as they sent it")


@dataclass(frozen=True, slots=True)
class Plant:
    """One planted value."""

    kind: str
    value: Json
    """As it is planted where a JSON value may stand."""
    text: str
    """As it is planted where only a text may."""
    needles: tuple[str, ...]
    """None of these may be left anywhere."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of secret or identifier.

    ``forms`` are sentences in which redaction claims to find it, ``keys`` those under which it does. A kind that can't
    be told from any other number by itself has only forms that name it, as docs/redaction.md says.
    """

    name: str
    make: Callable[[Maker], str]
    forms: Sequence[str] = ALONE
    keys: Sequence[str] = ()
    whole: Callable[[str], Sequence[str]] | None = None
    """The parts of a made text that must not be left, where that is not the whole of it."""
    as_number: bool = False
    """Whether it is planted as a JSON number too."""
    exact: bool = False
    """Whether only the parts as they are count as left: they are too short to be looked for in other spellings."""
    spelling: bool = False
    """Whether this is but another spelling of a kind that is counted already."""

    @property
    def ways(self) -> int:
        """In how many forms it can be planted."""
        return len(self.forms) + len(self.keys) * (2 if self.as_number else 1)

    def plant(self, maker: Maker, way: int) -> Plant:
        """One value, in the form that is ``way`` in the row of them."""
        made = self.make(maker)
        parts = (made,) if self.whole is None else tuple(self.whole(made))
        way %= self.ways
        if way < len(self.forms):
            text = self.forms[way].replace("{}", made)
            return Plant(self.name, text, text, _needles(parts, exact=self.exact))
        at, numeric = divmod(way - len(self.forms), 2) if self.as_number else (way - len(self.forms), 0)
        value: Json = {self.keys[at]: int(made) if numeric else made}
        return Plant(self.name, value, json.dumps(value, ensure_ascii=False), _needles(parts, exact=self.exact))


def _needles(parts: Sequence[str], *, exact: bool) -> tuple[str, ...]:
    found = set(parts) if exact else {needle for part in parts for needle in _spellings(part)}
    assert found, parts
    return tuple(sorted(found))


def _spellings(part: str) -> set[str]:
    """The part as it is, its letters and digits alone, and its halves; each in every case."""
    compact = "".join(letter for letter in part if letter.isalnum())
    found = {part, compact}
    for text in (part, compact):
        if len(text) >= _LONG and " " not in text:
            found |= {text[: len(text) // 2], text[len(text) // 2 :]}
    found |= {text.lower() for text in found} | {text.upper() for text in found}
    return {text for text in found if len(text.encode()) >= SHORTEST}
