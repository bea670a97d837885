"""Many originals in one stream: as asked for, in memory that stays the same, each with its own outcome."""

import tracemalloc
from collections.abc import Iterator

import pytest

from tests.unit.vaulted import DANA, KIM, LEE, ORIGINAL, another_place, ring
from unbroken.errors import KeyMissingError, OriginalError, UnavailableError
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.originals import seal
from unbroken.privacy.vault.stream import Kept, Opened, open_each


def kept(*people: PrivateKey, size: int = 0) -> Kept:
    place = another_place()
    it = seal({**ORIGINAL, "details": "x" * size}, keys=[key.public for key in people], place=place)
    return Kept(place, it.commitment, it.ciphertext)


def test_each_opens_or_says_why_and_the_stream_goes_on() -> None:
    first, second, third = kept(DANA), kept(DANA, LEE), kept(KIM)
    damaged = Kept(first.place, first.commitment, first.ciphertext[:-1])
    moved = Kept(second.place, first.commitment, first.ciphertext)
    found = list(open_each([first, second, third, damaged, moved, first], key_of=ring([DANA, KIM]).get))
    assert [each.original is not None for each in found] == [True, False, True, False, False, True]
    assert [type(each.error) for each in found[1:5]] == [KeyMissingError, type(None), OriginalError, OriginalError]
    assert [each.place for each in found] == [
        first.place,
        second.place,
        third.place,
        first.place,
        second.place,
        first.place,
    ]


def test_what_was_opened_does_not_show() -> None:
    (found,) = open_each([kept(DANA)], key_of=ring([DANA]).get)
    assert "Blood" not in repr(found)
    assert "ciphertext" not in repr(kept(DANA))


def test_a_key_is_asked_for_once_while_it_is_at_hand() -> None:
    asked: list[str] = []

    def key_of(key_id: str) -> PrivateKey | None:
        asked.append(key_id)
        return ring([DANA, LEE]).get(key_id)

    items = [kept(DANA), kept(DANA), kept(LEE), kept(DANA)]
    list(open_each(items, key_of=key_of))
    assert asked == [DANA.id, LEE.id]
    asked.clear()
    list(open_each(items, key_of=key_of, most_keys=1))
    assert asked == [DANA.id, LEE.id, DANA.id]


def test_nothing_is_opened_before_it_is_asked_for() -> None:
    def items() -> Iterator[Kept]:
        yield kept(DANA)
        raise AssertionError("read ahead")

    opened = open_each(items(), key_of=ring([DANA]).get)
    assert next(opened).original is not None


def test_when_keys_can_not_be_had_the_stream_ends() -> None:
    def key_of(key_id: str) -> PrivateKey:
        raise UnavailableError("not now")

    with pytest.raises(UnavailableError):
        list(open_each([kept(DANA)], key_of=key_of))


def test_a_thousand_are_opened_in_the_memory_of_a_few() -> None:
    one = kept(DANA, size=100_000)

    def opened(count: int) -> int:
        tracemalloc.start()
        try:
            each: Opened
            for each in open_each((one for _ in range(count)), key_of=ring([DANA]).get):
                assert each.original is not None
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = opened(10)
    assert opened(1000) < few + 100_000
