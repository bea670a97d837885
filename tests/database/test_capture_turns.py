"""Sessions and turns: what is recorded, in which order, and what comes from what."""

import contextvars
import threading
import time
from typing import Any

import pytest

from tests import plain
from tests.database.recorded import Entries, events, only, receipts, types
from unbroken.capture import Trail
from unbroken.capture import turn as turn_module
from unbroken.errors import InvalidEventError, OutcomeUnknownError


def test_a_conversation_is_recorded_in_order(trail: Trail, entries: Entries) -> None:
    @trail.tool(side_effect=True)
    def pay(amount: int) -> str:
        return f"paid {amount}"

    with trail.session(actor="u-7", agent="till") as session, session.turn("pay 3") as turn:
        call = turn.model_call("m-1", [{"role": "user", "content": "pay 3"}])
        call.result("calling pay", tool_calls=[{"name": "pay"}])
        turn.respond(pay(3))

    assert types(entries) == [
        "conversation_started",
        "request",
        "model_call",
        "model_result",
        "tool_call",
        "tool_result",
        "response",
        "conversation_ended",
    ]


def test_every_event_says_who_where_and_that_it_was_enforced(trail: Trail, entries: Entries) -> None:
    with (
        trail.session(
            "c-42", actor="u-7", agent="till", agent_name="Till", agent_version="3", subjects=["b", "a"], purpose="sale"
        ) as session,
        session.turn("hello") as turn,
    ):
        turn.respond("hello yourself")
    everything = events(entries)
    for event in everything:
        assert event["session_id"] == "c-42"
        assert (event["actor_id"], event["actor_type"]) == ("u-7", "user")
        assert (event["agent_id"], event["agent_name"], event["agent_version"]) == ("till", "Till", "3")
        assert event["subjects"] == ["a", "b"]
        assert event["purpose"] == "sale"
        assert event["capture"] == "enforced"
    assert [event.get("turn_id") for event in everything] == [None, turn.id, turn.id, None]


def test_lengths_and_latencies_are_filled_in(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn("four") as turn:
        call = turn.model_call("m-1")
        time.sleep(0.03)
        call.result("x")
        turn.respond({"n": 1})
    request, result, response = only(entries, "request"), only(entries, "model_result"), only(entries, "response")
    ended = only(entries, "conversation_ended")
    assert request["details"] == {"message_length": 4}
    assert response["details"] == {"response_length": len('{"n":1}'), "tools_used": []}
    assert response["model"] == "m-1"
    assert result["latency_ms"] >= 30
    assert response["latency_ms"] >= result["latency_ms"]
    assert ended["details"]["turns"] == 1
    assert ended["details"]["duration_ms"] >= response["latency_ms"]
    assert ended["status"] == "ok"


def test_the_request_is_the_parent_of_what_it_causes(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn("hello") as turn:
        turn.model_call("m-1")
        trail.record("data_disclosed", recipient="somebody")
        turn.respond("x")
    request = only(entries, "request")
    assert request["id"] == turn.request_id
    assert "parent_id" not in request
    for event_type in ("model_call", "data_disclosed", "response"):
        assert only(entries, event_type)["parent_id"] == request["id"]


def test_tools_used_are_named_once_in_the_order_of_their_use(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def second() -> None: ...

    @trail.tool
    def first() -> None: ...

    with trail.session(actor="u") as session, session.turn() as turn:
        first()
        second()
        first()
        turn.respond("x")
    assert only(entries, "response")["details"]["tools_used"] == ["first", "second"]


def test_a_turn_without_a_response_says_so_and_invents_none(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn("hello") as turn:
        pass
    note = only(entries, "annotated")
    assert (note["status"], note["parent_id"]) == ("no_response", turn.request_id)
    assert "response" not in types(entries)


class _UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "status", "kind", "text"),
    [
        (ValueError("kaput"), "error", "ValueError", "kaput"),
        (KeyboardInterrupt(), "aborted", "KeyboardInterrupt", ""),
        (_UnprintableError(), "error", f"{__name__}._UnprintableError", "<exception str() failed>"),
    ],
)
def test_an_exception_is_recorded_and_goes_on_unchanged(
    trail: Trail, entries: Entries, error: BaseException, status: str, kind: str, text: str
) -> None:
    def run() -> None:
        with trail.session(actor="u") as session, session.turn("hello"):
            raise error

    with pytest.raises(type(error)) as caught:
        run()
    assert caught.value is error
    assert caught.value.__cause__ is None
    recorded, ended = only(entries, "error"), only(entries, "conversation_ended")
    assert recorded["status"] == ended["status"] == status
    assert recorded["details"] == {"error_type": kind, "error_message": text}
    assert ended["details"]["error_type"] == kind
    assert recorded["latency_ms"] >= 0


def test_leaving_a_turn_waits_for_its_threads(trail: Trail, entries: Entries) -> None:
    started, leaving = threading.Event(), threading.Event()

    @trail.tool
    def slow() -> str:
        started.set()
        assert leaving.wait(10)
        time.sleep(0.1)
        return "done"

    with trail.session(actor="u") as session:
        with session.turn() as turn:
            thread = threading.Thread(target=contextvars.copy_context().run, args=(slow,))
            thread.start()
            assert started.wait(10)
            turn.respond("x")
            leaving.set()
        assert types(entries)[-1] == "tool_result"
        thread.join()


@pytest.mark.parametrize("operation", ["model call", "nested turn"])
def test_leaving_a_turn_waits_for_blocks_in_other_threads(trail: Trail, entries: Entries, operation: str) -> None:
    started, leaving = threading.Event(), threading.Event()

    def work() -> None:
        with turn.model_call("m-1") if operation == "model call" else session.turn("nested"):
            started.set()
            assert leaving.wait(10)
            time.sleep(0.1)
            trail.record("reviewed")

    with trail.session(actor="u") as session:
        with session.turn() as turn:
            thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
            thread.start()
            assert started.wait(10)
            turn.respond("x")
            leaving.set()
        assert "reviewed" in types(entries)
        thread.join()


def test_an_operation_that_does_not_end_is_an_error(
    trail: Trail, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_module, "DEADLINE_S", 0.1)
    started, go = threading.Event(), threading.Event()

    @trail.tool
    def endless() -> None:
        started.set()
        assert go.wait(10)

    def run() -> None:
        with trail.session(actor="u") as session, session.turn() as turn:
            thread = threading.Thread(target=contextvars.copy_context().run, args=(endless,))
            threads.append(thread)
            thread.start()
            assert started.wait(10)
            turn.respond("x")

    threads: list[threading.Thread] = []
    with pytest.raises(OutcomeUnknownError, match="still running") as caught:
        run()
    call = only(entries, "tool_call")
    assert caught.value.ids == (call["id"],)
    assert only(entries, "error")["details"]["error_type"] == "unbroken.errors.OutcomeUnknownError"
    go.set()
    threads[0].join()
    late = events(entries)[-1]
    assert (late["event_type"], late["parent_id"]) == ("tool_result", call["id"])


def test_what_begins_after_its_turn_was_left_is_recorded_as_late(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def afterwards() -> None: ...

    with trail.session(actor="u") as session, session.turn() as turn:
        turn.respond("x")
        context = contextvars.copy_context()
    context.run(afterwards)
    call = only(entries, "tool_call")
    assert call["turn_id"] == turn.id
    assert call["details"] == {"late": True}


def test_a_thread_without_context_can_use_the_turn(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn("hello") as turn:
        thread = threading.Thread(target=turn.respond, args=("from afar",))
        thread.start()
        thread.join()
    response = only(entries, "response")
    assert (response["turn_id"], response["outputs"]) == (turn.id, "from afar")


def test_an_agent_called_as_a_tool_has_a_session_of_its_own(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def ask_expert(question: str) -> str:
        expert = trail.session("inner", actor="till", actor_type="agent", agent="expert")
        with expert, expert.turn(question) as turn:
            turn.respond("42")
        return "42"

    with trail.session("outer", actor="u", agent="till") as session, session.turn("hello") as turn:
        turn.respond(ask_expert("why"))
    call = only(entries, "tool_call")
    inner = [event for event in events(entries) if event["session_id"] == "inner"]
    assert [event["event_type"] for event in inner] == [
        "conversation_started",
        "request",
        "response",
        "conversation_ended",
    ]
    assert {event["agent_id"] for event in inner} == {"expert"}
    assert inner[0]["parent_id"] == inner[1]["parent_id"] == inner[3]["parent_id"] == call["id"]
    assert "turn_id" not in inner[0]
    assert inner[1]["turn_id"] != turn.id
    assert only(entries, "tool_result")["session_id"] == "outer"


def test_sessions_get_an_id_and_count_their_turns(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session:
        for _ in range(3):
            with session.turn() as turn:
                turn.respond()
    ended = only(entries, "conversation_ended")
    assert ended["details"]["turns"] == 3
    assert ended["session_id"] == session.id
    assert len({event["turn_id"] for event in events(entries) if "turn_id" in event}) == 3


def test_record_takes_its_place_from_the_scope_and_can_be_told_otherwise(trail: Trail, entries: Entries) -> None:
    with trail.session("c-1", actor="u") as session, session.turn() as turn:
        trail.record("reviewed", actor_id="alice", actor_type="admin", parent_id=None, details={"why": "sample"})
        turn.respond()
    reviewed = only(entries, "reviewed")
    assert (reviewed["actor_id"], reviewed["actor_type"]) == ("alice", "admin")
    assert (reviewed["session_id"], reviewed["turn_id"]) == ("c-1", turn.id)
    assert "parent_id" not in reviewed


def test_outside_a_session_record_asks_for_the_actor(trail: Trail, entries: Entries) -> None:
    with pytest.raises(InvalidEventError, match="actor_id"):
        trail.record("reviewed")
    (receipt,) = receipts([trail.record("reviewed", actor_id="alice", actor_type="admin")])
    assert receipt.seq == 1
    assert "session_id" not in only(entries, "reviewed")


@pytest.mark.parametrize(
    "wrong", [{"actor": ""}, {"actor": "u", "colour": "red"}, {"actor": "u", "actor_type": "ghost"}]
)
def test_a_session_that_can_not_be_recorded_does_not_begin(
    trail: Trail, entries: Entries, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidEventError), trail.session(**wrong):
        pytest.fail("the block ran")
    assert entries() == []


def test_closing_a_trail_closes_its_ledger_and_calls_back_once(trail: Trail) -> None:
    calls: list[str] = []
    own = plain.Trail(trail.ledger, on_close=lambda: calls.append("closed"))
    with own:
        assert calls == []
    own.close()
    assert calls == ["closed"]


def test_an_event_may_have_a_scope_of_its_own(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u", scope=["system=core"]) as session, session.turn() as turn:
        turn.record("reviewed", scope=["account=7"])
        turn.respond()
    assert only(entries, "reviewed")["scope"] == ["account=7"]
    assert only(entries, "response")["scope"] == ["system=core"]
