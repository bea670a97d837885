"""The calls that a model asks for, in the shapes of their providers, and who may take one over."""

import inspect
import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pydantic
import pytest

from unbroken.capture.asked import MAX_ASKED, Call, asked_calls
from unbroken.capture.toolbox import Told, Tool, Toolbox
from unbroken.capture.unstarted import Asked, Unstarted
from unbroken.errors import InvalidEventError, TooLargeError


class _Function(pydantic.BaseModel):
    name: str
    arguments: str


class _FromAClient(pydantic.BaseModel):
    id: str
    function: _Function
    type: str = "function"


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ({"id": "c1", "type": "function", "function": {"name": "pay", "arguments": '{"n": 1}'}}, ("c1", {"n": 1})),
        (_FromAClient(id="c1", function=_Function(name="pay", arguments='{"n": 1}')), ("c1", {"n": 1})),
        ({"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"n": 1}}, ("toolu_1", {"n": 1})),
        ({"id": "c1", "name": "pay", "arguments": {"n": 1}}, ("c1", {"n": 1})),
        ({"type": "function_call", "id": "fc", "call_id": "c1", "name": "pay", "arguments": "{}"}, ("c1", {})),
        ({"name": "pay", "arguments": {}}, (None, {})),
        ({"id": "", "name": "pay", "arguments": {}}, (None, {})),
        ({"id": 7, "name": "pay", "arguments": {}}, (None, {})),
        ({"function": {"name": "pay", "arguments": ""}}, (None, {})),
        ({"function": {"name": "pay", "arguments": None}}, (None, {})),
        ({"function": {"name": "pay", "arguments": '{"n": 1'}}, (None, '{"n": 1')),
        ({"function": {"name": "pay", "arguments": "[" * 5000}}, (None, "[" * 5000)),
        ({"name": "pay", "arguments": [1, 2]}, (None, [1, 2])),
    ],
)
def test_a_call_is_read_in_three_shapes(body: object, call: tuple[str | None, object]) -> None:
    call_id, arguments = call
    assert list(asked_calls([body])) == [Call(call_id, "pay", arguments)]


@pytest.mark.parametrize(
    "body",
    [
        "pay",
        None,
        7,
        [],
        {},
        {"name": "pay"},
        {"id": "c1", "function": {"name": "pay"}},
        {"id": "c1", "function": "pay", "arguments": {}},
        {"name": "", "arguments": {}},
        {"name": ["pay"], "arguments": {}},
        {"name": "pay\x00", "arguments": {}},
        {"type": "tool_use", "name": "pay", "arguments": {}},
        {"type": "text", "text": "I shall pay."},
        SimpleNamespace(name="pay", arguments={}),
    ],
)
def test_what_has_no_such_shape_is_left_out(body: object) -> None:
    good = {"id": "c2", "name": "pay", "arguments": {}}
    assert [call.call_id for call in asked_calls([body, good])] == ["c2"]


@pytest.mark.parametrize("calls", [None, 7, {"name": "pay"}, {"pay"}, "pay", iter([]), []])
def test_what_is_no_list_of_calls_asks_for_nothing(calls: object) -> None:
    assert list(asked_calls(calls)) == []


def test_the_number_is_bounded() -> None:
    calls = [{"id": str(n), "name": "pay", "arguments": {}} for n in range(MAX_ASKED + 1)]
    assert [call.call_id for call in asked_calls(calls)] == [str(n) for n in range(MAX_ASKED)]


def test_a_value_that_can_not_be_recorded_is_refused() -> None:
    cycle: dict[str, Any] = {"name": "pay"}
    cycle["arguments"] = cycle
    with pytest.raises(InvalidEventError):
        list(asked_calls([cycle]))


# ---- what the event of a call says ----


def _pay(amount: int, /, to: str = "till", *more: int, note: str = "", **rest: int) -> None: ...


def _tool(function: Any = None, **given: Any) -> Tool:
    signature = None if function is None else inspect.signature(function)
    return Tool(**{"name": "pay", "side_effect": True, "resource": None, "signature": signature, **given})


class _Desk:
    def open(self, drawer: int, key: str = "k") -> None: ...

    @classmethod
    def close(cls, drawer: int) -> None: ...


def _any(**more: int) -> None: ...


def _book(day: str, seats: int = 1) -> None: ...


@pytest.mark.parametrize(
    ("function", "given", "completed"),
    [
        (_book, {"day": "mon"}, {"day": "mon", "seats": 1}),
        (_book, {"seats": 2, "day": "mon"}, {"day": "mon", "seats": 2}),
        (_book, {"seats": 2}, {"seats": 2}),
        (_book, {"day": "mon", "hour": 9}, {"day": "mon", "hour": 9}),
        (_book, {1: 2}, {1: 2}),
        (_book, '{"day', '{"day'),
        (_book, ["mon"], ["mon"]),
        (_pay, {"amount": 3}, {"amount": 3}),
        (_Desk.open, {"drawer": 3}, {"drawer": 3, "key": "k"}),
        (_Desk().open, {"drawer": 3}, {"drawer": 3, "key": "k"}),
        (_Desk.close, {"drawer": 3}, {"drawer": 3}),
        (lambda: None, {}, {}),
        (_any, {"a": 1}, {"more": {"a": 1}}),
        (None, {"day": "mon"}, {"day": "mon"}),
    ],
)
def test_arguments_are_completed_where_they_fit(function: Any, given: object, completed: object) -> None:
    assert _tool(function).complete(given) == completed


def test_resources_come_from_the_arguments_whatever_they_are() -> None:
    tool = _tool(resource=("patient", "id"))
    one = Told.of(tool, call_id="c", arguments={"id": "p-1"})
    assert (one.event["resource_type"], one.event["resource_id"]) == ("patient", "p-1")
    several = Told.of(tool, call_id="c", arguments={"id": ["p-1", "p-2"]})
    assert ("resource_id" in several.event, len(several.resources)) == (False, 2)
    assert Told.of(tool, call_id="c", arguments="{").fields["resource_type"] == "patient"
    with pytest.raises(TooLargeError):
        Told.of(tool, call_id="c", arguments={"id": list(range(101))})


def test_the_newest_tool_of_a_name_counts_and_one_that_needs_approval_waits() -> None:
    box = Toolbox()
    box.add(_tool(side_effect=False))
    box.add(newest := _tool())
    box.add(_tool(name="wire", requires_approval=True))
    calls: list[object] = [{"name": name, "arguments": {}} for name in ("pay", "wire", "unknown")]
    assert [(tool, call.tool) for tool, call in box.wanted(calls)] == [(newest, "pay")]


# ---- who takes which ----


def _asked(number: int, *, call_id: str | None = None, likeness: bytes = b"x", within: str | None = None) -> Asked:
    return Asked(
        id=f"event-{number}",
        tool="pay",
        call_id=call_id or f"made-{number}",
        named=call_id is not None,
        likeness=likeness,
        within=within,
    )


def _take(
    unstarted: Unstarted, call_id: str | None = None, *, tool: str = "pay", likeness: bytes = b"x", within: Any = None
) -> str | None:
    taken = unstarted.take(tool, call_id, likeness=lambda: likeness, within=within)
    return None if taken is None else taken.id


def test_a_call_is_found_by_its_id_whatever_its_arguments() -> None:
    unstarted = Unstarted()
    unstarted.add([_asked(1, call_id="a"), _asked(2, call_id="b")])
    assert _take(unstarted, "b", likeness=b"y") == "event-2"
    assert _take(unstarted, "b") is None
    assert _take(unstarted, "a", tool="refund") is None
    assert [asked.id for asked in unstarted.close()] == ["event-1"]


def test_without_an_id_likeness_and_place_decide() -> None:
    unstarted = Unstarted()
    unstarted.add([_asked(1, call_id="a", likeness=b"y"), _asked(2, call_id="b"), _asked(3, within="outer")])
    assert _take(unstarted, within="elsewhere") is None
    assert _take(unstarted) == "event-2"
    assert _take(unstarted) is None
    assert _take(unstarted, within="outer") == "event-3"


def test_an_id_that_a_framework_made_up_does_not_hide_a_call_without_one() -> None:
    unstarted = Unstarted()
    unstarted.add([_asked(1)])
    assert _take(unstarted, "framework-7", likeness=b"y") is None
    assert _take(unstarted, "framework-8") == "event-1"


def test_likeness_is_not_asked_for_in_vain() -> None:
    unstarted = Unstarted()
    unstarted.add([_asked(1)])
    assert unstarted.take("refund", None, likeness=lambda: pytest.fail("it was"), within=None) is None


def test_what_ran_before_it_was_asked_for_is_known() -> None:
    unstarted = Unstarted()
    assert not unstarted.ran_before("pay", "a")
    _take(unstarted, "a")
    _take(unstarted)
    assert unstarted.ran_before("pay", "a")
    assert not unstarted.ran_before("refund", "a")
    assert not unstarted.ran_before("pay", None)


def test_after_the_end_nobody_takes_any() -> None:
    unstarted = Unstarted()
    unstarted.add([_asked(1, call_id="a")])
    assert len(unstarted.close()) == 1
    assert _take(unstarted, "a") is None
    assert unstarted.close() == []


def test_of_many_threads_one_takes_a_call() -> None:
    for _ in range(20):
        unstarted = Unstarted()
        unstarted.add([_asked(number) for number in range(8)])
        with ThreadPoolExecutor(16) as pool:
            taken = list(pool.map(lambda _, u=unstarted: _take(u), range(16)))
        assert sorted(filter(None, taken)) == [f"event-{number}" for number in range(8)]


def test_what_was_not_executed_is_said_of_its_event() -> None:
    assert _asked(1, call_id="a").not_executed() == {
        "event_type": "annotated",
        "status": "not_executed",
        "parent_id": "event-1",
        "tool": "pay",
        "call_id": "a",
    }


def test_a_forked_child_takes_calls_as_causes_of_its_own() -> None:
    unstarted = Unstarted()
    unstarted.add([_asked(1, call_id="a"), _asked(2, call_id="b"), _asked(3, call_id="c")])
    child = os.fork()
    if child == 0:
        right = unstarted.is_inherited and _take(unstarted, "b") == "event-2" and _take(unstarted, "b") is None
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not unstarted.is_inherited
    assert _take(unstarted, "a") == "event-1"
    assert [asked.id for asked in unstarted.close()] == ["event-3"]


def test_a_child_is_not_held_up_by_a_lock_of_its_parent() -> None:
    unstarted = Unstarted()
    unstarted.add([_asked(1, call_id="a")])
    with unstarted._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if _take(unstarted, "a") == "event-1" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
