"""What a notary does, in one go: it signs the log's tree with a key that the database never sees."""

from dataclasses import dataclass
from datetime import UTC, datetime

from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import SigningKey, VerifierKey
from unbroken.core.tree.edge import EMPTY
from unbroken.core.tree.extending import extended
from unbroken.notary.local_key import LocalKey
from unbroken.notary.signer import Signer
from unbroken.store.log_reader import LogReader
from unbroken.verify.outside import Held, Outside

KEEPER = "this program"


@dataclass(frozen=True)
class Signed:
    """A checkpoint, the note that it stands in, and the key that signed it."""

    checkpoint: Checkpoint
    note: str
    key: VerifierKey

    @property
    def outside(self) -> Outside:
        """What a verifier holds a log against that knows of this checkpoint and trusts its key."""
        history = KeyHistory.of((), [self.key], self.checkpoint.origin)
        return Outside.of([Held(self.note, KEEPER)], log=self.checkpoint.origin, signers=history, reached=[KEEPER])


def sign(reader: LogReader) -> Signed:
    """Signs the log as it is now, with a new key that is thrown away."""
    edge = extended(EMPTY, [entry.hash for lot in reader.entries() for entry in lot]).edge
    checkpoint = Checkpoint(reader.log, edge.size, edge.root)
    key = SigningKey.generate(key_name(reader.log))
    signer = Signer.of(LocalKey(key.verifier.public, key.secret), log=reader.log)
    return Signed(checkpoint, signer.note(checkpoint, at=datetime.now(UTC).replace(microsecond=0)), key.verifier)
