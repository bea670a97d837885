"""The examples in the documents run as they stand, and print what the document says."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks
from tests.system.processes import environment

DOCUMENTS = [path for path in sorted((ROOT / "docs").rglob("*.md")) if blocks(path, "python")]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ub-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_examples_run_and_print_what_is_shown(document: Path, folder: Path) -> None:
    (folder / "example.py").write_text("\n".join(blocks(document, "python")))
    done = subprocess.run(
        [sys.executable, "-W", "error", "example.py"],
        cwd=folder,
        env=environment(UNBROKEN_ALLOW_ROOT="1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(blocks(document, "text"))


def test_there_are_examples() -> None:
    assert "approvals.md" in [path.name for path in DOCUMENTS]
