"""Certifying a disposal once it is found to be gone: what the log says of it, signed and put into the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from unbroken.destruction.document import Act, Place, time_of
from unbroken.destruction.signing import SignedLedger
from unbroken.destruction.told import Entry
from unbroken.errors import ConfigurationError, UnbrokenError
from unbroken.retention.certificate import (
    Candidates,
    Certificate,
    Counts,
    Decided,
    Decision,
    Finished,
    Gone,
    HoldCheck,
    PolicySetNamed,
    UnderPolicy,
)
from unbroken.retention.certified import CertificateNote, certificate_note, certificates_in
from unbroken.retention.disposed import Disposed, disposed_by
from unbroken.retention.effects import HOLD_CHECK, KEPT, METHODS, NOT_COVERED
from unbroken.retention.written import policy_from
from unbroken.store.disposals import Decision as DecisionTaken
from unbroken.store.disposals import Disposal, Under

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the log gave when all was found to be gone.

    ``log`` is its full name, ``head`` its end as ``seq:hash``, ``at`` the time by the database's clock, ``by`` the
    login. ``told`` are the ``log.disposed`` entries since it began, which are gone through once; ``policies`` are those
    that candidates fell under, of the set that ``policies_sha256`` stands for; ``approvals`` the ids of standing
    approvals, where those took a reviewer's place. ``ways`` tells of each partition how it went: dropped, rewritten or
    vacuumed.
    """

    log: str
    head: str
    at: datetime
    by: str
    told: Iterable[Entry]
    policies: Sequence[Under]
    policies_sha256: str
    decisions: Sequence[DecisionTaken]
    approvals: Sequence[str]
    ways: Sequence[str]


def certify(row: Disposal, looked: Looked, signing: SignedLedger) -> CertificateNote:
    """The certificate of a disposal, in the ledger and on disk: one from an attempt before, or a new one.

    Raises :class:`UnbrokenError` where the log's entries and its table do not say the same of it, and
    :class:`ConfigurationError` where it is not as far: nothing is signed then.
    """
    told = disposed_by(row.disposal, looked.told)
    _check(row, told)
    begun = _act("begun", row.begun_by, row.begun_at, row.begun_seq)
    for each in certificates_in(signing.ledger.notes(), signing.verifiers):
        known = each.certificate
        # A restored log may give the same numbers out again, but not at the same time.
        if (known.disposal, known.log, known.begun, known.entries) == (row.disposal, looked.log, begun, told.entries):
            return each
    days = signing.backups_kept_days
    return certificate_note(
        signing.add(lambda place: certificate_at(place, row, looked, told, backups_kept_days=days).text)
    )


def certificate_at(
    place: Place, row: Disposal, looked: Looked, told: Disposed, *, backups_kept_days: int
) -> Certificate:
    """The certificate of what ``told`` says, for its place in a ledger."""
    return Certificate(
        approved=_act("approved", row.approved_by, row.approved_at, row.approved_seq),
        backups_expire=time_of(looked.at + timedelta(days=backups_kept_days)) if backups_kept_days else None,
        backups_kept_days=backups_kept_days,
        begun=_act("begun", row.begun_by, row.begun_at, row.begun_seq),
        candidates=Candidates(entries=row.entries, sha256=_known("sha256", row.sha256), upto=row.upto),
        counts=Counts(keys=told.keys, kept=told.kept, originals=told.originals, payloads=told.payloads),
        decisions=[_decision(each) for each in looked.decisions],
        disposal=row.disposal,
        emptied_at=time_of(_known("emptied_at", row.emptied_at)),
        entries=told.entries,
        finished=Finished(at=time_of(looked.at), by=looked.by),
        gone=_gone(row, looked.ways),
        head=looked.head,
        hold_check=_hold_check(row),
        kept=dict(KEPT),
        line=place,
        log=looked.log,
        methods=dict(METHODS),
        not_covered=dict(NOT_COVERED),
        policies=sorted(map(_under, looked.policies), key=lambda policy: policy.id),
        policy_set=PolicySetNamed(sha256=looked.policies_sha256, version=row.policies_version),
        proposed=_act("proposed", row.proposed_by, row.proposed_at, row.proposed_seq),
        reviewed=_reviewed(row),
        standing=sorted(looked.approvals),
    )


def _check(row: Disposal, told: Disposed) -> None:
    """Raises :class:`UnbrokenError` where the entries and the table count differently."""
    said = (told.payloads, told.originals, told.keys, told.kept)
    if said != (row.payloads, row.originals, row.keys, row.kept):
        raise UnbrokenError(
            f"of the disposal {row.disposal} the log's entries say something else than its table: no certificate was "
            "made. Run `unbroken verify`"
        )


def _gone(row: Disposal, ways: Sequence[str]) -> Gone:
    return Gone(
        at=time_of(_known("gone_at", row.gone_at)),
        dropped=ways.count("dropped"),
        rewritten=ways.count("rewritten"),
        vacuumed=ways.count("vacuumed"),
    )


def _hold_check(row: Disposal) -> HoldCheck:
    begun, emptied = _known("begun_at", row.begun_at), _known("emptied_at", row.emptied_at)
    return HoldCheck(how=HOLD_CHECK, since=time_of(begun), until=time_of(emptied))


def _under(found: Under) -> UnderPolicy:
    policy = policy_from(found.policy)
    return UnderPolicy(
        basis=policy.basis,
        ceiling=None if policy.ceiling is None else str(policy.ceiling),
        citation=policy.citation,
        entries=found.entries,
        floor=None if policy.floor is None else str(policy.floor),
        id=policy.id,
        parts=sorted(policy.parts),
        start=policy.start,
        title=policy.title,
        verify=policy.verify,
        version=policy.version,
    )


def _decision(taken: DecisionTaken) -> Decision:
    kind: Decided = "extend" if taken.decision == "extend" else "relabel"
    return Decision(at=time_of(taken.decided_at), by=taken.decided_by, decision=kind, entry=taken.seq)


def _reviewed(row: Disposal) -> Act | None:
    if row.standing and row.reviewed_seq is None:
        return None
    return _act("reviewed", row.reviewed_by, row.reviewed_at, row.reviewed_seq)


def _act(what: str, by: str | None, at: datetime | None, entry: int | None) -> Act:
    return Act(at=time_of(_known(what, at)), by=_known(what, by), entry=_known(what, entry))


def _known(what: str, value: T | None) -> T:
    if value is None:
        raise ConfigurationError(f"this disposal can't be certified: the log says nothing of it under {what}")
    return value
