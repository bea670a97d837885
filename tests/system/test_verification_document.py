"""The session in docs/verification.md is what appears."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.sessions import folder_with_examples, require_shown, run_with_warnings

DOCUMENT = ROOT / "docs" / "verification.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with folder_with_examples("nas", "site") as folder:
        yield folder


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    (anchors,) = blocks(DOCUMENT, "toml")
    for command in commands(block):
        printed = run_with_warnings(command, folder)
        require_shown(command, printed)
        if command.line.startswith("unbroken keys new"):
            key = printed.split()[-1]
            (folder / "anchors.toml").write_text(re.sub(r'(trust = \[").*("\])', rf"\g<1>{key}\2", anchors))
