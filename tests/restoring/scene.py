"""A log with a notary and an anchor on a server of its own, whose data is lost and comes back older."""

import shlex
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from typer.testing import CliRunner

from tests.conftest import LOG, plant_grants
from tests.erasing.servers import connected
from tests.faults.cluster import Cluster
from tests.plain import draft
from unbroken.cli.app import app
from unbroken.core.event import decode_event
from unbroken.errors import UnbrokenError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Receipt
from unbroken.store import administration
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.verify.run import verify_log

OLD, NEW = f"{LOG}~1", f"{LOG}~2"
ANCHORS: Final = ("nas", "elsewhere")


def note(text: str) -> Draft:
    return draft("request", actor_id="u-1", actor_type="user", session_id="s-1", inputs=text)


@dataclass
class Scene:
    """``folder`` has what is outside of the database: the notary's key and folder, the anchor, its file."""

    cluster: Cluster
    folder: Path
    ledgers: list[Ledger] = field(default_factory=list)

    def set_up(self) -> None:
        """A notary's login, key and anchor, and the first checkpoint."""
        with self.cluster.admin() as admin:
            administration.add_login(admin, "notary", duty="notary", password=None)
            plant_grants(admin, [("notary", "notary")])
        made = msgspec.json.decode(self.run("notary", f"keys new {self.key} --json"))
        self.anchors.write_text(f'log = "{LOG}"\ntrust = ["{made["verifier_key"]}"]\nrenew = "1s"\n')
        for name in ANCHORS:
            (self.folder / name).mkdir()
            with self.anchors.open("a") as file:
                file.write(f'[[anchor]]\nname = "{name}"\nkind = "directory"\npath = "{self.folder / name}"\n')
        self.run("notary", f"anchor init {self.anchors} --yes")
        self.record("first")
        self.sign()

    @property
    def key(self) -> Path:
        return self.folder / "notary.key"

    @property
    def anchors(self) -> Path:
        return self.folder / "anchors.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def sign(self, ends: Collection[int] = (0,)) -> str:
        """One round of the notary."""
        command = f"checkpoint run --once --key file:{self.key} --state {self.state} --anchors {self.anchors}"
        return self.run("notary", command, ends=ends)

    def recover(self, *options: str, ends: Collection[int] = (0,), outside: str | None = None) -> str:
        """Recovers as the operator does, who has the anchors' file."""
        kept = f"--anchors {self.anchors}" if outside is None else outside
        return self.run("postgres", f"recover --no-erasures {kept} {' '.join(options)}", ends=ends)

    def run(self, login: str, command: str, *, ends: Collection[int] = (0,)) -> str:
        """Runs a command as a login, which has to end with one of these codes; what it printed."""
        done = CliRunner().invoke(app, shlex.split(command), env=self.settings(login))
        failed = isinstance(done.exception, UnbrokenError)
        code, said = (2, f"{done.output}{done.exception}") if failed else (done.exit_code, done.output)
        assert code in ends, (command, code, said, done.exception)
        return said

    def settings(self, login: str) -> dict[str, str]:
        """The environment of a command that a login runs."""
        return {
            "UNBROKEN_STORE": self.cluster.conninfo(login),
            "UNBROKEN_LOG": LOG,
            "XDG_STATE_HOME": str(self.folder / "home"),
            "COLUMNS": "300",
        }

    def recorder(self, *, deadline_s: float = 10.0) -> Ledger:
        """A process that records, and lives until the end."""
        made = Ledger(partial(self._writer, self.cluster), deadline_s=deadline_s)
        self.ledgers.append(made)
        return made

    @staticmethod
    def _writer(cluster: Cluster, wait_s: float) -> LogWriter:
        return LogWriter(cluster.conninfo("writer"), LOG, wait_s=wait_s)

    def record(self, *texts: str) -> list[Receipt]:
        """Records with a process that ends at once."""
        ledger = self.recorder()
        kept = recorded(ledger, *texts)
        ledger.close()
        return kept

    def texts(self, log: str) -> list[Any]:
        """What a log's events say, in order, once it has been verified; but the log's own."""
        with LogReader(self.cluster.conninfo("verifier"), log) as reader:
            assert verify_log(reader).findings == ()
            entries = [entry for lot in reader.entries() for entry in lot]
        return [
            msgspec.json.decode(entry.parts["inputs"].value)
            for entry in entries
            if decode_event(entry.event).recorder is not None
        ]

    def details(self, log: str, seq: int) -> Any:
        """What one of the log's own entries says."""
        with LogReader(self.cluster.conninfo("verifier"), log) as reader:
            entry = reader.entry(seq)
        assert entry is not None
        return msgspec.json.decode(entry.parts["details"].value)

    def end_of(self, log: str) -> int:
        with LogReader(self.cluster.conninfo("verifier"), log) as reader:
            return reader.head().seq

    def execute(self, login: str, statement: str) -> None:
        with connected(self.cluster, login) as connection:
            connection.execute(statement.encode())


def recorded(ledger: Ledger, *texts: str) -> list[Receipt]:
    kept = ledger.record([note(text) for text in texts])
    assert all(isinstance(each, Receipt) for each in kept)
    return [each for each in kept if isinstance(each, Receipt)]
