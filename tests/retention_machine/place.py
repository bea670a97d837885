"""A log in a database of its own, the doors to it, and the model beside it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.conftest import Server
from tests.database import raw
from tests.database.vaulting import Vault, append, keys_for, sealed_to
from tests.erasing.model import Key, Known
from tests.retention_machine.doors import Doors
from tests.retention_machine.model import World
from tests.retention_machine.policies import ACCOUNTS, DOMAINS, EVENT_TYPES
from tests.retention_machine.scopes import Entry
from unbroken.privacy.vault.holders import Holder
from unbroken.store.sql import script

T = TypeVar("T")
P = ParamSpec("P")
Rule = Callable[Concatenate[Any, P], None]

ANN, OTHER_ANN, BOB = "p-" + "a" * 32, "p-" + "c" * 32, "p-" + "b" * 32
"""Two pseudonyms of one person, and somebody else."""
PEOPLE: Final = (ANN, OTHER_ANN, BOB)
AGENT: Final = "desk"
DECIDE: Final = ("compliance", "legal", "dpo")
"""Duties that decide what is kept and what goes; two of them together."""
NOT_GRANTED, WRONG, SECOND, HELD = "42501", "UB009", "UB008", "UB014"
"""What the database refuses with: the duty, the moment, the person, or a hold."""
WHICH: Final = st.integers(0, 99)
"""One of those that there are."""
LOT: Final = 1000
_MANY: Final = LOT + 30


@dataclass(frozen=True)
class Said:
    """An event to record."""

    actor: str = AGENT
    subjects: frozenset[str] = frozenset()
    session: str | None = None
    agent: str | None = None
    tool: str | None = None
    resource: tuple[str, str] | None = None
    event_type: str = "request"
    domains: frozenset[str] = frozenset()
    scope: frozenset[str] = frozenset()
    sealed: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        """Of the event."""
        kind, resource = (None, None) if self.resource is None else self.resource
        return {
            "actor_id": self.actor, "actor_type": "agent" if self.actor == AGENT else "user",
            "subjects": sorted(self.subjects) or None, "session_id": self.session, "agent_id": self.agent,
            "tool": self.tool, "resource_type": kind, "resource_id": resource, "event_type": self.event_type,
            "domains": sorted(self.domains) or None, "scope": sorted(self.scope) or None,
        }  # fmt: skip

    @property
    def holders(self) -> list[Holder]:
        """Whose keys its original takes, if it has one."""
        people = sorted(self.subjects) or ([] if self.actor == AGENT else [self.actor])
        if people:
            return [Holder("subject", each) for each in people]
        return [] if self.session is None else [Holder("session", self.session)]


def where(condition: Callable[[Any], object]) -> Callable[[Rule[P]], Rule[P]]:
    """A rule that does nothing where the condition does not hold.

    What there is follows from when something was interrupted. Were rules chosen among those that can be of use, as
    preconditions do, one and the same choice would mean another rule when it is repeated.
    """

    def narrowed(function: Rule[P]) -> Rule[P]:
        @wraps(function)
        def tried(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> None:
            if condition(self):
                function(self, *args, **kwargs)

        return tried

    return narrowed


def some(values: Sequence[str]) -> st.SearchStrategy[frozenset[str]]:
    """None, one or all of two."""
    return st.sampled_from([frozenset(), frozenset(values[:1]), frozenset(values[1:]), frozenset(values)])


EVENTS: Final = st.builds(
    Said,
    actor=st.sampled_from([*PEOPLE, AGENT]),
    subjects=st.sampled_from([frozenset(), frozenset([ANN]), frozenset([BOB]), frozenset([OTHER_ANN, BOB])]),
    session=st.sampled_from([None, "s-1", "s-2"]),
    agent=st.sampled_from([None, "desk", "triage"]),
    tool=st.sampled_from([None, "wire"]),
    resource=st.sampled_from([None, ("record", "r-1"), ("record", "r-2")]),
    event_type=st.sampled_from(EVENT_TYPES),
    domains=some(DOMAINS),
    scope=some(ACCOUNTS),
    sealed=st.booleans(),
)


class Place(RuleBasedStateMachine):
    """Everything that rules share."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        self.database = self.cleanup.enter_context(raw.database_on(server))
        self.doors = Doors(self.database)
        self.cleanup.callback(self.doors.close)
        self.vault = Vault()
        self.world = World()

    def now(self) -> datetime:
        """The database's time."""
        moment: datetime = self.doors.rows("select clock_timestamp()")[0][0]
        return moment

    # ---- recording ----

    def refill(self) -> None:
        """More keys for the pool."""
        for key in self.vault.refill(self.doors.of("dpo"), 20):
            self.world.keys[key.public.id] = Key()
            self.world.wrapped_by[key.public.id] = "1"

    def name_people(self) -> None:
        """Two of the pseudonyms stand for one name."""
        names = ("Ann", "Ann", "Bob")
        lookups = [hashlib.sha256(name.encode()).digest() for name in names]
        self.doors.does("writer", "identify", lookups, list(PEOPLE), [b"sealed"] * len(PEOPLE), True)
        for pseudonym, name in zip(PEOPLE, names, strict=True):
            self.world.people[pseudonym] = Known(name, is_first=pseudonym != OTHER_ANN)

    def say(self, said: Said) -> int:
        """Records one event; its number."""
        writer = self.doors.of("writer")
        keys = self._keys(said.holders) if said.sealed else {}
        if keys:
            sent, original = sealed_to(list(keys.values()), {"inputs": "what was said"}, **said.fields)
            (received,) = append(writer, [(sent, original)])
        else:
            (received,) = append(writer, [(raw.sent({"inputs": '"said"'}, **said.fields), None)])
        self._note(received, said, frozenset(key.id for key in keys.values()))
        return received.seq

    def say_often(self, said: Said) -> None:
        """So many events of one kind that they fill more than a lot."""
        for first in range(0, _MANY, LOT):
            size = min(LOT, _MANY - first)
            batch: list[tuple[raw.Sent, bytes | None]] = [
                (raw.sent({"inputs": '"much"'}, **said.fields), None) for _ in range(size)
            ]
            for received in append(self.doors.of("writer"), batch):
                self._note(received, said, frozenset())

    def _keys(self, holders: Sequence[Holder]) -> dict[Holder, Any]:
        """The public keys of holders; whoever has none gets one."""
        if not holders:
            return {}
        asked = [(each.kind, each.name) for each in holders]
        if len(self.world.free()) < len(asked):
            self.refill()
        keys = dict(zip(holders, keys_for(self.doors.of("writer"), *asked), strict=True))
        for holder, key in keys.items():
            assert key is not None
            self.has_key(holder, key.id)
            self.world.quiet.discard(key.id)
        return keys

    def let_time_pass(self) -> None:
        """Nobody has asked for a key for weeks, as far as the database knows."""
        admin, table = self.database.admin, "alter table unbroken.subject_keys"
        with admin.transaction():
            admin.execute(script("ddl_guard_off"))
            admin.execute(f"{table} disable trigger refuse_reassigning".encode())
            admin.execute("update unbroken.subject_keys set asked_at = asked_at - interval '40 days'")
            admin.execute(f"{table} enable always trigger refuse_reassigning".encode())
            admin.execute(script("ddl_guard"))
        self.world.quiet = {key_id for key_id, key in self.world.keys.items() if key.holder is not None}

    def has_key(self, holder: Holder, key_id: str) -> None:
        """Takes note of the key that somebody was given."""
        there = self.world.keys[key_id]
        assert holder.name in self.world.forgotten or not there.destroyed, "a key that is destroyed was given out"
        if there.holder is None:
            self.world.keys[key_id] = Key(holder, 1 + max(key.order for key in self.world.keys.values()))

    def _note(self, received: raw.Received, said: Said, keys: frozenset[str]) -> None:
        self.world.entries[received.seq] = Entry(
            seq=received.seq, event_id="", digest=received.hash, at=received.recorded_at, actor=said.actor,
            is_person=said.actor != AGENT, subjects=said.subjects, session=said.session, original=None,
            commitment="sealed" if keys else None, keys=keys, event_type=said.event_type, agent=said.agent,
            tool=said.tool, resource=said.resource, domains=said.domains, scope=said.scope, has_original=bool(keys),
        )  # fmt: skip


def one(there: Mapping[str, T], which: int) -> tuple[str, T]:
    """One of these."""
    return list(there.items())[which % len(there)]
