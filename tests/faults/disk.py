"""A small file system that can be filled up: a tmpfs, which only root can mount."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


class Disk:
    """A mounted file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Takes every block that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                _write_until_full(file.fileno(), bytes(size))

    def free(self) -> None:
        """Gives the blocks back."""
        self._ballast.unlink(missing_ok=True)


def _write_until_full(file: int, block: bytes) -> None:
    try:
        while os.write(file, block) == len(block):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """A disk of this size, unmounted at the block's end; raises OSError where mounting is not permitted."""
    folder = Path(tempfile.mkdtemp(prefix="ub-disk-")).resolve()
    try:
        _command("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "unbroken-faults", str(folder))
        try:
            yield Disk(folder)
        finally:
            _command("umount", "--lazy", str(folder))
    finally:
        folder.rmdir()


def _command(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise PermissionError(f"{' '.join(command)}: {done.stderr.strip()}")


@cache
def can_mount() -> bool:
    """Whether this user may mount a file system here."""
    try:
        with small_disk(1):
            return True
    except OSError:
        return False
