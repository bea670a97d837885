"""Names and patterns: which entries speak of a name, and that no name is slow."""

import fnmatch
import re
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.privacy.registry.matching import MOST_PATTERNS, Names, compiled


@dataclass(frozen=True)
class Item:
    name: str
    is_pattern: bool = False


def names(*items: str) -> Names[Item]:
    """Those with a wildcard are patterns."""
    return Names([Item(item, "*" in item or "?" in item) for item in items])


def found(of: Names[Item], name: str) -> list[str]:
    return [item.name for item in of.of(name)]


MATCHES = [
    ("ehr_*", "ehr_", True),
    ("ehr_*", "ehr_read", True),
    ("ehr_*", "EHR_read", False),
    ("ehr_*", "my_ehr_read", False),
    ("*", "", True),
    ("*", "any\nthing", True),
    ("*_read", "_read", True),
    ("*_read", "ehr_readx", False),
    ("a*b*c", "abc", True),
    ("a*b*c", "aXbXbXc", True),
    ("a*b*c", "acb", False),
    ("ab*ab", "ab", False),
    ("ab*ab", "abab", True),
    ("a*a*a", "aa", False),
    ("a*a*a", "aaa", True),
    ("??", "ab", True),
    ("??", "a", False),
    ("??", "é中", True),
    ("?*", "", False),
    ("*?b*", "ab", True),
    ("**", "x", True),
    ("a.c", "abc", False),
    ("a[bc]", "ab", False),
    ("a[bc]*", "a[bc]d", True),
    ("a\\*", "a\\b", True),
    ("a+(b)|*", "a+(b)|", True),
]


@pytest.mark.parametrize(("pattern", "name", "expected"), MATCHES)
def test_star_is_any_text_and_question_mark_any_letter(pattern: str, name: str, expected: bool) -> None:
    assert (compiled(pattern).fullmatch(name) is not None) is expected


@given(st.text(alphabet="ab*?.", max_size=12), st.text(alphabet="ab.\n", max_size=16))
def test_patterns_mean_what_they_mean_in_file_names(pattern: str, name: str) -> None:
    usual = re.compile(fnmatch.translate(pattern)).fullmatch(name)
    assert (compiled(pattern).fullmatch(name) is None) is (usual is None)


def test_an_exact_name_stands_in_place_of_patterns_and_patterns_stand_together() -> None:
    several = names("ehr_*", "ehr_read", "*_read", "*_write")
    assert found(several, "ehr_read") == ["ehr_read"]
    assert found(several, "lab_read") == ["*_read"]
    assert found(several, "ehr_x_read") == ["ehr_*", "*_read"]
    assert found(several, "lab_write") == ["*_write"]
    assert found(several, "lab") == []
    assert [item.name for item in several.patterns_for("ehr_read")] == ["ehr_*", "*_read"]


def test_names_that_no_event_holds_fit_nothing() -> None:
    assert found(names("*"), "x" * 1024) == ["*"]
    assert found(names("*"), "x" * 1025) == []


def test_a_name_that_was_seen_before_takes_no_time() -> None:
    many = names(*(f"*{number}*x" for number in range(MOST_PATTERNS)))
    many.of("some_tool")
    begun = time.process_time()
    for _ in range(1_000):
        many.of("some_tool")
    assert time.process_time() - begun < 0.05


@pytest.mark.parametrize("pattern", ["*a*a*a*a*a*a*a*a*b", "*" + "a" * 200 + "b", "*?a" * 60 + "b", "?*" * 100 + "b"])
def test_no_name_makes_a_pattern_slow(pattern: str) -> None:
    expression = compiled(pattern)
    begun = time.process_time()
    for _ in range(10):
        assert expression.fullmatch("a" * 1024) is None
    assert time.process_time() - begun < 2
