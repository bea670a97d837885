"""The search finds what it is meant to find: in every form, at every place in a file."""

import base64
import json
import random
from typing import Final
from urllib.parse import quote

import pytest

from tests.planted.kinds import plants
from tests.planted.plant import Plant
from tests.planted.search import Planted, Search

NEEDLE: Final = "Tr0ub4dor&3 für Zoë/x"
NUMBER: Final = "507812045"


def found(data: bytes, needle: str = NEEDLE) -> int:
    search = Search([Planted("a test", Plant("kind", needle, needle, (needle,)))])
    return len(list(search.within("here", data)))


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)  # noqa: S311 - noise


@pytest.mark.parametrize(
    "data",
    [
        NEEDLE.encode(),
        NEEDLE.encode("utf-16-le"),
        NEEDLE.encode("utf-16-be"),
        json.dumps({"a": NEEDLE}).encode(),
        json.dumps({"a": NEEDLE}, ensure_ascii=False).encode(),
        json.dumps({"a": json.dumps([NEEDLE])}).encode(),
        json.dumps({"a": json.dumps([json.dumps(NEEDLE)])}).encode(),
        ascii(NEEDLE).encode(),
        quote(NEEDLE).encode() + b" " + quote(NEEDLE, safe="").encode(),
        NEEDLE.encode().hex().encode(),
        NEEDLE.encode().hex().upper().encode(),
        NEEDLE.encode("utf-16-le").hex().encode(),
        *(base64.b64encode(b"abc"[:before] + NEEDLE.encode() + b"and so on") for before in range(3)),
        *(base64.urlsafe_b64encode(b"abc"[:before] + NEEDLE.encode()) for before in range(3)),
    ],
)
def test_a_needle_is_found_in_every_form(data: bytes) -> None:
    assert found(noise(5000) + data + noise(5000, 2))
    assert found(data)
    assert not found(data[len(data) // 3 : -len(data) // 3])


def test_a_needle_is_found_at_every_offset_and_between_empty_stretches() -> None:
    for before in range(40):
        assert found(bytes(before) + NEEDLE.encode() + bytes(40)) == 1


@pytest.mark.parametrize("data", [b" 507812045 ", b"SSN507812045x", b'"507812045"', b"tel:507812045;", b"507812045"])
def test_a_short_number_is_found_by_itself(data: bytes) -> None:
    assert found(data, NUMBER) == 1


@pytest.mark.parametrize("data", [b"1507812045", b"5078120451", b"ab507812045", b"2.5507812045"])
def test_a_short_number_within_a_hash_or_a_longer_number_is_not_counted(data: bytes) -> None:
    assert found(data, NUMBER) == 0


def test_of_every_kind_everything_is_found_again_in_a_text_that_holds_all() -> None:
    made = list(plants("search", rounds=3))
    search = Search(Planted(str(at), plant) for at, plant in enumerate(made))
    text = json.dumps([[plant.value, plant.text] for plant in made]).encode()
    assert {left.entrance for left in search.within("here", text)} == set(map(str, range(len(made))))


def test_nothing_is_found_where_nothing_was_planted() -> None:
    search = Search(Planted("x", plant) for plant in plants("search", rounds=3))
    other = json.dumps([plant.text for plant in plants("another seed", rounds=3)]).encode()
    assert list(search.within("here", other + noise(2_000_000))) == []
