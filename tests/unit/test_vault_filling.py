"""Filling the pool, and wrapping keys anew: in lots that stay, whatever comes between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.unit.vaulted import DANA, KIM, LEE, LOG, OTHER
from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError, UnavailableError
from unbroken.privacy.vault import refilling, rotation
from unbroken.privacy.vault.key_encryption import KeyEncryption, KeyEncryptions, wrap, wrapped_by
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.pool import Pooled, endorsed
from unbroken.privacy.vault.refilling import refill
from unbroken.privacy.vault.rotation import rotate
from unbroken.store.vault import Rewrapped

LOG_KEY = LogKey("1", b"l" * 32)
OLD, NEW = LocalKey("2025", b"o" * 32), LocalKey("2026", b"n" * 32)
BOTH = KeyEncryptions(NEW, (OLD,))


@dataclass
class Failing:
    """A key-encryption key that stops answering: after so many times that it wrapped, or that it unwrapped."""

    key: KeyEncryption
    wraps: int = 1_000_000
    unwraps: int = 1_000_000
    error: Exception = field(default_factory=lambda: UnavailableError("not now"))

    @property
    def id(self) -> str:
        return self.key.id

    def wrap(self, private: bytes, *, context: bytes) -> bytes:
        self.wraps -= 1
        if self.wraps < 0:
            raise self.error
        return self.key.wrap(private, context=context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        self.unwraps -= 1
        if self.unwraps < 0:
            raise self.error
        return self.key.unwrap(wrapped, context=context)


# ---- filling ----


@dataclass
class Pool:
    log: str = f"{LOG}~1"
    lots: list[list[Pooled]] = field(default_factory=list)

    def refill(self, keys: Sequence[Pooled]) -> int:
        self.lots.append(list(keys))
        return 10 + len(self.lots)


@pytest.fixture(autouse=True)
def _small_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refilling, "LOT", 3)
    monkeypatch.setattr(rotation, "LOT", 2)


def test_keys_are_added_in_lots_and_are_good() -> None:
    pool, seen = Pool(), list[tuple[int, int]]()
    entries = refill(pool, 7, wrapping=BOTH, log_key=LOG_KEY, progress=lambda done, of: seen.append((done, of)))
    assert entries == [11, 12, 13]
    assert [len(lot) for lot in pool.lots] == [3, 3, 1]
    assert seen == [(done, 7) for done in range(8)]
    for key in (key for lot in pool.lots for key in lot):
        public = endorsed(key.public.id, key.public.raw, key.endorsement, log_key=LOG_KEY, log=LOG)
        assert BOTH.unwrap(key.wrapped, key_id=public.id, log=LOG).public == public
        assert key.wrapped_by == wrapped_by(key.wrapped) == "2026"


def test_a_key_encryption_key_that_only_wraps_adds_nothing() -> None:
    pool = Pool()
    with pytest.raises(UnavailableError):
        refill(pool, 3, wrapping=KeyEncryptions(Failing(NEW, unwraps=0)), log_key=LOG_KEY)
    assert pool.lots == []


def test_what_was_added_before_it_stopped_stays() -> None:
    pool = Pool()
    with pytest.raises(UnavailableError):
        refill(pool, 7, wrapping=KeyEncryptions(Failing(NEW, wraps=5)), log_key=LOG_KEY)
    assert [len(lot) for lot in pool.lots] == [3]


# ---- wrapping anew ----


@dataclass
class Wrapped:
    """The wrapped keys of a log; ``others`` change them between a question and its answer."""

    held: dict[str, bytes]
    log: str = f"{LOG}~1"
    to: str = ""
    closed: int = 0
    others: list[tuple[str, bytes]] = field(default_factory=list)

    def ask_rewrapping(self, to: str) -> str:
        self.to = to
        return "opening"

    def keys_to_rewrap(self, opening: str, limit: int) -> Mapping[str, bytes]:
        assert opening == "opening"
        due = {key_id: self.held[key_id] for key_id in sorted(self.held) if wrapped_by(self.held[key_id]) != self.to}
        return dict(list(due.items())[:limit])

    def rewrap_keys(self, opening: str, keys: Sequence[Rewrapped]) -> int:
        assert opening == "opening"
        for key_id, wrapped in self.others:
            self.held[key_id] = wrapped
        self.others.clear()
        fitting = [key for key in keys if self.held.get(key.key_id) == key.old]
        self.held |= {key.key_id: key.new for key in fitting}
        return len(fitting)

    def close_rewrapping(self, opening: str) -> int:
        assert opening == "opening"
        self.closed += 1
        return 20


PEOPLE = {key.id: key for key in (DANA, LEE, KIM, OTHER)}


def by_the_old_one() -> Wrapped:
    return Wrapped({key_id: wrap(key, by=OLD, log=LOG) for key_id, key in PEOPLE.items()})


def test_everything_is_wrapped_anew_and_opens_as_before() -> None:
    keys = by_the_old_one()
    done = rotate(keys, wrapping=BOTH)
    assert (done.rewrapped, done.failed, done.seq, keys.closed) == (4, {}, 20, 1)
    for key_id, wrapped in keys.held.items():
        assert wrapped_by(wrapped) == "2026"
        assert KeyEncryptions(NEW).unwrap(wrapped, key_id=key_id, log=LOG).seed == PEOPLE[key_id].seed
    assert rotate(keys, wrapping=BOTH).rewrapped == 0


def test_a_key_that_does_not_unwrap_stays_and_the_others_go_on() -> None:
    keys = by_the_old_one()
    first, second, *_ = sorted(keys.held)
    broken = {first: keys.held[first][:-1], second: keys.held[first]}
    keys.held |= broken
    done = rotate(keys, wrapping=BOTH)
    assert done.rewrapped == 2
    assert set(done.failed) == {first, second}
    assert {key_id: keys.held[key_id] for key_id in broken} == broken


def test_when_nothing_unwraps_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "MOST_FAILED", 1)
    keys = by_the_old_one()
    wrong = KeyEncryptions(NEW, (LocalKey("2025", b"?" * 32),))
    done = rotate(keys, wrapping=wrong)
    assert (done.rewrapped, len(done.failed), keys.closed) == (0, 2, 1)


def test_what_was_done_before_a_service_stopped_stays_and_is_on_record() -> None:
    keys = by_the_old_one()
    with pytest.raises(UnavailableError):
        rotate(keys, wrapping=KeyEncryptions(Failing(NEW, wraps=3), (OLD,)))
    assert sorted(wrapped_by(wrapped) for wrapped in keys.held.values()) == ["2025", "2026", "2026", "2026"]
    assert keys.closed == 1
    assert rotate(keys, wrapping=BOTH).rewrapped == 1


def test_one_that_somebody_else_wrapped_meanwhile_is_left() -> None:
    keys = by_the_old_one()
    first = min(keys.held)
    theirs = wrap(PEOPLE[first], by=NEW, log=LOG)
    keys.others.append((first, theirs))
    assert rotate(keys, wrapping=BOTH).rewrapped == 3
    assert keys.held[first] == theirs


def test_without_the_old_key_everything_stays() -> None:
    keys = by_the_old_one()
    done = rotate(keys, wrapping=KeyEncryptions(NEW))
    assert done.rewrapped == 0
    assert all("not at hand" in why for why in done.failed.values())
    with pytest.raises(ConfigurationError):
        KeyEncryptions(NEW).unwrap(keys.held[DANA.id], key_id=DANA.id, log=LOG)
