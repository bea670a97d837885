"""The fast path of canonical JSON prints what the definition prints, for every value that may take it."""

import json
import math
import struct
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core import canonical as module
from unbroken.core.canonical import canonical
from unbroken.core.normalise import MAX_INTEGER, normalise
from unbroken.errors import InvalidEventError

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts
floats = st.floats(allow_nan=False, allow_infinity=False)


def json_values(leaves: st.SearchStrategy[object], keys: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=30)


def read(text: bytes | str) -> Any:
    """JSON as ECMAScript reads it: every number is a double."""
    return json.loads(text, parse_int=float)


ascii_keys = st.text(st.characters(max_codepoint=127))


@given(json_values(scalars, ascii_keys))
def test_the_fast_encoder_prints_the_definition(value):  # type: ignore[no-untyped-def]
    assert module._is_plain(value)
    assert module._fast.encode(value) == rfc8785.dumps(value)


@given(json_values(scalars | floats, texts))
def test_every_value_prints_as_the_definition(value):  # type: ignore[no-untyped-def]
    assert canonical(value) == rfc8785.dumps(value)


@given(json_values(scalars | floats, texts))
def test_reading_and_printing_again_changes_nothing(value):  # type: ignore[no-untyped-def]
    text = canonical(value)
    assert canonical(read(text)) == text


@pytest.mark.parametrize(
    "value",
    [1.5, {"é": 1}, MAX_INTEGER + 1, {"a": [{"b": 0.1}]}, {1: "a"}, ("tuple",)],
    ids=str,
)
def test_what_could_differ_does_not_take_the_fast_path(value: object) -> None:
    assert not module._is_plain(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, 2**53, "\ud800", {"\udfff": 1}, object()], ids=lambda value: type(value).__name__
)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InvalidEventError):
        canonical(value)  # type: ignore[arg-type]


def test_nesting_beyond_the_stack_is_refused() -> None:
    value: object = 1.5
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidEventError):
        canonical(value)  # type: ignore[arg-type]


# RFC 8785, appendix B, and the samples of the reference implementation: IEEE 754 bits and the text they print as.
@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4340000000000001", "9007199254740994"),
        ("4340000000000002", "9007199254740996"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
    ],
)
def test_numbers_print_as_ecmascript_prints_them(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == text.encode()


@given(
    st.recursive(
        scalars
        | floats
        | st.binary()
        | st.datetimes()
        | st.uuids()
        | st.decimals()
        | st.integers()
        | st.text()
        | floats,
        lambda inner: st.lists(inner) | st.sets(st.integers()) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=20,
    )
)
def test_whatever_is_normalised_has_a_canonical_form(value):  # type: ignore[no-untyped-def]
    try:
        normal = normalise(value)
    except InvalidEventError as error:
        assert "same text" in str(error)  # noqa: PT017 - two keys may fall together; nothing else may fail
        return
    assert read(canonical(normal)) == read(json.dumps(normal))
