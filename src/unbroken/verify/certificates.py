"""Certificates of erasure held against the log's own entries.

What an entry says was erased was said by whoever runs the database. A certificate was signed under a key that is not
in it, and so was the order, when everything was there still.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from unbroken.verify.chain import Chain
from unbroken.verify.continuation import Continuation
from unbroken.verify.declaration import ERASED
from unbroken.verify.destroyed import KIND, PART, Stated, check_certified, told_of
from unbroken.verify.disposal_certificates import CertifiedDisposal
from unbroken.verify.numbers import size
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.lots import runs_named
from unbroken.verify.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified(Stated):
    """What a certificate of erasure states."""

    erasure: str
    order: str
    begun_seq: int
    begun_by: str
    keys: frozenset[str]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Certificates:
    """What somebody keeps outside: certificates, and the SHA-256 of the note of each order."""

    certificates: tuple[Certified, ...]
    orders: frozenset[str]
    disposals: tuple[CertifiedDisposal, ...] = ()

    def without_lost(self, continued: Continuation | None) -> "Certificates":
        """The same without disposals that a log has lost with its end, as the incarnation after it declares.

        What was disposed of is there again then, and comes up again. Erasures are not left out: whoever restores a log
        carries them out once more.
        """
        if continued is None or continued.lost is None:
            return self
        lost = [each for each in self.disposals if each.log == continued.after and each.head.seq > continued.kept.seq]
        return replace(self, disposals=tuple(each for each in self.disposals if each not in lost))


@dataclass(slots=True)
class Told:
    """What a log's entries say of one erasure."""

    erasure: str
    order: str | None = None
    begun_seq: int = 0
    begun_by: str = ""
    done_seq: int = 0
    certificate: str | None = None
    entries: list[int] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    payloads: int = 0
    originals: int = 0

    def hear(self, told: Statement) -> None:
        """Takes note of one more entry."""
        if told.details.get("complete") is True:
            self.done_seq, self.certificate = told.seq, told.text("certificate")
            return
        if told.text("order") is not None and self.order is None:
            self.order, self.begun_seq, self.begun_by = told.text("order"), told.seq, told.login
        self.entries.append(told.seq)
        self.keys |= set(told.texts("keys"))
        self.names |= set(told.texts("pseudonyms"))
        self.payloads += size(runs_named(told.text("payloads")))
        self.originals += size(runs_named(told.text("originals")))


def check_certificates(chain: Chain, source: Source, kept: Certificates) -> int:
    """Adds to a chain where what was erased and what was certified are not the same; gives how many fit.

    Every erasure that ends needs the certificate that its last entry names, and one that has only begun the order; and
    of what a certificate of this log states there must be an erasure that has ended.
    """
    told = _told_in(source)
    unordered = [each for each in told.values() if each.order is not None and each.order not in kept.orders]
    for each in unordered:
        wanted = f"the order {each.order} in the ledger, with which this erasure began"
        chain.find(KIND, each.begun_seq, expected=wanted, found="none", part=PART)
    stated = [(each.erasure, each.begun_seq, each) for each in kept.certificates]
    fitting = check_certified(chain, source, told, stated, what="erasure", differing=differing)
    return len(fitting - {each.erasure for each in unordered})


def _told_in(source: Source) -> dict[str, Told]:
    """The log's erasures by their ids, as its own entries tell them, and those of incarnations that came after it."""
    told: dict[str, Told] = {}
    for statement in told_of(source, ERASED):
        erasure = statement.text("erasure")
        if erasure is not None:
            told.setdefault(erasure, Told(erasure)).hear(statement)
    return told


def differing(told: Told, certified: Certified) -> Iterable[str]:
    """What a certificate states otherwise than the entries. It may name keys that another erasure destroyed."""
    if told.erasure != certified.erasure:
        yield "the erasure"
    if told.order != certified.order:
        yield "the order"
    if (told.begun_seq, told.begun_by) != (certified.begun_seq, certified.begun_by):
        yield "its beginning"
    if tuple(told.entries) != certified.entries:
        yield "its entries"
    if (told.payloads, told.originals) != (certified.payloads, certified.originals):
        yield "what it destroyed"
    if not told.keys <= certified.keys:
        yield "keys"
    if not told.names <= certified.names:
        yield "names"
