"""Taking one batch to the log, once, whatever happens to connections and answers on the way.

An attempt whose connection breaks leaves the outcome in doubt: the database may have committed, or may do so yet,
since a server process lives on without its client. So the log is asked by id, what is missing is sent again under the
same ids, and the log refuses the second of two. Only receipts end the doubt. At the deadline the answer is *unknown*
where there is doubt, and *nothing recorded* where there is none.

A log that lost entries goes on under its next incarnation, also while a connection stands: a receipt that does not fit
under the name that is known is held against the name that the log has now.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Final, TypeAlias, TypeVar

from unbroken.core.incarnation import continues, incarnation_of
from unbroken.core.times import format_time
from unbroken.errors import (
    ConflictError,
    InvalidEventError,
    LogRewoundError,
    NotApprovedError,
    OutcomeUnknownError,
    ReceiptError,
    UnavailableError,
    UnbrokenError,
)
from unbroken.ledger.protection import Identity
from unbroken.ledger.receipt import Kept, Receipt
from unbroken.ledger.sealed import Sealed
from unbroken.store.log_writer import AlreadyRecordedError, Known, LogWriter, Row

Connect: TypeAlias = Callable[[float], LogWriter]
"""Makes a connection, waiting for it no longer than the given seconds."""

R = TypeVar("R")

PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
"""Between attempts; the last one repeats. Each is varied by half, so that many recorders don't come back at once."""
_SHARE: Final = 0.75
"""Of the time that is left, how much one attempt may take: the rest is for asking what became of it."""
_TURN_S: Final = 2.0
"""How long one try of a question may keep the connection from others, in seconds."""
_LEAST_S: Final = 0.25
"""An attempt with less time than this would most likely only leave a doubt."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Receipts in the order of the batch, and the positions of events that were there already under another number."""

    receipts: Sequence[Kept]
    repeated: list[int] = field(default_factory=list)


class Delivery:
    """One process's connection to one log, made when it is needed and made anew when it breaks.

    ``clock`` is monotonic and in seconds. Deadlines are times of it.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        early: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect = connect
        self._early = early
        self._clock = clock
        self._sleep = sleep
        # Owns everything below it; held by whoever talks to the database.
        self._lock = threading.Lock()
        self._writer: LogWriter | None = None
        # The log's name and the highest number of it that was acknowledged.
        self._seen = ("", 0)

    def deliver(self, batch: Sequence[Sealed], *, deadline: float) -> Delivered:
        """Records the batch as a whole and returns its receipts; tries again until the deadline.

        Raises :class:`UnavailableError` when nothing of it was recorded, :class:`OutcomeUnknownError` when that is not
        known, and other errors of :mod:`unbroken.errors` when the log refused it.
        """
        with self._alone(deadline):
            return self._deliver(batch, deadline)

    def ask(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R:
        """The answer to a question, which gets the connection and the seconds it may take; asked once."""
        with self._alone(deadline):
            return question(self._connected(deadline), self._patience(deadline))

    def ask_until(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R:
        """The answer to a question that may be asked again; tries until the deadline, and lets others in between.

        Raises :class:`UnavailableError` where the log did not answer in time.
        """
        for attempt in count():
            try:
                return self.ask(question, deadline=min(deadline, self._clock() + _TURN_S))
            except UnavailableError:
                pause = _pause(attempt)
                if self._clock() + pause + _LEAST_S >= deadline:
                    raise
            self._sleep(pause)
        raise AssertionError("attempts never end")

    def finish(self) -> None:
        """Nothing waits here to be sent."""

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
            self._writer = None

    @contextmanager
    def _alone(self, deadline: float) -> Iterator[None]:
        """Nobody else talks to the database for a block."""
        if not self._lock.acquire(timeout=max(0.0, deadline - self._clock())):
            raise UnavailableError("the connection was in use until the deadline; nothing was recorded")
        try:
            yield
        finally:
            self._lock.release()

    def _connected(self, deadline: float) -> LogWriter:
        if self._writer is None or self._writer.broken:
            self._writer = None
            self._writer = self._connect(self._patience(deadline))
        return self._writer

    def _deliver(self, batch: Sequence[Sealed], deadline: float) -> Delivered:
        doubt = False
        unknown = {identity.pseudonym: identity for item in batch for identity in item.identities}
        for attempt in count():
            try:
                if unknown:
                    self._register(list(unknown.values()), deadline)
                    unknown.clear()
                return self._attempt(batch, deadline, doubt=doubt)
            except AlreadyRecordedError:
                # Taken between our asking and our sending: by ourselves, over a connection given up, or by another.
                failure = UnavailableError("another delivery of these events is under way")
            except UnavailableError as error:
                failure = error
                doubt = doubt or self._is_broken()
            except InvalidEventError:
                raise  # What the log refuses once it refuses always, so no earlier attempt can have succeeded.
            except UnbrokenError as error:
                if not (doubt or self._is_broken()) or error.recorded:
                    raise
                raise _unknown(batch) from error
            pause = _pause(attempt)
            if self._clock() + pause + _LEAST_S >= deadline:
                raise (_unknown(batch) if doubt else failure) from failure
            self._sleep(pause)
        raise AssertionError("attempts never end")

    def _register(self, identities: Sequence[Identity], deadline: float) -> None:
        """Makes people known under pseudonyms that events already bear; may be done again. Nothing is sent with it."""
        writer = self._connected(deadline)
        try:
            writer.identify(identities, as_proposed=True, wait_s=self._patience(deadline))
        finally:
            if writer.broken:
                self._writer = None  # so that it is not taken for the connection that an event went over

    def _is_broken(self) -> bool:
        """Whether the connection broke after something may have been sent over it."""
        return self._writer is not None and self._writer.broken

    def _attempt(self, batch: Sequence[Sealed], deadline: float, *, doubt: bool) -> Delivered:
        if not doubt:
            try:
                return Delivered(self._append(batch, deadline))
            except AlreadyRecordedError:
                pass
        return self._settle(batch, deadline)

    def _append(self, batch: Sequence[Sealed], deadline: float) -> list[Receipt]:
        writer = self._connected(deadline)
        rows = writer.append(
            [item.text for item in batch],
            [item.parts for item in batch],
            originals=[item.original for item in batch],
            wait_s=self._patience(deadline),
            early=self._early,
        )
        made = self._fitting(
            writer,
            deadline,
            lambda log: [
                _receipt(item.id, item.text, row, log=log, writer=writer.writer)
                for item, row in zip(batch, rows, strict=True)
            ],
        )
        self._look_forward(made)
        return made

    def _fitting(self, writer: LogWriter, deadline: float, receipts: Callable[[str], list[Receipt]]) -> list[Receipt]:
        """The receipts, made for a name of the log; where they don't fit, for the name that it has by now."""
        known = writer.log
        try:
            return receipts(known)
        except ReceiptError as error:
            try:
                is_continued = writer.renew(wait_s=self._patience(deadline)) and continues(writer.log, known)
            except UnavailableError:
                raise error from None
            if not is_continued:
                raise
        return receipts(writer.log)

    def _settle(self, batch: Sequence[Sealed], deadline: float) -> Delivered:
        """Receipts for what is in the log already, and a new attempt for what is not."""
        writer = self._connected(deadline)
        known = writer.receipts(
            [item.id for item in batch],
            [item.unnumbered_hash() for item in batch],
            wait_s=self._patience(deadline),
        )
        known.update(self._earlier(writer, [item for item in batch if item.id not in known], deadline))
        for index, item in enumerate(batch):
            if item.id in known and known[item.id].state != "recorded":
                raise ConflictError(f"event {index + 1}: its id already stands for another event", index=index)
        missing = [at for at, item in enumerate(batch) if item.id not in known]
        try:
            sent = self._append([batch[at] for at in missing], deadline) if missing else []
        except (InvalidEventError, NotApprovedError) as error:
            error.index = None if error.index is None else missing[error.index]
            raise
        fresh = {receipt.id: receipt for receipt in sent}
        receipts = self._fitting(
            writer,
            deadline,
            lambda log: [fresh.get(item.id) or _found(item, known[item.id], log=log) for item in batch],
        )
        repeated = [
            at for at, item in enumerate(batch) if item.id in known and _text(item, known[item.id]) != item.text
        ]
        return Delivered(receipts, repeated)

    def _earlier(self, writer: LogWriter, missing: Sequence[Sealed], deadline: float) -> dict[str, Known]:
        """What of a batch stands in an incarnation before this one, where it may have come before the log was lost."""
        if not missing or incarnation_of(writer.log) <= 1:
            return {}
        return writer.earlier_receipts(
            [item.id for item in missing],
            [item.unnumbered_hash() for item in missing],
            wait_s=self._patience(deadline),
        )

    def _look_forward(self, receipts: Sequence[Receipt]) -> None:
        """New numbers are beyond those acknowledged before, or the log has lost some of them.

        The next incarnation counts anew: it is by its name that it tells of the loss.
        """
        given = receipts[0].seq
        (log, seen), self._seen = self._seen, (receipts[-1].log, receipts[-1].seq)
        if given <= seen and log == receipts[0].log:
            raise LogRewoundError(
                f"entry {given} was acknowledged anew, after entry {seen}: the log has lost entries, by a restore or a "
                "failover; verify it against a head that you keep",
                seen=seen,
                given=given,
            )

    def _patience(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise UnavailableError("the log was not reached in time; nothing was recorded")
        return max(_SHARE * left, min(left, 1.0))


def _pause(attempt: int) -> float:
    return PAUSES_S[min(attempt, len(PAUSES_S) - 1)] * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


def _found(item: Sealed, known: Known, *, log: str) -> Receipt:
    if known.row is None:
        raise OutcomeUnknownError("the database gave no receipt for an event that it knows", ids=(item.id,))
    return _receipt(item.id, _text(item, known), known.row, log=known.log or log, writer=known.writer)


def _text(item: Sealed, known: Known) -> bytes:
    """The event's text under the number that the log has it under."""
    return item.numbered(known.recorder or "", known.recorder_seq or 0)


def _receipt(event_id: str, text: bytes, row: Row, *, log: str, writer: str) -> Receipt:
    receipt = Receipt(
        event_id,
        log,
        row.seq,
        row.session_seq,
        _printed(row.recorded_at),
        row.prev_hash.hex(),
        row.hash.hex(),
        writer,
    )
    if not receipt.covers(text):
        raise ReceiptError("the database's receipt does not match the event that was sent: verify the log")
    return receipt


# The entries of a batch have one time.
@lru_cache(maxsize=16)
def _printed(time: datetime) -> str:
    return format_time(time)


def _unknown(batch: Sequence[Sealed]) -> OutcomeUnknownError:
    ids = tuple(item.id for item in batch)
    return OutcomeUnknownError(
        f"the connection was lost and the log could not be asked in time: {len(ids)} events may or may not be recorded",
        ids=ids,
    )
