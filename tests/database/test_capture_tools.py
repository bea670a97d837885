"""Tools: recorded before they run, with result, error and the data they touched."""

import inspect
from typing import Any

import pytest

from tests.database.recorded import Entries, events, only, types
from unbroken.capture import Trail
from unbroken.errors import ConfigurationError, InvalidEventError, TooLargeError


def test_a_call_is_committed_before_the_tool_runs(trail: Trail, entries: Entries) -> None:
    seen: list[dict[str, Any]] = []

    @trail.tool(side_effect=True)
    def look() -> None:
        seen.extend(events(entries))

    with trail.session(actor="u") as session, session.turn() as turn:
        look()
        turn.respond()
    assert seen[-1]["event_type"] == "tool_call"
    assert seen[-1]["side_effect"] is True


def test_call_and_result_belong_together(trail: Trail, entries: Entries) -> None:
    @trail.tool(classification="restricted")
    def add(a: int, *more: int, times: int = 2, **rest: int) -> int:
        return (a + sum(more)) * times

    with trail.session(actor="u") as session, session.turn() as turn:
        assert add(1, 2, 3, z=9) == 12
        turn.respond()
    call, result = only(entries, "tool_call"), only(entries, "tool_result")
    assert call["inputs"] == {"a": 1, "more": [2, 3], "times": 2, "rest": {"z": 9}}
    assert call["side_effect"] is False
    assert result["outputs"] == 12
    assert (result["status"], result["parent_id"]) == ("ok", call["id"])
    assert call["call_id"] == result["call_id"]
    assert call["tool"] == result["tool"] == "add"
    assert call["classification"] == result["classification"] == "restricted"
    assert result["latency_ms"] >= 0


def test_the_function_stays_what_it_was(trail: Trail) -> None:
    def send(to: str, *, body: str = "") -> bool:
        """Send it."""
        return bool(to and body)

    wrapped = trail.tool(side_effect=True)(send)
    assert (wrapped.__name__, wrapped.__doc__) == ("send", "Send it.")
    assert inspect.signature(wrapped) == inspect.signature(send)


def test_a_method_is_a_tool_without_its_object(trail: Trail, entries: Entries) -> None:
    class Desk:
        secret = "s3cret"  # noqa: S105 - must not be recorded

        @trail.tool(name="desk.open")
        def open(self, drawer: int) -> str:
            return f"{self.secret} {drawer}"

        @classmethod
        @trail.tool
        def count(cls, floor: int) -> int:
            return floor

    assert Desk().open(3) == "s3cret 3"
    assert Desk.count(floor=2) == 2
    calls = [event for event in events(entries) if event["event_type"] == "tool_call"]
    assert [(call["tool"], call["inputs"]) for call in calls] == [("desk.open", {"drawer": 3}), ("count", {"floor": 2})]


def test_nested_tools_name_their_caller(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def inner() -> None: ...

    @trail.tool
    def outer() -> None:
        inner()

    with trail.session(actor="u") as session, session.turn() as turn:
        outer()
        inner()
        turn.respond()
    first, nested, again = (event for event in events(entries) if event["event_type"] == "tool_call")
    assert (first["tool"], first["parent_id"]) == ("outer", turn.request_id)
    assert (nested["tool"], nested["parent_id"]) == ("inner", first["id"])
    assert (again["tool"], again["parent_id"]) == ("inner", turn.request_id)


def test_a_tools_exception_completes_the_pair_and_goes_on_unchanged(trail: Trail, entries: Entries) -> None:
    error = LookupError("no such patient")

    @trail.tool(side_effect=True, resource=("patient", "patient_id"))
    def admit(patient_id: str) -> None:
        raise error

    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(LookupError) as caught:
            admit("p-1")
        turn.respond("not found")
    assert caught.value is error
    result = only(entries, "tool_result")
    assert (result["status"], result["parent_id"]) == ("error", only(entries, "tool_call")["id"])
    assert result["details"] == {"error_type": "LookupError", "error_message": "no such patient"}
    assert result["resource_id"] == "p-1"
    assert "data_modified" not in types(entries)
    assert "error" not in types(entries), "the turn went on"


def test_arguments_that_do_not_fit_are_recorded_with_the_type_error(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def add(a: int, b: int) -> int:
        return a + b

    with pytest.raises(TypeError, match="add"):
        add(1, c=3)  # type: ignore[call-arg]
    assert only(entries, "tool_call")["inputs"] == {"args": [1], "kwargs": {"c": 3}}
    assert only(entries, "tool_result")["details"]["error_type"] == "TypeError"


@pytest.mark.parametrize(("side_effect", "event_type"), [(False, "data_accessed"), (True, "data_modified")])
def test_a_named_resource_is_recorded_with_the_result(
    trail: Trail, entries: Entries, side_effect: bool, event_type: str
) -> None:
    @trail.tool(side_effect=side_effect, resource=("patient_record", "patient_id"))
    def chart(patient_id: str) -> str:
        return patient_id

    with trail.session(actor="u") as session, session.turn() as turn:
        chart("p-1")
        turn.respond()
    assert types(entries)[2:5] == ["tool_call", "tool_result", event_type]
    call, result, touched = events(entries)[2:5]
    for event in (call, result, touched):
        assert (event["resource_type"], event["resource_id"]) == ("patient_record", "p-1")
    assert (touched["parent_id"], touched["call_id"]) == (call["id"], call["call_id"])


def test_several_resources_get_an_event_each(trail: Trail, entries: Entries) -> None:
    @trail.tool(resource=("patient", "query.ids"))
    def find(query: dict[str, Any]) -> None: ...

    find({"ids": ["p-2", "p-1", "p-2", 7]})
    assert "resource_id" not in only(entries, "tool_call")
    touched = [event["resource_id"] for event in events(entries) if event["event_type"] == "data_accessed"]
    assert touched == ["p-2", "p-1", "7"]


def test_without_an_id_the_type_is_recorded_alone(trail: Trail, entries: Entries) -> None:
    @trail.tool(resource=("patient", "patient_id"))
    def find(patient_id: str | None = None) -> None: ...

    find()
    touched = only(entries, "data_accessed")
    assert touched["resource_type"] == "patient"
    assert "resource_id" not in touched


def test_too_many_resources_stop_the_tool(trail: Trail, entries: Entries) -> None:
    @trail.tool(resource=("patient", "ids"))
    def find(ids: list[int]) -> None:
        pytest.fail("the tool ran")

    with pytest.raises(TooLargeError, match="101 resources"):
        find(list(range(101)))
    assert entries() == []


def test_a_tool_outside_any_session_is_recorded_as_an_orphan(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def tick() -> int:
        return 1

    tick()
    call, result = events(entries)
    assert (call["actor_id"], call["actor_type"], call["details"]) == ("unknown", "system", {"orphan": True})
    assert (result["actor_id"], result["parent_id"]) == ("unknown", call["id"])
    assert "session_id" not in call


def test_a_tool_between_turns_is_an_orphan_of_its_session(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def tick() -> None: ...

    with trail.session("c-1", actor="u"):
        tick()
    call = only(entries, "tool_call")
    assert (call["session_id"], call["actor_id"], call["details"]) == ("c-1", "u", {"orphan": True})


def test_a_call_takes_the_id_that_the_model_gave_it(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def inner() -> None: ...

    @trail.tool
    def outer() -> None:
        inner()

    with trail.session(actor="u") as session, session.turn() as turn:
        with trail.called_as("call_abc"):
            outer()
        turn.respond()
    calls = {event["tool"]: event["call_id"] for event in events(entries) if event["event_type"] == "tool_result"}
    assert calls["outer"] == "call_abc"
    assert calls["inner"] != "call_abc"


def test_what_can_not_be_recorded_does_not_run(trail: Trail, entries: Entries) -> None:
    @trail.tool(side_effect=True)
    def send(body: object) -> None:
        pytest.fail("the tool ran")

    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(InvalidEventError):
        send(cycle)
    assert entries() == []


def test_only_functions_and_methods_are_tools(trail: Trail) -> None:
    unfit: list[Any] = [staticmethod(lambda: 1), classmethod(lambda cls: cls), dict, "name"]
    for thing in unfit:
        with pytest.raises(ConfigurationError):
            trail.tool(thing)


@pytest.mark.parametrize("resource", ["patient", ("patient", "id"), ("patient", "id.patient_id"), ("a", "b", "c")])
def test_a_resource_that_names_no_argument_is_refused(trail: Trail, resource: Any) -> None:
    def chart(patient_id: str) -> None: ...

    with pytest.raises(ConfigurationError, match="argument of chart"):
        trail.tool(resource=resource)(chart)


def test_an_awaitable_from_a_plain_function_is_refused(trail: Trail, entries: Entries) -> None:
    async def later() -> None:
        pytest.fail("it ran unrecorded")

    @trail.tool
    def start() -> Any:
        return later()

    with pytest.raises(ConfigurationError, match="async def"):
        start()
    assert only(entries, "tool_result")["status"] == "error"
