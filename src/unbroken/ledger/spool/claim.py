"""The exclusive right of one process to the files of one recorder in a spool's folder."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from unbroken.ledger.spool.folder import JOURNAL, LOCK, NEW, SPOOL, path_of, translated_os

GLANCE_S: Final = 0.2
"""How long a lock may be held by somebody who only looks whether it is."""
_PAUSE_S: Final = 0.01


class Claim:
    """A flock, which the kernel gives up with the process, and which a forked child does not have.

    It stands on a file of its own: SQLite locks its file by other means, which on some systems collide with a flock,
    and which are lost when any descriptor of that file is closed.
    """

    def __init__(self, folder: Path, recorder: str, descriptor: int) -> None:
        self.folder = folder
        self.recorder = recorder
        self._descriptor = descriptor
        self._pid = os.getpid()
        _process.claims.add(self)

    @property
    def held(self) -> bool:
        """Whether this very process holds it."""
        return self in _process.claims and self._pid == os.getpid()

    def path(self, suffix: str) -> Path:
        """One of the recorder's files."""
        return path_of(self.folder, self.recorder, suffix)

    def release(self) -> None:
        """Gives it up; later calls do nothing. Closing a child's copy leaves the parent's claim as it is."""
        with guarded():
            if self in _process.claims:
                _process.claims.discard(self)
                os.close(self._descriptor)

    def release_with_files(self) -> None:
        """Removes all of the recorder's files and gives the claim up; to be called only when they hold nothing."""
        with guarded():
            try:
                # The lock goes last: what a crash leaves behind is found by it.
                with translated_os(self.path(SPOOL)):
                    for suffix in (SPOOL, SPOOL + JOURNAL, NEW, NEW + JOURNAL, LOCK):
                        self.path(suffix).unlink(missing_ok=True)
            finally:
                self.release()


class _Process:
    """What this process holds. The guard is held in every operation on spools and during a fork.

    So no SQLite connection lives across a fork, and a child sees every claim or none; it gives up its copies at once.
    """

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.claims: set[Claim] = set()

    def before_fork(self) -> None:
        self.guard.acquire()

    def after_fork_in_parent(self) -> None:
        self.guard.release()

    def after_fork_in_child(self) -> None:
        self.guard = threading.RLock()
        for claim in tuple(self.claims):
            claim.release()


_process: Final = _Process()
os.register_at_fork(
    before=_process.before_fork,
    after_in_parent=_process.after_fork_in_parent,
    after_in_child=_process.after_fork_in_child,
)


@contextmanager
def guarded() -> Iterator[None]:
    """One operation on spools at a time in this process, and no fork in the middle of it."""
    with _process.guard:
        yield


def claim(folder: Path, recorder: str, *, patience: float = 0.0) -> Claim | None:
    """The right to one recorder's files; ``None`` if somebody else has it, for longer than ``patience`` seconds."""
    path = path_of(folder, recorder, LOCK)
    deadline = time.monotonic() + patience
    with guarded(), translated_os(path):
        while (descriptor := _locked(path)) is None:
            if time.monotonic() >= deadline:
                return None
            time.sleep(_PAUSE_S)
        # For people who look into the folder; nothing relies on it.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        return Claim(folder, recorder, descriptor)


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock of the file at ``path``, ``None`` if that did not work out now."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before may have removed the file: the lock of a file without a name excludes nobody.
        valid = os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        valid = False
    except BaseException:
        os.close(descriptor)
        raise
    if not valid:
        os.close(descriptor)
        return None
    return descriptor


def holder_of(folder: Path, recorder: str) -> tuple[bool, int | None]:
    """Whether a process has the claim to these files now, and its process id as far as it left one."""
    path = path_of(folder, recorder, LOCK)
    with translated_os(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False, None
        try:
            said = os.read(descriptor, 20)
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True, int(said) if said.isdigit() else None
        finally:
            os.close(descriptor)
        return False, None
