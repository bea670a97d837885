"""Where orders and certificates go, and what they are signed with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unbroken.core.note import SigningKey, VerifierKey, signed, verified
from unbroken.privacy.erasure.certificate import Certificate, certificate_from
from unbroken.privacy.erasure.document import Place, digest_of
from unbroken.privacy.erasure.ledger import ErasureLedger
from unbroken.privacy.erasure.order import Order, order_from
from unbroken.privacy.erasure.records import CertificateNote, OrderNote, Records, records_of


@dataclass(frozen=True)
class Signing:
    """A ledger and the key that signs for it.

    ``trusted`` are keys whose notes the ledger may hold beside ``key``'s; ``backups_kept_days`` is for how long backups
    hold what was destroyed, 0 where there are none.
    """

    ledger: ErasureLedger
    key: SigningKey
    backups_kept_days: int
    trusted: Sequence[VerifierKey] = ()

    def records(self) -> Records:
        """What the ledger says; raises :class:`NoteError` where a line of it is not to be relied on."""
        return records_of(self.ledger.notes(), self._verifiers)

    def add_order(self, at: Callable[[Place], Order]) -> OrderNote:
        """Signs an order and puts it into the ledger; on disk when this returns."""
        text, note = self._add(lambda place: at(place).text)
        return OrderNote(order_from(text), note, digest_of(note))

    def add_certificate(self, at: Callable[[Place], Certificate]) -> CertificateNote:
        """Signs a certificate and puts it into the ledger; on disk when this returns."""
        text, note = self._add(lambda place: at(place).text)
        return CertificateNote(certificate_from(text), note, digest_of(note))

    def _add(self, text_at: Callable[[Place], str]) -> tuple[str, str]:
        """The text that was signed, and its note."""
        kept = self.ledger.append(lambda place: signed(text_at(place), self.key))
        return verified(kept.note, self._verifiers)[0], kept.note

    @property
    def _verifiers(self) -> tuple[VerifierKey, ...]:
        return (self.key.verifier, *self.trusted)
