"""Tool calls that a model asks for, read from the shapes in which providers write them.

=========  ==========================================================================================
OpenAI     ``{"id", "function": {"name", "arguments"}}``, the arguments as JSON text
Anthropic  ``{"type": "tool_use", "id", "name", "input"}``
plain      ``{"id", "name", "arguments"}``, where ``call_id`` goes before ``id``
=========  ==========================================================================================

A call may be an object of a client library as well: what :func:`unbroken.core.normalise.normalise` makes of it counts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from unbroken.core.normalise import Json, normalise

MAX_ASKED: Final = 128
"""How many calls of one answer are recorded together with it; the others are recorded as they run."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a model asked for; ``arguments`` are parsed where they are JSON, else the text as it stands."""

    call_id: str | None
    tool: str
    arguments: object


def asked_calls(tool_calls: object) -> Iterator[Call]:
    """The calls among the first :data:`MAX_ASKED` of ``tool_calls``; what has none of the three shapes is left out.

    Raises :class:`InvalidEventError` for what can't be recorded at all, such as a value that contains itself.
    """
    for item in tool_calls[:MAX_ASKED] if isinstance(tool_calls, Sequence) else ():
        body = normalise(item)
        call = _call_in(body) if isinstance(body, dict) else None
        if call is not None:
            yield call


def call_of(function: Mapping[str, Json], call_id: Json) -> Call | None:
    """The call of ``function``, an object with a name and arguments; ``None`` where it names nothing."""
    name = _text(function.get("name"))
    return None if name is None else Call(_text(call_id), name, _parsed(function.get("arguments", {})))


def _call_in(body: Mapping[str, Json]) -> Call | None:
    function = body.get("function")
    said = function if isinstance(function, dict) else body
    key = "input" if body.get("type") == "tool_use" else "arguments"
    if key not in said:
        return None
    # Some servers write nothing where there are no arguments.
    arguments = {} if said[key] in (None, "") else said[key]
    return call_of({"name": said.get("name"), "arguments": arguments}, body.get("call_id") or body.get("id"))


def _parsed(arguments: Json) -> object:
    if not isinstance(arguments, str):
        return arguments
    try:
        return normalise(json.loads(arguments))
    except (ValueError, RecursionError):
        return arguments


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
