"""What a log's own entries tell of what was destroyed, for certificates to be held against."""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Protocol

from unbroken.core.entry import Head, StoredEntry
from unbroken.verify.examine import Intact, examine
from unbroken.verify.replay.act import Statement
from unbroken.verify.source import Source


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
    for step in chain(own, later):
        tells = step.tells
        if step.seq in seqs and isinstance(tells, Statement) and (tells.about or step.log) == source.log:
            found.setdefault(step.seq, []).append(tells)
    return found


def has(source: Source, head: Head) -> bool:
    """Whether the log has this very entry."""
    return any(step.hash.hex() == head.hash for step in _intact(source, head.seq))


def _intact(source: Source, seq: int) -> Iterator[Intact]:
    steps = (step for entries in source.entries(after=seq - 1, upto=seq) for step in map(examine, entries))
    return (step for step in steps if isinstance(step, Intact))
