"""One POST to a server that nobody vouches for: over TLS, bounded in bytes and time, without proxies or redirects."""

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from unbroken.errors import AccessDeniedError, AnchorError, ConfigurationError, UnavailableError

TIMEOUT_S: Final = 10.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_DENIED: Final = frozenset({401, 403})
_NOT_NOW: Final = frozenset({408, 425, 429})
_SERVERS_FAULT: Final = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came, of at most as many bytes as were asked for."""

    status: int
    content_type: str
    body: bytes


class Endpoint:
    """An address, ``https://host[:port][/path]``.

    ``plain`` allows HTTP without TLS, for what is signed by itself and secret to nobody; on this machine's loopback it
    is always allowed. ``ca_file`` holds the authorities to trust instead of the system's. Messages name the host alone:
    a path may hold what identifies a customer. Raises :class:`ConfigurationError` for another address.
    """

    def __init__(
        self, url: str, *, plain: bool = False, ca_file: Path | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.host, self._port, self._path, is_tls = _parsed(url, plain=plain)
        self._tls = _tls(ca_file) if is_tls else None
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"Endpoint({self.host!r})"

    @property
    def where(self) -> str:
        """Scheme, host and port."""
        port = f":{self._port}" if self._port is not None else ""
        return f"http{'s' if self._tls else ''}://{self.host}{port}"

    def post(self, body: bytes, *, content_type: str, limit: int, below: str = "") -> Reply:
        """The answer to ``body``, whatever its status, from the path that the address names, and ``below`` it.

        Raises :class:`UnavailableError` where there is none within the time, or half of one; :class:`AnchorError` for
        more than ``limit`` bytes; :class:`ConfigurationError` where the host does not prove its name.
        """
        connection = self._connection()
        path = self._path.rstrip("/") + below if below else self._path
        try:
            with _Watch(self._timeout_s, connection) as watch:
                watch.connect()
                connection.request("POST", path, body, {"Content-Type": content_type})
                # Closed by itself: what was not read to its end keeps the socket open.
                with connection.getresponse() as response:
                    reply = Reply(response.status, response.getheader("Content-Type") or "", response.read(limit + 1))
                    left = response.length
                    is_chunked = response.chunked
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(f"{self.host} did not prove its name: check the authorities to trust") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError: what a socket that was shut while it is being read raises.
            raise UnavailableError(f"{self.host} gave no answer ({type(error).__name__}): try again") from error
        finally:
            connection.close()
        if len(reply.body) > limit:
            raise AnchorError(f"{self.host} answered with more than {limit} bytes: it is no such server")
        if watch.is_over or left or (left is None and not reply.body and not is_chunked):
            raise UnavailableError(f"{self.host} gave half an answer: try again")
        return reply

    def accept(self, reply: Reply, *, content_type: str | None = None) -> bytes:
        """The body of a reply that means success; raises what any other one means."""
        if reply.status in _DENIED:
            raise AccessDeniedError(f"{self.host} refused ({reply.status})")
        if reply.status in _NOT_NOW or reply.status >= _SERVERS_FAULT:
            raise UnavailableError(f"{self.host} can't answer now ({reply.status}): try again")
        if reply.status != http.client.OK:
            raise ConfigurationError(f"{self.host} does not do what was asked there ({reply.status})")
        if content_type is not None and reply.content_type.partition(";")[0].strip().lower() != content_type:
            raise AnchorError(f"{self.host} answered with something else than {content_type}")
        return reply.body

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self.host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self.host, self._port, timeout=self._timeout_s, context=self._tls)


class _Watch:
    """Shuts a connection after a time, and says so: a socket's own timeout starts anew with every byte."""

    def __init__(self, seconds: float, connection: http.client.HTTPConnection) -> None:
        self.is_over = False
        self._connection = connection
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def connect(self) -> None:
        """Connects, and remembers the socket: the connection lets go of it where no length was announced."""
        self._connection.connect()
        self._socket = self._connection.sock

    def _end(self) -> None:
        self.is_over = True
        sock = self._socket or self._connection.sock
        if sock is not None:
            with suppress(OSError):
                # The plain socket's method: that of a TLS socket takes away what another thread is reading from.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _parsed(url: str, *, plain: bool) -> tuple[str, int | None, str, bool]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError("an anchor's address is no address") from error
    if not host or parts.scheme not in ("http", "https") or "@" in parts.netloc or parts.fragment:
        raise ConfigurationError("an anchor's address is to be https://host, with a port and a path where needed")
    if any(map(_is_impossible, url)):
        raise ConfigurationError("an anchor's address holds characters that no address has")
    if parts.scheme == "http" and not plain and host not in _LOOPBACK:
        raise ConfigurationError(f"{host} is to be asked over HTTPS")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return host, port, path, parts.scheme == "https"


def _is_impossible(character: str) -> bool:
    return not "!" <= character <= "~"


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError("the authorities that an anchor's certificate is checked by can't be read") from error
