"""What somebody types goes into entries too: purposes, cases and reasons are masked before they leave this process."""

from collections.abc import Mapping, Sequence

from unbroken.cli.target import key_of
from unbroken.core.keyed import LogKey
from unbroken.errors import UnbrokenError
from unbroken.privacy.redaction.placeholders import PlaceholderKey
from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor
from unbroken.privacy.redaction.rules import DEFAULT_RULES, Rules
from unbroken.privacy.registry.reading import registry_from
from unbroken.store.log_reader import LogReader


def masked(store: str, text: str, *, rules: Rules = DEFAULT_RULES) -> str:
    """The text with placeholders for what is personal in it, under the log's key where this command has it."""
    return _redactor(key_of(store), rules).redact({}, texts={"text": text}).texts["text"]


def rules_of(reader: LogReader) -> Rules:
    """The operator's rules of the log, as far as this login may know them and this release can read them."""
    try:
        loaded = reader.registry()
        return DEFAULT_RULES if loaded is None else registry_from(loaded.text, version=loaded.version).rules
    except UnbrokenError:
        return DEFAULT_RULES


def masked_under(keys: Sequence[LogKey], text: str) -> list[str]:
    """What may stand for a text in the log where redaction masks all or some of it, under each of its keys."""
    found = (_redactor(key, DEFAULT_RULES).redact({}, texts={"text": text}).texts["text"] for key in keys)
    return [each for each in dict.fromkeys(found) if each != text]


def masked_scope(store: str, scope: Mapping[str, str], *, rules: Rules) -> Mapping[str, str]:
    """A read's scope; who and what it names by person is left to the log, which records a keyed hash of it."""
    kept = ("actor", "subject", "resource", "about")
    return {name: value if name in kept else masked(store, value, rules=rules) for name, value in scope.items()}


def _redactor(key: LogKey | None, rules: Rules) -> Redactor:
    return Redactor(BALANCED, key=None if key is None else PlaceholderKey.derived(key.id, key.secret), rules=rules)
