"""The session in docs/proofs.md is what appears."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.sessions import folder_with_examples, require_shown, run_in_shell

DOCUMENT = ROOT / "docs" / "proofs.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with folder_with_examples() as folder:
        yield folder


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    for command in commands(block):
        require_shown(command, run_in_shell(command, folder, codes=(0, 5)))
