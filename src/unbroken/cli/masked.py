"""What somebody types goes into entries too: purposes, cases and reasons are masked before they leave this process."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from unbroken.cli.target import key_of
from unbroken.core.keyed import LogKey
from unbroken.privacy.redaction.placeholders import PlaceholderKey
from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor


def masked(store: str, text: str) -> str:
    """The text with placeholders for what is personal in it, under the log's key where this command has it."""
    return _redactor(key_of(store)).redact({}, texts={"text": text}).texts["text"]


def masked_under(keys: Sequence[LogKey], text: str) -> list[str]:
    """What may stand for a text in the log where redaction masks all or some of it, under each of its keys."""
    found = (_redactor(key).redact({}, texts={"text": text}).texts["text"] for key in keys)
    return [each for each in dict.fromkeys(found) if each != text]


def masked_scope(store: str, scope: Mapping[str, str]) -> Mapping[str, str]:
    """A read's scope; who and what it names by person is left to the log, which records a keyed hash of it."""
    kept = ("actor", "subject", "resource", "about")
    return {name: value if name in kept else masked(store, value) for name, value in scope.items()}


@lru_cache(4)
def _redactor(key: LogKey | None) -> Redactor:
    return Redactor(BALANCED, key=None if key is None else PlaceholderKey.derived(key.id, key.secret))
