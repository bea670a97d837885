"""The local spool: what a recorder can't deliver is kept on this machine's disk, in order, until the log has it.

It holds events as they would go to the database and nothing else: an event's id, its canonical text, the parts of its
payload by name, salt and value, after redaction, its original sealed, and identities that the log doesn't know, names
sealed. It encrypts nothing and adds no protection of its own.
"""

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from unbroken.core.event import decode_event
from unbroken.core.ids import is_id
from unbroken.core.times import format_time
from unbroken.errors import (
    ConflictError,
    InvalidEventError,
    OutcomeUnknownError,
    SpoolFullError,
    UnavailableError,
    UnbrokenError,
)
from unbroken.ledger.sealed import Sealed
from unbroken.ledger.spool.claim import GLANCE_S, Claim, claim, guarded
from unbroken.ledger.spool.file import Contents, Found, Owner, Refused, Span, SpoolFile, Window, size_of
from unbroken.ledger.spool.folder import LOCK, NEW, SPOOL, checked_folder, path_of, prepared_folder, recorders_in

DAMAGED: Final = "damaged on the disk"
"""Stands as the reason with an event that is not what was put."""

_log = logging.getLogger("unbroken")


class Spool:
    """The file of one recorder, ``<folder>/<recorder>.spool``, for the one process that has it.

    Safe to use from several threads. The file is there from the first event until it is empty and its gap is declared.
    Every method raises :class:`ConfigurationError` where the file is missing, damaged or can't be written to,
    :class:`UnavailableError` where the disk refuses, and :class:`UnbrokenError` in a forked child or after
    :meth:`close`. A file is never deleted for being damaged.
    """

    def __init__(
        self, folder: Path | str, recorder: str, *, log: str, limit_bytes: int, taken: Claim | None = None
    ) -> None:
        """Makes the folder, mode 0700, where there is none. ``log`` is the name that the file is bound to; ``taken`` is
        the claim to a file that is there, where the caller has it already.

        Raises :class:`ConfigurationError` where others can write to the folder and where the file is another log's, and
        :class:`UnavailableError` where another process has it.
        """
        self.recorder = recorder
        self.log = log
        self.limit_bytes = limit_bytes
        self._folder = prepared_folder(folder)
        self._file = SpoolFile(path_of(self._folder, recorder, SPOOL))
        self._contents: Contents | None = Contents(0, 0)
        self._closed = False
        self._pid = os.getpid()
        # Held from the moment there is a file, and never without one.
        self._claim = taken or (self._claimed() if self._file.path.exists() else None)
        if self._claim is not None:
            self._read(self._claim)

    @property
    def path(self) -> Path:
        """Where the file is, or will be."""
        return self._file.path

    @property
    def empty(self) -> bool:
        """Whether no event waits to be delivered."""
        return self.count == 0

    @property
    def count(self) -> int:
        """How many events wait."""
        with guarded():
            return self._counted().waiting

    @property
    def size_bytes(self) -> int:
        """The bytes of all events here, those refused included; what ``limit_bytes`` limits."""
        with guarded():
            return self._counted().size_bytes

    def put(self, batch: Sequence[Sealed], *, since: datetime) -> list[int]:
        """Keeps a batch of this recorder's events, all or none; it is on the disk when this returns.

        ``since`` is when delivery began to fail. An event that is here already stays as it is, under the number that it
        got first; the positions of such events are returned. Raises :class:`SpoolFullError` beyond the limit or when
        the disk is full, with nothing of the batch kept, :class:`ConflictError` where an id stands for another event,
        :class:`InvalidEventError` where the log has refused the event before, and :class:`OutcomeUnknownError` when the
        disk failed at the last moment.
        """
        with guarded():
            repeated = self._repeated(batch)
            new = [item for at, item in enumerate(batch) if at not in repeated]
            if new:
                self._put(new, format_time(since))
            return repeated

    def first(self, *, events: int = 1000, size_bytes: int = 16 * 2**20) -> tuple[int, list[Sealed]] | None:
        """What waits longest, in order, and the number to give to :meth:`done`; ``None`` when nothing waits.

        Whole batches, as many as fit into the limits and at least one, without what was refused of them. An event that
        the disk has damaged is set aside, as if it had been refused.
        """
        with guarded():
            while self._counted().waiting > 0 and (batch := self._file.first(events=events, size_bytes=size_bytes)):
                if not batch.damaged:
                    return batch.number, batch.events
                _log.error("%d events in the spool %s are damaged and were set aside", len(batch.damaged), self.path)
                self._changing().refuse(batch.damaged, DAMAGED)
            return None

    def done(self, number: int) -> None:
        """Removes what :meth:`first` gave with this number, as the log has it; if it is gone already, does nothing."""
        with guarded():
            self._changing().done(number)

    def refuse(self, ids: Sequence[str], reason: str) -> None:
        """Sets events aside that the log will never take; they stay in the file, named by :meth:`refused`.

        ``reason`` is shown to people and must hold nothing of the events' content.
        """
        with guarded():
            self._changing().refuse(ids, reason)

    def refused(self) -> list[Refused]:
        """What was set aside, in order."""
        with guarded():
            return [] if self._current() is None else self._file.refused()

    def window(self) -> Window | None:
        """The gap to be declared in the log, ``None`` when there is none. It grows with each batch."""
        with guarded():
            return None if self._current() is None else self._file.window()

    def gap_declared(self, window: Window) -> bool:
        """The log has an entry that tells of ``window``: forgets it, and removes the file if it holds nothing more.

        Returns ``False``, and does nothing, while events wait or if the gap has grown since.
        """
        with guarded():
            if self._current() is None or not self._file.close_gap(window):
                return False
            self._remove_if_done()
            return True

    def close(self) -> None:
        """Gives the file up to whoever drains it, and removes it if it holds nothing; later calls do nothing."""
        with guarded():
            if self._closed or self._pid != os.getpid():
                return
            try:
                self._remove_if_done()
            finally:
                self._closed = True
                if self._claim is not None:
                    self._claim.release()

    def _put(self, batch: Sequence[Sealed], since: str) -> None:
        span = self._span(batch)
        size = sum(map(size_of, batch))
        held = self._counted()
        if held.size_bytes + size > self.limit_bytes:
            raise SpoolFullError(
                f"the spool {self.path} is at its limit: it keeps {held.waiting} events with {held.size_bytes} of at "
                f"most {self.limit_bytes} bytes, and did not take these {len(batch)} with {size}"
            )
        self._make()
        held = self._counted()
        self._file.reserve()
        self._contents = None
        try:
            self._file.put(batch, span=span, since=since)
        except UnavailableError as error:
            if self._may_hold(batch):
                raise OutcomeUnknownError(
                    f"the disk failed while {self.path} was written: {len(batch)} events may or may not be kept there",
                    ids=tuple(item.id for item in batch),
                ) from error
            raise
        self._contents = Contents(held.waiting + len(batch), held.size_bytes + size)

    def _repeated(self, batch: Sequence[Sealed]) -> list[int]:
        """The positions of events that are here already."""
        if self._counted().size_bytes == 0:
            return []
        found = self._file.find([item.id for item in batch])
        for index, item in enumerate(batch):
            if item.id in found:
                self._compare(item, found[item.id], index)
        return [index for index, item in enumerate(batch) if item.id in found]

    def _compare(self, item: Sealed, found: Found, index: int) -> None:
        if Sealed(item.id, found.text, {}).unnumbered_hash() != item.unnumbered_hash():
            raise ConflictError(f"event {index + 1}: its id stands for another event in the spool", index=index)
        if found.refused:
            raise InvalidEventError(f"event {index + 1} was refused by the log and set aside", index=index)

    def _current(self) -> Claim | None:
        """The claim, ``None`` as long as there is no file; raises where this is not the process that has it."""
        if self._closed:
            raise UnbrokenError(f"the spool {self.path} was closed")
        if self._pid != os.getpid():
            raise UnbrokenError(f"the spool {self.path} belongs to the process that this one was forked from")
        return self._claim

    def _counted(self) -> Contents:
        self._current()
        if self._contents is None:
            self._contents = self._file.contents()
        return self._contents

    def _changing(self) -> SpoolFile:
        """The file, about to change: what is known of its contents no longer holds."""
        if self._current() is None:
            raise UnbrokenError(f"the spool {self.path} holds no events")
        self._contents = None
        return self._file

    def _read(self, claim: Claim) -> None:
        """Looks at a file that was there already, all of it."""
        try:
            self._file.check(Owner(self.recorder, self.log))
            self._contents = self._file.contents()
            with suppress(SpoolFullError):
                self._file.reserve()
        except BaseException:
            claim.release()
            raise

    def _make(self) -> None:
        """Makes the file, where there is none yet."""
        if self._claim is None:
            made = self._claimed()
            try:
                if not self.path.exists():
                    self._file.create(made.path(NEW), Owner(self.recorder, self.log))
                self._read(made)
            except BaseException:
                made.release()
                raise
            self._claim = made

    def _claimed(self) -> Claim:
        made = claim(self._folder, self.recorder, patience=GLANCE_S)
        if made is None:
            raise UnavailableError(f"another process has the spool {self.path}")
        return made

    def _remove_if_done(self) -> None:
        if self._claim is not None and self._counted() == Contents(0, 0) and self._file.window() is None:
            removed, self._claim = self._claim, None
            removed.release_with_files()

    def _span(self, batch: Sequence[Sealed]) -> Span:
        times, numbers = [], []
        for index, item in enumerate(batch):
            try:
                event = decode_event(item.text)
            except msgspec.MsgspecError:
                # Its text may quote a value.
                raise InvalidEventError(f"event {index + 1} is no event", index=index) from None
            if event.recorder != self.recorder or event.recorder_seq is None:
                raise InvalidEventError(f"event {index + 1} is not this recorder's", index=index)
            times.append(event.ts)
            numbers.append(event.recorder_seq)
        return Span(min(times), max(times), min(numbers), max(numbers), len(batch))

    def _may_hold(self, batch: Sequence[Sealed]) -> bool:
        """Whether a failed transaction left a batch behind: a disk that fails at the very end may have kept it."""
        try:
            return bool(self._file.find([batch[0].id]))
        except UnbrokenError:
            return True


def orphans(folder: Path | str, *, log: str) -> Generator[Spool, None, None]:
    """The spools of ``log`` whose processes are gone, the oldest first, each taken over exclusively until the next.

    They take nothing new. Those without anything to deliver or declare are passed over, and removed unless they hold
    refused events. A file that can't be read is left as it is and logged as an error: it must not keep the living from
    recording. Raises :class:`ConfigurationError` for a folder that others can write to.
    """
    if not Path(folder).exists():
        return
    real = checked_folder(folder)
    for recorder in recorders_in(real):
        spool = _taken_over(real, recorder, log=log)
        if spool is not None:
            try:
                if not spool.empty or spool.window() is not None:
                    yield spool
            finally:
                spool.close()
    _remove_litter(real)


def _taken_over(folder: Path, recorder: str, *, log: str) -> Spool | None:
    """``None`` where its process lives, where somebody else is at it, and where the file is another log's or broken."""
    try:
        taken = claim(folder, recorder)
        if taken is None:
            return None
        with ExitStack() as otherwise:
            otherwise.callback(taken.release)
            file = SpoolFile(taken.path(SPOOL))
            if file.path.exists() and file.owner().log == log:
                spool = Spool(folder, recorder, log=log, limit_bytes=0, taken=taken)
                otherwise.pop_all()
                return spool
    except UnbrokenError as error:
        _log.error("a dead recorder's events can't be delivered: %s", error)
    return None


def _remove_litter(folder: Path) -> None:
    """Removes what a process left that died while its file was made or removed: it holds nothing."""
    for recorder in recorders_in(folder, suffix=LOCK):
        if is_id(recorder) and not path_of(folder, recorder, SPOOL).exists():
            taken = claim(folder, recorder)
            if taken is not None and not taken.path(SPOOL).exists():
                taken.release_with_files()
            elif taken is not None:
                taken.release()
