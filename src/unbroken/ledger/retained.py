"""What a recorder keeps of what it sent until a checkpoint covers it.

An entry that a checkpoint covers can't be lost unnoticed. One that came after the last checkpoint can: a database that
is brought back from before it knows nothing of it, and nobody else does but who recorded it. So recorders keep it until
then, and offer it again to the incarnation that continues the log (``keeping``).

Kept is what went over the wire: masked events with their parts, and the identities of people in them that this recorder
made known; no originals, as nobody can tell any more what becomes of the keys that those are sealed to. In memory by
default, and then gone with the process; or in a folder (``retained_files``).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final, Protocol

import msgspec

from unbroken.core.incarnation import continues
from unbroken.ledger.sealed import Sealed

LIMIT_BYTES: Final = 32 * 2**20
"""How much one recorder keeps by default."""
LOT: Final = 1000
LOT_BYTES: Final = 16 * 2**20
"""What is offered again at a time, at most."""
_OVERHEAD_BYTES: Final = 1000
"""What an event takes in memory besides its texts, about."""


class Sent(msgspec.Struct, frozen=True):
    """An event that was acknowledged: the log's full name then, its number there, and when, as a line has it."""

    log: str
    seq: int
    recorded_at: str
    event: Sealed

    @property
    def weight(self) -> int:
        """The bytes that it counts with."""
        size = _OVERHEAD_BYTES + len(self.event.text)
        for part in self.event.parts.values():
            size += len(part.value)
        return size


class Retained(Protocol):
    """Events that were sent and are not covered yet, in the order in which they were. For one thread at a time."""

    def keep(self, batch: Sequence[Sent]) -> int:
        """Adds a batch; how many of the oldest had to go for it, which no checkpoint covers."""
        ...

    def cover(self, log: str, size: int) -> None:
        """Forgets what a checkpoint of this size covers."""
        ...

    def lost_to(self, log: str) -> list[Sent]:
        """The oldest of what an incarnation before ``log`` acknowledged, up to a :data:`LOT`."""
        ...

    def settle(self, lot: Sequence[Sent]) -> None:
        """Forgets what :meth:`lost_to` gave: the log has it now, or has refused it for good."""
        ...

    def clear(self) -> None:
        """Forgets everything."""
        ...

    def close(self) -> None:
        """This process keeps nothing any more."""
        ...


class InMemory:
    """Kept in this process's memory, up to ``limit_bytes``; beyond that the oldest goes."""

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        # With each its weight.
        self._sent: deque[tuple[int, Sent]] = deque()

    def keep(self, batch: Sequence[Sent]) -> int:
        """Adds a batch; how many of the oldest had to go for it."""
        for each in batch:
            weight = each.weight
            self._bytes += weight
            self._sent.append((weight, each))
        dropped = 0
        while self._bytes > self._limit_bytes and self._sent:
            self._forget_first()
            dropped += 1
        return dropped

    def cover(self, log: str, size: int) -> None:
        """Forgets what is covered: numbers only grow, so it is what stands first."""
        while self._sent and self._sent[0][1].log == log and self._sent[0][1].seq <= size:
            self._forget_first()

    def lost_to(self, log: str) -> list[Sent]:
        """The oldest, as far as they are of an earlier incarnation: what is of this one came after."""
        return first_lot(takewhile(lambda each: continues(log, each.log), (sent for _, sent in self._sent)))

    def settle(self, lot: Sequence[Sent]) -> None:
        """Forgets these."""
        places = {(each.log, each.seq) for each in lot}
        while self._sent and (self._sent[0][1].log, self._sent[0][1].seq) in places:
            self._forget_first()

    def clear(self) -> None:
        """Forgets everything."""
        self._sent.clear()
        self._bytes = 0

    def close(self) -> None:
        """Forgets everything."""
        self.clear()

    def _forget_first(self) -> None:
        weight, _ = self._sent.popleft()
        self._bytes -= weight


def first_lot(sent: Iterable[Sent]) -> list[Sent]:
    """The first of them, as many as are offered at a time and at least one."""
    lot: list[Sent] = []
    weight = 0
    for each in sent:
        weight += each.weight
        if len(lot) == LOT or (lot and weight > LOT_BYTES):
            break
        lot.append(each)
    return lot
