"""Several agents, tools in parallel, and tools that are tried again: who did what, and what came from what."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Database
from tests.database.recorded import Entries, events, every, links, only, refused, types
from unbroken.capture import Trail
from unbroken.errors import AccessDeniedError, RecordingStoppedError
from unbroken.ledger.ledger import Ledger


def test_after_a_handoff_the_other_agent_goes_on(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    with trail.session(actor="u", agent="till", agent_version="3") as session, session.turn() as turn:
        look()
        with trail.agent("billing-bot", name="Billing", version="7") as handoff:
            look()
            turn.model_call("m-1").result("x")
        look()
        turn.respond()
    assert links(entries) == [
        ("conversation_started", None),
        ("request", None),
        ("tool_call look", "request"),
        ("tool_result look", "tool_call look"),
        ("annotated", "request"),
        ("tool_call look", "annotated"),
        ("tool_result look", "tool_call look"),
        ("model_call", "annotated"),
        ("model_result", "model_call"),
        ("tool_call look", "request"),
        ("tool_result look", "tool_call look"),
        ("response", "request"),
        ("conversation_ended", None),
    ]
    told = only(entries, "annotated")
    assert (told["id"], told["status"], told["agent_id"]) == (handoff.id, "handoff", "till")
    assert told["details"] == {"from": "till", "to": "billing-bot"}
    agents = [(event["agent_id"], event.get("agent_name"), event["agent_version"]) for event in events(entries)]
    assert agents == [("till", None, "3")] * 5 + [("billing-bot", "Billing", "7")] * 4 + [("till", None, "3")] * 4


def test_a_handoff_of_coroutines_is_recorded_alike(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def look() -> None: ...

    async def main() -> None:
        async with trail.session(actor="u", agent="till") as session, session.turn() as turn:
            async with trail.agent("billing-bot"):
                await look()
            await look()
            await turn.respond()

    asyncio.run(main())
    assert links(entries)[2:-2] == [
        ("annotated", "request"),
        ("tool_call look", "annotated"),
        ("tool_result look", "tool_call look"),
        ("tool_call look", "request"),
        ("tool_result look", "tool_call look"),
    ]
    assert [call["agent_id"] for call in every(entries, "tool_call")] == ["billing-bot", "till"]


def test_handoffs_nest_and_each_goes_back(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn, trail.agent("first", version="1"):
        with trail.agent("second"):
            trail.record("reviewed")
        trail.record("reviewed")
        turn.respond("from the first")
    first, second = every(entries, "annotated")
    assert (first["details"], second["details"]) == ({"to": "first"}, {"from": "first", "to": "second"})
    assert [
        (event["agent_id"], event.get("agent_version"), event["parent_id"]) for event in every(entries, "reviewed")
    ] == [
        ("second", None, second["id"]),
        ("first", "1", first["id"]),
    ]
    assert only(entries, "response")["agent_id"] == "first"
    assert "agent_id" not in only(entries, "conversation_ended")


def test_agents_at_work_side_by_side_do_not_mix(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def look(name: str) -> None:
        await asyncio.sleep(0.01)

    async def work(name: str) -> None:
        async with trail.agent(name):
            await look(name)
            await look(name)

    async def main() -> None:
        async with trail.session(actor="u", agent="chief") as session, session.turn() as turn:
            await asyncio.gather(*(work(f"agent-{n}") for n in range(4)))
            await turn.respond()

    asyncio.run(main())
    handoffs = {event["details"]["to"]: event["id"] for event in every(entries, "annotated")}
    calls = every(entries, "tool_call")
    assert len(calls) == 8
    for call in calls:
        assert call["agent_id"] == call["inputs"]["name"]
        assert call["parent_id"] == handoffs[call["agent_id"]]
    assert len(links(entries)) == 4 + 4 + 16


def test_a_turn_waits_for_the_end_of_a_handoff_in_another_task(trail: Trail, entries: Entries) -> None:
    async def work() -> None:
        async with trail.agent("billing-bot"):
            begun.set()
            await asyncio.sleep(0.1)
            trail.record("reviewed")

    async def main() -> None:
        async with trail.session(actor="u") as session:
            async with session.turn() as turn:
                task = asyncio.create_task(work())
                await begun.wait()
                await turn.respond()
            assert types(entries)[-1] == "reviewed"
            await task

    begun = asyncio.Event()
    asyncio.run(main())


def test_a_handoff_that_can_not_be_recorded_does_not_happen(
    trail: Trail, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with trail.session(actor="u") as session, session.turn(), refused(database, ledger), trail.agent("billing-bot"):
            pytest.fail("the block ran")

    with pytest.raises(AccessDeniedError):
        run()
    assert types(entries) == ["conversation_started", "request", "conversation_ended"]


def test_a_handoff_outside_any_session_is_an_orphan(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    with trail.agent("billing-bot"):
        look()
    handoff, call, _ = events(entries)
    assert handoff["details"] == {"to": "billing-bot", "orphan": True}
    assert (call["actor_id"], call["agent_id"], call["parent_id"]) == ("unknown", "billing-bot", handoff["id"])
    assert call["details"] == {"orphan": True}


def test_an_agent_called_as_a_tool_has_a_session_of_its_own(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def look() -> None: ...

    @trail.tool
    async def ask_expert(question: str) -> str:
        expert = trail.session(f"inner-{question}", actor="till", actor_type="agent", agent="expert")
        async with expert as session, session.turn(question) as turn:
            await look()
            await turn.respond("42")
        return "42"

    async def main() -> None:
        async with trail.session("outer", actor="u", agent="till") as session, session.turn("hello") as turn:
            await asyncio.gather(ask_expert("1"), ask_expert("2"))
            await turn.respond()

    asyncio.run(main())
    calls = {call["inputs"]["question"]: call for call in every(entries, "tool_call") if call["tool"] == "ask_expert"}
    assert len(links(entries)) == 4 + 2 * (2 + 6)
    for question in "12":
        inner = [event for event in events(entries) if event["session_id"] == f"inner-{question}"]
        started, request, call, result, response, ended = inner
        assert [event["event_type"] for event in inner] == [
            "conversation_started",
            "request",
            "tool_call",
            "tool_result",
            "response",
            "conversation_ended",
        ]
        assert {event["agent_id"] for event in inner} == {"expert"}
        assert {event["actor_id"] for event in inner} == {"till"}
        for event in (started, request, ended):
            assert event["parent_id"] == calls[question]["id"]
        assert call["parent_id"] == response["parent_id"] == request["id"]
        assert result["parent_id"] == call["id"]
        assert request["turn_id"] != calls[question]["turn_id"]
    assert {result["session_id"] for result in every(entries, "tool_result") if result["tool"] == "ask_expert"} == {
        "outer"
    }


def _with_tasks(trail: Trail, look: Callable[[int], Any]) -> None:
    async def one(n: int) -> None:
        with trail.called_as(f"call_{n}"):
            await asyncio.to_thread(look, n)

    async def main() -> None:
        await asyncio.gather(*(one(n) for n in range(6)))

    asyncio.run(main())


def _with_threads(trail: Trail, look: Callable[[int], Any]) -> None:
    with ThreadPoolExecutor(6) as pool:
        for n in range(6):
            with trail.called_as(f"call_{n}"):
                pool.submit(trail.bind(look), n)


@pytest.mark.parametrize("parallel", [_with_tasks, _with_threads])
def test_parallel_calls_are_told_apart_by_their_ids(
    trail: Trail, entries: Entries, parallel: Callable[[Trail, Callable[[int], Any]], None]
) -> None:
    @trail.tool
    def look(n: int) -> int:
        trail.record("reviewed", details=n)
        return n

    with trail.session(actor="u") as session, session.turn() as turn:
        parallel(trail, look)
        turn.respond()
    calls = {call["call_id"]: call for call in every(entries, "tool_call")}
    assert {call_id: call["inputs"]["n"] for call_id, call in calls.items()} == {f"call_{n}": n for n in range(6)}
    assert {call["parent_id"] for call in calls.values()} == {turn.request_id}
    for result in every(entries, "tool_result"):
        assert result["parent_id"] == calls[result["call_id"]]["id"]
        assert result["outputs"] == calls[result["call_id"]]["inputs"]["n"]
    reviewed = {event["parent_id"]: event["details"] for event in every(entries, "reviewed")}
    assert reviewed == {call["id"]: call["inputs"]["n"] for call in calls.values()}
    assert len(links(entries)) == 4 + 3 * 6


def test_each_try_of_one_call_is_a_pair_of_its_own(trail: Trail, entries: Entries) -> None:
    tries = iter(range(9))

    @trail.tool
    def look(at: str) -> str:
        if next(tries) < 2:
            raise TimeoutError
        return at

    def insist() -> str:
        while True:
            try:
                return look("p-1")
            except TimeoutError:
                continue

    with trail.session(actor="u") as session, session.turn() as turn:
        with trail.called_as("call_1"):
            assert insist() == "p-1"
        turn.respond()
    assert links(entries)[2:-2] == [("tool_call look", "request"), ("tool_result look", "tool_call look")] * 3
    calls, results = every(entries, "tool_call"), every(entries, "tool_result")
    assert {event["call_id"] for event in [*calls, *results]} == {"call_1"}
    assert [result["parent_id"] for result in results] == [call["id"] for call in calls]
    assert [result["status"] for result in results] == ["error", "error", "ok"]


def test_a_call_that_a_model_asked_for_and_that_is_tried_again_is_one_more_call(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look(at: str) -> str:
        if len(every(entries, "tool_call")) < 2:
            raise TimeoutError
        return at

    with trail.session(actor="u") as session, session.turn() as turn:
        asked = {"id": "call_1", "name": "look", "arguments": {"at": "p-1"}}
        turn.model_call("m-1").result("look", tool_calls=[asked])
        with trail.called_as("call_1"):
            with pytest.raises(TimeoutError):
                look("p-1")
            look("p-1")
        turn.respond()
    assert links(entries)[3:-2] == [
        ("model_result", "model_call"),
        ("tool_call look", "model_result"),
        ("tool_result look", "tool_call look"),
        ("tool_call look", "request"),
        ("tool_result look", "tool_call look"),
    ]
    first, second = every(entries, "tool_result")
    assert first["parent_id"] != second["parent_id"]
    assert {event["call_id"] for event in [*every(entries, "tool_call"), first, second]} == {"call_1"}


def test_of_parallel_calls_one_that_is_cancelled_is_aborted(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def look(n: int) -> int:
        begun.release()
        await asyncio.sleep(60 if n else 0)
        return n

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            tasks = [asyncio.create_task(look(n)) for n in range(3)]
            for _ in tasks:
                await begun.acquire()
            for task in tasks[1:]:
                task.cancel()
            await asyncio.wait(tasks)
            await turn.respond()

    begun = asyncio.Semaphore(0)
    asyncio.run(main())
    inputs = {call["id"]: call["inputs"]["n"] for call in every(entries, "tool_call")}
    ends = {inputs[result["parent_id"]]: result["status"] for result in every(entries, "tool_result")}
    assert ends == {0: "ok", 1: "aborted", 2: "aborted"}
    assert types(entries)[-2:] == ["response", "conversation_ended"], "the turn goes on"


def test_a_coroutine_that_is_closed_is_aborted(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def look() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        looking = look()
        await asyncio.wait([looking.send(None)])  # the call is being recorded
        looking.send(None)
        looking.close()

    asyncio.run(main())
    result = only(entries, "tool_result")
    assert (result["status"], result["details"]["error_type"]) == ("aborted", "GeneratorExit")


def test_a_conversation_that_is_closed_where_no_loop_runs_has_an_end(trail: Trail, entries: Entries) -> None:
    class Wait:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def talk() -> None:
        async with trail.session(actor="u") as session, session.turn():
            await Wait()

    talking = talk()
    talking.send(None)
    talking.close()
    assert types(entries) == ["conversation_started", "request", "error", "conversation_ended"]
    assert [event["status"] for event in events(entries)[2:]] == ["aborted", "aborted"]


def test_with_tasks_and_threads_together_a_failed_write_stops_them_all(
    trail: Trail, database: Database, ledger: Ledger
) -> None:
    moved: list[int] = []

    @trail.tool(side_effect=True)
    def move(n: int) -> None:
        moved.append(n)

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn():
            with refused(database, ledger):
                first = await asyncio.gather(asyncio.to_thread(move, 1), return_exceptions=True)
            assert isinstance(first[0], AccessDeniedError)
            loop = asyncio.get_running_loop()
            later = [loop.run_in_executor(None, trail.bind(move), n) for n in (2, 3)]
            errors = await asyncio.gather(*later, return_exceptions=True)
            assert [type(error) for error in errors] == [RecordingStoppedError] * 2

    with pytest.raises(RecordingStoppedError):
        asyncio.run(main())
    assert moved == []
