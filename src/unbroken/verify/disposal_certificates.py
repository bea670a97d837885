"""Certificates of disposal held against the log's own entries.

What was disposed of is said by whoever runs the database, and so is who agreed to it. The certificate was signed under
a key that is not in it, and names the entries of each step.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from unbroken.verify.chain import Chain
from unbroken.verify.declaration import DISPOSED
from unbroken.verify.destroyed import Continued, Stated, check_certified, statements_at, told_of
from unbroken.verify.lots import ListHash, hash_of, lots_of
from unbroken.verify.numbers import size
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.lots import batch_in
from unbroken.verify.source import Source


@dataclass(frozen=True, slots=True)
class CertifiedStep:
    """One step of a disposal as its certificate has it: the entry that tells of it, by type and number, and its login.

    ``says`` is what that entry has to say beside which disposal it is about.
    """

    type: str
    seq: int
    by: str
    says: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedDisposal(Stated):
    """What a certificate of disposal states; ``sha256`` stands for all ``candidates``."""

    disposal: str
    steps: tuple[CertifiedStep, ...]
    keys: int
    kept: int
    candidates: int
    sha256: str


@dataclass(slots=True)
class Told:
    """What a log's entries say of one disposal."""

    disposal: str
    done_seq: int = 0
    certificate: str | None = None
    entries: list[int] = field(default_factory=list)
    payloads: int = 0
    originals: int = 0
    keys: int = 0
    kept: int = 0
    candidates: int = 0
    exceeded: bool = False
    hash: ListHash = field(default_factory=ListHash)

    def hear(self, told: Statement) -> None:
        """Takes note of one more entry."""
        if told.details.get("complete") is True:
            self.done_seq, self.certificate = told.seq, told.text("certificate")
            return
        batch = batch_in(told)
        self.entries.append(told.seq)
        self.payloads += size(batch.payloads)
        self.originals += size(batch.originals)
        self.keys += len(told.texts("keys"))
        self.kept += size(batch.kept)
        self.exceeded = self.exceeded or batch.exceeds
        for lot in lots_of(batch.candidates) or ():
            self.candidates += size(lot)
            self.hash.add(hash_of(lot, part=batch.part))


def check_disposals(chain: Chain, source: Continued, certificates: tuple[CertifiedDisposal, ...]) -> int:
    """Adds to a chain where what was disposed of and what was certified are not the same; gives how many fit.

    Every disposal that ends needs the certificate that its last entry names; and of what a certificate of this log
    states there must be a disposal that has ended.
    """

    def unlike(told: Told, certified: CertifiedDisposal) -> Iterator[str]:
        yield from differing(told, certified)
        yield from missteps(source, certified)

    stated = [(each.disposal, each.head.seq, each) for each in certificates]
    return len(check_certified(chain, source, disposals_told(source), stated, what="disposal", differing=unlike))


def disposals_told(source: Source) -> dict[str, Told]:
    """The log's disposals by their ids, as its own entries tell them, and those of incarnations that came after it."""
    told: dict[str, Told] = {}
    for statement in told_of(source, DISPOSED):
        disposal = statement.text("disposal")
        if disposal is not None:
            told.setdefault(disposal, Told(disposal)).hear(statement)
    return told


def differing(told: Told, certified: CertifiedDisposal) -> Iterator[str]:
    """What a certificate states otherwise than the entries that tell what was destroyed."""
    if told.disposal != certified.disposal:
        yield "the disposal"
    if tuple(told.entries) != certified.entries:
        yield "its entries"
    if (told.payloads, told.originals, told.keys) != (certified.payloads, certified.originals, certified.keys):
        yield "what it destroyed"
    if told.kept != certified.kept:
        yield "what it kept"
    if (told.candidates, told.hash.hex) != (certified.candidates, certified.sha256):
        yield "its candidates"
    if told.exceeded:
        yield "the part of them that was to go"


def missteps(source: Continued, certified: CertifiedDisposal) -> Iterator[str]:
    """The steps that a certificate names and that the log's entries of these numbers do not tell."""
    told = statements_at(source, {step.seq for step in certified.steps})
    for step in certified.steps:
        if not any(_is(step, each, certified.disposal) for each in told.get(step.seq, ())):
            yield f"entry {step.seq}"


def _is(step: CertifiedStep, told: Statement, disposal: str) -> bool:
    return (
        (told.type, told.login) == (step.type, step.by)
        and told.text("disposal") == disposal
        and all(told.details.get(key) == value for key, value in step.says.items())
    )
