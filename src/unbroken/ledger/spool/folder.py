"""The folder that spools stand in: made for its owner alone, its files named after recorders."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from unbroken.core.ids import is_id
from unbroken.errors import ConfigurationError, SpoolFullError, UnavailableError, UnbrokenError
from unbroken.files import sync_folder

SPOOL: Final = ".spool"
LOCK: Final = ".lock"
NEW: Final = ".new"
"""A spool that is being made; it holds nothing that was acknowledged."""
JOURNAL: Final = "-journal"
"""What SQLite appends to the name of a file for its rollback journal."""

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.EISDIR, errno.ENOTDIR}


def prepared_folder(folder: Path | str) -> Path:
    """Makes the folder for its owner alone where there is none, and returns its real path.

    Raises :class:`ConfigurationError` where it can't be made or others could put files into it.
    """
    wanted = Path(folder).absolute()
    missing = [directory for directory in (wanted, *wanted.parents) if not directory.exists()]
    try:
        for directory in reversed(missing):
            with suppress(FileExistsError):
                directory.mkdir(mode=0o700)
            sync_folder(directory.parent)
    except OSError as error:
        raise ConfigurationError(f"the spool's folder {folder} can't be made: {error.strerror}") from error
    return checked_folder(wanted)


def checked_folder(folder: Path | str) -> Path:
    """The real path of a folder that is there and that nobody else may write to; raises like the above."""
    try:
        real = Path(folder).resolve()
        status = real.stat()
    except OSError as error:
        raise ConfigurationError(f"the spool's folder {folder} can't be read: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigurationError(f"the spool's folder {folder} is not a folder")
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise ConfigurationError(
            f"others could put events into the spool's folder {folder}: it must belong to the user who runs this, and "
            "nobody else may write to it (mode 0700)"
        )
    return real


def path_of(folder: Path, recorder: str, suffix: str) -> Path:
    """The file of one recorder with this ending."""
    if not is_id(recorder):
        raise ConfigurationError(f"{folder / recorder}{suffix} is not named after a recorder")
    return folder / f"{recorder}{suffix}"


def recorders_in(folder: Path, *, suffix: str = SPOOL) -> list[str]:
    """What has a file with this ending: ids of recorders, the oldest first, as they sort by time."""
    with translated_os(folder):
        return sorted(path.name.removesuffix(suffix) for path in folder.iterdir() if path.name.endswith(suffix))


@contextmanager
def translated_os(path: Path) -> Iterator[None]:
    """Raises our errors, which name ``path``, in place of the operating system's."""
    try:
        yield
    except OSError as error:
        raise _translate(error, path) from error


def _translate(error: OSError, path: Path) -> UnbrokenError:
    if error.errno in _FULL:
        return SpoolFullError(f"the disk is full: {path} takes nothing more, and keeps what it has")
    if error.errno in _FORBIDDEN:
        return ConfigurationError(f"{path} can't be used: {error.strerror}")
    return UnavailableError(f"{path} can't be used now: {error.strerror}; nothing was kept by this call")
