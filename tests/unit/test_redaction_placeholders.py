"""Placeholders: the same value the same one, a second scan changes nothing, and nobody can type one."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.redacting import CARD, KEY, masked, redactor
from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.placeholders import PlaceholderKey, Placeholders, canonical
from unbroken.privacy.redaction.profiles import BALANCED, HIPAA, PCI, STRICT, Profile

SHAPE = re.compile(r"\[[A-Z_]+:k7:[0-9a-f]{32}\]")


def test_spellings_of_one_value_have_one_placeholder() -> None:
    one = {
        str(masked(text))
        for text in (
            "4012888888881881",
            "4012 8888 8888 1881",
            "4012-8888-8888-1881",
            "４０１２８８８８８８８８１８８１",
        )
    }
    assert len(one) == 1
    assert masked("Jane@Example.com") == masked("jane@example.com") != masked("june@example.com")
    assert masked("+1 415 555 0132") == masked("(415) 555-0132") == masked("001 415 555 0132")
    assert str(masked({"ssn": 78051123})) == str(masked({"ssn": "078-05-1123"}))
    assert masked(CARD) == masked({"a": CARD})["a"]
    assert SHAPE.fullmatch(str(masked(CARD)))


def test_kind_and_key_are_part_of_it() -> None:
    first, second = Placeholders(KEY, random=False), Placeholders(PlaceholderKey("8", b"y" * 32), random=False)
    assert first.make("A_B", "x") != first.make("A_C", "x").replace("A_C", "A_B")
    assert first.make("A_B", "x") != second.make("A_B", "x").replace(":k8:", ":k7:")


def test_random_ones_cannot_be_followed() -> None:
    first, second = (str(redactor(HIPAA).redact({"a": CARD}).values["a"]) for _ in range(2))
    assert first != second
    assert redactor(HIPAA).redact({"a": first}).values["a"] == first


@pytest.mark.parametrize(
    "text", ["[EMAIL_ADDRESS:k7:" + "a" * 32 + "]", "[UNSCANNED:k7:" + "0" * 32 + "]", "[A_B:k9:abcdefgh]"]
)
def test_a_typed_one_is_marked(text: str) -> None:
    result = str(masked(f"see {text} here"))
    assert result == f"see [typed:{text[1:]} here"
    assert masked(result) == result


def test_one_of_our_own_passes_and_is_no_context() -> None:
    result = str(masked(f"pay {CARD} now"))
    assert masked(result) == result
    assert str(masked(f"{result} {CARD}")).count("CREDIT_CARD") == 2
    changed = re.sub(r":([0-9a-f])", lambda match: ":" + ("1" if match[1] == "0" else "0"), result)
    assert "[typed:" in str(masked(changed))


def test_one_under_a_sensitive_key_stays() -> None:
    once = masked({"ssn": "078-05-1123", "note": "SSN 078-05-1123"})
    assert masked(once) == once


def test_keys_are_checked() -> None:
    with pytest.raises(ConfigurationError):
        PlaceholderKey("K", b"x" * 32)
    with pytest.raises(ConfigurationError):
        PlaceholderKey("k", b"short")
    derived = PlaceholderKey.derived("1", b"z" * 32)
    assert derived == PlaceholderKey.derived("1", b"z" * 32)
    assert derived.secret != b"z" * 32


def test_canonical_values() -> None:
    assert canonical("IBAN_CODE", "GB29 NWBK-6016") == "gb29nwbk6016"
    assert canonical("PASSWORD", " aB c") == "aB c"
    assert canonical("PERSON", "Mia  LI") == "mia li"


PIECES = st.sampled_from(
    [
        "jane@example.com",
        "(415) 555-0132",
        "+44 20 7123 4567",
        CARD,
        "4012 8888 8888 1881",
        "078-05-1123",
        "078051123",
        "GB29 NWBK 6016 1331 9268 19",
        "81.92.3.200",
        "AB1234567",
        "1990-04-05",
        "5/4/1990",
        "A12803456",
        "6940579",
        "ghp_" + "a1" * 18,
        "password=hunter22",
        "https://orthotraffic.ch/",
        "12345678",
        "78 651 450",
        "358 0594",
        "[EMAIL_ADDRESS:k7:abcdefghij]",
        "passport",
        "phone",
        "SSN",
        "card",
        "call me at",
        "driver's license",
        "born",
        "MRN",
        "account",
        "the",
        "a b c",
        "\n",
        ", ",
        ":",
        "=",
        "-",
        "é",
        "４０１２",
        "%40",
        "\\u0040",
        "{",
        '"a":',
        "12",
        "wait for it to arrive with the others",
        "address",
        "zip",
        "NPI",
        "Medicare",
        "license plate",
        "B-AB 1234",
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map(" ".join)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "phone", "note", "ssn", "name", "value", "x@y.co", "id"]) | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("profile", [BALANCED, STRICT, PCI], ids=lambda profile: profile.name)
@given(value=VALUES)
def test_a_second_scan_changes_nothing(profile: Profile, value: Any) -> None:
    front = redactor(profile)
    once = front.redact({"v": value}).values
    again = front.redact(once)
    assert again.values == once
    assert again.counts == {}


@given(value=VALUES)
def test_the_same_value_gives_the_same_result(value: Any) -> None:
    first, second = (redactor().redact({"v": value}) for _ in range(2))
    assert first == second


@given(text=st.text(max_size=60))
def test_any_text_is_taken(text: str) -> None:
    for hit in redactor().explain(text):
        assert text[hit.span[0] : hit.span[1]] == hit.text
