"""From the moment at which an erasure can't be taken back to its certificate.

Each step may be repeated: whoever is interrupted runs the same again, and it goes on where the log and the ledger say
that it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from unbroken.errors import ConfigurationError, HeldError
from unbroken.privacy.erasure.records import CertificateNote, OrderNote
from unbroken.privacy.erasure.signing import Signing
from unbroken.privacy.erasure.told import destroyed_by
from unbroken.privacy.erasure.writing import Looked, begun_in, certificate_of
from unbroken.store.erasures import Batch, Erasure

BATCH: Final = 1000
"""Entries of a batch, which is one transaction."""

Progress = Callable[[int, int], None]


class Ends(Protocol):
    """The log, for whoever brings erasures to their end; see :class:`unbroken.store.erasures.Erasures`."""

    def one(self, erasure: str) -> Erasure | None:
        """The erasure as it stands."""

    def batch(self, erasure: str, limit: int) -> Batch:
        """Destroys some payloads and originals."""

    def finish(self, erasure: str, *, certificate: str) -> int:
        """Ends it."""


@dataclass(frozen=True)
class Ending:
    """The rest of erasures that have begun. ``look`` asks the log once more what there is of the person."""

    door: Ends
    signing: Signing
    look: Callable[[Erasure], Looked]

    def destroy(self, erasure: str, *, of: int, limit: int = BATCH, progress: Progress | None = None) -> None:
        """Destroys payloads and originals, batch by batch, until nothing is left; ``of`` is how many there were.

        Raises :class:`HeldError` where what is left is kept by a legal hold, which came after it had begun.
        """
        done = 0
        while (batch := self.door.batch(erasure, limit)).seq is not None:
            done += batch.payloads
            if progress is not None:
                progress(done, max(of, done))
        if batch.held:
            raise HeldError(
                f"a legal hold keeps {batch.held:,} of the entries that this erasure is about: what they hold is still "
                "there, and all else is destroyed. It is not done: run the same command again once the hold is over"
            )

    def finish(self, erasure: str, order: OrderNote) -> CertificateNote:
        """Looks whether anything is left, signs the certificate, puts it into the ledger and ends the erasure.

        Raises :class:`UnbrokenError` where something is left.
        """
        row = self.row(erasure)
        looked = self.look(row)
        certificate = self._written(row, order, looked) or self._certificate(row, order, looked)
        self.door.finish(erasure, certificate=certificate.digest)
        return certificate

    def row(self, erasure: str) -> Erasure:
        """The erasure as it stands; raises :class:`ConfigurationError` where there is none."""
        row = self.door.one(erasure)
        if row is None:
            raise ConfigurationError(f"there is no erasure {erasure}: `unbroken subject list` shows what there is")
        return row

    def order_of(self, row: Erasure) -> OrderNote:
        """The order with which an erasure began; raises :class:`ConfigurationError` where the ledger lacks it."""
        order = self.signing.records().order(row.order_sha256 or "")
        if order is None:
            raise ConfigurationError(
                f"this erasure began with an order that the ledger {self.signing.ledger.path} does not hold: name the "
                "ledger that does. Nothing further was destroyed"
            )
        return order

    def certificate_of(self, row: Erasure) -> CertificateNote:
        """The certificate of an erasure that is done; raises :class:`ConfigurationError` where the ledger lacks it."""
        for each in self.signing.records().certificates_of(row.erasure):
            if each.digest == row.certificate_sha256:
                return each
        raise ConfigurationError(
            f"the ledger {self.signing.ledger.path} holds no certificate of this erasure: name the one that does"
        )

    def _written(self, row: Erasure, order: OrderNote, looked: Looked) -> CertificateNote | None:
        """The certificate that an attempt before has put into the ledger, where it still says what there is."""
        entries = list(destroyed_by(row.erasure, looked.told).entries)
        # A restored log may give the same numbers out again, but not at the same time.
        said = (order.digest, begun_in(row), entries)
        for each in self.signing.records().certificates_of(row.erasure):
            if (each.certificate.order_sha256, each.certificate.begun, each.certificate.entries) == said:
                return each
        return None

    def _certificate(self, row: Erasure, order: OrderNote, looked: Looked) -> CertificateNote:
        days = self.signing.backups_kept_days
        return self.signing.add_certificate(
            lambda place: certificate_of(row, order, looked, place=place, backups_kept_days=days)
        )
