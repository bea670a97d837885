"""One process's way into one log: events are prepared by callers, grouped, and delivered once each."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, TypeVar

from unbroken.core.incarnation import incarnation_of
from unbroken.core.keyed import LogKey
from unbroken.errors import ConflictError, UnavailableError
from unbroken.ledger.approval import Approval
from unbroken.ledger.committer import Committer
from unbroken.ledger.delivery import Connect, Delivery
from unbroken.ledger.draft import Draft
from unbroken.ledger.group import MAX_BATCH, MAX_BATCH_BYTES
from unbroken.ledger.keeping import Keeping
from unbroken.ledger.protection import Identity
from unbroken.ledger.receipt import Kept
from unbroken.ledger.retained import LIMIT_BYTES, InMemory, Retained
from unbroken.ledger.source import Source
from unbroken.ledger.spool.place import SpoolPlace
from unbroken.store.log_writer import Known, LogWriter, VaultKey

DEADLINE_S: Final = 10.0
"""How long recording waits by default, in seconds."""

GLANCE_S: Final = 1.0
"""How long a question that can be done without waits where there is a spool, in seconds."""
PAUSE_S: Final = 5.0
"""How long none is asked after one that got no answer, in seconds."""

R = TypeVar("R")


class Ledger:
    """Safe to use from several threads, whose events are committed together; a forked child is a recorder of its own.

    ``connect`` makes a connection. ``retired`` are the log's keys before ``key``. ``early`` asks for early release of
    the log's lock: worth it where storage is slow to flush and several processes record single events; receipts are as
    durable as without it. With a ``spool`` an outage of the log does not stop recording: what :meth:`record` gives for
    an event is then the word that it is there. What was recorded is kept until a checkpoint covers it, to be offered
    again should the log lose it: ``retain`` bytes of it at most in memory, or as a function says that gets the
    recorder's id.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        key: LogKey | None = None,
        retired: Sequence[LogKey] = (),
        deadline_s: float = DEADLINE_S,
        early: bool = False,
        spool: SpoolPlace | None = None,
        retain: int | Callable[[str], Retained] = LIMIT_BYTES,
    ) -> None:
        self.key = key
        self.retired = tuple(retired)
        self._connect = connect
        self._deadline_s = deadline_s
        self._early = early
        self._spool = spool
        self._retain = retain
        # By process id: after a fork nothing of the parent's is used, closed or waited for.
        self._processes: dict[int, Committer] = {}
        self._log: str | None = None
        # While a spool stands in for the log, nothing that can be done without is asked before this time.
        self._not_before = 0.0
        # Wrong settings show here and not when the first event is recorded.
        try:
            self._log = self._ask(lambda writer, _: writer.log)
        except UnavailableError:
            if spool is None:
                raise

    @property
    def log(self) -> str:
        """The log's full name as it is known here; without its incarnation where the log could not be reached yet."""
        committer = self._processes.get(os.getpid())
        if committer is not None and committer.log:
            return committer.log
        if self._log is None and self._spool is not None:
            return self._spool.log
        return self._log or ""

    @property
    def incarnation(self) -> int:
        """Which incarnation of the log recorded the last event: what is remembered of another holds no more."""
        return max(1, incarnation_of(self.log))

    @property
    def recorder(self) -> str:
        """The random id under which this process records."""
        return self._here().source.recorder

    @property
    def writer(self) -> str:
        """Who the log states as the writer of what this ledger records."""
        return self._ask(lambda writer, _: writer.writer)

    def record(self, drafts: Sequence[Draft], *, deadline_s: float | None = None) -> list[Kept]:
        """Commits the drafts in order and returns their receipts; several batches when there are very many.

        Each batch is recorded as a whole or not at all, and has ``deadline_s`` seconds. An event that is in the log
        already, by its id, gives its receipt again. Raises the errors of :mod:`unbroken.errors`, which say whether
        the events are recorded; an :class:`OutcomeUnknownError` names those that may or may not be, and recording the
        same drafts again settles it.
        """
        committer = self._here()
        if len(drafts) == 1:
            return list(committer.submit(drafts, deadline=self._deadline(deadline_s)))
        kept: dict[str, Kept] = {}
        for batch in _batches(_unique(drafts)):
            kept.update({each.id: each for each in committer.submit(batch, deadline=self._deadline(deadline_s))})
        return [kept[draft.event.id] for draft in drafts]

    def writers_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Which of ``ids`` are in the log already, and by which writer."""
        found: dict[str, str] = {}
        for start in range(0, len(ids), MAX_BATCH):
            some = ids[start : start + MAX_BATCH]
            answer = self._ask(partial(_whereabouts, some))
            found.update({event_id: known.writer for event_id, known in answer.items()})
        return found

    def identify(self, proposals: Sequence[Identity]) -> list[str] | None:
        """The pseudonym that holds for the name of each proposal: the oldest it has, else the proposed one from now on.

        ``None`` in an outage that a spool bridges, at once but for the call that finds out. Raises
        :class:`UnavailableError` where there is no spool, and where the log refuses what :meth:`record` raises.
        """
        committer = self._here()
        found: list[str] = []
        for start in range(0, len(proposals), MAX_BATCH):
            question = partial(_identified, proposals[start : start + MAX_BATCH])
            some = committer.ask_until(question, deadline=self._deadline(None))
            if some is None:
                return None
            found += some
        return found

    def remember(self, identities: Sequence[Identity]) -> None:
        """Takes note of people whose pseudonyms this process goes on using: a log that lost them gets them again."""
        self._here().remember(identities)

    def vault_keys(self, holders: Sequence[tuple[str, str]]) -> list[VaultKey | None] | None:
        """The public key that belongs to each holder, in order, as :meth:`LogWriter.vault_keys` says.

        ``None`` in an outage that a spool bridges, as :meth:`identify`; raises as that does.
        """
        return self._here().ask_until(
            lambda writer, wait_s: writer.vault_keys(holders, wait_s=wait_s), deadline=self._deadline(None)
        )

    def approval(self, request: str) -> Approval | None:
        """What became of a request for approval; ``None`` when this log has none of that id."""
        found = self._ask(lambda writer, wait_s: writer.approvals(request=request, wait_s=wait_s))
        return Approval.of(found[0]) if found else None

    def approvals_of(self, call_id: str, arguments_hash: str) -> list[Approval]:
        """The requests for one call with these arguments, newest first."""
        call = (call_id, arguments_hash)
        return [
            Approval.of(row) for row in self._ask(lambda writer, wait_s: writer.approvals(call=call, wait_s=wait_s))
        ]

    def ask_aside(self, question: Callable[[LogWriter, float], R], *, wait_s: float | None = None) -> R | None:
        """The log's answer to a question that recording can do without; ``None`` in an outage that a spool bridges.

        Without a spool it raises :class:`UnavailableError`, as recording does, after ``wait_s`` seconds.
        """
        if self._spool is None:
            return self._here().ask(question, deadline=self._deadline(wait_s))
        if time.monotonic() < self._not_before:
            return None
        try:
            return self._here().ask(question, deadline=self._deadline(GLANCE_S))
        except UnavailableError:
            self._not_before = time.monotonic() + PAUSE_S
            return None

    def close(self) -> None:
        """Tells the log that this recorder has stopped, where it can be told, and closes the connection.

        There is nothing to flush. A recorder whose end the log does not know has died, or lost the database.
        """
        committer = self._processes.pop(os.getpid(), None)
        if committer is not None:
            committer.close()

    def _here(self) -> Committer:
        pid = os.getpid()
        committer = self._processes.get(pid)
        if committer is None:
            # Of several threads that come here first, one's is kept.
            committer = self._processes.setdefault(pid, self._made())
        return committer

    def _made(self) -> Committer:
        source = Source()
        delivery = Delivery(self._connect, early=self._early)
        retained = (
            InMemory(limit_bytes=self._retain) if isinstance(self._retain, int) else self._retain(source.recorder)
        )
        return Committer(Keeping(delivery, retained), spool=self._spool, source=source)

    def _ask(self, question: Callable[[LogWriter, float], R]) -> R:
        return self._here().ask(question, deadline=self._deadline(None))

    def _deadline(self, seconds: float | None) -> float:
        return time.monotonic() + (self._deadline_s if seconds is None else seconds)


def _whereabouts(ids: Sequence[str], writer: LogWriter, wait_s: float) -> dict[str, Known]:
    return writer.receipts(ids, [None] * len(ids), wait_s=wait_s)


def _identified(proposals: Sequence[Identity], writer: LogWriter, wait_s: float) -> list[str]:
    return writer.identify(proposals, wait_s=wait_s)


def _unique(drafts: Sequence[Draft]) -> list[Draft]:
    """Each event once; an id that stands for two different ones is a conflict."""
    unique: dict[str, Draft] = {}
    for index, draft in enumerate(drafts):
        if unique.setdefault(draft.event.id, draft).event != draft.event:
            raise ConflictError(f"event {index + 1}: its id stands for another event of this call", index=index)
    return list(unique.values())


def _batches(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    batch: list[Draft] = []
    size = 0
    for draft in drafts:
        if batch and (len(batch) == MAX_BATCH or size + draft.weight > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(draft)
        size += draft.weight
    if batch:
        yield batch
