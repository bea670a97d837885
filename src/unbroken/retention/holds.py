"""What a legal hold covers: a scope as the database takes it, the same in words, and a narrower one of it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from unbroken.core.times import format_time, parse_time
from unbroken.errors import ConfigurationError

Scope = Mapping[str, Any]
"""Keys with lists of texts, of which one each has to fit; ``from`` and ``to``; or ``everything`` alone."""

LISTS: Final = {
    "sessions": "session",
    "actors": "actor",
    "subjects": "subject",
    "agents": "agent",
    "resource_types": "resource type",
    "resource_ids": "resource",
    "event_types": "event type",
    "tools": "tool",
    "domains": "domain",
    "scope": "scope",
}
"""The lists that a scope may have, and what one of their texts is called."""
PEOPLE: Final = ("actors", "subjects", "resource_ids")
"""Those in which people may stand: whoever is named there is held by all ids that they have."""
KINDS: Final = ("litigation", "regulator", "internal", "dispute", "incident", "restriction")
"""What a matter may be: a ``dispute`` is about somebody's rights, a ``restriction`` one that a person asked for."""
_MOST: Final = 1000


def scope_of(
    lists: Mapping[str, Iterable[str]],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    everything: bool = False,
) -> Scope:
    """A scope of what was asked for; ``since`` is recorded at or after, ``until`` before. Empty where nothing was.

    Raises :class:`ConfigurationError` for lists that are too long, and for ``everything`` with anything beside it.
    """
    scope: dict[str, Any] = {key: sorted(set(texts)) for key, texts in lists.items() if texts}
    scope |= {} if since is None else {"from": format_time(since)}
    scope |= {} if until is None else {"to": format_time(until)}
    if everything and scope:
        raise ConfigurationError("a hold covers everything, or what fits all that is named: not both")
    too_many = [LISTS[key] for key in LISTS if len(scope.get(key, ())) > _MOST]
    if too_many:
        raise ConfigurationError(f"a hold names up to {_MOST:,} of each: there are more of {too_many[0]}")
    if since is not None and until is not None and since >= until:
        raise ConfigurationError("a hold's time begins before it ends")
    return {"everything": True} if everything else scope


def narrowed(scope: Scope, to: Scope) -> Scope:
    """The scope with what is given in ``to``; what is not mentioned there stays. It need not be narrower."""
    return {**{key: value for key, value in scope.items() if key != "everything"}, **to}


def in_words(scope: Scope) -> str:
    """What a scope covers, in a sentence without its end."""
    return "; ".join(" ".join(pair) for pair in parts_of(scope))


def parts_of(scope: Scope) -> Iterator[tuple[str, str]]:
    """What a scope names, key by key, in an order of its own: all of it has to fit."""
    if scope.get("everything"):
        yield "everything", "that was recorded, and will be"
    for key, word in LISTS.items():
        if texts := scope.get(key):
            yield word, " or ".join(texts)
    if since := scope.get("from"):
        yield "recorded from", _moment(since)
    if until := scope.get("to"):
        yield "recorded before", _moment(until)


def _moment(text: str) -> str:
    time = parse_time(text)
    return f"{time:%Y-%m-%d}" if text.endswith("T00:00:00.000000Z") else f"{time:%Y-%m-%d %H:%M:%S} UTC"
