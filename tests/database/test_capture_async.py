"""The same from coroutines: context through tasks and threads, cancellation, waiting."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from tests import plain
from tests.conftest import Database
from tests.database.recorded import Entries, events, only, refused, types
from unbroken.capture import Trail
from unbroken.capture import turn as turn_module
from unbroken.errors import AccessDeniedError, ConfigurationError, OutcomeUnknownError, RecordingStoppedError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Kept


def test_a_conversation_of_coroutines_is_recorded_alike(trail: Trail, entries: Entries) -> None:
    @trail.tool(resource=("patient", "patient_id"))
    async def chart(patient_id: str) -> str:
        assert types(entries)[-1] == "tool_call"
        await asyncio.sleep(0)
        return patient_id

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn("hello") as turn:
            call = await turn.model_call("m-1", [{"role": "user", "content": "hello"}], parameters={"n": 1})
            await call.result("use chart", output_tokens=3)
            await turn.record("annotated", details={"note": 1})
            await turn.respond(await chart("p-1"))
        ids.extend([session.id, turn.id, turn.request_id, call.id])

    ids: list[str] = []
    asyncio.run(main())
    assert types(entries) == [
        "conversation_started",
        "request",
        "model_call",
        "model_result",
        "annotated",
        "tool_call",
        "tool_result",
        "data_accessed",
        "response",
        "conversation_ended",
    ]
    session, turn, request, call = ids
    everything = events(entries)
    assert {event["session_id"] for event in everything} == {session}
    assert {event["turn_id"] for event in everything[1:-1]} == {turn}
    assert only(entries, "tool_call")["parent_id"] == request
    assert only(entries, "model_result")["parent_id"] == call


def test_parallel_tools_keep_their_own_place(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def inner(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    @trail.tool
    async def outer(n: int) -> int:
        await asyncio.sleep(0.01)
        return await inner(n)

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            assert await asyncio.gather(*(outer(n) for n in range(5))) == list(range(5))
            await turn.respond()

    asyncio.run(main())
    calls = [event for event in events(entries) if event["event_type"] == "tool_call"]
    outer_ids = {event["inputs"]["n"]: event["id"] for event in calls if event["tool"] == "outer"}
    inner_parents = {event["inputs"]["n"]: event["parent_id"] for event in calls if event["tool"] == "inner"}
    assert len(outer_ids) == 5
    assert inner_parents == outer_ids


def test_concurrent_sessions_do_not_mix(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def who() -> None:
        await asyncio.sleep(0.01)

    async def talk(name: str) -> None:
        async with trail.session(name, actor=name) as session, session.turn(name) as turn:
            await who()
            await turn.respond(name)

    async def main() -> None:
        await asyncio.gather(*(talk(f"c-{n}") for n in range(5)))

    asyncio.run(main())
    for event in events(entries):
        assert event["actor_id"] == event["session_id"]
    assert sum(event["event_type"] == "tool_call" for event in events(entries)) == 5


def test_a_plain_tool_in_a_thread_is_in_the_turn(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def plain() -> None: ...

    async def main() -> str:
        async with trail.session(actor="u") as session, session.turn() as turn:
            await asyncio.to_thread(plain)
            await turn.respond()
        return turn.id

    assert asyncio.run(main()) == only(entries, "tool_call")["turn_id"]


def test_leaving_a_turn_waits_for_its_tasks(trail: Trail, entries: Entries) -> None:
    started = asyncio.Event()

    @trail.tool
    async def slow() -> None:
        started.set()
        await asyncio.sleep(0.1)

    async def main() -> None:
        async with trail.session(actor="u") as session:
            async with session.turn() as turn:
                task = asyncio.create_task(slow())
                await started.wait()
                await turn.respond()
            assert types(entries)[-1] == "tool_result"
            await task

    asyncio.run(main())


def test_a_task_that_does_not_end_is_an_error(trail: Trail, entries: Entries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_module, "DEADLINE_S", 0.1)
    started = asyncio.Event()

    @trail.tool
    async def endless() -> None:
        started.set()
        await asyncio.sleep(60)

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            tasks.append(asyncio.create_task(endless()))
            await started.wait()
            await turn.respond()

    tasks: list[asyncio.Task[None]] = []
    with pytest.raises(OutcomeUnknownError, match="still running"):
        asyncio.run(main())
    assert only(entries, "tool_result")["status"] == "aborted", "asyncio cancels what is left at its end"


def test_an_exception_is_recorded_and_goes_on_unchanged(trail: Trail, entries: Entries) -> None:
    error = ValueError("kaput")

    @trail.tool
    async def fails() -> None:
        raise error

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn():
            await fails()

    with pytest.raises(ValueError, match="kaput") as caught:
        asyncio.run(main())
    assert caught.value is error
    assert [event["status"] for event in events(entries) if "status" in event] == ["error", "error", "error"]
    assert types(entries)[-3:] == ["tool_result", "error", "conversation_ended"]


def test_a_model_error_is_caused_by_the_call(trail: Trail, entries: Entries) -> None:
    async def main() -> str:
        async with trail.session(actor="u") as session, session.turn() as turn:
            with pytest.raises(TimeoutError):
                async with turn.model_call("m-1") as call:
                    raise TimeoutError
            await turn.respond()
        return call.id

    assert asyncio.run(main()) == only(entries, "error")["parent_id"]


def test_cancelling_is_recorded_as_aborted(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def endless() -> None:
        started.set()
        await asyncio.sleep(60)

    async def talk() -> None:
        async with trail.session(actor="u") as session, session.turn():
            await endless()

    async def main() -> None:
        task = asyncio.create_task(talk())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = asyncio.Event()
    asyncio.run(main())
    ends = {event["event_type"]: event["status"] for event in events(entries)[-3:]}
    assert ends == {"tool_result": "aborted", "error": "aborted", "conversation_ended": "aborted"}


class _Slow(Ledger):
    """A ledger whose next write waits until it is let go."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.key = ledger.key
        self.writing, self.go = threading.Event(), threading.Event()
        self.armed = False

    def record(self, drafts: Sequence[Draft], *, deadline_s: float | None = None) -> list[Kept]:
        if self.armed:
            self.armed = False
            self.writing.set()
            assert self.go.wait(10)
        return self._ledger.record(drafts, deadline_s=deadline_s)


def test_cancelled_while_its_call_is_written_a_tool_does_not_run_and_the_log_says_so(
    ledger: Ledger, entries: Entries
) -> None:
    slow = _Slow(ledger)
    trail = plain.Trail(slow)

    @trail.tool(side_effect=True)
    async def send() -> None:
        pytest.fail("the tool ran")

    async def talk() -> None:
        async with trail.session(actor="u") as session, session.turn():
            slow.armed = True
            await send()

    async def main() -> None:
        task = asyncio.create_task(talk())
        await asyncio.to_thread(slow.writing.wait, 10)
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        assert not task.done(), "the write is brought to its end first"
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert types(entries)[2:] == ["tool_call", "tool_result", "error", "conversation_ended"]
    assert only(entries, "tool_result")["status"] == "aborted"


def test_cancelled_on_entering_a_turn_has_an_end(ledger: Ledger, entries: Entries) -> None:
    slow = _Slow(ledger)

    async def talk() -> None:
        async with plain.Trail(slow).session(actor="u") as session:
            slow.armed = True
            async with session.turn("hello"):
                pytest.fail("the block ran")

    async def main() -> None:
        task = asyncio.create_task(talk())
        await asyncio.to_thread(slow.writing.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert types(entries) == ["conversation_started", "request", "error", "conversation_ended"]


def test_failure_is_sticky_over_tasks(trail: Trail, database: Database, ledger: Ledger) -> None:
    moved: list[int] = []

    @trail.tool(side_effect=True)
    async def move() -> None:
        moved.append(1)

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn():
            with refused(database, ledger):
                first = await asyncio.gather(move(), return_exceptions=True)
            assert isinstance(first[0], AccessDeniedError)
            second = await asyncio.gather(move(), move(), return_exceptions=True)
            assert [type(error) for error in second] == [RecordingStoppedError] * 2

    with pytest.raises(RecordingStoppedError):
        asyncio.run(main())
    assert moved == []


def test_a_plain_session_takes_asynchronous_turns(trail: Trail, entries: Entries) -> None:
    async def main() -> None:
        with trail.session(actor="u") as session:
            async with session.turn("hello") as turn:
                await turn.respond("hi")

    asyncio.run(main())
    assert types(entries) == ["conversation_started", "request", "response", "conversation_ended"]


def test_a_model_call_must_be_awaited_before_its_result(trail: Trail, entries: Entries) -> None:
    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            call = turn.model_call("m-1")
            with pytest.raises(ConfigurationError, match="await"):
                await call.result("x")
            await turn.respond()

    asyncio.run(main())
    assert "model_result" not in types(entries)


def test_the_event_loop_goes_on_while_a_write_waits(ledger: Ledger, entries: Entries) -> None:
    slow = _Slow(ledger)

    async def main() -> None:
        slow.armed = True
        opening = asyncio.create_task(plain.Trail(slow).session(actor="u").__aenter__())
        await asyncio.to_thread(slow.writing.wait, 10)
        slow.go.set()
        await opening

    asyncio.run(main())
    assert types(entries) == ["conversation_started"]
