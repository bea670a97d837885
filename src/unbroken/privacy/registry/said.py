"""What is said of an event's data, by whom, and what it comes to: of everything the strictest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from unbroken.privacy.redaction.profiles import Profile, strictest

CLASSIFICATIONS: Final = ("public", "internal", "confidential", "restricted")
"""The stricter ones later."""
_RANKS: Final = {word: rank for rank, word in enumerate(CLASSIFICATIONS)}


@dataclass(frozen=True, slots=True)
class Said:
    """What one entry says; ``None`` stands for what it leaves to others. ``by`` is the entry's place in the file."""

    by: str
    domains: frozenset[str] | None = None
    classification: str | None = None
    side_effect: bool | None = None
    redaction: Profile | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether it leaves all to others."""
        return self == Said(self.by)

    def left_by(self, others: Iterable["Said"]) -> "Said":
        """Of this, what none of ``others`` says."""
        told = tuple(others)
        return Said(
            self.by,
            None if any(other.domains is not None for other in told) else self.domains,
            None if any(other.classification is not None for other in told) else self.classification,
            None if any(other.side_effect is not None for other in told) else self.side_effect,
            None if any(other.redaction is not None for other in told) else self.redaction,
        )


@dataclass(frozen=True, slots=True)
class Classified:
    """How an event's data is to be treated, and ``because`` of what.

    ``unknown`` names what no entry names: pairs of ``tool``, ``source`` or ``resource``, and the name.
    """

    profile: Profile
    domains: frozenset[str] = frozenset()
    classification: str | None = None
    side_effect: bool | None = None
    unknown: tuple[tuple[str, str], ...] = ()
    because: tuple[Said, ...] = ()


def combined(said: Iterable[Said], *, unknown: tuple[tuple[str, str], ...] = ()) -> Classified:
    """All of it together: every domain, the highest classification, a side effect if any says so, all redaction.

    At least one has to say something of redaction.
    """
    because = tuple(said)
    return Classified(
        profile=strictest({one.redaction for one in because if one.redaction is not None}),
        domains=frozenset(domain for one in because for domain in one.domains or ()),
        classification=max((one.classification for one in because if one.classification), key=rank, default=None),
        side_effect=max((one.side_effect for one in because if one.side_effect is not None), default=None),
        unknown=unknown,
        because=because,
    )


def rank(classification: str | None) -> int:
    """How strict it is. Nothing is below all; a word that is none of the four above, so that it stays to be refused."""
    return -1 if classification is None else _RANKS.get(classification, len(_RANKS))
