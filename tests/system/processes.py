"""Running the command as a user does, and looking at what it leaves behind."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

UNBROKEN = (sys.executable, "-m", "unbroken")
PATIENCE_S = 120.0


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the server's user can pass through, when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def environment(**changed: str | Path | None) -> dict[str, str]:
    """This process's environment without what would decide for the command; ``None`` takes a variable away."""
    telling = ("UNBROKEN_STORE", "UNBROKEN_LOG", "FORCE_COLOR", "TTY_COMPATIBLE", "PYTHONPATH")
    own = {name: value for name, value in os.environ.items() if name not in telling}
    own["COLUMNS"] = "100"
    for name, value in changed.items():
        own.pop(name, None)
        if value is not None:
            own[name] = str(value)
    return own


def run(*command: str | Path, env: Mapping[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, with no terminal anywhere."""
    return subprocess.run(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE_S,
    )


def servers_below(folder: Path) -> list[str]:
    """The PostgreSQL processes that work in this folder, also where it has been removed: they stay in its place."""
    if not Path("/proc/self/cwd").exists():
        pytest.skip("processes can be looked at on Linux only")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place, name = (process / "cwd").readlink(), (process / "comm").read_text().strip()
        except OSError:
            continue
        if place.is_relative_to(folder):
            found.append(f"{name} in {place}")
    return found
