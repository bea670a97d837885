"""What the log itself says of access: entries that its own functions made, believed only as far as they verify."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event, decode_event
from unbroken.core.times import parse_time
from unbroken.investigate.content import part_of
from unbroken.verify.examine import Broken, Fault, examine

GRANT_TYPES: Final = ["access_granted", "access_revoked", "log.access_requested", "log.access_withdrawn"]
READ_TYPES: Final = [
    *("log.read", "log.read_completed", "log.read_denied", "log.names_asked", "log.original_asked"),
    *("log.original_opened", "log.vault_refilled", "log.vault_rewrapping", "log.vault_rewrapped"),
]
ERASURE_TYPES: Final = [
    *("log.erasure_requested", "log.erasure_confirmed", "log.erasure_withdrawn", "log.erased"),
    *("log.erasure_reapplied", "log.restored"),
]
DANGEROUS: Final = frozenset(
    {"server", "compliance", "legal", "dpo", "subjects", "retention", "verifier", "access", "notary"},
)
"""The duties that take two people to grant."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that can't be as it is: an altered entry, or one that another source contradicts.

    ``kind`` is a finding's kind of verification, or one of ``grant_disagrees``, ``request_disagrees``,
    ``ticket_disagrees``, ``lookup_disagrees``, ``opening_disagrees``, ``erasure_disagrees`` and ``rule_broken``.
    ``what`` quotes names and numbers only.
    """

    kind: str
    seq: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One verified entry of the log's own: its number, when it was recorded, what it is, and which login caused it."""

    seq: int
    at: datetime
    type: str
    login: str
    details: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        """The text under ``key``; ``None`` where there is none."""
        value = self.details.get(key)
        return value if isinstance(value, str) and value else None

    def number(self, key: str) -> int | None:
        """The whole number under ``key``; ``None`` where there is none."""
        value = self.details.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


def statements(entries: Iterable[StoredEntry]) -> tuple[list[Statement], list[Problem]]:
    """The entries that the log made itself, in order, and what is wrong with any of those given.

    Every writer's event names its recorder, so an entry without one was made by the log. An entry of a writer is left
    out: an agent may record what it was granted elsewhere.
    """
    found: list[Statement] = []
    problems: list[Problem] = []
    for entry in entries:
        step = examine(entry)
        faults = (step.fault,) if isinstance(step, Broken) else step.faults
        problems += _as_problems(entry.seq, faults)
        if isinstance(step, Broken):
            continue
        event = decode_event(entry.event)
        if _is_own(entry, event) and not any(fault.part == "details" for fault in faults):
            found += _statement(entry, event)
    return found, problems


def _is_own(entry: StoredEntry, event: Event) -> bool:
    return (
        event.recorder is None and event.actor_type == "system" and entry.writer.partition(" as ")[0] == event.actor_id
    )


def _statement(entry: StoredEntry, event: Event) -> Iterator[Statement]:
    details = part_of(entry, event, "details")
    if isinstance(details, dict):
        yield Statement(entry.seq, parse_time(entry.recorded_at), event.event_type, event.actor_id, details)


def _as_problems(seq: int, faults: Iterable[Fault]) -> Iterator[Problem]:
    for fault in faults:
        part = f" of its {fault.part}" if fault.part else ""
        yield Problem(fault.kind, seq, f"expected {fault.expected}{part}, found {fault.found}")
