"""The order in which tests are handed to several processes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.scheduling import SECONDS, longest_first

HERE = Path(__file__).parents[1]


def test_the_modules_that_take_long_are_there() -> None:
    assert [name for name in SECONDS if not (HERE / name).exists()] == []


def test_what_takes_long_comes_first_and_the_others_by_their_number() -> None:
    names = ["unit/test_a.py::1", "unit/test_b.py::1", "unit/test_b.py::2", "database/test_door.py::1"]
    items: list[Any] = [SimpleNamespace(nodeid=f"tests/{name}") for name in names]
    longest_first(items)
    assert [item.nodeid.removeprefix("tests/") for item in items] == [names[3], names[1], names[2], names[0]]
