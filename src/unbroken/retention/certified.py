"""The certificates of disposals that a ledger holds, believed only where a trusted key signed them for their line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import Kept
from unbroken.destruction.signed import Signed, not_relied_on, signed_document, signed_documents
from unbroken.destruction.titles import DISPOSAL_CERTIFICATE
from unbroken.errors import NoteError
from unbroken.retention.certificate import Certificate, certificate_from


@dataclass(frozen=True, slots=True)
class CertificateNote:
    """A certificate of disposal with its note; ``digest`` is the note's SHA-256 in hex."""

    certificate: Certificate
    note: str
    digest: str


def certificates_in(notes: Iterable[Kept], trusted: Sequence[VerifierKey]) -> list[CertificateNote]:
    """The certificates among these notes, in the order in which they were written.

    Raises :class:`NoteError` for the first note, of any kind, that is not signed, or not for its line.
    """
    found = []
    for signed in signed_documents(notes, trusted):
        if signed.title == DISPOSAL_CERTIFICATE:
            try:
                found.append(certificate_note(signed))
            except NoteError as error:
                raise not_relied_on(signed.place.n, error) from error
    return found


def certificate_of(note: str, trusted: Sequence[VerifierKey]) -> CertificateNote:
    """The certificate that a note is; raises :class:`NoteError` for anything else."""
    signed = signed_document(note, trusted)
    if signed.title != DISPOSAL_CERTIFICATE:
        raise NoteError("this note is about no disposal: `unbroken subject check-certificate` reads those of erasures")
    return certificate_note(signed)


def certificate_note(signed: Signed) -> CertificateNote:
    """The certificate that a signed document is; raises :class:`NoteError` for anything else."""
    return CertificateNote(certificate_from(signed.text), signed.note, signed.digest)
