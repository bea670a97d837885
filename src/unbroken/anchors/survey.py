"""What stands outside now: each anchor asked, or where it can't be asked, its receipts verified.

The receipts come from the database, which is not believed: what of them does not verify is odd, and what is withheld
makes an anchor look older than it is.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Literal

from unbroken.anchors.anchor import Anchor, Kind, Oddity, Receipt, TrustedLog
from unbroken.anchors.asking import Call
from unbroken.anchors.standing import Standing
from unbroken.core.checkpoint import Checkpoint
from unbroken.errors import AnchorError, NoteError, UnavailableError, UnbrokenError

Clock = Literal["anchor", "log"]
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest checkpoint that an anchor shows, and when it had it: by its own ``clock``, or as the log signed."""

    checkpoint: Checkpoint
    by: str
    at: datetime | None
    clock: Clock | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One anchor. ``is_asked`` tells whether it said so itself just now, or receipts did; ``error`` is why not.

    ``count`` is how many checkpoints were looked at.
    """

    anchor: str
    kind: Kind
    where: str
    keeps: bool
    is_asked: bool = False
    newest: Shown | None = None
    count: int = 0
    oddities: tuple[Oddity, ...] = ()
    error: UnbrokenError | None = None

    @property
    def standing(self) -> Standing:
        """As what lateness is told by."""
        if self.newest is None:
            return Standing()
        return Standing(self.newest.checkpoint.size, self.newest.checkpoint.root, self.newest.at)

    @property
    def is_odd(self) -> bool:
        """Whether there is something to look into, which an outage is not."""
        return bool(self.oddities) or isinstance(self.error, AnchorError | NoteError)


def survey(
    anchors: Sequence[Anchor], receipts: Iterable[Receipt], log: TrustedLog, *, timeout_s: float, thorough: bool = False
) -> tuple[Seen, ...]:
    """Looks at all anchors at once, each for no longer than the time.

    ``receipts`` are what is known to have been given to them, larger trees first, and of one tree the newest.
    ``thorough`` reads all that an anchor holds, and looks in it for every receipt; else the newest is looked at alone.
    Nothing is raised for an anchor.
    """
    given = tuple(receipts)
    calls = [
        Call(
            _looking(each, [receipt for receipt in given if _is_of(receipt, each)], log, thorough=thorough),
            name=each.name,
        )
        for each in anchors
    ]
    deadline = time.monotonic() + timeout_s
    return tuple(
        call.told(within_s=deadline - time.monotonic()) or _silent(anchor, given, log)
        for call, anchor in zip(calls, anchors, strict=True)
    )


def _looking(anchor: Anchor, given: Sequence[Receipt], log: TrustedLog, *, thorough: bool) -> Callable[[], Seen]:
    return lambda: _seen(anchor, given, log, thorough=thorough)


def _seen(anchor: Anchor, given: Sequence[Receipt], log: TrustedLog, *, thorough: bool) -> Seen:
    by_receipts = _by_receipts(anchor, given, log, thorough=thorough)
    if not anchor.keeps:
        return by_receipts
    try:
        held = _held(anchor, given, log) if thorough else _newest(anchor, given, log)
    except UnbrokenError as error:
        return replace(by_receipts, error=error)
    return replace(held, oddities=(*held.oddities, *by_receipts.oddities))


def _silent(anchor: Anchor, given: Sequence[Receipt], log: TrustedLog) -> Seen:
    """An anchor that does not answer in time, by what is known of it."""
    known = [receipt for receipt in given if _is_of(receipt, anchor)]
    seen = _by_receipts(anchor, known, log, thorough=False)
    return replace(seen, error=UnavailableError(f"the anchor {anchor.name!r} does not answer"))


def _newest(anchor: Anchor, given: Sequence[Receipt], log: TrustedLog) -> Seen:
    receipt, odd = None, []
    for each in anchor.held():
        if isinstance(each, Receipt):
            receipt = each
            break
        odd.append(each)
    shown = None if receipt is None else _renewed(anchor, _shown(anchor, receipt, log), given, log)
    return _of(anchor, is_asked=True, newest=shown, count=int(shown is not None), oddities=tuple(odd))


def _renewed(anchor: Anchor, shown: Shown, given: Sequence[Receipt], log: TrustedLog) -> Shown:
    """The same tree by the newest note of it, if the anchor has that: names tell sizes, and not which note is newer.

    A quiet log has one for each hour there; which of them to look for, the receipts know.
    """
    for receipt in given[:1]:
        try:
            newer = _shown(anchor, receipt, log)
        except (AnchorError, NoteError):
            continue
        if _order(shown) < _order(newer) and anchor.holds(receipt):
            return newer
    return shown


def _order(shown: Shown) -> tuple[int, datetime]:
    return shown.checkpoint.size, shown.at or _NEVER


def _held(anchor: Anchor, given: Sequence[Receipt], log: TrustedLog) -> Seen:
    newest: Shown | None = None
    odd: list[Oddity] = []
    notes: set[bytes] = set()
    roots: dict[int, bytes] = {}
    for each in anchor.held():
        if isinstance(each, Oddity):
            odd.append(each)
            continue
        notes.add(_digest(each))
        shown = _shown(anchor, each, log)
        newest = shown if newest is None else max(newest, shown, key=_order)
        size, root = shown.checkpoint.size, shown.checkpoint.root
        if roots.setdefault(size, root) != root:
            raise AnchorError(
                f"the anchor {anchor.name!r} holds two signed checkpoints of {size} entries that exclude each other:"
                " two histories of the log exist"
            )
    missing = (receipt for receipt in given if _digest(receipt) not in notes)
    odd += [Oddity(anchor.name, "missing", anchor.where, size) for size in _sizes(missing, log)]
    return _of(anchor, is_asked=True, newest=newest, count=len(notes), oddities=tuple(odd))


def _sizes(receipts: Iterable[Receipt], log: TrustedLog) -> Iterator[int]:
    """Of those alone that the log signed: of others nobody says that they were ever given to an anchor."""
    for receipt in receipts:
        try:
            yield log.opened(receipt.note).size
        except NoteError:
            continue


def _by_receipts(anchor: Anchor, given: Sequence[Receipt], log: TrustedLog, *, thorough: bool) -> Seen:
    shown: list[Shown] = []
    odd: list[Oddity] = []
    for receipt in given:
        try:
            shown.append(_shown(anchor, receipt, log))
        except (AnchorError, NoteError) as error:
            odd.append(Oddity(anchor.name, "damaged", f"a receipt in the database: {error}"))
        if shown and not thorough:
            break
    newest = max(shown, key=_order, default=None)
    return _of(anchor, is_asked=False, newest=newest, count=len(shown), oddities=tuple(odd))


def _shown(anchor: Anchor, receipt: Receipt, log: TrustedLog) -> Shown:
    anchored = anchor.verify(receipt)
    if anchored.at is not None:
        return Shown(anchored.checkpoint, anchored.by, anchored.at, "anchor")
    signed_at = log.signed_at(receipt.note)
    return Shown(anchored.checkpoint, anchored.by, signed_at, None if signed_at is None else "log")


def _of(anchor: Anchor, *, is_asked: bool, newest: Shown | None, count: int, oddities: tuple[Oddity, ...]) -> Seen:
    return Seen(
        anchor.name, anchor.kind, anchor.where, anchor.keeps, is_asked, newest, count, tuple(islice(oddities, 1000))
    )


def _is_of(receipt: Receipt, anchor: Anchor) -> bool:
    return (receipt.anchor, receipt.kind) == (anchor.name, anchor.kind)


def _digest(receipt: Receipt) -> bytes:
    return hashlib.sha256(receipt.note.encode()).digest()
