"""Sealing where events are recorded: whose keys, asked for how often, and what there is when there is no key."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.vaulted import DANA, KIM, LEE, LOG, ORIGINAL, OTHER, PLACE, ring
from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError, TooLargeError, UnavailableError, UnbrokenError
from unbroken.privacy.vault.holders import Holder
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.layout import MAX_CONTENT_BYTES, keys_needed
from unbroken.privacy.vault.originals import SealedOriginal, open_original
from unbroken.privacy.vault.pool import endorse
from unbroken.privacy.vault.sealer import NO_VAULT_S, SHORT_S, TTL_S, Sealer
from unbroken.store.log_writer import VaultKey

KEY: Final = LogKey("1", bytes(range(32)))
P, Q, S = Holder("subject", "p-1"), Holder("subject", "p-2"), Holder("session", "s-1")


def offered(key: PrivateKey, *, log_key: LogKey = KEY) -> VaultKey:
    return VaultKey(key.id, key.public.raw, endorse(key.public, log_key=log_key, log=LOG))


class Pool:
    """A log's vault: keys are given out in order, to each holder one; without any key there is no vault."""

    log_key = KEY

    def __init__(self, *keys: PrivateKey) -> None:
        self.free = [offered(key) for key in keys]
        self.held: dict[Holder, VaultKey] = {}
        self.asked: list[list[Holder]] = []
        self.reachable = True
        self.exists = bool(keys)
        self.now = 0.0
        self._lock = threading.Lock()

    def __call__(self, holders: Sequence[Holder]) -> list[VaultKey | None] | None:
        with self._lock:
            self.asked.append(list(holders))
            if not self.reachable:
                return None
            return [self._of(holder) for holder in holders] if self.exists else []

    def _of(self, holder: Holder) -> VaultKey | None:
        if holder not in self.held and self.free:
            self.held[holder] = self.free.pop(0)
        return self.held.get(holder)


def sealer(pool: Pool, **options: Any) -> Sealer:
    return Sealer(pool, **{"keys": [KEY], "log": f"{LOG}~1", "clock": lambda: pool.now, **options})


def sealed(made: Sealer, *holders: Holder, stop: bool = True) -> SealedOriginal | None:
    return made.seal(ORIGINAL, holders=holders, event_id=PLACE.event_id, stop=stop)


def keys_of(found: SealedOriginal | None) -> set[str]:
    assert found is not None
    return set(keys_needed(found.ciphertext))


def test_an_original_takes_the_keys_of_all_its_holders() -> None:
    pool = Pool(DANA, LEE, KIM)
    found = sealed(sealer(pool), P, Q)
    assert found is not None
    assert keys_of(found) == {DANA.id, LEE.id}
    opened = open_original(found.ciphertext, private_keys=ring([DANA, LEE]), place=PLACE, commitment=found.commitment)
    assert opened == ORIGINAL


def test_nobody_to_seal_to_asks_nobody() -> None:
    pool = Pool(DANA)
    assert sealed(sealer(pool)) is None
    assert pool.asked == []


# ---- keys are remembered ----


def test_a_key_is_asked_for_once_and_again_when_it_is_old() -> None:
    pool = Pool(DANA, LEE)
    made = sealer(pool)
    assert keys_of(sealed(made, P)) == keys_of(sealed(made, P)) == {DANA.id}
    assert keys_of(sealed(made, P, S)) == {DANA.id, LEE.id}
    assert pool.asked == [[P], [S]]
    pool.now += TTL_S
    sealed(made, P)
    assert pool.asked == [[P], [S], [P]]


def test_a_subject_and_a_session_of_one_name_are_two() -> None:
    made = sealer(Pool(DANA, LEE))
    assert keys_of(sealed(made, Holder("subject", "x"))) != keys_of(sealed(made, Holder("session", "x")))


def test_what_is_remembered_is_bounded_and_the_last_used_stay() -> None:
    pool = Pool(DANA, LEE, KIM)
    made = sealer(pool, most=2)
    for holder in (P, Q, P, S, P):
        sealed(made, holder)
    assert pool.asked == [[P], [Q], [S]]
    sealed(made, Q)
    assert pool.asked == [[P], [Q], [S], [Q]]


def test_several_threads_seal_with_the_same_keys() -> None:
    pool = Pool(DANA, LEE)
    made = sealer(pool)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: keys_of(sealed(made, (P, Q)[number % 2])), range(40)))
    assert {frozenset(each) for each in found} == {frozenset({pool.held[P].id}), frozenset({pool.held[Q].id})}
    assert len(pool.asked) <= 9


def test_a_forked_child_asks_by_itself_and_waits_for_no_lock() -> None:
    pool = Pool(DANA)
    made = sealer(pool)
    sealed(made, P)
    ours, theirs = multiprocessing.Pipe()
    with made._here()._lock:
        child = os.fork()
        if child == 0:
            sealed(made, P)
            theirs.send(len(pool.asked))
            os._exit(0)
    try:
        assert ours.poll(10)
        assert ours.recv() == 2
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert len(pool.asked) == 1


# ---- no vault ----


def test_without_a_vault_nothing_is_kept_and_the_log_is_asked_now_and_then() -> None:
    pool = Pool()
    made = sealer(pool)
    assert not made.idle
    for _ in range(3):
        assert sealed(made, P) is None
        assert made.idle
    assert len(pool.asked) == 1
    pool.now += NO_VAULT_S
    assert not made.idle
    assert sealed(made, P) is None
    assert len(pool.asked) == 2


def test_a_vault_that_is_set_up_later_is_used() -> None:
    pool = Pool()
    made = sealer(pool)
    sealed(made, P)
    pool.exists, pool.free = True, [offered(DANA)]
    pool.now += NO_VAULT_S
    assert keys_of(sealed(made, P)) == {DANA.id}


def test_too_many_people_are_no_matter_without_a_vault() -> None:
    assert sealed(sealer(Pool()), *(Holder("subject", str(number)) for number in range(17))) is None


def test_a_vault_that_was_there_does_not_go_away() -> None:
    """Whoever empties the tables does not bring recorders to keep nothing in silence."""
    pool = Pool(DANA)
    made = sealer(pool)
    sealed(made, P)
    pool.exists = False
    assert keys_of(sealed(made, P)) == {DANA.id}
    with pytest.raises(UnavailableError):
        sealed(made, Q)
    assert not made.idle


# ---- no key ----


def test_an_empty_pool_stops_the_event_and_says_what_to_do() -> None:
    made = sealer(Pool(DANA))
    with pytest.raises(UnavailableError, match=r"unbroken vault refill.*nothing was recorded.*without_key"):
        sealed(made, P, Q)


def test_an_empty_pool_that_is_filled_goes_on_at_once() -> None:
    pool = Pool(DANA)
    made = sealer(pool)
    with pytest.raises(UnavailableError):
        sealed(made, P, Q)
    pool.free = [offered(LEE)]
    assert keys_of(sealed(made, P, Q)) == {DANA.id, LEE.id}


def test_by_policy_events_go_on_without_and_the_pool_is_asked_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    pool = Pool(DANA)
    made = sealer(pool)
    with caplog.at_level(logging.WARNING, logger="unbroken"):
        for _ in range(5):
            assert sealed(made, P, Q, stop=False) is None
    assert len(pool.asked) == 1
    (warning,) = caplog.records
    assert "without their originals: the vault has no free key" in warning.getMessage()
    assert "nothing was recorded" not in warning.getMessage()
    assert keys_of(sealed(made, P, stop=False)) == {DANA.id}
    pool.free = [offered(LEE)]
    pool.now += SHORT_S
    assert keys_of(sealed(made, P, Q, stop=False)) == {DANA.id, LEE.id}


@pytest.mark.parametrize("stop", [True, False])
def test_more_people_than_an_original_can_have(stop: bool) -> None:
    """Nobody's key is used up for it but one, to see whether there is a vault."""
    pool = Pool(DANA, LEE, KIM)
    made = sealer(pool)
    many = [Holder("subject", str(number)) for number in range(17)]
    if stop:
        with pytest.raises(TooLargeError, match=r"17 people.*of 16 at most.*nothing was recorded"):
            sealed(made, *many)
    else:
        assert sealed(made, *many, stop=False) is None
    assert len(pool.held) == 1


@pytest.mark.parametrize("stop", [True, False])
def test_an_original_that_is_too_large(stop: bool) -> None:
    made = sealer(Pool(DANA))
    large: Any = {"inputs": "x" * MAX_CONTENT_BYTES}
    given: dict[str, Any] = {"holders": [P], "event_id": PLACE.event_id, "stop": stop}
    if stop:
        with pytest.raises(TooLargeError, match=r"the vault takes.*nothing was recorded") as raised:
            made.seal(large, **given)
        assert "xxx" not in str(raised.value)
    else:
        assert made.seal(large, **given) is None


# ---- in an outage that a spool bridges ----


def test_in_an_outage_known_keys_go_on_being_used() -> None:
    pool = Pool(DANA, LEE)
    made = sealer(pool)
    sealed(made, P)
    pool.reachable = False
    pool.now += 100 * TTL_S
    assert keys_of(sealed(made, P)) == {DANA.id}
    with pytest.raises(UnavailableError, match=r"can't be asked now.*nothing was recorded"):
        sealed(made, P, Q)
    assert sealed(made, P, Q, stop=False) is None
    pool.reachable = True
    assert keys_of(sealed(made, P, Q)) == {DANA.id, LEE.id}


def test_a_start_in_an_outage_knows_of_the_vault_by_its_marker(tmp_path: Path) -> None:
    marker = tmp_path / "vault"
    away = Pool(DANA)
    away.reachable = False
    assert sealed(sealer(away, marker=marker), P) is None
    sealed(sealer(Pool(), marker=marker), P)
    assert not marker.exists()
    sealed(sealer(Pool(DANA), marker=marker), P)
    assert (marker.read_bytes(), marker.stat().st_mode & 0o077) == (b"", 0)
    with pytest.raises(UnavailableError):
        sealed(sealer(away, marker=marker), P)


def test_a_marker_that_cannot_be_made_is_no_matter(tmp_path: Path) -> None:
    assert sealed(sealer(Pool(DANA), marker=tmp_path / "none" / "vault"), P) is not None


# ---- keys that are not the log's ----


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize(
    "planted",
    [
        offered(OTHER, log_key=LogKey("1", bytes(32))),
        offered(OTHER)._replace(public=DANA.public.raw),
        offered(OTHER)._replace(id=DANA.id),
        offered(OTHER)._replace(endorsement=offered(DANA).endorsement),
        offered(OTHER)._replace(endorsement="é"),
        offered(OTHER)._replace(public=b""),
    ],
)
def test_a_key_that_the_log_did_not_make_is_not_sealed_to(planted: VaultKey, stop: bool) -> None:
    pool = Pool(DANA)
    pool.free = [planted]
    made = sealer(pool)
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            sealed(made, P, stop=stop)


def test_keys_that_were_endorsed_under_a_retired_key_stay_good() -> None:
    old, older = LogKey("0", bytes(32)), LogKey("1", bytes(32))
    pool = Pool(DANA)
    pool.free = [offered(DANA, log_key=old), offered(LEE, log_key=older), offered(KIM)]
    assert keys_of(sealed(sealer(pool, keys=[KEY, old, older]), P, Q, S)) == {DANA.id, LEE.id, KIM.id}
    with pytest.raises(ConfigurationError):
        sealed(sealer(pool), P)


def test_without_the_logs_key_nothing_is_sealed_and_without_a_vault_none_is_needed() -> None:
    assert sealed(sealer(Pool(), keys=()), P) is None
    with pytest.raises(ConfigurationError, match=r"UNBROKEN_KEY_FILE.*nothing was recorded"):
        sealed(sealer(Pool(DANA), keys=()), P, stop=False)


def test_an_answer_of_another_length_is_refused() -> None:
    made = Sealer(lambda _: [offered(DANA), offered(LEE)], keys=[KEY], log=LOG)
    with pytest.raises(UnbrokenError, match="other keys than were asked for"):
        sealed(made, P)


# ---- nothing of it is shown ----


def test_neither_original_nor_key_is_in_what_is_printed() -> None:
    made = sealer(Pool(DANA))
    found = sealed(made, P)
    printed = repr((made, found, made.__dict__))
    assert KEY.secret.hex() not in printed
    assert repr(KEY.secret) not in printed
    assert "Dana" not in printed
