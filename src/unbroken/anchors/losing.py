"""What a log has lost: its entries held against the checkpoints that its notary signed and others keep."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Final

from unbroken.anchors.anchor import Anchor, Receipt, TrustedLog
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.tree.edge import EMPTY
from unbroken.core.tree.extending import extended
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.errors import UnbrokenError

MOST_HELD: Final = 10_000
"""How many checkpoints one anchor is read to, from the largest on, for one that the log still reaches to."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A signed checkpoint and who keeps it."""

    checkpoint: Checkpoint
    note: str = field(repr=False)
    by: str

    @property
    def size(self) -> int:
        """How many entries it covers."""
        return self.checkpoint.size

    @property
    def digest(self) -> str:
        """The SHA-256 of the note, in hex."""
        return sha256(self.note.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Asked:
    """What was found outside of the database, larger trees first, and who did not answer with anything of use."""

    kept: tuple[Kept, ...] = ()
    unreached: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """A log that ends at ``end``, held against what is kept of it outside.

    ``newest`` is the largest signed tree, ``fits`` the largest that the log still contains, ``unfit`` the smallest that
    it reaches to and does not contain.
    """

    end: int
    newest: Kept | None = None
    fits: Kept | None = None
    unfit: Kept | None = None

    @property
    def sound(self) -> int:
        """Up to which number the entries are those that were acknowledged, as far as is known: ``end``, or before."""
        if self.unfit is None:
            return self.end
        return 0 if self.fits is None else self.fits.size

    @property
    def lost(self) -> tuple[int, int] | None:
        """The first and the last number that were signed and are gone; ``None`` where nothing is known to be."""
        if self.newest is None or self.newest.size <= self.sound:
            return None
        return self.sound + 1, self.newest.size


def kept_by(anchors: Iterable[Anchor], log: TrustedLog, *, end: int) -> Asked:
    """What anchors hold of a log: of each the largest tree, and the largest that does not go beyond ``end``."""
    kept: list[Kept] = []
    unreached: list[tuple[str, str]] = []
    for anchor in anchors:
        if not anchor.keeps:
            unreached.append((anchor.name, "can't be asked what it was given"))
            continue
        try:
            kept += _newest_and_within(anchor, log, end)
        except UnbrokenError as error:
            unreached.append((anchor.name, str(error)))
    return Asked(tuple(sorted(kept, key=lambda each: -each.size)), tuple(unreached))


def _newest_and_within(anchor: Anchor, log: TrustedLog, end: int) -> Iterator[Kept]:
    is_first = True
    for each in islice(anchor.held(), MOST_HELD):
        if isinstance(each, Receipt):
            kept = Kept(log.opened(each.note), each.note, anchor.name)
            if is_first or kept.size <= end:
                yield kept
            if kept.size <= end:
                return
            is_first = False


def held_against(kept: Sequence[Kept], end: int, leaves: Iterable[bytes]) -> Loss:
    """Compares by root; ``leaves`` are the hashes of the first ``end`` entries, concatenated, some at a time."""
    by_size = sorted(kept, key=lambda each: each.size)
    within = [each for each in by_size if each.size <= end]
    roots = _roots([each.size for each in within], leaves)
    wrong = [each for each in within if roots.get(each.size) != each.checkpoint.root]
    right = [each for each in within if each not in wrong and (not wrong or each.size < wrong[0].size)]
    return Loss(
        end,
        newest=by_size[-1] if by_size else None,
        fits=right[-1] if right else None,
        unfit=wrong[0] if wrong else None,
    )


def _roots(sizes: Sequence[int], leaves: Iterable[bytes]) -> dict[int, bytes]:
    """The roots of the trees of these sizes, which ascend, as far as there are leaves."""
    edge, roots, waiting = EMPTY, {0: EMPTY.root}, list(dict.fromkeys(sizes))
    for some in leaves:
        hashes = [some[at : at + HASH_BYTES] for at in range(0, len(some), HASH_BYTES)]
        while hashes and waiting:
            if waiting[0] <= edge.size:
                waiting.pop(0)
                continue
            step = waiting[0] - edge.size
            edge = extended(edge, hashes[:step]).edge
            hashes = hashes[step:]
            if edge.size == waiting[0]:
                roots[waiting.pop(0)] = edge.root
        if not waiting:
            break
    return roots
