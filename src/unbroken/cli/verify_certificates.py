"""``unbroken verify --certificates``: what a destruction ledger holds, for the log to be held against."""

from collections.abc import Sequence
from pathlib import Path

from unbroken.core.entry import Head
from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError
from unbroken.privacy.erasure.records import CertificateNote, records_of
from unbroken.verify.certificates import Certificates, Certified


def certificates_in(path: Path, keys: Sequence[VerifierKey]) -> Certificates:
    """The certificates and orders of a ledger.

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
    records = records_of(ledger.notes(), keys)
    return Certificates(tuple(map(_certified, records.certificates)), frozenset(each.digest for each in records.orders))


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
