"""A folder with a log in it: files that others read, and beside them what the one who writes them remembers."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from unbroken.core.canonical import canonical
from unbroken.core.tree.hashing import EMPTY_ROOT
from unbroken.core.tree.tile import Tile
from unbroken.errors import ConfigurationError, UnavailableError
from unbroken.files import sync_folder, write_all

CHECKPOINT: Final = "checkpoint"
_OWN: Final = ".unbroken"
_PROGRESS: Final = f"{_OWN}/progress"
_MAX_CHECKPOINT_BYTES: Final = 2**20
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a folder is written: tiles of the tree of ``size`` and ``root``, and bundles up to ``bundled`` entries.

    All of that is on the disk. A checkpoint may not be there yet.
    """

    size: int = 0
    root: bytes = field(default=EMPTY_ROOT, repr=False)
    bundled: int = 0


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    log: str
    size: int
    root: str
    bundled: int


class TileFolder:
    """A :class:`~unbroken.core.tree.reading.TileReader` of what stands in a folder, and what writes it.

    Files appear whole or not at all, readable as the process's umask says. All methods raise
    :class:`ConfigurationError` where the folder can't be used, :class:`UnavailableError` where the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read_tiles(self, tiles: Sequence[Tile], /) -> list[bytes]:
        """The tiles' bytes, from a full tile where the partial one is not there; ``b""`` for what is missing."""
        return [self._tile(tile) for tile in tiles]

    def checkpoint(self) -> str | None:
        """The note that is published; ``None`` before the first."""
        raw = self._read(CHECKPOINT, at_most=_MAX_CHECKPOINT_BYTES)
        try:
            return None if raw is None else raw.decode()
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"what stands in {self.path / CHECKPOINT} is no checkpoint") from error

    def progress(self, log: str) -> Progress:
        """How far it is written; raises :class:`ConfigurationError` for the folder of another log."""
        raw = self._read(_PROGRESS, at_most=4096)
        if raw is None:
            return Progress()
        try:
            written = msgspec.json.decode(raw, type=_Written)
            progress = Progress(written.size, bytes.fromhex(written.root), written.bundled)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise ConfigurationError(
                f"{self.path / _PROGRESS} can't be read: remove it, and everything is written anew"
            ) from error
        if written.v != _VERSION or written.log != log:
            raise ConfigurationError(f"the folder {self.path} holds the log {written.log}, and not {log}")
        return progress

    def put(self, path: str, content: bytes) -> None:
        """Puts a file at a path below the folder, in the place of what may be there; on the disk after :meth:`keep`."""
        with _told(self.path):
            target = self.path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            self._exchange(target, content, synced=False)

    def keep(self, log: str, progress: Progress) -> None:
        """Returns when all that was put is on the disk, and how far that is has been written down."""
        with _told(self.path):
            # Thousands of small files: one call for all of them takes as long as one for each of a few.
            os.sync()
            self._exchange(self.path / _PROGRESS, _written(log, progress), synced=True)

    def publish(self, note: str) -> None:
        """Publishes a checkpoint, for which everything has been kept."""
        with _told(self.path):
            self._exchange(self.path / CHECKPOINT, note.encode(), synced=True)

    def drop_partial(self, full: str) -> None:
        """Removes the partial files in whose place there is a full one by now, at the path ``full``."""
        partial = self.path / f"{full}.p"
        with _told(self.path):
            for file in list(partial.iterdir()) if partial.is_dir() else ():
                file.unlink()
            if partial.is_dir():
                partial.rmdir()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder where there is none, and keeps other processes from writing into it meanwhile."""
        with _told(self.path):
            (self.path / _OWN).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(
                self.path / _OWN / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise UnavailableError(f"another process writes into {self.path} now: nothing was done") from error
        try:
            yield
        finally:
            os.close(descriptor)

    def _tile(self, tile: Tile) -> bytes:
        for candidate in (tile, Tile(tile.level, tile.index)):
            raw = self._read(candidate.path, at_most=candidate.length)
            if raw is not None:
                return raw[: tile.length]
        return b""

    def _read(self, path: str, *, at_most: int) -> bytes | None:
        """A file's bytes, one more than ``at_most`` where it has more; ``None`` where there is none."""
        try:
            with (self.path / path).open("rb") as file:
                return file.read(at_most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{self.path / path} can't be read ({error.strerror})") from error

    def _exchange(self, target: Path, content: bytes, *, synced: bool) -> None:
        # One name suffices under the lock, and what a crash leaves behind is overwritten.
        beside = self.path / _OWN / "new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            write_all(descriptor, content)
            if synced:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(target)
        if synced:
            sync_folder(target.parent)


def _written(log: str, progress: Progress) -> bytes:
    root = progress.root.hex()
    return canonical({"v": _VERSION, "log": log, "size": progress.size, "root": root, "bundled": progress.bundled})


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise ConfigurationError(f"{folder} can't be written to ({error.strerror})") from error
    except OSError as error:
        raise UnavailableError(
            f"{folder} could not be written to ({error.strerror}): what was published before stands; run it again"
        ) from error
