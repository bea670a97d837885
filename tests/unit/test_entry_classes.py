"""Classes that a database states of entries, as a run of verification gathers and compares them."""

import pickle
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from unbroken.core.event import Event
from unbroken.verify.replay.classing import (
    MAX_KINDS,
    ROOM,
    Classes,
    Kind,
    RetentionClasses,
    classes_in,
    key_of,
    kind_of,
)

PLAIN: Kind = ("request", (), ())
OTHER: Kind = ("request", ("hipaa",), ("account=1",))


@dataclass
class Step:
    """An entry of a kind, with the class that is stated of it."""

    seq: int
    retention_class: int | None
    kind: Kind | None


def steps(*stated: tuple[int | None, Kind | None]) -> list[Step]:
    return [Step(seq, number, kind) for seq, (number, kind) in enumerate(stated, 1)]


def seen(given: Iterable[Step], *, page: int = 100) -> RetentionClasses:
    """As it comes page by page out of worker processes."""
    table, some = RetentionClasses(), list(given)
    for start in range(0, len(some), page):
        table.see(pickle.loads(pickle.dumps(classes_in(some[start : start + page]))))  # noqa: S301 - its own
    return table


def row(number: int, kind: Kind, *, scope: list[str] | str | None = "") -> dict[str, Any]:
    event_type, domains, items = kind
    stated = list(items) if isinstance(scope, str) else scope
    key = key_of(kind, is_scope_known=stated is not None)
    return {"number": number, "key": key, "event_type": event_type, "domains": list(domains), "scope": stated}


def found(table: RetentionClasses, *rows: dict[str, Any]) -> Iterator[tuple[str, int] | str]:
    """The columns that differ, and where entries are of another class."""
    for each in rows:
        known = table.rows.take(str(each["number"]))
        assert known is not None
        yield from table.differing(known, each)
    yield from ((remark.kind, remark.seq) for remark in table.remarks())


@pytest.mark.parametrize("page", [1, 2, 100])
def test_each_entry_is_held_against_its_class(page: int) -> None:
    right = steps((1, PLAIN), (None, None), (2, OTHER), (1, PLAIN), (2, OTHER))
    assert list(found(seen(right, page=page), row(1, PLAIN), row(2, OTHER))) == []
    wrong = steps((2, PLAIN), (1, PLAIN), (2, OTHER), (1, OTHER), (1, OTHER))
    told = list(found(seen(wrong, page=page), row(1, PLAIN), row(2, OTHER)))
    assert sorted(map(str, told)) == [str(("class_disagrees", 1)), str(("class_disagrees", 4))]


@pytest.mark.parametrize("page", [1, 2, 100])
def test_behind_the_first_that_has_one_every_entry_has_a_class(page: int) -> None:
    assert list(found(seen(steps((None, PLAIN), (None, None), (None, OTHER)), page=page))) == []
    late = steps((None, PLAIN), (None, None), (1, PLAIN), (None, None), (None, OTHER))
    assert list(found(seen(late, page=page), row(1, PLAIN))) == [("class_disagrees", 5)]


def test_a_row_that_fits_no_entry_is_what_is_wrong() -> None:
    table = seen(steps((1, OTHER)))
    assert list(found(table, row(1, ("request", ("hipaa",), ("account=2",))))) == ["scope"]
    key = row(1, OTHER) | {"key": "request"}
    assert list(found(seen(steps((1, OTHER))), key)) == ["key"]


def test_a_scope_is_not_known_where_there_are_too_many_classes_alone() -> None:
    many = [(ROOM + 1, ("request", ("hipaa",), (f"account={number}",))) for number in range(MAX_KINDS + 5)]
    row_of_many = row(ROOM + 1, OTHER, scope=None)
    assert list(found(seen(steps(*many)), row_of_many)) == []
    assert list(found(seen(steps(*many)), row(ROOM + 1, OTHER))) != []
    assert list(found(seen(steps((5, OTHER))), row(5, OTHER, scope=None))) == ["scope"]


def test_until_when_something_is_valid_makes_no_class() -> None:
    def event(event_type: str, *scope: str) -> Event:
        who = {"actor_id": "a", "actor_type": "user", "id": "0" * 36, "ts": "", "event_type": event_type}
        return Event(**who, scope=scope)  # type: ignore[arg-type]

    asked = [kind_of(event("approval_requested", "a=1", f"valid_until={number}")) for number in range(3)]
    assert asked == [("approval_requested", (), ("a=1",))] * 3
    assert kind_of(event("request", "valid_until=1")) == ("request", (), ("valid_until=1",))
    assert kind_of(event("request")) == PLAIN


def test_of_many_kinds_each_is_still_told_apart() -> None:
    """More of them than are remembered."""
    random_ = random.Random(1)  # noqa: S311 - the same in every run
    numbers = [random_.randrange(15_000) for _ in range(20_000)]
    who = {"actor_id": "a", "actor_type": "user", "id": "0" * 36, "ts": "", "event_type": "request"}
    kinds = [kind_of(Event(**who, scope=(f"account={number}",))) for number in numbers]  # type: ignore[arg-type]
    assert [kind[2] for kind in kinds] == [(f"account={number}",) for number in numbers]
    classes: Classes = classes_in(steps(*zip(numbers, kinds, strict=True)))
    assert dict(iter(classes.first)) == dict(zip(numbers, kinds, strict=True))
