"""The operator's own rules: patterns, keys, and what is never masked, from a TOML file.

[[pattern]]
name = "policy number"
kind = "POLICY_NUMBER"
pattern = 'POL-\\d{6,8}'
near = ["policy"]            # only where one of these words stands near; left out: always
ignore_case = true

[keys]
sensitive = { employee_no = "EMPLOYEE_ID" }
allowed = ["order_ref"]

[allow]
values = ["support@clinic.example"]
domains = ["clinic.example"]
patterns = ['TEST-\\d{4}']
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.linear import compile_linear
from unbroken.privacy.redaction.page import Page

_KIND: Final = re.compile(r"[A-Z][A-Z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """One pattern of the operator's."""

    name: str
    kind: str
    pattern: re.Pattern[str]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is masked and left alone besides the built-in rules."""

    patterns: tuple[OwnPattern, ...] = ()
    sensitive_keys: Mapping[str, str] = field(default_factory=dict)
    allowed_keys: frozenset[str] = frozenset()
    allowed_values: frozenset[str] = frozenset()
    allowed_domains: tuple[str, ...] = ()
    allowed_patterns: tuple[re.Pattern[str], ...] = ()
    fingerprint: str = ""
    """Changes with every change of the rules."""

    @property
    def words(self) -> frozenset[str]:
        """The words that any of the patterns asks for."""
        return frozenset(word for pattern in self.patterns for word in pattern.words)

    def own(self, page: Page, found: Findings) -> None:
        """Takes what the patterns find."""
        for own in self.patterns:
            if own.words and own.words.isdisjoint(page.hints):
                continue
            for match in own.pattern.finditer(page.text):
                if own.words:
                    found.add_if_near(*match.span(), own.kind, rule=own.name, words=own.words, rank=9)
                else:
                    found.add(*match.span(), own.kind, own.name)

    def allows(self, text: str) -> bool:
        """Whether what was found is to stay."""
        if not self.fingerprint:
            return False
        plain = text.strip().casefold()
        if plain in self.allowed_values:
            return True
        domain = plain.rpartition("@")[2] if "@" in plain else ""
        if domain and any(domain == own or domain.endswith("." + own) for own in self.allowed_domains):
            return True
        return any(pattern.fullmatch(text) is not None for pattern in self.allowed_patterns)


DEFAULT_RULES: Final = Rules()


def read_rules(path: Path) -> Rules:
    """The rules of a file; raises :class:`ConfigurationError` that names what can't be read."""
    try:
        return rules_from(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"the file of rules can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the file of rules is not TOML: {error}") from error


def rules_from(table: Mapping[str, Any]) -> Rules:
    """The rules that a TOML table holds; raises :class:`ConfigurationError` for whatever it doesn't know."""
    _known(table, "", {"pattern", "keys", "allow"})
    keys = _table(table, "keys", {"sensitive", "allowed"})
    allow = _table(table, "allow", {"values", "domains", "patterns"})
    sensitive = keys.get("sensitive", {})
    if not isinstance(sensitive, dict):
        raise ConfigurationError("keys.sensitive is a table of keys and kinds")
    return Rules(
        patterns=tuple(_pattern(item) for item in _list(table, "pattern")),
        sensitive_keys={key: _kind(kind) for key, kind in sensitive.items()},
        allowed_keys=frozenset(_texts(keys, "allowed")),
        allowed_values=frozenset(text.strip().casefold() for text in _texts(allow, "values")),
        allowed_domains=tuple(text.casefold().lstrip("@.") for text in _texts(allow, "domains")),
        allowed_patterns=tuple(compile_linear(text) for text in _texts(allow, "patterns")),
        fingerprint=hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest(),
    )


def _pattern(item: object) -> OwnPattern:
    if not isinstance(item, dict):
        raise ConfigurationError("each pattern is a table of its own: [[pattern]]")
    _known(item, "pattern.", {"name", "kind", "pattern", "near", "ignore_case"})
    try:
        text, kind = item["pattern"], _kind(item["kind"])
    except KeyError as error:
        raise ConfigurationError(f"a pattern has no {error.args[0]!r}") from error
    if not isinstance(text, str):
        raise ConfigurationError("pattern.pattern is a text")
    return OwnPattern(
        name=str(item.get("name", kind)),
        kind=kind,
        pattern=compile_linear(text, ignore_case=bool(item.get("ignore_case", False))),
        words=frozenset(word.lower() for word in _texts(item, "near")),
    )


def _kind(text: object) -> str:
    if not isinstance(text, str) or _KIND.fullmatch(text) is None:
        raise ConfigurationError(f"{text!r} is no kind: upper-case letters, digits and underscores")
    return text


def _known(table: Mapping[str, Any], where: str, names: set[str]) -> None:
    unknown = sorted(set(table) - names)
    if unknown:
        raise ConfigurationError(f"the rules don't know {where}{unknown[0]}; there are {', '.join(sorted(names))}")


def _table(table: Mapping[str, Any], name: str, names: set[str]) -> Mapping[str, Any]:
    inner = table.get(name, {})
    if not isinstance(inner, dict):
        raise ConfigurationError(f"{name} is a table: [{name}]")
    _known(inner, f"{name}.", names)
    return inner


def _list(table: Mapping[str, Any], name: str) -> list[object]:
    items = table.get(name, [])
    if not isinstance(items, list):
        raise ConfigurationError(f"{name} is a list")
    return items


def _texts(table: Mapping[str, Any], name: str) -> list[str]:
    texts = [item for item in _list(table, name) if isinstance(item, str)]
    if len(texts) != len(table.get(name, [])):
        raise ConfigurationError(f"{name} is a list of texts")
    return texts
