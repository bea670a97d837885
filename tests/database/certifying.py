"""A disposal certified as whoever runs the round does it: what its functions say, signed and in the ledger."""

from pathlib import Path
from typing import Final

from tests.database.disposing import Disposing
from unbroken.core.note import SigningKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.retention.certified import CertificateNote
from unbroken.retention.certifying import Looked, certify
from unbroken.store.disposals import Disposals
from unbroken.store.log_reader import LogReader

KEY: Final = SigningKey("clinic.example/disposal", bytes(range(32)))


def signing_at(path: Path) -> SignedLedger:
    return SignedLedger(DestructionLedger(path), KEY, 30)


def certified(disposing: Disposing, disposal: str, signing: SignedLedger) -> CertificateNote:
    """The certificate of a disposal that is gone; the log does not know of it yet."""
    with (
        LogReader(disposing.database.conninfo("retention"), disposing.log, writes=True) as reader,
        LogReader(disposing.database.conninfo("verifier"), disposing.log) as verifier,
    ):
        door, stated = Disposals(reader), verifier.stated_head()
        found, policies = door.one(disposal), door.policies(disposal)
        assert stated is not None
        assert found is not None
        looked = Looked(
            log=verifier.log,
            head=str(stated.head),
            at=stated.now,
            by=door.login(),
            told=door.told(disposal),
            policies=policies,
            policies_sha256=policies[0].policies_sha256,
            decisions=door.decisions(disposal),
            approvals=found.approvals,
            ways=[each.how or "" for each in door.places(disposal)],
        )
        return certify(found, looked, signing)


def finished(disposing: Disposing, disposal: str, signing: SignedLedger) -> CertificateNote:
    """The same, from the last batch on, and the log names the certificate at its end."""
    disposing.vacuum()
    assert disposing.is_gone(disposal)
    made = certified(disposing, disposal, signing)
    disposing.value("retention", "select unbroken.finish_disposal(%s, %s, %s)", disposal, made.digest)
    return made
