"""What a process holds in its memory, read from outside while it is stopped."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PIECE: Final = 4 * 2**20
_OVERLAP: Final = 64
"""More than the longest thing that is looked for, so that none lies between two pieces."""
_KERNELS: Final = ("[vvar]", "[vvar_vclock]", "[vsyscall]")


def memory_of(pid: int) -> Iterator[tuple[str, bytes]]:
    """Everything that the process can read, by the name of the mapping; needs the right to trace it."""
    with _stopped(pid), Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, modes, _, _, _, *name = line.split(maxsplit=5)
            if modes[0] == "r" and name[:1] not in ([each] for each in _KERNELS):
                begin, end = (int(each, 16) for each in addresses.split("-"))
                yield from ((f"memory {''.join(name)}", piece) for piece in _pieces(memory.fileno(), begin, end))


def _pieces(memory: int, begin: int, end: int) -> Iterator[bytes]:
    for at in range(begin, end, _PIECE):
        yield os.pread(memory, min(_PIECE + _OVERLAP, end - at), at)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
