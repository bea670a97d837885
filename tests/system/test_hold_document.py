"""The sessions in docs/holds.md run as they stand, each person with a login of their own, and print what it says."""

import re
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.system.documents import ROOT
from tests.system.erasing import Clinic
from tests.system.test_access_document import pattern_of, settled
from tests.system.test_erasure_document import Session, sessions

DOCUMENT = ROOT / "docs" / "holds.md"


@pytest.fixture
def session(database: Database, tmp_path: Path) -> Session:
    clinic = Clinic(database, tmp_path)
    clinic.record("dana@clinic.example", times=5, session_id="call-2042")
    made = Session(clinic)
    made.safe.mkdir()
    return made


def test_the_sessions_are_what_appears(session: Session) -> None:
    for person, command in sessions(DOCUMENT):
        printed = session.run(person, command)
        assert re.fullmatch(pattern_of(command.output), settled(printed)), f"{command.line}\n{settled(printed)}"


def test_there_are_sessions() -> None:
    said = {command.line.split()[2] for _, command in sessions(DOCUMENT)}
    assert said == {"issue", "narrow", "confirm", "release", "list"}
