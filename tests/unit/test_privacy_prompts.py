"""What of a prompt is kept: names, lengths and keyed hashes in place of texts."""

from typing import Any

import pytest

from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.privacy.prompts import length_of, shown, shown_template

KEY = LogKey("1", bytes(range(32)))
POLICY = "You book appointments.\nNever give advice."


@pytest.mark.parametrize("role", ["system", "developer", "System", "policy"])
def test_a_message_of_the_prompt_is_hashed(role: str) -> None:
    message: Json = {"role": role, "content": POLICY, "name": "clinic"}
    assert shown([message], "hashed", KEY) == [{"role": role, "content_hash": KEY.hash(POLICY), "length": len(POLICY)}]


@pytest.mark.parametrize("role", ["user", "human", "assistant", "ai", "model", "tool", "function"])
def test_what_is_said_stays(role: str) -> None:
    message: Json = {"role": role, "content": "How many?"}
    assert shown([message], "hashed", KEY) == [message]


@pytest.mark.parametrize(
    "message", ["One plain text.", ["a", "list"], {"content": "no role"}, {"role": 7, "content": "x"}]
)
def test_what_nobody_says_is_hashed_and_has_no_role(message: Json) -> None:
    (described,) = shown([message], "hashed", KEY)
    assert isinstance(described, dict)
    assert set(described) == {"content_hash", "length"}


def test_policy_may_keep_the_text() -> None:
    messages: list[Json] = [POLICY, {"role": "system", "content": POLICY}]
    assert shown(messages, "stored", KEY) == messages
    assert shown_template(POLICY, "stored", KEY) == POLICY


def test_without_a_key_the_length_is_all_there_is() -> None:
    assert shown([{"role": "system", "content": POLICY}, "text"], "hashed", None) == [
        {"role": "system", "length": len(POLICY)},
        {"length": 4},
    ]
    assert shown_template(POLICY, "hashed", None) == {"length": len(POLICY)}


def test_a_role_that_is_a_text_of_its_own_is_not_kept() -> None:
    (described,) = shown([{"role": POLICY, "content": "x"}], "hashed", KEY)
    assert described == {"content_hash": KEY.hash("x"), "length": 1}


def test_a_message_without_content_is_hashed_as_a_whole() -> None:
    parts: dict[str, Any] = {"parts": [{"text": "Be brief."}]}
    (described,) = shown([{"role": "system", **parts}], "hashed", KEY)
    assert isinstance(described, dict)
    assert described["content_hash"] == KEY.hash(parts)


@pytest.mark.parametrize(
    "template",
    [None, "triage-v3", "x" * 100, 3, {"id": "triage", "version": 3}, {"name": "triage", "version": "2025-01"}, {}],
)
def test_a_name_of_a_template_stays(template: Json) -> None:
    assert shown_template(template, "hashed", KEY) == template


@pytest.mark.parametrize("template", [POLICY, "x" * 101, "a\u2028b", ["list"], True])
def test_a_template_that_is_no_name_is_hashed(template: Json) -> None:
    described = shown_template(template, "hashed", KEY)
    assert described == {"content_hash": KEY.hash(template), "length": length_of(template)}


def test_only_what_names_an_object_stays() -> None:
    template: Json = {"id": "triage", "version": 3, "text": POLICY}
    assert shown_template(template, "hashed", KEY) == {
        "id": "triage",
        "version": 3,
        "content_hash": KEY.hash(POLICY),
        "length": len(POLICY),
    }
    assert shown_template({"id": POLICY, "owner": "Dr Hale"}, "hashed", KEY) == {
        "content_hash": KEY.hash({"id": POLICY, "owner": "Dr Hale"}),
        "length": length_of({"id": POLICY, "owner": "Dr Hale"}),
    }


@pytest.mark.parametrize(
    ("content", "length"),
    [("", 0), ("añb", 3), ([{"type": "text", "text": "abc"}, "de"], 5), ({"text": "abc", "type": "x"}, 3), (None, 4)],
)
def test_a_length_counts_characters(content: Json, length: int) -> None:
    assert length_of(content) == length
