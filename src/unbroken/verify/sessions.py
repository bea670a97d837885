"""What is remembered of each session during a run, in bounded memory."""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_HELD: Final = 100_000
"""Sessions kept in memory; beyond that all of them move to a temporary file, which disappears with the run."""


class SessionState(NamedTuple):
    """The last number of a session, what the run lacked at that point, and its first and last entry."""

    last: int
    absent: int
    first_seq: int
    last_seq: int


class SessionStates:
    """A mapping from session id to :class:`SessionState`."""

    def __init__(self, *, max_held: int = MAX_HELD) -> None:
        self._max = max_held
        self._held: dict[str, SessionState] = {}
        self._spill: sqlite3.Connection | None = None

    def get(self, session: str) -> SessionState | None:
        """What is known of ``session``."""
        state = self._held.get(session)
        if state is None and self._spill is not None:
            row = self._spill.execute("select a, b, c, d from state where session = ?", (session,)).fetchone()
            state = None if row is None else SessionState(*row)
        return state

    def put(self, session: str, state: SessionState) -> None:
        """Remembers ``state``."""
        self._held[session] = state
        if len(self._held) > self._max:
            self._move()

    def take(self, session: str) -> SessionState | None:
        """What is known of ``session``, which is forgotten."""
        state = self.get(session)
        self._held.pop(session, None)
        if self._spill is not None:
            self._spill.execute("delete from state where session = ?", (session,))
        return state

    def __iter__(self) -> Iterator[str]:
        """Every session, once, in no order."""
        if self._spill is None:
            return iter(list(self._held))
        self._move()
        return (row[0] for row in self._spill.execute("select session from state"))

    def _move(self) -> None:
        if self._spill is None:
            # An empty name is a temporary database on disk, private to this connection.
            self._spill = sqlite3.connect("")
            self._spill.execute(
                "create table state (session text primary key, a int, b int, c int, d int) without rowid"
            )
        rows = ((session, *state) for session, state in self._held.items())
        self._spill.executemany("insert or replace into state values (?, ?, ?, ?, ?)", rows)
        self._held.clear()
