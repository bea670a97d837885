"""``unbroken original match``: was exactly this said? Answered without showing what was."""

import json as stdlib_json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from unbroken.cli.original_entries import Whole, is_exactly, messages_of, wholes
from unbroken.cli.original_reading import of_numbers, open_dpo_read
from unbroken.cli.printing import print_json
from unbroken.cli.reading import CaseOption, PurposeOption
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.cli.vault_store import KekOption, encryptions_of
from unbroken.core.commitment import PARTS
from unbroken.core.normalise import Json, normalise
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable

UNTOLD = 3
"""Exit code where it can't be told."""


class PartName(StrEnum):
    """What of an entry is compared."""

    INPUTS = "inputs"
    OUTPUTS = "outputs"
    DETAILS = "details"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it matches, ``None`` where that can't be told, and why not."""

    matches: bool | None
    why: str = ""

    @property
    def exit_code(self) -> int:
        """0 yes, 1 no, 3 unknown."""
        return UNTOLD if self.matches is None else int(not self.matches)


def match(
    entry: Annotated[int, typer.Argument(metavar="ENTRY", min=1, help="The entry's number.", show_default=False)],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to compare, as JSON; - for standard input.", show_default=False)
    ],
    part: Annotated[
        PartName | None,
        typer.Option("--part", metavar="PART", help="inputs, outputs or details; left out, any of them."),
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="FILE is a text, and no JSON; a line end at its very end does not count.")
    ] = False,
    kek: KekOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Tell whether an entry is exactly what a file holds, and show nothing.

    "Was this what the agent was told?" What the entry holds, as it was before
    redaction, is compared with the file: a part of it, a message to a model
    that it was the first to send, or the text of one. The same JSON, or with
    --text the same text, to the last character. Nothing of it is shown. An
    entry in which nothing was masked is compared as it is recorded.

    That it was asked is an entry, as for `unbroken original open`, and takes
    the same: a login with the duty dpo, a --case, and the key.

    \b
    Exit codes: 0 yes, 1 no, 2 wrong usage or no access, 3 it can't be told:
    what was said was masked, and its original is erased, was never kept, is
    damaged, or can't be opened here.

    \b
    Examples:
      unbroken original match 12 letter.txt --text --case C-31
      unbroken original match 12 call.json --part inputs --case C-31
      pbpaste | unbroken original match 12 - --text --case C-31
    """
    candidates = list(_candidates(file, text=text))
    keys = encryptions_of(store, kek)
    scope = {"what": f"match with entry {entry}"}
    with open_dpo_read(store, log, scope, purpose=purpose, case=case) as reading:
        (whole,) = wholes(reading, of_numbers(reading, [entry]), keys=keys, kind="match")
        if whole.verified.entry is not None:
            reading.shown(whole.verified.entry)
        answer = answered(whole, candidates, part=None if part is None else part.value)
        ticket, name = reading.ticket.seq, reading.reader.log
    if json:
        told: dict[str, Any] = {"log": name, "entry": entry, "part": part, "matches": answer.matches}
        print_json(told | {"why": answer.why or None, "opening": whole.opening, "ticket": ticket})
    else:
        typer.echo(printable(_words(answer, entry, part)))
    raise typer.Exit(answer.exit_code)


def answered(whole: Whole, candidates: Iterable[Json], *, part: str | None) -> Answer:
    """Whether a part of the entry, or any of them, is one of the candidates."""
    if not whole.is_whole:
        return Answer(None, whole.why)
    if part is not None and part not in whole.content:
        return Answer(False, f"the entry has no {part}")
    wanted = PARTS if part is None else (part,)
    values = [said for name in wanted if name in whole.content for said in _sayings(whole.content[name])]
    # All are compared, so that how long it takes says nothing of which one it is.
    found = [is_exactly(value, candidate) for value in values for candidate in candidates]
    return Answer(any(found))


def _sayings(value: Json) -> Iterator[Json]:
    """A part, and what of it somebody may hold a copy of: messages, and texts of messages."""
    yield value
    messages = messages_of(value)
    if messages:
        yield messages
        yield from messages
    for message in [value, *messages]:
        content = message.get("content") if isinstance(message, dict) else None
        yield from [content] if isinstance(content, str) else _texts(content)


def _texts(content: Json) -> Iterator[Json]:
    for item in content if isinstance(content, list) else ():
        if isinstance(item, dict) and isinstance(item.get("text"), str):
            yield item["text"]


def _candidates(file: Path, *, text: bool) -> Iterable[Json]:
    content = _content(file)
    if text:
        yield normalise(content)
        for end in ("\r\n", "\n"):
            if content.endswith(end):
                yield normalise(content.removesuffix(end))
        return
    try:
        yield normalise(stdlib_json.loads(content))
    except (ValueError, RecursionError):
        # Without the cause: it quotes the file.
        raise ConfigurationError(f"{file} is no JSON that the log could hold; with --text it is read as text") from None


def _content(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{file} can't be read as text in UTF-8") from None


def _words(answer: Answer, entry: int, part: PartName | None) -> str:
    where = f"entry {entry:,}" if part is None else f"{part.value} of entry {entry:,}"
    if answer.matches is None:
        return f"It can't be told: {where}: {answer.why}."
    if answer.matches:
        return f"Yes: exactly this is in {where}."
    return f"No: this is not what is in {where}." + (f" ({answer.why})" if answer.why else "")
