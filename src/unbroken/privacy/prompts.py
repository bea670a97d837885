"""What of a prompt is kept: its text where policy says so, else what tells it from others.

In place of a text stands an object. A keyed hash is the same for equal texts, so that a prompt can be followed, and
nobody without the log's key can try out guesses with it. Without a key there is none: the hash of a short text is as
good as the text.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from unbroken.core.canonical import canonical
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json

Store: TypeAlias = Literal["hashed", "stored"]

SPEAKERS: Final = frozenset({"user", "human", "assistant", "ai", "model", "tool", "function"})
"""Roles whose messages are the conversation and not the prompt; whatever has another role, or none, is the prompt."""
MOST_LETTERS: Final = 100
"""A longer text is not the name of a template but the template."""
_NAMING: Final = ("id", "name", "version")
_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def shown(messages: Sequence[Json], store: Store, key: LogKey | None) -> list[Json]:
    """The messages as they may be stored, once what is left of them is redacted.

    With ``hashed`` each message of the prompt becomes ``{"role", "content_hash", "length"}``, the length in characters;
    without a role where it has none, and without the hash where there is no ``key``.
    """
    if store == "stored":
        return list(messages)
    return [message if _is_said(message) else _described(message, key) for message in messages]


def shown_template(template: Json, store: Store, key: LogKey | None) -> Json:
    """What a call says of its template: what names it is kept, what may be its text is described as in :func:`shown`.

    A name is a text of at most 100 characters without line breaks, an object's ``id``, ``name`` and ``version`` if they
    are such texts or numbers.
    """
    if store == "stored" or template is None or _is_name(template):
        return template
    if not isinstance(template, dict):
        return _hashed(template, key)
    named: dict[str, Json] = {name: template[name] for name in _NAMING if name in template and _is_name(template[name])}
    rest = {name: value for name, value in template.items() if name not in named}
    return {**named, **(_hashed(next(iter(rest.values())) if len(rest) == 1 else rest, key) if rest else {})}


def length_of(content: Json) -> int:
    """The characters of a message's content: of its text or texts, and of the JSON of what is none."""
    if isinstance(content, str):
        return len(content)
    if isinstance(content, list):
        return sum(length_of(part) for part in content)
    if isinstance(content, dict) and isinstance(text := content.get("text"), str):
        return len(text)
    return len(canonical(content).decode())


def _is_said(message: Json) -> bool:
    return isinstance(message, dict) and message.get("role") in SPEAKERS


def _described(message: Json, key: LogKey | None) -> Json:
    if not isinstance(message, dict):
        return _hashed(message, key)
    role = message.get("role")
    rest = {name: value for name, value in message.items() if name != "role"}
    described = _hashed(rest.get("content", rest), key)
    return {"role": role, **described} if isinstance(role, str) and _is_name(role) else described


def _hashed(content: Json, key: LogKey | None) -> dict[str, Json]:
    length: dict[str, Json] = {"length": length_of(content)}
    return length if key is None else {"content_hash": key.hash(content), **length}


def _is_name(value: Json) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= MOST_LETTERS and _BREAK.search(value) is None
    return isinstance(value, int | float) and not isinstance(value, bool)
