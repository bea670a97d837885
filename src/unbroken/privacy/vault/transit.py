"""Vault keys wrapped by the transit engine of HashiCorp Vault or OpenBao, over HTTPS and nothing else.

The transit key has to be made with ``derived=true`` and a type that takes additional data (``aes256-gcm96``, which is
the default): each vault key is then wrapped by a key of its own, and what was wrapped for one opens for no other.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from unbroken.errors import ConfigurationError
from unbroken.key_services.transit_server import TransitServer
from unbroken.privacy.vault.key_encryption import checked_id

_KIND: Final = "vault:v"


@dataclass(frozen=True, slots=True)
class TransitKey:
    """A :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` by a key of a transit engine.

    ``id`` is what wrapped keys call it here; ``key`` is its name there, below ``mount``.
    """

    id: str
    key: str
    server: TransitServer
    mount: str = "transit"

    def __post_init__(self) -> None:
        checked_id(self.id)

    def wrap(self, private: bytes, *, context: bytes) -> bytes:
        """As :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` says."""
        made = self._asked("encrypt", "ciphertext", context, plaintext=_text(private))
        if not made.startswith(_KIND) or not made.isascii():
            raise ConfigurationError(f"the transit key {self.id!r} answered with no wrapped key")
        return made.encode()

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """As :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` says."""
        if not wrapped.startswith(_KIND.encode()) or not wrapped.isascii():
            raise ConfigurationError(f"a vault key that {self.id!r} wrapped is damaged")
        plaintext = self._asked("decrypt", "plaintext", context, ciphertext=wrapped.decode())
        try:
            return base64.b64decode(plaintext, validate=True)
        except binascii.Error:
            # Without the cause: nothing of a private key may be quoted.
            raise ConfigurationError(f"the transit key {self.id!r} answered with no key") from None

    def check(self) -> None:
        """Raises :class:`ConfigurationError` for a transit key that does not tell contexts apart.

        Takes the right to read the key's settings, which wrapping itself does not.
        """
        settings = self.server.ask("GET", f"{self.mount}/keys/{self.key}").get("data", {})
        if settings.get("derived") is not True or settings.get("convergent_encryption"):
            raise ConfigurationError(
                f"the transit key {self.id!r} has to be made with derived=true and without convergent encryption"
            )
        if settings.get("exportable") or settings.get("allow_plaintext_backup"):
            raise ConfigurationError(f"the transit key {self.id!r} can be taken out of its server: make one that can't")

    def _asked(self, action: str, wanted: str, context: bytes, **what: str) -> str:
        # The derivation tells contexts apart already; additional data still does where a key isn't derived.
        bound = {"context": _text(context), "associated_data": _text(context)}
        answer: Any = self.server.ask("POST", f"{self.mount}/{action}/{self.key}", {**what, **bound})
        found = answer.get("data", {}).get(wanted) if isinstance(answer.get("data"), dict) else None
        if not isinstance(found, str):
            raise ConfigurationError(f"the transit key {self.id!r} answered with something else than asked for")
        return found


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
