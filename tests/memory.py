"""The folder for temporary files that lies in memory, where the machine has room for it.

Servers by the dozen and databases by the hundred are made and removed: a third of their time would go to the disk. No
test here takes the power away, and what a killed process has written stays in memory as it would on a disk.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SHARED: Final = Path("/dev/shm")  # noqa: S108 - the folder in it is made for this process alone
_ROOM: Final = 4 << 30
"""What is free at least, beyond what the tests need."""
_GROUPS: Final = Path("/sys/fs/cgroup")
_LIMITS: Final = (
    (_GROUPS / "memory.max", _GROUPS / "memory.current"),
    (_GROUPS / "memory/memory.limit_in_bytes", _GROUPS / "memory/memory.usage_in_bytes"),
)
"""What a container may have and has, by control groups of version 2 and 1."""
_PREFIX: Final = "ubt"


@contextmanager
def temporary_files() -> Iterator[None]:
    """Has this process, and all that it starts, make temporary files in memory, unless TMPDIR says where they go."""
    if "TMPDIR" in os.environ or not _has_room():
        yield
        return
    _remove_left()
    # A short name, as sockets lie in it; and servers run as another user.
    folder = _SHARED / f"{_PREFIX}{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o1777)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    if not os.access(_SHARED, os.W_OK):
        return False
    shared = os.statvfs(_SHARED)
    if shared.f_flag & os.ST_NOEXEC or shared.f_bavail * shared.f_frsize < _ROOM:
        return False
    return _free_memory() >= 2 * _ROOM


def _free_memory() -> int:
    """In bytes, as the machine sees it, or a container if that is less; nothing where nobody says."""
    available = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    free = [int(available[1]) << 10 if available is not None else 0]
    for most, used in _LIMITS:
        if most.exists() and most.read_text(encoding="ascii").strip().isdecimal():
            free.append(int(most.read_text(encoding="ascii")) - int(used.read_text(encoding="ascii")))
    return min(free)


def _remove_left() -> None:
    """What runs that were killed left there."""
    for folder in _SHARED.glob(f"{_PREFIX}[0-9]*"):
        process = folder.name.removeprefix(_PREFIX)
        if process == str(os.getpid()) or not Path("/proc", process).exists():
            shutil.rmtree(folder, ignore_errors=True)
