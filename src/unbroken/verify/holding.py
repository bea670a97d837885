"""What entries tell of legal holds, and what those cover. Follows spec/FORMAT.md, "What was held"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec

from unbroken.core.event import Event
from unbroken.core.normalise import is_holdable
from unbroken.core.times import is_time
from unbroken.verify.declaration import is_uuid
from unbroken.verify.strict_json import strict

Step: TypeAlias = Literal["issued", "asked", "changed"]
STEPS: Final[dict[str, Step]] = {
    "log.hold_issued": "issued",
    "log.hold_change_asked": "asked",
    "log.hold_changed": "changed",
}
"""The types of entries by which a hold begins, and comes to cover less."""
Place: TypeAlias = tuple[int, int]
"""Where an entry stands: which incarnation it is of, counted from the one in question, and its number."""


class HoldWord(msgspec.Struct, frozen=True, gc=False):
    """What one entry tells of a hold: ``scope`` as it stands there, ``ends_at`` of what was covered before.

    ``about`` is the earlier incarnation that it speaks of, by its full name, and empty where it speaks of its own log.
    """

    seq: int
    step: Step
    hold: str
    request: str = ""
    scope: dict[str, Any] | None = None
    narrows: bool = False
    ends_at: str = ""
    about: str = ""


def hold_word_of(seq: int, event: Event, details: bytes | None) -> HoldWord | None:
    """What entry ``seq`` tells, if it is the log's own; ``details`` are those that match its commitment."""
    step = STEPS.get(event.event_type)
    if step is None or event.recorder is not None or details is None:
        return None
    try:
        said = strict(details.decode())
        return _read(seq, step, said) if isinstance(said, dict) else None
    except ValueError:
        return None


def _read(seq: int, step: Step, said: dict[str, Any]) -> HoldWord:
    """Raises ``ValueError`` for what has not its form."""
    about, scope = said.get("log"), None
    if about is not None and not (isinstance(about, str) and about):
        raise ValueError("no log")
    if step == "issued" or (step == "asked" and "scope" in said):
        scope = said.get("scope")
        scope_of(scope)
    word = HoldWord(
        seq,
        step,
        _uuid(said, "hold"),
        "" if step == "issued" else _uuid(said, "request"),
        scope,
        about=about or "",
    )
    if step != "changed":
        return word
    kind, ends_at = said.get("kind"), said.get("ends_at")
    if kind not in ("narrow", "release") or not isinstance(ends_at, str) or not is_time(ends_at):
        raise ValueError("no change")
    return msgspec.structs.replace(word, narrows=kind == "narrow", ends_at=ends_at)


def _uuid(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not is_uuid(value):
        raise ValueError(f"no {key}")
    return value


@dataclass(frozen=True, slots=True)
class Scope:
    """What one version of a hold covers: entries that fit each of ``wanted``, recorded from a time to a time.

    People go by the ids that stand there; who else they are no entry tells.
    """

    wanted: tuple[tuple[str, frozenset[str]], ...] = ()
    since: str | None = None
    until: str | None = None

    def covers(self, event: Event, recorded_at: str) -> bool:
        """Whether it covers an entry with this event, recorded at this time, as its line writes it."""
        begun = self.since is None or self.since <= recorded_at
        return (
            begun
            and (self.until is None or recorded_at < self.until)
            and all(_fits(getattr(event, name), texts) for name, texts in self.wanted)
        )


_NAMES: Final = {
    "sessions": "session_id",
    "actors": "actor_id",
    "subjects": "subjects",
    "agents": "agent_id",
    "resource_types": "resource_type",
    "resource_ids": "resource_id",
    "event_types": "event_type",
    "tools": "tool",
    "domains": "domains",
    "scope": "scope",
}
"""The lists of a scope, each with the event's key that has to fit."""
_EVERYTHING: Final = {"everything": True}


def _fits(value: str | tuple[str, ...] | None, texts: frozenset[str]) -> bool:
    if value is None or isinstance(value, str):
        return value in texts
    return not texts.isdisjoint(value)


def scope_of(said: object) -> Scope:
    """The scope that is stated so; raises ``ValueError`` for what has not a scope's form."""
    if not isinstance(said, dict) or not said or ("everything" in said and said != _EVERYTHING):
        raise ValueError("no scope")
    if "everything" in said:
        if said["everything"] is not True:
            raise ValueError("no scope")
        return Scope()
    lists = {key: value for key, value in said.items() if key in _NAMES}
    times = {key: value for key, value in said.items() if key not in _NAMES}
    if not times.keys() <= {"from", "to"} or not all(map(_are_texts, lists.values())):
        raise ValueError("no scope")
    if not all(isinstance(value, str) and is_time(value) for value in times.values()):
        raise ValueError("no scope")
    wanted = tuple((_NAMES[key], frozenset(value)) for key, value in lists.items())
    return Scope(wanted, times.get("from"), times.get("to"))


def _are_texts(value: object) -> bool:
    is_full = isinstance(value, list) and bool(value)
    return is_full and all(isinstance(item, str) and item and is_holdable(item) for item in value)  # type: ignore[attr-defined]


@dataclass(slots=True)
class Version:
    """What a hold covers from one entry until it is narrowed or released, and then until a grace period is over."""

    hold: str
    begun: Place
    scope: Scope | None
    ended: Place | None = None
    ends_at: str = ""

    def is_in_force(self, place: Place, at: str) -> bool:
        """Whether it was when the entry in this place was recorded, at this time."""
        return self.begun < place and (self.ended is None or self.ended >= place or self.ends_at > at)


def versions_of(words: Mapping[Place, HoldWord]) -> list[Version]:
    """All versions of all holds that cover anything, by the places of the entries that tell of them."""
    versions: list[Version] = []
    newest: dict[str, Version] = {}
    asked: dict[str, HoldWord] = {}
    for place, word in sorted(words.items()):
        if word.step == "asked":
            asked.setdefault(word.request, word)
        elif word.step == "issued":
            if word.hold not in newest:
                newest[word.hold] = Version(word.hold, place, _scope_in(word))
                versions.append(newest[word.hold])
        else:
            _change(versions, newest, asked.get(word.request), place, word)
    return [version for version in versions if version.scope is not None]


def _change(
    versions: list[Version],
    newest: dict[str, Version],
    asked: HoldWord | None,
    place: Place,
    word: HoldWord,
) -> None:
    before = newest.get(word.hold)
    if before is None or before.ended is not None:
        return
    before.ended, before.ends_at = place, word.ends_at
    if word.narrows:
        is_asked = asked is not None and asked.hold == word.hold
        newest[word.hold] = Version(word.hold, place, _scope_in(asked) if is_asked else None)
        versions.append(newest[word.hold])


def _scope_in(word: HoldWord | None) -> Scope | None:
    return None if word is None or word.scope is None else scope_of(word.scope)


def in_force(versions: Iterable[Version], place: Place, at: str) -> tuple[Version, ...]:
    """Those that were in force when the entry in this place was recorded."""
    return tuple(version for version in versions if version.is_in_force(place, at))
