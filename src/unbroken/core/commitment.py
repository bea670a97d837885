"""Salted commitments: what a line holds in place of a payload."""

import hashlib
import hmac
import os

SALT_BYTES = 32
PARTS = ("inputs", "outputs", "details")


def new_salt() -> bytes:
    """32 fresh random bytes; kept with the value they hide and destroyed with it."""
    return os.urandom(SALT_BYTES)


def commit(salt: bytes, value: bytes) -> str:
    """``SHA-256(salt ‖ value)`` in hex, ``value`` being the part's canonical JSON text in UTF-8."""
    return hashlib.sha256(salt + value).hexdigest()


def opens(commitment: str, *, salt: bytes, value: bytes) -> bool:
    """Whether ``salt`` and ``value`` are what ``commitment`` was made of."""
    return len(salt) == SALT_BYTES and hmac.compare_digest(commit(salt, value), commitment)
