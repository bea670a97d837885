"""Wrapped vault keys: they open for their id and log alone, and move from one key-encryption key to the next."""

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vaulted import DANA, LEE, LOG, ORIGINAL, PLACE, ring
from unbroken.errors import ConfigurationError
from unbroken.privacy.vault.key_encryption import (
    MAX_WRAPPED_BYTES,
    KeyEncryptions,
    checked_id,
    rewrap,
    unwrap,
    wrap,
    wrapped_by,
)
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.originals import open_original, seal

OLD, NEW = LocalKey("2025", b"o" * 32), LocalKey("2026", b"n" * 32)


class Fixed:
    """A key-encryption key that gives what it is told to."""

    id = "2025"

    def __init__(self, given: bytes) -> None:
        self.given = given

    def wrap(self, private: bytes, *, context: bytes) -> bytes:  # noqa: ARG002
        return b"x"

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:  # noqa: ARG002
        return self.given


def test_a_wrapped_key_comes_back_and_names_what_wrapped_it() -> None:
    wrapped = wrap(DANA, by=OLD, log=LOG)
    assert unwrap(wrapped, key_id=DANA.id, by=OLD, log=f"{LOG}~3").seed == DANA.seed
    assert wrapped_by(wrapped) == "2025"
    assert DANA.seed not in wrapped
    assert wrap(DANA, by=OLD, log=LOG) != wrapped


@pytest.mark.parametrize(
    "attempt",
    [
        lambda wrapped: unwrap(wrapped, key_id=LEE.id, by=OLD, log=LOG),
        lambda wrapped: unwrap(wrapped, key_id=DANA.id, by=OLD, log="clinic.example/other"),
        lambda wrapped: unwrap(wrapped, key_id=DANA.id, by=NEW, log=LOG),
        lambda wrapped: unwrap(wrapped, key_id=DANA.id, by=LocalKey("2025", b"x" * 32), log=LOG),
        lambda wrapped: unwrap(wrapped, key_id=DANA.id, by=Fixed(LEE.seed), log=LOG),
        lambda wrapped: unwrap(wrapped, key_id=DANA.id, by=Fixed(b""), log=LOG),
        lambda wrapped: unwrap(
            wrapped.replace(b"2025", b"2026"), key_id=DANA.id, by=LocalKey("2026", OLD.secret), log=LOG
        ),
    ],
)
def test_it_opens_for_nothing_else(attempt: Callable[[bytes], object]) -> None:
    with pytest.raises(ConfigurationError):
        attempt(wrap(DANA, by=OLD, log=LOG))


def test_every_changed_byte_is_seen() -> None:
    wrapped = wrap(DANA, by=OLD, log=LOG)
    for at in range(len(wrapped)):
        raw = bytearray(wrapped)
        raw[at] ^= 1
        with pytest.raises(ConfigurationError):
            unwrap(bytes(raw), key_id=DANA.id, by=OLD, log=LOG)


@given(st.binary(max_size=200) | st.just(bytes(MAX_WRAPPED_BYTES + 1)))
def test_noise_is_no_wrapped_key(noise: bytes) -> None:
    for raw in (noise, b"\x01" + noise, b"\x01\x042025" + noise):
        with pytest.raises(ConfigurationError):
            unwrap(raw, key_id=DANA.id, by=OLD, log=LOG)


def test_what_is_too_long_is_not_looked_into() -> None:
    wrapped_by(b"\x01\x042025".ljust(MAX_WRAPPED_BYTES, b"x"))
    with pytest.raises(ConfigurationError):
        wrapped_by(b"\x01\x042025".ljust(MAX_WRAPPED_BYTES + 1, b"x"))


def test_rotation_touches_no_original_and_a_retired_key_goes_on_opening() -> None:
    it = seal(ORIGINAL, keys=[DANA.public, LEE.public], place=PLACE)
    stored = {key.id: wrap(key, by=OLD, log=LOG) for key in (DANA, LEE)}
    both = KeyEncryptions(NEW, (OLD,))
    stored[DANA.id] = both.rewrap(stored[DANA.id], key_id=DANA.id, log=LOG)
    assert [both.is_retired(stored[key_id]) for key_id in (DANA.id, LEE.id)] == [False, True]

    def opened(keys: KeyEncryptions) -> object:
        private = ring(keys.unwrap(wrapped, key_id=key_id, log=LOG) for key_id, wrapped in stored.items())
        return open_original(it.ciphertext, private_keys=private, place=PLACE, commitment=it.commitment)

    assert opened(both) == ORIGINAL
    with pytest.raises(ConfigurationError, match="2025"):
        opened(KeyEncryptions(NEW))
    stored = {key_id: both.rewrap(wrapped, key_id=key_id, log=LOG) for key_id, wrapped in stored.items()}
    assert opened(KeyEncryptions(NEW)) == ORIGINAL
    assert {wrapped_by(wrapped) for wrapped in stored.values()} == {"2026"}


def test_rewrapping_gives_the_same_key_and_refuses_what_was_replaced() -> None:
    wrapped = rewrap(wrap(DANA, by=OLD, log=LOG), key_id=DANA.id, old=OLD, new=NEW, log=LOG)
    assert unwrap(wrapped, key_id=DANA.id, by=NEW, log=LOG).seed == DANA.seed
    with pytest.raises(ConfigurationError):
        rewrap(wrapped, key_id=DANA.id, old=OLD, new=NEW, log=LOG)
    with pytest.raises(ConfigurationError):
        rewrap(wrapped, key_id=LEE.id, old=NEW, new=OLD, log=LOG)


def test_new_keys_are_wrapped_by_the_current_one() -> None:
    assert wrapped_by(KeyEncryptions.newest_last([OLD, NEW]).wrap(DANA, log=LOG)) == "2026"
    assert wrapped_by(KeyEncryptions.newest_last([NEW, OLD]).wrap(DANA, log=LOG)) == "2025"


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        KeyEncryptions(OLD, (NEW, LocalKey("2025", b"z" * 32)))


@pytest.mark.parametrize("key_id", ["", "A", "-a", "a b", "a\n", "ü", "a" * 65])
def test_what_is_no_id_is_refused(key_id: str) -> None:
    with pytest.raises(ConfigurationError):
        checked_id(key_id)


def test_nothing_secret_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrapped = wrap(DANA, by=OLD, log=LOG)
    with pytest.raises(ConfigurationError) as refused:
        unwrap(wrapped, key_id=LEE.id, by=OLD, log=LOG)
    shown = [
        repr(OLD),
        str(KeyEncryptions(NEW, (OLD,))),
        str(refused.value),
        repr(refused.value.__cause__),
        caplog.text,
    ]
    for text in shown:
        for secret in (OLD.secret, NEW.secret, DANA.seed):
            assert secret.hex() not in text
            assert repr(secret)[2:-1] not in text
