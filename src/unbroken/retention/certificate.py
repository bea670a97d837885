"""The certificate of a disposal: what was destroyed, under which policies and on whose word, and that it is gone.

It holds nothing of what was destroyed. Which entries it was stands in the log's own entries that it names.
"""

from typing import Literal

from unbroken.destruction.document import (
    Act,
    Count,
    Digest,
    Document,
    HeadText,
    Number,
    Place,
    Time,
    Uuid,
    Words,
    read,
    text_of,
)
from unbroken.destruction.titles import DISPOSAL_CERTIFICATE
from unbroken.retention.policy import Basis, Part

Decided = Literal["extend", "relabel"]


class Candidates(Document, frozen=True):
    """What was frozen before anybody was asked: so many entries up to ``upto``, and the hash that people agreed to."""

    entries: Count
    sha256: Digest
    upto: Number


class Counts(Document, frozen=True):
    """What became of them, as the log's entries say; ``kept`` are entries."""

    keys: Count
    kept: Count
    originals: Count
    payloads: Count


class Decision(Document, frozen=True):
    """What a reviewer took out of it, until a day or into other domains; which it was is in the entry."""

    at: Time
    by: Words
    decision: Decided
    entry: Number


class Finished(Document, frozen=True):
    """Who brought it to its end, and when, by the database's clock."""

    at: Time
    by: Words


class Gone(Document, frozen=True):
    """When the tables were found without it, and in how many of their partitions each way.

    A partition was dropped as a whole, written anew, or vacuumed after the last deletion with no snapshot left that
    shows it.
    """

    at: Time
    dropped: Count
    rewritten: Count
    vacuumed: Count


class HoldCheck(Document, frozen=True):
    """How often legal holds were asked for, in words, and between which moments."""

    how: Words
    since: Time
    until: Time


class UnderPolicy(Document, frozen=True):
    """A policy as it stood in the version that the disposal went by, and how many candidates fell under it.

    Some fall under several. ``parts`` are those of an entry that it speaks of: both, or one alone. ``start`` is
    ``record``, or the kind of event that its period starts with. With ``verify`` the citation was not compared with
    the official text.
    """

    basis: Basis
    ceiling: Words | None
    citation: str
    entries: Count
    floor: Words | None
    id: Words
    parts: list[Part]
    start: Words
    title: str
    verify: bool
    version: Number


class PolicySetNamed(Document, frozen=True):
    """Which version of the log's policies it went by, and the SHA-256 of its text."""

    sha256: Digest
    version: Number


class Certificate(Document, frozen=True):
    """What was disposed of.

    ``entries`` are the log's ``log.disposed`` entries up to ``head``, which list by number all that is gone and all
    that was kept. ``reviewed`` is ``None`` where ``standing`` approvals took a reviewer's place. ``emptied_at`` is when
    the last candidate had had its turn. ``backups_expire`` is until when backups may still hold it, ``None`` where
    there are none.
    """

    approved: Act
    backups_expire: Time | None
    backups_kept_days: Count
    begun: Act
    candidates: Candidates
    counts: Counts
    decisions: list[Decision]
    disposal: Uuid
    emptied_at: Time
    entries: list[Number]
    finished: Finished
    gone: Gone
    head: HeadText
    hold_check: HoldCheck
    kept: dict[str, Words]
    line: Place
    log: Words
    methods: dict[str, Words]
    not_covered: dict[str, Words]
    policies: list[UnderPolicy]
    policy_set: PolicySetNamed
    proposed: Act
    reviewed: Act | None
    standing: list[Uuid]

    @property
    def is_agreed(self) -> bool:
        """Whether it names two people who agreed to it, or approvals in advance, which took two."""
        if self.reviewed is None:
            return bool(self.standing)
        return self.approved.by not in (self.reviewed.by, self.proposed.by)

    @property
    def text(self) -> str:
        """What is signed."""
        return text_of(DISPOSAL_CERTIFICATE, self)


def certificate_from(text: str) -> Certificate:
    """The certificate that a note's text is; raises :class:`NoteError` for any other text."""
    return read(text, DISPOSAL_CERTIFICATE, Certificate)
