"""Tables in running text: the head of a column says what its cells are."""

import pytest

from tests.unit.redacting import found

TABLES = [
    ("id,full_name,city\n1,Jane Miller,Leeds\n2,John Doe,York", [("PERSON", "Jane Miller"), ("PERSON", "John Doe")]),
    ("id;Vorname;Umsatz\n1;Anke;12,50\n2;Jürgen;7,00", [("PERSON", "Anke"), ("PERSON", "Jürgen")]),
    ("sku\tdate of birth\n7\t3/4/21", [("DATE_OF_BIRTH", "3/4/21")]),
    ("| No | Adresse | Rest |\n|---|:---:|---|\n| 1 | Am See 4 | x |", [("ADDRESS", "Am See 4")]),
    ('a,"home_address",c\n1,"12 Elm St, Leeds",2', [("ADDRESS", "12 Elm St, Leeds")]),
    ("Report of today\n\nname,ssn\nx,none given\n\nThe end, done", [("US_SSN", "none given")]),
    ("id,pan\n1,saucepan\n2,1234 5678", [("CREDIT_CARD", "1234 5678")]),
    ("a,first_name\r\n1,Jane\r\n", [("PERSON", "Jane")]),
]


@pytest.mark.parametrize(("text", "expected"), TABLES)
def test_cells_below_a_sensitive_head_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "one, two, three\nfour, five, six",
        "Dear first_name, thank you\nand goodbye, see you",
        "id,first_name",
        "id,first_name\nno table here",
        "id,count\n1,2",
        "x = f(address, b)\ny = g(c, d)",
        "first_name\nJane",
    ],
)
def test_what_is_no_table_stays(text: str) -> None:
    assert found(text) == []


def test_a_table_ends_where_its_rows_end() -> None:
    assert found("id,first_name\n1,Jane\nand so on\n2,Sunday") == [("PERSON", "Jane")]


def test_another_value_is_no_row() -> None:
    assert found(["id,first_name\n1,Jane", "2,Sunday", "id,first_name\n", "3,Monday"]) == [("PERSON", "Jane")]


def test_another_table_may_follow() -> None:
    text = "id,first_name\n1,Jane\nid;address;x\n2;Am See;y"
    assert found(text) == [("PERSON", "Jane"), ("ADDRESS", "Am See")]
