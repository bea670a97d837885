"""A mapping that a run fills, in bounded memory: beyond a size all of it moves to a temporary file."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

V = TypeVar("V")

MAX_HELD: Final = 100_000
"""Values kept in memory; beyond that all of them move to a temporary file, which disappears with the run."""


class Spilled(Generic[V]):
    """A mapping from texts to values, which ``pack`` and ``unpack`` turn into bytes and back."""

    def __init__(self, pack: Callable[[V], bytes], unpack: Callable[[bytes], V], *, max_held: int = MAX_HELD) -> None:
        self._pack = pack
        self._unpack = unpack
        self._max = max_held
        self._held: dict[str, V] = {}
        self._spill: sqlite3.Connection | None = None

    def get(self, key: str) -> V | None:
        """What is known under ``key``."""
        value = self._held.get(key)
        if value is None and self._spill is not None:
            row = self._spill.execute("select value from kept where key = ?", (key,)).fetchone()
            value = None if row is None else self._unpack(row[0])
        return value

    def put(self, key: str, value: V) -> None:
        """Remembers ``value``, in the place of what was known."""
        self._held[key] = value
        if len(self._held) > self._max:
            self._move()

    def take(self, key: str) -> V | None:
        """What is known under ``key``, which is forgotten."""
        value = self.get(key)
        self._held.pop(key, None)
        if self._spill is not None:
            self._spill.execute("delete from kept where key = ?", (key,))
        return value

    def __iter__(self) -> Iterator[str]:
        """Every key, once, in no order."""
        if self._spill is None:
            return iter(list(self._held))
        self._move()
        return (row[0] for row in self._spill.execute("select key from kept"))

    def _move(self) -> None:
        if self._spill is None:
            # An empty name is a temporary database on disk, private to this connection.
            self._spill = sqlite3.connect("")
            self._spill.execute("create table kept (key text primary key, value blob) without rowid")
        rows = ((key, self._pack(value)) for key, value in self._held.items())
        self._spill.executemany("insert or replace into kept values (?, ?)", rows)
        self._held.clear()
