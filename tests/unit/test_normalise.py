"""Every kind of Python value that a payload may hold, and what may not be held."""

import base64
import dataclasses
import datetime as dt
import decimal
import enum
import json
import uuid
from collections import OrderedDict, deque
from pathlib import PurePosixPath

import msgspec
import pydantic
import pytest

from unbroken.core.canonical import canonical
from unbroken.core.normalise import MAX_DEPTH, MAX_INTEGER, normalise
from unbroken.errors import InvalidEventError, TooLargeError


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Visit:
    patient: str
    at: dt.datetime


class Order(msgspec.Struct):
    amount: decimal.Decimal


class Note(pydantic.BaseModel):
    text: str
    tags: set[str]


class Text(str):
    __slots__ = ()


class Secretive:
    def __repr__(self) -> str:
        return "password=hunter2"


NOON = dt.datetime(2026, 5, 15, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (MAX_INTEGER, MAX_INTEGER),
        (MAX_INTEGER + 1, "9007199254740992"),
        (-(2**63), "-9223372036854775808"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (decimal.Decimal("10.50"), "10.50"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (NOON.astimezone(dt.timezone(dt.timedelta(hours=2))), "2026-05-15T12:00:00.000000Z"),
        (NOON.replace(tzinfo=None), "2026-05-15T12:00:00"),
        (dt.date(2026, 5, 15), "2026-05-15"),
        (dt.timedelta(milliseconds=1500), "1.5"),
        (b"\x00\xff", "AP8="),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Text("plain"), "plain"),
        (PurePosixPath("/a/b"), "/a/b"),
        ({3, 1, 2}, [1, 2, 3]),
        (deque([1, (2,)]), [1, [2]]),
        (OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
        ({1: "x", None: "y"}, {"1": "x", "null": "y"}),
        (Visit("p-1", NOON), {"patient": "p-1", "at": "2026-05-15T12:00:00.000000Z"}),
        (Order(decimal.Decimal(3)), {"amount": "3"}),
        (Note(text="hello", tags={"b", "a"}), {"text": "hello", "tags": ["a", "b"]}),
    ],
    ids=repr,
)
def test_python_values_become_json(value: object, expected: object) -> None:
    assert normalise(value) == expected


@pytest.mark.parametrize("text", ["a\x00b", "lone \ud800 surrogate"], ids=["nul", "surrogate"])
def test_text_that_json_cannot_hold_is_kept_exactly(text: str) -> None:
    held = normalise(text)
    assert isinstance(held, dict)
    assert base64.b64decode(str(held["base64"])).decode("utf-8", "surrogatepass") == text
    json.loads(canonical(held))


def test_an_unknown_object_never_shows_its_repr() -> None:
    assert "hunter2" not in str(normalise({"value": Secretive()}))
    assert normalise(Secretive()) == {"type": f"{__name__}.Secretive"}


class Stubborn(pydantic.BaseModel):
    @pydantic.model_serializer
    def refuse(self) -> str:
        raise RuntimeError


def test_a_model_that_cannot_be_printed_is_named() -> None:
    assert normalise([Stubborn()]) == [{"type": f"{__name__}.Stubborn"}]


def test_a_cycle_is_refused() -> None:
    loop: list[object] = []
    loop.append({"again": loop})
    with pytest.raises(InvalidEventError, match="contains itself"):
        normalise(loop)


def test_the_same_object_twice_is_no_cycle() -> None:
    shared = {"a": 1}
    assert normalise([shared, shared]) == [{"a": 1}, {"a": 1}]


def test_depth_is_bounded() -> None:
    value: object = "leaf"
    for _ in range(MAX_DEPTH):
        value = [value]
    normalise(value)
    with pytest.raises(TooLargeError, match="nested deeper"):
        normalise([value])


def test_keys_that_fall_together_are_refused() -> None:
    with pytest.raises(InvalidEventError, match="same text"):
        normalise({1: "a", "1": "b"})
