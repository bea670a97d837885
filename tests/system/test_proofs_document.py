"""The session in docs/proofs.md is what appears."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.processes import open_folder
from tests.system.test_registry_document import pattern_of, settled

DOCUMENT = ROOT / "docs" / "proofs.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with open_folder() as folder:
        shutil.copytree(ROOT / "examples", folder / "examples")
        yield folder


def run(line: str, folder: Path) -> str:
    """What somebody at a terminal sees, in a shell, as it is about files that are handed on."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "COLUMNS": "100",
        "HOME": str(folder),
        "UNBROKEN_ALLOW_ROOT": "1",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode in (0, 5), done.stderr) == (True, ""), line
    return done.stdout


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    for command in commands(block):
        printed = settled(run(command.line, folder))
        assert re.fullmatch(pattern_of(command.output), printed), (command.line, printed)
