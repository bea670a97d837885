"""What a bundle is about: a question to each entry by itself, which anybody can put again to the lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias, cast

from unbroken.core.event import Event
from unbroken.core.kinds import contained
from unbroken.core.normalise import MAX_INTEGER, is_holdable
from unbroken.core.times import is_time

Kind = Literal["log", "session", "actor", "subject", "time", "query"]
Query = Literal["actions", "access", "contains", "errors", "unapproved"]
Said: TypeAlias = dict[str, str | list[str]]

FLAGS: Final = frozenset({"card", "health", "personal", "secret"})
_SPAN: Final = frozenset({"from", "to"})
_LISTS: Final = frozenset({"ids", "flags"})
_FORMS: Final[dict[tuple[str, str | None], tuple[frozenset[str], frozenset[str]]]] = {
    ("log", None): (frozenset(), frozenset()),
    ("session", None): (frozenset({"session"}), frozenset()),
    ("actor", None): (frozenset({"ids"}), frozenset()),
    ("subject", None): (frozenset({"ids"}), frozenset()),
    ("time", None): (frozenset(), _SPAN),
    ("query", "actions"): (frozenset({"agent", "ids"}), _SPAN),
    ("query", "access"): (frozenset({"ids"}), frozenset({"type"})),
    ("query", "contains"): (frozenset({"flags"}), _SPAN),
    ("query", "errors"): (frozenset(), _SPAN),
    ("query", "unapproved"): (frozenset(), _SPAN),
}
"""Of each kind, and each query, the parameters that it has to have, and those that it may have."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries of a log a bundle is about, among those up to ``upto``.

    ``ids`` are all under which a person or a resource is known, ``since <= recorded_at < until`` the times in question,
    as lines write them. Of the kind ``query`` ``query`` says which.
    """

    kind: Kind
    upto: int
    query: Query | None = None
    session: str | None = None
    ids: tuple[str, ...] = ()
    agent: str | None = None
    resource_type: str | None = None
    flags: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None

    @property
    def can_be_rerun(self) -> bool:
        """Whether an entry's own line tells if it belongs; whether a call was approved, other entries tell."""
        return self.query != "unapproved"

    def matches(self, seq: int, recorded_at: str, event: Event) -> bool:
        """Whether the entry belongs, by its line; where that can't be seen, whether it was looked at."""
        if not self.can_be_rerun:
            return seq <= self.upto
        return seq <= self.upto and self._is_asked_for(event) and self._holds(recorded_at)

    def said(self) -> Said:
        """The parameters as a manifest has them."""
        named: dict[str, str | tuple[str, ...] | None] = {
            "kind": self.kind,
            "upto": str(self.upto),
            "name": self.query,
            "session": self.session,
            "ids": self.ids,
            "agent": self.agent,
            "type": self.resource_type,
            "flags": self.flags,
            "from": self.since,
            "to": self.until,
        }
        return {name: value if isinstance(value, str) else list(value) for name, value in named.items() if value}

    @classmethod
    def read(cls, said: Mapping[str, object]) -> "Selection":
        """The selection of a manifest; raises ``ValueError`` for any other parameters than its kind has."""
        kind, query = said.get("kind"), said.get("name")
        needed, allowed = _FORMS.get((str(kind), None if query is None else str(query)), (None, frozenset[str]()))
        names = said.keys() - {"kind", "upto", "name"}
        if needed is None or not needed <= names <= needed | allowed:
            raise ValueError("a selection of an unknown kind, or with other parameters than its kind has")
        for name in names & _LISTS:
            _require_set(said[name])
        if not all(_is_text(said[name]) for name in said.keys() - _LISTS):
            raise ValueError("a parameter that is no text")
        if not all(is_time(str(said[name])) for name in names & _SPAN):
            raise ValueError("a time that is written otherwise than lines write it")
        if not FLAGS.issuperset(cast("list[str]", said.get("flags", []))):
            raise ValueError("a flag that no entry has")
        return cls(
            kind=cast("Kind", kind),
            upto=_number(str(said.get("upto", ""))),
            query=cast("Query | None", query),
            session=cast("str | None", said.get("session")),
            ids=tuple(cast("list[str]", said.get("ids", []))),
            agent=cast("str | None", said.get("agent")),
            resource_type=cast("str | None", said.get("type")),
            flags=tuple(cast("list[str]", said.get("flags", []))),
            since=cast("str | None", said.get("from")),
            until=cast("str | None", said.get("to")),
        )

    def _is_asked_for(self, event: Event) -> bool:
        match self.kind, self.query:
            case "session", _:
                return event.session_id == self.session
            case "actor", _:
                return event.actor_id in self.ids
            case "subject", _:
                return not set(self.ids).isdisjoint(event.subjects or ())
            case _, "actions":
                return event.agent_id == self.agent and event.actor_id in self.ids
            case _, "access":
                typed = self.resource_type is None or event.resource_type == self.resource_type
                return event.resource_id in self.ids and typed
            case _, "contains":
                return not set(self.flags).isdisjoint(contained(event.redactions or ()))
            case _, "errors":
                return event.event_type == "error"
            case _:
                return True

    def _holds(self, recorded_at: str) -> bool:
        begun = self.since is None or self.since <= recorded_at
        return begun and (self.until is None or recorded_at < self.until)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and is_holdable(value)


def _require_set(value: object) -> None:
    if not isinstance(value, list) or not value or not all(map(_is_text, value)):
        raise ValueError("a parameter that is no list of texts")
    if not all(one < other for one, other in pairwise(value)):
        raise ValueError("a list of texts that is out of order or repeats one")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or text.startswith("0") or int(text) > MAX_INTEGER:
        raise ValueError("an upto that is no number of an entry")
    return int(text)
