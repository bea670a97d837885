"""Asking a server of HashiCorp Vault or OpenBao: one request at a time, over TLS, as whoever the environment names."""

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError

TIMEOUT_S: Final = 10.0
_MAX_ANSWER_BYTES: Final = 256 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_OK: Final = frozenset({200, 204})
_DENIED: Final = 403
_REJECTED: Final = 400
_TOO_MANY: Final = 429
_SERVERS_FAULT: Final = 500


@dataclass(frozen=True, slots=True)
class AppRole:
    """A login for programs."""

    role_id: str
    secret_id: str = field(repr=False)
    mount: str = "approle"


class TransitServer:
    """A server and who asks it: a token, or an AppRole, with which a new token is got where the old one has ended.

    No proxies are used and no redirects followed. Raises :class:`ConfigurationError` for an address that is neither
    HTTPS nor on this machine's loopback, and where there is neither token nor role.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        role: AppRole | None = None,
        namespace: str | None = None,
        ca_file: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if not token and role is None:
            raise ConfigurationError("the transit server takes a token or an AppRole")
        self._host, self._port, self._tls = _parsed(address, ca_file)
        self._token = token
        self._role = role
        self._namespace = namespace
        self._timeout_s = timeout_s

    @classmethod
    def from_environment(cls) -> "TransitServer":
        """As VAULT_ADDR, VAULT_CACERT, VAULT_NAMESPACE and VAULT_TOKEN say, or VAULT_ROLE_ID and VAULT_SECRET_ID."""
        said = {name: value for name, value in os.environ.items() if name.startswith("VAULT_") and value}
        if "VAULT_ADDR" not in said:
            raise ConfigurationError("VAULT_ADDR does not say where the transit server is")
        has_role = "VAULT_ROLE_ID" in said and "VAULT_SECRET_ID" in said
        return cls(
            said["VAULT_ADDR"],
            token=said.get("VAULT_TOKEN"),
            role=AppRole(said["VAULT_ROLE_ID"], said["VAULT_SECRET_ID"]) if has_role else None,
            namespace=said.get("VAULT_NAMESPACE"),
            ca_file=Path(said["VAULT_CACERT"]) if "VAULT_CACERT" in said else None,
        )

    def __repr__(self) -> str:
        return f"TransitServer({self._host!r})"

    def ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The answer to one request below ``/v1/``.

        Raises :class:`AccessDeniedError`, :class:`UnavailableError` (sealed, in standby, overloaded, out of reach), and
        :class:`ConfigurationError` for what the server rejects. Messages hold its status, never its text.
        """
        fresh = self._token is None
        status, answer = self._sent(method, path, body, token=self._token or self._logged_in())
        if status == _DENIED and self._role is not None and not fresh:
            status, answer = self._sent(method, path, body, token=self._logged_in())
        return _accepted(status, answer)

    def _logged_in(self) -> str:
        role = self._role
        if role is None:
            raise AccessDeniedError("the transit server refused the token")
        body = {"role_id": role.role_id, "secret_id": role.secret_id}
        status, text = self._sent("POST", f"auth/{role.mount}/login", body, token=None)
        if status == _REJECTED:
            raise AccessDeniedError("the transit server's login does not know this AppRole or its secret (400)")
        answer = _accepted(status, text)
        granted = answer.get("auth")
        token = granted.get("client_token") if isinstance(granted, dict) else None
        if not isinstance(token, str):
            raise ConfigurationError("the transit server's login gave no token")
        self._token = token
        return token

    def _sent(self, method: str, path: str, body: Mapping[str, str] | None, *, token: str | None) -> tuple[int, bytes]:
        headers = {"X-Vault-Request": "true", "Content-Type": "application/json"}
        headers |= {"X-Vault-Token": token} if token else {}
        headers |= {"X-Vault-Namespace": self._namespace} if self._namespace else {}
        connection = self._connection()
        try:
            connection.request(method, f"/v1/{quote(path)}", json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, response.read(_MAX_ANSWER_BYTES + 1)
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"the transit server {self._host} did not prove its name: see VAULT_CACERT"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"the transit server {self._host} can't be reached: try again") from error
        except ValueError:
            # Without the cause: it quotes the header, which may be the token.
            raise ConfigurationError("a token or namespace of the transit server holds impossible characters") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)


def _parsed(address: str, ca_file: Path | None) -> tuple[str, int | None, ssl.SSLContext | None]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError("the transit server's address is no address") from error
    if not host or parts.scheme not in ("http", "https") or parts.path.strip("/") or "@" in parts.netloc:
        raise ConfigurationError("the transit server's address is to be https://host or https://host:port")
    if parts.scheme == "https":
        return host, port, _tls(ca_file)
    if host not in _LOOPBACK:
        raise ConfigurationError("a transit server is asked over HTTPS, unless it is on this machine")
    return host, port, None


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError("the transit server's authorities (VAULT_CACERT) can't be read") from error


def _accepted(status: int, answer: bytes) -> dict[str, Any]:
    if status == _DENIED:
        raise AccessDeniedError("the transit server refused (403): the token or its policy does not allow it")
    if status == _TOO_MANY or status >= _SERVERS_FAULT:
        raise UnavailableError(f"the transit server can't answer now ({status}): sealed, in standby or overloaded")
    if status == _REJECTED:
        raise ConfigurationError(
            "the transit server rejected what was sent (400): it is of another key, or was changed"
        )
    if len(answer) > _MAX_ANSWER_BYTES:
        raise ConfigurationError("the transit server's answer is longer than 256 KiB: it is no such server")
    if status not in _OK:
        raise ConfigurationError(f"the transit server has nothing of that kind there ({status})")
    return _decoded(answer)


def _decoded(answer: bytes) -> dict[str, Any]:
    try:
        value = json.loads(answer or b"{}")
    except (ValueError, RecursionError):
        # Without the cause: it holds the answer, which may be a key.
        raise ConfigurationError("the transit server's answer is no JSON") from None
    return value if isinstance(value, dict) else {}
