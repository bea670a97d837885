"""Reading a registry: which keys there are, what may stand at them, and what is built in."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from unbroken.core.kinds import CARD, HEALTH, PERSONAL, SECRET
from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.profiles import BALANCED, PROFILES, profile_named
from unbroken.privacy.redaction.rules import rules_from
from unbroken.privacy.registry.entry import Entry
from unbroken.privacy.registry.matching import LONGEST_PATTERN, Names, is_wild
from unbroken.privacy.registry.originals import KEEP, WITHOUT_KEY, Keep, Originals, WithoutKey
from unbroken.privacy.registry.registry import AgentPrompts, Prompts, Registry
from unbroken.privacy.registry.said import CLASSIFICATIONS, Said
from unbroken.privacy.table import Table, shown

MOST_BYTES: Final = 2**20
MOST_ENTRIES: Final = 10_000
_MOST_DOMAINS: Final = 100
"""Domains of one entry."""
_STEPS: Final = re.compile(r"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""")
"""A dotted key of so many steps as no file needs: what the standard reader takes for it grows with their square."""
_PROMPTS: Final = ("hashed", "stored")
_TREATMENT: Final = ("domains", "classification", "redaction")
_KEYS: Final = {
    "tool": ("name", "pattern", *_TREATMENT, "side_effect", "resource_type", "resource_id"),
    "source": ("name", "pattern", *_TREATMENT),
    "resource": ("type", "pattern", *_TREATMENT, "pseudonym"),
    "domain": ("name", "pattern", "classification", "redaction"),
}
_FOUND: Final = {
    PERSONAL: Said("built in for personal", frozenset({"gdpr"}), "confidential"),
    HEALTH: Said("built in for health", frozenset({"hipaa"}), "restricted"),
    CARD: Said("built in for card", frozenset({"pci"}), "restricted"),
    SECRET: Said("built in for secret", None, "restricted"),
}


def read_registry(path: Path) -> Registry:
    """The registry of a file, as version 0; raises :class:`ConfigurationError` saying what is wrong, and where."""
    return registry_from(text_of(path), version=0)


def text_of(path: Path) -> str:
    """The text of a registry's file."""
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"the registry {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the registry {path} is not UTF-8") from error


def registry_from(text: str, *, version: int) -> Registry:
    """The registry that a TOML text holds; raises :class:`ConfigurationError` saying what is wrong, and where."""
    file = Table(_parsed(text), "")
    file.closed("redaction", "identities", "prompts", "originals", "defaults", *_KEYS, "found")
    if sum(len(file.values[kind]) for kind in _KEYS if isinstance(file.values.get(kind), list)) > MOST_ENTRIES:
        raise ConfigurationError(f"the registry has more than {MOST_ENTRIES:,} entries")
    redaction, identities, prompts = file.table("redaction"), file.table("identities"), file.table("prompts")
    identities.closed("pseudonyms", "scope")
    prompts.closed("store", "agents")
    defaults = file.table("defaults")
    defaults.closed(*_TREATMENT, "side_effect")
    profile = redaction.choice("profile", PROFILES)
    return Registry(
        version=version,
        rules=rules_from({key: value for key, value in redaction.values.items() if key != "profile"}),
        profile=BALANCED if profile is None else profile_named(profile),
        pseudonyms=identities.flag("pseudonyms") is not False,
        pseudonymous_scope=frozenset(identities.texts("scope") or ()),
        prompts=cast("Prompts", prompts.choice("store", _PROMPTS) or "hashed"),
        agents=_agents(prompts),
        originals=_originals(file.table("originals")),
        defaults=_over(_said(defaults, side_effect=True), Said("built in", None, "confidential")),
        tools=_entries(file, "tool"),
        sources=_entries(file, "source"),
        resources=_entries(file, "resource"),
        domains=_entries(file, "domain"),
        found=dict(_found(file.table("found"))),
    )


def _parsed(text: str) -> Mapping[str, Any]:
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise ConfigurationError(f"the registry is longer than {MOST_BYTES:,} bytes")
    if _STEPS.search(text) is not None:
        raise ConfigurationError("the registry has a key of 32 and more steps")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigurationError("the registry is not TOML that can be read: it is nested too deep") from error
    except ValueError as error:
        raise ConfigurationError(f"the registry is not TOML: {error}") from error


def _originals(table: Table) -> Originals:
    table.closed("keep", "domains", "without_key")
    keep = cast("Keep", table.choice("keep", KEEP) or "always")
    domains = _domains(table) or ()
    for domain in domains:
        if is_wild(domain):
            raise table.wrong(f"the domain {shown(domain)} is taken as it stands: name each")
    if keep == "domains" and not domains:
        raise table.wrong('keep = "domains" takes the domains: domains = ["…"]')
    without_key = cast("WithoutKey", table.choice("without_key", WITHOUT_KEY) or "stop")
    return Originals(keep, frozenset(domains), without_key)


def _entries(file: Table, kind: str) -> Names[Entry]:
    entries: dict[tuple[str, bool], Entry] = {}
    for table in file.tables(kind):
        entry = _entry(table, kind)
        same = entries.setdefault((entry.name, entry.is_pattern), entry)
        if same is not entry:
            raise table.wrong(f"{same.place} is of the same name; say all of it in one of them")
    return _names(file, kind, list(entries.values()))


def _names(table: Table, place: str, entries: list[Any]) -> Names[Any]:
    try:
        return Names(entries)
    except ConfigurationError as error:
        raise Table({}, f"{table.place}.{place}" if table.place else place).wrong(str(error)) from error


def _entry(table: Table, kind: str) -> Entry:
    own = "type" if kind == "resource" else "name"
    exact, pattern = table.text(own), table.text("pattern")
    if (exact is None) is (pattern is None):
        raise table.wrong(f"it has {own} and pattern, of which it takes one" if exact else f"it has no {own}")
    name = exact or pattern or ""
    table.place = f"{table.place} ({name})"
    table.closed(*_KEYS[kind])
    if exact is None:
        _check_pattern(table, name)
    elif is_wild(exact):
        raise table.wrong(f"{own} is taken as it stands; write pattern = {shown(exact)} for all names that fit")
    return Entry(
        kind=kind,
        name=name,
        is_pattern=exact is None,
        says=_said(table, side_effect=kind == "tool"),
        resource_type=table.text("resource_type"),
        resource_id=table.text("resource_id"),
        pseudonym=table.flag("pseudonym"),
    )


def _check_pattern(table: Table, pattern: str) -> None:
    if len(pattern) > LONGEST_PATTERN:
        raise table.wrong(f"a pattern has at most {LONGEST_PATTERN} letters")


def _said(table: Table, *, side_effect: bool = False) -> Said:
    domains = _domains(table)
    redaction = table.choice("redaction", PROFILES)
    return Said(
        by=table.place,
        domains=None if domains is None else frozenset(domains),
        classification=table.choice("classification", CLASSIFICATIONS),
        side_effect=table.flag("side_effect") if side_effect else None,
        redaction=None if redaction is None else profile_named(redaction),
    )


def _domains(table: Table) -> tuple[str, ...] | None:
    domains = table.texts("domains")
    if domains is not None and len(domains) > _MOST_DOMAINS:
        raise table.wrong(f"there are more than {_MOST_DOMAINS} domains")
    for domain in domains or ():
        if domain != domain.lower():
            raise table.wrong(f"the domain {shown(domain)} is not in lower case, as all are")
    return domains


def _over(said: Said, built_in: Said) -> Said:
    """What a file says, and what is built in where it says nothing."""
    rest = built_in.left_by([said])
    if said.says_nothing:
        return rest
    return Said(
        said.by,
        said.domains if said.domains is not None else rest.domains,
        said.classification or rest.classification,
        said.side_effect,
        said.redaction,
    )


def _found(table: Table) -> Iterator[tuple[str, Said]]:
    table.closed(*_FOUND)
    for flag, built_in in _FOUND.items():
        inner = table.table(flag)
        inner.closed(*_TREATMENT)
        yield flag, _over(_said(inner), built_in)


def _agents(prompts: Table) -> Names[AgentPrompts]:
    table = prompts.table("agents")
    if len(table.values) > MOST_ENTRIES:
        raise table.wrong(f"there are more than {MOST_ENTRIES:,} agents")
    agents = []
    for name, store in prompts.choices("agents", _PROMPTS).items():
        _check_pattern(table, name) if is_wild(name) else None
        agents.append(AgentPrompts(name, is_wild(name), cast("Prompts", store)))
    return _names(prompts, "agents", agents)


BUILT_IN: Final = registry_from("", version=0)
"""What holds where nothing is loaded."""
