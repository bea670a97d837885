"""Files that hold texts or JSON, read as the values that they hold, one after another."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final

from unbroken.errors import ConfigurationError

_PIECE: Final = 1 << 18
"""Characters of running text that are taken at once, up to the end of a line."""


class Form(StrEnum):
    """How a file is read."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Document:
    """One value of a file: a JSON document, a line of JSON Lines, or a piece of text."""

    value: Any
    line: int
    """Where it begins, from 1."""
    read: int
    """Characters of the file up to its end."""


def form_of(path: Path | None, text: str) -> Form:
    """How a file is best read, by its name and its beginning."""
    if path is not None and path.suffix in (".jsonl", ".ndjson"):
        return Form.JSONL
    if text.lstrip()[:1] not in ("{", "["):
        return Form.TEXT
    first, _, rest = text.lstrip().partition("\n")
    return Form.JSONL if _is_json(first) and rest.strip() else Form.JSON if _is_json(text) else Form.TEXT


def documents(text: str, form: Form) -> Iterator[Document]:
    """The values of a file; raises :class:`ConfigurationError` for what isn't the JSON that it is said to be."""
    if form is Form.JSON:
        yield Document(_json(text, 1), 1, len(text))
    elif form is Form.JSONL:
        yield from _lines(text)
    else:
        yield from _pieces(text)


def read_text(stream: IO[bytes]) -> str:
    """All of a stream as text; bytes that are no UTF-8 are kept apart from each other, not dropped."""
    return stream.read().decode("utf-8", "surrogateescape")


def _lines(text: str) -> Iterator[Document]:
    read = 0
    for number, line in enumerate(text.split("\n"), 1):
        read += len(line) + 1
        if line.strip():
            yield Document(_json(line, number), number, read)


def _pieces(text: str) -> Iterator[Document]:
    at, line = 0, 1
    while at < len(text):
        end = text.find("\n", at + _PIECE) + 1 or len(text)
        yield Document(text[at:end], line, end)
        line += text.count("\n", at, end)
        at = end


def _json(text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"line {line} is not JSON; with --as text it is read as text") from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
