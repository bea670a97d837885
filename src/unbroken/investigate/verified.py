"""Entries that an answer names, read and verified one by one: what is shown of them comes from their lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from unbroken.core.commitment import PARTS
from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event, decode_event
from unbroken.verify.erased import Declaring, Erased, erased_in, faults_of
from unbroken.verify.examine import Broken, Fault, Intact, examine
from unbroken.verify.finding import Finding

CHUNK: Final = 100
"""Entries that are asked for at a time, as each may hold megabytes."""


class Source(Declaring, Protocol):
    """A log that gives entries by their numbers."""

    log: str

    def entries_at(self, seqs: Sequence[int]) -> list[StoredEntry]:
        """The entries of these numbers; fewer where some are not there, or not to be seen."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of reading and examining one entry.

    ``entry`` (without its payload) and ``event`` are there only if the line is canonical and hashes to what is stated;
    ``findings`` may then still concern what is held beside it. ``inputs`` is the SHA-256 of the inputs, equal for equal
    ones as commitments are not, where they are held and match their commitment. ``erased`` is what of the entry is not
    held and declared gone, which is no finding.
    """

    seq: int
    log: str
    entry: StoredEntry | None = None
    event: Event | None = None
    inputs: bytes | None = None
    findings: tuple[Finding, ...] = ()
    erased: Erased = field(default_factory=dict)


def read_verified(source: Source, seqs: Iterable[int]) -> dict[int, Verified]:
    """The entries of these numbers, examined, by number; one that is not there is a finding."""
    wanted = sorted(set(seqs))
    chunks = (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK))
    read = {
        each.seq: each for each in verified((entry for some in chunks for entry in source.entries_at(some)), source)
    }
    return {seq: read.get(seq) or _missing(seq, source.log) for seq in wanted}


def verified(entries: Iterable[StoredEntry], source: Declaring) -> list[Verified]:
    """Entries, examined; ``source`` is asked once what was destroyed if any of them lacks something."""
    examined = [(_without_findings(entry, step := examine(entry)), step) for entry in entries]
    erased = erased_in((step for _, step in examined), source)
    return [_settled(each, step, erased.get(each.seq, {})) for each, step in examined]


def _settled(found: Verified, step: Intact | Broken, erased: Erased) -> Verified:
    """With what is wrong, once it is known what was destroyed."""
    faults = faults_of(step, erased)
    if not (faults or erased):
        return found
    return replace(
        found, findings=tuple(_finding(fault, found, session=step.session) for fault in faults), erased=erased
    )


def _without_findings(entry: StoredEntry, step: Intact | Broken) -> Verified:
    """What stays of an entry once its payload is let go."""
    if isinstance(step, Broken):
        return Verified(entry.seq, entry.log)
    matching = all(fault.part != "inputs" for fault in step.faults)
    return Verified(
        entry.seq,
        entry.log,
        _without_payload(entry),
        decode_event(entry.event),
        sha256(entry.inputs).digest() if entry.inputs is not None and matching else None,
    )


def _without_payload(entry: StoredEntry) -> StoredEntry:
    nothing = {key: None for part in PARTS for key in (part, f"{part}_salt")}
    return msgspec.structs.replace(entry, **nothing)


def _missing(seq: int, log: str) -> Verified:
    finding = Finding("missing", seq, "an entry, as the database's answer names it", "none that can be read", log)
    return Verified(seq, log, findings=(finding,))


def _finding(fault: Fault, entry: Verified, *, session: str | None) -> Finding:
    return Finding(fault.kind, entry.seq, fault.expected, fault.found, entry.log, session=session, part=fault.part)
