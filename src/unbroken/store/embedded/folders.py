"""Folders and files that only the right user may use, made so that nobody else can slip something in."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from unbroken.errors import ConfigurationError
from unbroken.store.embedded.accounts import Account, blocking


def prepared_folder(folder: Path, *, client: Account, runner: Account) -> Path:
    """Make the folder where there is none, and return its real path. The modes of folders that exist are left alone.

    Raises ConfigurationError where it is no folder, or where ``runner`` can't reach it.
    """
    foreign = runner.uid != client.uid
    mode = 0o711 if foreign else 0o700
    with suppress(FileExistsError):
        folder.mkdir(mode=mode, parents=True)
        folder.chmod(mode)
    real = folder.resolve()
    if not real.is_dir():
        raise ConfigurationError(f"{folder} is not a folder.")
    if foreign and (closed := blocking(real, runner)):
        raise ConfigurationError(
            f"The server's user `{runner.name}` can't pass through {closed}, so it would not reach {real}. Choose a "
            "folder elsewhere, or let that directory be passed (chmod o+x); unbroken does not change it by itself."
        )
    return real


def make_private(directory: Path, owner: Account) -> None:
    """Make ``directory`` for ``owner`` alone where there is none; raises like :func:`check_private` where it is not."""
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    if directory.lstat().st_uid == os.geteuid() != owner.uid:
        os.chown(directory, owner.uid, owner.gid, follow_symlinks=False)
    check_private(directory, owner)


def check_private(directory: Path, owner: Account) -> None:
    """Raise ConfigurationError unless ``directory`` is one, no link, of ``owner`` with nothing for anybody else."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner.uid or stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(
            f"{directory} should be a directory of the user `{owner.name}` with mode 0700 and is not. Somebody else "
            "may have made it; remove it if you know how it came there."
        )


def replace(path: Path, text: str, *, owner: Account) -> None:
    """Put a file in place at once. As root this writes in another user's directory, so it never follows a link."""
    fresh = path.with_name(f"{path.name}.fresh")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchown(descriptor, owner.uid, owner.gid)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
