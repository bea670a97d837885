"""A way to record that doubles events when an answer is lost, to see that the check notices."""

import itertools
import threading
from collections.abc import Callable, Sequence

import msgspec

from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.errors import UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.receipt import Receipt
from unbroken.store.log_writer import LogWriter, Row


class Resending:
    """Sends again whatever was not answered, without asking, under new ids."""

    def __init__(self, conninfo: str, log: str) -> None:
        self._connect: Callable[[], LogWriter] = lambda: LogWriter(conninfo, log)
        self._writer = self._connect()
        self._lock = threading.Lock()
        self._recorder = new_id()
        self._numbers = itertools.count(1)

    def record(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """Like the ledger's, but for its promise."""
        with self._lock:
            try:
                return self._append(drafts)
            except UnavailableError:
                self._writer = self._connect()
                return self._append([_anew(item) for item in drafts])

    def _append(self, drafts: Sequence[Draft]) -> list[Receipt]:
        events = [
            msgspec.structs.replace(item.event, recorder=self._recorder, recorder_seq=next(self._numbers))
            for item in drafts
        ]
        rows = self._writer.append([encode_event(event) for event in events], [dict(item.parts) for item in drafts])
        return [self._receipt(item, row) for item, row in zip(drafts, rows, strict=True)]

    def _receipt(self, item: Draft, row: Row) -> Receipt:
        return Receipt(
            id=item.event.id,
            log=self._writer.log,
            seq=row.seq,
            session_seq=row.session_seq,
            recorded_at=row.recorded_at.isoformat(),
            prev_hash=row.prev_hash.hex(),
            hash=row.hash.hex(),
            writer=self._writer.writer,
        )


def _anew(item: Draft) -> Draft:
    return Draft(msgspec.structs.replace(item.event, id=new_id()), item.parts)
