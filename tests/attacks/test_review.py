"""The list of the review's attacks: each names tests that there are, or says what it waits for."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.attacks import document
from tests.attacks.review import ATTACKS, Attack

ROOT = Path(__file__).parents[2]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.section} {attack.tried}")
def test_each_attack_is_held_by_tests_that_exist(attack: Attack) -> None:
    assert bool(attack.tests) != bool(attack.open)
    assert [(file, name) for file, names in attack.tests for name in names if name not in functions(file)] == []


def test_every_section_is_there() -> None:
    assert {attack.section for attack in ATTACKS} == {f"1.{number}" for number in range(1, 15)}


def test_the_document_lists_them() -> None:
    """`python -m tests.attacks` writes it."""
    assert document.part("review") == document.review()
    assert document.part("script") == document.script()
