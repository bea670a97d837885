"""What a certificate of disposal is held against: the ledger, and the log itself."""

from collections.abc import Sequence

from unbroken.cli.certificates import Evidence
from unbroken.cli.target import open_reader
from unbroken.cli.verify_certificates import certified_disposal
from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import NoteError
from unbroken.retention.certified import CertificateNote, certificates_in
from unbroken.store.log_reader import LogReader
from unbroken.verify.destroyed import has
from unbroken.verify.disposal_certificates import CertifiedDisposal, Told, differing, disposals_told, missteps


def evidence_in_ledger(
    document: CertificateNote, ledger: DestructionLedger, trusted: Sequence[VerifierKey]
) -> list[Evidence]:
    """Whether the certificate stands in the ledger."""
    try:
        found = any(each.digest == document.digest for each in certificates_in(ledger.notes(), trusted))
    except NoteError as error:
        return [Evidence("ledger", False, f"NOT relied on: {error}")]
    words = f"{'stands' if found else 'does NOT stand'} in the ledger, line {document.certificate.line.n}"
    return [Evidence("in the ledger", found, words)]


def evidence_in_log(document: CertificateNote, store: str, log: str | None) -> list[Evidence]:
    """Whether the log's own entries say what the certificate says."""
    certified = certified_disposal(document)
    with open_reader(store, log or certified.log) as reader:
        told = disposals_told(reader).get(certified.disposal, Told(certified.disposal))
        return list(_evidence(reader, told, certified))


def _evidence(reader: LogReader, told: Told, certified: CertifiedDisposal) -> list[Evidence]:
    differs, wrong = ", ".join(differing(told, certified)), ", ".join(missteps(reader, certified))
    ended, same_head = told.certificate == certified.digest, has(reader, certified.head)
    said = f"the log's entries do NOT say the same of {differs}" if differs else "the log's entries say the same of it"
    agreed = f"NOT so in the log: {wrong}" if wrong else "the log's entries tell who proposed, reviewed and approved it"
    return [
        Evidence("entries", not differs, said),
        Evidence("steps", not wrong, agreed),
        Evidence("ended", ended, f"the entry at its end {'names' if ended else 'does NOT name'} this certificate"),
        Evidence("head", same_head, f"the log {'goes' if same_head else 'does NOT go'} on from the end it had then"),
    ]
