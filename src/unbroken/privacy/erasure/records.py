"""What a ledger says of erasures, believed only where a trusted key signed it for the very line on which it stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import Kept
from unbroken.destruction.signed import Signed, not_relied_on, signed_document, signed_documents
from unbroken.destruction.titles import ERASURE_CERTIFICATE, ERASURE_ORDER
from unbroken.errors import NoteError
from unbroken.privacy.erasure.certificate import Certificate, certificate_from
from unbroken.privacy.erasure.order import Order, order_from


@dataclass(frozen=True, slots=True)
class OrderNote:
    """An order with its note; ``digest`` is the note's SHA-256 in hex."""

    order: Order
    note: str
    digest: str


@dataclass(frozen=True, slots=True)
class CertificateNote:
    """A certificate with its note."""

    certificate: Certificate
    note: str
    digest: str


@dataclass(frozen=True, slots=True)
class Records:
    """The orders and certificates of a ledger, each in the order in which they were written."""

    orders: tuple[OrderNote, ...]
    certificates: tuple[CertificateNote, ...]

    def order(self, digest: str) -> OrderNote | None:
        """The order of this digest."""
        return next((each for each in self.orders if each.digest == digest), None)

    def orders_of(self, erasure: str) -> list[OrderNote]:
        """The orders of one erasure: several where one was prepared anew before it began. The last one holds."""
        return [each for each in self.orders if each.order.erasure == erasure]

    def certificates_of(self, erasure: str) -> list[CertificateNote]:
        """The certificates of one erasure: several where a restore brought it back."""
        return [each for each in self.certificates if each.certificate.erasure == erasure]

    def last_orders(self, log: str) -> list[OrderNote]:
        """For each erasure of a log, named with or without incarnation, its last order."""
        origin = log.partition("~")[0]
        last = {each.order.erasure: each for each in self.orders if each.order.log.partition("~")[0] == origin}
        return list(last.values())


def records_of(notes: Iterable[Kept], trusted: Sequence[VerifierKey]) -> Records:
    """What these notes say; raises :class:`NoteError` for the first one that is not signed, or not for its line.

    Documents about anything but erasures are checked as well, and left out.
    """
    orders, certificates = [], []
    for signed in signed_documents(notes, trusted):
        if signed.title not in (ERASURE_ORDER, ERASURE_CERTIFICATE):
            continue
        try:
            read = _read(signed)
        except NoteError as error:
            raise not_relied_on(signed.place.n, error) from error
        if isinstance(read, OrderNote):
            orders.append(read)
        else:
            certificates.append(read)
    return Records(tuple(orders), tuple(certificates))


def document_of(note: str, trusted: Sequence[VerifierKey]) -> OrderNote | CertificateNote:
    """The order or certificate that a note is; raises :class:`NoteError` for anything else."""
    return _read(signed_document(note, trusted))


def order_note(signed: Signed) -> OrderNote:
    """The order that a signed document is; raises :class:`NoteError` for anything else."""
    return OrderNote(order_from(signed.text), signed.note, signed.digest)


def certificate_note(signed: Signed) -> CertificateNote:
    """The certificate that a signed document is; raises :class:`NoteError` for anything else."""
    return CertificateNote(certificate_from(signed.text), signed.note, signed.digest)


def _read(signed: Signed) -> OrderNote | CertificateNote:
    if signed.title == ERASURE_ORDER:
        return order_note(signed)
    if signed.title == ERASURE_CERTIFICATE:
        return certificate_note(signed)
    raise NoteError("this note is about no erasure: `unbroken disposal check-certificate` reads those of disposals")
