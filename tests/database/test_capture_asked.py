"""The calls that an answer asks for are in the log with it, before any of them runs; what became of each is told."""

import asyncio
import contextvars
import os
import threading
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from tests.conftest import Database
from tests.database.recorded import Entries, events, only, refused, types
from unbroken.capture import Trail, Turn
from unbroken.capture import turn as turn_module
from unbroken.errors import AccessDeniedError, InvalidEventError, OutcomeUnknownError, RecordingStoppedError
from unbroken.ledger.ledger import Ledger


class Till:
    """Two tools, and what they have done."""

    def __init__(self, trail: Trail) -> None:
        self.done: list[str] = []
        self.pay = trail.tool(side_effect=True, resource=("account", "account"), name="pay")(self._pay)
        self.find = trail.tool(name="find")(self._find)

    def _pay(self, account: object, amount: int = 1) -> str:
        self.done.append(f"pay {account} {amount}")
        return "paid"

    def _find(self, text: str) -> str:
        self.done.append(f"find {text}")
        return "found"


@pytest.fixture
def till(trail: Trail) -> Till:
    return Till(trail)


def pay(call_id: str | None = "c1", **arguments: Any) -> dict[str, Any]:
    return {"id": call_id, "name": "pay", "arguments": arguments}


def find(call_id: str | None = "c2", text: str = "a") -> dict[str, Any]:
    return {"id": call_id, "name": "find", "arguments": {"text": text}}


def ask(turn: Turn, *calls: object) -> None:
    """The model is asked, and asks for these calls."""
    turn.model_call("m-1").result("I need tools.", tool_calls=calls)


def told(entries: Entries, event_type: str) -> list[dict[str, Any]]:
    return [event for event in events(entries) if event["event_type"] == event_type]


def test_calls_are_in_the_log_with_the_answer_before_any_runs(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, pay(account="a-1"), find())
        assert types(entries)[-3:] == ["model_result", "tool_call", "tool_call"]
        assert till.done == []
        written = entries()[-3:]
        assert len({entry.recorded_at for entry in written}) == 1, "one commit"
        with trail.called_as("c2"):
            till.find("a")
        with trail.called_as("c1"):
            till.pay("a-1")
        turn.respond("done")
    calls, results = told(entries, "tool_call"), told(entries, "tool_result")
    assert [call["parent_id"] for call in calls] == [only(entries, "model_result")["id"]] * 2
    assert [(call["tool"], call["call_id"]) for call in calls] == [("pay", "c1"), ("find", "c2")]
    assert {result["call_id"]: result["parent_id"] for result in results} == {
        call["call_id"]: call["id"] for call in calls
    }
    assert "annotated" not in types(entries)


def test_the_event_is_the_one_that_the_tool_itself_would_have_recorded(
    trail: Trail, till: Till, entries: Entries
) -> None:
    with trail.session(actor="u", agent="desk", subjects=["s"]) as session, session.turn() as turn:
        ask(turn, pay(account="a-1"))
        till.pay("a-1")
        till.pay("a-1")
        turn.respond()
    asked, own = told(entries, "tool_call")
    differing = {"id", "ts", "call_id", "parent_id", "recorder_seq"}
    assert {key for key in asked | own if asked.get(key) != own.get(key)} == differing
    assert asked["inputs"] == {"account": "a-1", "amount": 1}
    assert (asked["side_effect"], asked["resource_type"], asked["resource_id"]) == (True, "account", "a-1")
    first, second = told(entries, "data_modified")
    assert (first["parent_id"], second["parent_id"]) == (asked["id"], own["id"])


def test_what_happens_in_the_tool_has_the_asked_call_as_its_parent(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def outer() -> None:
        trail.record("reviewed")

    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, {"id": "c1", "name": "outer", "arguments": {}})
        with trail.called_as("c1"):
            outer()
        turn.respond()
    assert only(entries, "reviewed")["parent_id"] == only(entries, "tool_call")["id"]
    assert only(entries, "response")["details"]["tools_used"] == ["outer"]


@pytest.mark.parametrize("as_text", [True, False])
def test_arguments_are_equal_with_and_without_defaults(
    trail: Trail, till: Till, entries: Entries, as_text: bool
) -> None:
    arguments: Any = '{"amount": 1, "account": "a-1"}' if as_text else {"account": "a-1"}
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, {"id": "c1", "function": {"name": "pay", "arguments": arguments}})
        with trail.called_as("c1"):
            till.pay(account="a-1")
        turn.respond()
    assert only(entries, "tool_call")["inputs"] == {"account": "a-1", "amount": 1}


def test_values_that_the_log_tells_alike_are_equal(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def book(day: date, seats: tuple[int, ...] = ()) -> None: ...

    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, {"id": "c1", "name": "book", "arguments": {"day": "2026-01-31", "seats": [1, 2]}})
        with trail.called_as("c1"):
            book(date(2026, 1, 31), (1, 2))
        turn.respond()
    assert only(entries, "tool_call")["inputs"] == {"day": "2026-01-31", "seats": [1, 2]}


def test_other_arguments_than_asked_for_are_a_call_of_their_own(trail: Trail, till: Till, entries: Entries) -> None:
    seen: list[int] = []

    def look(account: object) -> None:
        seen.append(len(told(entries, "tool_call")))

    checked = trail.tool(name="pay", side_effect=True)(look)
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, pay(account="a-1"))
        with trail.called_as("c1"):
            checked("a-2")
        turn.respond()
    asked, own = told(entries, "tool_call")
    assert seen == [2], "it was in the log before the tool ran"
    assert (asked["inputs"], own["inputs"]) == ({"account": "a-1"}, {"account": "a-2"})
    assert (own["parent_id"], own["call_id"]) == (asked["id"], "c1")
    assert only(entries, "tool_result")["parent_id"] == own["id"]
    assert "annotated" not in types(entries), "it was executed, if differently"


def test_another_tool_under_the_name_is_a_call_of_its_own(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, find())
        other = trail.tool(name="find", side_effect=True)(till._find)
        with trail.called_as("c2"):
            other("a")
        turn.respond()
    asked, own = told(entries, "tool_call")
    assert (asked["side_effect"], own["side_effect"], own["parent_id"]) == (False, True, asked["id"])


def test_a_second_run_of_a_call_is_a_call_of_its_own(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, find())
        for _ in range(2):
            with trail.called_as("c2"):
                till.find("a")
        turn.respond()
    calls, results = told(entries, "tool_call"), told(entries, "tool_result")
    assert [call["call_id"] for call in calls] == ["c2", "c2"]
    assert [result["parent_id"] for result in results] == [call["id"] for call in calls]


def test_without_an_id_the_call_with_equal_arguments_is_meant(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, find("x", "a"), find(None, "b"), find("y", "c"))
        till.find("c")
        till.find("b")
        till.find("d")
        turn.respond()
    calls = {call["inputs"]["text"]: call for call in told(entries, "tool_call")}
    results = [result["call_id"] for result in told(entries, "tool_result")]
    assert results == ["y", calls["b"]["call_id"], calls["d"]["call_id"]]
    assert calls["d"]["parent_id"] == turn.request_id
    note = only(entries, "annotated")
    assert (note["status"], note["call_id"], note["tool"], note["parent_id"]) == (
        "not_executed",
        "x",
        "find",
        calls["a"]["id"],
    )


def test_a_tool_that_a_tool_calls_is_not_the_one_that_was_asked_for(trail: Trail, till: Till, entries: Entries) -> None:
    @trail.tool
    def outer() -> None:
        till.find("a")

    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, {"id": "c1", "name": "outer", "arguments": {}}, find())
        outer()
        till.find("a")
        turn.respond()
    outer_call, asked, inner = told(entries, "tool_call")
    assert (inner["parent_id"], asked["call_id"]) == (outer_call["id"], "c2")
    assert [result["parent_id"] for result in told(entries, "tool_result")] == [
        inner["id"],
        outer_call["id"],
        asked["id"],
    ]


def test_a_model_inside_a_tool_has_its_calls_taken_there(trail: Trail, till: Till, entries: Entries) -> None:
    @trail.tool
    def expert() -> None:
        with turn.model_call("m-2") as call:
            call.result("look", tool_calls=[find(None)])
        till.find("a")

    with trail.session(actor="u") as session, session.turn() as turn:
        expert()
        turn.respond()
    assert len(told(entries, "tool_call")) == 2
    assert "annotated" not in types(entries)


def test_in_a_model_calls_block_it_is_the_same(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        with turn.model_call("m-1") as call:
            call.result("look", tool_calls=[find(None)])
            till.find("a")
        turn.respond()
    assert only(entries, "tool_call")["parent_id"] == only(entries, "model_result")["id"]


def test_what_is_no_call_of_a_tool_here_stays_in_the_details(trail: Trail, till: Till, entries: Entries) -> None:
    calls = [{"id": "c1", "name": "search_the_web", "arguments": {}}, {"name": "find"}, "find"]
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, *calls)
        turn.respond()
    assert only(entries, "model_result")["details"] == {"tool_calls": calls}
    assert not {"tool_call", "annotated"} & set(types(entries))


def test_arguments_that_do_not_fit_are_recorded_as_given(trail: Trail, till: Till, entries: Entries) -> None:
    broken = {"id": "c3", "function": {"name": "find", "arguments": '{"text": "a'}}
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, pay(amount=3, currency="EUR"), broken)
        with trail.called_as("c1"), pytest.raises(TypeError):
            till.pay(amount=3, currency="EUR")  # type: ignore[call-arg]
        turn.respond()
    asked, unread, own = told(entries, "tool_call")
    assert asked["inputs"] == {"amount": 3, "currency": "EUR"}
    assert unread["inputs"] == '{"text": "a'
    assert own["inputs"] == {"args": [], "kwargs": {"amount": 3, "currency": "EUR"}}
    assert own["parent_id"] == asked["id"]
    assert only(entries, "annotated")["parent_id"] == unread["id"]


def test_calls_that_did_not_run_are_told_when_the_turn_ends(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, pay(account="a-1"), find())
        with trail.called_as("c2"):
            till.find("a")
        turn.respond("I'd rather not pay.")
    note = only(entries, "annotated")
    assert (note["status"], note["tool"], note["call_id"]) == ("not_executed", "pay", "c1")
    assert note["turn_id"] == turn.id
    assert types(entries)[-3:] == ["response", "annotated", "conversation_ended"]


def test_also_when_the_turn_ends_otherwise(trail: Trail, till: Till, entries: Entries) -> None:
    def fail() -> None:
        with session.turn() as turn:
            ask(turn, pay(account="a-1"))
            raise LookupError

    with trail.session(actor="u") as session:
        with session.turn() as turn:
            ask(turn, find())
        with pytest.raises(LookupError):
            fail()
    notes = [event for event in events(entries) if event["event_type"] in ("annotated", "error")]
    assert [(note["event_type"], note["status"], note.get("call_id")) for note in notes] == [
        ("annotated", "not_executed", "c2"),
        ("annotated", "no_response", None),
        ("annotated", "not_executed", "c1"),
        ("error", "error", None),
    ]


def test_a_call_that_still_runs_is_not_one_that_did_not(
    trail: Trail, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_module, "DEADLINE_S", 0.1)
    started, go = threading.Event(), threading.Event()

    @trail.tool
    def endless() -> None:
        started.set()
        assert go.wait(10)

    def run() -> None:
        with session.turn() as turn:
            ask(turn, {"id": "c1", "name": "endless", "arguments": {}})
            thread = threading.Thread(target=contextvars.copy_context().run, args=(endless,))
            threads.append(thread)
            thread.start()
            assert started.wait(10)
            turn.respond()

    threads: list[threading.Thread] = []
    with trail.session(actor="u") as session, pytest.raises(OutcomeUnknownError) as caught:
        run()
    assert caught.value.ids == (only(entries, "tool_call")["id"],)
    assert "annotated" not in types(entries)
    go.set()
    threads[0].join()
    assert only(entries, "tool_result")["parent_id"] == only(entries, "tool_call")["id"]


def test_what_starts_after_the_turn_was_told_is_late(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, find())
        turn.respond()
        context = contextvars.copy_context()
    assert only(entries, "annotated")["status"] == "not_executed"
    context.run(till.find, "a")
    asked, late = told(entries, "tool_call")
    assert ("details" in asked, late["details"]) == (False, {"late": True})
    context.run(lambda: ask(turn, find()))
    assert types(entries)[-1] == "model_result", "nobody would say what became of them"


def test_a_call_that_ran_before_the_answer_was_recorded_is_told_once(
    trail: Trail, till: Till, entries: Entries
) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        call = turn.model_call("m-1")
        with trail.called_as("c2"):
            till.find("a")
        call.result("I have looked.", tool_calls=[find()])
        turn.respond()
    assert types(entries).count("tool_call") == 1
    assert "annotated" not in types(entries)


def test_an_id_that_comes_again_in_the_next_answer_is_a_new_call(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        for text in ("a", "b"):
            ask(turn, find("call_0", text))
            with trail.called_as("call_0"):
                till.find(text)
        turn.respond()
    assert [call["inputs"]["text"] for call in told(entries, "tool_call")] == ["a", "b"]
    assert [result["parent_id"] for result in told(entries, "tool_result")] == [
        call["id"] for call in told(entries, "tool_call")
    ]


def test_calls_belong_to_the_turn_that_asked(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, find())
        with session.turn() as nested:
            with trail.called_as("c2"):
                till.find("a")
            nested.respond()
        turn.respond()
    calls = told(entries, "tool_call")
    assert [call["turn_id"] for call in calls] == [turn.id, nested.id]
    assert only(entries, "annotated")["parent_id"] == calls[0]["id"]


@pytest.mark.parametrize("unfit", ["large", "resources"])
def test_when_one_call_can_not_be_recorded_none_runs(trail: Trail, till: Till, entries: Entries, unfit: str) -> None:
    too_much: Any = "x" * (4 * 2**20) if unfit == "large" else list(range(101))
    go = threading.Barrier(2)

    def run(tool: Any, *arguments: Any) -> None:
        go.wait(10)
        try:
            tool(*arguments)
        except RecordingStoppedError as error:
            stopped.append(error)

    def talk() -> None:
        with session.turn() as turn:
            with suppress(InvalidEventError):
                ask(turn, find(), pay(account=too_much))
            threads = [
                threading.Thread(target=contextvars.copy_context().run, args=(run, *call))
                for call in ((till.find, "a"), (till.pay, too_much))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    stopped: list[RecordingStoppedError] = []
    with trail.session(actor="u") as session, pytest.raises(RecordingStoppedError):
        talk()
    assert till.done == []
    assert len(stopped) == 2
    assert not {"model_result", "tool_call"} & set(types(entries)), "all or none"
    assert only(entries, "error")["details"]["error_type"] == "unbroken.errors.TooLargeError"


def test_when_the_database_refuses_the_batch_none_runs(
    trail: Trail, till: Till, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with session.turn() as turn:
            with refused(database, ledger), suppress(AccessDeniedError):
                ask(turn, find(), pay(account="a-1"))
            with pytest.raises(RecordingStoppedError):
                till.find("a")
            with pytest.raises(RecordingStoppedError):
                till.pay("a-1")

    with trail.session(actor="u") as session, pytest.raises(RecordingStoppedError):
        run()
    assert till.done == []


def test_a_call_that_is_in_the_log_does_not_run_after_a_failure(
    trail: Trail, till: Till, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with session.turn() as turn:
            ask(turn, find(), pay(account="a-1"))
            with refused(database, ledger), suppress(AccessDeniedError):
                till.find("a")  # it runs, as it was recorded, but its result can't be
            with pytest.raises(RecordingStoppedError):
                till.pay("a-1")

    with trail.session(actor="u") as session, pytest.raises(RecordingStoppedError):
        run()
    assert till.done == ["find a"]


def test_a_turn_that_stopped_at_a_value_still_tells_what_did_not_run(
    trail: Trail, till: Till, entries: Entries
) -> None:
    cycle: list[object] = []
    cycle.append(cycle)

    def run() -> None:
        with session.turn() as turn:
            ask(turn, find())
            trail.record("reviewed", details=cycle)

    with trail.session(actor="u") as session, pytest.raises(InvalidEventError):
        run()
    assert only(entries, "annotated")["status"] == "not_executed"
    assert only(entries, "error")["status"] == "error"


def test_parallel_coroutines_take_their_own_calls(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def look(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    async def one(n: int) -> None:
        with trail.called_as(f"c{n}"):
            await look(n)

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            call = await turn.model_call("m-1")
            calls = [{"id": f"c{n}", "name": "look", "arguments": {"n": n}} for n in range(6)]
            await call.result("look", tool_calls=calls)
            await asyncio.gather(*(one(n) for n in range(5)))
            await turn.respond()

    asyncio.run(main())
    calls = {call["call_id"]: call for call in told(entries, "tool_call")}
    assert len(told(entries, "tool_call")) == 6
    for result in told(entries, "tool_result"):
        assert result["parent_id"] == calls[result["call_id"]]["id"]
        assert result["outputs"] == calls[result["call_id"]]["inputs"]["n"]
    assert only(entries, "annotated")["call_id"] == "c5"


def test_the_number_of_calls_recorded_at_once_is_bounded(trail: Trail, till: Till, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, *(find(f"c{n}", str(n)) for n in range(130)))
        assert types(entries).count("tool_call") == 128
        for n in (0, 129):
            with trail.called_as(f"c{n}"):
                till.find(str(n))
        turn.respond()
    assert types(entries).count("tool_call") == 129
    assert types(entries).count("annotated") == 127


def test_a_forked_process_makes_a_call_of_its_own_and_its_parent_knows(
    trail: Trail, till: Till, entries: Entries
) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, find("c1", "a"), find("c2", "b"))
        child = os.fork()
        if child == 0:
            try:
                with trail.called_as("c1"):
                    till.find("a")
            finally:
                os._exit(0 if till.done else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        turn.respond()
    asked, _, own = told(entries, "tool_call")
    assert (own["parent_id"], own["call_id"], own["details"]) == (asked["id"], "c1", {"forked": True})
    assert only(entries, "tool_result")["parent_id"] == own["id"]
    assert only(entries, "annotated")["call_id"] == "c2"


def test_a_turn_whose_place_was_carried_away_does_not_speak_for_others(
    trail: Trail, till: Till, entries: Entries
) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        ask(turn, find("c1", "a"))
        place = trail.carry()
        turn.respond()
    with trail.carried(place), trail.called_as("c1"):
        till.find("a")
    assert only(entries, "annotated")["details"] == {"carried": True}
    asked, own = told(entries, "tool_call")
    assert asked["call_id"] == own["call_id"]
