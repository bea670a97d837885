"""What one process keeps of a ledger: its recorder, its connection, and those who wait for it."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from unbroken.errors import InvalidEventError, NotApprovedError, OutcomeUnknownError, UnbrokenError
from unbroken.ledger.delivery import Delivery
from unbroken.ledger.doubts import Doubts
from unbroken.ledger.draft import Draft
from unbroken.ledger.group import Group, Submission
from unbroken.ledger.keeping import Keeping
from unbroken.ledger.protection import Identity
from unbroken.ledger.receipt import Kept
from unbroken.ledger.source import Gap, Source
from unbroken.ledger.spool.place import SpoolPlace
from unbroken.store.log_writer import LogWriter

if TYPE_CHECKING:  # brings SQLite along, which is loaded only where a spool is asked for
    from unbroken.ledger.spool.spooling import Spooling

ASIDE_S: Final = 2.0
"""How long a recorder's word about itself may hold up those who wait, in seconds."""

R = TypeVar("R")
E = TypeVar("E", bound=UnbrokenError)
_log = logging.getLogger("unbroken")


class Committer:
    """Forms batches, numbers them and delivers them; a forked child has its own."""

    def __init__(
        self, delivery: Delivery | Keeping, *, spool: SpoolPlace | None = None, source: Source | None = None
    ) -> None:
        self.source = source or Source()
        self._keeping = delivery if isinstance(delivery, Keeping) else None
        self._delivery: Delivery | Keeping | Spooling = delivery
        if spool is not None:
            self._delivery = _spooling(delivery, spool, recorder=self.source.recorder)
        self._group = Group(self._commit)
        self._doubts = Doubts()

    def submit(self, drafts: Sequence[Draft], *, deadline: float) -> Sequence[Kept]:
        """Records the drafts together with whatever else waits; returns when they are committed.

        Of events that an earlier try may have recorded it is never said that they are not.
        """
        submission = Submission(drafts, deadline=deadline)
        try:
            kept = self._group.submit(submission)
        except InvalidEventError:
            self._doubts.settle(submission.ids)  # refused for good, so no earlier try can have succeeded
            raise
        except UnbrokenError as error:
            if error.recorded is None:
                self._doubts.add(submission.ids)
            elif not error.recorded and self._doubts.concern(submission.ids):
                raise OutcomeUnknownError(
                    "an earlier try of these events may have been recorded, and this one was not", ids=submission.ids
                ) from error
            raise
        except BaseException:
            self._doubts.add(submission.ids)
            raise
        self._doubts.settle(submission.ids)
        return kept

    def ask(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R:
        """The log's answer to a question that changes nothing; ``question`` gets the seconds that it may take."""
        return self._delivery.ask(question, deadline=deadline)

    def ask_until(self, question: Callable[[LogWriter, float], R], *, deadline: float) -> R | None:
        """The answer to a question that may be asked again; ``None`` in an outage that a spool bridges."""
        return self._delivery.ask_until(question, deadline=deadline)

    @property
    def log(self) -> str:
        """The full name of the log that took the last batch; empty before the first."""
        return "" if self._keeping is None else self._keeping.log

    def remember(self, identities: Sequence[Identity]) -> None:
        """Takes note of people whose pseudonyms this process uses."""
        if self._keeping is not None:
            self._keeping.remember(identities)

    def close(self) -> None:
        """Tells the log how many numbers were used, where it can be told soon, and closes the connection."""
        try:
            self._delivery.finish()
            if self.source.used:
                deadline = time.monotonic() + ASIDE_S
                self._account_for_gaps(deadline)
                self._delivery.ask(
                    lambda writer, wait_s: writer.stop_recorder(self.source.recorder, self.source.used, wait_s=wait_s),
                    deadline=deadline,
                )
        except UnbrokenError as error:
            # It shows there as a recorder that never stopped.
            _log.warning("the log could not be told that recorder %s has stopped: %s", self.source.recorder, error)
        finally:
            self._delivery.close()

    def _commit(self, batch: list[Submission]) -> None:
        """Settles every submission: one that the log refuses doesn't keep the others out."""
        waiting = list(batch)
        while waiting:
            try:
                self._deliver(waiting)
            except (InvalidEventError, NotApprovedError) as error:
                for submission, fault in _blamed(waiting, error):
                    submission.fail(fault)
            except UnbrokenError as error:
                for submission in waiting:
                    submission.fail(_own(error, submission))
            waiting = [submission for submission in waiting if not submission.settled]

    def _deliver(self, batch: Sequence[Submission]) -> None:
        drafts = [draft for submission in batch for draft in submission.drafts]
        used = self.source.used
        try:
            sealed = self.source.take(drafts)
            delivered = self._delivery.deliver(sealed, deadline=min(submission.deadline for submission in batch))
        except UnbrokenError as error:
            if error.recorded is None:
                self.source.lose(drafts)
            elif not error.recorded:
                self.source.give_back(drafts)
            raise
        except BaseException:
            if self.source.used > used:
                self.source.lose(drafts)
            raise
        self.source.repeat(drafts, delivered.repeated)
        start = 0
        for submission in batch:
            end = start + len(submission.drafts)
            submission.succeed(delivered.receipts[start:end])
            start = end
        self._account_for_gaps(time.monotonic() + ASIDE_S)

    def _account_for_gaps(self, deadline: float) -> None:
        """Tells the log of numbers that it may never see; kept for the next time when it can't be told."""
        while self.source.gaps:
            try:
                self._delivery.ask(partial(_declare, self.source.recorder, self.source.gaps[0]), deadline=deadline)
            except UnbrokenError as error:
                _log.warning("a gap in a recorder's numbers could not be declared yet: %s", error)
                return
            self.source.gaps.pop(0)


def _spooling(delivery: Delivery | Keeping, place: SpoolPlace, *, recorder: str) -> "Spooling":
    from unbroken.ledger.spool.spooling import Spooling

    return Spooling(delivery, place, recorder=recorder)


def _declare(recorder: str, gap: Gap, writer: LogWriter, wait_s: float) -> None:
    writer.declare_gap(
        recorder,
        gap.reason,
        numbers=(gap.first, gap.last),
        times=(gap.since, gap.until),
        wait_s=wait_s,
    )


def _blamed(
    batch: Sequence[Submission], error: InvalidEventError | NotApprovedError
) -> list[tuple[Submission, UnbrokenError]]:
    """Whose fault a refusal is, and the error as it concerns them; everybody's when the log does not say whose."""
    at = error.index
    for submission in batch:
        if at is not None and 0 <= at < len(submission.drafts):
            fault = _own(error, submission)
            fault.index = at
            return [(submission, fault)]
        at = None if at is None else at - len(submission.drafts)
    return [(submission, _own(error, submission)) for submission in batch]


def _own(error: E, submission: Submission) -> E:
    """The error for one submission of several: raised in another thread, so an object of its own."""
    own = type(error).__new__(type(error))
    own.args = error.args
    own.__dict__.update(error.__dict__)
    own.__cause__ = error.__cause__
    if isinstance(own, OutcomeUnknownError):
        own.ids = submission.ids
    return own
