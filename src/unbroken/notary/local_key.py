"""Signing keys that are at hand: in a file for its owner alone, or in the environment."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unbroken.core.note import SigningKey
from unbroken.errors import ConfigurationError
from unbroken.files import beginning, create, is_mine_alone, is_plain

ENVIRONMENT: Final = "UNBROKEN_CHECKPOINT_KEY"
_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A :class:`~unbroken.notary.signer.KeptKey` in this process's memory."""

    public: bytes
    secret: bytes = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """As :class:`~unbroken.notary.signer.KeptKey` says."""
        return Ed25519PrivateKey.from_private_bytes(self.secret).sign(message)


def from_file(path: Path, *, name: str) -> LocalKey:
    """The key in a file that its owner alone may read; ``name`` is what it has to be called.

    Raises :class:`ConfigurationError` where it can't be read, others may read or write it, or it is another log's key.
    """
    try:
        status, content = beginning(path, _MAX_BYTES)
    except OSError as error:
        raise ConfigurationError(f"the signing key {path} can't be read ({error.strerror})") from error
    if not is_plain(status) or not is_mine_alone(status):
        raise ConfigurationError(
            f"the signing key {path} must be a plain file of the user that reads it, and nobody else may: chmod 0600"
        )
    return _from_text(content.decode("utf-8", "replace"), name=name)


def from_environment(variable: str = ENVIRONMENT, *, name: str) -> LocalKey:
    """The key in an environment variable.

    Whatever can look at this process's environment, and every process it starts, sees it: a file is better.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        raise ConfigurationError(f"there is no signing key in the environment variable {variable}")
    return _from_text(text, name=name)


def create_file(path: Path, key: SigningKey) -> None:
    """Writes a new key's file, for its owner alone; raises :class:`ConfigurationError` where there is one."""
    try:
        create(path, key.to_text().encode())
    except FileExistsError as error:
        raise ConfigurationError(f"{path} is there already and was left as it is") from error
    except OSError as error:
        raise ConfigurationError(f"the signing key {path} can't be written ({error.strerror})") from error


def _from_text(text: str, *, name: str) -> LocalKey:
    key = SigningKey.from_text(text)
    if key.name != name:
        raise ConfigurationError(f"this signing key signs as {key.name}; the keys of this log are called {name}")
    return LocalKey(key.verifier.public, key.secret)
