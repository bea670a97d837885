"""Group commit: callers queue what they want recorded, and one of them commits for all that wait.

There is no background thread, so there is nothing to flush at exit and nothing to lose in a fork. The first caller
that finds nobody leading leads: it takes what waits, as one batch, and settles every submission in it. Once its own is
settled it hands the lead to the caller that has waited longest. Nobody waits beyond the deadline of its submission.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from unbroken.errors import OutcomeUnknownError, UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.receipt import Kept

MAX_BATCH: Final = 1000
MAX_BATCH_BYTES: Final = 16 * 2**20
MAX_QUEUED: Final = 10 * MAX_BATCH
MAX_QUEUED_BYTES: Final = 4 * MAX_BATCH_BYTES
"""What may wait in one process; beyond it callers wait for room."""
GRACE_S: Final = 5.0
"""How long after its deadline a caller waits for a leader whose own waits have the same deadline."""


class Submission:
    """Events that one caller wants recorded together, at most a batch, and what became of them.

    ``deadline`` is a time of the monotonic clock. Settled once, by whoever leads.
    """

    def __init__(self, drafts: Sequence[Draft], *, deadline: float) -> None:
        self.drafts = drafts
        self.deadline = deadline
        self.ids = tuple(draft.event.id for draft in drafts)
        self.weight = sum(draft.weight for draft in drafts)
        self.woken = threading.Event()
        self.settled = False
        self._kept: Sequence[Kept] = ()
        self._error: BaseException | None = None

    def succeed(self, kept: Sequence[Kept]) -> None:
        """All of it is recorded, or kept in the spool."""
        self._kept = kept
        self._settle()

    def fail(self, error: BaseException) -> None:
        """``error`` tells whether it is recorded; it is raised where the events were submitted."""
        self._error = error
        self._settle()

    def outcome(self) -> Sequence[Kept]:
        """What was kept, or the error."""
        if self._error is not None:
            raise self._error
        return self._kept

    def _settle(self) -> None:
        self.settled = True
        self.woken.set()


class Group:
    """The callers of one process. ``commit`` settles each submission of a batch; one thread at a time calls it."""

    def __init__(
        self, commit: Callable[[list[Submission]], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._commit = commit
        self._clock = clock
        # Owns everything below it, and which submission leads.
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._queue: deque[Submission] = deque()
        self._events = 0
        self._bytes = 0
        self._leader: Submission | None = None

    def submit(self, submission: Submission) -> Sequence[Kept]:
        """Waits until the submission is settled; returns what was kept or raises its error."""
        try:
            self._enter(submission)
            while not submission.settled:
                if self._leader is submission:
                    self._lead(submission)
                else:
                    self._follow(submission)
        except BaseException:
            self._leave(submission)
            raise
        return submission.outcome()

    def _enter(self, submission: Submission) -> None:
        """Queues the submission, when there is room for it; it leads where nobody does."""
        with self._room:
            while self._queue and (
                self._events + len(submission.drafts) > MAX_QUEUED or self._bytes + submission.weight > MAX_QUEUED_BYTES
            ):
                left = submission.deadline - self._clock()
                if left <= 0 or not self._room.wait(left):
                    raise UnavailableError(
                        f"{self._events} events wait to be recorded and there was no room in time; "
                        "nothing of this was recorded"
                    )
            self._queue.append(submission)
            self._events += len(submission.drafts)
            self._bytes += submission.weight
            if self._leader is None:
                self._leader = submission

    def _follow(self, submission: Submission) -> None:
        """Waits to be settled, or to be made the leader."""
        submission.woken.wait(max(0.0, submission.deadline - self._clock()))
        with self._lock:
            if submission.settled or self._leader is submission:
                return
            if submission in self._queue:
                self._remove(submission)
                raise _not_in_time()
        # A leader has it, whose waits end at the same deadline.
        if not submission.woken.wait(GRACE_S):
            raise OutcomeUnknownError(
                f"the deadline passed while {len(submission.ids)} events were being recorded: they may or may not be",
                ids=submission.ids,
            )

    def _lead(self, own: Submission) -> None:
        try:
            while not own.settled:
                batch = self._take(own)
                if batch:
                    self._settle(batch)
        finally:
            self._hand_over()

    def _take(self, own: Submission) -> list[Submission]:
        """The next batch, in the order of arrival; what has waited too long is told so, the leader's own first."""
        batch: list[Submission] = []
        ids: set[str] = set()
        weight = 0
        with self._room:
            if self._is_too_late(own):
                return []
            while self._queue:
                first = self._queue[0]
                if self._is_too_late(first):
                    continue
                # Two submissions of one event go one after the other, and the second finds the first's receipt.
                if batch and (
                    len(ids) + len(first.ids) > MAX_BATCH
                    or weight + first.weight > MAX_BATCH_BYTES
                    or not ids.isdisjoint(first.ids)
                ):
                    break
                self._remove(first)
                batch.append(first)
                ids.update(first.ids)
                weight += first.weight
        return batch

    def _is_too_late(self, submission: Submission) -> bool:
        if submission.deadline > self._clock():
            return False
        self._remove(submission)
        submission.fail(_not_in_time())
        return True

    def _settle(self, batch: list[Submission]) -> None:
        try:
            self._commit(batch)
        finally:
            # After an interruption, which only the leader's caller sees.
            for submission in batch:
                if not submission.settled:
                    submission.fail(
                        OutcomeUnknownError(
                            f"recording was interrupted: {len(submission.ids)} events may or may not be recorded",
                            ids=submission.ids,
                        )
                    )

    def _hand_over(self) -> None:
        with self._lock:
            self._leader = self._queue[0] if self._queue else None
            if self._leader is not None:
                self._leader.woken.set()

    def _leave(self, submission: Submission) -> None:
        """Its caller gives up, perhaps interrupted: it must neither be sent any more nor keep the lead."""
        with self._lock:
            if submission in self._queue:
                self._remove(submission)
        if self._leader is submission:
            self._hand_over()

    def _remove(self, submission: Submission) -> None:
        self._queue.remove(submission)
        self._events -= len(submission.drafts)
        self._bytes -= submission.weight
        self._room.notify_all()


def _not_in_time() -> UnavailableError:
    return UnavailableError("the log was not reached in time; nothing of this was recorded")
