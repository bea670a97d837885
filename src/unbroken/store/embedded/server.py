"""The server's life: whether it answers, starting it and stopping it. All of it under the folder's decision lock."""

from contextlib import suppress
from pathlib import Path

from unbroken.errors import UnavailableError
from unbroken.store.embedded.cluster import Cluster
from unbroken.store.embedded.data_directory import ensure_initialised
from unbroken.store.embedded.database import connects, ensure_database
from unbroken.store.embedded.folders import check_private, make_private
from unbroken.store.embedded.locks import Lock
from unbroken.store.embedded.settings import write_settings
from unbroken.store.embedded.socket_directory import SOCKET_NAME, socket_dir_for
from unbroken.store.embedded.waiting import START_SECONDS, STOP_SECONDS, eventually


def running(cluster: Cluster) -> Path:
    """Return the socket directory of the cluster's server, which was started, and its data made, if it did not run.

    Raises UnavailableError when it did not start in time, ConfigurationError for what has to be set up differently.
    """
    ensure_initialised(cluster)
    if not eventually(lambda: _answers(cluster) or _started(cluster), seconds=START_SECONDS):
        raise UnavailableError(
            f"The PostgreSQL in {cluster.folder} neither answered nor ended within {START_SECONDS:g} s; "
            f"the last lines of {cluster.log} may say why."
        )
    socket_dir = _listening_in(cluster)
    if socket_dir is None:
        raise UnavailableError(
            f"The PostgreSQL in {cluster.folder} ended at once; see the last lines of {cluster.log}."
        )
    ensure_database(cluster, socket_dir)
    return socket_dir


def stop(cluster: Cluster) -> None:
    """Stop the server and return when its last process has ended; raises UnavailableError when it does not in time."""
    if _ended(cluster):
        return
    socket_dir = _listening_in(cluster)
    # pg_ctl only passes the word, and fails for a server that is ending already: the lock says when it has ended.
    with suppress(UnavailableError):
        cluster.run_as_server("pg_ctl", "stop", "--mode=fast", "--no-wait", data=cluster.pgdata, seconds=STOP_SECONDS)
    if not eventually(lambda: _ended(cluster), seconds=STOP_SECONDS):
        raise UnavailableError(f"The PostgreSQL in {cluster.folder} did not stop; see the last lines of {cluster.log}.")
    if socket_dir is not None and socket_dir.parent != cluster.folder:
        with suppress(OSError):
            socket_dir.rmdir()


def _answers(cluster: Cluster) -> bool:
    socket_dir = _listening_in(cluster)
    if socket_dir is None or not socket_dir.is_dir():
        return False
    check_private(socket_dir, cluster.runner)
    return connects(socket_dir)


def _listening_in(cluster: Cluster) -> Path | None:
    """Where the server says that it listens; another process may have chosen a directory that we would not have."""
    try:
        lines = (cluster.pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def _started(cluster: Cluster) -> bool:
    """Start the server; False where one that does not answer is still alive."""
    with Lock(cluster.folder / "postgres.lock") as lock:
        if not lock.exclusively():
            return False
        socket_dir = socket_dir_for(cluster)
        make_private(socket_dir, cluster.runner)
        write_settings(cluster, socket_dir)
        # No server lives, as the lock shows, and after a crash the process id in these may be anybody's by now.
        (cluster.pgdata / "postmaster.pid").unlink(missing_ok=True)
        (socket_dir / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        cluster.run_as_server(
            "pg_ctl",
            "start",
            "--wait",
            f"--timeout={START_SECONDS:.0f}",
            data=cluster.pgdata,
            seconds=START_SECONDS + 5,
            inherited=(lock.descriptor,),
        )
    return True


def _ended(cluster: Cluster) -> bool:
    with Lock(cluster.folder / "postgres.lock") as lock:
        return lock.exclusively()
