"""Prompts by reference: what is listed, what is new, what is hashed."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from unbroken.capture.prompts import Prompt, Prompts, Protect
from unbroken.core.canonical import canonical
from unbroken.core.commitment import opens
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.errors import InvalidEventError
from unbroken.ledger.protection import Screened

ASK = {"role": "user", "content": "How many?"}
ANSWER = {"role": "assistant", "content": "Three."}


def as_given(messages: Sequence[Json]) -> list[Screened]:
    return [Screened(message) for message in messages]


def refer(
    prompts: Prompts, messages: Sequence[object], *, protect: Protect = as_given, parameters: Any = None
) -> Prompt:
    return prompts.refer(messages, protect=protect, parameters=parameters)


def inputs_of(prompt: Prompt) -> dict[str, Any]:
    return cast("dict[str, Any]", prompt.inputs.value)


def _inputs(prompts: Prompts, *messages: object) -> dict[str, Any]:
    return inputs_of(refer(prompts, messages))


def test_a_repeated_message_is_new_once() -> None:
    inputs = _inputs(Prompts(), ASK, ANSWER, ASK)
    assert [new["message"] for new in inputs["new"]] == [ASK, ANSWER]
    first, second = (new["commitment"] for new in inputs["new"])
    assert inputs["messages"] == [first, second, first]
    for new in inputs["new"]:
        assert opens(new["commitment"], salt=bytes.fromhex(new["salt"]), value=canonical(new["message"]))


def test_messages_are_known_only_once_they_are_recorded() -> None:
    prompts = Prompts()
    prompt = refer(prompts, [ASK])
    assert len(_inputs(prompts, ASK)["new"]) == 1
    prompts.recorded(prompt)
    again = _inputs(prompts, ASK, ANSWER)
    assert [new["message"] for new in again["new"]] == [ANSWER]
    assert again["messages"][0] == inputs_of(prompt)["messages"][0]


def test_of_two_recordings_of_one_message_the_first_stays() -> None:
    prompts = Prompts()
    first, second = refer(prompts, [ASK]), refer(prompts, [ASK])
    prompts.recorded(first)
    prompts.recorded(second)
    assert _inputs(prompts, ASK)["messages"] == inputs_of(first)["messages"]


def test_equal_messages_are_those_with_equal_canonical_text() -> None:
    inputs = _inputs(Prompts(), {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": "1", "b": 2})
    assert len(inputs["new"]) == 2


def test_salts_are_fresh() -> None:
    assert _inputs(Prompts(), ASK)["messages"] != _inputs(Prompts(), ASK)["messages"]


def test_a_text_is_one_message() -> None:
    prompt = refer(Prompts(), "How many?")
    assert prompt.messages == ["How many?"]


def test_no_messages_are_no_messages() -> None:
    assert _inputs(Prompts()) == {"messages": [], "new": []}


def test_a_message_that_can_not_be_recorded_is_refused() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(InvalidEventError):
        refer(Prompts(), [cycle])


def test_the_keyed_hash_is_of_the_system_messages() -> None:
    key = LogKey.generate()
    system = {"role": "system", "content": "Be brief."}
    developer = {"role": "developer", "content": "In French."}
    prompts = Prompts()
    assert refer(prompts, [system, ASK]).keyed_hash(key) == refer(prompts, [ANSWER, system]).keyed_hash(key)
    assert refer(prompts, [system, developer]).keyed_hash(key) == key.hash(["Be brief.", "In French."])
    assert refer(prompts, [ASK, "text"]).keyed_hash(key) is None
    assert refer(prompts, [system]).keyed_hash(None) is None


def test_only_messages_that_are_new_are_looked_at() -> None:
    asked: list[Json] = []

    def protect(messages: Sequence[Json]) -> list[Screened]:
        asked.extend(messages)
        return as_given(messages)

    prompts = Prompts()
    prompts.recorded(refer(prompts, [ASK, ANSWER, ASK], protect=protect))
    refer(prompts, [ASK, "text", ANSWER], protect=protect)
    assert asked == [ASK, ANSWER, "text"]


def test_what_is_committed_to_is_what_is_stored() -> None:
    def protect(messages: Sequence[Json]) -> list[Screened]:
        return [Screened({"length": number}, {"NAME": 1, "EMAIL": number}) for number, _ in enumerate(messages)]

    prompts = Prompts()
    prompt = refer(prompts, [ASK, ANSWER], protect=protect)
    inputs = inputs_of(prompt)
    assert [new["message"] for new in inputs["new"]] == [{"length": 0}, {"length": 1}]
    for new in inputs["new"]:
        assert opens(new["commitment"], salt=bytes.fromhex(new["salt"]), value=canonical(new["message"]))
    assert prompt.inputs.counts == {"NAME": 2, "EMAIL": 1}
    prompts.recorded(prompt)
    again = refer(prompts, [ANSWER])
    assert inputs_of(again) == {"messages": inputs["messages"][1:], "new": []}
    assert again.inputs.counts == {}


def test_messages_that_differ_have_commitments_of_their_own_even_if_they_are_stored_alike() -> None:
    inputs = inputs_of(refer(Prompts(), [ASK, ANSWER], protect=lambda each: [Screened(None) for _ in each]))
    assert len(set(inputs["messages"])) == 2


def test_the_length_is_that_of_the_prompt() -> None:
    system = {"role": "system", "content": [{"type": "text", "text": "Be brief."}]}
    assert refer(Prompts(), [system, ASK, ANSWER]).length == len("Be brief.")
    assert refer(Prompts(), "How many?").length == len("How many?")
    assert refer(Prompts(), [ASK]).length is None


def test_a_prompt_may_come_as_a_parameter() -> None:
    key = LogKey.generate()
    prompt = refer(Prompts(), [ASK], parameters={"temperature": 1, "system": "Be brief.", "instructions": None})
    assert prompt.length == len("Be brief.")
    assert prompt.keyed_hash(key) == key.hash(["Be brief."])
