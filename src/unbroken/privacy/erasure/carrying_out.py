"""Carrying a confirmed erasure out: order, keys and names, batches, a look at what is left, certificate.

Each step may be repeated: whoever is interrupted runs the same again, and it goes on where the log and the ledger say
that it stands. Nothing is destroyed before the order that names it is signed and on disk outside the database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from unbroken.core.note import SigningKey, VerifierKey, signed
from unbroken.errors import ConfigurationError
from unbroken.privacy.erasure.certificate import Basis
from unbroken.privacy.erasure.document import Place
from unbroken.privacy.erasure.ledger import ErasureLedger
from unbroken.privacy.erasure.records import CertificateNote, OrderNote, Records, document_of, records_of
from unbroken.privacy.erasure.told import destroyed_by
from unbroken.privacy.erasure.writing import Looked, Now, certificate_of, order_of, says
from unbroken.store.erasures import Batch, Erasure, PersonFound

ATTEMPTS: Final = 3
"""How often an erasure is prepared anew where the person's keys changed meanwhile."""
BATCH: Final = 1000
"""Entries of a batch, which is one transaction and holds the log's lock."""

Progress = Callable[[int, int], None]


class Door(Protocol):
    """The log, for whoever carries erasures out; see :class:`unbroken.store.erasures.Erasures`."""

    def one(self, erasure: str) -> Erasure | None:
        """The erasure as it stands."""

    def prepare(self, erasure: str) -> PersonFound:
        """What is going to be destroyed."""

    def begin(self, erasure: str, keys: Sequence[str], *, order: str) -> int:
        """Destroys keys and names."""

    def batch(self, erasure: str, limit: int) -> Batch:
        """Destroys some payloads and originals."""

    def finish(self, erasure: str, *, certificate: str) -> int:
        """Ends it."""


@dataclass(frozen=True)
class Signing:
    """Where orders and certificates go, and what they are signed with.

    ``trusted`` are keys whose notes the ledger may hold beside ``key``'s; ``backups_kept_days`` is for how long backups
    hold what was destroyed, 0 where there are none.
    """

    ledger: ErasureLedger
    key: SigningKey
    backups_kept_days: int
    trusted: Sequence[VerifierKey] = ()

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """All keys whose notes are believed."""
        return (self.key.verifier, *self.trusted)

    def records(self) -> Records:
        """What the ledger says; raises :class:`NoteError` where a line of it is not to be relied on."""
        return records_of(self.ledger.notes(), self.verifiers)

    def add(self, text_at: Callable[[Place], str]) -> OrderNote | CertificateNote:
        """Signs a document and puts it into the ledger."""
        kept = self.ledger.append(lambda place: signed(text_at(place), self.key))
        return document_of(kept.note, self.verifiers)


@dataclass(frozen=True)
class CarryingOut:
    """Erasures of one log. ``now`` tells how the log stands, ``look`` asks it once more, which goes on record."""

    door: Door
    signing: Signing
    now: Callable[[], Now]
    look: Callable[[Erasure], Looked]

    def begin(self, erasure: str) -> OrderNote:
        """Signs the order, puts it into the ledger and begins; the order that holds where it had begun before."""
        row = self.row(erasure)
        if row.begun_seq is not None:
            return self.order_of(row)
        for attempt in range(1, ATTEMPTS + 1):
            found = self.door.prepare(erasure)
            order = self._order(row, found)
            try:
                self.door.begin(erasure, found.keys, order=order.digest)
            except ConfigurationError:
                # Keys may have been assigned since these were asked for: then an order has to name those too.
                if attempt == ATTEMPTS or set(self.door.prepare(erasure).keys) == set(found.keys):
                    raise
            else:
                break
        return order

    def destroy(self, erasure: str, *, of: int, limit: int = BATCH, progress: Progress | None = None) -> None:
        """Destroys payloads and originals, batch by batch, until nothing is left; ``of`` is how many there were."""
        done = 0
        while (batch := self.door.batch(erasure, limit)).seq is not None:
            done += batch.payloads
            if progress is not None:
                progress(done, max(of, done))

    def finish(self, erasure: str, order: OrderNote, *, basis: Basis = "two people") -> CertificateNote:
        """Looks whether anything is left, signs the certificate, puts it into the ledger and ends the erasure.

        Raises :class:`UnbrokenError` where something is left.
        """
        row = self.row(erasure)
        looked = self.look(row)
        certificate = self._written(row, order, looked)
        if certificate is None:
            certificate = self._certificate(row, order, looked, basis=basis)
        self.door.finish(erasure, certificate=certificate.digest)
        return certificate

    def certificate(self, row: Erasure) -> CertificateNote:
        """The certificate of an erasure that is done; raises :class:`ConfigurationError` where the ledger lacks it."""
        for each in self.signing.records().certificates_of(row.erasure):
            if each.digest == row.certificate_sha256:
                return each
        raise ConfigurationError(
            f"the ledger {self.signing.ledger.path} does not hold the certificate of this erasure: name the one that does"
        )

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

    def _order(self, row: Erasure, found: PersonFound) -> OrderNote:
        """The order in the ledger: one from an attempt before, where it says the same, or a new one."""
        days = self.signing.backups_kept_days
        for last in self.signing.records().orders_of(row.erasure)[-1:]:
            if says(last.order, found, backups_kept_days=days):
                return last
        now = self.now()
        added = self.signing.add(
            lambda place: order_of(row, found, now=now, place=place, backups_kept_days=days).text
        )
        assert isinstance(added, OrderNote)
        return added

    def _written(self, row: Erasure, order: OrderNote, looked: Looked) -> CertificateNote | None:
        """The certificate that an attempt before has put into the ledger, where it still says what there is."""
        entries = list(destroyed_by(row.erasure, looked.told).entries)
        for each in self.signing.records().certificates_of(row.erasure):
            if (each.certificate.order_sha256, each.certificate.entries) == (order.digest, entries):
                return each
        return None

    def _certificate(self, row: Erasure, order: OrderNote, looked: Looked, *, basis: Basis) -> CertificateNote:
        days = self.signing.backups_kept_days
        added = self.signing.add(
            lambda place: certificate_of(
                row, order, looked, place=place, backups_kept_days=days, basis=basis
            ).text
        )
        assert isinstance(added, CertificateNote)
        return added
