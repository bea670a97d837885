"""What an entry says that a table beside the entries has to say, too."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.core.times import is_time, parse_time
from unbroken.verify.replay.model_call import ModelCall, Seen, model_call_of, seen_after


@dataclass(frozen=True, slots=True)
class Statement:
    """One entry of the log's own: its number, when it was recorded, what it is, and which login caused it."""

    seq: int
    at: datetime
    type: str
    login: str
    details: Mapping[str, Any]

    @property
    def about(self) -> str | None:
        """The log that it speaks of, an earlier incarnation; ``None`` where it is its own."""
        return self.text("log")

    def text(self, key: str) -> str | None:
        """The text under ``key``; ``None`` where there is none."""
        value = self.details.get(key)
        return value if isinstance(value, str) and value else None

    def number(self, key: str) -> int | None:
        """The whole number under ``key``; ``None`` where there is none."""
        value = self.details.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def texts(self, key: str) -> list[str]:
        """The texts listed under ``key``; none where there is no such list."""
        value = self.details.get(key)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of a recorder's that asks for, gives or uses an approval; ``login`` recorded it, ``at`` a time."""

    seq: int
    at: str
    login: str
    event: Event


Act: TypeAlias = Statement | Said | ModelCall
_APPROVING: Final = frozenset({"approval_requested", "approval_decided"})
ACTS: Final = _APPROVING | {"tool_call", "model_call"}
"""The types of recorders' events that may be acts."""


def act_of(entry: StoredEntry, event: Event, *, is_held: bool) -> Act | None:
    """What an intact entry says; ``is_held`` tells that its details are there, if it has any, and are those it names.

    Every writer's event names its recorder, so an entry without one was made by the log. An agent may record what it
    was granted elsewhere: that is a writer's entry, and no statement.
    """
    if event.recorder is None:
        return statement_of(entry, event) if is_held else None
    match event.event_type:
        case "model_call":
            return model_call_of(entry.seq, event, entry.details if is_held else None)
        case "tool_call":
            is_approved = event.decision is not None and event.decision.outcome == "approved"
            return Said(entry.seq, entry.recorded_at, login_in(entry.writer), event) if is_approved else None
        case kind:
            return Said(entry.seq, entry.recorded_at, login_in(entry.writer), event) if kind in _APPROVING else None


def statement_of(entry: StoredEntry, event: Event) -> Statement | None:
    """What the log itself says with an intact entry whose details are held; ``None`` for anybody else's."""
    is_own = event.recorder is None and event.actor_type == "system" and login_in(entry.writer) == event.actor_id
    if not is_own or entry.details is None or not is_time(entry.recorded_at):
        return None
    try:
        details = msgspec.json.decode(entry.details)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(details, dict):
        return None
    return Statement(entry.seq, parse_time(entry.recorded_at), event.event_type, event.actor_id, details)


def login_in(writer: str) -> str:
    """The login that a line names as its writer, without the role that it had taken."""
    return writer.partition(" as ")[0]


def without_repetitions(acts: Iterable[Act]) -> Iterator[Act]:
    """Acts in their order, without calls of a model that say what the call before said of the same template."""
    seen: dict[tuple[str, str, str | None], Seen] = {}
    for act in acts:
        if isinstance(act, ModelCall):
            key = act.agent_id, act.agent_version, act.template
            before = seen.get(key)
            seen[key] = after = seen_after(before, act)
            if after == before:
                continue
        yield act
