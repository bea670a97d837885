"""Which entries decided how an event's data is treated."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from unbroken.privacy.registry.said import Classified, Said


@dataclass(frozen=True, slots=True)
class Reason:
    """One outcome and the places of all that asked for it."""

    of: str
    value: str
    by: tuple[str, ...]


def reasons(classified: Classified) -> list[Reason]:
    """The outcomes, each with what decided it; what asked for less is not named."""
    return list(_reasons(classified))


def _reasons(classified: Classified) -> Iterator[Reason]:
    said = classified.because
    for name in sorted(classified.domains):
        yield Reason("domain", name, _places(one for one in said if one.domains is not None and name in one.domains))
    if (word := classified.classification) is not None:
        yield Reason("classification", word, _places(one for one in said if one.classification == word))
    if (effect := classified.side_effect) is not None:
        yield Reason(
            "side effect", "yes" if effect else "no", _places(one for one in said if one.side_effect is effect)
        )
    profiles = classified.profile.name.split("+")
    asking = _places(one for one in said if one.redaction is not None and one.redaction.name in profiles)
    yield Reason("redaction", classified.profile.name, asking)


def _places(said: Iterable[Said]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.by for one in said))
