"""A disposal certified as whoever runs the round does it: what its functions say, signed and in the ledger."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from psycopg.rows import dict_row

from tests.database.disposing import Disposing
from unbroken.core.note import SigningKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.retention.certified import CertificateNote
from unbroken.retention.certifying import Looked, certify
from unbroken.store.log_reader import LogReader

KEY: Final = SigningKey("clinic.example/disposal", bytes(range(32)))
ONE: Final = "select * from unbroken.disposals(%s) where disposal = %s"
TOLD: Final = (
    "select seq, convert_to(event, 'UTF8') as event, convert_to(details, 'UTF8') as details, details_salt as salt"
    " from unbroken.disposed_entries(%s, %s, 0, 10000)"
)
POLICIES: Final = "select * from unbroken.disposal_policies(%s, %s)"
DECISIONS: Final = "select * from unbroken.disposal_decisions(%s, %s)"
WAYS: Final = "select how from unbroken.gone_state(%s, %s)"
IN_FORCE: Final = "select sha256 from unbroken.policy_sets(%s) where state = 'in force'"
APPROVALS: Final = "select approval::text from unbroken.standing_approvals(%s) where state = 'in force'"


def signing_at(path: Path, *, backups_kept_days: int = 30) -> SignedLedger:
    return SignedLedger(DestructionLedger(path), KEY, backups_kept_days)


def certified(disposing: Disposing, disposal: str, signing: SignedLedger) -> CertificateNote:
    """The certificate of a disposal that is gone; the log does not know of it yet."""
    (row,) = rows(disposing, ONE, disposal)
    approvals = [each.approval for each in rows(disposing, APPROVALS)] if row.standing else []
    with LogReader(disposing.database.conninfo("verifier"), disposing.log) as reader:
        head = reader.stated_head()
        full_name = reader.log
    assert head is not None
    looked = Looked(
        log=full_name,
        head=str(head.head),
        at=head.now,
        by="retention",
        told=rows(disposing, TOLD, disposal),
        policies=rows(disposing, POLICIES, disposal),
        policies_sha256=rows(disposing, IN_FORCE)[0].sha256,
        decisions=rows(disposing, DECISIONS, disposal),
        approvals=approvals,
        ways=[each.how for each in rows(disposing, WAYS, disposal)],
    )
    return certify(row, looked, signing)


def finished(disposing: Disposing, disposal: str, signing: SignedLedger) -> CertificateNote:
    """The same, from the last batch on, and the log names the certificate at its end."""
    disposing.vacuum()
    assert disposing.is_gone(disposal)
    made = certified(disposing, disposal, signing)
    disposing.value("retention", "select unbroken.finish_disposal(%s, %s, %s)", disposal, made.digest)
    return made


def rows(disposing: Disposing, statement: str, *given: Any) -> list[Any]:
    with disposing.login("retention").cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(statement.encode(), (disposing.log, *given)).fetchall()
    return [
        SimpleNamespace(**{name: str(value) if name == "disposal" else value for name, value in each.items()})
        for each in found
    ]
