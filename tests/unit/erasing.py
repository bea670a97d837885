"""An erasure without a database: a door that remembers what it destroyed, and breaks off where it is told to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from unbroken.core.commitment import commit
from unbroken.core.note import SigningKey
from unbroken.errors import ConfigurationError
from unbroken.privacy.erasure.writing import Looked, Now
from unbroken.store.erasures import Batch, Erasure, PersonFound, Told

KEY = SigningKey("clinic.example/erasure", bytes(range(32)))
ANN, BOB = "p-" + "a" * 32, "p-" + "b" * 32
V1, V2, V3 = ("v-" + digit * 32 for digit in "123")
ERASURE = "0b51c6f2-0000-4000-8000-000000000001"
LOG = "clinic.example/agents~1"
THEN = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)


class BrokenOffError(Exception):
    """What stops a run, as a power cut would."""


def found(**changed: Any) -> PersonFound:
    """What a log has of Ann."""
    return replace(
        PersonFound([ANN], 5, 0, 5, 3, [V1, V2], [ANN], 1, 0, 0, 0, THEN, THEN, THEN + timedelta(hours=1)), **changed
    )


def confirmed(**changed: Any) -> Erasure:
    """An erasure that two people agreed on."""
    row = Erasure(
        erasure=ERASURE,
        state="confirmed",
        basis="two people",
        case="C-31",
        reason="asked on 3 March",
        with_acted=False,
        subjects=[ANN],
        requested_by="dpo",
        requested_at=THEN,
        requested_seq=7,
        expires_at=THEN + timedelta(days=7),
        confirmed_by="legal",
        confirmed_at=THEN + timedelta(minutes=1),
        confirmed_seq=8,
        upto_at=None,
        begun_by=None,
        begun_at=None,
        begun_seq=None,
        order_sha256=None,
        payloads=0,
        originals=0,
        keys=0,
        done_at=None,
        done_seq=None,
        certificate_sha256=None,
    )
    return replace(row, **changed)


def told(seq: int, details: dict[str, Any], *, recorder: str | None = None, event_type: str = "log.erased") -> Told:
    """An entry of the log's own, as it is read."""
    value, salt = json.dumps(details).encode(), bytes([seq % 256]) * 32
    event = {"event_type": event_type, "details": commit(salt, value)} | ({"recorder": recorder} if recorder else {})
    return Told(seq, json.dumps(event).encode(), value, salt, bytes(32))


@dataclass
class Door:
    """A log that does what it is told, and may be told to break off after so many steps."""

    row: Erasure = field(default_factory=confirmed)
    person: PersonFound = field(default_factory=found)
    entries: list[Told] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    break_after: int | None = None
    left: int = 5
    orders: list[str] = field(default_factory=list)
    begins_at: datetime = THEN
    log: str = LOG

    def step(self, name: str) -> None:
        """Notes a step once it was done; raises :class:`BrokenOffError` where the run is to end here."""
        self.steps.append(name)
        if self.break_after is not None and len(self.steps) >= self.break_after:
            raise BrokenOffError

    def one(self, erasure: str) -> Erasure | None:
        return self.row if erasure == self.row.erasure else None

    def prepare(self, erasure: str) -> PersonFound:
        if self.row.begun_seq is not None or erasure != self.row.erasure:
            raise ConfigurationError("past it")
        self.step("prepare")
        return self.person

    def begin(self, erasure: str, keys: Sequence[str], *, order: str) -> int:
        self.orders.append(order)
        if sorted(keys) != sorted(self.person.keys):
            raise ConfigurationError("by now the person goes by other keys")
        if self.row.begun_seq is None:
            self.row = replace(
                self.row, state="begun", begun_by="dpo", begun_at=self.begins_at, begun_seq=10, order_sha256=order
            )
            gone = {"keys": self.person.keys, "pseudonyms": self.person.pseudonyms}
            self.entries.append(told(10, {"erasure": erasure, "order": order, **gone}))
            self.person = replace(self.person, keys=[], pseudonyms=[])
        self.step("begin")
        return 10

    def batch(self, erasure: str, limit: int) -> Batch:
        gone = min(limit, self.left)
        if not gone:
            return Batch(None, 0, 0)
        seq = self.entries[-1].seq + 1
        first = 6 - self.left
        self.entries.append(told(seq, {"erasure": erasure, "payloads": f"{first}-{first + gone - 1}"}))
        self.left -= gone
        self.step("batch")
        return Batch(seq, gone, 0)

    def finish(self, erasure: str, *, certificate: str) -> int:
        if self.row.done_seq is None:
            seq = self.entries[-1].seq + 1
            self.row = replace(self.row, state="done", done_seq=seq, done_at=THEN, certificate_sha256=certificate)
            self.entries.append(
                told(seq, {"erasure": erasure, "complete": True, "certificate": certificate, "keys": 2})
            )
        self.step("finish")
        return self.row.done_seq or 0

    def now(self) -> Now:
        return Now(self.log, f"{20 + len(self.entries)}:{'a' * 64}", THEN + timedelta(hours=2), "dpo")

    def look(self, _: Erasure) -> Looked:
        left = replace(self.person, payloads=self.left, originals=0)
        return Looked(self.now(), left, list(self.entries))
