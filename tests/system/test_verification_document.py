"""The session in docs/verification.md is what appears."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.processes import open_folder
from tests.system.test_registry_document import pattern_of, settled
from tests.system.test_vault_document import run

DOCUMENT = ROOT / "docs" / "verification.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with open_folder() as folder:
        shutil.copytree(ROOT / "examples", folder / "examples")
        for name in ("nas", "site"):
            (folder / name).mkdir()
        yield folder


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    (anchors,) = blocks(DOCUMENT, "toml")
    for command in commands(block):
        printed = run(command, folder)
        assert re.fullmatch(pattern_of(command.output), settled(printed)), (command.line, printed)
        if command.line.startswith("unbroken keys new"):
            key = printed.split()[-1]
            (folder / "anchors.toml").write_text(re.sub(r'(trust = \[").*("\])', rf"\g<1>{key}\2", anchors))
