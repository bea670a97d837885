"""Processes: forked, spawned, or fed from a queue, each records in the place that it works for."""

import asyncio
import gc
import json
import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest

import unbroken
from tests.conftest import LOG, Database
from tests.database.recorded import Entries, every, links, only, refused, types
from unbroken.capture import Session, Trail, Turn
from unbroken.capture import turn as turn_module
from unbroken.capture.activity import Activity
from unbroken.capture.forks import ProcessLock
from unbroken.core.keyed import LogKey
from unbroken.errors import AccessDeniedError, ConfigurationError, RecordingStoppedError
from unbroken.ledger.ledger import Ledger
from unbroken.privacy.pseudonyms import is_pseudonym

KEY = LogKey.generate().to_text()

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(work: Callable[[], object]) -> None:
    """Runs ``work`` in a forked child, which must end well within 30 s."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - nothing of the parent's may go on here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    deadline = time.monotonic() + 30
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the child does not end")
        time.sleep(0.01)
    assert ended[1] == 0, "see what the child has printed"


def test_a_forked_child_records_in_the_place_of_the_fork(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look(at: str) -> None: ...

    with trail.session(actor="u") as session, session.turn() as turn:
        look("before")
        in_child(lambda: look("child"))
        look("after")
        turn.respond()
    assert links(entries)[2:-2] == [("tool_call look", "request"), ("tool_result look", "tool_call look")] * 3
    before, child, after = every(entries, "tool_call")
    assert (child["session_id"], child["turn_id"]) == (session.id, turn.id)
    assert child["details"] == {"forked": True}
    assert "details" not in before
    assert "details" not in after
    assert before["recorder"] == after["recorder"] != child["recorder"]


def test_coroutines_record_in_a_forked_child_too(trail: Trail, entries: Entries) -> None:
    @trail.tool
    async def look(at: str) -> None: ...

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            await asyncio.gather(*(look("parent") for _ in range(8)))
            await turn.respond()

    asyncio.run(main())
    with trail.session(actor="u") as session, session.turn() as turn:
        in_child(lambda: asyncio.run(look("child")))
        turn.respond()
    child = every(entries, "tool_call")[-1]
    assert (child["inputs"], child["parent_id"]) == ({"at": "child"}, turn.request_id)


def _locks_of(*owners: object) -> Iterator[Any]:
    """All locks that these hold, directly or in what they consist of."""
    seen: set[int] = set()
    rest = list(owners)
    while rest:
        thing = rest.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, ProcessLock | type(threading.Lock()) | type(threading.RLock())):
            yield thing
        elif type(thing).__module__.startswith("unbroken.capture"):
            rest += [getattr(thing, name) for name in (*vars(type(thing)), *getattr(thing, "__dict__", ()))]
        elif isinstance(thing, dict | list | tuple | set):
            rest += thing.values() if isinstance(thing, dict) else thing


def test_a_child_forked_while_others_hold_locks_leaves_its_turn_at_once(trail: Trail, entries: Entries) -> None:
    holding, forked = threading.Event(), threading.Event()

    @trail.tool
    def slow() -> None:
        held = list(_locks_of(session, turn))
        assert len(held) >= 3, "of the session, of its messages and of the turn's operations"
        with ExitStack() as stack:
            for lock in held:
                stack.enter_context(lock)
            holding.set()
            assert forked.wait(60)

    @trail.tool
    def look() -> None: ...

    def go_on(session: Session, turn: Turn) -> None:
        begun = time.monotonic()
        look()
        turn.model_call("m-1", ["hello"]).result("hi", tool_calls=[{"name": "look", "arguments": {}}])
        look()
        with session.turn() as inner:
            inner.respond()
        turn.respond("from the child")
        turn.__exit__(None, None, None)
        assert time.monotonic() - begun < turn_module.DEADLINE_S / 2, "it waited for its parent's operations"

    with trail.session(actor="u") as session, session.turn() as turn:
        thread = threading.Thread(target=trail.bind(slow))
        thread.start()
        assert holding.wait(10)
        in_child(lambda: go_on(session, turn))
        forked.set()
        thread.join()
        turn.respond("from the parent")
    assert [response.get("outputs") for response in every(entries, "response")] == [
        None,
        "from the child",
        "from the parent",
    ]
    assert every(entries, "tool_result")[-1]["tool"] == "slow"
    assert len(links(entries)) == len(entries())


def test_a_child_does_not_wait_for_operations_of_its_parent(trail: Trail) -> None:
    activity = Activity()
    activity.begin("a")

    def leave() -> None:
        assert activity.under_way() == ()
        assert activity.close().done()

    in_child(leave)
    assert activity.under_way() == ("a",)
    assert not activity.closed


def test_a_generator_belongs_to_the_process_that_reads_it(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def count() -> Iterator[int]:
        yield from range(3)

    def misuse(held: list[Iterator[int]]) -> None:
        for reading in held[::2]:
            with pytest.raises(ConfigurationError, match="forked"):
                next(reading)
        del reading
        held.clear()
        gc.collect()

    held = [count(), count()]
    assert [next(reading) for reading in held] == [0, 0]
    with trail.session(actor="u") as session, session.turn() as turn:
        held += [count(), count()]
        assert [next(reading) for reading in held[2:]] == [0, 0]
        in_child(lambda: misuse(held))
        assert [list(reading) for reading in held] == [[1, 2]] * 4
        turn.respond()
    assert [(result["status"], result["outputs"]) for result in every(entries, "tool_result")] == [
        ("ok", [0, 1, 2])
    ] * 4


def _job(conninfo: str, key: str, place: str, number: int) -> int:
    """What another process does with a place that came as JSON."""
    with unbroken.connect(conninfo, log=LOG, key=LogKey.from_text(key)) as trail:

        @trail.tool
        def look(at: int) -> int:
            trail.record("reviewed")
            return at

        with trail.carried(json.loads(place)):
            return look(number)


def _assert_in_place(entries: Entries, session: Session, turn: Turn, numbers: int) -> None:
    """Calls of ``look`` with 0, 1, … were made in other processes, and all is told in the place of ``turn``."""
    calls = every(entries, "tool_call")
    assert sorted(call["inputs"]["at"] for call in calls) == list(range(numbers))
    for event in [*calls, *every(entries, "reviewed"), *every(entries, "tool_result")]:
        assert (event["session_id"], event["turn_id"], event["agent_id"]) == (session.id, turn.id, "desk")
        assert is_pseudonym(event["actor_id"])
        assert len(event["subjects"]) == len({*event["subjects"]} | {event["actor_id"]}) - 1
        assert all(map(is_pseudonym, event["subjects"]))
        assert event["recorder"] != only(entries, "request")["recorder"]
    assert {call["parent_id"] for call in calls} == {turn.request_id}
    assert sorted(name for name, _ in links(entries) if "look" in name or name == "reviewed") == sorted(
        ["tool_call look", "reviewed", "tool_result look"] * numbers
    )
    parents = {event["parent_id"] for event in [*every(entries, "reviewed"), *every(entries, "tool_result")]}
    assert parents == {call["id"] for call in calls}


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_process_records_in_the_place_that_was_carried_to_it(
    trail: Trail, database: Database, entries: Entries, method: str
) -> None:
    with trail.session(actor="u", agent="desk", subjects=["p-1", "p-2"]) as session, session.turn() as turn:
        place = json.dumps(trail.carry())
        context: Any = multiprocessing.get_context(method)
        process = context.Process(target=_job, args=(database.conninfo("writer"), KEY, place, 0))
        process.start()
        process.join(60)
        assert process.exitcode == 0
        turn.respond()
    _assert_in_place(entries, session, turn, 1)
    assert "details" not in only(entries, "tool_call")


def test_a_pool_of_processes_records_in_the_places_that_come_with_its_jobs(
    trail: Trail, database: Database, entries: Entries
) -> None:
    spawn = multiprocessing.get_context("spawn")
    with (
        trail.session(actor="u", agent="desk", subjects=["p-1", "p-2"]) as session,
        session.turn() as turn,
        ProcessPoolExecutor(2, mp_context=spawn) as pool,
    ):
        place = json.dumps(trail.carry())
        futures = [pool.submit(_job, database.conninfo("writer"), KEY, place, number) for number in range(6)]
        assert [future.result(60) for future in futures] == list(range(6))
        turn.respond()
    _assert_in_place(entries, session, turn, 6)


_INHERITED: list[Callable[..., Any]] = []
"""What workers of a forked pool call; they have it from their parent."""


def _call(name: str, place: dict[str, Any] | None) -> None:
    look, carried = _INHERITED
    if place is None:
        look(name)
    else:
        with carried(place):
            look(name)


def test_a_forked_pool_tells_of_the_place_of_the_fork_and_that_it_was_forked(trail: Trail, entries: Entries) -> None:
    """A worker serves later turns as well: without a place that comes with the job, it can only tell of its own."""

    @trail.tool
    def look(at: str) -> None: ...

    _INHERITED[:] = [look, trail.carried]
    fork = multiprocessing.get_context("fork")
    with trail.session("c-1", actor="u") as session, session.turn() as first, fork.Pool(1) as pool:
        pool.apply(_call, ("first", None))
        first.respond()
        with session.turn() as second:
            pool.apply(_call, ("unknown", None))
            pool.apply(_call, ("second", trail.carry()))
            second.respond()
        pool.close()
        pool.join()
    with fork.Pool(1) as pool, session.turn() as third:
        pool.apply(_call, ("orphan", None))
        third.respond()
        pool.close()
        pool.join()
    calls = {call["inputs"]["at"]: call for call in every(entries, "tool_call")}
    assert {name: call.get("turn_id") for name, call in calls.items()} == {
        "first": first.id,
        "unknown": first.id,
        "second": second.id,
        "orphan": None,
    }
    assert {name: call.get("details") for name, call in calls.items()} == {
        "first": {"forked": True},
        "unknown": {"forked": True},
        "second": None,
        "orphan": {"orphan": True},
    }
    assert types(entries).count("tool_result") == 4


def test_a_place_is_small_and_plain(trail: Trail) -> None:
    assert trail.carry() == {}
    with trail.session("c-1", actor="u", agent="desk", subjects=["p-2", "p-1"], scope=["tenant=t"]) as session:
        outside = trail.carry()
        with session.turn() as turn, trail.called_as("call_1"):
            inside = trail.carry()
            turn.respond()
    assert json.loads(json.dumps(inside)) == inside
    assert inside == {
        **outside,
        "turn_id": turn.id,
        "parent_id": turn.request_id,
        "call_id": "call_1",
    }
    assert outside == {
        "log": trail.ledger.log,
        "session_id": "c-1",
        "actor_id": "u",
        "actor_type": "user",
        "agent_id": "desk",
        "subjects": ["p-2", "p-1"],
        "scope": ["tenant=t"],
    }


def test_a_place_carries_the_id_of_the_call(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    with trail.session(actor="u") as session, session.turn() as turn:
        with trail.called_as("call_1"):
            place = trail.carry()
        with trail.carried(place):
            look()
        turn.respond()
    assert only(entries, "tool_call")["call_id"] == "call_1"


def test_a_place_from_where_the_log_was_not_reached_yet_is_of_the_same_log(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        place = {**trail.carry(), "log": LOG}
        with trail.carried(place):
            trail.record("reviewed")
        turn.respond()
    assert only(entries, "reviewed")["parent_id"] == turn.request_id


def test_no_place_changes_nothing(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    with trail.carried({}):
        look()
    with trail.session(actor="u") as session, session.turn() as turn:
        with trail.carried({}):
            look()
        turn.respond()
    orphan, call = every(entries, "tool_call")
    assert orphan["details"] == {"orphan": True}
    assert call["turn_id"] == turn.id


def test_in_a_thread_of_the_same_process_a_place_serves_as_well(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    def work(place: dict[str, Any]) -> None:
        with trail.carried(place):
            look()
        look()

    with trail.session(actor="u") as session, session.turn() as turn:
        thread = threading.Thread(target=work, args=(trail.carry(),))
        thread.start()
        thread.join()
        turn.respond()
    assert [call.get("parent_id") for call in every(entries, "tool_call")] == [turn.request_id, None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"id": "0192f0c1-2345-7abc-8def-0123456789ab"},
        {"event_type": "request"},
        {"details": {"a": 1}},
        {"decision": {"by": "me"}},
        {"log": "clinic.example/other~1"},
        {"log": "clinic.example/agents~2"},
        {"log": None},
        {"actor_id": None},
        {"actor_type": "ghost"},
        {"parent_id": "not an id"},
        {"turn_id": 7},
        {"turn_id": ["a"]},
        {"subjects": "p-1"},
        {"subjects": [["p-1"]]},
        {"subjects": [f"{n:0100}" for n in range(1000)]},
        {"purpose": "x" * 2000},
        {"session_id": "a\x00b"},
    ],
)
def test_a_place_that_nobody_can_have_carried_is_refused(trail: Trail, entries: Entries, wrong: dict[str, Any]) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        place = {**trail.carry(), **wrong}
        turn.respond()
    before = len(entries())
    with pytest.raises(ConfigurationError, match="a carried place"), trail.carried(place):
        pytest.fail("the block ran")
    assert len(entries()) == before


@pytest.mark.parametrize("place", ["text", 7, None, ["log"], [("log", "x")]])
def test_what_is_no_place_at_all_is_refused(trail: Trail, place: Any) -> None:
    with pytest.raises(ConfigurationError, match="a carried place"), trail.carried(place):
        pytest.fail("the block ran")


def test_after_a_failed_write_nothing_goes_on_in_a_carried_place(
    trail: Trail, entries: Entries, database: Database, ledger: Ledger
) -> None:
    moved: list[int] = []

    @trail.tool(side_effect=True)
    def move() -> None:
        moved.append(1)

    def run() -> None:
        with trail.carried(place):
            with refused(database, ledger), suppress(AccessDeniedError):
                move()
            with pytest.raises(RecordingStoppedError):
                move()

    with trail.session(actor="u") as session, session.turn() as turn:
        place = trail.carry()
        turn.respond()
    with pytest.raises(RecordingStoppedError) as caught:
        run()
    assert isinstance(caught.value.__cause__, AccessDeniedError)
    assert moved == []
    with trail.carried(place):
        move()
    assert moved == [1]
    assert only(entries, "tool_call")["turn_id"] == turn.id


def test_an_exception_leaves_a_carried_place_unchanged(trail: Trail) -> None:
    error = LookupError()
    with trail.session(actor="u") as session, session.turn() as turn:
        place = trail.carry()
        turn.respond()
    with pytest.raises(LookupError) as caught, trail.carried(place):
        raise error
    assert caught.value is error
    assert trail.carry() == {}


def test_every_event_of_a_child_that_is_killed_is_there(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    @trail.tool
    def die() -> None:
        os.kill(os.getpid(), 9)

    def work() -> None:
        look()
        die()

    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(AssertionError, match="printed"):
            in_child(work)
        turn.respond()
    assert links(entries)[2:-2] == [
        ("tool_call look", "request"),
        ("tool_result look", "tool_call look"),
        ("tool_call die", "request"),
    ], "a call without a result: nobody knows what became of it"
