"""Values that aren't scanned since their form as a whole tells that they hold nothing: no rule may miss them."""

import random
import uuid
from typing import Any

import pytest

from tests.unit.redacting import CARD, redactor
from unbroken.privacy.redaction.redactor import Redactor
from unbroken.privacy.redaction.rules import rules_from
from unbroken.privacy.redaction.walk import Node, Walk

KEYS = ["id", "value", "price", "sha", "item", "date", "account", "driver_license", "phone_call", "message", "ssn"]


def unsparing() -> Redactor:
    """One that scans every value."""
    front = redactor()
    front._sparing = False
    return front


def plain(made: random.Random) -> list[Any]:
    """Values of every form that is left out."""
    time = f"20{made.randrange(100):02d}-{made.randrange(1, 13):02d}-{made.randrange(1, 29):02d}T13:45:12"
    old = f"19{made.randrange(30, 99)}-0{made.randrange(1, 9)}-1{made.randrange(9)}T00:00:00Z"
    return [
        str(uuid.UUID(bytes=made.randbytes(16))),
        "".join(made.choices("0123456789", k=32)),
        *(made.randbytes(size).hex() for size in (16, 20, 32, 48, 64)),
        f"00-{made.randbytes(16).hex()}-{made.randbytes(8).hex()}-01",
        *(time, f"{time}Z", f"{time}.{made.randrange(10**6):06d}+02:00", f"{time}.123-0730", old),
        *(f"{made.uniform(-(10**size), 10**size):.2f}" for size in range(7)),
        *(made.randrange(10 ** (size - 1), 10**size) for size in range(5, 25)),
        -made.randrange(10**12),
    ]


def collected(value: Any, *, sparing: bool) -> int:
    walk = Walk(redactor()._means.read_key, most_letters=10_000, sparing=sparing)
    walk.part(Node({}, None, ""), "details", value)
    return len(walk.leaves)


def test_what_is_left_out_would_not_have_been_found() -> None:
    made, every, left_out = random.Random(5), unsparing(), 0  # noqa: S311 - any numbers do
    for _ in range(150):
        for value in plain(made):
            left_out += not collected(value, sparing=True)
            if not collected(value, sparing=True):
                assert every.explain(value) == []
                assert every.explain([value, "phone ssn card account bank driver license"]) == []
    assert left_out > 150 * 20


def test_the_same_is_found_under_any_key_as_when_every_value_is_scanned() -> None:
    made, sparing, every = random.Random(6), redactor(), unsparing()  # noqa: S311 - any numbers do
    for _ in range(60):
        values = plain(made)
        made.shuffle(values)
        value: Any = {key: [item, {key: item}] for key, item in zip(KEYS, values, strict=False)}
        assert sparing.explain(value) == every.explain(value)


@pytest.mark.parametrize("value", [CARD, int(CARD), 7569217076985, 185057800608491, CARD.encode().hex(), "jane@x.io"])
def test_what_could_be_something_is_scanned(value: Any) -> None:
    assert redactor().explain(value)


def test_a_key_that_names_the_number_keeps_it_scanned() -> None:
    assert redactor().explain({"nhs": 9434765919})
    assert not redactor().explain({"note": 9434765919})


def test_own_patterns_see_every_value() -> None:
    table: dict[str, Any] = {"pattern": [{"kind": "STAFF_ID", "pattern": r"\d{3}\.\d{2}"}]}
    own = rules_from(table)
    assert [hit.kind for hit in redactor(rules=own).explain({"a": "482.91"})] == ["STAFF_ID"]
