"""Vault keys: whoever holds one half can't be given another key under its id, and no secret shows."""

import pickle

import pytest

from tests.unit.vaulted import DANA, LEE
from unbroken.errors import ConfigurationError, OriginalError
from unbroken.privacy.vault.keys import PUBLIC_BYTES, SEED_BYTES, PrivateKey, PublicKey


def test_a_pair_comes_from_its_seed_alone() -> None:
    again = PrivateKey(DANA.seed)
    assert (again.id, again.public) == (DANA.id, DANA.public)
    assert again.open(DANA.public.seal(b"x" * 32, info=b"i"), info=b"i") == b"x" * 32


def test_new_keys_differ() -> None:
    assert len({PrivateKey.generate().id for _ in range(5)}) == 5


def test_x_wing_s_first_test_vector_has_this_public_key() -> None:
    """Of the vector in draft-connolly-cfrg-xwing-kem, the seed and the first 16 bytes of the public key."""
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    assert PrivateKey(seed).public.raw[:16].hex() == "e2236b35a8c24b39b10aa1323a96a919"


def test_a_sealed_share_opens_with_its_key_and_info_alone() -> None:
    sealed = DANA.public.seal(b"x" * 32, info=b"here")
    for key, info in ((LEE, b"here"), (DANA, b"there"), (DANA, b"")):
        with pytest.raises(OriginalError):
            key.open(sealed, info=info)
    for raw in (b"", sealed[:-1], sealed + b"x", b"\x00" * len(sealed)):
        with pytest.raises(OriginalError):
            DANA.open(raw, info=b"here")


def test_another_key_under_an_id_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        PublicKey(DANA.id, LEE.public.raw)
    for at in (0, PUBLIC_BYTES - 1):
        raw = bytearray(DANA.public.raw)
        raw[at] ^= 1
        with pytest.raises(ConfigurationError):
            PublicKey(DANA.id, bytes(raw))


@pytest.mark.parametrize("length", [0, 1, PUBLIC_BYTES - 1, PUBLIC_BYTES + 1])
def test_a_public_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ConfigurationError):
        PublicKey(DANA.id, bytes(length))


def test_what_is_no_key_of_its_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbroken.privacy.vault.keys._id_of", lambda _: "v-x")
    with pytest.raises(ConfigurationError, match="of its kind"):
        PublicKey("v-x", b"\xff" * PUBLIC_BYTES)
    low_order = PublicKey("v-x", DANA.public.raw[:-32] + bytes(32))
    with pytest.raises(ConfigurationError, match="can't be sealed to"):
        low_order.seal(b"x", info=b"")


@pytest.mark.parametrize("length", [0, SEED_BYTES - 1, SEED_BYTES + 1])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ConfigurationError):
        PrivateKey(bytes(length))


def test_a_private_key_shows_its_id_alone_and_does_not_travel() -> None:
    for text in (repr(DANA), str(DANA), f"{[DANA]}"):
        assert DANA.id in text
        assert DANA.seed.hex() not in text
        assert repr(DANA.seed) not in text
    with pytest.raises(TypeError):
        pickle.dumps(DANA)


def test_a_public_key_holds_nothing_that_opens() -> None:
    assert not hasattr(DANA.public, "open")
    assert DANA.seed not in DANA.public.raw
