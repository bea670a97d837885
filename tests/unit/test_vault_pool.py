"""The pool: keys made beforehand, which a recorder takes from the database only with an endorsement."""

import tracemalloc

import pytest

from tests.unit.vaulted import DANA, LEE, LOG, ORIGINAL, PLACE, ring
from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.originals import open_original, seal
from unbroken.privacy.vault.pool import endorse, endorsed, made

LOG_KEY = LogKey("1", bytes(range(32)))
WRAPPING = KeyEncryptions(LocalKey("2026", b"n" * 32))


def test_a_key_of_the_pool_seals_for_recorders_and_opens_for_who_can_unwrap() -> None:
    pooled = list(made(3, wrapping=WRAPPING, log_key=LOG_KEY, log=LOG))
    assert len({each.public.id for each in pooled}) == 3
    assert {each.wrapped_by for each in pooled} == {"2026"}
    public = [
        endorsed(each.public.id, each.public.raw, each.endorsement, log_key=LOG_KEY, log=f"{LOG}~2") for each in pooled
    ]
    it = seal(ORIGINAL, keys=public, place=PLACE)
    private = ring(WRAPPING.unwrap(each.wrapped, key_id=each.public.id, log=LOG) for each in pooled)
    assert open_original(it.ciphertext, private_keys=private, place=PLACE, commitment=it.commitment) == ORIGINAL


@pytest.mark.parametrize(
    "endorsement",
    [
        "",
        "k1:" + "0" * 64,
        endorse(LEE.public, log_key=LOG_KEY, log=LOG),
        endorse(DANA.public, log_key=LogKey("1", bytes(32)), log=LOG),
        endorse(DANA.public, log_key=LogKey("2", LOG_KEY.secret), log=LOG),
        endorse(DANA.public, log_key=LOG_KEY, log="clinic.example/other"),
        LOG_KEY.hash(DANA.id),
        "ü",
    ],
)
def test_a_key_that_was_put_there_by_others_is_not_sealed_to(endorsement: str) -> None:
    with pytest.raises(ConfigurationError):
        endorsed(DANA.id, DANA.public.raw, endorsement, log_key=LOG_KEY, log=LOG)


def test_an_endorsement_is_for_one_key() -> None:
    good = endorse(DANA.public, log_key=LOG_KEY, log=LOG)
    assert endorsed(DANA.id, DANA.public.raw, good, log_key=LOG_KEY, log=LOG) == DANA.public
    with pytest.raises(ConfigurationError):
        endorsed(DANA.id, LEE.public.raw, good, log_key=LOG_KEY, log=LOG)


def test_a_key_of_the_pool_shows_no_wrapped_half() -> None:
    (pooled,) = made(1, wrapping=WRAPPING, log_key=LOG_KEY, log=LOG)
    assert "wrapped=" not in repr(pooled)


def test_a_large_pool_is_made_one_by_one() -> None:
    keys = made(10**9, wrapping=WRAPPING, log_key=LOG_KEY, log=LOG)
    for _ in range(20):
        next(keys)
    tracemalloc.start()
    try:
        for _ in range(200):
            next(keys)
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()
