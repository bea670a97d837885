"""The destruction ledger: orders and certificates in a file that no restore of the database brings back to yesterday.

JSON Lines, each ``{"n":…,"note":…,"prev":…}`` in canonical form: its number from 1, a signed note, and the SHA-256 of
the line before it without its newline, 64 zeros for the first. A line is on disk, and so is the file's name, before
:meth:`DestructionLedger.append` returns. A last line without its newline was never finished: whoever wrote it was not
told that it is there and went on with nothing. It is put into a file beside, and everything else that is wrong stops.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from unbroken.core.canonical import canonical
from unbroken.core.note import MAX_NOTE_BYTES
from unbroken.destruction.document import NO_LINE, Place
from unbroken.errors import ConfigurationError, UnavailableError
from unbroken.files import is_mine_alone, is_plain, sync_folder, write_all

PATIENCE_S: Final = 10.0
"""How long another process is waited for, which writes one line at a time."""
_PAUSE_S: Final = 0.02
_MOST_BYTES: Final = 2**30


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    n: int
    note: str
    prev: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A note and where in the ledger it stands."""

    place: Place
    note: str


class DestructionLedger:
    """The ledger in one file, which is made with its first line. Several processes may append at once.

    Methods raise :class:`ConfigurationError` where the file is not its owner's alone or its lines were changed, and
    :class:`UnavailableError` where it can't be written: nothing was added then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Whether there is such a file."""
        return os.path.lexists(self.path)

    def notes(self) -> list[Kept]:
        """All notes in order; without a torn last line, which :meth:`append` puts aside."""
        with self._locked(writing=False) as descriptor:
            return [] if descriptor is None else self._parsed(_content(descriptor)[0])

    def append(self, make: Callable[[Place], str]) -> Kept:
        """Adds the note that ``make`` gives for the place where it is going to stand."""
        with self._locked(writing=True) as descriptor:
            if descriptor is None:
                raise ConfigurationError(f"there is no folder for the destruction ledger {self.path}")
            whole, torn = _content(descriptor)
            self._parsed(whole)
            if torn:
                self._put_aside(descriptor, torn, keep=len(whole))
            place = _next(whole)
            note = make(place)
            if len(note.encode()) > MAX_NOTE_BYTES:
                raise ConfigurationError("a note for the ledger is longer than 16 MiB: nothing was added")
            self._write(descriptor, _line_of(place, note), at=len(whole))
            return Kept(place, note)

    def _parsed(self, whole: bytes) -> list[Kept]:
        notes: list[Kept] = []
        previous = NO_LINE
        for number, line in enumerate(whole.split(b"\n")[:-1], 1):
            try:
                read = msgspec.json.decode(line, type=_Line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise self._changed(number, "is no line of a ledger") from None
            place = Place(n=number, prev=previous)
            if read.n != number or read.prev != previous:
                raise self._changed(number, "does not follow the one before: a line was taken out, put in or changed")
            if _line_of(place, read.note) != line + b"\n":
                raise self._changed(number, "is not spelt as a ledger's lines are")
            notes.append(Kept(place, read.note))
            previous = hashlib.sha256(line).hexdigest()
        return notes

    def _changed(self, number: int, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"line {number} of the destruction ledger {self.path} {what}. Nothing was done: compare it with a copy, "
            "and find out who changed it"
        )

    def _put_aside(self, descriptor: int, torn: bytes, *, keep: int) -> None:
        """Keeps a line that was never finished where somebody can look at it."""
        with self._writing():
            beside = os.open(f"{self.path}.torn", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            try:
                write_all(beside, torn + b"\n")
                os.fsync(beside)
            finally:
                os.close(beside)
            os.ftruncate(descriptor, keep)

    def _write(self, descriptor: int, line: bytes, *, at: int) -> None:
        with self._writing():
            try:
                write_all(descriptor, line)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, at)
                raise
            sync_folder(self.path.parent)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnavailableError(
                f"the destruction ledger {self.path} can't be written ({error.strerror}): nothing was added to it, and "
                "nothing is destroyed without it"
            ) from error

    @contextmanager
    def _locked(self, *, writing: bool) -> Iterator[int | None]:
        """The file, locked; ``None`` where it is not there and, to be written, has no folder either."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT if writing else os.O_RDONLY
        try:
            descriptor = os.open(self.path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise ConfigurationError(
                f"the destruction ledger {self.path} can't be opened ({error.strerror})"
            ) from error
        try:
            self._check_private(os.fstat(descriptor))
            self._lock(descriptor, fcntl.LOCK_EX if writing else fcntl.LOCK_SH)
            yield descriptor
        finally:
            os.close(descriptor)

    def _check_private(self, status: os.stat_result) -> None:
        if not is_plain(status):
            raise ConfigurationError(f"the destruction ledger {self.path} is no plain file")
        if not is_mine_alone(status):
            raise ConfigurationError(
                f"the destruction ledger {self.path} must belong to the user that writes it, and nobody else may read "
                "or change it: chmod 0600"
            )
        if status.st_size > _MOST_BYTES:
            raise ConfigurationError(f"the destruction ledger {self.path} is longer than 1 GiB")

    def _lock(self, descriptor: int, kind: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise UnavailableError(
                        f"another process holds the destruction ledger {self.path} for {PATIENCE_S:g} s: nothing was "
                        "done"
                    ) from error
                time.sleep(_PAUSE_S)
            else:
                return


def _content(descriptor: int) -> tuple[bytes, bytes]:
    """The finished lines, and what stands after the last newline."""
    size = os.fstat(descriptor).st_size
    pieces, at = [], 0
    while at < size and (piece := os.pread(descriptor, size - at, at)):
        pieces.append(piece)
        at += len(piece)
    whole, newline, torn = b"".join(pieces).rpartition(b"\n")
    return whole + newline, torn


def _next(whole: bytes) -> Place:
    lines = whole.split(b"\n")[:-1]
    return Place(n=len(lines) + 1, prev=hashlib.sha256(lines[-1]).hexdigest() if lines else NO_LINE)


def _line_of(place: Place, note: str) -> bytes:
    return canonical({"n": place.n, "note": note, "prev": place.prev}) + b"\n"
