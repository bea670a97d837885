"""Threads: what is bound keeps its place, what is not is an orphan that says so, and nothing is lost."""

import asyncio
import contextvars
import inspect
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests import plain
from tests.conftest import LOG, Database
from tests.database.recorded import Entries, events, every, links, only, types
from unbroken.capture import Trail, threads
from unbroken.capture.threads import in_thread


class Desk:
    """Tools that tell of where they are called."""

    def __init__(self, trail: Trail) -> None:
        self.look = trail.tool(name="look")(self._look)
        self.alook = trail.tool(name="look")(self._alook)
        self.outer = trail.tool(name="outer")(self._outer)

    def _look(self, at: int = 0) -> int:
        return at

    async def _alook(self, at: int = 0) -> int:
        return at

    def _outer(self, at: int) -> int:
        return self.look(at)


@pytest.fixture
def desk(trail: Trail) -> Desk:
    return Desk(trail)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def in_bare_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def in_pool(function: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function).result()


def in_executor(function: Callable[[], object]) -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, function)

    asyncio.run(main())


ELSEWHERE = pytest.mark.parametrize("elsewhere", [in_bare_thread, in_pool, in_executor])
Elsewhere = Callable[[Callable[[], object]], None]


@ELSEWHERE
def test_without_bind_it_is_an_orphan_that_says_so(
    trail: Trail, desk: Desk, entries: Entries, elsewhere: Elsewhere
) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        elsewhere(desk.look)
        turn.respond()
    call, result = only(entries, "tool_call"), only(entries, "tool_result")
    assert (call["actor_id"], call["actor_type"], call["details"]) == ("unknown", "system", {"orphan": True})
    for event in (call, result):
        assert "session_id" not in event
        assert "turn_id" not in event
    assert links(entries)[2:4] == [("tool_call look", None), ("tool_result look", "tool_call look")]


@ELSEWHERE
def test_what_is_bound_keeps_its_place(trail: Trail, desk: Desk, entries: Entries, elsewhere: Elsewhere) -> None:
    with trail.session(actor="u", agent="desk") as session, session.turn() as turn:
        elsewhere(trail.bind(partial(desk.outer, 3)))
        turn.respond()
    assert links(entries) == [
        ("conversation_started", None),
        ("request", None),
        ("tool_call outer", "request"),
        ("tool_call look", "tool_call outer"),
        ("tool_result look", "tool_call look"),
        ("tool_result outer", "tool_call outer"),
        ("response", "request"),
        ("conversation_ended", None),
    ]
    for event in every(entries, "tool_call"):
        assert (event["session_id"], event["turn_id"], event["agent_id"]) == (session.id, turn.id, "desk")
        assert "details" not in event
    assert only(entries, "response")["details"]["tools_used"] == ["outer", "look"]


def test_parallel_calls_in_a_pool_keep_their_own_place(
    trail: Trail, desk: Desk, entries: Entries, pool: ThreadPoolExecutor
) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        assert list(pool.map(trail.bind(desk.outer), range(8))) == list(range(8))
        turn.respond()
    assert len(links(entries)) == 4 + 8 * 4
    outer = {call["id"]: call["inputs"]["at"] for call in every(entries, "tool_call") if call["tool"] == "outer"}
    inner = [call for call in every(entries, "tool_call") if call["tool"] == "look"]
    assert {call["parent_id"]: call["inputs"]["at"] for call in inner} == outer
    assert {call["parent_id"] for call in every(entries, "tool_call") if call["tool"] == "outer"} == {turn.request_id}


def test_a_pool_that_serves_several_sessions_mixes_nothing(
    trail: Trail, desk: Desk, entries: Entries, pool: ThreadPoolExecutor
) -> None:
    def talk(name: str) -> None:
        with trail.session(name, actor=name) as session, session.turn() as turn:
            futures: list[Future[int]] = [pool.submit(trail.bind(desk.outer), n) for n in range(3)]
            assert [future.result() for future in futures] == [0, 1, 2]
            turn.respond()

    talkers = [threading.Thread(target=talk, args=(f"c-{n}",)) for n in range(4)]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    everything = events(entries)
    assert len(links(entries)) == 4 * (4 + 3 * 4)
    assert all(event["actor_id"] == event["session_id"] for event in everything)
    sessions = {event["id"]: event["session_id"] for event in everything}
    assert all(sessions[event["parent_id"]] == event["session_id"] for event in everything if "parent_id" in event)


def test_a_bound_function_leaves_no_place_behind(
    trail: Trail, desk: Desk, entries: Entries, pool: ThreadPoolExecutor
) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        for _ in range(4):
            pool.submit(trail.bind(desk.look)).result()
        turn.respond()
    for _ in range(4):
        pool.submit(desk.look).result()
    assert ["session_id" in call for call in every(entries, "tool_call")] == [True] * 4 + [False] * 4


def test_a_turn_waits_for_what_is_bound(trail: Trail, entries: Entries) -> None:
    started, leaving = threading.Event(), threading.Event()

    @trail.tool
    def slow() -> None:
        started.set()
        assert leaving.wait(10)

    with trail.session(actor="u") as session:
        with session.turn() as turn:
            thread = threading.Thread(target=trail.bind(slow))
            thread.start()
            assert started.wait(10)
            turn.respond()
            leaving.set()
        assert types(entries)[-1] == "tool_result"
        thread.join()


def test_called_after_its_turn_it_is_late(trail: Trail, desk: Desk, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        late = trail.bind(desk.look)
        turn.respond()
    in_bare_thread(late)
    call = only(entries, "tool_call")
    assert (call["turn_id"], call["details"]) == (turn.id, {"late": True})


def test_the_id_of_a_call_is_taken_along(trail: Trail, desk: Desk, entries: Entries, pool: ThreadPoolExecutor) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        futures = []
        for n in range(3):
            with trail.called_as(f"call_{n}"):
                futures.append(pool.submit(trail.bind(desk.look), n))
        assert [future.result() for future in futures] == [0, 1, 2]
        turn.respond()
    calls = {call["call_id"]: call["inputs"]["at"] for call in every(entries, "tool_call")}
    assert calls == {"call_0": 0, "call_1": 1, "call_2": 2}


def test_outside_any_session_nothing_is_taken_along(trail: Trail, desk: Desk, entries: Entries) -> None:
    free = trail.bind(desk.look)
    with trail.session(actor="u") as session, session.turn() as turn:
        free()
        turn.respond()
    assert only(entries, "tool_call")["turn_id"] == turn.id


def test_a_coroutine_function_stays_one(trail: Trail, desk: Desk, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        look = trail.bind(desk.alook)
        assert inspect.iscoroutinefunction(look)
        in_bare_thread(lambda: asyncio.run(look(1)))
        turn.respond()
    assert only(entries, "tool_call")["parent_id"] == turn.request_id


def test_a_coroutine_behind_a_plain_function_runs_in_its_place_too(trail: Trail, desk: Desk, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        look: Callable[[], Awaitable[int]] = trail.bind(lambda: desk.alook(1))
        in_bare_thread(lambda: asyncio.run(look()))  # type: ignore[arg-type]
        turn.respond()
    assert only(entries, "tool_call")["parent_id"] == turn.request_id


def test_a_generator_takes_its_steps_in_its_place_only(trail: Trail, desk: Desk, entries: Entries) -> None:
    def steps() -> Generator[int, int, int]:
        desk.look(1)
        got = yield 1
        desk.look(got)
        return 5

    def read() -> None:
        reading = made()
        next(reading)
        desk.look(9)
        with pytest.raises(StopIteration, match="5"):
            reading.send(2)

    with trail.session(actor="u") as session, session.turn() as turn:
        made = trail.bind(steps)
        assert inspect.isgeneratorfunction(made)
        in_bare_thread(read)
        turn.respond()
    calls = {call["inputs"]["at"]: call.get("parent_id") for call in every(entries, "tool_call")}
    assert calls == {1: turn.request_id, 2: turn.request_id, 9: None}


def test_a_turn_that_a_bound_generator_holds_over_a_yield_stays_its_own(
    trail: Trail, desk: Desk, entries: Entries
) -> None:
    async def answer() -> AsyncGenerator[str, None]:
        async with session.turn("hello") as turn:
            await desk.alook(1)
            yield "one"
            await desk.alook(2)
            yield "two"
            await turn.respond()

    async def main() -> None:
        async for _ in trail.bind(answer)():
            await desk.alook(9)

    with trail.session(actor="u") as session:
        asyncio.run(main())
    assert inspect.isasyncgenfunction(trail.bind(answer))
    calls = {call["inputs"]["at"]: call.get("parent_id") for call in every(entries, "tool_call")}
    request = only(entries, "request")["id"]
    assert calls == {1: request, 2: request, 9: None}


def test_a_bound_method_of_several_trails_knows_both(trail: Trail, desk: Desk, entries: Entries) -> None:
    other = plain.Trail(trail.ledger)
    look = Desk(other).look

    def both() -> None:
        desk.look(1)
        look(2)

    with trail.session("mine", actor="u") as session, session.turn() as turn:
        with other.session("theirs", actor="v") as second, second.turn() as inner:
            in_bare_thread(other.bind(trail.bind(both)))
            inner.respond()
        turn.respond()
    assert [call["session_id"] for call in every(entries, "tool_call")] == ["mine", "theirs"]


def test_recording_goes_on_while_the_loops_own_threads_are_all_taken(
    trail: Trail, desk: Desk, entries: Entries
) -> None:
    recorded = threading.Event()

    @trail.tool
    def blocking() -> bool:
        return recorded.wait(10)

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        async with trail.session(actor="u") as session, session.turn() as turn:
            waiting = [asyncio.create_task(asyncio.to_thread(blocking)) for _ in range(4)]
            while types(entries).count("tool_call") < 2:  # noqa: ASYNC110 - they are in threads
                await asyncio.sleep(0.01)
            assert await desk.alook(3) == 3
            await (await turn.model_call("m-1")).result("x")
            recorded.set()
            assert await asyncio.gather(*waiting) == [True] * 4, "recording had to wait for them"
            await turn.respond()

    asyncio.run(main())
    assert len(links(entries)) == 4 + 2 + 2 + 4 * 2


def test_many_coroutines_share_a_bounded_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def work(n: int) -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
            if at_once == threads.THREADS:
                full.set()
        assert full.wait(10)
        with lock:
            at_once -= 1
        return n

    async def main() -> list[int]:
        return await asyncio.gather(*(in_thread(work, n) for n in range(3 * threads.THREADS)))

    assert asyncio.run(main()) == list(range(3 * threads.THREADS))
    assert most == threads.THREADS


def test_what_runs_in_a_thread_sees_the_context(trail: Trail) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def main() -> str:
        variable.set("set")
        return await in_thread(variable.get)

    assert asyncio.run(main()) == "set"


AT_EXIT = """
import sys, threading

main_is_over = threading.Event()
threading._register_atexit(main_is_over.set)  # comes after those registered later: executors take no more work then

import asyncio
import unbroken

trail = unbroken.connect(sys.argv[1], log=sys.argv[2], key=unbroken.LogKey.generate())

@trail.tool
async def look(at):
    return at

@trail.tool
def count():
    yield 1
    yield 2

@trail.tool
async def later():
    yield 1
    yield 2

def talk():
    main_is_over.wait()
    asyncio.run(converse())

async def converse():
    async with trail.session(actor="u") as session, session.turn() as turn:
        await turn.respond(await look(1))

asyncio.run(converse())
threading.Thread(target=talk).start()
left = [count(), later()]
next(left[0])
loop = asyncio.new_event_loop()
loop.run_until_complete(anext(left[1]))
loop.close()
"""


def test_threads_keep_no_process_from_exiting_and_its_end_loses_nothing(database: Database, entries: Entries) -> None:
    command = [sys.executable, "-c", AT_EXIT, database.conninfo("writer"), LOG]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len([name for name, _ in links(entries) if name == "tool_result look"]) == 2
    assert types(entries).count("conversation_ended") == 2
    begun = [name for name, _ in links(entries)]
    assert begun.count("tool_call count") == begun.count("tool_call later") == 1
    assert begun.count("tool_result count") == begun.count("tool_result later") == 0, "nobody knows how they ended"


def test_a_thread_that_dies_leaves_an_error_and_no_operation(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def breaks() -> None:
        raise LookupError

    with trail.session(actor="u") as session, session.turn() as turn:
        with ThreadPoolExecutor(1) as pool:
            future: Future[Any] = pool.submit(trail.bind(breaks))
        assert isinstance(future.exception(), LookupError)
        turn.respond()
    assert only(entries, "tool_result")["status"] == "error"
    assert types(entries)[-2:] == ["response", "conversation_ended"]
