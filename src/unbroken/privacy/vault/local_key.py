"""Key-encryption keys that are 32 bytes in a file or in the environment.

Both hold lines of an id and 64 hex digits; the last line is the key that wraps, those above are retired.
"""

import fcntl
import hmac
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from unbroken.errors import ConfigurationError
from unbroken.files import beginning, create, exchange, is_mine_alone, is_plain
from unbroken.privacy.vault.framing import framed
from unbroken.privacy.vault.key_encryption import KeyEncryptions, checked_id

KEY_BYTES: Final = 32
ENVIRONMENT: Final = "UNBROKEN_VAULT_KEYS"
_MAX_TEXT_BYTES: Final = 64 * 1024
_NONCE_BYTES: Final = 12
_WRAPPING: Final = b"unbroken vault wrapping"


@dataclass(frozen=True, eq=False)
class LocalKey:
    """A key-encryption key in this process's memory: AES-256-GCM, ``nonce(12) ‖ ciphertext``.

    Raises :class:`ConfigurationError` for a secret that isn't 32 bytes long, and for an impossible id.
    """

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        checked_id(self.id)
        if len(self.secret) != KEY_BYTES:
            raise ConfigurationError(f"the key-encryption key {self.id!r} is not 32 bytes long")

    @classmethod
    def generate(cls, key_id: str) -> "LocalKey":
        """A new random one."""
        return cls(key_id, os.urandom(KEY_BYTES))

    def wrap(self, private: bytes, *, context: bytes) -> bytes:
        """As :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` says."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, private, self._bound(context))

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """As :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` says."""
        nonce, made = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return self._cipher().decrypt(nonce, made, self._bound(context))
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                f"a vault key can't be unwrapped by {self.id!r}: it was wrapped by another key of that name, or changed"
            ) from error

    def to_text(self) -> str:
        """Its line in a file."""
        return f"{self.id} {self.secret.hex()}\n"

    def _cipher(self) -> AESGCM:
        # Derived, so that a secret that serves something else as well gives nothing away here.
        return AESGCM(hmac.digest(self.secret, _WRAPPING, "sha256"))

    def _bound(self, context: bytes) -> bytes:
        return framed(self.id.encode(), context)


def from_text(text: str) -> KeyEncryptions:
    """The keys in a text of lines; raises :class:`ConfigurationError` for any other, without quoting it."""
    try:
        keys = [_key_of(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        # Without the cause: it may quote a secret.
        raise ConfigurationError("not key-encryption keys: each line holds an id and 64 hex digits") from None
    if not keys:
        raise ConfigurationError("there is no key-encryption key: a line of an id and 64 hex digits is missing")
    return KeyEncryptions.newest_last(keys)


def from_file(path: Path) -> KeyEncryptions:
    """The keys in a file that its owner alone may read.

    Raises :class:`ConfigurationError` where it belongs to another user than this process's, others may read or write
    it, or it is no plain file.
    """
    try:
        status, content = beginning(path, _MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"the file of key-encryption keys {path} can't be read") from error
    _check_private(status, path)
    if len(content) > _MAX_TEXT_BYTES:
        raise ConfigurationError(f"the file of key-encryption keys {path} is longer than 64 KiB")
    return from_text(content.decode("ascii", "replace"))


def from_environment(name: str = ENVIRONMENT) -> KeyEncryptions:
    """The keys in an environment variable, where a semicolon may end a line too.

    Whatever can look at this process's environment, and every process it starts, sees them: a file is better.
    """
    text = os.environ.get(name, "")
    if not text.strip():
        raise ConfigurationError(f"there is no key-encryption key in the environment variable {name}")
    return from_text(text.replace(";", "\n"))


def create_file(path: Path, key: LocalKey) -> None:
    """Writes a new file that its owner alone may read; raises :class:`ConfigurationError` where there is one."""
    try:
        create(path, key.to_text().encode())
    except OSError as error:
        raise ConfigurationError(f"the file of key-encryption keys {path} can't be written") from error


def add_to_file(path: Path, key: LocalKey) -> KeyEncryptions:
    """Adds a key to a file as the one that wraps from now on; returns all of them.

    The file is exchanged as a whole, so that a crash leaves the one or the other. Raises :class:`ConfigurationError`
    where there is no such file, it is not this user's alone, or somebody else is adding to it.
    """
    there = from_file(path)
    together = KeyEncryptions(key, (*there.retired, there.current))
    try:
        with path.open("rb") as before:
            fcntl.flock(before, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(before.fileno()), path.stat()) or from_file(path).ids != there.ids:
                raise BlockingIOError  # noqa: TRY301 - the same to whoever waits
            exchange(path, (before.read() + b"\n" + key.to_text().encode()).replace(b"\n\n", b"\n"))
    except BlockingIOError as error:
        raise ConfigurationError(f"{path} is being changed by somebody else: nothing was added") from error
    except OSError as error:
        raise ConfigurationError(f"the file of key-encryption keys {path} can't be written") from error
    return together


def _key_of(line: str) -> LocalKey:
    key_id, secret = line.split()
    return LocalKey(key_id, bytes.fromhex(secret))


def _check_private(status: os.stat_result, path: Path) -> None:
    if not is_plain(status):
        raise ConfigurationError(f"the file of key-encryption keys {path} is no plain file")
    if not is_mine_alone(status):
        raise ConfigurationError(
            f"the file of key-encryption keys {path} must belong to the user that reads it, and nobody else may: chmod"
            " 0600"
        )
