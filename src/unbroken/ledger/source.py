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

    Numbers are taken before they are sent, so that no interruption can lead to their being used twice, and given back
    when a batch was refused: a missing number means an event that did not arrive. Used by whoever forms batches, one at
    a time.
    """

    def __init__(self) -> None:
        self.recorder = new_id()
        self.gaps: list[Gap] = []
        self._next = 1

    @property
    def used(self) -> int:
        """How many numbers were taken so far."""
        return self._next - 1

    def take(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """The drafts under the next numbers."""
        first = self._next
        self._next += len(drafts)
        return [
            Sealed(
                draft.event.id,
                encode_event(msgspec.structs.replace(draft.event, recorder=self.recorder, recorder_seq=number)),
                dict(draft.parts),
                draft.identities,
                draft.original,
            )
            for number, draft in enumerate(drafts, first)
        ]

    def give_back(self, drafts: Sequence[Draft]) -> None:
        """The numbers taken last, for these drafts, are free: it is certain that the log does not have them."""
        self._next -= len(drafts)

    def lose(self, drafts: Sequence[Draft]) -> None:
        """Nobody knows whether the numbers taken last, for these drafts, arrived."""
        self._miss("unknown", drafts, first=self._next - len(drafts))

    def repeat(self, drafts: Sequence[Draft], positions: Sequence[int]) -> None:
        """Of the numbers taken last, for these drafts, the log has those at ``positions`` under other numbers."""
        for at in positions:
            self._miss("repeated", [drafts[at]], first=self._next - len(drafts) + at)

    def _miss(self, reason: Literal["unknown", "repeated"], drafts: Sequence[Draft], *, first: int) -> None:
        times = [draft.event.ts for draft in drafts]
        self.gaps.append(Gap(reason, first, first + len(drafts) - 1, min(times), max(times)))
