"""Recording, opening, rotating, erasing and restoring in any order on a real PostgreSQL, held against a plain model."""

import copy
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conftest import plant_grants
from tests.erasing.model import Amounts, Entry, Erasure, Key, Known, Order, World
from tests.erasing.servers import backed_up, connected, restored
from tests.faults.cluster import Admin, Cluster
from tests.faults.installation import SUPERUSER
from unbroken.capture.trail import Trail
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.errors import AccessDeniedError, UnavailableError
from unbroken.ledger.ledger import Ledger
from unbroken.privacy.current import CurrentRegistry
from unbroken.privacy.identities import Identities
from unbroken.privacy.names import Names
from unbroken.privacy.protection import LogProtection
from unbroken.privacy.pseudonyms import new_pseudonym
from unbroken.privacy.vault.holders import Holder
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.layout import keys_needed
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.opening import open_originals
from unbroken.privacy.vault.refilling import refill
from unbroken.privacy.vault.rotation import rotate
from unbroken.privacy.vault.sealer import Sealer
from unbroken.store import administration
from unbroken.store.log_reader import LogReader, Ticket
from unbroken.store.log_writer import LogWriter
from unbroken.store.vault import VaultDoor
from unbroken.verify.run import verify_log

PEOPLE: Final = ("Ann Ellison", "Bob Miller", "Cleo Park")
SESSIONS: Final = (None, "call-1", "call-2")
AGENT: Final = "desk"
MOST_BACKUPS: Final = 3
MOST_RESTORES: Final = 2
"""Each takes a second or more."""
DUTIES: Final = ("writer", "verifier", "dpo", "legal")
Event = tuple[str, Collection[str], str | None]
"""Who acts, whom it is about, and the session."""
EVENTS: Final = st.tuples(
    st.sampled_from([*PEOPLE, AGENT]), st.sets(st.sampled_from(PEOPLE), max_size=2), st.sampled_from(SESSIONS)
)
_NUMBERS: Final = count()
_ENTRY: Final = """
select e.seq, e.recorded_at, e.actor_id, e.subjects, e.hash, e.event::json ->> 'original', o.ciphertext
  from unbroken.entries e join unbroken.logs l on l.log = e.log
  left join unbroken.originals o on o.log = e.log and o.seq = e.seq
 where l.origin = %s and e.event::json ->> 'id' = %s
"""
_HELD: Final = """
with own as (select log from unbroken.logs where origin = %(log)s)
select array(select p.seq from unbroken.payloads p join own using (log)),
       array(select o.seq from unbroken.originals o join own using (log)),
       array(select w.key_id from unbroken.wrapped_keys w join own using (log)),
       array(select i.pseudonym from unbroken.identities i join own using (log))
"""
_OF_LOG: Final = " where log = (select log from unbroken.logs where origin = %s)"


class Machine(RuleBasedStateMachine):
    """One log from its first entry on. ``UB009`` is what the database answers to whom it tells to do otherwise."""

    def __init__(self, cluster: Cluster, backups: Path) -> None:
        super().__init__()
        self.cluster = cluster
        self.origin = f"clinic.example/any-order-{next(_NUMBERS)}"
        self.log_key = LogKey.generate()
        self.names = Names.under(self.log_key, log=self.origin)
        self.keks = [LocalKey.generate("kek-0")]
        self.world = World()
        self.ledger: list[Order] = []
        self.backup: tuple[Path, World] | None = None
        self.restores = 0
        self.backups = 0
        self.ttl_s = 0.0
        self._backups = backups
        self._recorder: Ledger | None = None
        self._said = count()
        self._connections: dict[str, Admin] = {}
        self._readers: dict[str, LogReader] = {}

    # ---- people's doors ----

    @property
    def kek(self) -> KeyEncryptions:
        """All that there ever were: what was wrapped when a backup was made can be opened after a restore."""
        return KeyEncryptions.newest_last(self.keks)

    def _ticket(self) -> Ticket:
        """The dpo's, for the whole log."""
        return self._reader("dpo").open_ticket(purpose="a test", case="C-1", scope={"what": "anything"})

    def _reader(self, login: str) -> LogReader:
        if login not in self._readers:
            self._readers[login] = LogReader(self.cluster.conninfo(login), self.origin, writes=True)
        return self._readers[login]

    def _connection(self, login: str) -> Admin:
        if login not in self._connections:
            self._connections[login] = connected(self.cluster, login)
        return self._connections[login]

    def _value(self, login: str, statement: str, *given: Any) -> Any:
        """What a function answers to a login; its SQLSTATE where it refuses."""
        try:
            row = self._connection(login).execute(statement.encode(), (self.origin, *given)).fetchone()
        except psycopg.Error as error:
            return error.sqlstate
        return None if row is None else row[0] if len(row) == 1 else row

    def _leave(self) -> None:
        for connection in self._connections.values():
            connection.close()
        for reader in self._readers.values():
            reader.close()
        self._connections, self._readers = {}, {}

    def _trail(self) -> Trail:
        """A recorder, which remembers pseudonyms and keys for as long as this run says."""
        if self._recorder is None:
            connect = partial(_writer, self.cluster.conninfo("writer"), self.origin)
            self._recorder = Ledger(connect, key=self.log_key)
            self._known: dict[str, str] = {}
            self._sealed_with: dict[Holder, str] = {}
            self._protection = LogProtection(
                CurrentRegistry(self._recorder, copy=None),
                key=self.log_key,
                identities=Identities(self._recorder.identify, self.log_key, self.origin, ttl_s=self.ttl_s),
                note=lambda _: None,
                sealer=Sealer(self._recorder.vault_keys, keys=[self.log_key], log=self.origin, ttl_s=self.ttl_s),
            )
        return Trail(self._recorder, protection=self._protection)

    @initialize(
        ttl_s=st.sampled_from([0.0, 600.0]),
        keys=st.integers(4, 12),
        events=st.lists(EVENTS, min_size=2, max_size=6),
    )
    def begin(self, ttl_s: float, keys: int, events: Sequence[Event]) -> None:
        """A log with its logins and a vault, in which something has been recorded."""
        self.ttl_s = ttl_s
        administration.create_log(self._admin, self.origin)
        plant_grants(self._admin, [(duty, duty) for duty in DUTIES], self.origin)
        self.refill(keys)
        self.record(events)

    def teardown(self) -> None:
        """Looks at it all once more, and closes what is open."""
        try:
            if self.world.keys:
                if self.restores:
                    self.recover()
                self.open_all("open")
                self.verify()
        finally:
            self.restart_recorder()
            self._leave()

    @property
    def _admin(self) -> Admin:
        return self._connection(SUPERUSER)

    # ---- recording ----

    @precondition(lambda self: self.ttl_s and self._recorder is not None)
    @rule()
    def restart_recorder(self) -> None:
        """What it remembered is forgotten."""
        if self._recorder is not None:
            self._recorder.close()
        self._recorder = None

    @rule(keys=st.integers(1, 8))
    def refill(self, keys: int) -> None:
        refill(VaultDoor(self._reader("dpo")), keys, wrapping=self.kek, log_key=self.log_key)
        there = {row[0] for row in self._rows("select key_id from unbroken.subject_keys")}
        for key_id in there - self.world.keys.keys():
            self.world.keys[key_id] = Key()
            self.world.wrapped_by[key_id] = self.kek.current.id

    @rule(events=st.lists(EVENTS, min_size=1, max_size=5))
    def record(self, events: Sequence[Event]) -> None:
        """Events with something to mask; where the pool is too small for one, nothing of it."""
        for actor, subjects, session in events:
            self._record(actor, sorted(subjects), session)

    @rule(name=st.sampled_from(PEOPLE), session=st.sampled_from(SESSIONS[1:]), turns=st.integers(1, 2))
    def record_call(self, name: str, session: str, turns: int) -> None:
        """Somebody asks and an agent answers."""
        for _ in range(turns):
            self._record(name, [], session)
            self._record(AGENT, [], session)

    @rule(name=st.sampled_from(PEOPLE))
    def record_under_another_pseudonym(self, name: str) -> None:
        """As what a recorder sends that made a pseudonym in an outage for somebody who has one already."""
        if self.world.first_of(name) is None:
            return
        alias = new_pseudonym()
        with closing(LogWriter(self.cluster.conninfo("writer"), self.origin)) as writer:
            writer.identify([self.names.identity(name, alias)], as_proposed=True)
        self.world.people[alias] = Known(name, is_first=False)
        self._record(alias, [], None)

    def _record(self, actor: str, subjects: Sequence[str], session: str | None) -> None:
        trail = self._trail()
        if not self.ttl_s:
            self._known, self._sealed_with = {}, {}
        said = {"text": f"write to nobody.{next(self._said)}@example.org"}
        fields = {"subjects": subjects or None, "session_id": session}
        kind = "agent" if actor == AGENT else "user"
        event_id = new_id()
        try:
            trail.record(
                "request", id=event_id, actor_id=actor, actor_type=kind, inputs=said,
                **{name: value for name, value in fields.items() if value},
            )  # fmt: skip
            refused = False
        except UnavailableError:
            refused = True
        found = self._named([name for name in (actor, *subjects) if name != AGENT])
        holders = _holders(found.get(actor), [found[name] for name in subjects], session)
        assert self._gave_keys(holders) == (not refused)
        if not refused:
            self._note(event_id, found.get(actor, AGENT), [found[name] for name in subjects], session, said, holders)

    def _named(self, names: Sequence[str]) -> dict[str, str]:
        """What each name is recorded as: as the recorder remembers, as the log has it, or as it is new there."""
        found = {}
        there = self._rows("select pseudonym, lookup from unbroken.identities")
        for name in names:
            if name not in PEOPLE:
                found[name] = name
                continue
            new = {p for p, lookup in there if lookup == self.names.lookup(name)} - self.world.people.keys()
            known = self._known.get(name) or self.world.first_of(name)
            assert len(new) == (known is None), (name, new, known)
            found[name] = known or new.pop()
            if known is None:
                assert found[name] not in self.world.forgotten
                self.world.people[found[name]] = Known(name, is_first=True)
            self._known[name] = found[name]
        return found

    def _gave_keys(self, holders: Sequence[Holder]) -> bool:
        """Takes note of who got which key; whether all have one."""
        missing = [holder for holder in holders if holder not in self._sealed_with]
        self._give_keys([holder for holder in missing if self.world.key_of(holder) is None])
        keys = {holder: self.world.key_of(holder) for holder in missing}
        if None in keys.values():
            return False
        self._sealed_with.update({holder: key for holder, key in keys.items() if key is not None})
        return True

    def _give_keys(self, without: Sequence[Holder]) -> None:
        """Takes note of which keys of the pool these got, who had none: all of them, as far as it goes."""
        free = self.world.free()
        rows = self._rows("select key_id, holder_kind, holder from unbroken.subject_keys", " and holder is not null")
        given = {Holder(kind, name): k for k, kind, name in rows if self.world.keys[k].holder is None}
        assert given.keys() <= set(without)
        assert set(given.values()) <= free
        assert len(given) == min(len(without), len(free))
        order = 1 + max((key.order for key in self.world.keys.values()), default=0)
        for holder in sorted(given):
            self.world.keys[given[holder]] = Key(holder, order)

    def _note(
        self,
        event_id: str,
        actor: str,
        subjects: Sequence[str],
        session: str | None,
        said: Any,
        holders: Sequence[Holder],
    ) -> None:
        row = self._admin.execute(_ENTRY, (self.origin, event_id)).fetchone()
        assert row is not None
        seq, at, actor_id, subject_ids, digest, commitment, ciphertext = row
        assert (actor_id, set(subject_ids or ())) == (actor, set(subjects))
        keys = frozenset(self._sealed_with[holder] for holder in holders)
        if not self.ttl_s and not self.world.forgotten & {holder.name for holder in holders}:
            # Whatever was destroyed for others: who is not erased can be opened.
            assert keys <= self.world.wrapped_by.keys()
        assert frozenset(keys_needed(ciphertext) if ciphertext else ()) == keys
        assert bool(keys) == (commitment is not None) == bool(holders)
        self.world.entries[seq] = Entry(
            seq=seq, event_id=event_id, digest=digest, at=at, actor=actor, is_person=actor != AGENT,
            subjects=frozenset(subjects), session=session, original={"inputs": said}, commitment=commitment, keys=keys,
        )  # fmt: skip

    # ---- looking ----

    @precondition(lambda self: not self.world.is_open)
    @rule()
    def read_while_closed(self) -> None:
        """On a server that was restored nobody reads."""
        with pytest.raises(AccessDeniedError, match="recover"):
            self._ticket()

    @precondition(lambda self: self.world.is_open)
    @rule(kind=st.sampled_from(["open", "match"]))
    def open_all(self, kind: Any) -> None:
        """What opens, and what comes out."""
        entries = [each for each in self.world.entries.values() if each.commitment is not None]
        if not entries:
            return
        door = VaultDoor(self._reader("dpo"))
        with open_originals(door, self._ticket(), [e.seq for e in entries], keys=self.kek, kind=kind) as opening:
            for each in entries:
                said = each.commitment or ""
                look = opening.look(each.seq, event_id=each.event_id, commitment=said, digest=each.digest)
                assert look.outcome == ("opened" if self.world.opens(each) else "erased"), each
                assert look.original == (each.original if self.world.opens(each) else None)

    @precondition(lambda self: self.world.is_open)
    @rule(name=st.sampled_from(PEOPLE), with_acted=st.booleans())
    def find(self, name: str, with_acted: bool) -> None:
        """Who can be found by name, and how much of them."""
        lookup = self.names.lookup(name)
        ids = self.world.pseudonyms_of(name)
        ticket = self._ticket()
        assert set(self._reader("dpo").pseudonyms_of([lookup]).get(lookup, [])) == ids
        if not ids:
            return
        columns = "as_subject, as_actor, payloads, originals, shared, kept, keys, pseudonyms"
        row = (
            self._reader("dpo")
            .connection.execute(
                f"select {columns} from unbroken.find_person(%s, %s, %s, %s)".encode(),  # noqa: S608 - a test's own
                (self.origin, ticket.id, [min(ids)], with_acted),
            )
            .fetchone()
        )
        assert row is not None
        assert Amounts(*row[:6]) == self.world.amounts(ids, with_acted=with_acted)
        assert set(row[6]) == self.world.keys_of_person(ids)
        assert set(row[7]) == ids

    @rule()
    def verify(self) -> None:
        """What is missing is accounted for as what was erased, no more and no less."""
        reader = self._reader("verifier")
        report = verify_log(reader, expect=reader.head())
        assert report.findings == ()
        gone = [each for each in self.world.entries.values() if not each.payload]
        destroyed = [key for key in self.world.keys.values() if key.destroyed]
        accounted = report.accounted
        assert (accounted.payloads, accounted.originals, accounted.keys, accounted.names) == (
            len(gone), sum(each.commitment is not None for each in gone), len(destroyed), len(self.world.forgotten)
        )  # fmt: skip

    # ---- wrapping anew ----

    @precondition(lambda self: self.world.is_open and len(self.keks) < 3)
    @rule()
    def rotate(self) -> None:
        self.keks.append(LocalKey.generate(f"kek-{len(self.keks)}"))
        rotation = rotate(VaultDoor(self._reader("dpo")), wrapping=self.kek)
        due = [key_id for key_id, by in self.world.wrapped_by.items() if by != self.kek.current.id]
        assert (rotation.rewrapped, rotation.failed) == (len(due), {})
        self.world.wrapped_by = dict.fromkeys(self.world.wrapped_by, self.kek.current.id)

    # ---- erasing ----

    @precondition(lambda self: self.world.is_open)
    @rule(name=st.sampled_from(PEOPLE), with_acted=st.booleans())
    def ask(self, name: str, with_acted: bool) -> None:
        ids = self.world.pseudonyms_of(name)
        if not ids:
            return
        statement = "select erasure::text from unbroken.ask_erasure(%s, %s, %s, %s, 'C-1', 'asked for')"
        given = (self.origin, self._ticket().id, [min(ids)], with_acted)
        row = self._reader("dpo").connection.execute(statement.encode(), given).fetchone()
        assert row is not None
        self.world.erasures[row[0]] = Erasure(frozenset(ids), with_acted)

    @precondition(lambda self: self.world.is_open)
    @rule(name=st.sampled_from(PEOPLE), with_acted=st.booleans())
    def erase(self, name: str, with_acted: bool) -> None:
        """All steps in a row."""
        there = len(self.world.erasures)
        self.ask(name, with_acted)
        if len(self.world.erasures) > there:
            self.confirm(there, "legal")
            self.prepare(there)
            self.begin_erasing(there)
            while self._batch(there, 3):
                pass
            self.finish(there)

    @precondition(lambda self: self.world.erasures)
    @rule(which=st.integers(0, 9), login=st.sampled_from(["dpo", "legal"]))
    def confirm(self, which: int, login: str) -> None:
        for erasure, case in self._some(which):
            answer = self._value(login, "select unbroken.confirm_erasure(%s, %s)", erasure)
            if case.state == "asked":
                assert (answer == "UB008") == (login == "dpo"), answer
            else:
                assert answer == "UB009"
            if isinstance(answer, int):
                self.world.erasures[erasure] = replace(case, state="confirmed")

    @precondition(lambda self: self.world.erasures)
    @rule(which=st.integers(0, 9))
    def withdraw(self, which: int) -> None:
        for erasure, case in self._some(which):
            answer = self._value("legal", "select unbroken.withdraw_erasure(%s, %s)", erasure)
            assert isinstance(answer, int) == (self.world.is_open and case.state in ("asked", "confirmed"))
            if isinstance(answer, int):
                self.world.erasures[erasure] = replace(case, state="withdrawn")

    @precondition(lambda self: self.world.erasures)
    @rule(which=st.integers(0, 9))
    def prepare(self, which: int) -> None:
        for erasure, case in self._some(which):
            row = self._value("dpo", "select ids, keys, upto_at from unbroken.prepare_erasure(%s, %s)", erasure)
            if case.state != "confirmed":
                assert row == "UB009"
                continue
            ids = frozenset(each for one in case.ids for each in self.world.namesakes(one))
            self._give_keys([Holder("subject", each) for each in self.world.without_key(ids)])
            assert set(row[0]) == ids
            assert set(row[1]) == self.world.keys_of_person(ids, row[2])
            assert case.upto in (None, row[2])
            self.world.erasures[erasure] = replace(case, ids=ids, prepared=frozenset(row[1]), upto=row[2])

    @precondition(lambda self: self.world.erasures)
    @rule(which=st.integers(0, 9))
    def begin_erasing(self, which: int) -> None:
        """The order, written outside, and then the moment from which there is no way back."""
        for erasure, case in self._some(which):
            if case.upto is not None:
                self.ledger.append(Order(erasure, case.ids, case.prepared, case.with_acted, case.upto))
            answer = self._value(
                "dpo", "select unbroken.begin_erasure(%s, %s, %s, %s)", erasure, sorted(case.prepared), "0" * 64
            )
            ids = frozenset(each for one in case.ids for each in self.world.namesakes(one))
            current = ids == case.ids and case.upto and self.world.keys_of_person(ids, case.upto) == case.prepared
            if case.state in ("begun", "done"):
                assert isinstance(answer, int)
            elif case.state == "confirmed" and current:
                assert isinstance(answer, int)
                self.world.destroy(case.ids, case.prepared)
                self.world.erasures[erasure] = replace(case, state="begun")
            else:
                assert answer == "UB009"

    @precondition(lambda self: self.world.erasures)
    @rule(which=st.integers(0, 9), limit=st.integers(1, 4))
    def batch(self, which: int, limit: int) -> None:
        self._batch(which, limit)

    def _batch(self, which: int, limit: int) -> bool:
        """Whether there was anything to destroy."""
        for erasure, case in self._some(which):
            statement = "select seq, payloads, originals from unbroken.erase_batch(%s, %s, %s)"
            row = self._value("dpo", statement, erasure, limit)
            if case.state == "begun":
                return self._destroyed(erasure, limit, row)
            assert row == "UB009"
        return False

    @precondition(lambda self: self.world.erasures)
    @rule(which=st.integers(0, 9))
    def finish(self, which: int) -> None:
        for erasure, case in self._some(which):
            answer = self._value("dpo", "select unbroken.finish_erasure(%s, %s, %s)", erasure, "1" * 64)
            may = case.state == "done" or (case.state == "begun" and self.world.is_through(erasure))
            assert isinstance(answer, int) == may
            if may:
                self.world.erasures[erasure] = replace(case, state="done")

    def _destroyed(self, erasure: str, limit: int, row: Any) -> bool:
        """Holds a batch against what it had to destroy; whether there was anything."""
        gone = [self.world.entries[seq] for seq in self.world.batch(erasure, limit)]
        assert row[1:] == (len(gone), sum(each.commitment is not None for each in gone))
        assert (row[0] is None) == (not gone)
        return bool(gone)

    def _some(self, which: int) -> list[tuple[str, Erasure]]:
        """One of the erasures, where there is one."""
        there = list(self.world.erasures.items())
        return [there[which % len(there)]] if there else []

    # ---- restoring ----

    @precondition(lambda self: self.restores < MOST_RESTORES and self.backups < MOST_BACKUPS)
    @rule()
    def back_up(self) -> None:
        self.backups += 1
        backed_up(self.cluster, self._backups / "base")
        self.backup = (self._backups / "base", copy.deepcopy(self.world))

    @precondition(lambda self: self.backup is not None and self.restores < MOST_RESTORES)
    @rule()
    def restore(self) -> None:
        """Yesterday's database, without what the ledger outside knows."""
        assert self.backup is not None
        self.restart_recorder()
        self._leave()
        path, world = self.backup
        restored(self.cluster, path)
        self.world = copy.deepcopy(world)
        self.world.is_open = False
        self.restores += 1

    @precondition(lambda self: self.restores)
    @rule()
    def recover(self) -> None:
        """What the ledger holds is destroyed again, and the log opens."""
        for order in {each.erasure: each for each in self.ledger}.values():
            self._reapply(order)
        with owned(self._admin) as owner:
            row = owner.execute("select unbroken.open_reads(%s)", (self.origin,)).fetchone()
        assert row is not None
        assert (row[0] is None) == self.world.is_open
        self.world.is_open = True

    def _reapply(self, order: Order) -> None:
        case = self.world.erasures.get(order.erasure)
        if case is not None and case.state in ("withdrawn", "done"):
            return
        given = (sorted(order.ids), sorted(order.keys), order.with_acted, order.upto, "0" * 64)
        with owned(self._admin) as owner:
            statement = "select unbroken.reapply_erasure(%s, %s, %s, %s, %s, %s, %s)"
            owner.execute(statement, (self.origin, order.erasure, *given))
        if case is None or case.state != "begun":
            ids = order.ids | (frozenset() if case is None else case.ids)
            self.world.destroy(ids, order.keys & self.world.keys.keys() | self.world.keys_of_person(ids, order.upto))
            self.world.erasures[order.erasure] = Erasure(ids, order.with_acted, "begun", order.upto)
        while self._owners_batch(order.erasure):
            pass
        with owned(self._admin) as owner:
            owner.execute("select unbroken.finish_erasure(%s, %s, %s)", (self.origin, order.erasure, "1" * 64))
        self.world.erasures[order.erasure] = replace(self.world.erasures[order.erasure], state="done")

    def _owners_batch(self, erasure: str) -> bool:
        with owned(self._admin) as owner:
            statement = "select seq, payloads, originals from unbroken.erase_batch(%s, %s, 3)"
            row = owner.execute(statement, (self.origin, erasure)).fetchone()
        return self._destroyed(erasure, 3, row)

    # ---- what holds ----

    @invariant()
    def the_database_holds_what_the_model_says(self) -> None:
        world = self.world
        held = {each.seq for each in world.entries.values() if each.payload}
        sealed = {seq for seq in held if world.entries[seq].commitment is not None}
        row = self._admin.execute(_HELD, {"log": self.origin}).fetchone()
        assert row is not None
        payloads, originals, keys, people = map(set, row)
        assert payloads & world.entries.keys() == held
        assert originals == sealed
        assert keys == world.wrapped_by.keys()
        assert people == world.people.keys()

    def _rows(self, statement: str, condition: str = "") -> list[tuple[Any, ...]]:
        return self._admin.execute((statement + _OF_LOG + condition).encode(), (self.origin,)).fetchall()


@contextmanager
def owned(admin: Admin) -> Iterator[Admin]:
    """As whoever installs does it."""
    with administration.as_owner(admin):
        yield admin


def _holders(actor: str | None, subjects: Sequence[str], session: str | None) -> list[Holder]:
    """Whose keys an original takes."""
    people = sorted(set(subjects)) or ([] if actor is None else [actor])
    if people:
        return [Holder("subject", each) for each in people]
    return [] if session is None else [Holder("session", session)]


def _writer(conninfo: str, log: str, wait_s: float) -> LogWriter:
    return LogWriter(conninfo, log, wait_s=wait_s)
