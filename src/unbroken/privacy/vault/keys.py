"""Vault keys: pairs of the hybrid KEM that joins ML-KEM-768 and X25519, for HPKE (RFC 9180, suite 647a-0001-0002).

A pair comes from a seed of 32 bytes in the way that X-Wing states it, so other implementations can use it as well. Its
id is taken from the public key: whoever holds either half can tell whether an id is the key's own.
"""

import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from unbroken.errors import ConfigurationError, OriginalError
from unbroken.privacy.vault.framing import framed

ID_BYTES: Final = 16
SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 1216
"""ML-KEM-768's encapsulation key, then X25519's public key."""
SHARE_BYTES: Final = 32
SEALED_SHARE_BYTES: Final = 1168
"""An encapsulation of 1120 bytes, the share, and a tag of 16."""
_MLKEM_PUBLIC_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64
_EXPANDED_BYTES: Final = 96
_PREFIX: Final = "v-"
_SHAPE: Final = re.compile(r"v-[0-9a-f]{32}")
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def is_key_id(text: str) -> bool:
    """Whether ``text`` has the form of a vault key's id: ``v-`` and 32 hex digits."""
    return _SHAPE.fullmatch(text) is not None


def id_bytes(key_id: str) -> bytes:
    """An id in the form that sealed bytes name it by."""
    return bytes.fromhex(key_id.removeprefix(_PREFIX))


def id_text(raw: bytes) -> str:
    """The id that :func:`id_bytes` was given."""
    return f"{_PREFIX}{raw.hex()}"


def _id_of(public: bytes) -> str:
    return id_text(hashlib.sha256(framed(b"unbroken vault key", public)).digest()[:ID_BYTES])


@dataclass(frozen=True)
class PublicKey:
    """What a recorder seals with; it opens nothing.

    Raises :class:`ConfigurationError` where ``raw`` is no such key or ``id`` is another key's.
    """

    id: str
    raw: bytes = field(repr=False)
    _key: MLKEM768X25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES or self.id != _id_of(self.raw):
            raise ConfigurationError("a vault key does not match its id: nothing was sealed to it")
        object.__setattr__(self, "_key", _loaded(self.raw))

    def seal(self, share: bytes, *, info: bytes) -> bytes:
        """``share`` for the holder of the private key alone, who has to know ``info`` as well."""
        try:
            return _SUITE.encrypt(share, self._key, info=info)
        except ValueError as error:
            raise ConfigurationError(f"the vault key {self.id} can't be sealed to: nothing was sealed") from error


@dataclass(frozen=True, eq=False)
class PrivateKey:
    """What opens; belongs to the opener's host alone and is never stored but wrapped.

    Raises :class:`ConfigurationError` for a seed that isn't 32 bytes long.
    """

    seed: bytes = field(repr=False)
    public: PublicKey = field(init=False)
    _key: MLKEM768X25519PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise ConfigurationError("the private half of a vault key is 32 bytes long")
        post_quantum, classical = _expanded(self.seed)
        raw = post_quantum.public_key().public_bytes_raw() + classical.public_key().public_bytes_raw()
        object.__setattr__(self, "public", PublicKey(_id_of(raw), raw))
        object.__setattr__(self, "_key", MLKEM768X25519PrivateKey(post_quantum, classical))

    @property
    def id(self) -> str:
        """The pair's id."""
        return self.public.id

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new random one."""
        return cls(os.urandom(SEED_BYTES))

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """The share that was sealed to this key; raises :class:`OriginalError` where this is not what was sealed."""
        try:
            return _SUITE.decrypt(sealed, self._key, info=info)
        except (InvalidTag, ValueError) as error:
            raise OriginalError(
                f"what was sealed to the vault key {self.id} does not open: it was changed, or belongs to another entry"
            ) from error


def _loaded(raw: bytes) -> MLKEM768X25519PublicKey:
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES]),
            X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:]),
        )
    except ValueError as error:
        raise ConfigurationError("a vault key is no point of its kind: nothing was sealed to it") from error
    except UnsupportedAlgorithm as error:
        raise _too_old() from error


def _expanded(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(_EXPANDED_BYTES)
    try:
        post_quantum = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
    except UnsupportedAlgorithm as error:
        raise _too_old() from error
    return post_quantum, X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])


def _too_old() -> ConfigurationError:
    return ConfigurationError(
        "the vault needs ML-KEM-768, which this build of the package cryptography lacks: install one from PyPI"
    )
