"""The session in docs/registry.md is what appears, and its file says what the page says."""

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
from unbroken.privacy.registry.oddities import oddities
from unbroken.privacy.registry.reading import read_registry, registry_from

DOCUMENT = ROOT / "docs" / "registry.md"
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with open_folder() as folder:
        shutil.copytree(ROOT / "examples", folder / "examples")
        yield folder


def run(command: Command, folder: Path) -> str:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "COLUMNS": "100",
        "HOME": str(folder),
        "UNBROKEN_ALLOW_ROOT": "1",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        shlex.split(command.line), cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), command.line
    return done.stdout


def settled(text: str) -> str:
    """``text`` without what differs from run to run."""
    return _TIME.sub("<time>", re.sub(r" +$", "", text, flags=re.MULTILINE)).strip()


def pattern_of(output: str) -> str:
    """What the document shows, in which ``…`` stands for anything."""
    return re.escape(settled(output)).replace("…", "(?s:.*)")


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    for command in commands(block):
        printed = settled(run(command, folder))
        assert re.fullmatch(pattern_of(command.output), printed), (command.line, printed)


def test_the_page_names_every_key_and_no_other() -> None:
    (text,) = blocks(DOCUMENT, "toml")
    page = registry_from(text, version=0)
    assert len(list(page.entries())) == 4
    assert oddities(page) == []
    keys = set(re.findall(r"^(\w+) =", text, re.MULTILINE))
    assert {
        "resource_type",
        "resource_id",
        "pseudonym",
        "side_effect",
        "pseudonyms",
        "scope",
        "store",
        "agents",
    } <= keys


def test_the_example_has_nothing_odd() -> None:
    assert oddities(read_registry(ROOT / "examples" / "unbroken.toml")) == []


def test_the_rules_on_the_page_on_redaction_are_a_registry() -> None:
    (text,) = blocks(ROOT / "docs" / "redaction.md", "toml")
    rules = registry_from(text, version=0).rules
    assert [pattern.kind for pattern in rules.patterns] == ["POLICY_NUMBER"]
    assert rules.allowed_domains == ("clinic.example",)
