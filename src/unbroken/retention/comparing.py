"""What is different in two sets of policies, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unbroken.core.normalise import Json
from unbroken.retention.policy import Policy
from unbroken.retention.policy_set import PolicySet
from unbroken.retention.written import table_of


@dataclass(frozen=True, slots=True)
class Difference:
    """A policy, or the default, that is another in the second set; ``moves`` tells that dates follow from it."""

    policy: str
    words: str
    moves: bool


def differences(before: PolicySet | None, after: PolicySet) -> list[Difference]:
    """What the second set has otherwise than the first; before the first one there is none at all."""
    return list(_differences(before, after))


def _differences(before: PolicySet | None, after: PolicySet) -> Iterator[Difference]:
    old = {} if before is None else before.by_id
    new = after.by_id
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield Difference(name, f"new: {_terms(new[name])}", moves=True)
        elif name not in new:
            yield Difference(name, f"gone: {_terms(old[name])}", moves=True)
        elif old[name] != new[name]:
            yield _changed(old[name], new[name])
    if before is not None and before.default != after.default:
        yield Difference(after.default, f"the default, in place of {before.default}", moves=True)


def _changed(old: Policy, new: Policy) -> Difference:
    was, now = table_of(old), table_of(new)
    keys = [key for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key)]
    words = ", ".join(f"{key} {_shown(key, was)} → {_shown(key, now)}" for key in keys)
    return Difference(new.id, words, moves=any(key not in _WORDS_ALONE for key in keys))


_WORDS_ALONE = frozenset({"title", "citation", "basis", "jurisdiction", "note", "verify", "hot", "version"})
"""What no date follows from."""


def _terms(policy: Policy) -> str:
    floor = "" if policy.floor is None else f"keep {policy.floor}"
    ceiling = "" if policy.ceiling is None else f"gone by {policy.ceiling}"
    start = "" if policy.start_key is None else f"from {policy.start} of {policy.start_key}=…"
    parts = f"{', '.join(policy.parts)} only" if policy.is_partial else ""
    return ", ".join(filter(None, (floor, ceiling, start, parts)))


def _shown(key: str, table: Mapping[str, Json]) -> str:
    value = table.get(key)
    if value is None:
        return "both" if key == "parts" else "(none)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
