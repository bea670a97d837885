"""Keyed hashes: equal values match, and nobody without the log's key can try out short ones.

Written ``k<id>:<hex>``: HMAC-SHA-256 under the log's key ``<id>``, so that a rotation of keys is visible.
"""

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field

from unbroken.core.canonical import canonical
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError

KEY_BYTES = 32
_ID = re.compile(r"[0-9a-z]{1,16}")
_SHAPE = re.compile(r"k[0-9a-z]{1,16}:[0-9a-f]{64}")


@dataclass(frozen=True)
class LogKey:
    """A secret of one log, held by its recorders; ``id`` names it in every hash made with it."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if _ID.fullmatch(self.id) is None or len(self.secret) != KEY_BYTES:
            raise ConfigurationError("a log key is an id of 1 to 16 lower-case letters or digits and 32 bytes")

    def hash(self, value: Json) -> str:
        """The keyed hash of ``value``'s canonical JSON text."""
        return f"k{self.id}:{hmac.new(self.secret, canonical(value), hashlib.sha256).hexdigest()}"

    def to_text(self) -> str:
        """The one line of a key file: id and secret in hex."""
        return f"{self.id} {self.secret.hex()}\n"

    @classmethod
    def from_text(cls, text: str) -> "LogKey":
        """The key of the file's last line, which is the one in use; earlier lines are retired keys."""
        return cls._of_line(text.strip().splitlines()[-1:])

    @classmethod
    def all_from_text(cls, text: str) -> "list[LogKey]":
        """All keys of a file, the one in use first and then the retired ones, the latest first."""
        lines = text.strip().splitlines() or [""]
        return [cls._of_line([line]) for line in reversed(lines)]

    @classmethod
    def _of_line(cls, lines: list[str]) -> "LogKey":
        try:
            key_id, secret = lines[0].split()
            return cls(key_id, bytes.fromhex(secret))
        except (IndexError, ValueError) as error:
            raise ConfigurationError("not a key file: each line holds an id and 64 hex digits") from error

    @classmethod
    def generate(cls, key_id: str = "1") -> "LogKey":
        """A new random key."""
        return cls(key_id, os.urandom(KEY_BYTES))


def is_keyed_hash(text: str) -> bool:
    """Whether ``text`` has the form of a keyed hash."""
    return _SHAPE.fullmatch(text) is not None
