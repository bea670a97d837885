"""A way to PostgreSQL that can be cut: a Unix socket, which hands on to the server's own."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.conftest import Database

PORT: Final = 5432


class Line:
    """Connections through a socket of its own. While it is cut, there is nobody to connect to."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._target = f"{database.server.host}/.s.PGSQL.{database.server.port}"
        # Owns the sockets: each client's, with the server's.
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listening: socket.socket | None = None
        self._silent = False
        self.mend()

    def conninfo(self, user: str) -> str:
        return f"host={self._folder} port={PORT} user={user} dbname={self._database.name}"

    def cut(self) -> None:
        """Ends all connections and takes no new ones."""
        listening, self._listening = self._listening, None
        if listening is not None:
            self._socket.unlink()
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        with self._lock:
            for pair in self._pairs:
                for end in pair:
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
            self._pairs.clear()

    def mend(self) -> None:
        """Takes connections, and hands on both ways."""
        self._silent = False
        if self._listening is None:
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(self._socket))
            self._listening.listen()
            threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def swallow_answers(self) -> None:
        """From now on requests reach the server, and no answer comes back."""
        self._silent = True

    @property
    def _socket(self) -> Path:
        return self._folder / f".s.PGSQL.{PORT}"

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._hand_on, args=(client, server), daemon=True).start()

    def _hand_on(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, selectors.DefaultSelector() as both, suppress(OSError):
            both.register(client, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in both.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    if key.fileobj is client or not self._silent:
                        key.data.sendall(data)


@contextmanager
def line_to(database: Database) -> Iterator[Line]:
    """A whole line for a block, in a folder of its own: a test's folder has too long a path for a socket."""
    with TemporaryDirectory(prefix="ub-") as folder:
        line = Line(database, Path(folder))
        try:
            yield line
        finally:
            line.cut()
