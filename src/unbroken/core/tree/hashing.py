"""The hashes of RFC 6962, section 2.1, with SHA-256: all that builders and verifiers of proofs have in common."""

from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves."""
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
_PAIR_BYTES: Final = 2 * HASH_BYTES


def leaf_hash(leaf: bytes) -> bytes:
    """``SHA-256(0x00 ‖ leaf)``; of an entry's line it is the entry's hash."""
    return sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """``SHA-256(0x01 ‖ left ‖ right)``, of the hashes of two subtrees."""
    return sha256(_NODE + left + right).digest()


def perfect_root(hashes: bytes) -> bytes:
    """The root over hashes that stand one after another; their number is a power of two."""
    while len(hashes) > HASH_BYTES:
        # Written out and not by node_hash: this is where the time of extending a tree goes.
        pairs = range(0, len(hashes), _PAIR_BYTES)
        hashes = b"".join([sha256(_NODE + hashes[at : at + _PAIR_BYTES]).digest() for at in pairs])
    return hashes
