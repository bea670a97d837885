"""Processor time, which a machine that does other things besides does not make longer, but for its caches."""

import os
from collections.abc import Iterable
from pathlib import Path

from servers import Server


def processor_time(processes: Iterable[int]) -> float:
    """Seconds that these processes have computed, in the server's name included; of Linux, in hundredths."""
    return sum(map(_of, processes))


def processes_of(server: Server) -> list[int]:
    """All that the server consists of now."""
    postmaster = server.postmaster
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [postmaster, *(each for each in found if _field(each, 1) == postmaster)]


def _of(process: int) -> float:
    return (_field(process, 11) + _field(process, 12)) / os.sysconf("SC_CLK_TCK")


def _field(process: int, place: int) -> int:
    """A field of ``/proc/<pid>/stat``, counted from after the name; 0 for a process that has ended."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[place])
    except OSError:
        return 0
