"""The operator's own rules: what a file may say, and which patterns are refused since they could be slow."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.redacting import redactor
from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.linear import compile_linear
from unbroken.privacy.redaction.rules import Rules, read_rules, rules_from

FILE = r"""
[[pattern]]
name = "policy number"
kind = "POLICY_NUMBER"
pattern = 'POL-\d{6,8}'
ignore_case = true

[[pattern]]
kind = "STAFF_ID"
pattern = '\b[A-Z]\d{4}\b'
near = ["staff", "employee"]

[keys]
sensitive = { employee_no = "EMPLOYEE_ID" }
allowed = ["order_ref", "email"]

[allow]
values = ["support@clinic.example"]
domains = ["public.example"]
patterns = ['555-010\d']
"""


@pytest.fixture(name="rules")
def _rules(tmp_path: Path) -> Rules:
    file = tmp_path / "redaction.toml"
    file.write_text(FILE, encoding="utf-8")
    return read_rules(file)


def kinds(rules: Rules, value: Any) -> list[str]:
    return [hit.kind for hit in redactor(rules=rules).explain(value)]


def test_patterns_keys_and_allowances(rules: Rules) -> None:
    assert kinds(rules, "see pol-482913 there") == ["POLICY_NUMBER"]
    assert kinds(rules, "employee A1234 came") == ["STAFF_ID"]
    assert kinds(rules, "seat A1234 taken") == []
    assert kinds(rules, {"employeeNo": 12}) == ["EMPLOYEE_ID"]
    assert kinds(rules, {"email": "anything"}) == []
    assert kinds(rules, {"email": "jane@example.com"}) == ["EMAIL_ADDRESS"]
    assert kinds(rules, "Support@clinic.example or help@www.public.example") == []
    assert kinds(rules, "jane@notpublic.example") == ["EMAIL_ADDRESS"]


def test_each_change_of_the_rules_is_a_version(rules: Rules, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(FILE.replace("STAFF_ID", "STAFF_NO"), encoding="utf-8")
    versions = {redactor(rules=found).rules_version for found in (Rules(), rules, read_rules(other))}
    assert len(versions) == 3


@pytest.mark.parametrize(
    "text",
    [
        "[[patterns]]",
        "pattern = 3",
        "[keys]\nsensitiv = {}",
        "[allow]\nvalues = [1]",
        "[[pattern]]\nkind = 'X_Y'",
        "[[pattern]]\nkind = 'lower'\npattern = 'a'",
        "[[pattern]]\nkind = 'X_Y'\npattern = 3",
        "not toml =",
        "[keys]\nsensitive = ['a']",
        "keys = 1",
        "pattern = [1]",
    ],
)
def test_a_file_that_says_something_else_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        read_rules(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        read_rules(tmp_path / "none.toml")


ACCEPTED = [
    (r"POL-\d{6,8}", "POL-1234567", "POL-12345"),
    (r"[A-Z]{2}\d+", "AB12", "A12"),
    (r"(?:EMP|EXT)-\d{4}", "EXT-1234", "ENG-1234"),
    (r"x?\d{3}", "x123", "xx"),
    (r"\$\d+\.\d{2}", "$12.50", "$12,50"),
    (r"^id:\s?\w{4}$", "id: ab_1", "id: a"),
    (r"[^\s,]{3},", "abc,", "ab"),
]


@pytest.mark.parametrize(("pattern", "yes", "no"), ACCEPTED)
def test_accepted_patterns_match_as_usual(pattern: str, yes: str, no: str) -> None:
    compiled = compile_linear(pattern)
    assert compiled.search(yes) is not None
    assert compiled.search(no) is None
    assert re.search(pattern, no) is None
    assert re.search(pattern, yes) is not None


REFUSED = [
    "(a+)+b",
    "(a|aa)+b",
    "a*a*b",
    r"\w+\d",
    r"\d{1,60}\d{1,60}x",
    ".*x",
    r"(.)\1",
    "(?=a)b",
    "a{100}",
    "a{2,1}",
    "a*",
    "",
    "[a",
    "a)",
    "*a",
    "a|b",
    "a{x}",
    r"\p{L}",
    r"\d+?x",
    "(a|)b",
    r"(\d|x)y",
    "a{3}{4}",
    "(a|b|c|d|e|f|g|h|i)(a|b|c|d|e|f|g|h|i)x",
    "(?i)a",
    "[a-z]{64}[0-9]{64}[a-z]{64}[0-9]{64}[a-z]{64}",
]


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_could_be_slow_or_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError):
        compile_linear(pattern)


@pytest.mark.parametrize("pattern", [r"[a-z]+\d", r"\w{1,64}-", r"[ab]{1,64}c?x", "a?b?c?d?e"])
def test_accepted_patterns_take_time_by_length(pattern: str) -> None:
    compiled = compile_linear(pattern)
    growth = min(_seconds(compiled, 80_000) / _seconds(compiled, 10_000) for _ in range(4))
    assert growth < 22


def _seconds(pattern: re.Pattern[str], length: int) -> float:
    begin = time.process_time()
    list(pattern.finditer("ab" * (length // 2)))
    return max(time.process_time() - begin, 1e-5)


@given(st.text(alphabet=r"ab1\d\w.[]-^$?*+{}(),|: 2", max_size=14))
def test_any_text_is_a_pattern_or_a_clear_refusal(text: str) -> None:
    try:
        compiled = compile_linear(text)
    except ConfigurationError:
        return
    assert compiled.search("") is None


def test_rules_from_nothing_are_the_default() -> None:
    assert rules_from({}).patterns == ()
