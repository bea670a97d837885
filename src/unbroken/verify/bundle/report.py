"""What verifying a bundle came to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from unbroken.verify.bundle.manifest import Manifest
from unbroken.verify.finding import Accounted, BundleKind, Finding, FindingList, Kind

Verdict = Literal["proven", "findings", "consistent", "unverifiable", "origin unproven"]
EXIT_CODES: Final[dict[Verdict, int]] = {
    "proven": 0,
    "findings": 1,
    "consistent": 3,
    "unverifiable": 4,
    "origin unproven": 5,
}
"""2 is left for wrong usage."""


@dataclass(frozen=True, slots=True)
class Vouching:
    """A key whose signature of a checkpoint fits, and as of when by its clock.

    ``trusted`` if the verifier was given it, or one that leads to it; else the bundle alone claims whose it is.
    """

    key: str
    trusted: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What an anchor was given: the checkpoint of ``size`` entries.

    ``compared`` tells that it is of the bundle's own size, and then it has its root. ``witnessed`` are cosignatures in
    a witness's receipt; what others answered is there, and not checked.
    """

    anchor: str
    kind: str
    size: int
    compared: bool
    witnessed: tuple[Vouching, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckpointShown:
    """The tree that the entries were proven in; ``at`` is when its log's key last said so, where it does."""

    size: int
    root: bytes
    at: datetime | None


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What a bundle shows. ``manifest`` is ``None`` where there is none that can be read.

    ``exported_seq`` is the entry that tells of the export, ``None`` in a draft; it may stand ``elsewhere``, in a later
    incarnation of the log. ``proof`` tells whether all entries were shown to be in the checkpoint's tree, ``signed``
    which of the log's keys signed it, and ``witnessed`` which cosigners did.
    """

    verdict: Verdict
    manifest: Manifest | None
    findings: tuple[Finding, ...]
    findings_total: int
    accounted: Accounted = field(default_factory=Accounted)
    exported_seq: int | None = None
    elsewhere: bool = False
    checkpoint: CheckpointShown | None = None
    proof: bool = False
    signed: tuple[Vouching, ...] = ()
    witnessed: tuple[Vouching, ...] = ()
    anchors: tuple[Held, ...] = ()

    @property
    def exit_code(self) -> int:
        """The process exit code that stands for the verdict."""
        return EXIT_CODES[self.verdict]


@dataclass(slots=True)
class Noted:
    """Findings about a bundle's files, beside those about its entries."""

    log: str = ""
    findings: FindingList = field(default_factory=FindingList)
    _once: set[tuple[str, str]] = field(default_factory=set)

    def find(self, kind: Kind | BundleKind, file: str, *, expected: str, found: str) -> None:
        """Adds a finding about ``file``, which most kinds name by themselves."""
        part = file if kind in ("altered_file", "signature_wrong") else None
        self.findings.add(Finding(kind, 0, expected, found, self.log, part=part))

    def find_once(self, kind: Kind | BundleKind, file: str, *, expected: str, found: str) -> None:
        """Adds a finding about ``file``, unless there is one of this kind already."""
        if (kind, file) not in self._once:
            self._once.add((kind, file))
            self.find(kind, file, expected=expected, found=found)
