"""A proxy before PostgreSQL that keeps answers back until the client has sent all that it was going to send."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg.conninfo import make_conninfo

from tests.conftest import Server

SYNC = b"S\x00\x00\x00\x04"
"""What ends a transaction in the extended protocol."""


class Withholding:
    """Passes one connection on, and keeps its answers back from :meth:`withhold_until` on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._port = socket.create_server(("127.0.0.1", 0))
        self._all_sent = threading.Event()
        self._all_sent.set()
        self._awaited = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def conninfo(self, user: str, dbname: str) -> str:
        port = self._port.getsockname()[1]
        return make_conninfo(self._server.conninfo(user, dbname), host="127.0.0.1", port=port)

    def withhold_until(self, syncs: int) -> None:
        """From now on the client gets no answer before it has sent so many ends of transactions."""
        self._awaited = syncs
        self._all_sent.clear()

    def _serve(self) -> None:
        client, _ = self._port.accept()
        server = _connected(self._server)
        threading.Thread(target=self._pass_answers, args=(server, client), daemon=True).start()
        with client, server, suppress(OSError):
            while data := client.recv(1 << 16):
                self._awaited -= data.count(SYNC)
                server.sendall(data)
                if self._awaited <= 0:
                    self._all_sent.set()

    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                self._all_sent.wait()
                client.sendall(data)

    def close(self) -> None:
        self._all_sent.set()
        self._port.close()


def _connected(server: Server) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(Path(server.host) / f".s.PGSQL.{server.port}"))
    return connection


@contextmanager
def withholding(server: Server) -> Iterator[Withholding]:
    proxy = Withholding(server)
    try:
        yield proxy
    finally:
        proxy.close()
