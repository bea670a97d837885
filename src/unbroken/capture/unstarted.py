"""The tool calls that a model has asked for in a turn and that have not run: recorded with the answer that asks."""

import mmap
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unbroken.capture.forks import ProcessLock


@dataclass(frozen=True, slots=True)
class Asked:
    """A call whose ``tool_call``, the event ``id``, is recorded.

    ``likeness`` is equal for two calls whose events say the same but for cause and call id. ``named`` tells whether the
    model gave ``call_id``; ``within`` is the ``tool_call`` that the model was asked inside of.
    """

    id: str
    tool: str
    call_id: str
    named: bool
    likeness: bytes
    within: str | None

    def not_executed(self, *, carried: bool = False) -> dict[str, Any]:
        """What the log says of it when its turn ends before it has started; ``carried``: elsewhere it may have."""
        note = {
            "event_type": "annotated",
            "status": "not_executed",
            "parent_id": self.id,
            "tool": self.tool,
            "call_id": self.call_id,
        }
        return {**note, "details": {"carried": True}} if carried else note


class Unstarted:
    """Those of one turn; each is taken once, by the call that runs. Shared by the turn's tasks and threads.

    A child that was forked in the turn takes them too. Its parent does not tell of those as not executed, yet may take
    one at the same time: what a child takes is no more than the cause of a call of its own.
    """

    def __init__(self) -> None:
        self._begun_in = os.getpid()
        self.carried = False
        """Whether the turn's place was given to another process, where calls may start that are not seen here."""
        # Owns everything below it.
        self._lock = ProcessLock()
        self._asked: list[Asked] = []
        self._unasked: set[tuple[str, str]] = set()
        self._marks: dict[str, tuple[mmap.mmap, int]] = {}

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked in the turn, so that what it takes may be taken elsewhere too."""
        return self._begun_in != os.getpid()

    def add(self, asked: Sequence[Asked]) -> None:
        """To be called once their events are committed."""
        if not asked:
            return
        with self._lock:
            shared = mmap.mmap(-1, len(asked))  # with children: they mark in it what they take
            self._marks |= {each.id: (shared, place) for place, each in enumerate(asked)}
            self._asked += asked

    def ran_before(self, tool: str, call_id: str | None) -> bool:
        """Whether a call of this id began before anybody said that a model asks for it."""
        with self._lock:
            return call_id is not None and (tool, call_id) in self._unasked

    def take(
        self, tool: str, call_id: str | None, *, likeness: Callable[[], bytes], within: str | None
    ) -> Asked | None:
        """What was asked for and starts now: found by the id that the model gave or, without one, by its likeness.

        ``likeness`` is called where it may decide. What is found by its id may have been asked for with other
        arguments, so that its likeness is another.
        """
        alike = likeness() if any(asked.tool == tool for asked in tuple(self._asked)) else b""

        def is_meant(asked: Asked) -> bool:
            if asked.named and call_id is not None:
                return (asked.tool, asked.call_id) == (tool, call_id)
            return (asked.tool, asked.likeness, asked.within) == (tool, alike, within)

        if self.is_inherited:
            return self._take_in_child(is_meant)
        with self._lock:
            meant = next(filter(is_meant, self._asked), None)
            if meant is not None:
                self._asked.remove(meant)
            elif call_id is not None:
                self._unasked.add((tool, call_id))
            return meant

    def _take_in_child(self, is_meant: Callable[[Asked], bool]) -> Asked | None:
        untaken = (asked for asked in tuple(self._asked) if not self._is_marked(asked))
        meant = next(filter(is_meant, untaken), None)
        if meant is not None:
            shared, place = self._marks[meant.id]
            shared[place] = 1
        return meant

    def _is_marked(self, asked: Asked) -> bool:
        shared, place = self._marks[asked.id]
        return shared[place] != 0

    def close(self) -> list[Asked]:
        """Those that nobody has taken, which nobody can take any more."""
        with self._lock:
            rest, self._asked = self._asked, []
            return [asked for asked in rest if not self._is_marked(asked)]
