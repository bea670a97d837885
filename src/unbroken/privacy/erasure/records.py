"""What a ledger says, believed only where a trusted key signed it for the very line on which it stands."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from unbroken.core.note import VerifierKey, verified
from unbroken.errors import NoteError
from unbroken.privacy.erasure.certificate import Certificate, certificate_from, is_certificate
from unbroken.privacy.erasure.document import Place, digest_of
from unbroken.privacy.erasure.ledger import Kept
from unbroken.privacy.erasure.order import Order, is_order, order_from


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
    """What these notes say; raises :class:`NoteError` for the first one that is not signed, or not for its line."""
    orders, certificates = [], []
    for read in _read(notes, trusted):
        if isinstance(read, OrderNote):
            orders.append(read)
        else:
            certificates.append(read)
    return Records(tuple(orders), tuple(certificates))


def document_of(note: str, trusted: Sequence[VerifierKey]) -> OrderNote | CertificateNote:
    """The order or certificate that a note is; raises :class:`NoteError` for anything else."""
    text, _ = verified(note, trusted)
    if is_order(text):
        return OrderNote(order_from(text), note, digest_of(note))
    if is_certificate(text):
        return CertificateNote(certificate_from(text), note, digest_of(note))
    raise NoteError("a signed note is neither an order to erase nor a certificate: a newer release may know it")


def _read(notes: Iterable[Kept], trusted: Sequence[VerifierKey]) -> Iterator[OrderNote | CertificateNote]:
    for kept in notes:
        try:
            read = document_of(kept.note, trusted)
        except NoteError as error:
            raise NoteError(f"line {kept.place.n} of the erasure ledger is not to be relied on: {error}") from error
        if _place_in(read) != kept.place:
            raise NoteError(
                f"line {kept.place.n} of the erasure ledger was signed for line {_place_in(read).n} of another row of "
                "lines: lines were taken out, or put in"
            )
        yield read


def _place_in(read: OrderNote | CertificateNote) -> Place:
    return read.order.line if isinstance(read, OrderNote) else read.certificate.line
