"""Recording batches of drafts into one log, once each, also when an answer is lost."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from unbroken.core.entry import Part
from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.core.times import format_time
from unbroken.errors import ConflictError, OutcomeUnknownError, UnavailableError, UnbrokenError
from unbroken.ledger.draft import Draft
from unbroken.ledger.receipt import Receipt
from unbroken.store.log_writer import AlreadyRecordedError, LogWriter, Row

MAX_BATCH: Final = 1000
MAX_BATCH_BYTES: Final = 16 * 2**20


class _Sealed(msgspec.Struct, frozen=True):
    """A draft with its recorder's number, as it goes to the database."""

    id: str
    text: bytes
    parts: dict[str, Part]


class Ledger:
    """One process's way into one log. Safe to use from several threads, which take turns; safe over a fork."""

    def __init__(self, connect: Callable[[], LogWriter], *, key: LogKey | None = None) -> None:
        self.key = key
        self._connect = connect
        # Owns everything below it: the connection, the recorder's id and its counter.
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._writer: LogWriter | None = connect()
        self.log = self._writer.log
        self.recorder = new_id()
        self._next = 1

    @property
    def writer(self) -> str:
        """Who the log states as the writer of what this ledger records."""
        with self._lock:
            self._renew_after_fork()
            return self._connected().writer

    def record(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """Commits the drafts in order and returns their receipts; several batches when there are very many.

        Each batch is recorded as a whole or not at all. Raises the errors of :mod:`unbroken.errors`; an
        :class:`OutcomeUnknownError` names the ids that may or may not be recorded.
        """
        with self._lock:
            self._renew_after_fork()
            return [receipt for batch in _batches(drafts) for receipt in self._record_batch(batch)]

    def writers_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Which of ``ids`` are in the log already, and by which writer."""
        found: dict[str, str] = {}
        with self._lock:
            self._renew_after_fork()
            for start in range(0, len(ids), MAX_BATCH):
                some = ids[start : start + MAX_BATCH]
                answer = self._connected().receipts(some, [None] * len(some))
                found.update({event_id: writer for event_id, (_, writer, _) in answer.items()})
        return found

    def close(self) -> None:
        """Closes the connection; there is nothing to flush."""
        with self._lock:
            if self._writer is not None and self._pid == os.getpid():
                self._writer.close()
            self._writer = None

    def _renew_after_fork(self) -> None:
        """A forked child has its own connection and is a recorder of its own."""
        if self._pid != os.getpid():
            self._pid, self._writer = os.getpid(), None
            self.recorder, self._next = new_id(), 1

    def _connected(self) -> LogWriter:
        if self._writer is None or self._writer.broken:
            self._writer = self._connect()
        return self._writer

    def _seal(self, drafts: Sequence[Draft]) -> list[_Sealed]:
        """Numbers are taken here, when the batch is formed, so that a refused draft leaves no gap."""
        if len({draft.event.id for draft in drafts}) != len(drafts):
            raise ConflictError("two events of one batch have the same id")
        events = [
            msgspec.structs.replace(draft.event, recorder=self.recorder, recorder_seq=number)
            for number, draft in enumerate(drafts, self._next)
        ]
        return [
            _Sealed(event.id, encode_event(event), dict(draft.parts))
            for event, draft in zip(events, drafts, strict=True)
        ]

    def _record_batch(self, drafts: Sequence[Draft]) -> list[Receipt]:
        sealed = self._seal(drafts)
        try:
            receipts = self._append(sealed)
        except AlreadyRecordedError:
            receipts = self._settle(sealed)
        except UnavailableError as error:
            if self._writer is None or not self._writer.broken:
                raise
            receipts = self._ask_again(sealed, error)
        self._next += len(drafts)
        return receipts

    def _append(self, sealed: Sequence[_Sealed]) -> list[Receipt]:
        writer = self._connected()
        rows = writer.append([item.text for item in sealed], [item.parts for item in sealed])
        return [self._checked(item, row) for item, row in zip(sealed, rows, strict=True)]

    def _ask_again(self, sealed: Sequence[_Sealed], lost: UnavailableError) -> list[Receipt]:
        """The answer was lost: connect anew, ask what is there, send the rest."""
        try:
            return self._settle(sealed)
        except UnavailableError as error:
            ids = tuple(item.id for item in sealed)
            raise OutcomeUnknownError(
                f"the connection was lost and could not be made again: {len(ids)} events may or may not be recorded",
                ids=ids,
            ) from (error if error.__cause__ else lost)

    def _settle(self, sealed: Sequence[_Sealed]) -> list[Receipt]:
        """Receipts for what is in the log already, and a new append for what is not."""
        known = self._connected().receipts(
            [item.id for item in sealed], [hashlib.sha256(item.text).digest() for item in sealed]
        )
        for index, item in enumerate(sealed):
            if item.id in known and known[item.id][0] != "recorded":
                raise ConflictError(f"event {index + 1}: its id already stands for another event", index=index)
        missing = [item for item in sealed if item.id not in known]
        try:
            fresh = {receipt.id: receipt for receipt in (self._append(missing) if missing else [])}
        except AlreadyRecordedError as error:
            raise ConflictError("another recorder took one of these ids at the same moment") from error
        return [fresh.get(item.id) or self._found(item, known[item.id]) for item in sealed]

    def _found(self, item: _Sealed, known: tuple[str, str, Row | None]) -> Receipt:
        _, writer, row = known
        if row is None:
            raise OutcomeUnknownError("the database gave no receipt for an event that it knows", ids=(item.id,))
        return self._checked(item, row, writer=writer)

    def _checked(self, item: _Sealed, row: Row, *, writer: str | None = None) -> Receipt:
        receipt = Receipt(
            id=item.id,
            log=self.log,
            seq=row.seq,
            session_seq=row.session_seq,
            recorded_at=format_time(row.recorded_at),
            prev_hash=row.prev_hash.hex(),
            hash=row.hash.hex(),
            writer=writer or self._connected().writer,
        )
        if not receipt.covers(item.text):
            raise UnbrokenError("the database's receipt does not match the event that was sent: verify the log")
        return receipt


def _batches(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    batch: list[Draft] = []
    size = 0
    for draft in drafts:
        weight = sum(len(part.value) for part in draft.parts.values())
        if batch and (len(batch) == MAX_BATCH or size + weight > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(draft)
        size += weight
    if batch:
        yield batch
