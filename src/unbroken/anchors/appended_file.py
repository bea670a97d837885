"""Checkpoints as lines of one append-only file on another machine's mount.

What it proves: what :mod:`~unbroken.anchors.directory` proves, and that no line in the middle was taken out, put in or
changed without all after it. For file systems without hard links, for files that may only be appended to
(``chattr +a``), and for mounts where many small files are a burden.

What it does not: when; and nothing of its end. Lines that are cut off there are gone, which the receipts tell, by
:meth:`AppendedFile.holds`, and the file itself can't.

Each line is ``{"n":…,"note":…,"prev":…}`` in canonical form: its number from 1, the signed note, and the SHA-256 of the
line before it without its newline, 64 zeros for the first. The file is made once, by :meth:`AppendedFile.prepare`, and
never by publishing: where the mount is not mounted it is not there.
"""

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from unbroken.anchors.anchor import (
    MAX_HELD,
    MAX_NOTE_BYTES,
    Anchored,
    Kind,
    Oddity,
    Receipt,
    Submission,
    TrustedLog,
    newest_of,
    require_of,
)
from unbroken.anchors.placing import folder_of
from unbroken.core.canonical import canonical
from unbroken.errors import AnchorError, ConfigurationError, NoteError, UnavailableError
from unbroken.files import sync_folder, write_all

PATIENCE_S: Final = 5.0
"""How long another process is waited for, which appends one line."""
_PAUSE_S: Final = 0.02
_MAX_LINE_BYTES: Final = 2 * MAX_NOTE_BYTES + 256
_TAIL_BYTES: Final = 3 * _MAX_LINE_BYTES
_FIRST: Final = "0" * 64


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    n: int
    note: str
    prev: str


class _Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    n: int
    prev: str


@dataclass(frozen=True, slots=True)
class _Stands:
    """Where a checkpoint stands in the file."""

    size: int
    at: int
    length: int


class AppendedFile:
    """An :class:`~unbroken.anchors.anchor.Anchor`: one line for each checkpoint, in a file for each log.

    A line is durable when :meth:`publish` returns. One that was never finished is left as it is; the next begins after
    it, and continues the last whole one.
    """

    kind: Kind = "file"
    keeps = True

    def __init__(self, name: str, directory: Path, *, log: TrustedLog) -> None:
        self.name = name
        self._log = log
        self._path = directory.absolute() / f"{folder_of(log.origin)}.checkpoints"

    @property
    def where(self) -> str:
        """The file."""
        return f"file {self._path}"

    def prepare(self) -> None:
        """Makes the file, once, in a directory that is there. Raises :class:`ConfigurationError`."""
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
            sync_folder(self._path.parent)
        except OSError as error:
            raise ConfigurationError(f"the file {self._path} can't be made ({error.strerror})") from error

    def publish(self, submission: Submission) -> Receipt:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; what stands last already is not added again."""
        with self._reaching(), self._opened(os.O_RDWR | os.O_APPEND) as descriptor:
            self._lock(descriptor)
            last, is_torn = self._end(descriptor)
            line = last if last is not None and last.note == submission.note else _following(last, submission.note)
            write_all(descriptor, (b"\n" if is_torn else b"") + (b"" if line is last else _raw(line) + b"\n"))
            os.fsync(descriptor)
            sync_folder(self._path.parent)
        return Receipt(self.name, self.kind, submission.note, canonical({"n": line.n, "prev": line.prev}))

    def held(self) -> Iterator[Receipt | Oddity]:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; what is odd first."""
        with self._reaching(), self._opened(os.O_RDONLY) as descriptor:
            oddities, found = self._followed(descriptor)
            yield from oddities
            for each in sorted(found, key=lambda stands: (stands.size, stands.at), reverse=True):
                line = _parsed(os.pread(descriptor, each.length, each.at))
                if line is None:
                    raise AnchorError(f"{self._path} was changed while it was being read")
                yield self._receipt(line)

    def newest(self) -> Receipt | None:
        """As :class:`~unbroken.anchors.anchor.Anchor` says."""
        return newest_of(self.held())

    def holds(self, receipt: Receipt) -> bool:
        """As :class:`~unbroken.anchors.anchor.Anchor` says: that very line."""
        self.verify(receipt)
        proof = msgspec.json.decode(receipt.proof, type=_Proof)
        wanted = _raw(_Line(proof.n, receipt.note, proof.prev)) + b"\n"
        with self._reaching(), self._opened(os.O_RDONLY) as descriptor:
            return any(raw == wanted for _, raw in self._lines(descriptor))

    def verify(self, receipt: Receipt) -> Anchored:
        """As :class:`~unbroken.anchors.anchor.Anchor` says. What it shows is the log's signature: ask :meth:`holds`."""
        require_of(receipt, self)
        try:
            proof = msgspec.json.decode(receipt.proof, type=_Proof)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise AnchorError("a file's receipt names a line, and this is none") from error
        if canonical({"n": proof.n, "prev": proof.prev}) != receipt.proof:
            raise AnchorError("a file's receipt is not laid out as it should be: it was changed")
        return Anchored(self.name, self.kind, self._log.opened(receipt.note), by=self.where)

    def _followed(self, descriptor: int) -> tuple[list[Oddity], list[_Stands]]:
        """Goes through the chain: what does not fit into it, and where checkpoints of the log stand."""
        oddities: list[Oddity] = []
        found: list[_Stands] = []
        last: _Line | None = None
        unread: Oddity | None = None
        for at, raw in self._lines(descriptor):
            line = _parsed(raw)
            if line is None:
                # One that was never finished is passed over as soon as a line continues the one before it.
                oddities += [unread] if unread is not None else []
                unread = Oddity(self.name, "damaged", f"byte {at}")
                continue
            if line != _following(last, line.note):
                oddities += [Oddity(self.name, "damaged", f"line {line.n}")]
                oddities += [unread] if unread is not None else []
            last, unread = line, None
            size = self._size_of(line)
            if size is None:
                oddities.append(Oddity(self.name, "foreign", f"line {line.n}"))
            else:
                found.append(_Stands(size, at, len(raw)))
            if len(found) + len(oddities) > MAX_HELD:
                raise AnchorError(f"more than {MAX_HELD:,} lines are in {self._path}: something fills it up")
        return oddities + ([unread] if unread is not None else []), found

    def _size_of(self, line: _Line) -> int | None:
        try:
            return self._log.opened(line.note).size
        except NoteError:
            return None

    def _lines(self, descriptor: int) -> Iterator[tuple[int, bytes]]:
        """Each line with its newline, where it has one, and where it begins."""
        at = 0
        with os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(0)
            while raw := file.readline(_MAX_LINE_BYTES):
                yield at, raw
                at += len(raw)

    def _end(self, descriptor: int) -> tuple[_Line | None, bool]:
        """The last whole line, and whether what stands last was never finished: it may lack its newline alone."""
        size = os.fstat(descriptor).st_size
        start = max(size - _TAIL_BYTES, 0)
        tail = os.pread(descriptor, _TAIL_BYTES, start)
        ended = tail if tail.endswith(b"\n") else tail + b"\n"
        whole = [line for line in map(_parsed, ended.splitlines(keepends=True)) if line is not None]
        if not whole and size:
            raise AnchorError(f"{self._path} does not end with a checkpoint: something else wrote to it")
        return (whole[-1] if whole else None), bool(tail) and not tail.endswith(b"\n")

    def _receipt(self, line: _Line) -> Receipt:
        return Receipt(self.name, self.kind, line.note, canonical({"n": line.n, "prev": line.prev}))

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise UnavailableError(f"another process holds {self._path}: nothing was added") from error
                time.sleep(_PAUSE_S)
            else:
                return

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        descriptor = os.open(self._path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise AnchorError(f"{self._path} is no plain file")
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise UnavailableError(f"{self._path} is not there: it is not mounted, or was never prepared") from error
        except OSError as error:
            raise UnavailableError(f"{self._path} can't be used ({error.strerror}): try again") from error


def _following(last: _Line | None, note: str) -> _Line:
    """The line with ``note`` that continues another one."""
    if last is None:
        return _Line(1, note, _FIRST)
    return _Line(last.n + 1, note, hashlib.sha256(_raw(last)).hexdigest())


def _raw(line: _Line) -> bytes:
    return canonical({"n": line.n, "note": line.note, "prev": line.prev})


def _parsed(raw: bytes) -> _Line | None:
    """A whole line in its one spelling; ``None`` for anything else."""
    try:
        line = msgspec.json.decode(raw, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return line if _raw(line) + b"\n" == raw else None
