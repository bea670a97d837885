"""One run: a log under a registry, a program that records into it, an outage, an import, and people who read."""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

import unbroken
from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.outage import line_to
from tests.database.vaulting import Vault
from tests.planted import scenario
from tests.planted.own_rules import OWN_RULES
from tests.planted.places import Disk, files_below, listening, store_uncompressed, telling_everything
from tests.planted.planter import Planter
from tests.planted.scenario import Told
from tests.planted.search import Left, Search
from unbroken.cli.app import app
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.store.log_reader import LogReader

GUARDED: Final = OWN_RULES + '\n[originals]\nwithout_key = "record"\n'
OPEN: Final = '[redaction]\nprofile = "off"\n[identities]\npseudonyms = false\n[prompts]\nstore = "stored"\n'
_READS: Final = (
    "sessions --limit 1000", "sessions --limit 1000 --json", "tail --no-follow -n 100000 --json",
    "tail --no-follow -n 3000", "approvals list --all --limit 1000", "approvals list --all --limit 1000 --json",
    "query unapproved --all", "query errors --all --json",
)  # fmt: skip
_SHOWN: Final = 8
_LOTS_OF_KEYS: Final = 2


@dataclass
class Scene:
    """``registry`` decides whether anything is protected; all else is the same."""

    database: Database
    folder: Path
    registry: str
    plant: Planter
    told: Told = field(default_factory=Told)
    key: LogKey = field(default_factory=LogKey.generate)
    places: list[tuple[str, bytes]] = field(default_factory=list)

    def play(self, rounds: Sequence[int], *, seldom: Sequence[int]) -> list[Left]:
        """The whole run, and what of all that was planted is found again, anywhere; ``seldom``: of what is slow."""
        store_uncompressed(self.database)
        self._load_registry()
        self._fill_vault()
        disk = Disk(self.database)
        with telling_everything(self.database), listening() as heard:
            with unbroken.connect(self.database.conninfo("writer"), log=LOG, key=self.key) as trail:
                for self.plant.round in rounds:
                    scenario.run(trail, self.plant, self.told)
            self._outage(seldom)
            self._import(seldom)
            self._read(seldom)
            self.places += ((f"state {name}", data) for name, data in files_below(self.folder / "state"))
            self.places.append(("exceptions", "\n".join(self.told.texts).encode()))
            self.places.append(("logging", "\n".join(heard.lines).encode()))
            return self._left(chain(self.places, disk.written(), disk.rows()))

    def _left(self, places: Iterable[tuple[str, bytes]]) -> list[Left]:
        search = Search(self.plant.planted)
        return sorted({left for place, data in places for left in search.within(place, data)})

    def _load_registry(self) -> None:
        with LogReader(self.database.conninfo("compliance"), LOG) as reader:
            reader.load_registry(self.registry, reason="for this run")

    def _fill_vault(self) -> None:
        """What is masked is sealed, so the ciphertexts are searched as well."""
        with self.database.connect("dpo") as dpo:
            vault = Vault(log_key=self.key)
            for _ in range(_LOTS_OF_KEYS):
                vault.refill(dpo, 1000)

    def originals(self) -> int:
        """How many originals were sealed."""
        return len(raw.rows(self.database.admin, "originals"))

    def _outage(self, rounds: Sequence[int]) -> None:
        """A spool bridges it; its files are looked at before they are sent."""
        spool = self.folder / "spool"
        with line_to(self.database) as line:
            trail = unbroken.connect(
                line.conninfo("writer"), log=LOG, key=self.key, on_failure="spool", spool=spool, deadline_s=0.5
            )
            trail.record("annotated", actor_id=self.plant.name("before an outage, actor"), actor_type="user")
            line.cut()
            for self.plant.round in rounds:
                self._spooled(trail)
            self.places += ((f"spool {name}", data) for name, data in files_below(spool))
            self._say("writer", "spool status", f"spool status {spool} --json")
            self._say("writer", "spool refused", f"spool refused {spool} --json")
            line.mend()
            trail.close()
        self._say("writer", "spool drain", f"spool drain {spool} --json")
        assert list(spool.glob("*.spool")) == []

    def _spooled(self, trail: unbroken.Trail) -> None:
        scenario.events(trail, self.plant)
        scenario.fields(trail, self.plant)
        scenario.conversation(trail, self.plant)
        scenario.tools(trail, self.plant)

    def _import(self, rounds: Sequence[int]) -> None:
        """Transcripts: one that can be read, one that can't."""
        for self.plant.round in rounds:
            path = self.folder / f"import-{self.plant.round}.jsonl"
            path.write_text(json.dumps(self._transcript()) + "\n" + json.dumps(self._broken()) + "\n")
            command = f"import chat {path} --agent {shlex.quote(self.plant.text('import, agent'))} --side-effect book"
            self._say("writer", "import chat", command)
            path.unlink()

    def _transcript(self) -> dict[str, Any]:
        plant = self.plant
        call = {
            "id": plant.text("import, call id"),
            "function": {"name": plant.text("import, tool"), "arguments": json.dumps(plant.value("import, arguments"))},
        }
        return {
            "session_id": plant.text("import, session"),
            "user_id": plant.name("import, user"),
            "model": plant.text("import, model"),
            "note": plant.value("import, what else the record says"),
            "error": plant.text("import, error of the record"),
            "messages": [
                {"role": "system", "content": plant.text("import, system message")},
                {"role": "user", "content": plant.text("import, user message")},
                {"role": "user", "content": [{"type": "text", "text": plant.text("import, part of a message")}]},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": call["id"], "content": plant.text("import, tool message")},
                {"role": "tool", "name": plant.text("import, orphan's tool"), "content": "Error: none"},
                {"role": "assistant", "content": plant.text("import, answer"), "error": plant.text("import, error")},
                {"role": "system", "content": plant.text("import, system message at the end")},
            ],
        }

    def _broken(self) -> dict[str, Any]:
        plant = self.plant
        message = {"role": plant.text("broken import, role"), "content": plant.text("broken import, content")}
        return {"session_id": plant.text("broken import, session"), "messages": [message]}

    def _read(self, rounds: Sequence[int]) -> None:
        """What people are shown."""
        for command in _READS:
            self._say("compliance", command.partition(" --")[0], f"{command} --purpose 'a review'")
        listed = json.loads(self._run("compliance", "sessions --limit 1000 --json --purpose 'a review'"))
        for session in listed["sessions"][:_SHOWN]:
            shown = shlex.quote(session["session_id"])
            self._say("compliance", "show", f"show {shown} --full --purpose 'a review'")
            self._say("compliance", "show, as JSON", f"show {shown} --json --purpose 'a review'")
        for self.plant.round in rounds:
            self._ask()
        self._say("verifier", "verify", "verify --json")
        self._say("verifier", "status", "status --json")

    def _ask(self) -> None:
        """What people hand in at a terminal, which may be shown to themselves and is kept nowhere."""
        plant = self.plant
        for command in ("sessions", "tail --no-follow -n 1", "query unapproved", "approvals list"):
            purpose, case = plant.line(f"typed: {command}, purpose"), plant.line(f"typed: {command}, case")
            self._run("compliance", f"{command} --purpose {shlex.quote(purpose)} --case {shlex.quote(case)}")
        for question, name in (
            ("query actions --agent desk --user", plant.name("typed: query actions, user")),
            ("query access --resource", plant.text("typed: query access, resource")),
            ("show", plant.text("typed: show, session")),
        ):
            self._run("compliance", f"{question} {shlex.quote(name)} --purpose 'a review'")
        with unbroken.connect(self.database.conninfo("writer"), log=LOG, key=self.key) as trail:
            who: dict[str, Any] = {"actor_id": plant.name("request for a person, actor"), "actor_type": "user"}
            asked = trail.request_approval(tool="pay", call_id=new_id(), arguments={}, **who)
        by, reason = plant.name("approvals decide, by"), plant.text("approvals decide, reason")
        decision = (
            f"approvals decide {asked.request} approve --yes --by {shlex.quote(by)} --reason {shlex.quote(reason)}"
        )
        self._run("writer", decision)
        for login in ("access", "access2"):
            reason = shlex.quote(plant.line("typed: grant, reason"))
            self._run(login, f"grant ops ops --reason {reason} --yes")
            self._run(login, f"revoke ops ops --reason {shlex.quote(plant.text('typed: revoke, reason'))} --yes")

    def _say(self, login: str, name: str, command: str) -> None:
        """Runs a command and keeps what it prints."""
        self.places.append((f"output of {name}", self._run(login, command).encode()))

    def _run(self, login: str, command: str) -> str:
        key = self.folder / "log.key"
        key.write_text(self.key.to_text())
        settings = {
            "UNBROKEN_STORE": self.database.conninfo(login),
            "UNBROKEN_LOG": LOG,
            "UNBROKEN_KEY_FILE": str(key),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "COLUMNS": "400",
        }
        return CliRunner().invoke(app, shlex.split(command), env=settings).output
