"""How private vault keys are wrapped: by key-encryption keys that live elsewhere, each with an id.

A wrapped key is ``01``, the length and the id of the key-encryption key in ASCII, and what that key made of the 32
bytes. Re-wrapping touches no ciphertext, so rotation costs a few bytes per person whatever was recorded.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from unbroken.errors import ConfigurationError
from unbroken.privacy.vault.keys import SEED_BYTES, PrivateKey

MAX_WRAPPED_BYTES: Final = 4096
_VERSION: Final = b"\x01"
_ID: Final = re.compile(r"[0-9a-z][0-9a-z._-]{0,63}")


class KeyEncryption(Protocol):
    """A key-encryption key, wherever it is kept; only the opener's host and whoever fills the pool can use it.

    ``context`` is text in UTF-8, without anything personal; what was wrapped in one context opens in no other. Raises
    :class:`ConfigurationError` for what was changed, wrapped by another key or in another context;
    :class:`AccessDeniedError` where whoever keeps it refuses, :class:`UnavailableError` where it can't be reached.
    """

    @property
    def id(self) -> str:
        """What wrapped keys name it by; see :func:`checked_id`."""
        ...

    def wrap(self, private: bytes, *, context: bytes) -> bytes:
        """``private`` in a form that only this key opens."""
        ...

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """What was wrapped."""
        ...


def checked_id(key_id: str) -> str:
    """``key_id``, where it may name a key-encryption key; else raises :class:`ConfigurationError`."""
    if _ID.fullmatch(key_id) is None:
        raise ConfigurationError(
            "a key-encryption key is named by up to 64 of the characters 0-9 a-z . _ - and begins with one of 0-9 a-z"
        )
    return key_id


def wrap(key: PrivateKey, *, by: KeyEncryption, log: str) -> bytes:
    """A private vault key of a log as it is stored; ``log`` is the log's name, with or without incarnation."""
    made = by.wrap(key.seed, context=_context(key.id, log))
    return _VERSION + _named(by.id) + made


def wrapped_by(wrapped: bytes) -> str:
    """The id of the key-encryption key that opens this; raises :class:`ConfigurationError` for what is damaged."""
    return _taken_apart(wrapped)[0]


def unwrap(wrapped: bytes, *, key_id: str, by: KeyEncryption, log: str) -> PrivateKey:
    """The private vault key ``key_id``; raises what :class:`KeyEncryption` does, also where it is another's."""
    stated, made = _taken_apart(wrapped)
    if stated != by.id:
        raise ConfigurationError(f"a vault key is wrapped by {stated!r}, which is not at hand")
    seed = by.unwrap(made, context=_context(key_id, log))
    if len(seed) != SEED_BYTES:
        raise ConfigurationError(f"the vault key {key_id} is wrapped and is no vault key: it was replaced")
    key = PrivateKey(seed)
    if key.id != key_id:
        raise ConfigurationError(f"another vault key is wrapped in place of {key_id}: it was replaced")
    return key


def rewrap(wrapped: bytes, *, key_id: str, old: KeyEncryption, new: KeyEncryption, log: str) -> bytes:
    """The same vault key, wrapped by ``new``. What it was wrapped in stays good until it is destroyed."""
    return wrap(unwrap(wrapped, key_id=key_id, by=old, log=log), by=new, log=log)


@dataclass(frozen=True, slots=True)
class KeyEncryptions:
    """The key that wraps now, and retired ones that only unwrap until everything is re-wrapped.

    Raises :class:`ConfigurationError` where two have one id.
    """

    current: KeyEncryption
    retired: tuple[KeyEncryption, ...] = ()

    def __post_init__(self) -> None:
        if len({each.id for each in self._all()}) != 1 + len(self.retired):
            raise ConfigurationError("two key-encryption keys have one id: what they wrapped can't be told apart")

    @classmethod
    def newest_last(cls, keys: Iterable[KeyEncryption]) -> "KeyEncryptions":
        """Of these, the last one wraps."""
        *retired, current = keys
        return cls(current, tuple(retired))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all that are at hand, the current one's first."""
        return tuple(each.id for each in self._all())

    def wrap(self, key: PrivateKey, *, log: str) -> bytes:
        """As :func:`wrap`, by the current key."""
        return wrap(key, by=self.current, log=log)

    def unwrap(self, wrapped: bytes, *, key_id: str, log: str) -> PrivateKey:
        """As :func:`unwrap`, by whichever key wrapped it."""
        return unwrap(wrapped, key_id=key_id, by=self._that_wrapped(wrapped), log=log)

    def is_retired(self, wrapped: bytes) -> bool:
        """Whether this is to be re-wrapped before the retired keys can go."""
        return wrapped_by(wrapped) != self.current.id

    def rewrap(self, wrapped: bytes, *, key_id: str, log: str) -> bytes:
        """As :func:`rewrap`, from whichever key wrapped it to the current one."""
        return rewrap(wrapped, key_id=key_id, old=self._that_wrapped(wrapped), new=self.current, log=log)

    def _that_wrapped(self, wrapped: bytes) -> KeyEncryption:
        wanted = wrapped_by(wrapped)
        found = next((each for each in self._all() if each.id == wanted), None)
        if found is None:
            raise ConfigurationError(f"a vault key is wrapped by {wanted!r}, which is not at hand")
        return found

    def _all(self) -> tuple[KeyEncryption, ...]:
        return (self.current, *self.retired)


def _named(key_id: str) -> bytes:
    encoded = checked_id(key_id).encode()
    return bytes([len(encoded)]) + encoded


def _taken_apart(wrapped: bytes) -> tuple[str, bytes]:
    """The id of the key that wrapped it, and what that key made."""
    if wrapped[:1] != _VERSION or len(wrapped) > MAX_WRAPPED_BYTES:
        raise ConfigurationError("a vault key was wrapped by a newer release, or is damaged")
    end = 2 + int.from_bytes(wrapped[1:2], "big")
    key_id = wrapped[2:end].decode("ascii", "replace")
    if len(wrapped) <= end or _ID.fullmatch(key_id) is None:
        raise ConfigurationError("a wrapped vault key is damaged")
    return key_id, wrapped[end:]


def _context(key_id: str, log: str) -> bytes:
    return f"unbroken vault key/1/{log.partition('~')[0]}/{key_id}".encode()
