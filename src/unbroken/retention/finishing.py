"""The end of a disposal: what the log says of it once nothing is left, certified, and the certificate's hash told."""

from dataclasses import dataclass

from unbroken.destruction.signing import SignedLedger
from unbroken.errors import ConfigurationError
from unbroken.retention.certifying import Looked, certify
from unbroken.store.disposals import Disposal, Disposals


@dataclass(frozen=True)
class Finishing:
    """Ends disposals of one log, each with a certificate that is signed and on disk before the log tells of it."""

    door: Disposals
    signing: SignedLedger

    def __call__(self, row: Disposal) -> None:
        """Ends one of which nothing is left; raises :class:`UnbrokenError` where log and table disagree about it."""
        note = certify(row, self.look(row), self.signing)
        self.door.finish(row.disposal, certificate=note.digest)

    def look(self, row: Disposal) -> Looked:
        """What the log says of one by now, at the end of its own incarnation."""
        stated = self.door.stated_head()
        if stated is None:
            raise ConfigurationError("the log is empty")
        policies = self.door.policies(row.disposal)
        return Looked(
            log=self.door.log,
            head=str(stated.head),
            at=stated.now,
            by=self.door.login(),
            told=self.door.told(row.disposal),
            policies=policies,
            policies_sha256=policies[0].policies_sha256 if policies else "",
            decisions=self.door.decisions(row.disposal),
            approvals=row.approvals,
            ways=[place.how for place in self.door.places(row.disposal) if place.how is not None],
        )
