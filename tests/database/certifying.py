"""A disposal certified as whoever runs the round does it: what its functions say, signed and in the ledger."""

from pathlib import Path
from typing import Final

from tests.conftest import LOG
from tests.database.disposing import Disposing
from unbroken.core.note import SigningKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.retention.certified import CertificateNote
from unbroken.retention.certifying import certify
from unbroken.retention.finishing import Finishing
from unbroken.store.disposals import Disposals
from unbroken.store.log_reader import LogReader

KEY: Final = SigningKey("clinic.example/disposal", bytes(range(32)))


def signing_at(path: Path) -> SignedLedger:
    return SignedLedger(DestructionLedger(path), KEY, 30)


def certified(disposing: Disposing, disposal: str, signing: SignedLedger) -> CertificateNote:
    """The certificate of a disposal that is gone; the log does not know of it yet."""
    with LogReader(disposing.database.conninfo("retention"), LOG, writes=True) as reader:
        # As the round does: one connection, to the newest incarnation, for the disposals of all.
        door = Disposals(reader, log=reader.log if disposing.log == LOG else disposing.log)
        found = door.one(disposal)
        assert found is not None
        return certify(found, Finishing(door, signing).look(found), signing)


def finished(disposing: Disposing, disposal: str, signing: SignedLedger) -> CertificateNote:
    """The same, from the last batch on, and the log names the certificate at its end."""
    disposing.vacuum()
    assert disposing.is_gone(disposal)
    made = certified(disposing, disposal, signing)
    disposing.value("retention", "select unbroken.finish_disposal(%s, %s, %s)", disposal, made.digest)
    return made
