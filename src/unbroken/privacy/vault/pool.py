"""Vault keys made beforehand, so that whoever needs one for a person never sees a private half.

A pool's public keys come to recorders out of the database, whose owner could put keys there to which he has the other
half. So each carries an *endorsement*: an HMAC under a key derived from the log's, which recorders hold and the
database does not. A recorder seals to no key without it.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError
from unbroken.privacy.vault.framing import framed
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.keys import PrivateKey, PublicKey

_ENDORSING: Final = b"unbroken vault key endorsement"


@dataclass(frozen=True, slots=True)
class Pooled:
    """A key of the pool as it is stored; ``wrapped_by`` is the key-encryption key's id."""

    public: PublicKey
    endorsement: str
    wrapped: bytes = field(repr=False)
    wrapped_by: str


def made(count: int, *, wrapping: KeyEncryptions, log_key: LogKey, log: str) -> Iterator[Pooled]:
    """``count`` new keys for a log, one at a time; the private halves are kept nowhere else.

    Whoever runs this sees every private half once: run it where originals may be opened.
    """
    for _ in range(count):
        key = PrivateKey.generate()
        endorsement = endorse(key.public, log_key=log_key, log=log)
        yield Pooled(key.public, endorsement, wrapping.wrap(key, log=log), wrapping.current.id)


def endorse(public: PublicKey, *, log_key: LogKey, log: str) -> str:
    """What shows a recorder that a key is one of the log's; ``log`` with or without incarnation."""
    derived = hmac.digest(log_key.secret, _ENDORSING, "sha256")
    said = framed(log.partition("~")[0].encode(), public.id.encode())
    return f"k{log_key.id}:{hmac.digest(derived, said, 'sha256').hex()}"


def endorsed(key_id: str, raw: bytes, endorsement: str, *, log_key: LogKey, log: str) -> PublicKey:
    """The public key that the database offers, where it is one of the log's; else :class:`ConfigurationError`."""
    public = PublicKey(key_id, raw)
    if not hmac.compare_digest(endorse(public, log_key=log_key, log=log).encode(), endorsement.encode()):
        raise ConfigurationError(
            f"the vault key {key_id} was not made with this log's key: nothing was sealed to it. Refill the pool, and"
            " find out who put it there"
        )
    return public
