"""A disposal from its candidates to a certificate that a real log bears out, and that is worth nothing without it."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.certifying import KEY, certified, finished, signing_at
from tests.database.disposing import APPROVE, BEGIN, DECIDE, Disposing, due
from tests.database.losing import NEW, OLD, continued, end_of
from tests.database.policies import ask_standing
from unbroken.cli.disposal_evidence import evidence_in_ledger, evidence_in_log
from unbroken.cli.verify_certificates import certificates_in
from unbroken.destruction.signing import SignedLedger
from unbroken.retention.certified import CertificateNote
from unbroken.store.log_reader import LogReader
from unbroken.verify.certificates import Certificates
from unbroken.verify.finding import Report
from unbroken.verify.run import verify_log


@pytest.fixture
def disposing(on: Disposing) -> Disposing:
    with on.database.connect("writer") as writer:
        raw.append(writer, [due() for _ in range(5)])
        raw.append(writer, [raw.sent({"inputs": '"kept for a year"'}), due('"and this"')])
    return on


@pytest.fixture
def signing(tmp_path: Path) -> SignedLedger:
    return signing_at(tmp_path / "ledger.jsonl")


def verified(database: Database, certificates: Certificates, *, log: str = LOG) -> Report:
    with LogReader(database.conninfo("verifier"), log) as reader:
        return verify_log(reader, certificates=certificates)


def certificate_findings(report: Report) -> list[tuple[int, str]]:
    return [(each.seq, each.expected) for each in report.findings if each.kind == "certificate_disagrees"]


def held(document: CertificateNote, database: Database) -> dict[str, bool]:
    found = evidence_in_log(document, database.conninfo("verifier"), None)
    return {each.what: each.holds for each in found}


def test_a_disposal_is_what_was_certified(disposing: Disposing, signing: SignedLedger) -> None:
    disposal = disposing.emptied()
    disposing.vacuum()
    assert disposing.is_gone(disposal)
    # Whoever was killed here finds the certificate again.
    before = certified(disposing, disposal, signing)
    made = finished(disposing, disposal, signing)
    assert (made, len(signing.documents())) == (before, 1)
    counts = made.certificate.counts
    assert (counts.payloads, counts.kept, counts.keys) == (6, 0, 0)
    assert [each.id for each in made.certificate.policies] == ["own.account"]
    assert made.certificate.policies[0].entries == made.certificate.candidates.entries == 6
    assert made.certificate.gone.vacuumed + made.certificate.gone.dropped + made.certificate.gone.rewritten == 2
    certificates = certificates_in(signing.ledger.path, [KEY.verifier])
    report = verified(disposing.database, certificates)
    assert (report.certified_disposals, certificate_findings(report)) == (1, [])
    assert held(made, disposing.database) == dict.fromkeys(("entries", "steps", "ended", "head"), True)
    assert [each.holds for each in evidence_in_ledger(made, signing.ledger, [KEY.verifier])] == [True]
    # Without it, whoever runs the database made it all up.
    found = certificate_findings(verified(disposing.database, Certificates((), frozenset())))
    assert [made.digest in expected for _, expected in found] == [True]
    require_that_another_does_not_hold(made, disposing.database)


def require_that_another_does_not_hold(made: CertificateNote, database: Database) -> None:
    certificate = made.certificate
    for what, other in {
        "ended": replace(made, digest="e" * 64),
        "entries": replace(made, certificate=structs.replace(certificate, entries=certificate.entries[:-1])),
        "steps": replace(made, certificate=structs.replace(certificate, approved=certificate.begun)),
        "head": replace(made, certificate=structs.replace(certificate, head=f"1:{'1' * 64}")),
    }.items():
        assert [name for name, holds in held(other, database).items() if not holds] == [what]


def test_what_reviewers_took_out_is_in_it(disposing: Disposing, signing: SignedLedger) -> None:
    disposal = disposing.proposed()
    first = disposing.holding()[0]
    given = ("extend", None, str(first), "2090-01-01T00:00:00Z", None, "still needed")
    decided = disposing.value("dpo", DECIDE, disposal, *given)
    sha256 = disposing.sha256(disposal)
    disposing.value("dpo", "select unbroken.review_disposal(%s, %s, %s, %s)", disposal, sha256, "looked through")
    disposing.value("legal", "select unbroken.approve_disposal(%s, %s, %s)", disposal, sha256)
    disposing.value("retention", "select unbroken.begin_disposal(%s, %s)", disposal)
    disposing.empty(disposal)
    made = finished(disposing, disposal, signing)
    assert [(each.decision, each.by, each.entry) for each in made.certificate.decisions] == [("extend", "dpo", decided)]
    assert (made.certificate.counts.payloads, made.certificate.counts.kept) == (5, 1)
    report = verified(disposing.database, certificates_in(signing.ledger.path, [KEY.verifier]))
    assert (report.certified_disposals, certificate_findings(report)) == (1, [])


def test_what_was_approved_of_in_advance_names_the_approvals(disposing: Disposing, signing: SignedLedger) -> None:
    with disposing.database.connect("compliance") as compliance:
        approval = ask_standing(compliance, ["own.account"])
    disposing.value("legal", "select unbroken.confirm_standing(%s, %s)", approval)
    disposal = disposing.proposed(standing=True)
    disposing.value("retention", "select unbroken.begin_disposal(%s, %s)", disposal)
    disposing.empty(disposal)
    made = finished(disposing, disposal, signing)
    assert (made.certificate.reviewed, made.certificate.standing) == (None, [approval])
    assert made.certificate.approved == made.certificate.proposed
    report = verified(disposing.database, certificates_in(signing.ledger.path, [KEY.verifier]))
    assert (report.certified_disposals, certificate_findings(report)) == (1, [])


def test_what_was_agreed_on_before_a_loss_is_carried_out_after_it(disposing: Disposing, signing: SignedLedger) -> None:
    """The steps before it stand in the old incarnation, those after it in the new one, which tells of the old."""
    disposing.log = OLD
    disposal = disposing.reviewed()
    continued(disposing.database)
    disposing.value("legal", APPROVE, disposal, disposing.sha256(disposal))
    disposing.value("retention", BEGIN, disposal)
    disposing.empty(disposal)
    made = finished(disposing, disposal, signing)
    assert made.certificate.log == OLD
    assert made.certificate.head == f"{end_of(disposing.database, OLD)[0]}:{end_of(disposing.database, OLD)[1].hex()}"
    report = verified(disposing.database, certificates_in(signing.ledger.path, [KEY.verifier]), log=OLD)
    assert (report.certified_disposals, certificate_findings(report)) == (1, [])
    assert set(held(made, disposing.database).values()) == {True}
    report = verified(disposing.database, certificates_in(signing.ledger.path, [KEY.verifier]), log=NEW)
    assert (report.certified_disposals, certificate_findings(report)) == (0, [])
