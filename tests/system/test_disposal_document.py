"""The sessions in docs/disposal.md run as they stand, each person with a login of their own."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.database.disposing import due, due_at_once
from tests.database.raw import append
from tests.system.documents import ROOT, Command
from tests.system.erasing import Clinic
from tests.system.test_access_document import pattern_of, settled
from tests.system.test_erasure_document import Session, sessions

DOCUMENT = ROOT / "docs" / "disposal.md"


@dataclass
class Office(Session):
    """The same, where somebody is waited for again and again."""

    rounds: int = 0

    def run(self, person: str, command: Command) -> str:
        printed = super().run(person, command)
        if "subject key" in command.line:
            (self.clinic.folder / "retention.vkey").write_text(printed.splitlines()[-1])
        return printed

    def wanted(self, line: str) -> int:
        """The exit code of a command: the round says that somebody is waited for, until it is certified."""
        if "retention run --execute" not in line:
            return super().wanted(line)
        self.rounds += 1
        return 0 if self.rounds == 3 else 1


@pytest.fixture
def session(database: Database, tmp_path: Path) -> Session:
    due_at_once(database)
    with database.connect("writer") as writer:
        append(writer, [due(event_type=kind) for kind in ("request", "response") * 20])
    made = Office(Clinic(database, tmp_path))
    made.safe.mkdir()
    return made


def test_the_sessions_are_what_appears(session: Session) -> None:
    for person, command in sessions(DOCUMENT):
        printed = session.run(person, command)
        assert re.fullmatch(pattern_of(command.output), settled(printed)), f"{command.line}\n{settled(printed)}"


def test_there_are_sessions() -> None:
    said = {" ".join(command.line.split()[1:3]) for _, command in sessions(DOCUMENT)}
    assert said == {
        *("retention run", "disposal show", "disposal extend", "disposal review", "disposal approve"),
        *("db vacuum", "disposal certificate", "subject key", "disposal list", "verify"),
    }
