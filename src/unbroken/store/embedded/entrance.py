"""The way in and out: entering a folder's PostgreSQL, and what who entered holds in hand."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from unbroken.errors import ConfigurationError
from unbroken.store.embedded.accounts import account_of, runner_for
from unbroken.store.embedded.cluster import cluster_in
from unbroken.store.embedded.database import DATABASE, conninfo
from unbroken.store.embedded.folders import prepared_folder
from unbroken.store.embedded.membership import decision, take_seat, this_process
from unbroken.store.embedded.socket_directory import PORT


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """One use of the PostgreSQL in ``folder`` (its real path), to be left with :meth:`leave` or as a context manager.

    Connections go through a Unix socket in ``socket_dir`` and need no password: the server asks the kernel who calls.
    """

    folder: Path
    socket_dir: Path
    port: int
    _seat: object = field(repr=False, compare=False)

    def conninfo(self, user: str, dbname: str = DATABASE) -> str:
        """Return the libpq connection string for the database role ``user``."""
        return conninfo(self.socket_dir, user=user, dbname=dbname)

    def leave(self) -> None:
        """Give up this use, and stop PostgreSQL if it was the last one of the last process; later calls do nothing.

        In a forked child it does nothing either: the use belongs to the parent. A process that dies without leaving
        (``kill -9``, an unhandled SIGTERM) no longer counts, but nobody stops the server then: it runs until the next
        user leaves. Raises UnavailableError when the server did not stop in time; the use is given up all the same.
        """
        this_process.give_up(self.folder, self._seat)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


def enter(folder: Path | str, *, allow_root: bool | None = None) -> EmbeddedServer:
    """Start the PostgreSQL of ``folder``, making folder and database where there are none, or join it where it runs.

    The process leaves by itself when it ends; entering several times is counted. Root is refused unless ``allow_root``
    or, where that is None, the environment's ``UNBROKEN_ALLOW_ROOT=1`` permits it; the server then runs as the user in
    ``UNBROKEN_SERVER_USER``, or ``nobody``. Raises ConfigurationError for what has to be set up differently and
    UnavailableError when the server did not start in time.
    """
    if sys.platform == "win32":
        raise ConfigurationError("The embedded PostgreSQL does not run on Windows; use a PostgreSQL server.")
    client = account_of(os.geteuid())
    runner = runner_for(client, allow_root=allow_root)
    try:
        real = prepared_folder(Path(folder), client=client, runner=runner)
        with this_process.guard, decision(real):
            socket_dir, seat = take_seat(cluster_in(real, client=client, runner=runner))
    except OSError as error:
        raise ConfigurationError(f"The embedded PostgreSQL in {folder} can't be used: {error}.") from error
    return EmbeddedServer(real, socket_dir, PORT, seat)


def is_embedded(folder: Path | str) -> bool:
    """Tell whether ``folder`` holds the data of an embedded PostgreSQL, running or not."""
    try:
        return (Path(folder) / "pgdata").is_dir()
    except OSError as error:
        raise ConfigurationError(f"{folder} can't be looked into: {error}.") from error
