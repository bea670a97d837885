"""A disposal without a database: its row, what the log says of it, and a look at it when all is gone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit import erasing
from tests.unit.erasing import LOG, THEN
from unbroken.core.note import SigningKey
from unbroken.retention.catalogue import built_in
from unbroken.retention.certifying import Looked
from unbroken.retention.written import table_of
from unbroken.store.disposals import Decision, Disposal, Under
from unbroken.store.erasures import Told

KEY = SigningKey("clinic.example/disposal", bytes(range(32)))
DISPOSAL = "0d15c6f2-0000-4000-8000-000000000001"


def row(**changed: Any) -> Disposal:
    """A disposal as the log's table has it, when all of it is gone."""
    found = Disposal(
        disposal=DISPOSAL,
        state="gone",
        standing=False,
        policies_version=2,
        upto=9,
        reached=9,
        entries=6,
        sha256="5" * 64,
        started_by="retention",
        started_at=THEN,
        proposed_by="retention",
        proposed_at=THEN,
        proposed_seq=10,
        expires_at=THEN + timedelta(days=30),
        reviewed_by="dpo",
        reviewed_at=THEN + timedelta(minutes=1),
        reviewed_seq=12,
        approved_by="legal",
        approved_at=THEN + timedelta(minutes=2),
        approved_seq=13,
        withdrawn_by=None,
        withdrawn_at=None,
        withdrawn_seq=None,
        begun_by="retention",
        begun_at=THEN + timedelta(minutes=3),
        begun_seq=14,
        through=6,
        payloads=4,
        originals=2,
        keys=1,
        kept=2,
        emptied_at=THEN + timedelta(minutes=4),
        gone_at=THEN + timedelta(minutes=5),
        certificate_sha256=None,
        done_at=None,
        done_seq=None,
        decisions=1,
        approvals=[],
    )
    return replace(found, **changed)


def under(policy: str, entries: int) -> Under:
    """A policy of the catalogue, and how many candidates fell under it."""
    return Under(table_of(built_in()[policy]), entries, "9" * 64)


def taken(decision: str, by: str, seq: int) -> Decision:
    """A reviewer's decision about one entry."""
    return Decision(1, decision, None, "4", None, None, "needed", by, THEN + timedelta(seconds=30), seq)


def told(seq: int, details: dict[str, Any], *, recorder: str | None = None, event_type: str = "log.disposed") -> Told:
    """An entry of the log's own, as it is read."""
    return erasing.told(seq, details, recorder=recorder, event_type=event_type)


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
        decisions=[taken("extend", "dpo", 11)],
        approvals=[],
        ways=["dropped", "vacuumed", "vacuumed"],
    )
    return replace(found, **changed)
