"""What a recorder writes down about each of its calls, in a file that outlives its kill.

Each note is one line, handed to the operating system in one write: the kill of the process takes none back.
Times are the machine's monotonic clock, which is the same for all processes and which no fault steps.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

What = Literal["sent", "kept", "refused", "unknown", "failed"]
"""``failed`` is an error that says nothing about the events: none of the library's own."""


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. ``sent`` comes before the call and names its events' ids; the others come after and tell its outcome.

    ``kept`` names for each event the number and the hash in its receipt.
    """

    at: float
    what: What
    call: int
    ids: tuple[str, ...] = ()
    receipts: tuple[tuple[int, str], ...] = ()
    error: str = ""


class Journal:
    """The writing side. Several threads may use it: the file is opened for appending."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, what: What, call: int, **told: Any) -> None:
        """Adds a note; raises OSError where it did not get out as a whole."""
        line = msgspec.json.encode(Note(time.monotonic(), what, call, **told)) + b"\n"
        if os.write(self._file, line) != len(line):
            raise OSError("a note was cut")


class Reading:
    """The reading side, while the recorder writes and after its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._notes: list[Note] = []
        self._read = 0

    def notes(self) -> Sequence[Note]:
        """All notes up to now. A last line without its end is none: the recorder died while it wrote."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                whole, ended, _ = file.read().rpartition(b"\n")
            self._notes += [msgspec.json.decode(line, type=Note) for line in whole.split(b"\n") if line]
            self._read += len(whole) + len(ended)
        return self._notes


def token(recorder: str, call: int, index: int) -> str:
    """What an event stands for, whatever its id: a recorder that sends one thing twice gives both the same token."""
    return f"{recorder}/{call}/{index}"
