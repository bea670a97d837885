"""Opened originals on a terminal and as JSON. Every text is made printable; colour only repeats the words."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from unbroken.cli.original_entries import Whole, messages_of
from unbroken.cli.report_view import finding_as_json
from unbroken.core.commitment import PARTS
from unbroken.core.event import Event
from unbroken.core.normalise import Json
from unbroken.investigate.content import compact, indented
from unbroken.investigate.printable import printable, printable_lines

_STYLES: Final = {"opened": "green", "unchanged": "dim", "damaged": "bold red"}
SUMMED_UP: Final = {
    "opened": "opened",
    "unchanged": "in which nothing was masked",
    "not_kept": "without an original",
    "erased": "erased",
    "disposed of": "disposed of",
    "locked": "that can't be opened here",
    "damaged": "DAMAGED",
}
IN_WORDS: Final = {
    "opened": "opened",
    "unchanged": "nothing was masked",
    "not_kept": "no original",
    "erased": "erased",
    "disposed of": "disposed of",
    "locked": "can't be opened here",
    "damaged": "DAMAGED",
}


def print_whole(out: Console, whole: Whole) -> None:
    """One entry: who and what, then what was said, part by part."""
    out.print(_headline(whole), soft_wrap=True)
    if whole.why:
        out.print(Padding(Text(printable(whole.why), _STYLES.get(whole.outcome, "yellow")), (0, 0, 0, 4), expand=False))
    for label, value in _pieces(whole):
        out.print(Text(f"    {label}", "dim"), soft_wrap=True)
        for line in _lines(value):
            out.print(Text(f"        {line}"), soft_wrap=True)
    out.print()


def whole_as_json(whole: Whole, log: str) -> dict[str, Any]:
    """The same for programs: ``event`` as its line has it, ``texts`` and ``content`` as they were."""
    return {
        "log": log,
        "seq": whole.seq,
        "hash": None if whole.verified.entry is None else whole.verified.entry.hash.hex(),
        "outcome": whole.outcome,
        "why": whole.why or None,
        "opening": whole.opening,
        "missing_keys": list(whole.key_ids),
        "event": None if whole.verified.event is None else msgspec.to_builtins(whole.verified.event),
        "texts": dict(whole.texts),
        "content": dict(whole.content),
        "restored": sorted(whole.restored),
        "findings": [finding_as_json(finding) for finding in whole.verified.findings],
    }


def _headline(whole: Whole) -> Text:
    text = Text.assemble((f"entry {whole.seq:,}", "bold"))
    event = whole.verified.event
    if event is not None:
        text.append(printable(f"  {event.ts[:19].replace('T', ' ')}  {event.event_type}  {_who(event)}"))
    return text.append(f"  {IN_WORDS[whole.outcome]}", _STYLES.get(whole.outcome, "yellow"))


def _who(event: Event) -> str:
    return event.actor_id if event.agent_id in (None, event.actor_id) else f"{event.actor_id} > {event.agent_id}"


def _pieces(whole: Whole) -> Iterator[tuple[str, Json]]:
    """What is shown of an entry, each under a name that says whether it is as it was said."""
    for place, value in sorted(whole.texts.items()):
        yield printable(place), value
    for name in PARTS:
        if name in whole.content:
            as_said = name in whole.restored or whole.outcome in ("unchanged", "opened")
            yield name if as_said else f"{name}, as recorded", whole.content[name]


def _lines(value: Json) -> list[str]:
    if isinstance(value, str):
        return printable_lines(value)
    messages = messages_of(value)
    if not messages:
        return printable_lines(indented(compact(value)))
    return [line for message in messages for line in _said(message)]


def _said(message: Json) -> list[str]:
    """One message of a call of a model: who says what, where that is all there is to it."""
    if isinstance(message, dict) and isinstance(message.get("content"), str) and "tool_calls" not in message:
        first, *rest = printable_lines(str(message["content"]))
        return [f"{printable(compact(message.get('role', '')).strip(chr(34)))}: {first}", *rest]
    return printable_lines(indented(compact(message)))
