"""Sealing and opening what an event was before redaction.

Every person whom it concerns has a vault key, and a random share of 32 bytes is sealed to each. The key of the content
comes from all the shares together (HKDF-SHA-256), so that whichever of the keys is destroyed, the original is gone.
Shares and content are bound to log, event and keys. The content is ``salt ‖ canonical text``, padded: the commitment
that stands in the line can be checked on opening and, without the ciphertext, can't be tried out.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from unbroken.core.canonical import canonical
from unbroken.core.commitment import PARTS, SALT_BYTES, commit, new_salt, opens
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, InvalidEventError, KeyMissingError, OriginalError, TooLargeError
from unbroken.privacy.vault import layout
from unbroken.privacy.vault.keys import SHARE_BYTES, PrivateKey, PublicKey, id_bytes
from unbroken.privacy.vault.padding import padded, unpadded
from unbroken.privacy.vault.place import Place

EVENT: Final = "event"
"""Beside the parts: the event's own texts as they were."""
FIELDS: Final = frozenset({*PARTS, EVENT})
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SHARE: Final = b"unbroken original share"
_CONTENT: Final = b"unbroken original content"
_VERSION: Final = bytes([layout.VERSION])


@dataclass(frozen=True, slots=True)
class SealedOriginal:
    """What is stored of an original; ``commitment`` goes into the event's ``original``."""

    commitment: str
    ciphertext: bytes = field(repr=False)


def seal(original: Mapping[str, Json], *, keys: Sequence[PublicKey], place: Place) -> SealedOriginal:
    """An original that opens with the private halves of all ``keys`` together, at this place alone.

    ``original`` holds what of :data:`FIELDS` there was: parts, and under ``event`` texts by field. The order of the
    keys means nothing, nor does naming one twice. Raises :class:`ConfigurationError` without a key, and
    :class:`TooLargeError` for more than 16 keys or 16 MiB: then keep no original rather than seal to fewer keys.
    """
    recipients = _recipients(keys)
    salt = new_salt()
    text = _text_of(original)
    shares = {key_id: os.urandom(SHARE_BYTES) for key_id in recipients}
    boxes = {key_id: key.seal(shares[key_id], info=_share_info(place, key_id)) for key_id, key in recipients.items()}
    content = padded(salt + text)
    head = layout.head_of(boxes, body_length=len(content) + layout.TAG_BYTES)
    cipher, nonce = _cipher(shares, place)
    body = cipher.encrypt(nonce, content, _bound_head(head, place))
    return SealedOriginal(commit(salt, text), head + body)


def open_original(
    ciphertext: bytes, *, private_keys: Mapping[str, PrivateKey], place: Place, commitment: str
) -> dict[str, Json]:
    """What was sealed, after checking that it is what the event at ``place`` committed to.

    ``private_keys`` are by id; those that are not needed are not looked at. Raises :class:`KeyMissingError` where one
    is not there, and :class:`OriginalError` for what was changed, moved, or is not what was committed to.
    """
    return _value_of(_checked(ciphertext, private_keys, place, commitment))


def matches(
    ciphertext: bytes,
    value: Json,
    *,
    private_keys: Mapping[str, PrivateKey],
    place: Place,
    commitment: str,
    part: str | None = None,
) -> bool:
    """Whether the original, or one part of it, is exactly ``value``.

    How long it takes says nothing about where two values differ. Raises what :func:`open_original` raises, and
    :class:`InvalidEventError` for a value that JSON can't hold or a part that there is not.
    """
    if part is not None and part not in FIELDS:
        raise InvalidEventError(f"an original has the parts {', '.join(sorted(FIELDS))}")
    wanted = canonical(value)
    text = _checked(ciphertext, private_keys, place, commitment)
    if part is None:
        return _same(text, wanted)
    original = _value_of(text)
    return part in original and _same(canonical(original[part]), wanted)


def _recipients(keys: Sequence[PublicKey]) -> dict[str, PublicKey]:
    recipients = {key.id: key for key in keys}
    if not recipients:
        raise ConfigurationError("an original needs at least one vault key to be sealed to: nothing was sealed")
    if len(recipients) > layout.MAX_KEYS:
        raise TooLargeError(
            f"an original concerns {len(recipients)} vault keys; it takes {layout.MAX_KEYS}: nothing was sealed"
        )
    return dict(sorted(recipients.items()))


def _text_of(original: Mapping[str, Json]) -> bytes:
    if not original or not original.keys() <= FIELDS:
        raise InvalidEventError(f"an original holds some of {', '.join(sorted(FIELDS))}, and nothing else")
    text = canonical(dict(original))
    if len(text) > layout.MAX_CONTENT_BYTES - SALT_BYTES:
        raise TooLargeError(f"an original is {len(text)} bytes long; the vault takes {layout.MAX_CONTENT_BYTES}")
    return text


def _checked(ciphertext: bytes, private_keys: Mapping[str, PrivateKey], place: Place, commitment: str) -> bytes:
    """The text that was sealed, once it is known to be what was committed to."""
    parsed = layout.parse(ciphertext)
    missing = tuple(key_id for key_id in parsed.shares if key_id not in private_keys)
    if missing:
        raise KeyMissingError(
            f"an original needs {len(parsed.shares)} vault keys, of which {len(missing)} are not there: erased, or kept"
            " elsewhere",
            key_ids=missing,
        )
    shares = {
        key_id: private_keys[key_id].open(box, info=_share_info(place, key_id)) for key_id, box in parsed.shares.items()
    }
    cipher, nonce = _cipher(shares, place)
    try:
        content = unpadded(cipher.decrypt(nonce, parsed.body, _bound_head(parsed.head, place)))
    except InvalidTag as error:
        raise OriginalError("an original does not open: it was changed, or belongs to another entry") from error
    if content is None:
        raise OriginalError("an original was not sealed as version 1 says: its padding is wrong")
    salt, text = content[:SALT_BYTES], content[SALT_BYTES:]
    if not opens(commitment, salt=salt, value=text):
        raise OriginalError("an original opens and is not what its entry committed to: one of the two was replaced")
    return text


def _value_of(text: bytes) -> dict[str, Json]:
    try:
        value: dict[str, Json] = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        # Without the cause: it may quote what was opened.
        raise OriginalError("an original is what its entry committed to, and no JSON object") from None
    return value


def _cipher(shares: Mapping[str, bytes], place: Place) -> tuple[AESGCM, bytes]:
    """The content's cipher and nonce; shares are fresh with each sealing, so no two share a nonce."""
    info = place.bound(_CONTENT, _VERSION, *map(id_bytes, shares))
    derived = HKDF(SHA256(), _KEY_BYTES + _NONCE_BYTES, salt=None, info=info).derive(b"".join(shares.values()))
    return AESGCM(derived[:_KEY_BYTES]), derived[_KEY_BYTES:]


def _share_info(place: Place, key_id: str) -> bytes:
    return place.bound(_SHARE, _VERSION, id_bytes(key_id))


def _bound_head(head: bytes, place: Place) -> bytes:
    return place.bound(_CONTENT, head)


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(hashlib.sha256(one).digest(), hashlib.sha256(other).digest())
