"""The processes that work in a folder, as Linux lists them, and signals to all of them."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from tests.faults.waiting import eventually


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is ``folder``: a PostgreSQL's are all in its data. Oldest first."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # Processes end while one looks, and those of others may not be looked at.
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
    return sorted(found)


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Sends a signal to each process that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_all_in(folder: Path) -> None:
    """Kills every process that works in ``folder``, stopped ones too, and returns when none does."""

    def none_left() -> bool:
        send(left := working_in(folder), signal.SIGKILL)
        return not left

    eventually(none_left, f"no process works in {folder}")
