"""Which resources a tool call concerns, by the arguments that name them."""

import enum
import uuid
from collections.abc import Mapping
from typing import Final

from unbroken.core.normalise import is_holdable
from unbroken.errors import TooLargeError
from unbroken.ledger.draft import MAX_EVENT_TEXT_BYTES

MAX_RESOURCES: Final = 100
"""How many resources one tool call may name: each gets an event of its own."""


def resource_ids(arguments: Mapping[str, object], path: str) -> list[str]:
    """The ids at ``path``, the name of an argument and, behind dots, keys in the mappings it holds.

    Texts, integers and UUIDs are ids, and so are lists and tuples of them, in order and once each. Anything else, and a
    text that can't be an id (empty, over 1024 bytes, holding NUL), is passed over: a model may have made it up, and the
    arguments are recorded as they are. Raises :class:`TooLargeError` for more than :data:`MAX_RESOURCES`.
    """
    value: object = arguments
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    items = value if isinstance(value, list | tuple) else [value]
    found = [text for item in items if (text := _id(item)) is not None]
    unique = list(dict.fromkeys(found))
    if len(unique) > MAX_RESOURCES:
        raise TooLargeError(f"a tool call names {len(unique)} resources; at most {MAX_RESOURCES} can be recorded")
    return unique


def _id(value: object) -> str | None:
    if isinstance(value, enum.Enum):
        return _id(value.value)
    if isinstance(value, bool) or not isinstance(value, str | int | uuid.UUID):
        return None
    text = str(value)
    fits = 0 < len(text.encode(errors="replace")) <= MAX_EVENT_TEXT_BYTES
    return text if fits and is_holdable(text) else None
