"""Generators as tools: recorded before their first line runs, and once when they end, in whatever way."""

import asyncio
import contextvars
import gc
import hashlib
import inspect
import json
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Sequence
from typing import Any

import pytest

from tests.conftest import Database
from tests.database.recorded import Entries, events, every, links, only, refused, types
from unbroken.capture import Trail, passage
from unbroken.capture import turn as turn_module
from unbroken.core.canonical import canonical
from unbroken.errors import (
    AccessDeniedError,
    ConfigurationError,
    InvalidEventError,
    OutcomeUnknownError,
    RecordingStoppedError,
    UnavailableError,
)
from unbroken.ledger.draft import MAX_PART_BYTES, Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Kept

ROUND = [
    ("conversation_started", None),
    ("request", None),
    ("tool_call count", "request"),
    ("tool_result count", "tool_call count"),
    ("response", "request"),
    ("conversation_ended", None),
]
"""A conversation with one call of the tool ``count``."""


class Counter:
    """A generator tool in both forms, and what its code has seen."""

    def __init__(self, trail: Trail) -> None:
        self.seen: list[object] = []
        self.ended = asyncio.Event()
        self.count = trail.tool(name="count")(self._count)
        self.acount = trail.tool(name="count")(self._acount)

    def _count(self, to: int) -> Generator[int, object, str]:
        self.seen.append("started")
        try:
            for number in range(to):
                self.seen.append((yield number))
        finally:
            self.seen.append("ended")
        return "done"

    async def _acount(self, to: int) -> AsyncGenerator[int, object]:
        self.seen.append("started")
        try:
            for number in range(to):
                await asyncio.sleep(0)
                self.seen.append((yield number))
        finally:
            await asyncio.sleep(0)
            self.seen.append("ended")
            self.ended.set()


@pytest.fixture
def counter(trail: Trail) -> Counter:
    return Counter(trail)


def test_the_call_is_in_the_log_before_the_first_line_runs(trail: Trail, entries: Entries) -> None:
    seen: list[str] = []

    @trail.tool(side_effect=True)
    def count() -> Iterator[int]:
        seen.append(types(entries)[-1])
        yield 1

    with trail.session(actor="u") as session, session.turn() as turn:
        made = count()
        assert types(entries)[-1] == "request", "nothing has run yet"
        assert list(made) == [1]
        turn.respond()
    assert seen == ["tool_call"]


def test_what_was_yielded_and_returned_is_the_result(trail: Trail, counter: Counter, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        assert list(counter.count(3)) == [0, 1, 2]
        assert types(entries)[-1] == "tool_result"
        turn.respond()
    assert links(entries) == ROUND
    call, result = only(entries, "tool_call"), only(entries, "tool_result")
    assert call["inputs"] == {"to": 3}
    assert (result["status"], result["outputs"], result["details"]) == ("ok", [0, 1, 2], {"returned": "done"})
    assert (result["call_id"], result["turn_id"]) == (call["call_id"], turn.id)
    assert result["latency_ms"] >= 0
    assert only(entries, "response")["details"]["tools_used"] == ["count"]


def test_an_asynchronous_one_is_recorded_alike(trail: Trail, counter: Counter, entries: Entries) -> None:
    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            assert [number async for number in counter.acount(3)] == [0, 1, 2]
            await turn.respond()

    asyncio.run(main())
    assert links(entries) == ROUND
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("ok", [0, 1, 2])
    assert "details" not in result


def test_the_function_stays_a_generator_function(trail: Trail) -> None:
    def items(first: int, *more: int) -> Iterator[int]:
        """Items."""
        yield first

    async def later(first: int) -> AsyncIterator[int]:
        yield first

    plain, asynchronous = trail.tool(items), trail.tool(later)
    assert inspect.isgeneratorfunction(plain)
    assert inspect.isasyncgenfunction(asynchronous)
    assert (plain.__name__, plain.__doc__) == ("items", "Items.")
    assert inspect.signature(plain) == inspect.signature(items)


def test_send_throw_and_the_return_value_pass_through(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def talk() -> Generator[str, str, str]:
        got = yield "name?"
        try:
            yield f"hello {got}"
        except KeyError as error:
            yield f"no {error.args[0]}"
        return "bye"

    def read() -> Generator[str, str, None]:
        ends.append((yield from talk()))

    ends: list[str] = []
    reading = read()
    assert next(reading) == "name?"
    assert reading.send("Ada") == "hello Ada"
    assert reading.throw(KeyError("x")) == "no x"
    assert next(reading, "over") == "over"
    assert ends == ["bye"]
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("ok", ["name?", "hello Ada", "no x"])


def test_asend_athrow_and_aclose_pass_through(trail: Trail, counter: Counter, entries: Entries) -> None:
    @trail.tool
    async def talk() -> AsyncGenerator[str, str]:
        got = yield "name?"
        try:
            yield f"hello {got}"
        except KeyError as error:
            yield f"no {error.args[0]}"

    async def main() -> None:
        talking = talk()
        assert await anext(talking) == "name?"
        assert await talking.asend("Ada") == "hello Ada"
        assert await talking.athrow(KeyError("x")) == "no x"
        await talking.aclose()
        await talking.aclose()

    asyncio.run(main())
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("aborted", ["name?", "hello Ada", "no x"])


@pytest.mark.parametrize("kind", ["raises", "thrown"])
def test_an_exception_is_recorded_with_what_had_passed(trail: Trail, entries: Entries, kind: str) -> None:
    error = ValueError("kaput")

    @trail.tool(resource=("patient", "patient_id"))
    def count(patient_id: str) -> Iterator[int]:
        yield 1
        yield 2
        if kind == "raises":
            raise error

    def run() -> None:
        reading = count("p-1")
        assert (next(reading), next(reading)) == (1, 2)
        if kind == "raises":
            next(reading)
        reading.throw(error)  # type: ignore[attr-defined]

    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(ValueError, match="kaput") as caught:
            run()
        turn.respond()
    assert caught.value is error
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("error", [1, 2])
    assert result["details"] == {"error_type": "ValueError", "error_message": "kaput"}
    assert only(entries, "data_accessed")["resource_id"] == "p-1", "something was read"


def test_nothing_was_read_or_modified_where_nothing_came(trail: Trail, entries: Entries) -> None:
    @trail.tool(resource=("patient", "patient_id"))
    def find(patient_id: str) -> Iterator[int]:
        yield from ()
        raise LookupError

    @trail.tool(resource=("patient", "patient_id"), side_effect=True)
    def change(patient_id: str) -> Iterator[int]:
        yield 1
        raise LookupError

    for tool in (find, change):
        with pytest.raises(LookupError):
            list(tool("p-1"))
    assert types(entries) == ["tool_call", "tool_result"] * 2


def test_one_closed_early_is_recorded_as_aborted(trail: Trail, counter: Counter, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        for number in counter.count(9):
            if number == 2:
                break
        assert counter.seen == ["started", None, None, "ended"], "it was closed where it was left"
        turn.respond()
    assert links(entries) == ROUND
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("aborted", [0, 1, 2])
    assert result["details"]["error_type"] == "GeneratorExit"


def test_an_asynchronous_one_left_early_is_ended_by_its_loop(trail: Trail, counter: Counter, entries: Entries) -> None:
    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            async for number in counter.acount(9):
                if number == 2:
                    break
            async with asyncio.timeout(10):
                await counter.ended.wait()
            await turn.respond()

    asyncio.run(main())
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("aborted", [0, 1, 2])
    assert sorted(types(entries)) == sorted(name.split()[0] for name, _ in ROUND)


def test_what_happens_in_its_steps_is_caused_by_the_call_and_nothing_outside_is(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def inner() -> None: ...

    @trail.tool
    def count() -> Iterator[int]:
        inner()
        yield 1
        inner()

    with trail.session(actor="u") as session, session.turn() as turn:
        reading = count()
        next(reading)
        inner()
        assert next(reading, None) is None
        inner()
        turn.respond()
    assert links(entries)[2:-2] == [
        ("tool_call count", "request"),
        ("tool_call inner", "tool_call count"),
        ("tool_result inner", "tool_call inner"),
        ("tool_call inner", "request"),
        ("tool_result inner", "tool_call inner"),
        ("tool_call inner", "tool_call count"),
        ("tool_result inner", "tool_call inner"),
        ("tool_result count", "tool_call count"),
        ("tool_call inner", "request"),
        ("tool_result inner", "tool_call inner"),
    ]


def test_blocks_that_it_holds_over_a_yield_stay_its_own(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def note() -> None: ...

    @trail.tool
    async def count() -> AsyncIterator[int]:
        async with trail.agent("helper"):
            yield 1
            await note()

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            reading = count()
            await anext(reading)
            await note()
            assert await anext(reading, None) is None
            await turn.respond()

    asyncio.run(main())
    outside, inside = every(entries, "tool_call")[1:]
    assert (outside["parent_id"], inside["parent_id"]) == (
        only(entries, "request")["id"],
        only(entries, "annotated")["id"],
    )
    assert (outside.get("agent_id"), inside["agent_id"]) == (None, "helper")


def test_one_outside_any_session_is_an_orphan(counter: Counter, entries: Entries) -> None:
    reading = counter.count(2)
    next(reading)
    reading.close()
    call, result = events(entries)
    assert (call["actor_id"], call["details"]) == ("unknown", {"orphan": True})
    assert (result["status"], result["outputs"], result["parent_id"]) == ("aborted", [0], call["id"])


def test_a_turn_waits_for_one_that_another_thread_reads(trail: Trail, counter: Counter, entries: Entries) -> None:
    begun = threading.Event()

    def read() -> None:
        for _ in counter.count(5):
            begun.set()
            time.sleep(0.03)

    with trail.session(actor="u") as session:
        with session.turn() as turn:
            thread = threading.Thread(target=trail.bind(read))
            thread.start()
            assert begun.wait(10)
            turn.respond()
        result = only(entries, "tool_result")
        thread.join()
    assert (result["status"], result["outputs"]) == ("ok", [0, 1, 2, 3, 4])


def test_a_turn_waits_for_one_that_another_task_reads(trail: Trail, counter: Counter, entries: Entries) -> None:
    async def read() -> None:
        async for _ in counter.acount(5):
            begun.set()
            await asyncio.sleep(0.02)

    async def main() -> None:
        async with trail.session(actor="u") as session:
            async with session.turn() as turn:
                task = asyncio.create_task(read())
                await begun.wait()
                await turn.respond()
            await task

    begun = asyncio.Event()
    asyncio.run(main())
    assert types(entries)[-2:] == ["tool_result", "conversation_ended"]
    assert only(entries, "tool_result")["outputs"] == [0, 1, 2, 3, 4]


def test_one_that_nobody_reads_to_its_end_is_an_error(
    trail: Trail, counter: Counter, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_module, "DEADLINE_S", 0.1)

    def run() -> None:
        with trail.session(actor="u") as session, session.turn() as turn:
            thread = threading.Thread(target=contextvars.copy_context().run, args=(next, reading))
            thread.start()
            thread.join()
            turn.respond()

    reading = counter.count(3)
    with pytest.raises(OutcomeUnknownError, match="generators"):
        run()
    assert list(reading) == [1, 2]
    assert types(entries)[-1] == "tool_result", "its result comes late, and comes"
    assert only(entries, "tool_result")["outputs"] == [0, 1, 2]


@pytest.mark.parametrize("how", ["well", "with an error"])
def test_leaving_a_turn_ends_what_only_the_leaver_could_read_on(
    trail: Trail, counter: Counter, entries: Entries, how: str
) -> None:
    def run() -> None:
        with trail.session(actor="u") as session, session.turn() as turn:
            assert next(reading) == 0
            if how != "well":
                raise LookupError
            turn.respond()

    reading = counter.count(3)
    begun = time.monotonic()
    if how == "well":
        run()
    else:
        with pytest.raises(LookupError):
            run()
    assert time.monotonic() - begun < turn_module.DEADLINE_S / 2, "there was nobody to wait for"
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("aborted", [0])
    assert "turn was left" in result["details"]["error_message"]
    with pytest.raises(ConfigurationError, match="turn was left"):
        next(reading)
    assert counter.seen[-1] == "ended"
    assert len(every(entries, "tool_result")) == 1


def test_leaving_an_asynchronous_turn_does_so_too(trail: Trail, counter: Counter, entries: Entries) -> None:
    async def main() -> None:
        reading = counter.acount(3)
        async with trail.session(actor="u") as session, session.turn() as turn:
            assert await anext(reading) == 0
            await turn.respond()
        assert types(entries)[-2:] == ["tool_result", "conversation_ended"]
        with pytest.raises(ConfigurationError, match="turn was left"):
            await anext(reading)

    begun = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - begun < turn_module.DEADLINE_S / 2
    assert only(entries, "tool_result")["status"] == "aborted"


def test_a_nested_one_ends_before_the_one_around_it(trail: Trail, counter: Counter, entries: Entries) -> None:
    @trail.tool
    def outer() -> Iterator[int]:
        yield from counter.count(3)

    reading = outer()
    with trail.session(actor="u") as session, session.turn() as turn:
        next(reading)
        turn.respond()
    del reading
    assert links(entries)[2:-1] == [
        ("tool_call outer", "request"),
        ("tool_call count", "tool_call outer"),
        ("response", "request"),
        ("tool_result count", "tool_call count"),
        ("tool_result outer", "tool_call outer"),
    ]


def test_collected_in_another_thread_and_context_it_keeps_its_place(
    trail: Trail, counter: Counter, entries: Entries
) -> None:
    held: list[Iterator[int]] = []

    def elsewhere() -> None:
        with trail.session("other", actor="v") as session, session.turn() as turn:
            held.clear()
            turn.respond()

    with trail.session("mine", actor="u") as session, session.turn() as turn:
        held.append(counter.count(3))
        next(held[0])
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        turn.respond()
    result = only(entries, "tool_result")
    assert (result["session_id"], result["turn_id"], result["status"]) == ("mine", turn.id, "aborted")
    assert [event["session_id"] for event in every(entries, "response")] == ["other", "mine"]


def lose(reading: Iterator[object]) -> None:
    """Takes an item and leaves the generator to the garbage collector; give it the only reference."""
    gc.collect()
    next(reading)
    ring: list[object] = []
    ring += [ring, reading]


class _Collecting:
    """A ledger in the middle of whose next write, when it is armed, something happens, but no other write may."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self._record = ledger.record
        self._lock = threading.Lock()
        self.armed = self.refuses = False
        self.meanwhile: Callable[[], object] = gc.collect
        monkeypatch.setattr(ledger, "record", self.record)

    def record(self, drafts: Sequence[Draft]) -> list[Kept]:
        assert self._lock.acquire(timeout=5), "a write in the middle of another one of the same thread"
        try:
            if self.armed:
                self.armed = False
                self.meanwhile()
            if self.refuses and any(draft.event.event_type == "tool_result" for draft in drafts):
                raise AccessDeniedError("the log refuses this")
            return self._record(drafts)
        finally:
            self._lock.release()


@pytest.fixture
def collecting(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Collecting]:
    gc.disable()  # it comes when it is told to
    yield _Collecting(ledger, monkeypatch)
    gc.enable()


def test_collected_in_the_middle_of_a_write_it_waits_for_its_end(
    trail: Trail, counter: Counter, entries: Entries, collecting: _Collecting
) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        lose(counter.count(3))
        collecting.armed = True
        turn.respond()
    assert links(entries) == [*ROUND[:3], ("response", "request"), ("tool_result count", "tool_call count"), ROUND[5]]
    assert only(entries, "tool_result")["status"] == "aborted"


def test_its_last_lines_wait_as_well(trail: Trail, entries: Entries, collecting: _Collecting) -> None:
    @trail.tool
    def clean() -> None: ...

    @trail.tool
    def count() -> Iterator[int]:
        try:
            yield 1
        finally:
            clean()

    with trail.session(actor="u") as session, session.turn() as turn:
        held = [count()]
        next(held[0])
        collecting.armed, collecting.meanwhile = True, held.clear
        turn.respond()
    assert links(entries) == [
        *ROUND[:3],
        ("response", "request"),
        ("tool_call clean", "tool_call count"),
        ("tool_result clean", "tool_call clean"),
        ("tool_result count", "tool_call count"),
        ROUND[5],
    ]


def test_last_lines_that_fail_after_a_write_do_not_fail_it(
    trail: Trail, entries: Entries, collecting: _Collecting, caplog: pytest.LogCaptureFixture
) -> None:
    @trail.tool
    def count() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise LookupError

    held = [count()]
    next(held[0])
    collecting.armed, collecting.meanwhile = True, held.clear
    trail.record("reviewed", actor_id="u", actor_type="user")
    assert "has failed: LookupError" in caplog.text
    assert types(entries) == ["tool_call", "reviewed", "tool_result"]
    assert only(entries, "tool_result")["status"] == "aborted"


def test_other_code_that_interrupts_a_write_can_not_record(
    trail: Trail, entries: Entries, collecting: _Collecting
) -> None:
    @trail.tool
    def clean() -> None:
        pytest.fail("it ran")

    def interrupt() -> None:
        with pytest.raises(UnavailableError, match="interrupted a write"):
            clean()

    collecting.armed, collecting.meanwhile = True, interrupt
    trail.record("reviewed", actor_id="u", actor_type="user")
    assert types(entries) == ["reviewed"]


def test_collected_where_it_can_not_be_recorded_it_stops_its_turn(
    trail: Trail, counter: Counter, entries: Entries, collecting: _Collecting, caplog: pytest.LogCaptureFixture
) -> None:
    def run() -> None:
        with trail.session(actor="u") as session, session.turn() as turn:
            lose(counter.count(3))
            collecting.armed = collecting.refuses = True
            turn.respond()

    with pytest.raises(RecordingStoppedError) as caught:
        run()
    assert isinstance(caught.value.__cause__, AccessDeniedError)
    assert "the end of a generator that was given up has failed: AccessDeniedError" in caplog.text
    assert types(entries)[-2:] == ["response", "conversation_ended"]


def test_a_coroutine_that_is_closed_while_it_waits_for_an_item_leaves_an_aborted_call(
    trail: Trail, entries: Entries
) -> None:
    @trail.tool
    async def endless() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60)

    async def read() -> None:
        async for _ in endless():
            pass

    async def main() -> None:
        reading = read()
        await asyncio.wait([reading.send(None)])  # the call is being recorded
        reading.send(None)
        reading.close()

    asyncio.run(main())
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("aborted", [1])


def test_what_can_not_be_recorded_does_not_run(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def count(body: object) -> Iterator[int]:
        pytest.fail("it ran")
        yield 1

    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(InvalidEventError):
        next(count(cycle))
    assert entries() == []


def test_an_item_that_can_not_be_recorded_is_not_handed_on(trail: Trail, entries: Entries) -> None:
    ended: list[str] = []

    @trail.tool
    def count() -> Iterator[object]:
        cycle: list[object] = []
        cycle.append(cycle)
        try:
            yield 1
            yield cycle
        finally:
            ended.append("ended")

    with trail.session(actor="u") as session, session.turn() as turn:
        reading = count()
        assert next(reading) == 1
        with pytest.raises(InvalidEventError):
            next(reading)
        turn.respond()
    assert links(entries) == ROUND
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("error", [1])
    assert ended == ["ended"]


def test_when_its_result_can_not_be_recorded_the_last_step_raises(
    trail: Trail, counter: Counter, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with trail.session(actor="u") as session, session.turn():
            reading = counter.count(1)
            next(reading)
            with refused(database, ledger):
                next(reading)

    with pytest.raises(AccessDeniedError):
        run()
    assert types(entries) == ["conversation_started", "request", "tool_call", "conversation_ended"]


def test_items_are_recorded_as_they_were_when_they_passed(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def rows() -> Iterator[dict[str, int]]:
        row = {"n": 0}
        for n in range(3):
            row["n"] = n
            yield row

    assert [row["n"] for row in rows()] == [0, 1, 2]
    assert only(entries, "tool_result")["outputs"] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_of_a_long_one_the_first_items_are_kept_and_the_hash_of_all(trail: Trail, entries: Entries) -> None:
    items = [{"n": n, "text": "x" * 999, "more": [1.5, None]} for n in range(MAX_PART_BYTES // 1000 + 100)]

    @trail.tool
    def rows() -> Iterator[dict[str, Any]]:
        yield from items

    assert len(list(rows())) == len(items)
    result = only(entries, "tool_result")
    kept = result["details"]["kept"]
    assert result["outputs"] == items[:kept]
    assert MAX_PART_BYTES * 0.9 < len(json.dumps(result["outputs"], separators=(",", ":"))) < MAX_PART_BYTES
    assert result["details"] == {
        "items": len(items),
        "kept": kept,
        "sha256": hashlib.sha256(canonical(items)).hexdigest(),  # type: ignore[arg-type]
    }


def test_of_very_many_small_items_as_many_as_a_part_may_hold(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def ones() -> Iterator[int]:
        for _ in range(passage.MAX_KEPT_NODES + 10):
            yield 1

    assert sum(ones()) == passage.MAX_KEPT_NODES + 10
    result = only(entries, "tool_result")
    assert result["details"]["items"] == passage.MAX_KEPT_NODES + 10
    assert len(result["outputs"]) == result["details"]["kept"] < passage.MAX_KEPT_NODES
    assert result["status"] == "ok"


def test_an_item_that_is_larger_than_a_part_is_not_kept(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def texts() -> Iterator[str]:
        yield "small"
        yield "x" * MAX_PART_BYTES
        yield "small again"

    assert len(list(texts())) == 3
    result = only(entries, "tool_result")
    assert result["outputs"] == ["small"]
    assert (result["details"]["items"], result["details"]["kept"]) == (3, 1)


def test_a_function_that_returns_a_generator_is_refused(trail: Trail, entries: Entries) -> None:
    def items() -> Iterator[int]:
        pytest.fail("it ran unrecorded")
        yield 1

    async def later() -> AsyncIterator[int]:
        pytest.fail("it ran unrecorded")
        yield 1

    async def give(made: object) -> object:
        return made

    plain, coroutine = trail.tool(lambda: iter(items())), trail.tool(give)
    with pytest.raises(ConfigurationError, match="must be one itself"):
        plain()
    for made in (items(), later()):
        with pytest.raises(ConfigurationError, match="must be one itself"):
            asyncio.run(coroutine(made))
    assert [event["status"] for event in every(entries, "tool_result")] == ["error"] * 3


def test_one_cancelled_in_a_step_is_aborted(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def count() -> AsyncIterator[int]:
        yield 1
        waiting.set()
        await asyncio.sleep(60)

    async def read() -> None:
        async with trail.session(actor="u") as session, session.turn():
            async for _ in count():
                pass

    async def main() -> None:
        task = asyncio.create_task(read())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    waiting = asyncio.Event()
    asyncio.run(main())
    result = only(entries, "tool_result")
    assert (result["status"], result["outputs"]) == ("aborted", [1])
    assert links(entries)[3:] == [("tool_result count", "tool_call count"), ("error", "request"), ROUND[5]]


def test_an_asynchronous_one_is_closed_by_another_task(trail: Trail, counter: Counter, entries: Entries) -> None:
    async def main() -> None:
        async with trail.session("mine", actor="u") as session, session.turn() as turn:
            reading = counter.acount(3)
            await anext(reading)

            async def elsewhere() -> None:
                async with trail.session("other", actor="v") as session, session.turn() as other:
                    await reading.aclose()
                    await other.respond()

            await asyncio.create_task(elsewhere())
            await turn.respond()

    asyncio.run(main())
    result = only(entries, "tool_result")
    assert (result["status"], result["session_id"], result["outputs"]) == ("aborted", "mine", [0])
    assert [event["session_id"] for event in every(entries, "response")] == ["other", "mine"]


def test_those_that_outlive_their_loop_are_ended_with_it(
    trail: Trail, counter: Counter, entries: Entries, caplog: pytest.LogCaptureFixture
) -> None:
    held: list[AsyncIterator[int]] = []

    async def main() -> None:
        for _ in range(8):
            held.append(counter.acount(3))
            await anext(held[-1])

    asyncio.run(main())
    assert [result["status"] for result in every(entries, "tool_result")] == ["aborted"] * 8
    assert counter.seen[8:] == ["ended"] * 8
    assert caplog.text == "", "the loop had nothing to complain of"


def test_without_any_loop_one_that_is_closed_is_recorded_too(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def count() -> AsyncGenerator[int, None]:
        yield 1

    reading = count()
    with pytest.raises(StopIteration):
        anext(reading).send(None)
    del reading
    gc.collect()
    assert only(entries, "tool_result")["status"] == "aborted"
