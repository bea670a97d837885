"""What verification says: findings with a kind and a place, and a verdict; never a bare yes."""

from dataclasses import dataclass, field
from typing import Final, Literal

from unbroken.core.entry import Head
from unbroken.verify.continuation import Continuation
from unbroken.verify.outside import Against
from unbroken.verify.tree import Milestone

Kind = Literal[
    "altered_entry",
    "altered_payload",
    "missing",
    "duplicate",
    "reordered",
    "forked",
    "truncated",
    "rewritten",
    "session_gap",
    "non_canonical",
    "column_disagrees",
    "table_disagrees",
    "certificate_disagrees",
    "commitment_wrong",
    "not_erased",
    "held_destroyed",
    "class_disagrees",
    "not_approved",
    "unverifiable",
]
BundleKind = Literal[
    "altered_file",
    "manifest_wrong",
    "signature_wrong",
    "export_wrong",
    "not_included",
    "checkpoint_wrong",
    "keys_wrong",
    "anchors_wrong",
    "selection_wrong",
]
"""What only an evidence bundle can have wrong with it (spec/EVIDENCE.md)."""
Verdict = Literal["proven", "findings", "consistent", "unverifiable"]

EXIT_CODES: Final[dict[Verdict, int]] = {"proven": 0, "findings": 1, "consistent": 3, "unverifiable": 4}
"""2 is left for usage and connection errors, which give no verdict."""
MAX_FINDINGS: Final = 1000
"""Findings that a report lists; more are only counted."""
MAX_ERASURES: Final = 1000
"""Erasures that a report lists, and disposals; more are only counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: its kind, where (``seq``, and a part or a session where it has one), and what.

    ``expected`` and ``found`` name hashes, numbers and columns; they never quote a payload.
    """

    kind: Kind | BundleKind
    seq: int
    expected: str
    found: str
    log: str
    session: str | None = None
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure: how much is absent that its entries declare, ``first_seq`` and ``last_seq`` being the outer ones.

    ``complete`` tells that one of them ends it.
    """

    erasure: str
    first_seq: int
    last_seq: int
    payloads: int
    originals: int
    keys: int
    names: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Disposal:
    """One disposal, told as an :class:`Erasure` is; no names go with it."""

    disposal: str
    first_seq: int
    last_seq: int
    payloads: int
    originals: int
    keys: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Accounted:
    """What is absent and declared to be, and so no finding. Whose numbers overlap is counted once in the sums.

    Of the payloads and originals ``disposed`` and ``disposed_originals`` are those that no erasure declares, only a
    disposal, and of the keys ``disposed_keys`` went with one. Only a database's whole log shows keys and names.
    """

    payloads: int = 0
    originals: int = 0
    keys: int = 0
    names: int = 0
    erasures: tuple[Erasure, ...] = ()
    erasures_total: int = 0
    disposed: int = 0
    disposed_originals: int = 0
    disposed_keys: int = 0
    disposals: tuple[Disposal, ...] = ()
    disposals_total: int = 0

    @property
    def erased(self) -> int:
        """The payloads that an erasure declares."""
        return self.payloads - self.disposed


@dataclass(frozen=True, slots=True)
class Report:
    """What a run showed.

    ``head`` is the last intact entry in order: worth keeping where the log's owner can't reach. ``scope`` says
    what was looked at; ``kept`` names the earlier head that the log was also held against, if there was one, and
    ``against`` what came of holding it against signed checkpoints. From ``milestone`` a later run may go on, where this
    one found nothing and computed the tree. ``continues`` is what its first entry says of the incarnation before it,
    ``continued`` what the next one says of it. ``certified`` counts the erasures that are as their certificates say,
    ``certified_disposals`` the disposals; ``None`` where no certificates were given.
    """

    verdict: Verdict
    log: str
    scope: str
    head: Head
    entries: int
    findings: tuple[Finding, ...] = ()
    findings_total: int = 0
    kept: Head | None = None
    accounted: Accounted = Accounted()
    against: Against | None = None
    milestone: Milestone | None = None
    continues: Continuation | None = None
    continued: Continuation | None = None
    certified: int | None = None
    certified_disposals: int | None = None

    @property
    def window(self) -> tuple[int, int] | None:
        """The first and the last entry that no checkpoint from outside covers; ``None`` where there is none such."""
        if self.against is None:
            return None
        first = 1 + (0 if self.against.newest is None else self.against.newest.size)
        return (first, self.head.seq) if first <= self.head.seq else None

    @property
    def exit_code(self) -> int:
        """The process exit code that stands for the verdict."""
        return EXIT_CODES[self.verdict]


@dataclass(slots=True)
class FindingList:
    """Collects findings in bounded memory."""

    kept: list[Finding] = field(default_factory=list)
    total: int = 0
    only_unverifiable: bool = True

    def add(self, finding: Finding) -> None:
        """Counts a finding, and keeps it while there is room."""
        self.total += 1
        self.only_unverifiable &= finding.kind == "unverifiable"
        if len(self.kept) < MAX_FINDINGS:
            self.kept.append(finding)

    def in_order(self) -> tuple[Finding, ...]:
        """The kept findings by seq; those of one seq in the order in which they were made."""
        return tuple(sorted(self.kept, key=lambda finding: finding.seq))
