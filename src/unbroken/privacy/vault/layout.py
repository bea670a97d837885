"""The bytes of a sealed original, version 1.

=====================  ======================================================================================
``UBO`` ``01``         what this is, and its version, which stands for the suite
one byte               how many keys it takes, 1 to 16
per key: 16 + 1168     the key's id and the share sealed to it, ids strictly ascending
four bytes             the length of what follows, most significant first
rest                   the padded content under AES-256-GCM, with its tag; all before it is additional data
=====================  ======================================================================================
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from unbroken.errors import OriginalError
from unbroken.privacy.vault.keys import ID_BYTES, SEALED_SHARE_BYTES, id_bytes, id_text
from unbroken.privacy.vault.padding import SHORTEST, padded_length

MAX_KEYS: Final = 16
MAX_CONTENT_BYTES: Final = 16 * 2**20
"""More than the three parts of an event and its texts can have together."""
TAG_BYTES: Final = 16
VERSION: Final = 1
_KIND: Final = b"UBO"
_START: Final = _KIND + bytes([VERSION])
_LENGTH_BYTES: Final = 4
_BOX_BYTES: Final = ID_BYTES + SEALED_SHARE_BYTES
_BODY_BYTES: Final = range(SHORTEST + TAG_BYTES, padded_length(MAX_CONTENT_BYTES + 1) + TAG_BYTES + 1)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A sealed original taken apart: ``head`` is all before ``body``, ``shares`` are by key id, ascending."""

    head: bytes
    shares: Mapping[str, bytes]
    body: bytes


def head_of(shares: Mapping[str, bytes], *, body_length: int) -> bytes:
    """All that stands before the body."""
    boxes = b"".join(id_bytes(key_id) + shares[key_id] for key_id in sorted(shares))
    return _START + bytes([len(shares)]) + boxes + body_length.to_bytes(_LENGTH_BYTES, "big")


def parse(sealed: bytes) -> Parsed:
    """Takes a sealed original apart; raises :class:`OriginalError` for anything but exactly one."""
    if sealed[: len(_KIND)] != _KIND:
        raise OriginalError("these bytes are no sealed original")
    if sealed[len(_KIND) : len(_START)] != _START[len(_KIND) :]:
        raise OriginalError("an original was sealed in a version that this release does not know, or is damaged")
    shares_at = len(_START) + 1
    count = sealed[len(_START)] if len(sealed) > len(_START) else 0
    head_bytes = shares_at + count * _BOX_BYTES + _LENGTH_BYTES
    if not 1 <= count <= MAX_KEYS or len(sealed) < head_bytes:
        raise _damaged()
    shares = dict(_boxes(sealed, shares_at, count))
    body_bytes = int.from_bytes(sealed[head_bytes - _LENGTH_BYTES : head_bytes], "big")
    ascending = list(shares) == sorted(shares) and len(shares) == count
    if not ascending or body_bytes not in _BODY_BYTES or len(sealed) != head_bytes + body_bytes:
        raise _damaged()
    return Parsed(sealed[:head_bytes], shares, sealed[head_bytes:])


def keys_needed(sealed: bytes) -> tuple[str, ...]:
    """The ids of the keys that a sealed original takes, all of them; raises :class:`OriginalError` as :func:`parse`."""
    return tuple(parse(sealed).shares)


def _boxes(sealed: bytes, start: int, count: int) -> Iterator[tuple[str, bytes]]:
    for at in range(start, start + count * _BOX_BYTES, _BOX_BYTES):
        yield id_text(sealed[at : at + ID_BYTES]), sealed[at + ID_BYTES : at + _BOX_BYTES]


def _damaged() -> OriginalError:
    return OriginalError("a sealed original is damaged: its bytes are not laid out as version 1 says")
