"""Cosignatures of checkpoints (C2SP tlog-cosignature), of type ``04``: Ed25519 with a time.

A cosigner says that, as of that time, this was the largest tree that it had seen of the log, and that it continues
every one that it had seen before.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from unbroken.core.note import Signature, VerifierKey, parse
from unbroken.errors import ConfigurationError, NoteError

_TYPE: Final = b"\x04"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_LATEST: Final = 253_402_300_799
"""The last second that a calendar of four digits knows."""


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A cosigner's public key with its name; as text ``name+hex(id)+base64(04 ‖ key)``.

    Raises :class:`ConfigurationError` for an impossible name and for what is no key.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        # The same names as everybody else who signs notes.
        VerifierKey(self.name, self.public)

    @classmethod
    def from_text(cls, text: str) -> "CosignerKey":
        """The key that ``text`` states; raises :class:`ConfigurationError` where its parts don't fit together."""
        name, _, rest = text.partition("+")
        encoded = rest.partition("+")[2]
        raw = _decoded(encoded)
        if raw[:1] != _TYPE or len(raw) != 1 + _KEY_BYTES:
            raise ConfigurationError("not a cosigner's key: name+id+key, the key of type 04 (Ed25519) in base64")
        key = cls(name, raw[1:])
        if str(key) != text:
            raise ConfigurationError("a cosigner key's id does not belong to its name and key: it was changed")
        return key

    @classmethod
    def of(cls, key: VerifierKey) -> "CosignerKey":
        """The key by which whoever signs as ``key`` states times: the same name and public key, as a cosigner's."""
        return cls(key.name, key.public)

    @property
    def id(self) -> bytes:
        """The four bytes that cosignatures name the key by, beside its name."""
        return hashlib.sha256(self.name.encode() + b"\n" + _TYPE + self.public).digest()[:_ID_BYTES]

    def line(self, signature: bytes, *, at: datetime) -> str:
        """The line by which a note bears this key's cosignature; ``signature`` is that of :func:`cosigned_text`."""
        raw = int(at.timestamp()).to_bytes(_TIME_BYTES) + signature
        return f"\u2014 {self.name} {base64.b64encode(self.id + raw).decode()}\n"

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_TYPE + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class CosigningKey:
    """A cosigner's private key with its name."""

    name: str
    secret: bytes = field(repr=False)

    @property
    def verifier(self) -> CosignerKey:
        """The public half."""
        return CosignerKey(self.name, self._key().public_key().public_bytes_raw())

    def cosign(self, text: str, *, at: datetime) -> str:
        """The line with the cosignature of a checkpoint's text, as of a whole second."""
        return self.verifier.line(self._key().sign(cosigned_text(text, at=at)), at=at)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Who cosigned, and as of when by their clock."""

    by: CosignerKey
    at: datetime


def cosigned(text: str, signatures: Iterable[Signature], trusted: Iterable[CosignerKey]) -> list[Cosigned]:
    """Which of the trusted keys cosigned a checkpoint's text; signatures of all others are passed over.

    Raises :class:`NoteError` where a cosignature of a trusted key does not verify.
    """
    keys = {(key.name, key.id): key for key in trusted}
    return [
        Cosigned(key, _verified_time(text, signature, key))
        for signature in signatures
        if (key := keys.get((signature.name, signature.key_id))) is not None
    ]


def stated_time(note: str | bytes, keys: Iterable[VerifierKey]) -> datetime | None:
    """The newest time at which one of these keys cosigned what it had signed, as a notary does; ``None``: none did.

    Raises :class:`NoteError` for what is no note, and where a cosignature of one of the keys does not verify.
    """
    parsed = parse(note)
    return max((each.at for each in cosigned(parsed.text, parsed.signatures, map(CosignerKey.of, keys))), default=None)


def _verified_time(text: str, signature: Signature, key: CosignerKey) -> datetime:
    if len(signature.raw) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise NoteError(f"the cosignature of {key.name} is not as long as one is")
    seconds = int.from_bytes(signature.raw[:_TIME_BYTES])
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature.raw[_TIME_BYTES:], _message(text, seconds))
    except (InvalidSignature, ValueError) as error:
        raise NoteError(f"the cosignature of {key.name} does not fit the checkpoint: one of the two changed") from error
    if not 0 < seconds <= _LATEST:
        raise NoteError(f"the cosignature of {key.name} states no time")
    return datetime.fromtimestamp(seconds, UTC)


def cosigned_text(text: str, *, at: datetime) -> bytes:
    """What a cosignature of a checkpoint's text signs, as of a whole second."""
    return _message(text, int(at.timestamp()))


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ConfigurationError("a cosigner's key is not in base64") from error
