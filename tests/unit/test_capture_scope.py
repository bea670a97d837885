"""The context variable, the operations of a turn, and stopping."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from unbroken.capture.activity import Activity
from unbroken.capture.scope import OwnScope, Scope, current, inside
from unbroken.capture.stop import Stop
from unbroken.capture.threads import in_thread
from unbroken.errors import RecordingStoppedError, UnavailableError

RECORDER = object()


def _scope(name: str, *, recorder: object = RECORDER) -> Scope:
    return Scope(recorder, {"session_id": name})


def _here(recorder: object = RECORDER) -> object:
    scope = current(recorder)
    return None if scope is None else scope.fields["session_id"]


def test_scopes_nest_and_are_left() -> None:
    assert _here() is None
    with inside(_scope("a")):
        with inside(_scope("b")):
            assert _here() == "b"
        assert _here() == "a"
    assert _here() is None


def test_a_scope_of_another_recorder_does_not_hide_ours() -> None:
    other = object()
    with inside(_scope("a")), inside(_scope("x", recorder=other)):
        assert _here() == "a"
        assert _here(other) == "x"
    assert _here(other) is None


def test_a_scope_is_carried_into_tasks_and_threads() -> None:
    async def main() -> tuple[object, object]:
        with inside(_scope("a")):
            task = asyncio.create_task(asyncio.to_thread(_here))
        return await task, _here()

    assert asyncio.run(main()) == ("a", None)


def test_leaving_in_another_context_neither_fails_nor_disturbs() -> None:
    def generator() -> Iterator[object]:
        with inside(_scope("leaked")):
            yield _here()

    elsewhere = contextvars.copy_context()
    opened = generator()
    assert elsewhere.run(next, opened) == "leaked"
    with inside(_scope("mine")):
        opened.close()  # type: ignore[attr-defined]
        assert _here() == "mine"


def test_an_asynchronous_generator_may_be_closed_by_another_task() -> None:
    async def generator() -> AsyncIterator[object]:
        with inside(_scope("leaked")):
            yield _here()

    async def main() -> None:
        opened = generator()
        assert await asyncio.create_task(anext(opened)) == "leaked"  # type: ignore[arg-type]
        with inside(_scope("mine")):
            await opened.aclose()  # type: ignore[attr-defined]
            assert _here() == "mine"

    asyncio.run(main())


def test_a_generator_keeps_its_scope_from_step_to_step_for_itself() -> None:
    own = OwnScope(_scope("own"))
    with inside(_scope("mine")):
        with own.step():
            assert _here() == "own"
            block = inside(_scope("inner"))
            block.__enter__()
        assert _here() == "mine"
        with own.step():
            assert _here() == "inner"
            block.__exit__(None, None, None)
            assert _here() == "own"
        assert _here() == "mine"


def test_a_step_that_is_broken_off_elsewhere_disturbs_nobody() -> None:
    own = OwnScope(_scope("own"))

    def generator() -> Iterator[object]:
        with own.step():
            yield _here()

    opened = generator()
    assert contextvars.copy_context().run(next, opened) == "own"
    with inside(_scope("mine")):
        opened.close()  # type: ignore[attr-defined]
        assert _here() == "mine"
    with own.step():
        assert _here() == "own"


def test_what_an_event_causes_inherits_all_but_the_call_id() -> None:
    scope = Scope(RECORDER, {"session_id": "a", "parent_id": "1"}, call_id="call_1")
    caused = scope.caused_by("2")
    assert caused.fields == {"session_id": "a", "parent_id": "2"}
    assert caused.call_id is None
    assert scope.fields["parent_id"] == "1"


def test_marks_tell_orphans_and_late_comers() -> None:
    activity = Activity()
    in_turn = Scope(RECORDER, {"turn_id": "t"}, activity=activity)
    assert _scope("a").marks() == {"orphan": True}
    assert in_turn.marks() == {}
    assert activity.close().done()
    assert in_turn.marks() == {"late": True}


def test_a_turn_is_closed_when_its_last_operation_ends() -> None:
    activity = Activity()
    activity.begin("b")
    activity.begin("a")
    closed = activity.close()
    activity.end("b")
    assert not closed.done()
    assert not activity.closed
    activity.begin("c")
    activity.end("a")
    assert activity.under_way() == ("c",)
    activity.end("c")
    assert closed.done()
    assert activity.closed


def test_what_stands_still_is_given_up_only_where_nobody_else_could_go_on() -> None:
    activity = Activity()
    given_up: list[str] = []

    def stand_still(operation: str) -> None:
        activity.begin(operation)
        activity.stand_still(operation, give_up=lambda: given_up.append(operation))

    thread = threading.Thread(target=stand_still, args=("of a thread",))
    thread.start()
    thread.join()
    for operation in ("first", "second", "gone on with"):
        stand_still(operation)

    async def main() -> None:
        stand_still("of a task")
        while give_up := activity.take_standing():
            give_up()

    asyncio.run(main())
    assert given_up == ["of a task"]
    assert activity.go_on("gone on with")
    while give_up := activity.take_standing():
        give_up()
    assert given_up == ["of a task", "first", "second"]
    assert not activity.go_on("first")
    assert activity.go_on("of a thread")


def test_nobody_can_cancel_the_closing_for_others() -> None:
    activity = Activity()
    activity.begin("a")
    closed = activity.close()
    assert not closed.cancel()
    activity.end("a")
    assert closed.done()


def test_an_operation_ends_with_its_block_whatever_happens() -> None:
    activity = Activity()

    def run() -> None:
        with activity.operation("a"):
            assert activity.under_way() == ("a",)
            raise KeyError

    with pytest.raises(KeyError):
        run()
    assert activity.under_way() == ()


def test_after_a_failure_nothing_is_let_through() -> None:
    stop, failure = Stop(), UnavailableError("away")

    def write(error: BaseException | None = None) -> None:
        with stop.guard():
            if error is not None:
                raise error

    write()
    with pytest.raises(UnavailableError):
        write(failure)
    for _ in range(2):
        with pytest.raises(RecordingStoppedError) as caught:
            write()
        assert caught.value.__cause__ is failure
    assert stop.failure is failure, "the first failure stays"


def test_an_interrupted_write_is_a_failed_one() -> None:
    stop = Stop()
    with pytest.raises(KeyboardInterrupt), stop.guard():
        raise KeyboardInterrupt
    with pytest.raises(RecordingStoppedError), stop.guard():
        pytest.fail("it was let through")


def test_only_our_own_errors_tell_of_a_stop() -> None:
    stop, failure = Stop(), KeyboardInterrupt()
    assert not stop.told_by(UnavailableError("away"))
    with pytest.raises(KeyboardInterrupt), stop.guard():
        raise failure
    assert stop.told_by(failure)
    assert stop.told_by(RecordingStoppedError())
    assert not stop.told_by(ValueError())
    assert not stop.told_by(None)


def test_nested_turns_stop_together() -> None:
    around = Activity()
    assert Activity(around=around).stop is around.stop
    assert Activity().stop is not around.stop


def test_a_cancelled_call_is_brought_to_its_end() -> None:
    running, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        running.set()
        assert go.wait(10)
        ended.set()

    async def main() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(running.wait, 10)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(main())


def test_a_call_in_a_thread_gives_back_value_and_error() -> None:
    def divide(a: int, *, by: int) -> float:
        return a / by

    assert asyncio.run(in_thread(divide, 6, by=3)) == 2
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(divide, 6, by=0))
