"""README's session is what really appears, and its code runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, Command, blocks, commands

README = ROOT / "README.md"
_CHANGING = (
    (re.compile(r"[0-9a-f]{64}"), "<hash>"),
    (re.compile(r"k1:[0-9a-f]{8}…"), "k1:<hash>…"),
    (re.compile(r"recorded  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC( to [0-9:]+)?( \([^)]*\))?"), "recorded  <time>"),
    (re.compile(r"[ ]+$", re.MULTILINE), ""),
    (re.compile(r"\bp-[0-9a-f]{8}\b"), "<person>"),
    (re.compile(r"\[medical record(\s+)[0-9a-f]{6}\]"), r"[medical record\1<number>]"),
)


def settled(text: str) -> str:
    """``text`` without what differs from run to run."""
    for pattern, instead in _CHANGING:
        text = pattern.sub(instead, text)
    return text.strip()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    path.chmod(0o755)
    shutil.copytree(ROOT / "examples", path / "examples")
    yield path
    shutil.rmtree(path)


def run(command: Command, folder: Path) -> str:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "80",
        "HOME": str(folder),
        "UNBROKEN_ALLOW_ROOT": "1",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        shlex.split(command.line), cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    return done.stdout.replace(str(folder), "/home/you")


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(README, "console")
    for command in commands(block):
        assert settled(run(command, folder)) == settled(command.output), command.line


def test_the_code_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks(README, "python")
    monkeypatch.chdir(folder)
    exec(compile(block, README, "exec"), {})  # noqa: S102 - the document's own code
    shown = run(Command("unbroken sessions --store audit --json", ""), folder)
    assert '"actor_id": "p-' in shown
