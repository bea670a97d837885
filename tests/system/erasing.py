"""People in a log with a vault, and the commands that erase them, each with a login of its own."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import LOG, Database
from tests.database.vaulting import Vault, record_about
from tests.system.cli import Cli
from unbroken.core.keyed import LogKey
from unbroken.core.note import SigningKey
from unbroken.privacy.names import Names
from unbroken.privacy.pseudonyms import new_pseudonym
from unbroken.store.log_writer import LogWriter
from unbroken.store.sql import script

KEY = LogKey("1", bytes(range(32)))
NAMES = Names.under(KEY, log=LOG)
SIGNING = SigningKey("clinic.example/erasure", bytes(range(1, 33)))


@dataclass
class Clinic:
    """A log in which people are recorded with originals, and files beside it: a key, a ledger."""

    database: Database
    folder: Path
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key_file.write_text(KEY.to_text())
        self.sign.write_text(SIGNING.to_text())
        self.sign.chmod(0o600)
        with self.database.connect("dpo") as dpo:
            Vault().refill(dpo, 12)

    @classmethod
    def of(cls, database: Database, other: "Clinic") -> "Clinic":
        """The same people and files over another database."""
        made = object.__new__(cls)
        made.database, made.folder, made.known = database, other.folder, dict(other.known)
        return made

    @property
    def key_file(self) -> Path:
        return self.folder / "log.key"

    @property
    def sign(self) -> Path:
        return self.folder / "dpo.key"

    @property
    def ledger(self) -> Path:
        return self.folder / "erasures.jsonl"

    def pseudonym(self, name: str) -> str:
        """The name's pseudonym, as a recorder gets it."""
        if name not in self.known:
            writer = LogWriter(self.database.conninfo("writer"), LOG)
            try:
                self.known[name] = writer.identify([NAMES.identity(name, new_pseudonym())])[0]
            finally:
                writer.close()
        return self.known[name]

    def record(self, name: str, *, times: int = 1, **fields: Any) -> list[int]:
        """Events about somebody, each with a payload and an original sealed to their key; their numbers."""
        with self.database.connect("writer") as writer:
            return [
                record_about(writer, self.pseudonym(name), {"inputs": f"of {name}"}, **fields).seq for _ in range(times)
            ]

    def as_login(self, login: str, **settings: str) -> Cli:
        """The command as somebody with this login."""
        given = {
            "UNBROKEN_LOG": LOG,
            "UNBROKEN_KEY_FILE": str(self.key_file),
            "UNBROKEN_CERTIFICATE_KEY": str(self.sign),
            "UNBROKEN_DESTRUCTION_LEDGER": str(self.ledger),
        }
        return Cli(self.database.conninfo(login), self.folder / "state", {**given, **settings})

    def ask(self, name: str, *options: str) -> str:
        """Asks for somebody's erasure; its id."""
        answer = self.as_login("dpo").json(
            *("subject", "erase", name, "--case", "C-31", "--reason", "asked on 3 March", "--ask", "--yes"), *options
        )
        return str(answer["asked"]["erasure"])

    def confirmed(self, name: str, *options: str) -> str:
        """Asks, and has another login confirm."""
        erasure = self.ask(name, *options)
        done = self.as_login("legal")("subject", "confirm", erasure, "--yes")
        assert done.returncode == 0, done.stderr
        return erasure

    def carry_out(self, erasure: str, *options: str) -> Any:
        """Carries it out; what the command says of it."""
        given = ("subject", "carry-out", erasure, "--backups-kept", "30", "--yes")
        return self.as_login("dpo").json(*given, *options)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        counting = sql.SQL("select count(*) from unbroken.{}").format(sql.Identifier(table))
        row = self.database.admin.execute(counting).fetchone()
        assert row is not None
        return int(row[0])

    def certificate(self, erasure: str) -> Path:
        """Where the certificate of an erasure is written by default."""
        return self.folder / f"certificate-{erasure}.txt"


def as_it_is_now(clinic: Clinic) -> Iterator[Clinic]:
    """What a restore of a backup that is taken now gives: another database of the same server."""
    database, name = clinic.database, f"test_{uuid.uuid4().hex}"
    database.admin.close()
    database.server.execute("create database {} template {}", name, database.name)
    object.__setattr__(database, "admin", psycopg.connect(database.conninfo("postgres"), autocommit=True))
    admin = psycopg.connect(database.server.conninfo("postgres", name), autocommit=True)
    admin.execute(sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(name)))
    restored = Database(database.server, name, admin)
    yield Clinic.of(restored, clinic)
    admin.close()
    database.admin.close()
    database.server.execute("drop database {} with (force)", name)


def close_reads(clinic: Clinic) -> None:
    """As the server is another one than the log knows."""
    admin = clinic.database.admin
    with admin.transaction():
        admin.execute(script("ddl_guard_off"))
        admin.execute("alter table unbroken.recoveries disable trigger refuse_change")
        admin.execute("update unbroken.recoveries set system_identifier = system_identifier + 1")
        admin.execute("alter table unbroken.recoveries enable always trigger refuse_change")
        admin.execute(script("ddl_guard"))
