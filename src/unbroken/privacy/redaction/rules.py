"""The operator's own rules: patterns, keys, and what is never masked, as the table [redaction] of a registry has them.

[[redaction.pattern]]
name = "policy number"
kind = "POLICY_NUMBER"
pattern = 'POL-\\d{6,8}'
near = ["policy"]            # only where one of these words stands near; left out: always
ignore_case = true

[redaction.keys]
sensitive = { employee_no = "EMPLOYEE_ID" }
allowed = ["order_ref"]

[redaction.allow]
values = ["support@clinic.example"]
domains = ["clinic.example"]
patterns = ['TEST-\\d{4}']
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.linear import compile_linear
from unbroken.privacy.redaction.page import Page
from unbroken.privacy.table import Table, shown

MOST_PATTERNS: Final = 200
"""Each is looked for in every event."""
_KIND: Final = re.compile(r"[A-Z][A-Z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """One pattern of the operator's."""

    name: str
    kind: str
    source: str
    """As the operator wrote it."""
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
    allowed_patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By what the operator wrote."""
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
        return any(pattern.fullmatch(text) is not None for pattern in self.allowed_patterns.values())


DEFAULT_RULES: Final = Rules()


def rules_from(values: Mapping[str, Any], *, place: str = "redaction") -> Rules:
    """The rules that a TOML table holds; raises :class:`ConfigurationError` for whatever it doesn't know.

    ``place`` is what the file calls the table. An empty one gives :data:`DEFAULT_RULES`.
    """
    if not values:
        return DEFAULT_RULES
    table = Table(values, place)
    table.closed("pattern", "keys", "allow")
    keys, allow = table.table("keys"), table.table("allow")
    keys.closed("sensitive", "allowed")
    allow.closed("values", "domains", "patterns")
    return Rules(
        patterns=_patterns(table),
        sensitive_keys=_sensitive(keys.table("sensitive")),
        allowed_keys=frozenset(keys.texts("allowed") or ()),
        allowed_values=frozenset(text.strip().casefold() for text in allow.texts("values") or ()),
        allowed_domains=tuple(text.casefold().lstrip("@.") for text in allow.texts("domains") or ()),
        allowed_patterns={text: _compiled(allow, text) for text in allow.texts("patterns") or ()},
        fingerprint=hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest(),
    )


def _patterns(table: Table) -> tuple[OwnPattern, ...]:
    patterns = tuple(_pattern(item) for item in table.tables("pattern"))
    if len(patterns) + len(table.table("allow").texts("patterns") or ()) > MOST_PATTERNS:
        raise table.wrong(f"there are more than {MOST_PATTERNS} patterns, each of which is looked for in every event")
    return patterns


def _pattern(table: Table) -> OwnPattern:
    name = table.text("name")
    if name is not None:
        table.place = f"{table.place} ({name})"
    table.closed("name", "kind", "pattern", "near", "ignore_case")
    text, kind = table.text("pattern"), table.text("kind")
    if text is None or kind is None:
        raise table.wrong(f"there is no {'kind' if kind is None else 'pattern'}")
    return OwnPattern(
        name=name or kind,
        kind=_kind(table, kind),
        source=text,
        pattern=_compiled(table, text, ignore_case=bool(table.flag("ignore_case"))),
        words=frozenset(word.lower() for word in table.texts("near") or ()),
    )


def _sensitive(table: Table) -> dict[str, str]:
    return {table.name(key): _kind(table, kind) for key, kind in table.values.items()}


def _compiled(table: Table, text: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    try:
        return compile_linear(text, ignore_case=ignore_case)
    except ConfigurationError as error:
        raise table.wrong(str(error)) from error


def _kind(table: Table, kind: object) -> str:
    if not isinstance(kind, str) or _KIND.fullmatch(kind) is None:
        raise table.wrong(f"{shown(kind)} is no kind: upper-case letters, digits and underscores")
    return kind
