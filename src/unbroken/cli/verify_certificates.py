"""``unbroken verify --certificates``: what a destruction ledger holds, for the log to be held against."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from unbroken.core.entry import Head
from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError
from unbroken.privacy.erasure.records import CertificateNote, records_of
from unbroken.retention.certificate import Certificate
from unbroken.retention.certified import CertificateNote as DisposalNote
from unbroken.retention.certified import certificates_in as disposals_in
from unbroken.verify.certificates import Certificates, Certified
from unbroken.verify.disposal_certificates import CertifiedDisposal, CertifiedStep


def certificates_in(path: Path, keys: Sequence[VerifierKey]) -> Certificates:
    """The certificates of a ledger, and its orders.

    Raises :class:`NoteError` for a line that no trusted key signed, and :class:`ConfigurationError` where there is no
    such ledger, or none that is whole.
    """
    if not keys:
        raise ConfigurationError(
            "name with --trust whose certificates are believed: the verifier key that `unbroken subject key` printed, "
            "as you got it from whoever made it and not with the ledger"
        )
    ledger = DestructionLedger(path)
    if not ledger.exists():
        raise ConfigurationError(f"there is no destruction ledger {path}")
    notes = ledger.notes()
    records = records_of(notes, keys)
    return Certificates(
        tuple(map(_certified, records.certificates)),
        frozenset(each.digest for each in records.orders),
        tuple(map(certified_disposal, disposals_in(notes, keys))),
    )


def _certified(document: CertificateNote) -> Certified:
    certificate = document.certificate
    return Certified(
        digest=document.digest,
        erasure=certificate.erasure,
        log=certificate.log,
        order=certificate.order_sha256,
        begun_seq=certificate.begun.entry,
        begun_by=certificate.begun.by,
        entries=tuple(certificate.entries),
        keys=frozenset(certificate.keys),
        names=frozenset(certificate.names),
        payloads=certificate.counts.payloads,
        originals=certificate.counts.originals,
        head=Head.parse(certificate.head),
    )


def certified_disposal(document: DisposalNote) -> CertifiedDisposal:
    """What a certificate of disposal states, as far as a log can be held against it."""
    certificate = document.certificate
    return CertifiedDisposal(
        digest=document.digest,
        disposal=certificate.disposal,
        log=certificate.log,
        steps=tuple(_steps(certificate)),
        entries=tuple(certificate.entries),
        payloads=certificate.counts.payloads,
        originals=certificate.counts.originals,
        keys=certificate.counts.keys,
        kept=certificate.counts.kept,
        candidates=certificate.candidates.entries,
        sha256=certificate.candidates.sha256,
        head=Head.parse(certificate.head),
    )


def _steps(certificate: Certificate) -> Iterator[CertifiedStep]:
    candidates, approved = certificate.candidates, certificate.approved
    same = {"sha256": candidates.sha256}
    whole = {
        "upto": candidates.upto,
        "entries": candidates.entries,
        "policies_version": certificate.policy_set.version,
        "standing": certificate.reviewed is None,
        "approvals": certificate.standing if certificate.reviewed is None else None,
    }
    yield CertifiedStep("log.disposal_proposed", certificate.proposed.entry, certificate.proposed.by, {**same, **whole})
    if certificate.reviewed is not None:
        yield CertifiedStep("log.disposal_reviewed", certificate.reviewed.entry, certificate.reviewed.by, same)
    # What was approved of in advance is approved with being proposed.
    agreed = "log.disposal_proposed" if certificate.reviewed is None else "log.disposal_approved"
    yield CertifiedStep(agreed, approved.entry, approved.by, same)
    yield CertifiedStep("log.disposing", certificate.begun.entry, certificate.begun.by, same)
    for each in certificate.decisions:
        yield CertifiedStep("log.disposal_decided", each.entry, each.by, {"decision": each.decision})
