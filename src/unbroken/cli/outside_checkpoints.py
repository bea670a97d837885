"""Fetching what others keep of a log's checkpoints. What comes of it is opened by verification, not here."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from unbroken.anchors.anchor import Anchor, Oddity, Receipt, TrustedLog
from unbroken.anchors.configuration import AnchorsFile
from unbroken.core.key_history import KeyHistory
from unbroken.core.tree.tile import MAX_SIZE
from unbroken.errors import AnchorError, NoteError, UnbrokenError
from unbroken.store.checkpoints import Checkpoints, StoredReceipt
from unbroken.verify.outside import Held, Outside, Passed

DATABASE: Final = "the database"
VERIFIER: Final = "this verifier"
PAGE: Final = 1000
_GRACE_S: Final = 5.0
"""How much longer than its own timeout an anchor may be silent: what answers no longer than that hangs."""


def gather(file: AnchorsFile, checkpoints: Checkpoints, *, kept: Iterable[str] = ()) -> Outside:
    """All checkpoints of the log that the file's anchors, this verifier (``kept``) and the database have.

    Raises :class:`ConfigurationError` where an anchor can't be set up. Whoever can't be reached is only named.
    """
    history, passed = _history(file, checkpoints)
    anchors = file.anchors(TrustedLog(checkpoints.log, history.keys))
    # They are asked while the database is.
    readings = [_Reading(each) for each in anchors if each.keeps]
    brought = [Held(note, DATABASE, is_outside=False) for note in _stored_notes(checkpoints)]
    for each in anchors:
        if not each.keeps:
            receipts, damaged = _receipts(each, checkpoints)
            brought, passed = brought + receipts, passed + damaged
    held, away = [Held(note, VERIFIER) for note in kept], list[Passed]()
    for reading in readings:
        reading.wait(patience_s=file.terms.timeout_s + _GRACE_S)
        held, away, passed = held + reading.held, away + reading.why_not, passed + reading.odd
    reached = [reading.name for reading in readings if not reading.why_not]
    if not reached:
        away += [Passed(each.name, "it can't be asked what it was given") for each in anchors if not each.keeps]
    outside = Outside.of(held + brought, log=checkpoints.log, signers=history, reached=reached, unreached=away)
    return replace(outside, refused=(*passed, *outside.refused))


def _history(file: AnchorsFile, checkpoints: Checkpoints) -> tuple[KeyHistory, list[Passed]]:
    """The keys that follow from those trusted; statements that don't fit together count for nothing."""
    statements = [each.statement for each in checkpoints.key_statements()]
    try:
        return KeyHistory.of(statements, file.trust, file.log), []
    except NoteError as error:
        refused = Passed(DATABASE, f"its key statements: {error}", len(statements))
        return KeyHistory.of((), file.trust, file.log), [refused]


def _stored_notes(checkpoints: Checkpoints) -> Iterator[str]:
    before = MAX_SIZE
    while page := checkpoints.listed(limit=PAGE, before=before):
        yield from (each.note for each in page)
        before = page[-1].size


def _receipts(anchor: Anchor, checkpoints: Checkpoints) -> tuple[list[Held], list[Passed]]:
    """What an anchor answered that keeps nothing: the database has the only copies, and may withhold them."""
    by = f"{anchor.name}, by its receipt"
    held: list[Held] = []
    damaged: list[Passed] = []
    for stored in _stored_receipts(anchor.name, checkpoints):
        try:
            receipt = Receipt.from_bytes(stored.receipt)
            held.append(Held(receipt.note, by, anchor.verify(receipt).at, is_outside=False))
        except (AnchorError, NoteError) as error:
            damaged.append(Passed(by, str(error), 1, stored.size))
    return held, _counted(damaged)


def _stored_receipts(anchor: str, checkpoints: Checkpoints) -> Iterator[StoredReceipt]:
    most, seen = MAX_SIZE, set[bytes]()
    # Several may be for one size, so a page begins with the size that the last one ended with.
    while page := checkpoints.receipts(limit=PAGE + len(seen), anchor=anchor, most=most):
        new = [each for each in page if each.receipt not in seen]
        if not new:
            return
        yield from new
        most = page[-1].size
        seen = {each.receipt for each in page if each.size == most}


class _Reading:
    """One anchor read from end to end in a thread of its own, which may hang for ever on a mount that is gone."""

    def __init__(self, anchor: Anchor) -> None:
        self.name = anchor.name
        self.held: list[Held] = []
        self.why_not: list[Passed] = []
        self._anchor = anchor
        self._odd: list[Passed] = []
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"reading {anchor.name}", daemon=True)
        self._thread.start()

    @property
    def odd(self) -> list[Passed]:
        """What claims to be a checkpoint there and is none that can be believed."""
        return _counted(self._odd)

    def wait(self, *, patience_s: float) -> None:
        """Until all is read, or nothing has come for so long."""
        while self._thread.is_alive():
            before = len(self.held) + len(self._odd)
            self._thread.join(patience_s)
            if self._thread.is_alive() and before == len(self.held) + len(self._odd):
                self.why_not = [Passed(self.name, f"it has not answered for {patience_s:g} s")]
                return
        if self._raised is not None:
            raise self._raised

    def _run(self) -> None:
        try:
            for each in self._anchor.held():
                self._take(each)
        except UnbrokenError as error:
            self.why_not = [Passed(self.name, str(error))]
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._raised = error

    def _take(self, each: Receipt | Oddity) -> None:
        if isinstance(each, Receipt):
            self.held.append(Held(each.note, self.name, self._anchor.verify(each).at))
        elif each.size is not None:
            self._odd.append(
                Passed(self.name, f"{each.what}, though it claims to be a checkpoint: {each.place}", 1, each.size)
            )


def _counted(passed: Sequence[Passed]) -> list[Passed]:
    """One for each who, with the first reason, how many there are, and the most that one claims."""
    found: dict[str, Passed] = {}
    for each in passed:
        before = found.setdefault(each.who, replace(each, notes=0))
        found[each.who] = replace(before, notes=before.notes + each.notes, size=max(before.size, each.size))
    return list(found.values())
