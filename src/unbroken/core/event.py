"""Events: what a recorder says happened. A closed set of keys; see spec/FORMAT.md."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from unbroken.core.normalise import MAX_INTEGER, is_holdable
from unbroken.core.times import format_time, is_time
from unbroken.errors import InvalidEventError

TURN_TYPES: Final = ("request", "model_call", "model_result", "tool_call", "tool_result", "response", "error")
LIFECYCLE_TYPES: Final = (
    "conversation_started",
    "conversation_ended",
    "data_accessed",
    "data_modified",
    "data_disclosed",
    "prompt_changed",
    "model_changed",
    "access_granted",
    "access_revoked",
    "approval_requested",
    "approval_decided",
    "reviewed",
    "annotated",
)
EVENT_TYPES: Final = frozenset(TURN_TYPES + LIFECYCLE_TYPES)
"""What a recorder may record. ``log.*`` is the log's own and comes from its own functions."""

SYNONYMS: Final = {
    "user_message_received": "request",
    "agent_response_generated": "response",
    "tool_invoked": "tool_call",
}
"""Common names of event types, accepted as input and recorded under ours."""

ActorType = Literal["user", "agent", "admin", "system"]
Capture = Literal["enforced", "observed", "imported"]
Classification = Literal["public", "internal", "confidential", "restricted"]
_CHOICES: Final = {
    "actor_type": get_args(ActorType),
    "capture": get_args(Capture),
    "classification": get_args(Classification),
}

Text = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
TextSet = Annotated[tuple[Text, ...], Meta(min_length=1)]
"""Strictly ascending by code point."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An approval or a denial, bound to what was asked. Attributes stand in canonical order."""

    arguments_hash: str | None = None
    at: str | None = None
    by: Text | None = None
    outcome: Text | None = None
    policy: Text | None = None
    request: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a recorder says happened. Attributes stand in canonical (RFC 8785) order, so printing one gives its text.

    ``None`` means that the key is absent. Build events with :func:`make_event`, which checks them.
    """

    actor_id: Text
    actor_type: ActorType
    agent_id: Text | None = None
    agent_name: Text | None = None
    agent_version: Text | None = None
    call_id: Text | None = None
    capture: Capture | None = None
    classification: Classification | None = None
    cost_source: Text | None = None
    cost_usd: str | None = None
    decision: Decision | None = None
    details: str | None = None
    domains: TextSet | None = None
    event_type: str
    id: str
    input_tokens: Count | None = None
    inputs: str | None = None
    latency_ms: Count | None = None
    model: Text | None = None
    original: str | None = None
    output_tokens: Count | None = None
    outputs: str | None = None
    parent_id: str | None = None
    prompt_hash: str | None = None
    purpose: Text | None = None
    recipient: Text | None = None
    recorder: str | None = None
    recorder_seq: Count | None = None
    redactions: TextSet | None = None
    resource_id: Text | None = None
    resource_type: Text | None = None
    rules: Text | None = None
    scope: TextSet | None = None
    session_id: Text | None = None
    side_effect: bool | None = None
    source_address: Text | None = None
    span_id: str | None = None
    status: Text | None = None
    subjects: TextSet | None = None
    tool: Text | None = None
    trace_id: str | None = None
    ts: str
    turn_id: Text | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)
_LISTS: Final = ("domains", "redactions", "scope", "subjects")


def encode_event(event: Event) -> bytes:
    """The event's canonical text in UTF-8."""
    return _encoder.encode(event)


def read_event(text: bytes) -> Event:
    """The event that ``text`` is the canonical text of; raises :class:`InvalidEventError` saying what is wrong.

    The form of commitments is left to :func:`are_commitments`: one that a value matches has it.
    """
    read = _read(text)
    if read is None:
        raise InvalidEventError("not an event of version 1: a key, a type or a value is wrong")
    event, spelt = read
    if spelt != text:
        raise InvalidEventError("another spelling: spaces, order of keys, repeated keys or escapes")
    fault = fault_of(event)
    if (
        fault is None
        and b"\\" in text
        and b"\\u0000" in text
        and not all(is_holdable(item) for _, item in _texts(event))
    ):
        fault = "a text holds NUL"
    if fault is not None:
        raise InvalidEventError(fault)
    return event


def _read(text: bytes) -> tuple[Event, bytes] | None:
    """The event and its canonical text. What the decoder says of a fault may quote a value, so it is dropped here."""
    try:
        event = _decoder.decode(text)
        return event, _encoder.encode(event)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def decode_event(text: bytes | str) -> Event:
    """The event that ``text`` holds; raises ``msgspec.MsgspecError`` unless it has the closed shape.

    Repeated keys, white space and the order of keys are not seen here: compare :func:`encode_event` with the text.
    """
    return _decoder.decode(text)


def make_event(**fields: Any) -> Event:
    """An event made of ``fields``, checked; ``None`` means absent, lists are sorted, datetimes are printed.

    Raises :class:`InvalidEventError` naming the field that is missing, unknown or wrong, and never its value.
    """
    given = {key: _convert(key, value) for key, value in fields.items() if value is not None}
    for field in ("event_type", "actor_id", "actor_type"):
        if not given.get(field):
            raise InvalidEventError(f"an event needs {field}")
    given["event_type"] = SYNONYMS.get(str(given["event_type"]), given["event_type"])
    if str(given["event_type"]) not in EVENT_TYPES:
        raise InvalidEventError(f"event_type is none of {', '.join(sorted(EVENT_TYPES))}")
    event = _shaped(given)
    for key, text in _texts(event):
        if not is_holdable(text):
            raise InvalidEventError(f"{key} holds NUL or a lone surrogate, which no JSON parser reads alike")
    fault = fault_of(event) or (None if are_commitments(event) else "a commitment is not 64 lower-case hex digits")
    if fault is not None:
        raise InvalidEventError(f"not an event: {fault}")
    return event


def _shaped(given: Mapping[str, object]) -> Event:
    fault = ""
    try:
        return msgspec.convert(given, Event)
    except msgspec.ValidationError as error:
        fault = _told(given, str(error))
    # Out here the error that may quote a value is neither the cause nor the context of this one.
    raise InvalidEventError(f"not an event: {fault}")


def _told(given: Mapping[str, object], said: str) -> str:
    """What msgspec ``said``, without the values and keys that it quotes."""
    for key, allowed in _CHOICES.items():
        if key in given and given[key] not in allowed:
            return f"{key} is none of {', '.join(allowed)}"
    for key in given:
        if key not in Event.__struct_fields__:
            return f"it has no field {key}" if _name(key) else "a field's name is none"
    if said.startswith("Object contains unknown field"):
        return f"decision has other fields than {', '.join(Decision.__struct_fields__)}"
    return said if said.startswith("Expected") else "a field is not of its type"


def _convert(key: str, value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    if key in _LISTS and isinstance(value, list | tuple | set | frozenset) and all(type(item) is str for item in value):
        return tuple(sorted(set(value))) or None
    return value


def _texts(event: msgspec.Struct) -> Iterator[tuple[str, str]]:
    for key in event.__struct_fields__:
        value = getattr(event, key)
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, tuple):
            yield from ((key, item) for item in value)
        elif isinstance(value, Decision):
            yield from _texts(value)


def _form(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


_name = _form("[a-z_]{1,40}")
_uuid = _form("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_hex64 = _form("[0-9a-f]{64}")
# Few different ones come again and again.
_keyed = lru_cache(4096)(_form("k[0-9a-z]{1,16}:[0-9a-f]{64}"))

_recorder = lru_cache(4096)(_uuid)
_event_type = lru_cache(256)(_form("[a-z_]+([.][a-z_]+)?"))


def _time(text: str) -> object:
    return is_time(text) or None


# msgspec could check these while decoding, at three times the cost.
_FORMS: Final[dict[str, Callable[[str], object]]] = {
    "id": _uuid,
    "event_type": _event_type,
    "ts": _time,
    "recorder": _recorder,
    "parent_id": _uuid,
    "original": _hex64,
    "prompt_hash": _keyed,
    "cost_usd": _form("(0|[1-9][0-9]*)([.][0-9]+)?"),
    "trace_id": _form("[0-9a-f]{32}"),
    "span_id": _form("[0-9a-f]{16}"),
}
_RARE: Final = ("original", "prompt_hash", "cost_usd", "trace_id", "span_id")
_rare = attrgetter(*_RARE)
_NONE_RARE: Final = (None,) * len(_RARE)
_sets = attrgetter("domains", "redactions", "scope", "subjects")
_NO_SETS: Final = (None, None, None, None)
_DECISION_FORMS: Final[dict[str, Callable[[str], object]]] = {
    "arguments_hash": _keyed,
    "request": _uuid,
    "at": _FORMS["ts"],
}


def fault_of(event: Event) -> str | None:
    """What a decoded event breaks of the rules that its types don't state, naming the key; ``None`` if nothing."""
    if (
        _uuid(event.id) is None
        or _event_type(event.event_type) is None
        or not is_time(event.ts)
        or (event.recorder is not None and _recorder(event.recorder) is None)
        or (event.parent_id is not None and _uuid(event.parent_id) is None)
        or _rare(event) != _NONE_RARE
    ) and (fault := _malformed(event, _FORMS)) is not None:
        return fault
    sets = _sets(event)
    if sets != _NO_SETS and not all(map(_is_ascending, sets)):
        return "a list is not sorted or repeats an item"
    if event.decision is not None:
        return "decision is empty" if event.decision == Decision() else _malformed(event.decision, _DECISION_FORMS)
    return None


def are_commitments(event: Event) -> bool:
    """Whether what stands under ``inputs``, ``outputs`` and ``details`` has the form of a commitment."""
    given = (event.inputs, event.outputs, event.details)
    return all(text is None or _hex64(text) is not None for text in given)


def _malformed(struct: msgspec.Struct, forms: Mapping[str, Callable[[str], object]]) -> str | None:
    for key, match in forms.items():
        value = getattr(struct, key)
        if value is not None and match(value) is None:
            return f"{key} has not the form of its kind"
    return None


def _is_ascending(values: tuple[str, ...] | None) -> bool:
    return values is None or all(a < b for a, b in pairwise(values))
