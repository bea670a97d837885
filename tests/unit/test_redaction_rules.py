"""The operator's own rules: what a file may say, and which patterns are refused since they could be slow."""

import re
import time
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.redacting import redactor
from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.linear import compile_linear
from unbroken.privacy.redaction.rules import DEFAULT_RULES, MOST_PATTERNS, Rules, rules_from

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
def _rules() -> Rules:
    return read(FILE)


def read(text: str) -> Rules:
    return rules_from(tomllib.loads(text))


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


def test_each_change_of_the_rules_is_a_version(rules: Rules) -> None:
    other = read(FILE.replace("STAFF_ID", "STAFF_NO"))
    versions = {redactor(rules=found).rules_version for found in (Rules(), rules, other)}
    assert len(versions) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[patterns]]", 'redaction: there is no key "patterns" here, only pattern, keys, allow'),
        ("pattern = 3", "redaction: each pattern is a table of its own: [[redaction.pattern]]"),
        ("[keys]\nsensitiv = {}", 'redaction.keys: there is no key "sensitiv" here, only sensitive, allowed'),
        ("[allow]\nvalues = [1]", "redaction.allow: values 1 is no text"),
        ("[[pattern]]\nkind = 'X_Y'", "redaction.pattern 1: there is no pattern"),
        ("[[pattern]]\npattern = 'a'\nname='n'", "redaction.pattern 1 (n): there is no kind"),
        ("[[pattern]]\nkind = 'lower'\npattern = 'a'", 'redaction.pattern 1: "lower" is no kind'),
        ("[[pattern]]\nkind = 'X_Y'\npattern = 3", "redaction.pattern 1: pattern 3 is no text"),
        ("[[pattern]]\nkind = 'X_Y'\npattern = 'a'\nignore_case = 1", "ignore_case is true or false, not 1"),
        ("[[pattern]]\nkind = 'X_Y'\npattern = 'a*'\nname='n'", "redaction.pattern 1 (n): the pattern 'a*' is not"),
        ("[allow]\npatterns = ['.*x']", "redaction.allow: the pattern '.*x' is not accepted"),
        ("[keys]\nsensitive = ['a']", "redaction.keys: sensitive is a table: [redaction.keys.sensitive]"),
        ("[keys]\nsensitive = {a = 'b'}", 'redaction.keys.sensitive: "b" is no kind'),
        ("keys = 1", "redaction: keys is a table: [redaction.keys]"),
        ("pattern = [1]", "redaction: each pattern is a table of its own"),
        ("[allow]\nvalues = 'a'", "redaction.allow: values is a list of texts"),
    ],
)
def test_a_table_that_says_something_else_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        read(text)


def test_there_is_an_end_to_patterns() -> None:
    one = "[[pattern]]\nkind = 'X_Y'\npattern = 'a'\n"
    assert len(read(one * MOST_PATTERNS).patterns) == MOST_PATTERNS
    with pytest.raises(ConfigurationError, match=f"more than {MOST_PATTERNS} patterns"):
        read(one * MOST_PATTERNS + "[allow]\npatterns = ['b']\n")


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
    "[1--]",
    "[[a]",
    "[a||b]",
    "[a&&b]",
    "[a~~b]",
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
    assert rules_from({}) is DEFAULT_RULES
