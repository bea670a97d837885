"""Orders and certificates made of what the log says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbroken.destruction.document import Act, Place, time_of
from unbroken.errors import ConfigurationError, UnbrokenError
from unbroken.privacy.erasure.certificate import Certificate, Finished, Left
from unbroken.privacy.erasure.order import Counts, Order, Ordered
from unbroken.privacy.erasure.plan import METHODS, NOT_COVERED, kept
from unbroken.privacy.erasure.records import OrderNote
from unbroken.privacy.erasure.told import destroyed_by
from unbroken.privacy.pseudonyms import is_pseudonym
from unbroken.store.erasures import Erasure, PersonFound, Told


@dataclass(frozen=True, slots=True)
class Now:
    """The log as it stands: its full name, its end, the time by the database's clock, and who asks."""

    log: str
    head: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the log gave: the person as they are found now, and the ``log.erased`` entries since it began."""

    now: Now
    person: PersonFound
    told: Sequence[Told]


def order_of(row: Erasure, found: PersonFound, *, now: Now, place: Place, backups_kept_days: int) -> Order:
    """The order to destroy what was found."""
    if row.case is None:
        raise ConfigurationError("an erasure without a case can't be ordered: ask for it anew")
    return Order(
        backups_kept_days=backups_kept_days,
        case=row.case,
        confirmed=_act(row.confirmed_by, row.confirmed_at, row.confirmed_seq),
        counts=Counts(
            keys=len(found.keys), names=len(found.pseudonyms), originals=found.originals, payloads=found.payloads
        ),
        despite_floors=row.despite_floors,
        erasure=row.erasure,
        floored=found.floored,
        head=now.head,
        held=found.held,
        keys=sorted(found.keys),
        line=place,
        log=now.log,
        methods=dict(METHODS),
        names=sorted(found.pseudonyms),
        ordered=Ordered(at=time_of(now.at), by=now.by),
        requested=_act(row.requested_by, row.requested_at, row.requested_seq),
        subjects=sorted(found.ids),
        upto_at=time_of(found.upto_at),
        with_acted=row.with_acted,
    )


def says(order: Order, found: PersonFound, *, backups_kept_days: int) -> bool:
    """Whether an order that was written before is the one that would be written now."""
    before = (order.subjects, order.keys, order.names, order.upto_at, order.floored, order.backups_kept_days)
    return before == (
        sorted(found.ids),
        sorted(found.keys),
        sorted(found.pseudonyms),
        time_of(found.upto_at),
        found.floored,
        backups_kept_days,
    )


def certificate_of(
    row: Erasure, ordered: OrderNote, looked: Looked, *, place: Place, backups_kept_days: int
) -> Certificate:
    """The certificate that what was ordered is gone; raises :class:`UnbrokenError` where something of it is left."""
    order, gone = ordered.order, destroyed_by(row.erasure, looked.told)
    names, keys = sorted({*order.names, *gone.names}), sorted({*order.keys, *gone.keys})
    return Certificate(
        backups_expire=_expiry(looked.now.at, backups_kept_days),
        backups_kept_days=backups_kept_days,
        basis="ledger" if row.basis == "ledger" else "two people",
        begun=begun_in(row),
        case=order.case,
        confirmed=order.confirmed,
        counts=Counts(keys=len(keys), names=len(names), originals=gone.originals, payloads=gone.payloads),
        despite_floors=order.despite_floors,
        entries=list(gone.entries),
        erasure=row.erasure,
        finished=Finished(at=time_of(looked.now.at), by=looked.now.by),
        floored=order.floored,
        head=looked.now.head,
        kept=kept(with_acted=order.with_acted),
        keys=keys,
        left=_left(keys, names, looked),
        line=place,
        log=looked.now.log,
        methods=dict(METHODS),
        names=names,
        not_covered=dict(NOT_COVERED),
        order_sha256=ordered.digest,
        other_ids=sum(not is_pseudonym(each) for each in order.subjects),
        pseudonyms=[each for each in order.subjects if is_pseudonym(each)],
        requested=order.requested,
        upto_at=order.upto_at,
        with_acted=order.with_acted,
    )


def begun_in(row: Erasure) -> Act:
    """Who began an erasure, and when; raises :class:`ConfigurationError` where nobody has."""
    return _act(row.begun_by, row.begun_at, row.begun_seq)


def _left(destroyed: Sequence[str], names: Sequence[str], looked: Looked) -> Left:
    """What of it there still is, which has to be nothing; payloads and originals are counted by the batches."""
    keys = set(destroyed) & set(looked.person.keys)
    known = set(names) & set(looked.person.pseudonyms)
    if keys or known:
        raise UnbrokenError(
            f"{len(keys)} of the keys and {len(known)} of the names that were to be destroyed are there again: no "
            "certificate was made. Run the same command once more, and `unbroken verify`"
        )
    return Left(
        checked_at=time_of(looked.now.at),
        held=0,
        keys=0,
        names=0,
        originals=0,
        payloads=0,
        recorded_since=max(looked.person.payloads, looked.person.originals),
    )


def _act(by: str | None, at: datetime | None, entry: int | None) -> Act:
    if by is None or at is None or entry is None:
        raise ConfigurationError("the log does not say who asked for, confirmed or began this erasure: verify it first")
    return Act(at=time_of(at), by=by, entry=entry)


def _expiry(at: datetime, backups_kept_days: int) -> str | None:
    return time_of(at + timedelta(days=backups_kept_days)) if backups_kept_days else None
