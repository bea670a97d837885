"""A transcript's conversation becomes the events of a session."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from tests.plain import drafts_of
from unbroken.capture.chat import Step, steps_of
from unbroken.capture.chat_record import Conversation, read_conversations
from unbroken.core.canonical import canonical
from unbroken.core.commitment import commit
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.ledger.draft import Draft
from unbroken.ledger.protection import AsGiven, Protected, Screened, Value

SYSTEM = {"role": "system", "content": "be kind"}
ASK = {"role": "user", "content": "book it"}
BOOKED = {"role": "tool", "tool_call_id": "c1", "name": "book", "content": "done"}
ANSWER = {"role": "assistant", "content": "it is booked", "usage": {"prompt_tokens": 12, "completion_tokens": 3}}


def asks_for(*tools: str, content: str | None = None) -> dict[str, Any]:
    calls = [
        {"id": f"c{number}", "type": "function", "function": {"name": tool, "arguments": '{"n": 1}'}}
        for number, tool in enumerate(tools, 1)
    ]
    return {"role": "assistant", "content": content, "tool_calls": calls}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.json"


def conversation(path: Path, *messages: dict[str, Any], **rest: object) -> Conversation:
    path.write_text(json.dumps({"messages": messages, **rest}))
    (found,) = read_conversations(path)
    assert isinstance(found, Conversation), found
    return found


def steps(found: Conversation, key: LogKey | None = None) -> list[Step]:
    return steps_of(found, side_effects={"book"}, agent="desk", key=key)


def drafts(found: Conversation, held: tuple[str, ...] = (), key: LogKey | None = None, **options: Any) -> list[Draft]:
    return drafts_of(found, steps(found, key), held=held, key=key, **options)


def part(made: Draft, name: str) -> Any:
    return json.loads(made.parts[name].value)


def test_a_turn_with_a_tool(path: Path) -> None:
    made = drafts(conversation(path, SYSTEM, ASK, asks_for("book"), BOOKED, ANSWER, model="m-1", user="anna"))
    assert [draft.event.event_type for draft in made] == [
        "conversation_started",
        "request",
        "model_call",
        "model_result",
        "tool_call",
        "tool_result",
        "model_call",
        "model_result",
        "response",
        "conversation_ended",
    ]
    started, request, _, _, call, result, _, second_result, response, _ = made
    for draft in made:
        event = draft.event
        assert (event.actor_id, event.actor_type, event.agent_id) == ("anna", "user", "desk")
        assert (event.capture, event.session_id) == ("imported", started.event.session_id)
    assert part(request, "inputs") == "book it"
    assert (call.event.tool, call.event.call_id, call.event.side_effect) == ("book", "c1", True)
    assert part(call, "inputs") == {"n": 1}
    assert (result.event.tool, result.event.call_id, result.event.status) == ("book", "c1", None)
    assert part(result, "outputs") == "done"
    assert (second_result.event.model, second_result.event.input_tokens, second_result.event.output_tokens) == (
        "m-1",
        12,
        3,
    )
    assert part(second_result, "outputs") == {key: value for key, value in ANSWER.items() if key != "role"}
    assert part(response, "outputs") == "it is booked"


def test_causes_lead_back_to_the_start(path: Path) -> None:
    made = steps(conversation(path, ASK, asks_for("book"), BOOKED, ANSWER))
    types = {step.id: step.event_type for step in made}
    causes = {(step.event_type, types.get(step.fields["parent_id"] or "")) for step in made[1:]}
    assert causes == {
        ("request", "conversation_started"),
        ("model_call", "request"),
        ("model_result", "model_call"),
        ("tool_call", "model_result"),
        ("tool_result", "tool_call"),
        ("response", "model_result"),
        ("conversation_ended", "conversation_started"),
    }


def test_each_user_message_opens_a_turn(path: Path) -> None:
    made = steps(conversation(path, {"role": "assistant", "content": "hi"}, ASK, ANSWER, ASK, ANSWER))
    turns = [(step.event_type, step.fields.get("turn_id")) for step in made if step.event_type != "model_call"]
    assert turns == [
        ("conversation_started", None),
        ("model_result", "turn-1"),
        ("response", "turn-1"),
        ("request", "turn-2"),
        ("model_result", "turn-2"),
        ("response", "turn-2"),
        ("request", "turn-3"),
        ("model_result", "turn-3"),
        ("response", "turn-3"),
        ("conversation_ended", None),
    ]


def test_text_beside_tool_calls_is_no_response(path: Path) -> None:
    made = steps(conversation(path, ASK, asks_for("book", content="one moment")))
    assert "response" not in {step.event_type for step in made}


def test_side_effects_are_the_named_tools(path: Path) -> None:
    made = steps(conversation(path, ASK, asks_for("book", "search")))
    assert {step.fields["tool"]: step.fields["side_effect"] for step in made if step.event_type == "tool_call"} == {
        "book": True,
        "search": False,
    }


def results(found: Conversation) -> list[Step]:
    return [step for step in steps(found) if step.event_type == "tool_result"]


def test_results_find_their_calls_in_any_order(path: Path) -> None:
    found = conversation(
        path, ASK, asks_for("a", "b"), {**BOOKED, "tool_call_id": "c2"}, {**BOOKED, "tool_call_id": "c1"}
    )
    calls = {step.fields["call_id"]: step.id for step in steps(found) if step.event_type == "tool_call"}
    assert [step.fields["parent_id"] for step in results(found)] == [calls["c2"], calls["c1"]]


def test_a_result_after_the_next_request_stays_in_the_turn_of_its_call(path: Path) -> None:
    (result,) = results(conversation(path, ASK, asks_for("book"), ASK, BOOKED))
    assert result.fields["turn_id"] == "turn-1"


@pytest.mark.parametrize(
    "messages",
    [(ASK, BOOKED), (ASK, asks_for("book"), BOOKED, BOOKED), (ASK, asks_for("book"), {**BOOKED, "tool_call_id": "c9"})],
)
def test_a_result_that_answers_no_call_is_an_orphan(path: Path, messages: tuple[dict[str, Any], ...]) -> None:
    result = results(conversation(path, *messages))[-1]
    assert result.fields["parent_id"] is None
    assert result.fields["details"] == {"orphan": True}


def test_results_without_an_id_answer_the_oldest_call_of_their_tool(path: Path) -> None:
    old = {"role": "assistant", "content": None, "function_call": {"name": "book", "arguments": "{}"}}
    found = conversation(path, ASK, old, {"role": "function", "name": "book", "content": "done"})
    (call,) = [step for step in steps(found) if step.event_type == "tool_call"]
    assert [step.fields["parent_id"] for step in results(found)] == [call.id]


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"content": "Error: no seats"}, "error"),
        ({"content": "no seats", "is_error": True}, "error"),
        ({"content": "no seats", "status": "error"}, "error"),
        ({"content": "Errors: none"}, None),
        ({"content": "done. Error: none"}, None),
        ({"content": None}, None),
    ],
)
def test_the_rule_for_failed_tools(path: Path, message: dict[str, Any], status: str | None) -> None:
    (result,) = results(conversation(path, ASK, asks_for("book"), {**BOOKED, **message}))
    assert result.fields["status"] == status


def test_errors_that_the_transcript_states(path: Path) -> None:
    answer = {"role": "assistant", "content": None, "error": {"code": 500}}
    made = drafts(conversation(path, ASK, answer, error="gave up"))
    errors = [draft for draft in made if draft.event.event_type == "error"]
    assert [part(draft, "details") for draft in errors] == [{"error": {"code": 500}}, {"error": "gave up"}]


def test_the_start_keeps_what_the_record_says_beside_messages_and_the_user(path: Path) -> None:
    made = drafts(conversation(path, ASK, reward=1, info={"task": {"user_id": "anna"}}))
    assert part(made[0], "details") == {
        "record": {"info": {"task": {}}, "reward": 1},
        "source": {"file": "chat.json", "occurrence": 1},
    }


def test_a_system_message_that_no_model_was_sent_is_kept_at_the_end(path: Path) -> None:
    late = drafts(conversation(path, SYSTEM, ASK, ANSWER, {"role": "developer", "content": "stop"}))
    assert part(late[-1], "details") == {"unsent": [{"role": "developer", "content": "stop"}]}
    assert "details" not in drafts(conversation(path, SYSTEM, ASK, ANSWER))[-1].parts


def test_prompts_refer_to_messages_that_were_held_before(path: Path) -> None:
    sent = [SYSTEM, ASK, asks_for("book"), BOOKED]
    made = drafts(conversation(path, *sent, ANSWER))
    first, second = (part(draft, "inputs") for draft in made if draft.event.event_type == "model_call")
    assert [new["message"] for new in first["new"]] == sent[:2]
    assert [new["message"] for new in second["new"]] == sent[2:]
    assert second["messages"][:2] == first["messages"]
    for new in (*first["new"], *second["new"]):
        assert commit(bytes.fromhex(new["salt"]), canonical(new["message"])) == new["commitment"]
    assert second["messages"] == [new["commitment"] for new in (*first["new"], *second["new"])]


def test_completing_a_conversation_holds_earlier_messages_again(path: Path) -> None:
    found = conversation(path, SYSTEM, ASK, asks_for("book"), BOOKED, ANSWER)
    held = tuple(step.id for step in steps(found)[:4])
    made = drafts(found, held)
    assert [draft.event.id for draft in made] == [step.id for step in steps(found)[4:]]
    (call,) = [draft for draft in made if draft.event.event_type == "model_call"]
    inputs = part(call, "inputs")
    assert inputs["messages"] == [new["commitment"] for new in inputs["new"]]
    assert len(inputs["new"]) == 4


def test_prompts_are_hashed_under_the_key_of_the_log(path: Path) -> None:
    found = conversation(path, SYSTEM, ASK, ANSWER)
    hashes = {draft.event.prompt_hash for draft in drafts(found, key=LogKey("1", bytes(32)))} - {None}
    assert len(hashes) == 1
    assert {draft.event.prompt_hash for draft in drafts(found)} == {None}


def test_ids_are_the_same_each_time_and_different_from_each_other(path: Path) -> None:
    messages = (SYSTEM, ASK, asks_for("book", "book"), BOOKED, BOOKED, ANSWER, ASK, ANSWER)
    first, second = ([step.id for step in steps(conversation(path, *messages, error="x", id="s"))] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)


def test_a_named_conversation_that_grew_adds_only_what_is_new(path: Path) -> None:
    before = {step.id for step in steps(conversation(path, ASK, ANSWER, id="s"))}
    added = [step for step in steps(conversation(path, ASK, ANSWER, ASK, ANSWER, id="s")) if step.id not in before]
    assert [step.event_type for step in added] == [
        "request",
        "model_call",
        "model_result",
        "response",
        "conversation_ended",
    ]


def test_text_that_json_cannot_hold_is_recorded_all_the_same(path: Path) -> None:
    made = drafts(conversation(path, {"role": "user", "content": "a\x00b\ud800"}, ANSWER))
    assert part(made[1], "inputs")["text"] == "a\u2400b\ufffd"


def test_a_name_that_json_cannot_hold_names_nothing(path: Path) -> None:
    (started, *_) = drafts(conversation(path, ASK, id="a\x00b"))
    assert (started.event.session_id or "").startswith("chat-")


def test_without_the_key_nobody_can_tell_what_an_id_stands_for(path: Path) -> None:
    found = conversation(path, ASK, ANSWER)
    made = {key: drafts(found, key=key) for key in (None, LogKey("1", bytes(32)), LogKey("1", bytes([1] * 32)))}
    ids = {key: [draft.event.id for draft in each] for key, each in made.items()}
    sessions = {key: each[0].event.session_id for key, each in made.items()}
    assert len(set(sessions.values())) == 3
    assert len({each for listed in ids.values() for each in listed}) == sum(map(len, ids.values()))
    for key, each in ids.items():
        assert [draft.event.id for draft in drafts(conversation(path, ASK, ANSWER), key=key)] == each


class Masking(AsGiven):
    """Lets nothing of a message through but its role."""

    def messages(self, messages: Sequence[Json], fields: Mapping[str, Any]) -> list[Screened]:
        assert fields["agent_id"] == "desk"
        return [Screened({"role": cast("dict[str, Json]", each)["role"]}, {"NAME": 1}) for each in messages]

    def protect(self, fields: Mapping[str, Any], parts: Mapping[str, Value]) -> Protected:
        counts = [value.counts for value in parts.values() if isinstance(value, Screened)]
        redactions = [f"{kind}:{count}" for each in counts for kind, count in each.items()] or None
        return super().protect({**fields, "redactions": redactions}, parts)


def test_messages_of_calls_and_those_nobody_was_sent_are_stored_as_protected(path: Path) -> None:
    made = drafts(conversation(path, SYSTEM, ASK, ANSWER, SYSTEM), protection=Masking())
    call, ended = made[2], made[-1]
    assert [new["message"] for new in part(call, "inputs")["new"]] == [{"role": "system"}, {"role": "user"}]
    assert part(call, "details") == {"prompt_length": len("be kind")}
    assert part(ended, "details") == {"unsent": [{"role": "system"}]}
    assert (call.event.redactions, ended.event.redactions) == (("NAME:2",), ("NAME:1",))
