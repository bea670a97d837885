"""Delivery that remembers: what was acknowledged is kept until a checkpoint covers it, and offered again if it is lost.

Nothing here makes a caller wait for long or fail: its events are recorded by then.
"""

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec

from unbroken.core.commitment import PARTS
from unbroken.core.event import Event, decode_event, encode_event
from unbroken.core.incarnation import continues, incarnation_of
from unbroken.core.times import parse_time
from unbroken.errors import InvalidEventError, NotApprovedError, UnbrokenError
from unbroken.ledger.delivery import Delivered, Delivery
from unbroken.ledger.protection import Identity
from unbroken.ledger.receipt import Receipt
from unbroken.ledger.retained import Retained, Sent
from unbroken.ledger.sealed import Sealed
from unbroken.store.log_writer import Covered, LogWriter

LOOK_S: Final = 30.0
"""How often the log is asked what a checkpoint covers."""
ASIDE_S: Final = 0.5
"""How long that question may hold up those who wait."""
SILENT_S: Final = 60.0
"""How often it is said that not everything can be kept."""
OFFER_S: Final = 2.0
"""How long one call spends on offering what was lost; the next one goes on."""
PEOPLE: Final = 10_000
"""Identities that are remembered."""
MOST_REFUSED: Final = 1000
"""How many events that were refused the log's entry on a loss names."""

ORIGINAL: Final = "original"
COMMITTED: Final = (*PARTS, ORIGINAL)
"""What an event commits to, by the names of its keys."""

R = TypeVar("R")
_PSEUDONYM: Final = re.compile(rb"p-[0-9a-f]{32}")
_log = logging.getLogger("unbroken")


class Keeping:
    """Stands in the place of a :class:`Delivery`; used by one thread at a time, as that is by who leads a group.

    Questions alone may come from any thread. ``log`` is the full name of the log that took the last batch. ``clock`` is
    monotonic and in seconds.
    """

    def __init__(self, delivery: Delivery, retained: Retained, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._delivery = delivery
        self._retained = retained
        self._clock = clock
        self._next_look = 0.0
        self._dropped = 0
        self._silent_until = 0.0
        self.log = ""
        # A log without any checkpoint has nobody who would notice a loss: then nothing is kept until the next look.
        self._is_kept = True
        # Owns the people, who are noted by whoever asks for their pseudonyms.
        self._noting = threading.Lock()
        self._people: OrderedDict[bytes, Identity] = OrderedDict()

    def deliver(self, batch: Sequence[Sealed], *, deadline: float) -> Delivered:
        """As :meth:`Delivery.deliver`."""
        delivered = self._delivery.deliver(batch, deadline=deadline)
        receipts = [each for each in delivered.receipts if isinstance(each, Receipt)]
        if self._is_kept:
            self._keep(batch, receipts)
        self._follow(receipts[-1].log, deadline)
        return delivered

    def ask(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R:
        """As :meth:`Delivery.ask`."""
        return self._delivery.ask(question, deadline=deadline)

    def ask_until(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R:
        """As :meth:`Delivery.ask_until`."""
        return self._delivery.ask_until(question, deadline=deadline)

    def remember(self, identities: Sequence[Identity]) -> None:
        """Takes note of people whose pseudonyms this process uses: a log that lost them gets them again."""
        with self._noting:
            self._people.update((each.pseudonym.encode(), each) for each in identities)
            while len(self._people) > PEOPLE:
                self._people.popitem(last=False)

    def finish(self) -> None:
        """Offers what is still to be offered, as far as that goes soon."""
        if self.log:
            self._offer(self.log, self._clock() + OFFER_S)

    def close(self) -> None:
        """Closes the connection."""
        self._retained.close()
        self._delivery.close()

    def _keep(self, batch: Sequence[Sealed], receipts: Sequence[Receipt]) -> None:
        try:
            dropped = self._retained.keep(
                [
                    Sent(receipt.log, receipt.seq, receipt.recorded_at, self._bare(item))
                    for item, receipt in zip(batch, receipts, strict=True)
                ]
            )
        except UnbrokenError as error:
            _log.warning("what was recorded is not kept here until a checkpoint covers it: %s", error)
            return
        self._dropped += dropped
        if dropped and self._clock() >= self._silent_until:
            self._silent_until = self._clock() + SILENT_S
            # Perhaps it is only this process that has not heard of a checkpoint.
            self._next_look = min(self._next_look, self._clock())
            _log.warning(
                "%d events that no checkpoint covers are not kept here any more: is the notary at work?", self._dropped
            )

    def _bare(self, item: Sealed) -> Sealed:
        """The event as it would be offered again: without its original, with the people in it who are known here."""
        people = item.identities
        if self._people:
            named = dict.fromkeys(_PSEUDONYM.findall(item.text))
            known = (self._people.get(each) for each in named)
            people = (*people, *(each for each in known if each is not None))
        if people is item.identities and item.original is None:
            return item
        return msgspec.structs.replace(item, identities=people, original=None)

    def _follow(self, log: str, deadline: float) -> None:
        """Looks from time to time how far a checkpoint covers the log; offers what an earlier incarnation lost."""
        is_another = continues(log, self.log)
        self.log = log
        now = self._clock()
        try:
            if is_another:
                self._introduce(min(deadline, now + OFFER_S))
            self._offer(log, min(deadline, now + OFFER_S))
            if now >= self._next_look:
                self._next_look = now + LOOK_S
                self._forget(self._delivery.ask(_covered, deadline=min(deadline, now + ASIDE_S)))
        except UnbrokenError as error:
            _log.warning("what a checkpoint covers, or the log has lost, can't be settled now: %s", error)

    def _forget(self, covered: Covered) -> None:
        self._retained.cover(covered.log, covered.size)
        self._is_kept = covered.size > 0 or incarnation_of(covered.log) > 1
        if not self._is_kept:
            self._retained.clear()

    def _introduce(self, deadline: float) -> None:
        """Has the log know the people whose pseudonyms go on being used; who was erased stays unknown."""
        with self._noting:
            people = list(self._people.values())
        if people:
            self._delivery.ask(
                lambda writer, wait_s: writer.identify(people, as_proposed=True, wait_s=wait_s), deadline=deadline
            )

    def _offer(self, log: str, deadline: float) -> None:
        """Records once more what was acknowledged and is in no incarnation any more; raises at the deadline."""
        while lot := self._retained.lost_to(log):
            lost = self._lost(lot, deadline)
            refused = self._record(lost, deadline)
            self._retained.settle(lot)
            if lost:
                _log.warning(
                    "the log had lost %d events of this recorder: %d are recorded again in %s, %d were refused",
                    len(lost),
                    len(lost) - len(refused),
                    log,
                    len(refused),
                )

    def _lost(self, lot: Sequence[Sent], deadline: float) -> list[Sealed]:
        """What stands nowhere, as it may be recorded: without its content where it concerns somebody erased since."""
        ids = [each.event.id for each in lot]
        known = self._delivery.ask(
            lambda writer, wait_s: writer.earlier_receipts(ids, [None] * len(ids), wait_s=wait_s), deadline=deadline
        )
        lost = [each for each in lot if each.event.id not in known]
        if not lost:
            return []
        texts = [each.event.text for each in lost]
        times = [parse_time(each.recorded_at) for each in lost]
        erased = self._delivery.ask(
            lambda writer, wait_s: writer.concern_erased(texts, times, wait_s=wait_s), deadline=deadline
        )
        return [
            _without(each.event, *(COMMITTED if is_erased else (ORIGINAL,)))
            for each, is_erased in zip(lost, erased, strict=True)
        ]

    def _record(self, lost: Sequence[Sealed], deadline: float) -> list[str]:
        """Records them and says so in the log; the ids of those that it refused."""
        waiting = list(lost)
        refused: list[str] = []
        while waiting:
            try:
                delivered = self._delivery.deliver(waiting, deadline=deadline)
                self._keep(waiting, [each for each in delivered.receipts if isinstance(each, Receipt)])
                break
            except (InvalidEventError, NotApprovedError) as error:
                blamed = waiting if error.index is None else [waiting[error.index]]
                refused += (each.id for each in blamed)
                waiting = [each for each in waiting if each not in blamed]
        if lost:
            self._declare(lost, refused, deadline)
        return refused

    def _declare(self, lost: Sequence[Sealed], refused: Sequence[str], deadline: float) -> None:
        """Tells the log which numbers of which recorder came once more, and what of them did not."""
        events = [decode_event(each.text) for each in lost]
        for recorder in dict.fromkeys(event.recorder for event in events):
            its = [event for event in events if event.recorder == recorder]
            self._delivery.ask(partial(_declared, its, refused), deadline=deadline)


def _covered(writer: LogWriter, wait_s: float) -> Covered:
    return writer.covered(wait_s=wait_s)


def _declared(events: Sequence[Event], refused: Sequence[str], writer: LogWriter, wait_s: float) -> None:
    """``events`` are one recorder's."""
    numbers = [event.recorder_seq or 0 for event in events]
    times = [event.ts for event in events]
    ids = {event.id for event in events}
    writer.declare_gap(
        events[0].recorder or "",
        "lost",
        numbers=(min(numbers), max(numbers)),
        times=(min(times), max(times)),
        count=len(numbers),
        refused=[each for each in refused if each in ids][:MOST_REFUSED],
        wait_s=wait_s,
    )


def _without(item: Sealed, *committed: str) -> Sealed:
    """The event without these of its commitments, and without the parts that they are of."""
    event = decode_event(item.text)
    if all(getattr(event, name) is None for name in committed):
        return item
    text = encode_event(msgspec.structs.replace(event, **dict.fromkeys(committed)))
    parts = {name: part for name, part in item.parts.items() if name not in committed}
    return msgspec.structs.replace(item, text=text, parts=parts, original=None)
