"""The sessions in docs/access.md run as they stand, each person with a login of their own, and print what it says."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.system.documents import ROOT, Command, blocks
from unbroken.cli.kept_heads import name_of

DOCUMENT = ROOT / "docs" / "access.md"
PLACE = "postgresql://db.example:5432/audit"
_PROMPT = re.compile(r"^([a-z]+)\$ ", re.MULTILINE)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass
class Session:
    """Runs what people type, with the ids that really came in place of those in the document."""

    database: Database
    state: Path
    ids: dict[str, str] = field(default_factory=dict)

    def run(self, person: str, command: Command) -> str:
        line = _ID.sub(lambda match: self.ids[match[0]], command.line)
        user = "postgres" if person == "dba" else person
        conninfo = self.database.conninfo(user)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "COLUMNS": "100",
            "HOME": str(self.state),
            "LANG": "C.UTF-8",
            "UNBROKEN_STORE": conninfo,
            "UNBROKEN_LOG": "clinic.example/visits",
        }
        done = subprocess.run(
            shlex.split(line), env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), (line, done.stderr)
        for shown, real in zip(_ID.findall(command.output), _ID.findall(done.stdout), strict=False):
            self.ids[shown] = real
        return done.stdout.replace(name_of(conninfo), PLACE)


def settled(text: str) -> str:
    """``text`` without what differs from run to run."""
    plain = re.sub(r" +$", "", text, flags=re.MULTILINE)
    return _TIME.sub("<time>", _ID.sub("<id>", plain)).strip()


def pattern_of(output: str) -> str:
    """What a document shows, in which ``…`` stands for anything."""
    return re.escape(settled(output)).replace("…", "(?s:.*)")


def sessions() -> list[tuple[str, Command]]:
    found = []
    for block in blocks(DOCUMENT, "console"):
        _, *pieces = _PROMPT.split(block)
        for person, text in zip(pieces[::2], pieces[1::2], strict=True):
            found.append((person, Command(*text.split("\n", 1))))
    return found


@pytest.fixture
def session(database: Database, tmp_path: Path) -> Session:
    for person in {person for person, _ in sessions()} | {"agent"}:
        database.admin.execute(f"drop role if exists {person}")
    return Session(database, tmp_path)


def test_the_sessions_are_what_appears(session: Session) -> None:
    for person, command in sessions():
        printed = session.run(person, command)
        assert re.fullmatch(pattern_of(command.output), settled(printed)), (command.line, printed)


def test_there_are_sessions() -> None:
    lines = [command.line for _, command in sessions()]
    assert {line.split()[1] for line in lines} == {"init", "login", "grant", "revoke", "access"}
