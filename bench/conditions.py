"""What a figure means nothing without: the machine, the versions, the settings."""

import hashlib
import importlib.metadata
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import psycopg
from servers import Server

_BUSY: Final = 0.25
"""Load per core above which something else is plainly running."""
_START_S: Final = 2.0
_COMPUTE_S: Final = 0.5
_SETTINGS: Final = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "data_checksums",
    "shared_buffers",
    "max_wal_size",
)


def of_machine() -> dict[str, Any]:
    """The machine and the programs, as they are before the first measurement."""
    return {
        "cpu": _field(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "memory": _memory(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "psycopg": f"{psycopg.__version__} ({psycopg.pq.__impl__}, libpq {psycopg.pq.version()})",
        "msgspec": importlib.metadata.version("msgspec"),
        "sqlalchemy": importlib.metadata.version("sqlalchemy"),
        "load": round(os.getloadavg()[0], 2),
        "parallel": _parallel(os.cpu_count() or 1),
    }


def is_busy(machine: dict[str, Any]) -> bool:
    """Whether the machine did other work just before, so that the figures are worth little."""
    return bool(machine["load"] > _BUSY * machine["cores"])


def of_server(server: Server) -> dict[str, str]:
    """A server's version and the settings that durability and speed depend on."""
    with psycopg.connect(server.conninfo("postgres")) as connection:
        names = ("server_version", *_SETTINGS)
        rows = connection.execute("select name, current_setting(name) from unnest(%s::text[]) name", (list(names),))
        return dict(rows.fetchall())


def _parallel(cores: int) -> dict[str, float]:
    """How much more several processes compute at once than one does: virtual cores are often less than whole ones."""
    counts = sorted({1, 2, cores})
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        done = {count: sum(pool.map(_compute, [time.monotonic() + _START_S] * count)) for count in counts}
    return {f"{count} processes": round(done[count] / done[1], 2) for count in counts if count > 1}


def _compute(start: float) -> int:
    """Rounds of hashing within :data:`_COMPUTE_S` from ``start``, until which each process waits for the others."""
    time.sleep(max(0.0, start - time.monotonic()))
    block, rounds = bytes(1000), 0
    while time.monotonic() < start + _COMPUTE_S:
        hashlib.sha256(block).hexdigest()
        rounds += 1
    return rounds


def _field(path: Path, name: str) -> str | None:
    """The first value of ``name`` in a file of ``name: value`` lines, or nothing where there is no such file."""
    if not path.exists():
        return None
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == name), None)


def _memory() -> str:
    total = _field(Path("/proc/meminfo"), "MemTotal")
    return "unknown" if total is None else f"{int(total.split()[0]) / 2**20:.1f} GiB"
