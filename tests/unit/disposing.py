"""A disposal without a database: its row, what the log says of it, and a look at it when all is gone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from unbroken.core.commitment import commit
from unbroken.core.note import SigningKey
from unbroken.retention.catalogue import built_in
from unbroken.retention.certifying import Looked
from unbroken.retention.written import table_of
from unbroken.store.erasures import Told

KEY = SigningKey("clinic.example/disposal", bytes(range(32)))
DISPOSAL = "0d15c6f2-0000-4000-8000-000000000001"
LOG = "clinic.example/agents~1"
THEN = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """A disposal as the log's table has it."""

    disposal: str = DISPOSAL
    policies_version: int = 2
    upto: int = 9
    entries: int = 6
    sha256: str | None = "5" * 64
    standing: bool = False
    proposed_by: str | None = "retention"
    proposed_at: datetime | None = THEN
    proposed_seq: int | None = 10
    reviewed_by: str | None = "dpo"
    reviewed_at: datetime | None = THEN + timedelta(minutes=1)
    reviewed_seq: int | None = 12
    approved_by: str | None = "legal"
    approved_at: datetime | None = THEN + timedelta(minutes=2)
    approved_seq: int | None = 13
    begun_by: str | None = "retention"
    begun_at: datetime | None = THEN + timedelta(minutes=3)
    begun_seq: int | None = 14
    payloads: int = 4
    originals: int = 2
    keys: int = 1
    kept: int = 2
    emptied_at: datetime | None = THEN + timedelta(minutes=4)
    gone_at: datetime | None = THEN + timedelta(minutes=5)


@dataclass(frozen=True)
class Under:
    """A policy of the catalogue, as a log's set has it, and how many candidates fell under it."""

    policy: Mapping[str, Any]
    entries: int


def under(policy: str, entries: int) -> Under:
    """A policy of the catalogue."""
    return Under(table_of(built_in()[policy]), entries)


@dataclass(frozen=True)
class Taken:
    """A reviewer's decision."""

    decision: str
    decided_by: str
    decided_at: datetime
    seq: int


def told(seq: int, details: dict[str, Any], *, recorder: str | None = None, event_type: str = "log.disposed") -> Told:
    """An entry of the log's own, as it is read."""
    value, salt = json.dumps(details).encode(), bytes([seq % 256]) * 32
    event = {"event_type": event_type, "details": commit(salt, value)} | ({"recorder": recorder} if recorder else {})
    return Told(seq, json.dumps(event).encode(), value, salt, bytes(32))


def batches() -> list[Told]:
    """What the log tells of the disposal until it is certified."""
    return [
        told(15, {"disposal": DISPOSAL, "payloads": "1-3", "originals": "2", "kept": "4"}),
        told(16, {"disposal": DISPOSAL, "payloads": "7", "originals": "7", "kept": "9"}),
        told(17, {"disposal": DISPOSAL, "keys": ["v-" + "1" * 32]}),
    ]


def looked(**changed: Any) -> Looked:
    """A look at the log when all was gone."""
    found = Looked(
        log=LOG,
        head=f"20:{'a' * 64}",
        at=THEN + timedelta(hours=2),
        by="retention",
        told=batches(),
        policies=[under("hipaa.ephi_access", 4), under("gdpr.security_log", 6)],
        policies_sha256="9" * 64,
        decisions=[Taken("extend", "dpo", THEN + timedelta(seconds=30), 11)],
        approvals=[],
        dropped=1,
        vacuumed=2,
    )
    return replace(found, **changed)
