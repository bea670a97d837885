"""An opening: on record before and after, an outcome for each original, few keys and texts in memory."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from tests.unit.vaulted import DANA, KIM, LEE, LOG, ORIGINAL, another_place
from unbroken.core.ids import new_id
from unbroken.errors import UnavailableError
from unbroken.privacy.vault import opening as opening_of
from unbroken.privacy.vault.key_encryption import KeyEncryptions, wrap
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.opening import Look, Opening, open_originals
from unbroken.privacy.vault.originals import SealedOriginal, seal
from unbroken.privacy.vault.place import Place
from unbroken.store.log_reader import Ticket

KEK = LocalKey("1", b"k" * 32)
KEYS = KeyEncryptions(KEK)
TICKET = Ticket("ticket", 1, "dpo", datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Entry:
    seq: int
    place: Place
    sealed: SealedOriginal

    @property
    def hash(self) -> bytes:
        return sha256(str(self.seq).encode()).digest()


@dataclass
class Desk:
    """A log with sealed originals and wrapped keys, and what was asked of it."""

    entries: list[Entry] = field(default_factory=list)
    wrapped: dict[str, bytes] = field(default_factory=dict)
    log: str = f"{LOG}~1"
    told: list[tuple[object, ...]] = field(default_factory=list)
    asked_keys: list[list[str]] = field(default_factory=list)
    fails: Exception | None = None

    def keep(self, *people: PrivateKey, size: int = 0) -> Entry:
        place = another_place()
        self.wrapped |= {key.id: wrap(key, by=KEK, log=LOG) for key in people}
        sealed = seal({**ORIGINAL, "details": "x" * size}, keys=[key.public for key in people], place=place)
        self.entries.append(Entry(len(self.entries) + 1, place, sealed))
        return self.entries[-1]

    def ask_originals(self, ticket: Ticket, kind: str, seqs: Sequence[int]) -> str:
        self.told.append(("asked", ticket.id, kind, tuple(seqs)))
        return "opening"

    def originals(self, opening: str) -> Iterator[tuple[int, bytes]]:
        assert opening == "opening"
        for entry in self.entries:
            yield entry.seq, entry.sealed.ciphertext
        if self.fails:
            raise self.fails

    def opened_keys(self, opening: str, key_ids: Sequence[str]) -> Mapping[str, bytes]:
        assert opening == "opening"
        assert len(key_ids) <= opening_of.KEYS_AT_ONCE
        self.asked_keys.append(list(key_ids))
        return {key_id: self.wrapped[key_id] for key_id in key_ids if key_id in self.wrapped}

    def close_opening(self, opening: str, *, opened: int, failed: int, digest: str) -> int:
        assert opening == "opening"
        self.told.append(("closed", opened, failed, digest))
        return 9


def looked(opening: Opening, entry: Entry) -> Look:
    return opening.look(entry.seq, event_id=entry.place.event_id, commitment=entry.sealed.commitment, digest=entry.hash)


def looks(desk: Desk, *entries: Entry, keys: KeyEncryptions = KEYS) -> list[Look]:
    with open_originals(desk, TICKET, [entry.seq for entry in entries], keys=keys) as opening:
        return [looked(opening, entry) for entry in entries]


def test_what_opens_is_counted_with_the_entry_s_hash() -> None:
    desk = Desk()
    first, second = desk.keep(DANA), desk.keep(DANA, LEE)
    assert [look.original for look in looks(desk, first, second)] == [{**ORIGINAL, "details": ""}] * 2
    digest = sha256(first.hash + second.hash).hexdigest()
    assert desk.told == [("asked", "ticket", "open", (1, 2)), ("closed", 2, 0, digest)]


def test_each_that_does_not_open_says_why_and_the_others_go_on() -> None:
    desk = Desk()
    erased, gone, damaged, moved, locked, good = (desk.keep(each) for each in (LEE, DANA, DANA, DANA, KIM, DANA))
    del desk.wrapped[LEE.id]
    desk.entries.remove(gone)
    damaged.sealed = SealedOriginal(damaged.sealed.commitment, damaged.sealed.ciphertext[:-1])
    moved.place = another_place()
    desk.wrapped[KIM.id] = wrap(KIM, by=LocalKey("2", b"2" * 32), log=LOG)
    found = looks(desk, erased, gone, damaged, moved, locked, good)
    assert [look.outcome for look in found] == ["erased", "erased", "damaged", "damaged", "locked", "opened"]
    assert all(look.why and look.original is None for look in found[:-1])
    assert (found[0].key_ids, found[1].key_ids) == ((LEE.id,), ())
    assert "'2', which is not at hand" in found[4].why
    assert desk.told[-1] == ("closed", 1, 5, sha256(good.hash).hexdigest())


def test_a_key_that_is_another_s_does_not_open() -> None:
    desk = Desk()
    entry = desk.keep(DANA)
    desk.wrapped[DANA.id] = wrap(LEE, by=KEK, log=LOG)
    (look,) = looks(desk, entry)
    assert look.outcome == "locked"
    assert "unwrapped by" in look.why


def test_what_was_opened_does_not_show() -> None:
    desk = Desk()
    assert "Blood" not in repr(looks(desk, desk.keep(DANA)))


def test_nothing_is_decrypted_before_it_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    entry = desk.keep(DANA)

    def refused(*_: object) -> str:
        raise UnavailableError("not now")

    monkeypatch.setattr(desk, "ask_originals", refused)
    with pytest.raises(UnavailableError):
        looks(desk, entry)
    assert (desk.told, desk.asked_keys) == ([], [])


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), UnavailableError("not now")])
def test_however_it_ends_what_came_of_it_is_on_record(failure: BaseException) -> None:
    desk = Desk()
    first, second = desk.keep(DANA), desk.keep(DANA)

    def one_and_no_more() -> None:
        with open_originals(desk, TICKET, [second.seq, first.seq], keys=KEYS, kind="match") as opening:
            looked(opening, first)
            raise failure

    with pytest.raises(type(failure)):
        one_and_no_more()
    assert desk.told == [("asked", "ticket", "match", (1, 2)), ("closed", 1, 0, sha256(first.hash).hexdigest())]


def test_one_that_ends_before_anything_is_opened_is_on_record_too() -> None:
    desk = Desk(fails=UnavailableError("not now"))
    with pytest.raises(UnavailableError):
        looks(desk, desk.keep(DANA))
    assert desk.told[-1][:3] == ("closed", 0, 0)


def test_keys_are_asked_for_some_at_a_time_and_once() -> None:
    desk = Desk()
    people = [PrivateKey.generate() for _ in range(250)]
    entries = [desk.keep(person) for person in people]
    entries += [desk.keep(people[0], people[-1])]
    assert {look.outcome for look in looks(desk, *entries)} == {"opened"}
    assert len(desk.asked_keys) <= 5
    assert sum(map(len, desk.asked_keys)) < 2 * len(people)


def test_a_key_that_was_destroyed_meanwhile_opens_nothing() -> None:
    desk = Desk()
    people = [PrivateKey.generate() for _ in range(opening_of.KEYS_AT_ONCE + 20)]
    entries = [desk.keep(person) for person in people]
    with open_originals(desk, TICKET, [entry.seq for entry in entries], keys=KEYS) as opening:
        assert looked(opening, entries[0]).outcome == "opened"
        desk.wrapped.clear()
        assert looked(opening, entries[-1]).outcome == "erased"


@pytest.mark.parametrize("in_memory", [1_000, 100_000_000])
def test_sealed_ones_wait_in_a_file_and_come_back_as_they_were(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening_of, "IN_MEMORY_BYTES", in_memory)
    desk = Desk()
    entries = [desk.keep(DANA, size=size) for size in (0, 5_000, 70_000)]
    found = looks(desk, *entries)
    assert [len(str((look.original or {})["details"])) for look in found] == [0, 5_000, 70_000]


def test_a_thousand_are_opened_in_the_memory_of_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening_of, "IN_MEMORY_BYTES", 100_000)
    people = [PrivateKey.generate() for _ in range(20)]

    def peak(count: int) -> int:
        """What opening so many takes, where each is read from elsewhere; they share a ciphertext."""
        one = [Desk().keep(person, size=50_000) for person in people]
        desk = Desk(wrapped={person.id: wrap(person, by=KEK, log=LOG) for person in people})
        desk.entries = [Entry(seq, one[seq % 20].place, one[seq % 20].sealed) for seq in range(1, count + 1)]
        tracemalloc.start()
        try:
            with open_originals(desk, TICKET, range(1, count + 1), keys=KEYS) as opening:
                for entry in desk.entries:
                    assert looked(opening, entry).outcome == "opened"
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(1000) < peak(100) + 600_000


def test_ids_are_of_the_log_s_own_events() -> None:
    desk = Desk()
    entry = desk.keep(DANA)
    with open_originals(desk, TICKET, [1], keys=KEYS) as opening:
        look = opening.look(1, event_id=new_id(), commitment=entry.sealed.commitment, digest=entry.hash)
    assert look.outcome == "damaged"
