"""Orders and certificates of erasures in a ledger that is signed."""

from collections.abc import Callable
from dataclasses import dataclass

from unbroken.destruction.document import Place
from unbroken.destruction.signing import SignedLedger
from unbroken.privacy.erasure.certificate import Certificate
from unbroken.privacy.erasure.order import Order
from unbroken.privacy.erasure.records import (
    CertificateNote,
    OrderNote,
    Records,
    certificate_note,
    order_note,
    records_of,
)


@dataclass(frozen=True)
class Signing(SignedLedger):
    """A ledger and the key that signs for it, for whoever erases."""

    def records(self) -> Records:
        """What the ledger says of erasures; raises :class:`NoteError` where a line of it is not to be relied on."""
        return records_of(self.ledger.notes(), self.verifiers)

    def add_order(self, at: Callable[[Place], Order]) -> OrderNote:
        """Signs an order and puts it into the ledger; on disk when this returns."""
        return order_note(self.add(lambda place: at(place).text))

    def add_certificate(self, at: Callable[[Place], Certificate]) -> CertificateNote:
        """Signs a certificate and puts it into the ledger; on disk when this returns."""
        return certificate_note(self.add(lambda place: at(place).text))
