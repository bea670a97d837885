"""What differs between two registries, in words, and where the newer one protects less."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from unbroken.privacy.redaction.profiles import covers
from unbroken.privacy.redaction.rules import OwnPattern, Rules
from unbroken.privacy.registry.entry import Entry
from unbroken.privacy.registry.looser import alone, looser
from unbroken.privacy.registry.originals import Originals
from unbroken.privacy.registry.registry import Registry
from unbroken.privacy.registry.said import Classified, Said

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"
Facts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: ``what`` is added, removed or changed, ``of`` names it, ``words`` say how.

    ``loosens`` names what is protected less by it.
    """

    what: str
    of: str
    words: str
    loosens: tuple[str, ...] = ()


def differences(before: Registry, after: Registry) -> list[Change]:
    """All differences that mean something, in the order of the file; places and comments don't."""
    return [
        *_redaction(before, after),
        *_identities(before, after),
        *_prompts(before, after),
        *_originals(before.originals, after.originals),
        *_said("defaults", before.defaults, after.defaults),
        *(change for kind in ("tool", "source", "resource", "domain") for change in _entries(kind, before, after)),
        *(change for flag in before.found for change in _said(f"found.{flag}", before.found[flag], after.found[flag])),
    ]


# ---- the log's own ----


def _redaction(before: Registry, after: Registry) -> Iterator[Change]:
    if before.profile != after.profile:
        less = () if covers(after.profile, before.profile) else ("redaction",)
        yield Change(CHANGED, "redaction", f"profile {before.profile.name} → {after.profile.name}", less)
    old, new = before.rules, after.rules
    yield from _patterns(old, new)
    yield from _sensitive(old.sensitive_keys, new.sensitive_keys)
    for of, was, now in (
        ("redaction.keys allowed", old.allowed_keys, new.allowed_keys),
        ("redaction.allow values", old.allowed_values, new.allowed_values),
        ("redaction.allow domains", old.allowed_domains, new.allowed_domains),
        ("redaction.allow patterns", old.allowed_patterns, new.allowed_patterns),
    ):
        yield from _set(of, was, now, loosened_by=ADDED, less="redaction")


def _patterns(old: Rules, new: Rules) -> Iterator[Change]:
    was, now = ({_pattern_text(pattern): pattern.name for pattern in rules.patterns} for rules in (old, new))
    for text, name in was.items():
        if text not in now:
            yield Change(REMOVED, f"redaction.pattern {name}", text, ("redaction",))
    for text, name in now.items():
        if text not in was:
            yield Change(ADDED, f"redaction.pattern {name}", text)


def _pattern_text(pattern: OwnPattern) -> str:
    near = f" near {', '.join(sorted(pattern.words))}" if pattern.words else ""
    any_case = ", any case" if pattern.pattern.flags & re.IGNORECASE else ""
    return f"{pattern.kind}: {pattern.source}{any_case}{near}"


def _sensitive(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    yield from _set("redaction.keys sensitive", was, now, loosened_by=REMOVED, less="redaction")
    for key in sorted(was.keys() & now.keys()):
        if was[key] != now[key]:
            yield Change(CHANGED, f"redaction.keys sensitive {key}", f"{was[key]} → {now[key]}")


def _identities(before: Registry, after: Registry) -> Iterator[Change]:
    if before.pseudonyms is not after.pseudonyms:
        less = () if after.pseudonyms else ("pseudonyms",)
        words = f"pseudonyms {_yes(before.pseudonyms)} → {_yes(after.pseudonyms)}"
        yield Change(CHANGED, "identities", words, less)
    scope = before.pseudonymous_scope, after.pseudonymous_scope
    yield from _set("identities.scope", *scope, loosened_by=REMOVED, less="pseudonyms")


def _prompts(before: Registry, after: Registry) -> Iterator[Change]:
    if before.prompts != after.prompts:
        less = ("prompts",) if after.prompts == "stored" else ()
        yield Change(CHANGED, "prompts", f"store {before.prompts} → {after.prompts}", less)
    was, now = ({agent.name: agent.store for agent in registry.agents.entries} for registry in (before, after))
    for name in dict.fromkeys([*was, *now]):
        old, new = was.get(name), now.get(name)
        if old != new:
            stores_more = (before.prompts_of(name), after.prompts_of(name)) == ("hashed", "stored")
            what = ADDED if old is None else REMOVED if new is None else CHANGED
            words = " → ".join(store for store in (old, new) if store is not None)
            yield Change(what, f"prompts.agents {name}", words, ("prompts",) if stores_more else ())


def _originals(before: Originals, after: Originals) -> Iterator[Change]:
    """Less is protected where less is kept: nobody can be shown any more what was really said."""
    less = ("originals",) if after.keeps_less_than(before) else ()
    if before.keep != after.keep:
        yield Change(CHANGED, "originals", f"keep {before.keep} → {after.keep}", less)
    if "domains" in (before.keep, after.keep):
        loosening = less if before.keep == after.keep else ()
        for what, domains in ((REMOVED, before.domains - after.domains), (ADDED, after.domains - before.domains)):
            for domain in sorted(domains):
                yield Change(what, "originals.domains", domain, loosening if what == REMOVED else ())
    if before.without_key != after.without_key:
        less = ("originals",) if after.without_key == "record" else ()
        yield Change(CHANGED, "originals", f"without_key {before.without_key} → {after.without_key}", less)


def _set(of: str, was: Iterable[str], now: Iterable[str], *, loosened_by: str, less: str) -> Iterator[Change]:
    for what, items in ((REMOVED, set(was) - set(now)), (ADDED, set(now) - set(was))):
        for item in sorted(items):
            yield Change(what, of, item, (less,) if what == loosened_by else ())


# ---- entries ----


def _entries(kind: str, before: Registry, after: Registry) -> Iterator[Change]:
    was, now = ({(entry.name, entry.is_pattern): entry for entry in of.of_kind(kind).entries} for of in (before, after))
    for name, is_pattern in dict.fromkeys([*was, *now]):
        old, new = was.get((name, is_pattern)), now.get((name, is_pattern))
        facts = tuple({} if entry is None else _facts(entry) for entry in (old, new))
        if old is None or new is None or facts[0] != facts[1]:
            what = ADDED if old is None else REMOVED if new is None else CHANGED
            less = _looser_for(kind, name, before, after)
            yield Change(what, f"{kind} {name}", _in_words(*facts, what=what), tuple(less))


def _looser_for(kind: str, name: str, before: Registry, after: Registry) -> list[str]:
    """In what data of this name is protected less; a pattern fits itself, so it can be asked for as a name."""
    probe: Callable[[Registry], Classified] = lambda registry: registry.classified(_PROBES[kind](name))  # noqa: E731
    less = looser(probe(before), probe(after))
    if kind == "resource" and before.is_pseudonymous(name) and not after.is_pseudonymous(name):
        less.append("pseudonyms")
    if kind == "tool" and before.tool(name).resource is not None and after.tool(name).resource is None:
        less.append("resource")
    return less


_PROBES: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "tool": lambda name: {"tool": name},
    "source": lambda name: {"scope": [f"system={name}"]},
    "resource": lambda name: {"resource_type": name},
    "domain": lambda name: {"domains": [name]},
}


def _said(of: str, was: Said, now: Said) -> Iterator[Change]:
    old, new = _treatment(was), _treatment(now)
    if old != new:
        yield Change(CHANGED, of, _in_words(old, new, what=CHANGED), tuple(looser(alone(was), alone(now))))


def _facts(entry: Entry) -> Facts:
    own = {"resource type": entry.resource_type, "resource id": entry.resource_id}
    facts = _treatment(entry.says) | {key: value for key, value in own.items() if value is not None}
    return facts if entry.pseudonym is None else facts | {"pseudonym": _yes(entry.pseudonym)}


def _treatment(said: Said) -> Facts:
    facts = {
        "classification": said.classification,
        "domains": None if said.domains is None else ", ".join(sorted(said.domains)) or "none",
        "redaction": None if said.redaction is None else said.redaction.name,
        "side effect": None if said.side_effect is None else _yes(said.side_effect),
    }
    return {key: value for key, value in facts.items() if value is not None}


def _in_words(old: Facts, new: Facts, *, what: str) -> str:
    if what != CHANGED:
        return "; ".join(f"{key} {value}" for key, value in (old or new).items())
    keys = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    return "; ".join(f"{key} {old.get(key, 'not said')} → {new.get(key, 'not said')}" for key in keys)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
