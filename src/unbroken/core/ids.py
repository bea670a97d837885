"""Event identifiers: UUID version 7 (RFC 9562, section 5.7), so that ids sort roughly by time."""

import hashlib
import hmac
import os
import re
import time

_SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id() -> str:
    """A fresh UUIDv7 in its lower-case hyphenated form."""
    milliseconds = time.time_ns() // 1_000_000
    return _uuid(milliseconds.to_bytes(6, "big") + os.urandom(10), version=7)


def id_of(*parts: bytes, key: bytes = b"") -> str:
    """The UUIDv8 that always stands for ``parts``: for events that have an identity before they are recorded.

    With a ``key`` nobody without it can tell which parts an id may stand for.
    """
    text = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return _uuid((hmac.digest(key, text, "sha256") if key else hashlib.sha256(text).digest())[:16], version=8)


def is_id(text: str) -> bool:
    """Whether ``text`` is a UUID in its lower-case hyphenated form."""
    return _SHAPE.fullmatch(text) is not None


def _uuid(raw: bytes, *, version: int) -> str:
    octets = bytearray(raw)
    octets[6] = (octets[6] & 0x0F) | (version << 4)
    octets[8] = (octets[8] & 0x3F) | 0x80
    digits = octets.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
