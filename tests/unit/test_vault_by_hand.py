"""Originals opened by other means: what RFC 9180, X-Wing and the layout's description say, and nothing of the vault.

Whoever has to open originals long after this package is gone has these descriptions.
"""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.unit.vaulted import DANA, KIM, LEE, ORIGINAL, PLACE
from unbroken.privacy.vault.originals import seal

KEPT = Path(__file__).with_name("vault_version_1.json")
SUITE = b"HPKE" + (0x647A).to_bytes(2, "big") + (0x0001).to_bytes(2, "big") + (0x0002).to_bytes(2, "big")


def extract(salt: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), secret, "sha256")


def expand(key: bytes, info: bytes, length: int) -> bytes:
    made, block, number = b"", b"", 0
    while len(made) < length:
        number += 1
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        made += block
    return made[:length]


def labelled_extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
    return extract(salt, b"HPKE-v1" + SUITE + label + secret)


def labelled_expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + info, length)


def x_wing(seed: bytes, encapsulated: bytes) -> bytes:
    """Decapsulation as draft-connolly-cfrg-xwing-kem describes it."""
    expanded = hashlib.shake_256(seed).digest(96)
    post_quantum = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    classical = X25519PrivateKey.from_private_bytes(expanded[64:])
    ephemeral = encapsulated[1088:]
    one = post_quantum.decapsulate(encapsulated[:1088])
    other = classical.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    return hashlib.sha3_256(
        one + other + ephemeral + classical.public_key().public_bytes_raw() + rb"\.//^\ "[:6]
    ).digest()


def hpke_open(seed: bytes, sealed: bytes, info: bytes) -> bytes:
    """Base mode of RFC 9180, one message without additional data."""
    secret = x_wing(seed, sealed[:1120])
    context = b"\x00" + labelled_extract(b"", b"psk_id_hash", b"") + labelled_extract(b"", b"info_hash", info)
    schedule = labelled_extract(secret, b"secret", b"")
    key = labelled_expand(schedule, b"key", context, 32)
    return AESGCM(key).decrypt(labelled_expand(schedule, b"base_nonce", context, 12), sealed[1120:], b"")


def framed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def opened(sealed: bytes, seeds: dict[bytes, bytes], origin: str, event_id: str) -> tuple[str, object]:
    """Commitment and value of an original of version 1."""
    assert sealed[:4] == b"UBO\x01"
    place = (origin.encode(), event_id.encode(), b"original")
    at, shares = 5, {}
    for _ in range(sealed[4]):
        key_id, box, at = sealed[at : at + 16], sealed[at + 16 : at + 1184], at + 1184
        shares[key_id] = hpke_open(seeds[key_id], box, framed(b"unbroken original share", *place, b"\x01", key_id))
    head = at + 4
    assert int.from_bytes(sealed[at:head], "big") == len(sealed) - head
    info = framed(b"unbroken original content", *place, b"\x01", *shares)
    derived = expand(extract(b"", b"".join(shares.values())), info, 44)
    bound = framed(b"unbroken original content", *place, sealed[:head])
    content = AESGCM(derived[:32]).decrypt(derived[32:], sealed[head:], bound).rstrip(b"\x00")
    assert content.endswith(b"\x80")
    return hashlib.sha256(content[:-1]).hexdigest(), json.loads(content[32:-1])


def key_id_of(seed: bytes) -> bytes:
    expanded = hashlib.shake_256(seed).digest(96)
    public = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key().public_bytes_raw()
    public += X25519PrivateKey.from_private_bytes(expanded[64:]).public_key().public_bytes_raw()
    return hashlib.sha256(framed(b"unbroken vault key", public)).digest()[:16]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_sealed_now_opens_by_hand(count: int) -> None:
    people = [DANA, LEE, KIM][:count]
    it = seal(ORIGINAL, keys=[key.public for key in people], place=PLACE)
    seeds = {key_id_of(key.seed): key.seed for key in people}
    assert opened(it.ciphertext, seeds, "clinic.example/agents", PLACE.event_id) == (it.commitment, ORIGINAL)


def test_what_was_kept_opens_by_hand() -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    seeds = {key_id_of(bytes.fromhex(seed)): bytes.fromhex(seed) for seed in kept["seeds"]}
    assert [f"v-{key_id.hex()}" for key_id in seeds] == kept["key_ids"]
    found = opened(bytes.fromhex(kept["ciphertext"]), seeds, kept["log"].partition("~")[0], kept["event_id"])
    assert found == (kept["commitment"], kept["original"])
