"""What a scan finds, and what it collects on the way."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class Tier(StrEnum):
    """How certain a finding is: by its form, by what stands around it, by a model, or only as a long number."""

    CERTAIN = "certain"
    CONTEXT = "context"
    MODEL = "model"
    BARE = "bare"


class Found(NamedTuple):
    """A part of the scanned text that is to be masked; positions are those of the text that was scanned."""

    start: int
    end: int
    kind: str
    rule: str
    tier: Tier = Tier.CERTAIN
    because: str = ""
    """The context that decided: a word nearby or a key."""


class Plausible(NamedTuple):
    """A part that is masked only where one of ``words`` stands near it."""

    start: int
    end: int
    kind: str
    rule: str
    words: frozenset[str]
    rank: int = 0
    """Among equals near the same word, the higher one names the kind."""
    unless: frozenset[str] = frozenset()
    """Words that say it is something else where one of them stands nearer before it."""
    said: str = ""
    """The words right before it that decided already; ``words`` are then not looked for."""


@dataclass(slots=True)
class Findings:
    """Collected by the scanners of one text, in any order."""

    certain: list[Found] = field(default_factory=list)
    plausible: list[Plausible] = field(default_factory=list)

    def add(self, start: int, end: int, kind: str, rule: str) -> None:
        """Something certain."""
        self.certain.append(Found(start, end, kind, rule))

    def add_if_near(
        self,
        start: int,
        end: int,
        kind: str,
        *,
        rule: str,
        words: frozenset[str],
        rank: int = 0,
        unless: frozenset[str] = frozenset(),
    ) -> None:
        """Something that only its context makes certain enough."""
        self.plausible.append(Plausible(start, end, kind, rule, words, rank, unless))

    def add_said(self, start: int, end: int, kind: str, *, rule: str, said: str, rank: int = 0) -> None:
        """Something that the words right before it name."""
        self.plausible.append(Plausible(start, end, kind, rule, frozenset(), rank, said=said))


_RANK: Final = {Tier.CERTAIN: 3, Tier.CONTEXT: 2, Tier.MODEL: 1, Tier.BARE: 0}


def without_overlaps(found: list[Found]) -> list[Found]:
    """One finding for each stretch of overlapping ones: it covers all of them and is named by the best of them."""
    merged: list[Found] = []
    for next_ in sorted(found, key=lambda item: (item.start, -item.end)):
        if merged and next_.start < merged[-1].end:
            merged[-1] = _union(merged[-1], next_)
        else:
            merged.append(next_)
    return merged


def _union(first: Found, second: Found) -> Found:
    best = max(first, second, key=_worth)
    return Found(first.start, max(first.end, second.end), best.kind, best.rule, best.tier, best.because)


def _worth(found: Found) -> tuple[int, int]:
    return _RANK[found.tier], found.end - found.start
