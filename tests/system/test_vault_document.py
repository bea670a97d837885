"""The session in docs/vault.md is what appears, and the key-encryption keys that it names can be named so."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.sessions import folder_with_examples, require_shown, run_with_warnings
from unbroken.privacy.vault.kek import place_of

DOCUMENT = ROOT / "docs" / "vault.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with folder_with_examples() as folder:
        yield folder


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    for command in commands(block):
        require_shown(command, run_with_warnings(command, folder))


def test_every_place_of_a_key_that_is_named_can_be_named_so() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    named = re.findall(r"--kek ((?:file|env|aws-kms|transit):[^\s`,;)]+)", text)
    assert {place_of(spec).kind for spec in named} == {"file", "aws-kms", "transit"}
