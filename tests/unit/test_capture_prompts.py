"""Prompts by reference: what is listed, what is new, what is hashed."""

from typing import Any, cast

import pytest

from unbroken.capture.prompts import Prompts
from unbroken.core.canonical import canonical
from unbroken.core.commitment import opens
from unbroken.core.keyed import LogKey
from unbroken.errors import InvalidEventError

ASK = {"role": "user", "content": "How many?"}
ANSWER = {"role": "assistant", "content": "Three."}


def _inputs(prompts: Prompts, *messages: object) -> dict[str, Any]:
    return cast("dict[str, Any]", prompts.refer(messages).inputs)


def test_a_repeated_message_is_new_once() -> None:
    inputs = _inputs(Prompts(), ASK, ANSWER, ASK)
    assert [new["message"] for new in inputs["new"]] == [ASK, ANSWER]
    first, second = (new["commitment"] for new in inputs["new"])
    assert inputs["messages"] == [first, second, first]
    for new in inputs["new"]:
        assert opens(new["commitment"], salt=bytes.fromhex(new["salt"]), value=canonical(new["message"]))


def test_messages_are_known_only_once_they_are_recorded() -> None:
    prompts = Prompts()
    prompt = prompts.refer([ASK])
    assert len(_inputs(prompts, ASK)["new"]) == 1
    prompts.recorded(prompt)
    again = _inputs(prompts, ASK, ANSWER)
    assert [new["message"] for new in again["new"]] == [ANSWER]
    assert again["messages"][0] == cast("dict[str, Any]", prompt.inputs)["messages"][0]


def test_of_two_recordings_of_one_message_the_first_stays() -> None:
    prompts = Prompts()
    first, second = prompts.refer([ASK]), prompts.refer([ASK])
    prompts.recorded(first)
    prompts.recorded(second)
    assert _inputs(prompts, ASK)["messages"] == cast("dict[str, Any]", first.inputs)["messages"]


def test_equal_messages_are_those_with_equal_canonical_text() -> None:
    inputs = _inputs(Prompts(), {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": "1", "b": 2})
    assert len(inputs["new"]) == 2


def test_salts_are_fresh() -> None:
    assert _inputs(Prompts(), ASK)["messages"] != _inputs(Prompts(), ASK)["messages"]


def test_a_text_is_one_message() -> None:
    prompt = Prompts().refer("How many?")
    assert prompt.messages == ["How many?"]


def test_no_messages_are_no_messages() -> None:
    assert _inputs(Prompts()) == {"messages": [], "new": []}


def test_a_message_that_can_not_be_recorded_is_refused() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(InvalidEventError):
        Prompts().refer([cycle])


def test_the_keyed_hash_is_of_the_system_messages() -> None:
    key = LogKey.generate()
    system = {"role": "system", "content": "Be brief."}
    developer = {"role": "developer", "content": "In French."}
    prompts = Prompts()
    assert prompts.refer([system, ASK]).keyed_hash(key) == prompts.refer([ANSWER, system]).keyed_hash(key)
    assert prompts.refer([system, developer]).keyed_hash(key) == key.hash(["Be brief.", "In French."])
    assert prompts.refer([ASK, "text"]).keyed_hash(key) is None
    assert prompts.refer([system]).keyed_hash(None) is None
