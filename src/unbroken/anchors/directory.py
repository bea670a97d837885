"""Checkpoints as files in a directory on another machine's mount.

What it proves: that whoever administers that machine was given this checkpoint, signed by the log's key. Whoever
rewrites the log later must change these files as well, on a machine that is not the database's.

What it does not: when. A file's time is whatever the machine says. And nothing keeps that machine's administrator, or
whoever may write to the mount, from removing files: the receipts say what was there, and :meth:`Directory.holds` tells
that it is gone. On a disk of the database's own machine it proves nothing to anybody else.

The log's folder is made once, by :meth:`Directory.prepare`, and never by publishing: where the mount is not mounted,
what would be written to is a local directory, and publishing says that the folder is not there.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

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
from unbroken.anchors.placing import Named, folder_of, from_rising, rising
from unbroken.errors import AnchorError, ConfigurationError, NoteError, UnavailableError
from unbroken.files import sync_folder, write_new

INCOMING: Final = "incoming"
"""Beside the checkpoints, for what is not wholly written yet. What is in it counts for nothing."""
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Directory:
    """An :class:`~unbroken.anchors.anchor.Anchor`: one file for each checkpoint, in a folder for each log.

    A file is written beside, made durable, and then linked under its name, which fails where there is one: nothing is
    ever overwritten and no file is half there. The file system must know hard links.
    """

    kind: Kind = "directory"
    keeps = True

    def __init__(self, name: str, directory: Path, *, log: TrustedLog) -> None:
        self.name = name
        self._log = log
        self._folder = directory.absolute() / folder_of(log.origin)

    @property
    def where(self) -> str:
        """The log's folder."""
        return f"directory {self._folder}"

    def prepare(self) -> None:
        """Makes the log's folder, once, in a directory that is there. Raises :class:`ConfigurationError`."""
        try:
            for folder in (self._folder, self._folder / INCOMING):
                folder.mkdir(mode=0o755, exist_ok=True)
                sync_folder(folder.parent)
        except OSError as error:
            raise ConfigurationError(f"the folder {self._folder} can't be made ({error.strerror})") from error

    def publish(self, submission: Submission) -> Receipt:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; durable, file and folder, when it returns."""
        content = submission.note.encode()
        path = self._folder / rising(submission.checkpoint.size, submission.note)
        with self._reaching():
            beside = self._written_beside(content)
            try:
                os.link(beside, path, follow_symlinks=False)
            except FileExistsError:
                self._require_same(path, content)
            finally:
                # Where nothing may be removed it stays, and counts for nothing.
                with suppress(OSError):
                    beside.unlink()
            sync_folder(self._folder)
        return Receipt(self.name, self.kind, submission.note, b"")

    def held(self) -> Iterator[Receipt | Oddity]:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; what is foreign first."""
        with self._reaching():
            names = self._names()
        claims = [(named, name) for name in names if (named := from_rising(name)) is not None]
        for name in sorted(set(names) - {name for _, name in claims}):
            yield Oddity(self.name, "foreign", name)
        for named, name in sorted(claims, key=lambda each: each[1], reverse=True):
            with self._reaching():
                found = self._found(named, name)
            yield found

    def newest(self) -> Receipt | None:
        """As :class:`~unbroken.anchors.anchor.Anchor` says."""
        return newest_of(self.held())

    def holds(self, receipt: Receipt) -> bool:
        """As :class:`~unbroken.anchors.anchor.Anchor` says."""
        size = self.verify(receipt).checkpoint.size
        with self._reaching():
            self._names()
            return _content(self._folder / rising(size, receipt.note)) == receipt.note.encode()

    def verify(self, receipt: Receipt) -> Anchored:
        """As :class:`~unbroken.anchors.anchor.Anchor` says."""
        require_of(receipt, self)
        if receipt.proof:
            raise AnchorError("a directory answers nothing, so there is nothing to be in its receipt")
        return Anchored(self.name, self.kind, self._log.opened(receipt.note), by=self.where)

    def _names(self) -> list[str]:
        names = []
        with os.scandir(self._folder) as listed:
            for each in listed:
                names.append(each.name)
                if len(names) > MAX_HELD:
                    raise AnchorError(f"more than {MAX_HELD:,} files are in {self._folder}: something fills it up")
        return [name for name in names if name != INCOMING]

    def _found(self, named: Named, name: str) -> Receipt | Oddity:
        content = _content(self._folder / name)
        if content is None or not named.is_of(content):
            return Oddity(self.name, "damaged", name, named.size)
        try:
            size = self._log.opened(content).size
        except NoteError:
            size = None
        if size != named.size:
            return Oddity(self.name, "foreign", name, named.size)
        return Receipt(self.name, self.kind, content.decode(), b"")

    def _written_beside(self, content: bytes) -> Path:
        path = self._folder / INCOMING / secrets.token_hex(16)
        write_new(path, content, mode=0o644)
        return path

    def _require_same(self, path: Path, content: bytes) -> None:
        if _content(path) != content:
            raise AnchorError(f"{path} is there with another content than its name says: nothing was overwritten")

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise UnavailableError(
                f"the folder {self._folder} is not there: it is not mounted, or was never prepared"
            ) from error
        except OSError as error:
            raise UnavailableError(f"the folder {self._folder} can't be used ({error.strerror}): try again") from error


def _content(path: Path) -> bytes | None:
    """A plain file's content; ``None`` where there is none, or it is longer than any checkpoint."""
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        return None
    except OSError:
        if stat.S_ISREG(path.lstat().st_mode):
            raise
        # A symbolic link or a socket: nothing that publishing left.
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = b""
        while len(content) <= MAX_NOTE_BYTES and (piece := os.read(descriptor, MAX_NOTE_BYTES + 1 - len(content))):
            content += piece
        return content if len(content) <= MAX_NOTE_BYTES else None
    finally:
        os.close(descriptor)
