"""Signed checkpoints of a log, as others keep them: what a verifier holds the log against.

They come as plain values, and whoever fetched them is believed no more than the log is: each note is opened here, by
keys that are trusted. Nobody who lacks the log's key can make one up. But the database's owner can withhold those that
pass through his hands, the newest first; so these count against the log, and never for its end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from unbroken.core import note
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.cosignature import stated_time
from unbroken.core.note import VerifierKey
from unbroken.errors import NoteError
from unbroken.verify.continuation import Continuation
from unbroken.verify.tree import EMPTY, Span, Tree


class Signers(Protocol):
    """Who may have signed which tree of a log, for whoever trusts what was given."""

    def opened(self, note: str | bytes, *, origin: str) -> tuple[Checkpoint, Sequence[VerifierKey]]:
        """The checkpoint of a note, and who signed it; raises :class:`NoteError` where nobody did who is trusted."""


@dataclass(frozen=True, slots=True)
class Held:
    """A note that is said to be a checkpoint, and who keeps it; ``at`` is when, by a clock of theirs that signs.

    ``is_outside`` tells that it was read where the database's owner can't reach, and not handed over by the database.
    """

    note: str
    by: str
    at: datetime | None = None
    is_outside: bool = True


@dataclass(frozen=True, slots=True)
class SignedTree:
    """A tree that the log's key signed: a note that says so, who keeps one, and the latest time that any states."""

    size: int
    root: bytes
    note: str = field(repr=False)
    key: str
    by: tuple[str, ...]
    at: datetime | None
    is_outside: bool

    def __str__(self) -> str:
        when = "" if self.at is None else f" as of {self.at:%Y-%m-%d %H:%M:%S} UTC"
        return f"a signed checkpoint of {self.size} entries, kept by {self.keepers}{when}"

    @property
    def keepers(self) -> str:
        """Who keeps it, in words."""
        *others, last = self.by
        return f"{', '.join(others)} and {last}" if others else last


@dataclass(frozen=True, slots=True)
class Passed:
    """Somebody who was passed over, and why: nobody answered, or what they keep is not signed by a trusted key.

    ``notes`` is how many notes of theirs don't count, and ``size`` the most entries that one of them claims.
    """

    who: str
    why: str
    notes: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Outside:
    """All that is known of a log from elsewhere: its signed trees by size, who answered and who didn't.

    ``continued`` is what the incarnation after it declares to be lost of it: that is no truncation.
    """

    log: str
    trees: tuple[SignedTree, ...] = ()
    reached: tuple[str, ...] = ()
    unreached: tuple[Passed, ...] = ()
    refused: tuple[Passed, ...] = ()
    continued: Continuation | None = None

    @classmethod
    def of(
        cls,
        held: Iterable[Held],
        *,
        log: str,
        signers: Signers,
        reached: Iterable[str] = (),
        unreached: Iterable[Passed] = (),
    ) -> "Outside":
        """Opens the notes of ``log``, named in full. They are gathered before the log's end is asked for: it grows."""
        trees: dict[tuple[int, bytes], SignedTree] = {}
        refused: dict[str, Passed] = {}
        for each in held:
            try:
                tree = _opened(each, log, signers)
            except NoteError as error:
                before = refused.get(each.by, Passed(each.by, str(error)))
                size = max(before.size, _claimed(each.note, log))
                refused[each.by] = replace(before, notes=before.notes + 1, size=size)
                continue
            place = tree.size, tree.root
            trees[place] = _together(trees[place], tree) if place in trees else tree
        by_size = tuple(trees[place] for place in sorted(trees) if place[0])
        return cls(log, by_size, tuple(dict.fromkeys(reached)), tuple(unreached), tuple(refused.values()))

    def tree(self, start: Span = EMPTY) -> Tree:
        """A tree that grows from ``start`` on and notes the roots that these checkpoints are compared with."""
        return Tree((each.size for each in self.trees), start=start)

    def upto(self, size: int) -> "Outside":
        """The same without the checkpoints of larger trees."""
        return replace(self, trees=tuple(each for each in self.trees if each.size <= size))

    @property
    def is_blind(self) -> bool:
        """Whether there is nothing to tell the log's end by: nobody answered, or nobody with what is trusted."""
        is_shown = any(tree.is_outside for tree in self.trees)
        return not is_shown and (not self.reached or bool(self.refused))


@dataclass(frozen=True, slots=True)
class Fork:
    """Two signed trees that exclude each other; ``root`` is what the larger has at the smaller's size.

    ``consistency`` proves that (RFC 6962), and is empty where their sizes are equal; ``None`` where it can't be had.
    """

    smaller: SignedTree
    larger: SignedTree
    root: bytes
    consistency: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Against:
    """What came of holding a log against signed checkpoints.

    ``newest`` is the largest tree kept outside that the log still contains: what it is proven to. ``brought`` is the
    same for what the database itself handed over, where that goes further. ``compared`` signed trees were held against
    the entries, of which ``unfit`` don't fit; ``beyond`` are larger than the log, but for the ``declared``, which cover
    what the log's next incarnation says was lost; ``uncompared`` are smaller than what was read, or lie behind a gap.
    """

    newest: SignedTree | None = None
    brought: SignedTree | None = None
    compared: int = 0
    unfit: int = 0
    beyond: int = 0
    declared: int = 0
    uncompared: int = 0
    reached: tuple[str, ...] = ()
    unreached: tuple[Passed, ...] = ()
    refused: tuple[Passed, ...] = ()
    is_blind: bool = False
    fork: Fork | None = None

    @property
    def doubts(self) -> tuple[Passed, ...]:
        """What claims to be larger than the newest tree, and might be one by a key that the verifier wasn't told of."""
        proven = 0 if self.newest is None else self.newest.size
        return tuple(each for each in self.refused if each.size > proven)

    def shows_end(self, size: int) -> bool:
        """Whether a log of this size ends with what somebody outside has now, as the newest that there is."""
        is_newest = self.newest is not None and self.newest.size == size and not self.declared
        return is_newest and bool(self.reached) and not self.doubts


def _opened(held: Held, log: str, signers: Signers) -> SignedTree:
    checkpoint, keys = signers.opened(held.note, origin=log)
    at = max((each for each in (held.at, stated_time(held.note, keys)) if each is not None), default=None)
    return SignedTree(checkpoint.size, checkpoint.root, held.note, str(keys[0]), (held.by,), at, held.is_outside)


def _claimed(text: str, log: str) -> int:
    """The size that a note states which nobody trusted signed; 0 where it states none of this log."""
    try:
        claim = Checkpoint.parse(note.parse(text).text)
    except NoteError:
        return 0
    return claim.size if claim.origin == log else 0


def _together(one: SignedTree, other: SignedTree) -> SignedTree:
    """Two notes of one tree: the one that states a later time stands for both."""
    times = [each for each in (one.at, other.at) if each is not None]
    newest = max(times) if times else None
    later = other if one.at is None or (other.at is not None and other.at > one.at) else one
    by = tuple(dict.fromkeys((*one.by, *other.by)))
    return replace(later, by=by, at=newest, is_outside=one.is_outside or other.is_outside)
