"""Two people in shared sessions, recorded as they are in earnest; one of them is erased, and the other is not."""

import shlex
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

import unbroken
from tests.conftest import LOG
from tests.database.vaulting import Vault
from tests.erasing.servers import connected, files_below, sample, written
from tests.erasing.traces import WINDOW, Found, Traces
from tests.faults.cluster import Admin, Cluster
from tests.planted.maker import Maker
from unbroken.capture.trail import Trail
from unbroken.cli.app import app
from unbroken.core.ids import new_id
from unbroken.errors import UnbrokenError
from unbroken.privacy.names import Names
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.layout import Parsed, parse
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.pool import Pooled
from unbroken.store.log_reader import LogReader

ANN: Final = "Ann"
"""Who is erased."""
BOB: Final = "Bob"
"""Who stays."""
NOBODY: Final = "nobody"
"""Whose what is called that must not be anywhere, at any time: private seeds and key-encryption keys."""
SHARED: Final = "shared-call"
KINDS: Final = {"name", "masked", "said", "salt", "original", "lookup", "sealed name", "wrapped key"}
"""What there is of everybody."""
REGISTRY: Final = '[originals]\nkeep = "always"\nwithout_key = "record"\n'
_KEYS: Final = 40
_HELD: Final = """
select e.event::json ->> 'id', e.seq, p.inputs_salt, p.outputs_salt, p.details_salt, o.ciphertext
  from unbroken.entries e left join unbroken.payloads p using (log, seq) left join unbroken.originals o using (log, seq)
 where e.event like '%"recorder":"%'
"""


@dataclass
class Scene:
    """One log, from its first entry to what is left of it; ``folder`` is the hosts' of recorder, opener and ledger."""

    cluster: Cluster
    folder: Path
    kek: LocalKey = field(default_factory=lambda: LocalKey.generate("1"))
    traces: Traces = field(default_factory=Traces)
    outputs: list[tuple[str, bytes]] = field(default_factory=list)
    """What commands printed, but for those whose purpose it is to show originals."""

    def __post_init__(self) -> None:
        maker = self._maker = Maker(new_id())
        self.people = {owner: f"{maker.name()} {maker.word(3).title()}" for owner in (ANN, BOB)}
        self.vault = Vault(KeyEncryptions(self.kek))
        self.seqs: dict[str, list[int]] = {ANN: [], BOB: []}
        self._owners: dict[str, str] = {}
        self.opened = ""
        self.pooled: dict[str, Pooled] = {}
        self.kek_file, self.key_file, self.spool = (self.folder / name for name in ("vault.keys", "log.key", "spool"))
        self.kek_file.write_text(self.kek.to_text())
        self.kek_file.chmod(0o600)
        self.key_file.write_text(self.vault.log_key.to_text())
        self.traces.add_bytes(NOBODY, "key-encryption key", self.kek.secret)
        for owner, name in self.people.items():
            self.traces.add_text(owner, "name", name)

    def run(self, login: str, command: str, *, ends: Collection[int] = (0,), shows: bool = False) -> str:
        """Runs a command as a login, which has to end with one of these codes; what it printed."""
        done = CliRunner().invoke(app, shlex.split(command), env=self.settings(login))
        # The last of what the command does: what goes wrong is said, and ends it with 2.
        failed = isinstance(done.exception, UnbrokenError)
        code, said = (2, f"{done.output}{done.exception}") if failed else (done.exit_code, done.output)
        assert code in ends, (command, said, done.exception)
        if not shows:
            self.outputs.append((f"output of {command}", said.encode()))
        return said

    def settings(self, login: str) -> dict[str, str]:
        """The environment of a command that a login runs."""
        return {
            "UNBROKEN_STORE": self.cluster.conninfo(login),
            "UNBROKEN_LOG": LOG,
            "UNBROKEN_KEY_FILE": str(self.key_file),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "COLUMNS": "300",
        }

    # ---- what happens ----

    def play(self) -> None:
        """Fills the vault, records in good times and in an outage, has originals opened once, notes all there is."""
        self.set_up()
        with self.trail() as trail:
            self._calls(trail)
            self._outage(trail)
        self.run("writer", f"spool drain {self.spool}")
        assert list(self.spool.glob("*.spool")) == []
        self._open()
        self.note()

    def set_up(self, keys: int = _KEYS) -> None:
        """A registry, and keys for the pool."""
        with LogReader(self.cluster.conninfo("compliance"), LOG, writes=True) as reader:
            reader.load_registry(REGISTRY, reason="a test")
        with connected(self.cluster, "dpo") as dpo:
            for key in self.vault.refill(dpo, keys):
                self.pooled[key.public.id] = key
                self.traces.add_bytes(NOBODY, "private seed", self.vault.private(key).seed)

    def trail(self) -> Trail:
        """A recorder with real redaction and a spool."""
        return unbroken.connect(
            self.cluster.conninfo("writer"),
            log=LOG,
            key=self.vault.log_key,
            on_failure="spool",
            spool=self.spool,
            deadline_s=0.5,
        )

    def _calls(self, trail: Trail) -> None:
        ann, bob = self.people[ANN], self.people[BOB]
        self.event(trail, ANN, session=SHARED, actor_id=ann)
        self.event(trail, ANN, session=SHARED, event_type="response", actor_id="desk", actor_type="agent")
        self.event(trail, BOB, session=SHARED, actor_id=bob)
        self.event(trail, BOB, session=SHARED, event_type="data_accessed", actor_id=ann, subjects=[bob])
        self.event(trail, ANN, session=SHARED, event_type="annotated", actor_id=bob, subjects=[ann, bob])
        for owner in self.people:
            self.event(trail, owner, session=f"call-{owner}", actor_id=self.people[owner])
            self.event(
                trail, owner, session=f"call-{owner}", event_type="response", actor_id="desk", actor_type="agent"
            )
            self.event(
                trail,
                owner,
                event_type="data_modified",
                actor_id="desk",
                actor_type="agent",
                subjects=[self.people[owner]],
            )

    def _outage(self, trail: Trail) -> None:
        """Events go into a spool, of a recorder that knows both people and of one that knows nobody yet."""
        self.cluster.end("fast")
        with self.trail() as fresh:
            for each in (trail, fresh):
                for owner, name in self.people.items():
                    self.event(each, owner, session=f"call-{owner}", actor_id=name)
            assert list(self.spool.glob("*.spool"))
            self.in_spool = dict(files_below(self.spool))
            self.cluster.start()

    def event(self, trail: Trail, owner: str, *, session: str | None = None, **fields: Any) -> None:
        """Records an event with something to mask in it and something else; what it holds goes with ``owner``."""
        given = {"event_type": "request", "actor_type": "user", "session_id": session, **fields}
        parts: dict[str, Any] = {name: {"text": self._text(owner)} for name in ("inputs", "outputs", "details")}
        kept = trail.record(purpose=self._address(owner), **parts, **{k: v for k, v in given.items() if v is not None})
        self._owners[kept.id] = owner

    def _text(self, owner: str) -> str:
        said = f'{self._maker.word(4)} "{self._maker.word(4)}" süß'
        self.traces.add_text(owner, "said", said)
        return f"{said}, please write to {self._address(owner)}"

    def _address(self, owner: str) -> str:
        address = f"{self._maker.word()}.{self._maker.word()}@example.org"
        self.traces.add_text(owner, "masked", address)
        return address

    def _open(self) -> None:
        """Sees to it that what was masked is in the originals, and is found where it is shown."""
        for session in (SHARED, f"call-{BOB}"):
            command = f"original open --session {session} --kek file:{self.kek_file} --case C-1 --purpose test"
            self.opened += self.run("dpo", command, ends=(0, 1), shows=True)

    # ---- what there is ----

    def note(self) -> None:
        """Has all that the database holds looked for."""
        with self.cluster.admin() as admin:
            sample(admin)
            self._note_entries(admin)
            self._note_people(admin)

    def _note_entries(self, admin: Admin) -> None:
        for event_id, seq, *salts, original in admin.execute(_HELD):
            owner = self._owners[event_id]
            self.seqs[owner].append(seq)
            for salt in filter(None, salts):
                self.traces.add_bytes(owner, "salt", salt)
            if original is not None:
                for piece in _secret_pieces(parse(original)):
                    self.traces.add_bytes(owner, "original", piece, step=500)

    def _note_people(self, admin: Admin) -> None:
        owners = {"session:call-Ann": ANN, f"session:{SHARED}": ANN, "session:call-Bob": BOB}
        names = Names.under(self.vault.log_key, log=LOG)
        for owner, name in self.people.items():
            lookup = names.lookup(name)
            self.traces.add_bytes(owner, "lookup", lookup)
            for pseudonym, sealed in admin.execute(
                "select pseudonym, sealed from unbroken.identities where lookup = %s", (lookup,)
            ):
                owners[f"subject:{pseudonym}"] = owner
                self.traces.add_bytes(owner, "sealed name", sealed, start=1)
        self.pseudonyms = {
            owner: [
                holder.removeprefix("subject:")
                for holder in owners
                if holder.startswith("subject:") and owners[holder] == owner
            ]
            for owner in self.people
        }
        for holder, key_id in admin.execute(
            "select holder_kind || ':' || holder, key_id from unbroken.subject_keys where holder is not null"
        ):
            self.traces.add_bytes(owners[holder], "wrapped key", self.pooled[key_id].wrapped, start=3)

    def found(self) -> set[Found]:
        """What stands in any file of the server and of the hosts, and in what commands printed."""
        places = [*written(self.cluster), *files_below(self.folder), *self.outputs]
        return self.traces.within((place, data) for place, data in places if not place.endswith("/vault.keys"))


def _secret_pieces(parsed: Parsed) -> list[bytes]:
    """All of a sealed original but the ids of its keys, which stand in the log's entries as well."""
    return [*(share[WINDOW:] for share in parsed.shares.values()), parsed.body]
