"""spec/KEYS.md: what its examples say is so."""

import re

import pytest

from tests.conformance.test_spec_tree import example as tree_example
from tests.conformance.test_spec_vectors import SPEC
from unbroken.core.cosignature import CosignerKey, stated_time
from unbroken.core.key_history import KeyHistory
from unbroken.core.key_statement import opened
from unbroken.core.note import parse

LOG = "clinic.example/agents"


def example(name: str) -> str:
    text = (SPEC / "KEYS.md").read_text(encoding="utf-8")
    found = re.search(rf"```text example-{name}\n(.*?)```", text, re.DOTALL)
    assert found, name
    return found[1]


STATEMENTS = [example(name) for name in ("first", "rotated", "lost")]
FIRST, SECOND, THIRD = (opened(each).key for each in STATEMENTS)


def test_the_history_means_what_the_page_says() -> None:
    history = KeyHistory.of(STATEMENTS, [SECOND], LOG)
    assert history.keys == (FIRST, SECOND)
    assert [history.keys_for(1, size) for size in (7, 8, 900, 901)] == [(FIRST,), (SECOND,), (SECOND,), ()]
    assert KeyHistory.of(STATEMENTS, [THIRD], LOG).keys == (THIRD,)


def test_the_notary_s_note_is_one_of_the_tree_in_tree_md() -> None:
    note = example("note")
    checkpoint, signers = KeyHistory.of(STATEMENTS, [FIRST], LOG).opened(note, origin=f"{LOG}~1")
    assert str(checkpoint) == parse(tree_example()["note"] + "\n").text
    assert signers == [FIRST]
    assert stated_time(note, [FIRST]) is not None
    assert str(CosignerKey.of(FIRST)) == example("cosigner").strip()


@pytest.mark.parametrize("size", [7, 900])
def test_the_example_s_borders_are_those_of_its_statements(size: int) -> None:
    assert any(opened(each).after.size == size for each in STATEMENTS)
