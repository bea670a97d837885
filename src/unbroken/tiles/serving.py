"""Serving a folder of tiles over HTTP on this machine (C2SP tlog-tiles): for trying tools, and behind a proxy."""

import gzip
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from unbroken.core.tree.bundles import Bundle
from unbroken.core.tree.tile import Tile
from unbroken.errors import ConfigurationError, ProofError
from unbroken.tiles.folder import CHECKPOINT

LOOPBACK: Final = "127.0.0.1"
_HOSTS: Final = (LOOPBACK, "localhost")
_PATIENCE_S: Final = 10
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class TileServer(ThreadingHTTPServer):
    """Serves ``folder`` on the loopback interface; port 0 takes a free one.

    Nothing but checkpoint, tiles and bundles is served, under their one spelling, to who asks this machine by its name:
    a page in somebody's browser can't reach it under a name of its own. Raises :class:`ConfigurationError` for a port
    that is taken.
    """

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigurationError(f"port {port} can't be served on: it is taken, or reserved") from error

    @property
    def address(self) -> str:
        """The prefix that clients are given."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: TileServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "unbroken", ""
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        """Answers with a file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answers without its content."""
        self._answer(with_body=False)

    def log_message(self, *_: Any) -> None:
        """Says nothing: who reads what is no business of the terminal's."""

    def _answer(self, *, with_body: bool) -> None:
        content = self._content()
        if content is None:
            self._send(HTTPStatus.NOT_FOUND, b"", {"Cache-Control": "no-cache"}, with_body=with_body)
            return
        headers = {"Content-Type": "application/octet-stream", "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if self.path == f"/{CHECKPOINT}":
            headers |= {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache"}
        if self.path.startswith("/tile/entries/") and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = gzip.compress(content, 1)
            headers["Content-Encoding"] = "gzip"
        self._send(HTTPStatus.OK, content, headers, with_body=with_body)

    def _content(self) -> bytes | None:
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if host not in _HOSTS or not _is_served(self.path.removeprefix("/")):
            return None
        try:
            return (self.server.folder / self.path.removeprefix("/")).read_bytes()
        except OSError:
            return None

    def _send(self, status: HTTPStatus, content: bytes, headers: dict[str, str], *, with_body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content)


def _is_served(path: str) -> bool:
    if path == CHECKPOINT:
        return True
    for kind in (Tile, Bundle):
        with suppress(ProofError):
            kind.parse(path)
            return True
    return False
