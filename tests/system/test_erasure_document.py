"""The sessions in docs/erasure.md run as they stand, each person with a login of their own, and print what it says."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.system.cli import UNSEEN
from tests.system.documents import ROOT, Command, blocks
from tests.system.erasing import Clinic
from tests.system.test_access_document import PLACE, pattern_of, settled
from unbroken.cli.kept_heads import name_of

DOCUMENT = ROOT / "docs" / "erasure.md"
SAFE = "/mnt/safe"
LOGINS = {
    **{login: login for login in ("dpo", "legal", "compliance", "retention")},
    "auditor": "verifier",
    "dba": "postgres",
}
_PROMPT = re.compile(r"^([a-z]+)\$ ", re.MULTILINE)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def sessions(document: Path = DOCUMENT) -> list[tuple[str, Command]]:
    """What people type in a document, and what appears; each by the login that its prompt names."""
    found = []
    for block in blocks(document, "console"):
        _, *pieces = _PROMPT.split(block)
        for person, text in zip(pieces[::2], pieces[1::2], strict=True):
            found.append((person, Command(*text.split("\n", 1))))
    return found


@dataclass
class Session:
    """Runs what people type, with the ids that really came in place of those in the document."""

    clinic: Clinic
    ids: dict[str, str] = field(default_factory=dict)

    def run(self, person: str, command: Command) -> str:
        line = _ID.sub(lambda match: self.ids[match[0]], command.line).replace(SAFE, str(self.safe))
        conninfo = self.clinic.database.conninfo(LOGINS[person])
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{UNSEEN}:{os.environ.get('PYTHONPATH', '')}",
            "COLUMNS": "100",
            "HOME": str(self.clinic.folder),
            "LANG": "C.UTF-8",
            "UNBROKEN_STORE": conninfo,
            "UNBROKEN_LOG": LOG,
        }
        if person in ("dpo", "legal"):
            environment["UNBROKEN_KEY_FILE"] = str(self.clinic.key_file)
        if person in ("dpo", "retention"):
            environment["UNBROKEN_CERTIFICATE_KEY"] = f"{person}.key"
            environment["UNBROKEN_DESTRUCTION_LEDGER"] = str(self.safe / "erasures.jsonl")
        done = subprocess.run(
            shlex.split(line),
            cwd=self.clinic.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (self.wanted(line), ""), (line, done.stdout, done.stderr)
        for shown, real in zip(_ID.findall(command.output), _ID.findall(done.stdout), strict=False):
            self.ids.setdefault(shown, real)
        return done.stdout.replace(name_of(conninfo), PLACE).replace(str(self.safe), SAFE)

    def wanted(self, line: str) -> int:
        """The exit code of a command."""
        # No head that was kept elsewhere proves the end here.
        return 3 if line.startswith("unbroken verify") else 0

    @property
    def safe(self) -> Path:
        return self.clinic.folder / "safe"


@pytest.fixture
def session(database: Database, tmp_path: Path) -> Session:
    clinic = Clinic(database, tmp_path)
    clinic.sign.unlink()
    clinic.record("dana@clinic.example", times=5, session_id="call-2042")
    made = Session(clinic)
    made.safe.mkdir()
    return made


def test_the_sessions_are_what_appears(session: Session) -> None:
    for person, command in sessions():
        printed = session.run(person, command)
        if command.line.startswith("unbroken subject key"):
            (session.clinic.folder / "trusted.vkey").write_text(printed.splitlines()[-1])
        assert re.fullmatch(pattern_of(command.output), settled(printed)), f"{command.line}\n{settled(printed)}"


def test_there_are_sessions() -> None:
    lines = [command.line.split()[1:3] for _, command in sessions()]
    said = {line[1] for line in lines if line[0] == "subject"}
    assert said == {"key", "erase", "confirm", "carry-out", "check-certificate"}
    assert {"show", "verify", "recover", "db"} <= {line[0] for line in lines}
