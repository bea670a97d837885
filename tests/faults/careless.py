"""Ways to record that break a promise, to see that the check notices."""

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.errors import UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.receipt import Receipt
from unbroken.store.log_writer import LogWriter, Row
from unbroken.store.round_trip import Rows


class Resending:
    """Sends again whatever was not answered, without asking, under new ids."""

    _early = False

    def __init__(self, conninfo: str, log: str) -> None:
        self._connect: Callable[[], LogWriter] = lambda: self._new_writer(conninfo, log)
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

    def _new_writer(self, conninfo: str, log: str) -> LogWriter:
        return LogWriter(conninfo, log)

    def _append(self, drafts: Sequence[Draft]) -> list[Receipt]:
        events = [
            msgspec.structs.replace(item.event, recorder=self._recorder, recorder_seq=next(self._numbers))
            for item in drafts
        ]
        texts = [encode_event(event) for event in events]
        rows = self._writer.append(texts, [dict(item.parts) for item in drafts], early=self._early)
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


class _WithoutBarrier(LogWriter):
    def _durably(self, name: str, values: Sequence[object], **_: object) -> Rows:
        return self._rows(name, values)


class Hasty(Resending):
    """Takes what others can see for what is on the disk."""

    _early = True

    def _new_writer(self, conninfo: str, log: str) -> LogWriter:
        return _WithoutBarrier(conninfo, log)


Careless: TypeAlias = Literal["", "hasty", "resending"]
CARELESS: Final[dict[str, type[Resending]]] = {"hasty": Hasty, "resending": Resending}
