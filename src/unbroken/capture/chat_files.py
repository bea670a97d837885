"""Files of chat transcripts, read one record at a time: JSON arrays, single objects and JSON Lines.

What a record may look like is :mod:`unbroken.capture.chat_record`'s business; here a file is cut into records, and
what can't be read is named by its place, never by its content.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from unbroken.errors import ConfigurationError, TooLargeError

MAX_FILE_BYTES: Final = 512 * 2**20
"""The largest file of one JSON text, which is held in memory; JSON Lines may be of any length."""
MAX_LINE_BYTES: Final = 64 * 2**20
"""The longest line of a JSON Lines file."""
_LINES_SUFFIXES: Final = (".jsonl", ".ndjson")

_decode = json.JSONDecoder().raw_decode
_BLANK = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; ``line`` and ``item`` count from 1, each absent where it says nothing."""

    file: str
    line: int | None = None
    item: int | None = None

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        item = "" if self.item is None else f", item {self.item}"
        return f"{self.file}{line}{item}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as JSON gave it; ``consumed`` is how many bytes of the file have been read with it."""

    place: Place
    value: object
    consumed: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that can't be taken, and why; the reason quotes nothing of it."""

    place: Place
    reason: str


def read_records(path: Path) -> Iterator[Record | Broken]:
    """The records of ``path`` in order.

    A file of JSON Lines (by its suffix, or because its first lines are JSON texts of their own) is read line by line;
    any other is one JSON text, whose items before a fault are still given. Raises :class:`ConfigurationError` for a
    file that can't be opened and :class:`TooLargeError` for one JSON text over :data:`MAX_FILE_BYTES`.
    """
    try:
        with path.open("rb") as file:
            yield from _lines(file, str(path)) if _holds_lines(file, path) else _text(file, str(path))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror or 'it is not a regular file'}") from error


def _holds_lines(file: BinaryIO, path: Path) -> bool:
    if path.suffix.lower() in _LINES_SUFFIXES:
        return True
    first, second = _next_line(file), _next_line(file)
    file.seek(0)
    # A second line that stands alone can still be the only item of a JSON text that opens on the first.
    if not second or first.strip() in (b"[", b"{"):
        return False
    return _stands_alone(first) or _stands_alone(second)


def _next_line(file: BinaryIO) -> bytes:
    while line := file.readline(MAX_LINE_BYTES):
        if line.strip():
            return line
    return b""


def _stands_alone(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _lines(file: BinaryIO, name: str) -> Iterator[Record | Broken]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        place = Place(name, number)
        if len(line) > MAX_LINE_BYTES:
            _skip_to_end_of_line(file, line)
            yield Broken(place, f"the line is longer than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            yield from _line(line, place, file.tell())


def _skip_to_end_of_line(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE_BYTES)


def _line(line: bytes, place: Place, consumed: int) -> Iterator[Record | Broken]:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        yield Broken(place, _fault(error))
        return
    if not isinstance(value, list) or not value or is_message(value[0]):
        yield Record(place, value, consumed)
        return
    for item, conversation in enumerate(value, 1):
        yield Record(Place(place.file, place.line, item), conversation, consumed)


def _text(file: BinaryIO, name: str) -> Iterator[Record | Broken]:
    data = file.read(MAX_FILE_BYTES + 1)
    size = len(data)
    if size > MAX_FILE_BYTES:
        raise TooLargeError(
            f"{name} is one JSON text of more than {MAX_FILE_BYTES} bytes; nothing of it was read. "
            "Write it as JSON Lines, one conversation on each line: those may be of any length"
        )
    try:
        text = data.decode("utf-8-sig")
        del data
        start = _after_blanks(text, 0)
        if text.startswith("[", start):
            yield from _array(text, start, Place(name), size)
        elif start < len(text):
            yield Record(Place(name), json.loads(text), size)
    except (ValueError, RecursionError) as error:
        yield Broken(Place(name), _fault(error))


def _array(text: str, start: int, place: Place, size: int) -> Iterator[Record | Broken]:
    """The array's items, or the array itself where it is one conversation's messages."""
    item = 0
    try:
        for value, end in _items(text, start):
            item += 1
            if item == 1 and is_message(value):
                yield Record(place, json.loads(text), size)
                return
            yield Record(Place(place.file, item=item), value, size * end // len(text))
    except (ValueError, RecursionError) as error:
        yield Broken(Place(place.file, item=item + 1), f"{_fault(error)}; nothing after it could be read")


def _items(text: str, start: int) -> Iterator[tuple[object, int]]:
    """Each item of the array that opens at ``start`` and where it ends, so that only one is held at a time."""
    at = _after_blanks(text, start + 1)
    while not text.startswith("]", at):
        value, end = _decode(text, at)
        yield value, end
        at = _after_blanks(text, end)
        if text.startswith(",", at):
            at = _after_blanks(text, at + 1)
        elif not text.startswith("]", at):
            raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
    if _after_blanks(text, at + 1) != len(text):
        raise json.JSONDecodeError("Extra data", text, at + 1)


def _after_blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return at if match is None else match.end()


def is_message(value: object) -> bool:
    """Whether ``value`` is a chat message rather than a record that holds messages."""
    return isinstance(value, dict) and "role" in value and not ("messages" in value or "traj" in value)


def _fault(error: ValueError | RecursionError) -> str:
    """Why a text is not JSON; the parser's own wording, where it quotes nothing of the text."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start + 1}"
    if isinstance(error, RecursionError):
        return "nested too deeply to be read"
    return "a number in it is too long to be read"
