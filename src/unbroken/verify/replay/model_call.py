"""What a call of a model says of its agent, as the database's functions read it (``functions/agents.sql``)."""

import json
import re
from typing import Any, Final, NamedTuple

import msgspec

from unbroken.core.event import Event

_CONTROLS: Final = re.compile("[\u0001-\u001f\u007f-\u009f\u2028\u2029]")
_VERSION: Final = re.compile(r"(?:^|[ @:/#_.-])v?([0-9]+(?:[._-][0-9]+)*)\Z")
_KEYED: Final = re.compile(r"\Ak[0-9a-z]{1,16}:[0-9a-f]{64}\Z")
_NAME: Final = 100
_SEPARATORS: Final = " @:/#_.-"


class ModelCall(msgspec.Struct, frozen=True, gc=False):
    """A call: its agent with its version, the prompt's template and version or keyed hash, and the model.

    ``template`` is empty for a call that names none, and ``None`` where nobody can tell, its details being gone.
    """

    seq: int
    agent_id: str
    agent_version: str
    template: str | None
    prompt: str | None
    model: str | None


class _Number(str):
    """A number as it is spelt."""

    __slots__ = ()


def model_call_of(seq: int, event: Event, details: bytes | None) -> ModelCall | None:
    """What entry ``seq`` says, with the details that match its commitment; ``None`` where it names no agent."""
    if event.agent_id is None:
        return None
    version = event.agent_version or ""
    if details is None and event.details is not None:
        return ModelCall(seq, event.agent_id, version, None, None, event.model)
    template, named = _template_in(details)
    return ModelCall(seq, event.agent_id, version, template, named or event.prompt_hash, event.model)


def _template_in(details: bytes | None) -> tuple[str, str | None]:
    """Which template the details name, and its version or the keyed hash of its text."""
    if details is None or b'"prompt_template"' not in details:
        return "", None
    read = _read(details)
    stated = read.get("prompt_template") if isinstance(read, dict) else None
    if isinstance(stated, dict):
        template = _name_in(stated.get("id")) or _name_in(stated.get("name")) or ""
        version, content = _name_in(stated.get("version")), stated.get("content_hash")
        keyed = content if isinstance(content, str) and _KEYED.match(content) else None
    else:
        template, version, keyed = _name_in(stated) or "", None, None
    if version is None:
        ending = _VERSION.search(template)
        if ending is not None:
            template, version = template[: ending.start()], ending[1]
        template = template.rstrip(_SEPARATORS)
    return template, version or keyed


def _name_in(stated: object) -> str | None:
    """A name or version as a call states it: a number or a short text of one line."""
    if isinstance(stated, str) and 1 <= len(stated) <= _NAME and not _CONTROLS.search(stated):
        return str(stated)
    return None


def _read(details: bytes) -> Any:
    # Of a repeated key the last one counts, as in the database; what is no JSON never passed it.
    try:
        return json.loads(details, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        return None


class Seen(NamedTuple):
    """What an agent was last seen to use, and the call since which that is so."""

    prompt: str | None
    model: str | None
    seq: int


def seen_after(seen: Seen | None, call: ModelCall) -> Seen:
    """What is seen of an agent after one more call of the same template."""
    if seen is None:
        return Seen(call.prompt, call.model, call.seq)
    if call.prompt in (None, seen.prompt) and call.model in (None, seen.model):
        return seen
    return Seen(call.prompt or seen.prompt, call.model or seen.model, call.seq)
