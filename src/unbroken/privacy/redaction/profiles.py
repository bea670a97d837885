"""How much is masked: from what is certain to whatever isn't known to be harmless."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Final

from unbroken.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Profile:
    """What a redactor does with what it finds."""

    name: str
    bare: bool = False
    """Long numbers and id-like tokens are masked even where nothing says what they are."""
    deny: bool = False
    """Short values under keys that aren't allowed by name are masked whatever they are."""
    every_date: bool = False
    every_url: bool = False
    random: bool = False
    """Placeholders can't be followed from one event to another."""
    off: bool = False


BALANCED: Final = Profile("balanced")
STRICT: Final = Profile("strict", bare=True, every_url=True)
HIPAA: Final = Profile("hipaa", bare=True, deny=True, every_date=True, every_url=True, random=True)
PCI: Final = Profile("pci", bare=True, deny=True)
OFF: Final = Profile("off", off=True)

PROFILES: Final = {profile.name: profile for profile in (OFF, BALANCED, STRICT, PCI, HIPAA)}
"""By name, the stricter ones later."""
_FLAGS: Final = tuple(field.name for field in fields(Profile) if field.name not in ("name", "off"))


def profile_named(name: str) -> Profile:
    """The profile; raises :class:`ConfigurationError` for a name that there is none of."""
    try:
        return PROFILES[name]
    except KeyError as error:
        raise ConfigurationError(f"no redaction profile of this name; there are {', '.join(PROFILES)}") from error


def strictest(profiles: Iterable[Profile]) -> Profile:
    """The profile that masks whatever one of ``profiles`` masks: one of them, or a sum such as ``strict+pci``.

    Raises :class:`ConfigurationError` for none at all, which says nothing of how much is to be masked.
    """
    given = frozenset(profiles)
    if not given:
        raise ConfigurationError("the strictest of no profiles can't be told")
    return _sum(given)


@lru_cache(256)
def _sum(given: frozenset[Profile]) -> Profile:
    """Few different ones come again and again."""
    if len(given) == 1:
        return next(iter(given))
    masking = [profile for profile in given if not profile.off]
    flags = {flag: True for flag in _FLAGS if any(getattr(profile, flag) for profile in masking)}
    for profile in PROFILES.values():
        if profile.off is not bool(masking) and flags == _flags(profile):
            return profile
    names = {name for profile in masking for name in profile.name.split("+") if _flags(PROFILES.get(name, profile))}
    return Profile("+".join(sorted(names, key=_rank)), **flags)


def covers(one: Profile, other: Profile) -> bool:
    """Whether ``one`` masks all that ``other`` does."""
    return other.off or (not one.off and _flags(other).keys() <= _flags(one).keys())


def _flags(profile: Profile) -> dict[str, bool]:
    return {flag: True for flag in _FLAGS if getattr(profile, flag)}


def _rank(name: str) -> tuple[int, str]:
    return (list(PROFILES).index(name) if name in PROFILES else len(PROFILES), name)
