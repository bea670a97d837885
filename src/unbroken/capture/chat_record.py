"""One record of a transcript as a conversation: its messages, who spoke, when, and what identifies it.

A record is an object whose ``messages`` (or ``traj``) is an array of OpenAI chat messages, or such an array itself.
Taken from a record where it states them:

=============  =====================================================================================
session        ``session_id``, ``conversation_id`` or ``id``, as text
user           ``user_id``, ``user``, ``metadata.user_id`` or ``info.task.user_id``, as text
model          ``model`` of the message, else of the record
time           ``timestamp``, ``created`` or ``created_at`` of the message, else of the message before it, else of the
               record, else the time at which the file was last changed: seconds or milliseconds since 1970, or
               RFC 3339 with its offset (a time without one could be anywhere, so it is not taken)
=============  =====================================================================================

A record that names its session keeps its identity when it grows: of a longer version only the new messages are news.
A record without a name is identified by all of its content and by how many equal ones stood before it in its file.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any, Final

from unbroken.capture.asked import Call, call_of
from unbroken.capture.chat_files import Broken, Place, Record, read_records
from unbroken.core.canonical import canonical
from unbroken.core.normalise import Json, normalise
from unbroken.errors import ConfigurationError, InvalidEventError

ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_SESSION_KEYS: Final = ("session_id", "conversation_id", "id")
_USER_PATHS: Final = (("user_id",), ("user",), ("metadata", "user_id"), ("info", "task", "user_id"))
_TIME_KEYS: Final = ("timestamp", "created", "created_at")
_MILLISECONDS_FROM: Final = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``digest`` covers it and all before it; ``size`` is that of its canonical JSON in bytes."""

    role: str
    body: dict[str, Json]
    size: int
    digest: bytes
    at: datetime
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A record that was understood: ``identity`` tells it from others, ``name`` is what it calls its session, if so.

    ``rest`` is what it says beside messages and the user, who stands in the events themselves.
    """

    place: Place
    consumed: int
    occurrence: int
    identity: bytes
    name: str | None
    user: str | None
    model: str | None
    at: datetime
    messages: tuple[Message, ...]
    rest: dict[str, Json]


def read_conversations(path: Path) -> Iterator[Conversation | Broken]:
    """The conversations of a file in order, with the records between them that can't be taken."""
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    seen: Counter[bytes] = Counter()
    for record in read_records(path):
        if isinstance(record, Broken):
            yield record
            continue
        try:
            yield _conversation(record, seen, changed)
        except InvalidEventError as error:
            yield Broken(record.place, str(error))


def _conversation(record: Record, seen: Counter[bytes], changed: datetime) -> Conversation:
    """Raises :class:`InvalidEventError` with the reason when the record is broken."""
    messages, rest = _split(record.value)
    name = next((text for key in _SESSION_KEYS if (text := _stated(rest, (key,)))), None)
    content = hashlib.sha256(canonical(normalise(record.value))).digest() if name is None else name.encode()
    if name is None:
        seen[content] += 1
    identity = b"%b/%d" % (content, seen[content])
    at = _time(rest) or changed
    users = [path for path in _USER_PATHS if _stated(rest, path)]
    return Conversation(
        place=record.place,
        consumed=record.consumed,
        occurrence=seen[content] or 1,
        identity=identity,
        name=name,
        user=_stated(rest, users[0]) if users else None,
        model=_stated(rest, ("model",)),
        at=at,
        messages=tuple(_messages(messages, at)),
        rest=reduce(_without, users, rest),
    )


def _without(rest: dict[str, Json], path: tuple[str, ...]) -> dict[str, Json]:
    """``rest`` without what stands at ``path``."""
    first, *further = path
    if not further:
        return {key: value for key, value in rest.items() if key != first}
    inner = rest[first]
    return {**rest, first: _without(inner, tuple(further))} if isinstance(inner, dict) else rest


def _split(value: object) -> tuple[list[object], dict[str, Json]]:
    rest: dict[str, Any] = dict(value) if isinstance(value, dict) else {"messages": value}
    messages = rest.pop("messages", None) or rest.pop("traj", None)
    if not isinstance(messages, list) or not messages:
        raise InvalidEventError("there are no messages in it")
    plain = normalise(rest)
    return messages, plain if isinstance(plain, dict) else {}


def _stated(rest: Mapping[str, Json], keys: tuple[str, ...]) -> str | None:
    """The text at the path ``keys``; other types identify nothing reliably, a row number for instance."""
    value: Json = dict(rest)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


def _messages(messages: list[object], at: datetime) -> Iterator[Message]:
    digest = b""
    for number, message in enumerate(messages, 1):
        body = normalise(message)
        if not isinstance(body, dict) or not isinstance(role := body.get("role"), str):
            raise InvalidEventError(f"message {number} has no role")
        if role not in ROLES:
            raise InvalidEventError(f"message {number} has a role other than {', '.join(sorted(ROLES))}")
        text = canonical(body)
        digest = hashlib.sha256(digest + text).digest()
        at = _time(body) or at
        yield Message(role, body, len(text), digest, at, tuple(_calls(body, number)))


def _calls(body: Mapping[str, Json], number: int) -> Iterator[Call]:
    """What the message asks for by ``tool_calls``, and by the older ``function_call``."""
    calls = body.get("tool_calls") or []
    if not isinstance(calls, list):
        raise InvalidEventError(f"tool_calls of message {number} is not an array")
    for call in calls:
        fields = call if isinstance(call, dict) else {}
        yield _call(fields.get("function"), fields.get("id"), number)
    if body.get("function_call"):
        yield _call(body["function_call"], None, number)


def _call(function: Json, call_id: Json, number: int) -> Call:
    call = call_of(function, call_id) if isinstance(function, dict) else None
    if call is None:
        raise InvalidEventError(f"a tool call of message {number} names no function")
    return call


def _time(stated: Mapping[str, Json]) -> datetime | None:
    for key in _TIME_KEYS:
        value = stated.get(key)
        try:
            if isinstance(value, str):
                moment = datetime.fromisoformat(value)
                if moment.tzinfo is not None:
                    return moment.astimezone(UTC)
            elif isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)
        except (ValueError, OverflowError, OSError):
            continue
    return None
