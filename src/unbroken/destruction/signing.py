"""Where signed documents go, and what they are signed with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unbroken.core.note import SigningKey, VerifierKey, signed
from unbroken.destruction.document import Place
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signed import Signed, signed_document, signed_documents


@dataclass(frozen=True)
class SignedLedger:
    """A ledger and the key that signs for it.

    ``trusted`` are keys whose notes the ledger may hold beside ``key``'s; ``backups_kept_days`` is for how long backups
    hold what was destroyed, 0 where there are none.
    """

    ledger: DestructionLedger
    key: SigningKey
    backups_kept_days: int
    trusted: Sequence[VerifierKey] = ()

    def documents(self) -> list[Signed]:
        """All that the ledger holds; raises :class:`NoteError` where a line of it is not to be relied on."""
        return signed_documents(self.ledger.notes(), self.verifiers)

    def add(self, text_at: Callable[[Place], str]) -> Signed:
        """Signs a document and puts it into the ledger; on disk when this returns."""
        kept = self.ledger.append(lambda place: signed(text_at(place), self.key))
        return signed_document(kept.note, self.verifiers)

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """The keys that are believed."""
        return (self.key.verifier, *self.trusted)
