"""After a restore: what the ledger says was erased, done again before anybody reads.

The ledger knows what the restored database forgot: for each erasure its last order says whom, which keys, until when.
What a legal hold keeps in the restored database stays until the hold is over: it may have been released only in what
the restore lost. Such an erasure is still to be done then, and the ledger remembers it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, Protocol

from unbroken.core.times import parse_time
from unbroken.errors import ConfigurationError
from unbroken.privacy.erasure.ending import BATCH, Ending, Progress
from unbroken.privacy.erasure.records import CertificateNote, OrderNote, Records
from unbroken.privacy.erasure.signing import Signing
from unbroken.privacy.erasure.writing import Looked, Now
from unbroken.store.erasures import Batch, Erasure, PersonFound, Told

State = Literal["again", "go on", "done", "withdrawn", "left out"]
TO_DO: Final = ("again", "go on")


class Owner(Protocol):
    """The restored log, for its owner; see :class:`unbroken.store.recovery.Recovery`."""

    log: str

    def all(self) -> list[Erasure]:
        """All that the database knows."""

    def one(self, erasure: str) -> Erasure | None:
        """One of them."""

    def find(self, subjects: Sequence[str], *, with_acted: bool) -> PersonFound:
        """What there is of a person."""

    def held(self, *, subjects: Sequence[str], keys: Sequence[str], with_acted: bool, upto: datetime) -> int:
        """How many entries of what an order names a legal hold keeps."""

    def reapply(
        self,
        erasure: str,
        *,
        subjects: Sequence[str],
        keys: Sequence[str],
        with_acted: bool,
        upto: datetime,
        order: str,
    ) -> int | None:
        """Destroys keys and names once more."""

    def batch(self, erasure: str, limit: int) -> Batch:
        """Destroys some payloads and originals."""

    def finish(self, erasure: str, *, certificate: str) -> int:
        """Ends it."""

    def told_since(self, seq: int) -> list[Told]:
        """Entries that tell of erasures."""


@dataclass(frozen=True, slots=True)
class Task:
    """One erasure of the ledger and what is to be done about it.

    ``again``: the database does not know that it began. ``go on``: it began there and is not done. ``certified`` tells
    whether the ledger holds a certificate; without one it had begun, or was about to. ``held`` entries of it are kept
    by a legal hold.
    """

    order: OrderNote
    state: State
    certified: bool
    held: int = 0

    @property
    def to_do(self) -> bool:
        """Whether there is anything to do that can be done now."""
        return self.state in TO_DO and not self.waits

    @property
    def waits(self) -> bool:
        """Whether it can't be begun again before a legal hold is over; what has begun goes as far as it can."""
        return self.state == "again" and self.held > 0


def tasks_of(records: Records, known: Sequence[Erasure], log: str, *, left_out: Collection[str] = ()) -> list[Task]:
    """What is to be done about each erasure that the ledger holds for a log, in the ledger's order."""
    rows = {each.erasure: each for each in known}
    return [_task(each, rows.get(each.order.erasure), records, left_out) for each in records.last_orders(log)]


def held_against(tasks: Sequence[Task], owner: Owner) -> list[Task]:
    """The same, with what a legal hold keeps of each that is to be done."""
    return [replace(each, held=_held(each, owner)) if each.state in TO_DO else each for each in tasks]


def _held(task: Task, owner: Owner) -> int:
    order = task.order.order
    return owner.held(
        subjects=order.subjects, keys=order.keys, with_acted=order.with_acted, upto=parse_time(order.upto_at)
    )


def unknown_to_ledger(records: Records, known: Sequence[Erasure]) -> list[Erasure]:
    """Erasures that began in the database with an order that the ledger does not hold: it is not this log's, or cut."""
    return [each for each in known if each.order_sha256 is not None and records.order(each.order_sha256) is None]


def _task(last: OrderNote, row: Erasure | None, records: Records, left_out: Collection[str]) -> Task:
    certified = bool(records.certificates_of(last.order.erasure))
    if row is not None and row.state == "done":
        return Task(last, "done", certified)
    if row is not None and row.begun_seq is not None:
        return Task(records.order(row.order_sha256 or "") or last, "go on", certified)
    if row is not None and row.state == "withdrawn":
        return Task(last, "withdrawn", certified)
    if last.order.erasure in left_out:
        if certified:
            raise ConfigurationError(
                f"the erasure {last.order.erasure} was carried out, as its certificate in the ledger says: it can't be "
                "left out"
            )
        return Task(last, "left out", certified)
    return Task(last, "again", certified)


def begin(owner: Owner, task: Task) -> int | None:
    """Destroys keys and names of one of them, at once; the entry's number, ``None`` where it is all done here."""
    order = task.order.order
    return owner.reapply(
        order.erasure,
        subjects=order.subjects,
        keys=order.keys,
        with_acted=order.with_acted,
        upto=parse_time(order.upto_at),
        order=task.order.digest,
    )


@dataclass(frozen=True)
class Reapplying:
    """The erasures of a ledger, done again in a restored log."""

    owner: Owner
    signing: Signing
    now: Callable[[], Now]

    def carry_out(self, task: Task, *, limit: int = BATCH, progress: Progress | None = None) -> CertificateNote | None:
        """Does one of them to its end; its new certificate, ``None`` where the database had done it already.

        Raises :class:`HeldError` where a legal hold keeps any of it.
        """
        order = task.order.order
        if begin(self.owner, task) is None:
            return None
        ending = Ending(self.owner, self.signing, self._look)
        ending.destroy(order.erasure, of=order.counts.payloads, limit=limit, progress=progress)
        return ending.finish(order.erasure, task.order)

    def _look(self, row: Erasure) -> Looked:
        person = self.owner.find(row.subjects, with_acted=row.with_acted)
        told = self.owner.told_since(row.begun_seq or 0)
        return Looked(self.now(), person, told)
