"""The session in docs/checkpoints.md is what appears, and the keys that it names can be named so."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.sessions import folder_with_examples, require_shown, run
from unbroken.notary.metrics import text_of
from unbroken.notary.places import FORMS
from unbroken.notary.standing import Standing

DOCUMENT = ROOT / "docs" / "checkpoints.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with folder_with_examples() as folder:
        yield folder


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    for command in commands(block):
        require_shown(command, run(command, folder))


def test_every_form_of_a_key_has_its_row() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    forms = re.split(", | or ", FORMS)
    assert len(forms) == 4
    assert [form for form in forms if f"| `{form}` |" not in text] == []


def test_the_figures_that_are_named_are_given() -> None:
    named = set(re.findall(r"`(unbroken_[a-z_]+)`", DOCUMENT.read_text(encoding="utf-8")))
    source = (ROOT / "src" / "unbroken" / "notary" / "standing.py").read_text(encoding="utf-8")
    given = {f"unbroken_{name}" for name in re.findall(r'gauge\("([a-z_]+)"', source)}
    assert named == given - {"unbroken_log_incarnation"}
    assert 'unbroken_notary_failures{log="a"} 0' in text_of(Standing("a").figures())
