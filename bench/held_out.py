"""Labelled texts of other countries and layouts than the data that the rules were tuned on, made from a seed.

``held_out.toml`` has the texts with gaps. On those that are ``seen`` rules were mended after a first look; the others
were written later, to see whether that helped in general.
"""

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from held_out_values import KIND_OF, LABELLED, UNLABELLED
from scoring import Labelled, Span

SAME: Final = {
    "ES_NIE": "ES_NIF", "US_PASSPORT": "PASSPORT", "ES_PASSPORT": "PASSPORT", "DE_PASSPORT": "PASSPORT",
    "UK_PASSPORT": "PASSPORT", "FR_PASSPORT": "PASSPORT", "URL_CREDENTIALS": "PASSWORD",
    "HEALTH_PLAN": "DE_HEALTH_INSURANCE",
}  # fmt: skip
"""Kinds of findings that are as right as the one that is labelled."""
_FILE: Final = Path(__file__).with_name("held_out.toml")
_GAP: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text with gaps."""

    text: str
    layout: str
    language: str
    seen: bool


def texts(*, seen: bool) -> list[Text]:
    """The texts that rules were mended on, or the others."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))["text"]
    return [text for text in (Text(**row) for row in rows) if text.seen is seen]


def held_out(rounds: int, *, seen: bool, seed: int = 41) -> Iterator[Labelled]:
    """Each text so many times, each time with other values; ``source`` is its layout and language."""
    made = random.Random(seed)  # noqa: S311 - made-up values
    for _ in range(rounds):
        for text in texts(seen=seen):
            yield _filled(text, made)


def _filled(text: Text, made: random.Random) -> Labelled:
    built, spans, at = "", list[Span](), 0
    for gap in _GAP.finditer(text.text):
        built += text.text[at : gap.start()]
        at = gap.end()
        name = gap[1]
        value = (LABELLED.get(name) or UNLABELLED[name])(made, text.language)
        if name in LABELLED:
            spans.append((len(built), len(built) + len(value), KIND_OF.get(name, name)))
        built += value
    return Labelled(built + text.text[at:], tuple(spans), f"{text.layout}, {text.language}")
