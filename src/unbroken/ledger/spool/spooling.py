"""Delivery with a spool behind it: in an outage events go to this machine's disk, and to the log once it is back.

Order is kept: while anything waits in the spool, what comes goes there too. There is no background thread; the callers'
own submissions try the log again from time to time, and :meth:`Spooling.close` does once more.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Final, TypeVar

from unbroken.core.event import decode_event
from unbroken.errors import (
    InvalidEventError,
    NotApprovedError,
    OutcomeUnknownError,
    SpoolFullError,
    UnavailableError,
    UnbrokenError,
)
from unbroken.ledger.delivery import Delivered, Delivery
from unbroken.ledger.group import MAX_BATCH
from unbroken.ledger.keeping import Keeping
from unbroken.ledger.receipt import Spooled
from unbroken.ledger.sealed import Sealed
from unbroken.ledger.spool.place import SpoolPlace
from unbroken.ledger.spool.spool import Spool, orphans
from unbroken.store.log_writer import LogWriter

PATIENCE_S: Final = 3.0
"""How long the first call of an outage waits for the log before it turns to the spool."""
GLANCE_S: Final = 1.0
"""How long a later call waits, when it is one that tries."""
PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Between two tries; the last one repeats."""
DRAIN_S: Final = 2.0
"""How long closing spends on sending what is in the spool."""
ADOPT_S: Final = 0.25
"""How long one call spends on sending what others have left."""

MAX_NAMED: Final = 1000
"""How many refused events the log's entry on a gap names; the spool names them all."""

R = TypeVar("R")
_log = logging.getLogger("unbroken")


class Spooling:
    """Stands in the place of a :class:`Delivery`; used by one thread at a time, as that is by who leads a group.

    Questions alone may come from any thread.
    """

    def __init__(self, delivery: Delivery | Keeping, place: SpoolPlace, *, recorder: str) -> None:
        self._delivery = delivery
        self._place = place
        self._spool = Spool(place.folder, recorder, log=place.log, limit_bytes=place.limit_bytes)
        # What other recorders left when they died is looked for once the log is there.
        self._has_adopted = False
        # Owns the change from a log that answers to one that doesn't; the way back is the delivering thread's alone.
        self._noting = threading.Lock()
        self._failing_since: datetime | None = None
        self._tries = 0
        self._next_try = 0.0

    def deliver(self, batch: Sequence[Sealed], *, deadline: float) -> Delivered:
        """Receipts, or the word that the batch is in the spool; raises what the log refuses, and a full spool."""
        now = time.monotonic()
        failing = self._failing_since is not None
        if failing and now < self._next_try:
            return self._keep(batch, None)
        until = min(deadline, now + (GLANCE_S if failing else PATIENCE_S))
        waiting = self._spool.count
        try:
            if failing:  # else nothing waits, and the disk is not looked at
                self._catch_up(until)
            delivered = self._delivery.deliver(batch, deadline=until)
        except (UnavailableError, OutcomeUnknownError) as error:
            self._note_failure(progress=self._spool.count < waiting)
            return self._keep(batch, error)
        self._failing_since = None
        self._adopt(min(deadline, time.monotonic() + ADOPT_S))
        return delivered

    def ask(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R:
        """As :meth:`Delivery.ask`: what has to be asked can't be spooled."""
        return self._delivery.ask(question, deadline=deadline)

    def ask_until(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R | None:
        """As :meth:`Delivery.ask_until`; ``None`` in an outage, which what is delivered finds out to be over."""
        if self._failing_since is not None:
            return None
        try:
            return self._delivery.ask_until(question, deadline=min(deadline, time.monotonic() + PATIENCE_S))
        except UnavailableError:
            self._note_outage()
            return None

    def finish(self) -> None:
        """Sends what waits; raises :class:`UnavailableError` when that takes too long."""
        deadline = time.monotonic() + DRAIN_S
        self._catch_up(deadline)
        self._adopt(deadline)
        self._delivery.finish()

    def close(self) -> None:
        """Closes connection and spool; what waits stays on the disk."""
        if not self._spool.empty:
            _log.warning(
                "%d events stay in the spool %s: the next recorder or `unbroken spool drain` sends them",
                self._spool.count,
                self._spool.path,
            )
        self._spool.close()
        self._delivery.close()

    def _note_outage(self) -> bool:
        """Notes that the log can't be reached; whether that is news."""
        with self._noting:
            if self._failing_since is not None:
                return False
            self._tries = 0
            self._has_adopted = False
            self._wait()
            self._failing_since = datetime.now(UTC)
        _log.warning("the log can't be reached: recording into the spool %s", self._spool.path)
        return True

    def _note_failure(self, *, progress: bool) -> None:
        if self._note_outage():
            return
        if progress:
            self._tries = 0
        self._wait()

    def _wait(self) -> None:
        """Puts the next try off."""
        self._next_try = time.monotonic() + PAUSES_S[min(self._tries, len(PAUSES_S) - 1)]
        self._tries += 1

    def _keep(self, batch: Sequence[Sealed], failure: UnbrokenError | None) -> Delivered:
        for index, item in enumerate(batch):
            if _needs_the_log(item):
                if isinstance(failure, OutcomeUnknownError):
                    raise failure
                raise NotApprovedError("unchecked", index=index) from failure
        try:
            repeated = self._spool.put(batch, since=self._failing_since or datetime.now(UTC))
        except SpoolFullError as error:
            if isinstance(failure, OutcomeUnknownError):
                raise failure from error
            raise
        return Delivered([Spooled(item.id) for item in batch], repeated)

    def _catch_up(self, deadline: float) -> None:
        """What waited goes first; raises :class:`UnavailableError` when not all of it went in time."""
        drain(self._spool, self._delivery, deadline=deadline)

    def _adopt(self, deadline: float) -> None:
        """Sends what recorders left that have died; the next call goes on where this one had no more time."""
        if self._has_adopted:
            return
        with closing(orphans(self._place.folder, log=self._place.log)) as spools, suppress(UnavailableError):
            for spool in spools:
                drain(spool, self._delivery, deadline=deadline)
            self._has_adopted = True


def _needs_the_log(item: Sealed) -> bool:
    """Whether only the log can say if the event holds: a call that claims an approval must not run on our word."""
    event = decode_event(item.text)
    return event.event_type == "tool_call" and event.decision is not None and event.decision.outcome == "approved"


def drain(
    spool: Spool,
    delivery: Delivery | Keeping,
    *,
    deadline: float,
    progress: Callable[[int], None] = lambda _events: None,
) -> None:
    """Sends what a spool holds, in order, and tells the log of the gap; ``progress`` gets the events of each batch.

    An event that the log refuses for ever is set aside in the spool and named in the log's entry on the gap. Raises
    :class:`UnavailableError` at the deadline; what was sent by then has left the spool.
    """
    events = MAX_BATCH
    while (oldest := spool.first(events=events)) is not None:
        number, batch = oldest
        try:
            delivery.deliver(batch, deadline=deadline)
        except (InvalidEventError, NotApprovedError) as error:
            if error.index is None and events > 1:
                events = 1  # to find out which of those that went together it is
                continue
            blamed = batch if error.index is None else [batch[error.index]]
            spool.refuse([item.id for item in blamed], type(error).__name__)
            _log.warning("the log refused %d spooled events, which stay in %s", len(blamed), spool.path)
        else:
            spool.done(number)
            progress(len(batch))
    window = spool.window()
    if window is not None:
        delivery.ask(
            lambda writer, wait_s: writer.declare_gap(
                spool.recorder,
                "outage",
                numbers=(window.first, window.last),
                times=(window.first_ts, window.last_ts),
                count=window.count,
                refused=window.refused[:MAX_NAMED],
                entry_id=window.id,
                wait_s=wait_s,
            ),
            deadline=deadline,
        )
        spool.gap_declared(window)
