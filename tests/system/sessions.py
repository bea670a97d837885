"""Running the console sessions of the documents: a folder to do it in, one command, and what the page shows of it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.documents import ROOT, Command
from tests.system.processes import open_folder

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@contextmanager
def folder_with_examples(*empty: str) -> Iterator[Path]:
    """A folder with the examples in it, and the folders ``empty``."""
    with open_folder() as folder:
        shutil.copytree(ROOT / "examples", folder / "examples")
        for name in empty:
            (folder / name).mkdir()
        yield folder


def run(command: Command, folder: Path, *, codes: tuple[int, ...] = (0,)) -> str:
    """What a command prints that warns of nothing."""
    done = _done(shlex.split(command.line), folder)
    assert (done.returncode in codes, done.stderr) == (True, ""), command.line
    return done.stdout


def run_in_shell(command: Command, folder: Path, *, codes: tuple[int, ...] = (0,)) -> str:
    """The same of a line that hands files on."""
    done = _done(["/bin/sh", "-c", command.line], folder)
    assert (done.returncode in codes, done.stderr) == (True, ""), command.line
    return done.stdout


def run_with_warnings(command: Command, folder: Path, *, codes: tuple[int, ...] = (0, 3)) -> str:
    """What somebody at a terminal sees, warnings included."""
    done = _done(shlex.split(command.line), folder, stderr=subprocess.STDOUT)
    assert done.returncode in codes, (command.line, done.stdout)
    return done.stdout


def settled(text: str) -> str:
    """``text`` without what differs from run to run."""
    return _TIME.sub("<time>", re.sub(r" +$", "", text, flags=re.MULTILINE)).strip()


def pattern_of(output: str) -> str:
    """What the document shows, in which ``…`` stands for anything."""
    return re.escape(settled(output)).replace("…", "(?s:.*)")


def require_shown(command: Command, printed: str) -> None:
    """Demands that a command printed what the document shows after it."""
    assert re.fullmatch(pattern_of(command.output), settled(printed)), (command.line, settled(printed))


def _done(line: list[str], folder: Path, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "COLUMNS": "100",
        "HOME": str(folder),
        "UNBROKEN_ALLOW_ROOT": "1",
        "LANG": "C.UTF-8",
    }
    return subprocess.run(
        line, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60, check=False
    )
