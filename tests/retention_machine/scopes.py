"""What a hold covers, as a lawyer would say it: of each thing that it names, one of its values."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import rfc8785

from tests.erasing.model import Entry as Erasable
from unbroken.core.times import format_time

Scope = Mapping[str, Any]
"""The keys of a hold's scope: lists of texts, ``from`` and ``to`` as aware times, or ``everything``."""


@dataclass(frozen=True, kw_only=True)
class Entry(Erasable):
    """One recorded event, with all that policies and holds look at."""

    event_type: str
    agent: str | None = None
    tool: str | None = None
    resource: tuple[str, str] | None = None
    domains: frozenset[str] = frozenset()
    scope: frozenset[str] = frozenset()
    has_original: bool = False
    """Whether what was sealed of it is still there."""

    @property
    def kind(self) -> tuple[str, frozenset[str], frozenset[str]]:
        """What policies go by."""
        return self.event_type, self.domains, self.scope

    @property
    def parts(self) -> frozenset[str]:
        """What it still holds."""
        there = {"payloads": self.payload, "originals": self.has_original}
        return frozenset(part for part, is_there in there.items() if is_there)


_LISTS: Final[dict[str, Callable[[Entry], Iterable[str | None]]]] = {
    "sessions": lambda entry: [entry.session],
    "actors": lambda entry: [entry.actor],
    "subjects": lambda entry: entry.subjects,
    "agents": lambda entry: [entry.agent],
    "resource_types": lambda entry: [entry.resource[0]] if entry.resource else [],
    "resource_ids": lambda entry: [entry.resource[1]] if entry.resource else [],
    "event_types": lambda entry: [entry.event_type],
    "tools": lambda entry: [entry.tool],
    "domains": lambda entry: entry.domains,
    "scope": lambda entry: entry.scope,
}
PEOPLE: Final = ("actors", "subjects", "resource_ids")
"""Keys under which somebody stands by any of their ids."""


def covers(scope: Scope, entry: Entry, everybody: Callable[[str], Collection[str]]) -> bool:
    """Whether a scope is for an entry; ``everybody`` gives all ids of the person that an id stands for."""
    for key, values in scope.items():
        if key == "everything":
            continue
        if key in ("from", "to"):
            if (key == "from") != (entry.at >= values):
                return False
            continue
        wanted = {one for value in values for one in everybody(value)} if key in PEOPLE else set(values)
        if wanted.isdisjoint(_LISTS[key](entry)):
            return False
    return True


def is_narrower(new: Scope, old: Scope) -> bool:
    """Whether ``new`` asks for all that ``old`` asks for, with fewer values or more keys."""
    if "everything" in new or new == old or ("from" in new and "to" in new and new["from"] >= new["to"]):
        return False
    return "everything" in old or all(key in new and _is_within(key, new[key], old[key]) for key in old)


def _is_within(key: str, new: Any, old: Any) -> bool:
    if isinstance(new, datetime):
        return bool(new >= old if key == "from" else new <= old)
    return set(new) <= set(old)


def written(scope: Scope) -> str:
    """The JSON text of it."""
    stands = {key: format_time(value) if isinstance(value, datetime) else value for key, value in scope.items()}
    return rfc8785.dumps({k: sorted(v) if isinstance(v, list) else v for k, v in stands.items()}).decode()
