"""How much is masked: from what is certain to whatever isn't known to be harmless."""

from dataclasses import dataclass
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

PROFILES: Final = {profile.name: profile for profile in (BALANCED, STRICT, HIPAA, PCI, OFF)}


def profile_named(name: str) -> Profile:
    """The profile; raises :class:`ConfigurationError` for a name that there is none of."""
    try:
        return PROFILES[name]
    except KeyError as error:
        raise ConfigurationError(f"no redaction profile of this name; there are {', '.join(PROFILES)}") from error
