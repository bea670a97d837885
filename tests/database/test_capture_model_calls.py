"""Model calls: recorded before the model is asked, prompts by reference."""

from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Database
from tests.database.recorded import Entries, events, only, refused, types
from unbroken.capture import Trail
from unbroken.core.canonical import canonical
from unbroken.core.commitment import opens
from unbroken.errors import AccessDeniedError, InvalidEventError
from unbroken.ledger.ledger import Ledger

SYSTEM = {"role": "system", "content": "Be brief."}
ASK = {"role": "user", "content": "How many?"}
ANSWER = {"role": "assistant", "content": "Three."}


def _inputs(entries: Entries) -> list[dict[str, Any]]:
    return [event["inputs"] for event in events(entries) if event["event_type"] == "model_call"]


def test_a_call_is_committed_before_the_model_is_asked(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        turn.model_call("m-1", [ASK], parameters={"temperature": 0.2}, tools=[{"name": "pay"}], prompt_template="v3")
        assert types(entries)[-1] == "model_call"
        turn.respond()
    call = only(entries, "model_call")
    assert call["model"] == "m-1"
    assert call["details"] == {
        "message_count": 1,
        "parameters": {"temperature": 0.2},
        "tools": [{"name": "pay"}],
        "prompt_template": "v3",
    }


def test_a_result_carries_tokens_cost_and_parent(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        call = turn.model_call("m-1", [ASK])
        call.result(
            ANSWER,
            input_tokens=12,
            output_tokens=3,
            cost_usd=Decimal("1E-7"),
            cost_source="price list",
            finish_reason="stop",
            tool_calls=[],
            model="m-1-2026",
        )
        turn.respond()
    result = only(entries, "model_result")
    assert result["parent_id"] == call.id == only(entries, "model_call")["id"]
    assert (result["input_tokens"], result["output_tokens"]) == (12, 3)
    assert (result["cost_usd"], result["cost_source"]) == ("0.0000001", "price list")
    assert (result["outputs"], result["status"]) == (ANSWER, "ok")
    assert result["details"] == {"finish_reason": "stop", "tool_calls": []}
    assert result["model"] == "m-1-2026", "the provider may name the model more exactly than the caller"
    assert only(entries, "response")["model"] == "m-1-2026"


@pytest.mark.parametrize("cost", ["much", "-1", float("nan")])
def test_a_cost_that_is_no_decimal_number_is_refused(trail: Trail, cost: str | float) -> None:
    with (
        pytest.raises(InvalidEventError, match="cost_usd"),
        trail.session(actor="u") as session,
        session.turn() as turn,
    ):
        turn.model_call("m-1").result("x", cost_usd=cost)


def test_a_message_is_stored_once_in_a_session(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session:
        with session.turn() as turn:
            turn.model_call("m-1", [SYSTEM, ASK])
            turn.respond()
        with session.turn() as turn:
            turn.model_call("m-1", [SYSTEM, ASK, ANSWER, ASK])
            turn.respond()
    first, second = _inputs(entries)
    assert [new["message"] for new in first["new"]] == [SYSTEM, ASK]
    assert [new["message"] for new in second["new"]] == [ANSWER]
    system, ask = first["messages"]
    assert second["messages"] == [system, ask, second["new"][0]["commitment"], ask]
    for new in first["new"] + second["new"]:
        assert opens(new["commitment"], salt=bytes.fromhex(new["salt"]), value=canonical(new["message"]))


def test_sessions_share_no_messages(trail: Trail, entries: Entries) -> None:
    for _ in range(2):
        with trail.session(actor="u") as session, session.turn() as turn:
            turn.model_call("m-1", [SYSTEM])
            turn.respond()
    first, second = _inputs(entries)
    assert len(second["new"]) == 1
    assert first["messages"] != second["messages"]


def test_a_prompt_that_was_not_recorded_is_not_referred_to(
    trail: Trail, entries: Entries, database: Database, ledger: Ledger
) -> None:
    with trail.session(actor="u") as session:
        with pytest.raises(AccessDeniedError), session.turn() as turn, refused(database, ledger):
            turn.model_call("m-1", [ASK])
        with session.turn() as turn:
            turn.model_call("m-1", [ASK])
            turn.respond()
    (inputs,) = _inputs(entries)
    assert [new["message"] for new in inputs["new"]] == [ASK]


def test_a_model_error_is_caused_by_the_call(trail: Trail, entries: Entries) -> None:
    error = TimeoutError("no answer")
    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(TimeoutError) as caught, turn.model_call("m-1", [ASK]) as call:
            raise error
        turn.respond("sorry")
    assert caught.value is error
    recorded = only(entries, "error")
    assert (recorded["parent_id"], recorded["model"], recorded["status"]) == (call.id, "m-1", "error")
    assert recorded["details"]["error_type"] == "TimeoutError"


def test_what_happens_in_the_block_is_caused_by_the_call(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    with trail.session(actor="u") as session, session.turn() as turn:
        with turn.model_call("m-1") as call:
            look()
            call.result("x")
        look()
        turn.respond()
    first, second = (event for event in events(entries) if event["event_type"] == "tool_call")
    assert (first["parent_id"], second["parent_id"]) == (call.id, turn.request_id)
    assert "model" not in first


def test_a_prompt_hash_is_there_with_a_key_only(trail: Trail, entries: Entries, ledger: Ledger) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        turn.model_call("m-1", [SYSTEM, ASK])
        turn.respond()
    expected = None if ledger.key is None else ledger.key.hash(["Be brief."])
    assert only(entries, "model_call").get("prompt_hash") == expected
