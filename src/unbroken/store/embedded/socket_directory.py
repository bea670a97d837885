"""Where the server's Unix socket lies: in the folder, or below the temporary directory where that path is too long."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from unbroken.errors import ConfigurationError
from unbroken.store.embedded.accounts import blocking
from unbroken.store.embedded.cluster import Cluster

PORT: Final = 5432
SOCKET_NAME: Final = f".s.PGSQL.{PORT}"

# sun_path ends with a zero byte.
SOCKET_PATH_BYTES: Final = 103 if sys.platform == "darwin" else 107


def socket_dir_for(cluster: Cluster) -> Path:
    """Choose the directory for the socket of a server to be started; raises ConfigurationError where none will do."""
    inside = cluster.folder / "socket"
    if _fits(inside):
        return inside
    name = hashlib.sha256(os.fsencode(cluster.folder)).hexdigest()[:16]
    outside = Path(tempfile.gettempdir()).resolve() / f"unbroken-{cluster.runner.uid}-{name}"
    if not _fits(outside):
        raise ConfigurationError(f"{outside} is too long for a Unix socket; set TMPDIR to a shorter path.")
    if cluster.foreign and (closed := blocking(outside.parent, cluster.runner)):
        raise ConfigurationError(f"The server's user `{cluster.runner.name}` can't pass through {closed}; set TMPDIR.")
    return outside


def _fits(directory: Path) -> bool:
    """Whether the socket's path is short enough, and not what libpq or PostgreSQL take for a list of directories."""
    path = str(directory / SOCKET_NAME)
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES and path.isprintable() and "," not in path
