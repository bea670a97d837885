"""Which events may be recorded although nobody knows it: their callers were told so, and may try again."""

import threading
from collections.abc import Iterable
from typing import Final

MAX_DOUBTFUL: Final = 100_000
"""How many are remembered, the latest; it takes as many failures to forget one."""


class Doubts:
    """Ids of events, kept from an unknown outcome until a caller was told a certain one."""

    def __init__(self) -> None:
        # Owns the ids, in the order of their coming.
        self._lock = threading.Lock()
        self._ids: dict[str, None] = {}

    def add(self, ids: Iterable[str]) -> None:
        """Nobody knows of these."""
        with self._lock:
            self._ids.update(dict.fromkeys(ids))
            while len(self._ids) > MAX_DOUBTFUL:
                del self._ids[next(iter(self._ids))]

    def settle(self, ids: Iterable[str]) -> None:
        """Of these it is known."""
        if self._ids:
            with self._lock:
                for event_id in ids:
                    self._ids.pop(event_id, None)

    def concern(self, ids: Iterable[str]) -> bool:
        """Whether any of these is in doubt."""
        with self._lock:
            return not self._ids.keys().isdisjoint(ids)
