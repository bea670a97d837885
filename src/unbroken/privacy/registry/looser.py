"""Whether one treatment of data protects less than another, and in what."""

from collections.abc import Iterable

from unbroken.privacy.redaction.profiles import OFF, covers
from unbroken.privacy.registry.said import Classified, Said, combined, rank


def looser(before: Classified, after: Classified) -> list[str]:
    """In what ``after`` protects less than ``before``; empty where it doesn't."""
    less = []
    if not before.domains <= after.domains:
        less.append("domains")
    if rank(after.classification) < rank(before.classification):
        less.append("classification")
    if before.side_effect and not after.side_effect:
        less.append("side effect")
    if not covers(after.profile, before.profile):
        less.append("redaction")
    return less


def alone(*said: Said) -> Classified:
    """What these say, whatever else holds for the log."""
    return combined([Said("", redaction=OFF), *said])


def listed(words: Iterable[str]) -> str:
    """``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
