"""Disposals with the commands, each by a login with the duty for it, and with a key and a ledger outside."""

from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.conftest import LOG, Database
from tests.database.disposing import due, due_at_once
from tests.database.raw import append
from tests.system.cli import Cli
from unbroken.core.note import SigningKey
from unbroken.files import create

KEY = SigningKey("clinic.example/disposal", bytes(range(32)))


@dataclass(frozen=True)
class Office:
    """A log in which some content is due, and the retention service's files."""

    database: Database
    folder: Path

    def record(self, times: int, **fields: Any) -> list[int]:
        """Records something that is due at once; the entries' numbers."""
        with self.database.connect("writer") as writer:
            return [row.seq for row in append(writer, [due(f'"something {n}"', **fields) for n in range(times)])]

    def set_up(self) -> None:
        due_at_once(self.database)
        create(self.key, KEY.to_text().encode())

    @property
    def key(self) -> Path:
        return self.folder / "retention.key"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.jsonl"

    def as_login(self, login: str) -> Cli:
        files = {
            "UNBROKEN_LOG": LOG,
            "UNBROKEN_CERTIFICATE_KEY": str(self.key),
            "UNBROKEN_DESTRUCTION_LEDGER": str(self.ledger),
        }
        return Cli(self.database.conninfo(login), self.folder / login, files)

    def run(self, *options: str) -> "CompletedProcess[str]":
        """A round of the retention service."""
        return self.as_login("retention")("retention", "run", "--execute", "--yes", "--backups-kept", "30", *options)

    def round(self, *options: str) -> list[Any]:
        """The same, as programs read it: under approvals in advance, and by two people."""
        rounds: list[Any] = self.as_login("retention").json(
            "retention", "run", "--execute", "--yes", "--backups-kept", "30", *options
        )["rounds"]
        return rounds

    def agreed(self) -> str:
        """Has what is due proposed, reviewed by one person and approved by another; the disposal."""
        disposal = str(self.round()[1]["disposal"]["disposal"])
        for login, *words in (("compliance", "review", "--reason", "looked through"), ("legal", "approve")):
            done = self.as_login(login)("disposal", words[0], disposal, *words[1:], "--yes")
            assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return disposal

    def vacuum(self) -> None:
        self.database.admin.execute("vacuum unbroken.payloads, unbroken.originals")
