"""The session in docs/vault.md is what appears, and the key-encryption keys that it names can be named so."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, Command, blocks, commands
from tests.system.processes import open_folder
from tests.system.test_registry_document import pattern_of, settled
from unbroken.privacy.vault.kek import place_of

DOCUMENT = ROOT / "docs" / "vault.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with open_folder() as folder:
        shutil.copytree(ROOT / "examples", folder / "examples")
        yield folder


def run(command: Command, folder: Path) -> str:
    """What somebody at a terminal sees, warnings included."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "COLUMNS": "100",
        "HOME": str(folder),
        "UNBROKEN_ALLOW_ROOT": "1",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        shlex.split(command.line),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 3), (command.line, done.stdout)
    return done.stdout


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    for command in commands(block):
        printed = settled(run(command, folder))
        assert re.fullmatch(pattern_of(command.output), printed), (command.line, printed)


def test_every_place_of_a_key_that_is_named_can_be_named_so() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    named = re.findall(r"--kek ((?:file|env|aws-kms|transit):[^\s`,;)]+)", text)
    assert {place_of(spec).kind for spec in named} == {"file", "aws-kms", "transit"}
