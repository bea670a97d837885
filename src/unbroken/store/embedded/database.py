"""The database in the server, and asking the server over its socket."""

from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from unbroken.errors import UnavailableError
from unbroken.store.embedded.cluster import Cluster
from unbroken.store.embedded.socket_directory import PORT
from unbroken.store.embedded.waiting import START_SECONDS
from unbroken.store.sql import query

DATABASE: Final = "unbroken"
SUPERUSER: Final = "postgres"
"""The role that initdb makes; whoever runs the server's folder owns it, and so may be it."""

# initdb makes it. Asking there first spares the server's log a refusal that only means a first start.
_ALWAYS_THERE: Final = "postgres"


def conninfo(socket_dir: Path, *, user: str, dbname: str) -> str:
    """Return the libpq connection string for the role ``user`` and the server that listens in ``socket_dir``."""
    return make_conninfo(host=str(socket_dir), port=PORT, user=user, dbname=dbname)


def connects(socket_dir: Path) -> bool:
    """Tell whether a server that listens in ``socket_dir`` lets us in."""
    try:
        _connection(socket_dir).close()
    except psycopg.OperationalError:
        return False
    return True


def ensure_database(cluster: Cluster, socket_dir: Path) -> None:
    """Make the database where it is missing: at the first start, or after one that was killed before it got here.

    Raises UnavailableError when the server does not answer or does not make it.
    """
    if _exists(cluster, socket_dir):
        return
    place = (f"--host={socket_dir}", f"--port={PORT}", f"--username={SUPERUSER}", "--no-password")
    arguments = (f"--maintenance-db={_ALWAYS_THERE}", "--template=template0", DATABASE)
    cluster.run_as_client("createdb", *place, *arguments, seconds=START_SECONDS)


def _exists(cluster: Cluster, socket_dir: Path) -> bool:
    try:
        with _connection(socket_dir) as connection:
            row = connection.execute(query("database_exists"), [DATABASE]).fetchone()
    except psycopg.OperationalError as error:
        raise UnavailableError(
            f"The PostgreSQL in {cluster.folder} stopped answering; the last lines of {cluster.log} may say why."
        ) from error
    return row == (True,)


def _connection(socket_dir: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(conninfo(socket_dir, user=SUPERUSER, dbname=_ALWAYS_THERE), connect_timeout=5)
