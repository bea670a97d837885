"""What the log itself says of access: entries that its own functions made, believed only as far as they verify."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.verify.examine import Broken, Fault, examine
from unbroken.verify.replay.act import Statement, statement_of

GRANT_TYPES: Final = ["access_granted", "access_revoked", "log.access_requested", "log.access_withdrawn"]
READ_TYPES: Final = [
    *("log.read", "log.read_completed", "log.read_denied", "log.names_asked", "log.original_asked"),
    *("log.original_opened", "log.vault_refilled", "log.vault_rewrapping", "log.vault_rewrapped"),
]
ERASURE_TYPES: Final = [
    *("log.erasure_requested", "log.erasure_confirmed", "log.erasure_withdrawn", "log.erased"),
    *("log.erasure_reapplied", "log.restored"),
]
RETENTION_TYPES: Final = [
    *("log.policies_proposed", "log.policies_confirmed", "log.policies_withdrawn", "log.start_told"),
    *("log.standing_asked", "log.standing_confirmed", "log.standing_ended"),
    *("log.hold_issued", "log.hold_reviewed"),
    *("log.hold_change_asked", "log.hold_changed", "log.hold_change_withdrawn"),
    *("log.disposal_proposed", "log.disposal_decided", "log.disposal_reviewed", "log.disposal_approved"),
    *("log.disposal_withdrawn", "log.disposing", "log.disposed"),
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
        if not any(fault.part == "details" for fault in faults):
            told = statement_of(entry, decode_event(entry.event))
            found += [] if told is None else [told]
    return found, problems


def _as_problems(seq: int, faults: Iterable[Fault]) -> Iterator[Problem]:
    for fault in faults:
        part = f" of its {fault.part}" if fault.part else ""
        yield Problem(fault.kind, seq, f"expected {fault.expected}{part}, found {fault.found}")
