"""What the tests of redaction share: a redactor under a fixed key, and what it masks in one text."""

from typing import Any, Final

from unbroken.privacy.redaction.placeholders import PlaceholderKey
from unbroken.privacy.redaction.profiles import BALANCED, Profile
from unbroken.privacy.redaction.redactor import Hit, Redactor

KEY: Final = PlaceholderKey("7", bytes(range(32)))
CARD: Final = "4012888888881881"


def redactor(profile: Profile = BALANCED, **options: Any) -> Redactor:
    """A redactor whose placeholders are the same in every run."""
    return Redactor(profile, key=KEY, **options)


_BALANCED: Final = redactor()


def hits(value: Any, profile: Profile = BALANCED) -> list[Hit]:
    """What is found in a text or a JSON value."""
    return (_BALANCED if profile is BALANCED else redactor(profile)).explain(value)


def found(value: Any, profile: Profile = BALANCED) -> list[tuple[str, str]]:
    """Kind and text of what is found."""
    return [(hit.kind, hit.text) for hit in hits(value, profile)]


def kinds(value: Any, profile: Profile = BALANCED) -> set[str]:
    """The kinds of what is found."""
    return {hit.kind for hit in hits(value, profile)}


def masked(value: Any, profile: Profile = BALANCED) -> Any:
    """The value with placeholders."""
    return (_BALANCED if profile is BALANCED else redactor(profile)).redact({"details": value}).values["details"]
