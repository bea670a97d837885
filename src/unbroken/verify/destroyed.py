"""What a log's own entries tell of what was destroyed, and certificates held against it."""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from unbroken.core.entry import Head, StoredEntry
from unbroken.verify.chain import Chain
from unbroken.verify.examine import Intact, examine
from unbroken.verify.finding import Kind
from unbroken.verify.replay.act import Statement
from unbroken.verify.source import Source

KIND: Final[Kind] = "certificate_disagrees"
PART: Final = "certificate"


def told_of(source: Source, event_type: str) -> Iterator[Statement]:
    """What its entries of this type say of it, and those of incarnations that came after it."""
    for entries in source.erasures():
        for step in map(examine, entries):
            if isinstance(step, Intact) and isinstance(step.tells, Statement) and step.tells.type == event_type:
                about = step.tells.about or step.log
                if about == source.log:
                    yield step.tells


class Continued(Source, Protocol):
    """A log that may go on under another incarnation."""

    def told_later(self) -> Iterator[list[StoredEntry]]:
        """The entries of later incarnations that tell of what was done with this one, some at a time."""


def statements_at(source: Continued, seqs: Collection[int]) -> dict[int, list[Statement]]:
    """What the log itself says of itself with the entries of these numbers, its own or of incarnations after it.

    None where an entry is anybody else's, or not intact; several where incarnations have the same numbers.
    """
    own = (step for seq in sorted(set(seqs)) for step in _intact(source, seq))
    later = (step for entries in source.told_later() for step in map(examine, entries) if isinstance(step, Intact))
    found: dict[int, list[Statement]] = {}
    for step in itertools.chain(own, later):
        tells = step.tells
        if step.seq in seqs and isinstance(tells, Statement) and (tells.about or step.log) == source.log:
            found.setdefault(step.seq, []).append(tells)
    return found


class Ended(Protocol):
    """What entries tell of one thing that was carried out: the entry at its end, 0 before, and its certificate."""

    done_seq: int
    certificate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a certificate states, of whatever was destroyed, as far as a log can be held against it.

    ``digest`` is the SHA-256 of its note, ``entries`` are the log's that list what is gone or was kept, ``head`` is its
    end when the certificate was signed.
    """

    digest: str
    log: str
    entries: tuple[int, ...]
    payloads: int
    originals: int
    head: Head


T = TypeVar("T", bound=Ended)
C = TypeVar("C", bound=Stated)


def check_certified(
    chain: Chain,
    source: Source,
    told: Mapping[str, T],
    certificates: Iterable[tuple[str, int, C]],
    *,
    what: str,
    differing: Callable[[T, C], Iterable[str]],
) -> set[str]:
    """Adds to a chain where what ended and what was certified are not the same; gives the ids of what fits.

    What is ``told`` goes by its id. A certificate comes with the id of what it is of, and with the entry at which it is
    a finding that the log does not tell the end of it. ``what`` names the thing in words, and ``differing`` what a
    certificate states otherwise than the entries.
    """
    kept = list(certificates)
    by_digest = {certified.digest: certified for _, _, certified in kept}
    fitting = set()
    for name, each in told.items():
        findings = list(_unlike(each, by_digest, source, differing))
        for seq, expected, found in findings:
            chain.find(KIND, seq, expected=expected, found=found, part=PART)
        if each.done_seq and not findings:
            fitting.add(name)
    for name, seq, certified in kept:
        if certified.log == source.log and (name not in told or not told[name].done_seq):
            wanted = f"the end of {what} {name}, of which there is a certificate"
            chain.find(KIND, seq, expected=wanted, found="no entry that tells of it", part=PART)
    return fitting


def _unlike(
    told: T, certificates: Mapping[str, C], source: Source, differing: Callable[[T, C], Iterable[str]]
) -> Iterator[tuple[int, str, str]]:
    """Where, what should be, and what is."""
    if not told.done_seq:
        return
    certified = certificates.get(told.certificate or "")
    if certified is None:
        yield told.done_seq, f"the certificate {told.certificate} in the ledger, which this entry names", "none"
        return
    wrong = ", ".join(differing(told, certified))
    if wrong:
        yield told.done_seq, f"what its certificate says of {wrong}", "entries that say something else"
    if not has(source, certified.head):
        yield certified.head.seq, f"hash {certified.head.hash}, the log's end when it was certified", "another entry"


def has(source: Source, head: Head) -> bool:
    """Whether the log has this very entry."""
    return any(step.hash.hex() == head.hash for step in _intact(source, head.seq))


def _intact(source: Source, seq: int) -> Iterator[Intact]:
    steps = (step for entries in source.entries(after=seq - 1, upto=seq) for step in map(examine, entries))
    return (step for step in steps if isinstance(step, Intact))
