"""Files that have to be on the disk when a call returns, and files that nobody else may read.

Raises what the operating system does: callers say what it means for their file.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PLAIN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def sync_folder(folder: Path) -> None:
    """Returns when the names in ``folder`` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """All of it, however little the system takes at a time."""
    written = 0
    while written < len(content):
        written += os.write(descriptor, content[written:])


def write_new(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Writes a file that is not there yet and follows no link; its content is on the disk then, its name may not be."""
    descriptor = os.open(path, _NEW, mode)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create(path: Path, content: bytes) -> None:
    """Writes a new file that its owner alone may read; it is on the disk, name and content."""
    write_new(path, content)
    sync_folder(path.parent)


def exchange(path: Path, content: bytes) -> None:
    """Puts a file that its owner alone may read in the place of another, whole or not at all, and on the disk."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(beside, content)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_folder(path.parent)


def beginning(path: Path, size: int) -> tuple[os.stat_result, bytes]:
    """Up to ``size`` bytes of a file and what it is; follows no link and waits for no pipe."""
    with os.fdopen(os.open(path, _PLAIN), "rb") as file:
        return os.fstat(file.fileno()), file.read(size)


def is_plain(status: os.stat_result) -> bool:
    """Whether it is a file, and not a pipe, a folder or a device."""
    return stat.S_ISREG(status.st_mode)


def is_mine_alone(status: os.stat_result) -> bool:
    """Whether it belongs to the user of this process, and nobody else may read, change or run it."""
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o177
