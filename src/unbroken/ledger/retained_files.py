"""What a recorder sent and no checkpoint covers, kept in a folder: it outlives the process, and the next one offers it.

Each recorder appends to files of its own, ``<recorder>.<number>.sent``, under a claim as spools have it; a file goes
when all in it is covered. Nothing waits for the disk: after a crash of the whole machine the last of it may be missing,
which matters only where the database loses the same moments. A frame is the length and the SHA-256 of what follows,
which is MessagePack.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from unbroken.core.ids import is_id
from unbroken.core.incarnation import continues, origin_of
from unbroken.errors import UnavailableError, UnbrokenError
from unbroken.files import write_all
from unbroken.ledger.retained import Sent, first_lot
from unbroken.ledger.spool.claim import GLANCE_S, Claim, claim
from unbroken.ledger.spool.folder import prepared_folder, translated_os

SENT: Final = ".sent"
FILE_BYTES: Final = 4 * 2**20
"""A file that has grown beyond this is not added to."""
LIMIT_BYTES: Final = 256 * 2**20
"""How much one recorder keeps by default."""
_HEAD_BYTES: Final = 4 + 32
_encode: Final = msgspec.msgpack.Encoder().encode
_DECODER: Final = msgspec.msgpack.Decoder(Sent)
_log = logging.getLogger("unbroken")


@dataclass
class _File:
    """One file; ``log`` is that of all in it, ``newest`` their highest number, ``settled`` those that are done with."""

    path: Path
    log: str
    newest: int = 0
    size: int = 0
    events: int = 0
    settled: set[int] = field(default_factory=set)


class InFolder:
    """Kept in files, up to ``limit_bytes``; beyond that the oldest goes. What dead recorders left is taken over.

    The folder is made, for its owner alone, where there is none; several logs may share it. Raises the errors of
    :mod:`unbroken.errors` where it can't be used: nothing is kept then.
    """

    def __init__(self, folder: Path | str, recorder: str, *, log: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = prepared_folder(folder)
        self._recorder = recorder
        self._origin = origin_of(log)
        self._limit_bytes = limit_bytes
        self._files: list[_File] = []
        self._claims: dict[str, Claim] = {}
        self._number = 0
        self._descriptor: int | None = None
        self._has_looked = False

    def keep(self, batch: Sequence[Sent]) -> int:
        """Adds a batch; how many of the oldest had to go for it."""
        self._adopt_once()
        with translated_os(self._folder):
            for each in batch:
                file = self._current(each.log)
                frame = framed(each)
                write_all(self._descriptor or 0, frame)
                file.newest, file.size, file.events = (
                    max(file.newest, each.seq),
                    file.size + len(frame),
                    file.events + 1,
                )
            dropped = 0
            while sum(file.size for file in self._files) > self._limit_bytes and len(self._files) > 1:
                dropped += self._files[0].events
                self._remove(self._files[0])
        return dropped

    def cover(self, log: str, size: int) -> None:
        """Forgets files of which all is covered, and takes over what has been left meanwhile."""
        self.adopt()
        with translated_os(self._folder):
            for file in [each for each in self._files if each.log == log and each.newest <= size]:
                self._remove(file)

    def lost_to(self, log: str) -> list[Sent]:
        """The oldest of an earlier incarnation."""
        self._adopt_once()
        with translated_os(self._folder):
            while file := next((each for each in self._files if continues(log, each.log)), None):
                lot = first_lot(each for each in read(file.path) if each.seq not in file.settled)
                if lot:
                    return lot
                self._remove(file)
        return []

    def settle(self, lot: Sequence[Sent]) -> None:
        """Forgets these, all of one file."""
        numbers = {each.seq for each in lot}
        for file in self._files:
            if lot and file.log == lot[0].log:
                file.settled |= numbers

    def clear(self) -> None:
        """Forgets everything."""
        with translated_os(self._folder):
            for file in list(self._files):
                self._remove(file)

    def close(self) -> None:
        """Leaves what is not covered to the next recorder."""
        self._close_current()
        left = {file.path.name.partition(".")[0] for file in self._files}
        for recorder, held in self._claims.items():
            if recorder in left:
                held.release()
            else:
                held.release_with_files()
        self._claims.clear()
        self._files.clear()

    def adopt(self) -> None:
        """Takes over the files of recorders that have died, the oldest first."""
        self._has_looked = True
        with translated_os(self._folder):
            names = sorted({path.name.partition(".")[0] for path in self._folder.glob(f"*{SENT}")})
        for recorder in names:
            if is_id(recorder) and recorder not in self._claims and recorder != self._recorder:
                self._adopt(recorder)

    def _adopt_once(self) -> None:
        if not self._has_looked:
            self.adopt()

    def _adopt(self, recorder: str) -> None:
        held = claim(self._folder, recorder)
        if held is None:
            return
        try:
            files = [file for path in sorted(self._folder.glob(f"{recorder}.*{SENT}")) for file in [_indexed(path)]]
        except (UnbrokenError, OSError) as error:
            _log.error("what a dead recorder sent can't be read: %s", error)
            files = []
        if not files or any(origin_of(file.log) not in ("", self._origin) for file in files):
            held.release()
            return
        self._claims[recorder] = held
        self._files = [*files, *self._files]

    def _current(self, log: str) -> _File:
        """The file that is added to; a new one where it is another log's, or full."""
        last = self._files[-1] if self._files else None
        if self._descriptor is not None and last is not None and last.log == log and last.size < FILE_BYTES:
            return last
        self._close_current()
        if self._recorder not in self._claims:
            made = claim(self._folder, self._recorder, patience=GLANCE_S)
            if made is None:
                raise UnavailableError(f"another process has the files of {self._recorder} in {self._folder}")
            self._claims[self._recorder] = made
        self._number += 1
        path = self._folder / f"{self._recorder}.{self._number:08}{SENT}"
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        self._files.append(_File(path, log))
        return self._files[-1]

    def _remove(self, file: _File) -> None:
        if file is self._files[-1]:
            self._close_current()
        file.path.unlink(missing_ok=True)
        self._files.remove(file)

    def _close_current(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def framed(sent: Sent) -> bytes:
    """One event as it stands in a file."""
    body = _encode(sent)
    return len(body).to_bytes(4, "big") + sha256(body).digest() + body


def read(path: Path) -> Iterator[Sent]:
    """The events in a file, up to one that was cut off or damaged."""
    content = path.read_bytes()
    at = 0
    while at + _HEAD_BYTES <= len(content):
        start, size = at + _HEAD_BYTES, int.from_bytes(content[at : at + 4], "big")
        body = content[start : start + size]
        if sha256(body).digest() != content[at + 4 : start]:
            return
        yield _DECODER.decode(body)
        at = start + size


def _indexed(path: Path) -> _File:
    file = _File(path, "", size=path.stat().st_size)
    for each in read(path):
        file.log, file.newest, file.events = each.log, max(file.newest, each.seq), file.events + 1
    return file
