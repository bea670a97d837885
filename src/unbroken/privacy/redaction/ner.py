"""Where a model that recognises names in running text is plugged in; none comes with the package."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NerSpan:
    """A stretch of one text that a model holds for personal, as character offsets."""

    start: int
    end: int
    kind: str


class NerEngine(Protocol):
    """Finds persons, places and the like. What it raises makes the event's parts unscanned, never unmasked."""

    @property
    def version(self) -> str:
        """Names engine and model; stands in the version of the rules."""
        ...

    def spans(self, texts: Sequence[str]) -> Sequence[Sequence[NerSpan]]:
        """For each text, what was found in it."""
        ...
