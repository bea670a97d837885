"""Which entries a name belongs to: those of exactly this name, else all whose pattern fits it."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Generic, Protocol, TypeVar

from unbroken.errors import ConfigurationError
from unbroken.privacy.table import LONGEST

LONGEST_PATTERN: Final = 256
MOST_PATTERNS: Final = 1_000
"""Patterns of one kind: a name that was not seen before is tried against each."""
_KNOWN: Final = 4_096
"""Names whose entries are remembered."""


class Named(Protocol):
    """What can be matched."""

    @property
    def name(self) -> str:
        """The name, or the pattern of names."""
        ...

    @property
    def is_pattern(self) -> bool:
        """Whether the name is a pattern, in which ``*`` is any text and ``?`` any character."""
        ...


T = TypeVar("T", bound=Named)


class Names(Generic[T]):
    """Entries by name; safe for use by several threads at once.

    Raises :class:`ConfigurationError` for more than :data:`MOST_PATTERNS` patterns.
    """

    def __init__(self, entries: Sequence[T]) -> None:
        self.entries = tuple(entries)
        self._exact = {entry.name: (entry,) for entry in entries if not entry.is_pattern}
        self._patterns = [(compiled(entry.name), entry) for entry in entries if entry.is_pattern]
        if len(self._patterns) > MOST_PATTERNS:
            raise ConfigurationError(f"there are more than {MOST_PATTERNS:,} patterns of one kind")
        self._fitting = lru_cache(_KNOWN)(self.patterns_for)

    def of(self, name: str) -> tuple[T, ...]:
        """The entries that speak of ``name``, in the order of the file; of no name over :data:`LONGEST` letters."""
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        return self._fitting(name) if self._patterns and len(name) <= LONGEST else ()

    def patterns_for(self, name: str) -> tuple[T, ...]:
        """The patterns that fit ``name``, also where an exact entry stands in their place."""
        return tuple(entry for pattern, entry in self._patterns if pattern.fullmatch(name) is not None)


def is_wild(text: str) -> bool:
    """Whether ``text`` would be a pattern of more than one name."""
    return "*" in text or "?" in text


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression, for ``fullmatch``, that takes at most pattern times name steps.

    Each stretch between two stars is looked for once, behind the one before it, and that place is kept, which loses no
    match: a later place for the one before leaves less room for what follows.
    """
    first, *rest = [_literal(piece) for piece in re.split(r"\*+", pattern)]
    between = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(first + between + last, re.DOTALL)


def _literal(piece: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in piece)
