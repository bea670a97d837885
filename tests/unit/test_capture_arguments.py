"""Arguments by name, and the resources that they name."""

import enum
import inspect
import uuid
from typing import Any

import pytest

from unbroken.capture.arguments import named_arguments
from unbroken.capture.resources import MAX_RESOURCES, resource_ids
from unbroken.errors import TooLargeError


def _named(function: Any, *args: object, **kwargs: object) -> dict[str, object]:
    return named_arguments(inspect.signature(function), args, kwargs=kwargs)


def test_arguments_get_their_names_and_defaults() -> None:
    def function(a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> None: ...

    assert _named(function, 1, b=2) == {"a": 1, "b": 2, "rest": (), "c": 3, "more": {}}
    assert _named(function, 1, 2, 4, d=5) == {"a": 1, "b": 2, "rest": (4,), "c": 3, "more": {"d": 5}}


def test_the_object_of_a_method_is_left_out() -> None:
    class Desk:
        def open(self, drawer: int) -> None: ...

    assert _named(Desk.open, Desk(), 3) == {"drawer": 3}
    assert _named(Desk.open, self=Desk(), drawer=3) == {"drawer": 3}
    assert _named(Desk().open, 3) == {"drawer": 3}
    assert _named(Desk.open, Desk(), 3, 4) == {"args": [3, 4], "kwargs": {}}


def test_arguments_that_do_not_fit_are_given_as_they_are() -> None:
    def function(a: int) -> None: ...

    assert _named(function, 1, 2, b=3) == {"args": [1, 2], "kwargs": {"b": 3}}
    assert _named(function) == {"args": [], "kwargs": {}}


class _Ward(enum.Enum):
    NORTH = "north"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("p-1", ["p-1"]),
        (7, ["7"]),
        (-7, ["-7"]),
        (uuid.UUID(int=1), ["00000000-0000-0000-0000-000000000001"]),
        (_Ward.NORTH, ["north"]),
        (["b", "a", "b", 1], ["b", "a", "1"]),
        (("a",), ["a"]),
        ([], []),
        (None, []),
        ("", []),
        (True, []),
        (1.5, []),
        ({"id": 1}, []),
        ([["a"]], []),
        ("x" * 1024, ["x" * 1024]),
        ("x" * 1025, []),
        ("é" * 513, []),
        ("a\x00b", []),
        ("a\ud800b", []),
    ],
)
def test_what_counts_as_a_resource_id(value: object, ids: list[str]) -> None:
    assert resource_ids({"patient_id": value}, "patient_id") == ids


def test_a_path_leads_into_mappings() -> None:
    arguments = {"order": {"patient": {"id": "p-1"}}, "flat": "x"}
    assert resource_ids(arguments, "order.patient.id") == ["p-1"]
    assert resource_ids(arguments, "order.doctor.id") == []
    assert resource_ids(arguments, "flat.id") == []
    assert resource_ids(arguments, "absent") == []


def test_the_number_of_resources_is_bounded() -> None:
    assert len(resource_ids({"ids": list(range(MAX_RESOURCES))}, "ids")) == MAX_RESOURCES
    with pytest.raises(TooLargeError, match=str(MAX_RESOURCES + 1)):
        resource_ids({"ids": list(range(MAX_RESOURCES + 1))}, "ids")
