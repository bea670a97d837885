"""A signing key in the transit engine of HashiCorp Vault or OpenBao, of the type ``ed25519``, not derived.

The notary's token needs ``read`` on the key's settings and ``update`` on ``sign``. A version of the key there is a key
of its own here: rotating it there without ``unbroken keys rotate`` stops the notary, which finds another public key.
"""

import base64
import binascii
from typing import Any, Final

from unbroken.errors import ConfigurationError
from unbroken.key_services.transit_server import TransitServer

_TYPE: Final = "ed25519"
_PREFIX: Final = "vault"
_KEY_BYTES: Final = 32


class TransitSigningKey:
    """A :class:`~unbroken.notary.signer.KeptKey`; ``version`` ``None`` is the newest there is when this is made."""

    def __init__(self, key: str, server: TransitServer, *, mount: str = "transit", version: int | None = None) -> None:
        self._key = key
        self._server = server
        self._mount = mount
        self._version, self._public = self._asked_public(version)

    @property
    def public(self) -> bytes:
        """As :class:`~unbroken.notary.signer.KeptKey` says."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """As :class:`~unbroken.notary.signer.KeptKey` says."""
        body = {"input": base64.b64encode(message).decode(), "key_version": str(self._version)}
        answer = self._server.ask("POST", f"{self._mount}/sign/{self._key}", body)
        stated = _in_data(answer, "signature")
        prefix, _, rest = stated.partition(":") if isinstance(stated, str) else ("", "", "")
        version, _, encoded = rest.partition(":")
        if prefix != _PREFIX or version != f"v{self._version}":
            raise ConfigurationError(f"the transit key {self._key!r} answered with no signature of its version")
        return _decoded(encoded, self._key)

    def _asked_public(self, wanted: int | None) -> tuple[int, bytes]:
        answer = self._server.ask("GET", f"{self._mount}/keys/{self._key}")
        if _in_data(answer, "type") != _TYPE or _in_data(answer, "derived"):
            raise ConfigurationError(f"the transit key {self._key!r} is to be of the type {_TYPE}, and not derived")
        if _in_data(answer, "exportable") or _in_data(answer, "allow_plaintext_backup"):
            raise ConfigurationError(f"the transit key {self._key!r} can be taken out of its server: take another")
        version = _in_data(answer, "latest_version") if wanted is None else wanted
        versions = _in_data(answer, "keys")
        found = versions.get(str(version)) if isinstance(versions, dict) else None
        public = found.get("public_key") if isinstance(found, dict) else None
        if not isinstance(version, int) or not isinstance(public, str):
            raise ConfigurationError(f"the transit key {self._key!r} has no version {version}")
        raw = _decoded(public, self._key)
        if len(raw) != _KEY_BYTES:
            raise ConfigurationError(f"the transit key {self._key!r} has a public key that is none of Ed25519")
        return version, raw


def _in_data(answer: dict[str, Any], name: str) -> Any:
    data = answer.get("data")
    return data.get(name) if isinstance(data, dict) else None


def _decoded(text: str, key: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError(f"the transit key {key!r} answered with something else than base64") from error
