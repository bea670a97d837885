"""Whose vault keys an event's original takes: those of the people whom it is about, else its session's."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from unbroken.core.normalise import is_holdable

PERSONS: Final = frozenset({"user", "admin"})
"""Types of actors that are people."""


class Holder(NamedTuple):
    """Whom a vault key belongs to: a subject or a session, by what events call it."""

    kind: Literal["subject", "session"]
    name: str


def holders_of(event: Mapping[str, Any]) -> tuple[Holder, ...]:
    """The holders for an event of these fields, as they are recorded, each once and in order.

    Its subjects; where it names none, the person who acts; else its session; else nobody. Of an event that can't be
    recorded there may be fewer.
    """
    subjects = _usable(event.get("subjects") or ())
    if not subjects and event.get("actor_type") in PERSONS:
        subjects = _usable([event.get("actor_id")])
    if subjects:
        return tuple(Holder("subject", name) for name in subjects)
    return tuple(Holder("session", name) for name in _usable([event.get("session_id")]))


def _usable(names: Iterable[object]) -> list[str]:
    """What the database can be asked for, sorted."""
    return sorted({name for name in names if isinstance(name, str) and name and is_holdable(name)})
