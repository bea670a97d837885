"""How findings are scored against labels.

A label counts as found when all its letters and digits are masked, whatever as. A finding counts as right when at
least half of it lies on a label of its type.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

Span: TypeAlias = tuple[int, int, str]
Finder: TypeAlias = Callable[[str], Iterable[Span]]

STRUCTURED: Final = (
    "CREDIT_CARD", "PHONE_NUMBER", "EMAIL_ADDRESS", "URL", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "US_DRIVER_LICENSE",
)  # fmt: skip
SAME: Final = {"DOMAIN_NAME": "URL", "LOCATION": "GPE"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what is in it."""

    text: str
    spans: tuple[Span, ...]
    source: str


@dataclass(slots=True)
class Score:
    """Counts for one finder on one set."""

    labels: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def recall(self, *kinds: str) -> float:
        return _share(self.found, self.labels, kinds)

    def precision(self, *kinds: str) -> float:
        return _share(self.right, self.findings, kinds)


def read_labelled(path: Path) -> list[Labelled]:
    """The texts of a file of JSON Lines."""
    return [_labelled(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def score(labelled: Iterable[Labelled], finder: Finder) -> Score:
    """Runs the finder over all texts."""
    result = Score()
    for item in labelled:
        _count(item, list(finder(item.text)), result)
    return result


def _labelled(row: dict[str, object]) -> Labelled:
    spans: list[Span] = [(start, end, SAME.get(kind, kind)) for start, end, kind in row["spans"]]  # type: ignore[attr-defined]
    return Labelled(str(row["text"]), tuple(spans), str(row["src"]))


def _count(item: Labelled, findings: list[Span], result: Score) -> None:
    masked = {place for start, end, _ in findings for place in range(start, end)}
    for start, end, kind in item.spans:
        result.labels[kind] += 1
        result.found[kind] += all(place in masked for place in _letters(item.text, start, end))
    for start, end, kind in findings:
        result.findings[kind] += 1
        result.right[kind] += 2 * _shared(item.spans, start, end, kind) >= end - start


def _letters(text: str, start: int, end: int) -> Iterator[int]:
    return (place for place in range(start, end) if text[place].isalnum())


def _shared(spans: Iterable[Span], start: int, end: int, kind: str) -> int:
    return sum(max(min(end, last) - max(start, first), 0) for first, last, of in spans if of == kind)


def _share(part: Counter[str], whole: Counter[str], kinds: tuple[str, ...]) -> float:
    names = kinds or tuple(whole)
    total = sum(whole[kind] for kind in names)
    return sum(part[kind] for kind in names) / total if total else 1.0
