"""A recorder as a source of events that can be counted: its id, its numbers, and those it can't vouch for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.ledger.draft import Draft
from unbroken.ledger.sealed import Sealed


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers, first to last, that may be missing in the log, and why; times are those of the events, as texts.

    ``unknown``: nobody knows whether they arrived. ``repeated``: they were given to events that turned out to be in
    the log already.
    """

    reason: Literal["unknown", "repeated"]
    first: int
    last: int
    since: str
    until: str


class Source:
    """One recorder, random id and counter from 1: a process has one, and a forked child a new one.

    Numbers are taken when they may have reached the log. A batch that was refused gives its numbers to the next one,
    so that a missing number means an event that did not arrive. Used by whoever forms batches, one at a time.
    """

    def __init__(self) -> None:
        self.recorder = new_id()
        self.gaps: list[Gap] = []
        self._next = 1

    @property
    def used(self) -> int:
        """How many numbers were taken so far."""
        return self._next - 1

    def seal(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """The drafts under the next numbers, which stay free until :meth:`take`."""
        return [
            Sealed(
                draft.event.id,
                encode_event(msgspec.structs.replace(draft.event, recorder=self.recorder, recorder_seq=number)),
                dict(draft.parts),
            )
            for number, draft in enumerate(drafts, self._next)
        ]

    def take(self, drafts: Sequence[Draft], *, repeated: Sequence[int] = ()) -> None:
        """The numbers that :meth:`seal` gave to these drafts are used, but for those at the positions ``repeated``."""
        self.gaps += [self._gap("repeated", at, [drafts[at]]) for at in repeated]
        self._next += len(drafts)

    def lose(self, drafts: Sequence[Draft]) -> None:
        """The numbers that :meth:`seal` gave to these drafts are used, and nobody knows whether they arrived."""
        self.gaps.append(self._gap("unknown", 0, drafts))
        self._next += len(drafts)

    def _gap(self, reason: Literal["unknown", "repeated"], at: int, drafts: Sequence[Draft]) -> Gap:
        times = [draft.event.ts for draft in drafts]
        first = self._next + at
        return Gap(reason, first, first + len(drafts) - 1, min(times), max(times))
