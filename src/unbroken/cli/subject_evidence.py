"""What a certificate of erasure is held against: the ledger, and the log itself."""

from collections.abc import Sequence

from unbroken.cli.certificates import Evidence
from unbroken.cli.target import open_reader
from unbroken.core.note import VerifierKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import NoteError
from unbroken.privacy.erasure.certificate import Certificate
from unbroken.privacy.erasure.records import CertificateNote, OrderNote, records_of
from unbroken.privacy.erasure.told import Destroyed, destroyed_by
from unbroken.privacy.pseudonyms import is_pseudonym
from unbroken.store.erasures import Erasures


def evidence_in_ledger(
    document: CertificateNote, ledger: DestructionLedger, trusted: Sequence[VerifierKey]
) -> list[Evidence]:
    """Whether the certificate and its order stand in the ledger, and fit together."""
    try:
        records = records_of(ledger.notes(), trusted)
    except NoteError as error:
        return [Evidence("ledger", False, f"NOT relied on: {error}")]
    certificate = document.certificate
    found = any(each.digest == document.digest for each in records.certificates)
    there = Evidence(
        "in the ledger", found, f"{'stands' if found else 'does NOT stand'} in the ledger, line {certificate.line.n}"
    )
    order = records.order(certificate.order_sha256)
    if order is None:
        return [there, Evidence("order", False, "the order that it answers does NOT stand in the ledger")]
    fits = _fits(certificate, order)
    words = "answers the order" if fits else "says something ELSE than the order"
    return [there, Evidence("order", fits, f"{words} in line {order.order.line.n}, which was written before it began")]


def _fits(certificate: Certificate, note: OrderNote) -> bool:
    order = note.order
    opaque = [each for each in order.subjects if not is_pseudonym(each)]
    said = (certificate.erasure, certificate.case, certificate.upto_at, certificate.with_acted)
    return (
        said == (order.erasure, order.case, order.upto_at, order.with_acted)
        and (certificate.despite_floors, certificate.floored) == (order.despite_floors, order.floored)
        and set(order.keys) <= set(certificate.keys)
        and certificate.log.partition("~")[0] == order.log.partition("~")[0]
        and (certificate.requested, certificate.confirmed) == (order.requested, order.confirmed)
        and set(certificate.pseudonyms) == set(order.subjects) - set(opaque)
        and certificate.other_ids == len(opaque)
        and order.line.n < certificate.line.n
    )


def evidence_in_log(document: CertificateNote, store: str, log: str | None) -> list[Evidence]:
    """Whether the log's own entries say what the certificate says."""
    certificate = document.certificate
    with open_reader(store, log or certificate.log.partition("~")[0]) as reader:
        told = Erasures(reader).told_since(1)
        gone = destroyed_by(certificate.erasure, told)
        head = reader.entries_at([int(certificate.head.partition(":")[0])])
    same_head = [entry.hash.hex() for entry in head] == [certificate.head.partition(":")[2]]
    ended = gone.certificate == document.digest
    said = _says(certificate, gone)
    return [
        Evidence("entries", said, f"the log's entries {'say' if said else 'do NOT say'} the same of what went"),
        Evidence("ended", ended, f"the entry at its end {'names' if ended else 'does NOT name'} this certificate"),
        Evidence("head", same_head, f"the log {'goes' if same_head else 'does NOT go'} on from the end it had then"),
    ]


def _says(certificate: Certificate, gone: Destroyed) -> bool:
    entries = set(certificate.entries) <= set(gone.entries)
    amounts = (certificate.counts.payloads, certificate.counts.originals) == (gone.payloads, gone.originals)
    return entries and amounts and set(gone.names) <= set(certificate.names) and gone.keys <= set(certificate.keys)
