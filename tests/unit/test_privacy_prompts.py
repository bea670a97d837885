"""What of a prompt is kept: names, lengths and keyed hashes in place of texts."""

from typing import Any

import pytest

from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.core.prompts import length_of
from unbroken.privacy.prompts import names_in, shown, shown_details, shown_template, with_names, without_names

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


def test_a_prompt_among_the_parameters_is_hashed() -> None:
    details: Json = {"parameters": {"system": POLICY, "temperature": 0.2, "instructions": None}, "message_count": 1}
    hashed: Json = {"content_hash": KEY.hash(POLICY), "length": len(POLICY)}
    parameters: Json = {"system": hashed, "temperature": 0.2, "instructions": None}
    assert shown_details(details, "hashed", KEY) == {"parameters": parameters, "message_count": 1}
    assert shown_details({"record": {"system": POLICY, "id": 1}}, "hashed", KEY) == {
        "record": {"system": hashed, "id": 1}
    }
    assert shown_details(details, "stored", KEY) == details


def test_details_without_a_prompt_are_the_same_object() -> None:
    others: list[Json] = [{"parameters": {"temperature": 0.2}}, ["prompt_template"], None]
    for details in others:
        assert shown_details(details, "hashed", KEY) is details


def test_a_template_in_details_is_shown_as_templates_are() -> None:
    assert shown_details({"prompt_template": POLICY}, "hashed", None) == {"prompt_template": {"length": len(POLICY)}}


@pytest.mark.parametrize(
    ("template", "names", "rest"),
    [
        ("triage v3", {"": "triage v3"}, {}),
        (3, {"": "3"}, {}),
        ({"id": "t", "version": 3, "length": 9}, {"id": "t", "version": "3"}, {"length": 9}),
        ({"length": 9}, {}, {"length": 9}),
        (None, {}, None),
    ],
)
def test_what_names_a_template_is_taken_out_and_put_back(template: Json, names: dict[str, str], rest: Json) -> None:
    details: Json = {"prompt_template": template, "message_count": 1}
    assert names_in(details) == names
    assert without_names(details) == {"prompt_template": rest, "message_count": 1}
    assert with_names(without_names(details), names, details) == details


def test_a_name_that_was_masked_is_put_back_masked() -> None:
    details: Json = {"prompt_template": {"id": "t", "version": 4111}}
    assert with_names(without_names(details), {"id": "[X]", "version": "[Y]"}, details) == {
        "prompt_template": {"id": "[X]", "version": "[Y]"}
    }
    # Details that could not be looked at are one placeholder, and stay it.
    assert with_names("[UNSCANNED]", {"id": "t"}, details) == "[UNSCANNED]"


def test_details_without_a_template_name_nothing() -> None:
    others: list[Json] = [{"message_count": 1}, "text", None]
    for details in others:
        assert names_in(details) == {}
        assert without_names(details) is details
        assert with_names(details, {}, details) is details
