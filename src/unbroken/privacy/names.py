"""Names of people under a log's key: how one is found without being written down, and how it is sealed.

A *lookup* is an HMAC-SHA-256 of the name, so that the same name leads to the same row and nobody without the key can
try names out. A *sealed* name is ``01 ‖ nonce(12) ‖ AES-256-GCM``, bound to the log and the pseudonym that it belongs
to. Both keys are derived from the log's key.
"""

import hmac
import os
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError, InvalidEventError, TooLargeError
from unbroken.ledger.protection import Identity

MAX_NAME_BYTES: Final = 1024
"""The longest name, in UTF-8."""
_LOOKUP: Final = b"unbroken identity lookup"
_SEALING: Final = b"unbroken identity name"
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True)
class Names:
    """Makes and opens what leads to and from the pseudonyms of one log; ``origin`` is its name without incarnation."""

    origin: str
    _lookup_key: bytes = field(repr=False)
    _sealing_key: bytes = field(repr=False)

    @classmethod
    def under(cls, key: LogKey, *, log: str) -> "Names":
        """Under a log's key; ``log`` is its name, with or without incarnation."""
        return cls(
            log.partition("~")[0],
            hmac.digest(key.secret, _LOOKUP, "sha256"),
            hmac.digest(key.secret, _SEALING, "sha256"),
        )

    def lookup(self, name: str) -> bytes:
        """The 32 bytes by which a name is found, whichever way it was spelt.

        Raises :class:`InvalidEventError` for a blank name and :class:`TooLargeError` for one over
        :data:`MAX_NAME_BYTES`.
        """
        return hmac.digest(self._lookup_key, _encoded(spelling(name)), "sha256")

    def seal(self, name: str, pseudonym: str) -> bytes:
        """The name as :meth:`open` gives it again; different bytes each time."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher().encrypt(nonce, _encoded(_composed(name)), self._bound_to(pseudonym))

    def open(self, sealed: bytes, pseudonym: str) -> str:
        """The name that was sealed for ``pseudonym``.

        Raises :class:`ConfigurationError` where it was sealed under another key, for another pseudonym or for another
        log, and where it is damaged.
        """
        if sealed[:1] != _VERSION:
            raise ConfigurationError("a name was sealed by a newer release, or is damaged")
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher().decrypt(nonce, text, self._bound_to(pseudonym)).decode()
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError("a name can't be opened: it is under another key, or was changed") from error

    def identity(self, name: str, pseudonym: str) -> Identity:
        """The row that leads from a name to a pseudonym and back."""
        return Identity(pseudonym, self.lookup(name), self.seal(name, pseudonym))

    def _cipher(self) -> AESGCM:
        return AESGCM(self._sealing_key)

    def _bound_to(self, pseudonym: str) -> bytes:
        return f"{self.origin}\x00{pseudonym}".encode()


def spelling(name: str) -> str:
    """The one spelling of a name that it is found by: composed (NFC), without outer blanks, addresses in one case."""
    composed = _composed(name)
    if _ADDRESS.fullmatch(composed) is None:
        return composed
    if composed.isascii():
        return composed.lower()
    # Decomposed first, or some letters would come out differently a second time.
    return _composed(unicodedata.normalize("NFD", composed).casefold())


def _composed(name: str) -> str:
    return name.strip() if name.isascii() else unicodedata.normalize("NFC", name).strip()


def _encoded(name: str) -> bytes:
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        # Without the cause: it holds the name.
        raise InvalidEventError("a name is no Unicode text") from None
    if not encoded:
        raise InvalidEventError("a name is blank")
    if len(encoded) > MAX_NAME_BYTES:
        raise TooLargeError(f"a name is longer than {MAX_NAME_BYTES} bytes")
    return encoded
