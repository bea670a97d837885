"""Which connections must be encrypted to a server that proved its name, where the connection string does not say."""

import os
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from psycopg import pq

_UNSTATED: Final = "prefer"
_KNOWS_SYSTEM: Final = 160000
# Where systems keep the authorities that they trust, as one file.
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def with_tls(attempt: Mapping[str, str], settings: Mapping[str, str], *, stated: bool) -> dict[str, str]:
    """The connection parameters ``attempt`` of one host, with ``sslmode=verify-full`` where that is the default.

    That is: for every host but a Unix socket and the loopback, unless a mode is ``stated`` in the connection string or
    ``settings``, what the client library makes of string, environment and service file, has another than its own
    default. Left to itself it would take any certificate, and none at all if that is what it is offered.
    """
    if stated or settings.get("sslmode", _UNSTATED) != _UNSTATED or "PGSSLMODE" in os.environ or is_local(attempt):
        return dict(attempt)
    return {**attempt, "sslmode": "verify-full", **_trusted(settings)}


def is_local(attempt: Mapping[str, str]) -> bool:
    """Whether one host's parameters mean a Unix socket or this machine's loopback, by the name if it has one."""
    host = attempt.get("host") or attempt.get("hostaddr") or ""
    if not host or host[0] in "/@" or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _trusted(settings: Mapping[str, str]) -> dict[str, str]:
    """Whom to trust where nothing says so: the authorities that this system trusts."""
    if settings.get("sslrootcert") or (Path.home() / ".postgresql" / "root.crt").exists():
        return {}
    # A driver that brings a TLS library looks for them where that library was built.
    if pq.__impl__ != "binary" and pq.version() >= _KNOWS_SYSTEM:
        return {"sslrootcert": "system"}
    known = (ssl.get_default_verify_paths().cafile, *_BUNDLES)
    found = next((path for path in known if path and Path(path).exists()), None)
    return {} if found is None else {"sslrootcert": found}
