"""What payloads hold, as text that a person can read."""

import json
from typing import Any, Final

import msgspec

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.investigate.destroyed import IN_PLACE
from unbroken.investigate.printable import printable, printable_lines
from unbroken.investigate.short_forms import uncut
from unbroken.verify.declaration import Declaration

NOT_HELD: Final = "(content not held)"
_ARGUMENT_CHARACTERS: Final = 50
_CALL_CHARACTERS: Final = 300


class _Nothing:
    """No value, and what is shown in place of one."""

    def __init__(self, shown: str) -> None:
        self.shown = shown


NOTHING: Final = _Nothing("")
"""The event commits to no such part."""
GONE: Final = _Nothing(NOT_HELD)
"""The event commits to a part that is not held here."""
DECLARED_GONE: Final = {work: _Nothing(words) for work, words in IN_PLACE.items()}
"""The same, and an entry of the log's own tells that it was destroyed, and by what."""


def part_of(entry: StoredEntry, event: Event, name: str, *, gone: Declaration | None = None) -> Any:
    """The value of one part or what stands for it where there is none; text that is no readable JSON as that text.

    ``gone`` is what the entry says that declares this one's payload gone.
    """
    if getattr(event, name) is None:
        return NOTHING
    part = entry.parts.get(name)
    if part is None:
        return GONE if gone is None else DECLARED_GONE[gone.work]
    try:
        return msgspec.json.decode(part.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return part.value.decode("utf-8", "replace")


def is_content(value: Any) -> bool:
    """Whether there is a value."""
    return not isinstance(value, _Nothing)


def within(value: Any, *keys: str) -> Any:
    """What stands in ``value`` under ``keys``, one inside the other; ``None`` where there is nothing of that shape."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_of(value: Any) -> str:
    """The text of a message's content: itself, the texts of its parts, or else compact JSON."""
    if isinstance(value, _Nothing):
        return value.shown
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) and "type" in item for item in value):
        return "\n".join(_content_part(item) for item in value)
    if isinstance(value, dict) and set(value) == {"base64", "text"} and isinstance(value["text"], str):
        return value["text"]
    return "" if value is None else compact(value)


def _content_part(item: dict[str, Any]) -> str:
    text = item.get("text")
    return text if isinstance(text, str) else f"[{text_of(item['type'])}]"


def compact(value: Any) -> str:
    """``value`` as JSON on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    except (RecursionError, ValueError):
        return "(nested too deeply to be shown)"


def indented(text: str) -> str:
    """``text`` as indented JSON where it is a JSON object or array, else as it is."""
    try:
        value = json.loads(text) if text.lstrip()[:1] in ("{", "[") else None
        return text if value is None else json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def folded(text: str, *, lines: int | None, characters: int = 0) -> tuple[str, ...]:
    """``text`` as printable lines, at most ``lines`` of them and ``characters`` altogether, and how much is left out.

    ``lines=None`` shows everything.
    """
    text = text.strip("\n")
    if not text:
        return ()
    if lines is None:
        return tuple(printable_lines(text))
    shown = "\n".join(text[: uncut(text, characters)].split("\n")[:lines]).rstrip()
    left_out = len(text) - len(shown)
    note = f"… +{left_out:,} characters"
    # A note about less than itself would save nothing.
    if left_out <= len(note) and shown.count("\n") == text.count("\n"):
        return tuple(printable_lines(text))
    *above, last = printable_lines(shown)
    return (*above, last, note) if text.startswith("\n", len(shown)) else (*above, f"{last} {note}")


def short(text: str, characters: int) -> str:
    """``text`` on one printable line of about ``characters`` characters."""
    end = uncut(text, characters - 1)
    return printable(text if len(text) <= max(characters, end) else text[:end] + "…")


def call_text(tool: str, arguments: Any) -> str:
    """A tool call on one line: ``name(key=value, …)``."""
    if isinstance(arguments, _Nothing):
        inside = arguments.shown
    elif isinstance(arguments, dict):
        room = max(_ARGUMENT_CHARACTERS, _CALL_CHARACTERS // (len(arguments) or 1) - 20)
        pairs = (f"{key}={short(compact(value), room)}" for key, value in arguments.items())
        inside = ", ".join(pairs)
    else:
        inside = text_of(arguments)
    return f"{printable(tool)}({short(inside, _CALL_CHARACTERS)})"
