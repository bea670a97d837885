"""Items of a stream, over which something personal is cut up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.normalise import Json
from unbroken.ledger.protection import Pieces
from unbroken.privacy.pieces import joined_where_cut
from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor

REDACTOR = Redactor(BALANCED, key=None)
MAIL = "jane.roe@example.com"


def test_texts_in_which_nothing_is_cut_up_stay_items() -> None:
    items: list[Json] = ["Hel", "lo ", MAIL, " and ", "more"]
    assert joined_where_cut(items, REDACTOR) == items


@given(st.integers(1, len(MAIL) - 1), st.integers(1, len(MAIL) - 1))
def test_an_address_is_put_together_wherever_it_is_cut(one: int, other: int) -> None:
    first, second = sorted((one, other))
    items: list[Json] = ["write to ", MAIL[:first], MAIL[first:second], MAIL[second:], " soon"]
    joined = joined_where_cut(items, REDACTOR)
    whole = f"write to {MAIL} soon"
    assert joined in ([whole, "", "", "", ""], items)
    masked = REDACTOR.redact({"items": joined}).values["items"]
    assert MAIL not in "".join(map(str, masked)) if isinstance(masked, list) else False


def test_what_was_given_stays_as_it_was() -> None:
    items: list[Json] = ["jane.roe@ex", {"delta": ["ample.com"]}, "ample.com"]
    joined_where_cut(items, REDACTOR)
    assert items == ["jane.roe@ex", {"delta": ["ample.com"]}, "ample.com"]


def test_texts_at_the_same_place_of_each_item_belong_together() -> None:
    items: list[Json] = [
        {"choices": [{"delta": {"content": piece}, "index": 0}], "id": "c-1"}
        for piece in ("jane", ".roe@", "example", ".com")
    ]
    joined = joined_where_cut(items, REDACTOR)
    contents = [item["choices"][0]["delta"]["content"] for item in joined]  # type: ignore[index, call-overload]
    assert contents == [MAIL, "", "", ""]
    assert [item["id"] for item in joined] == ["c-1"] * 4  # type: ignore[index, call-overload]


@pytest.mark.parametrize("items", [[], ["x"], [1, None, 2.5], [{"a": MAIL}]])
def test_there_is_nothing_to_put_together_in_few_texts(items: list[Json]) -> None:
    assert joined_where_cut(items, REDACTOR) == items


def test_a_stream_is_masked_as_a_whole_on_its_way_to_the_log() -> None:
    from tests.unit.test_protection import part, protection, recorded

    made = recorded(protection(), "tool_result", outputs=Pieces(["ask jane.", "roe@exam", "ple.com"]))
    assert "roe" not in part(made, "outputs")
    assert made.event.redactions == ("EMAIL_ADDRESS:1",)
    off = recorded(protection('redaction.profile = "off"'), "tool_result", outputs=Pieces(["jane.", "roe@example.com"]))
    assert part(off, "outputs") == '["jane.","roe@example.com"]'
