"""The manifest of the schema as a file, and how a database is held against it."""

import pytest

from unbroken.store.facts import Difference, Fact, differences, guard_objects, manifest, released, schema_objects

LOGS = "table unbroken.logs"
PARTITION = "table unbroken.entries_3_14"


def as_released(name: str, *, under: str | None = None) -> list[Fact]:
    """The facts of an object as the manifest has them."""
    facts = released()[under or name]
    return [Fact(name, check, of, min(values)) for (check, of), values in facts.items()]


@pytest.mark.parametrize("value", ["a\\nb", "line\nline", "\\", "\\\\n\n", "using (a: b): c"])
def test_a_value_survives_being_written(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = "\n".join(manifest([Fact("table x", "tables", "column a", value)]))
    monkeypatch.setattr("unbroken.store.facts.text", lambda _: written)
    assert released.__wrapped__() == {"table x": {("tables", "column a"): frozenset({value})}}


def test_what_is_as_released_makes_no_difference() -> None:
    facts = [*as_released(LOGS), *as_released(PARTITION, under="table unbroken.entries_LOG_NUMBER")]
    assert list(differences(facts, [LOGS])) == []


def test_either_printing_of_an_expression_is_the_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (Fact("table x", "tables", "column a", value) for value in ("(a)", "a"))
    written = "\n".join(manifest([one, other]))
    monkeypatch.setattr("unbroken.store.facts.text", lambda _: written)
    known = released.__wrapped__()
    monkeypatch.setattr("unbroken.store.facts.released", lambda: known)
    for fact in (one, other):
        assert list(differences([fact], ["table x"])) == []
    third = Fact("table x", "tables", "column a", "b")
    assert list(differences([third], ["table x"])) == [Difference("tables", "table x", "column a", "(a)", "b")]


def test_what_lacks_what_is_too_much_and_what_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {(fact.check, fact.property): fact for fact in as_released(LOGS)}
    del facts["row_security", "policy owner"]
    facts["owners", "owner"] = Fact(LOGS, "owners", "owner", "mallory")
    facts["privileges", "PUBLIC"] = Fact(LOGS, "privileges", "PUBLIC", "SELECT")
    found = {(each.check, each.property): (each.expected, each.found) for each in differences(facts.values(), [LOGS])}
    assert found == {
        ("row_security", "policy owner"): ("permissive all to unbroken_owner using (true) check (true)", None),
        ("owners", "owner"): ("unbroken_owner", "mallory"),
        ("privileges", "PUBLIC"): (None, "SELECT"),
    }


def test_an_object_is_one_difference() -> None:
    stranger = [Fact("table unbroken.x", "tables", f"column {name}", "1: text") for name in "ab"]
    assert list(differences(stranger, [LOGS])) == [
        Difference("tables", LOGS, None, "there", None),
        Difference("strangers", "table unbroken.x", None, None, "there"),
    ]


def test_a_partition_of_something_else_is_a_stranger() -> None:
    """Nor may a table have the name under which the manifest keeps partitions."""
    for name in ("table unbroken.grants_1_0", "table unbroken.entries_LOG_NUMBER"):
        (difference,) = differences([Fact(name, "owners", "owner", "unbroken_owner")], [])
        assert difference.check == "strangers"


def test_objects_belong_to_the_schema_or_to_its_guards() -> None:
    schema, guards = set(schema_objects()), set(guard_objects())
    assert not schema & guards
    assert {name for name in released() if name not in schema | guards} == {
        "table unbroken.entries_LOG_NUMBER",
        "table unbroken.originals_LOG_NUMBER",
        "table unbroken.payloads_LOG_NUMBER",
    }
    assert {"event trigger unbroken_refuse_ddl", "schema unbroken_guard"} <= guards
