"""Asking one anchor in a thread of its own, so that one that hangs holds up nobody.

A call to a mount whose server is gone can't be interrupted by anything: it is left where it is, and the anchor is not
asked anew until it has returned.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from unbroken.anchors.anchor import Anchor, Anchored, Oddity, Receipt, Submission
from unbroken.errors import NoteError, UnavailableError, UnbrokenError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """What came of asking: a receipt and what it shows, or an error; and what was odd there before."""

    receipt: Receipt | None = None
    anchored: Anchored | None = None
    error: UnbrokenError | None = None
    oddities: tuple[Oddity, ...] = ()


class Call(Generic[T]):
    """One call, from its start until it returns, however long that takes."""

    def __init__(self, call: Callable[[], T], *, name: str) -> None:
        self._told: T | None = None
        self._raised: BaseException | None = None
        # A daemon: one that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, args=(call,), name=name, daemon=True)
        self._thread.start()

    def told(self, *, within_s: float) -> T | None:
        """What came of it; ``None`` if it has not returned within the time. Raises what the call raised."""
        self._thread.join(max(within_s, 0))
        if self._thread.is_alive():
            return None
        if self._raised is not None:
            raise self._raised
        return self._told

    def _run(self, call: Callable[[], T]) -> None:
        try:
            self._told = call()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
            self._raised = error


class Asking(Call[Told]):
    """Handing one checkpoint to one anchor; what is expected to fail is told and not raised."""

    def __init__(self, anchor: Anchor, submission: Submission, *, last: Receipt | None) -> None:
        super().__init__(lambda: _asked(anchor, submission, last), name=f"anchor {anchor.name}")


class Gate:
    """Lets one thread at a time ask for a consistency proof, and none once the round is over.

    The lock is the gate's own; what is asked may use a connection that belongs to whoever publishes.
    """

    def __init__(self, submission: Submission) -> None:
        self._consistency = submission.consistency
        self._lock = threading.Lock()
        self._is_open = True
        self.submission = replace(submission, consistency=self._asked)

    def close(self) -> None:
        """Returns when nobody is asking any more."""
        with self._lock:
            self._is_open = False

    def _asked(self, old: int) -> Sequence[bytes]:
        with self._lock:
            if not self._is_open:
                raise UnavailableError("the anchor answered too late for a consistency proof: try again")
            return self._consistency(old)


def _asked(anchor: Anchor, submission: Submission, last: Receipt | None) -> Told:
    oddities: tuple[Oddity, ...] = ()
    try:
        oddities = _missing(anchor, last)
        receipt = anchor.publish(submission)
        return Told(receipt, anchor.verify(receipt), oddities=oddities)
    except UnbrokenError as error:
        return Told(error=error, oddities=oddities)


def _missing(anchor: Anchor, last: Receipt | None) -> tuple[Oddity, ...]:
    """What it was given last and does not hold any more."""
    try:
        if last is None or not anchor.keeps or anchor.holds(last):
            return ()
        size = anchor.verify(last).checkpoint.size
    except NoteError:
        # Signed by a key that is trusted no longer: nothing follows for what comes next.
        return ()
    return (Oddity(anchor.name, "missing", anchor.where, size),)
