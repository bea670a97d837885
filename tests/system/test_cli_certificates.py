"""Erasures held against what was signed outside: ``unbroken verify --certificates``."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from tests.conftest import LOG, Database
from tests.system.erasing import SIGNING, Clinic
from unbroken.cli.verify_certificates import certificates_in
from unbroken.core.entry import Head
from unbroken.core.note import SigningKey
from unbroken.errors import ConfigurationError, NoteError
from unbroken.store.log_reader import LogReader
from unbroken.verify.certificates import Certificates, Certified
from unbroken.verify.finding import Finding
from unbroken.verify.run import verify_log

DANA = "Dana Osterkamp"
VKEY = str(SIGNING.verifier)


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Clinic:
    made = Clinic(database, tmp_path)
    made.record(DANA, times=3, session_id="s-1")
    return made


@pytest.fixture
def erased(clinic: Clinic) -> Clinic:
    clinic.carry_out(clinic.confirmed(DANA), "--batch", "2")
    return clinic


def held(clinic: Clinic, certificates: Certificates) -> list[Finding]:
    with LogReader(clinic.database.conninfo("verifier"), LOG) as reader:
        return list(verify_log(reader, certificates=certificates).findings)


def kept(clinic: Clinic) -> Certificates:
    return certificates_in(clinic.ledger, [SIGNING.verifier])


def test_erasures_are_what_was_certified(erased: Clinic) -> None:
    verifier = erased.as_login("verifier")
    done = verifier("verify", "--certificates", erased.ledger, "--trust", VKEY)
    assert (done.returncode, "As its certificate says: 1 erasure\n" in done.stdout) == (3, True), done.stdout
    assert verifier.json("verify", "--certificates", erased.ledger, "--trust", VKEY)["certified"] == 1
    assert verifier.json("verify")["certified"] is None
    # Without one, whoever runs the database made it: nobody outside signed for what is gone.
    certificates = kept(erased)
    (certified,) = certificates.certificates
    found = held(erased, Certificates((), certificates.orders))
    assert [(finding.kind, finding.part) for finding in found] == [("certificate_disagrees", "certificate")]
    assert certified.digest in found[0].expected
    found = held(erased, Certificates((certified,), frozenset()))
    assert [(finding.seq, certified.order in finding.expected) for finding in found] == [(certified.begun_seq, True)]


def test_what_is_begun_needs_its_order_alone(clinic: Clinic) -> None:
    erasure = clinic.confirmed(DANA)
    clinic.carry_out(erasure)
    clinic.database.disarm()
    certificates = kept(clinic)
    (certified,) = certificates.certificates
    with LogReader(clinic.database.conninfo("verifier"), LOG) as reader:
        last = reader.head().seq
    for table in ("entries", "payloads", "event_ids"):
        cut = sql.SQL("delete from unbroken.{} where seq = %s").format(sql.Identifier(table))
        clinic.database.admin.execute(cut, (last,))
    clinic.database.admin.execute(
        "update unbroken.erasures set certificate_sha256 = null, done_at = null, done_seq = null"
    )
    found = held(clinic, Certificates((), certificates.orders))
    assert found == []
    found = held(clinic, certificates)
    assert [(finding.kind, finding.seq) for finding in found] == [("certificate_disagrees", certified.begun_seq)]


CHANGES: dict[str, Callable[[Certified], Any]] = {
    "order": lambda _: "0" * 64,
    "begun_seq": lambda each: each.begun_seq + 1,
    "begun_by": lambda _: "somebody",
    "entries": lambda each: each.entries[:-1],
    "keys": lambda _: frozenset(),
    "names": lambda _: frozenset(),
    "payloads": lambda each: each.payloads + 1,
    "originals": lambda each: each.originals - 1,
    "head": lambda each: Head(each.head.seq, "0" * 64),
}


def test_a_certificate_of_something_else_is_a_finding(erased: Clinic) -> None:
    certificates = kept(erased)
    (certified,) = certificates.certificates
    for name, change in CHANGES.items():
        other = replace(certified, **{name: change(certified)})
        found = held(erased, Certificates((other,), certificates.orders))
        assert [finding.kind for finding in found] == ["certificate_disagrees"], name
    # Of another log, and of an earlier time when a restore brought it back, nothing is demanded.
    earlier = replace(certified, digest="1" * 64, entries=(1,))
    strange = replace(certified, digest="2" * 64, erasure="0" * 8 + certified.erasure[8:])
    elsewhere = replace(strange, log="lab.example/robots~1")
    found = held(erased, Certificates((earlier, certified, elsewhere), certificates.orders))
    assert found == []
    assert len(held(erased, Certificates((certified, strange), certificates.orders))) == 1
    # One of another erasure doesn't do for this one, and wants its own.
    another = replace(strange, digest=certified.digest)
    assert len(held(erased, Certificates((another,), certificates.orders))) == 2


def test_a_ledger_is_believed_by_its_key(erased: Clinic, tmp_path: Path) -> None:
    with pytest.raises(NoteError):
        certificates_in(erased.ledger, [SigningKey.generate(SIGNING.name).verifier])
    with pytest.raises(ConfigurationError, match="--trust"):
        certificates_in(erased.ledger, [])
    verifier = erased.as_login("verifier")
    for options in (["--session", "s-1"], ["--range", "1..2"]):
        done = verifier("verify", "--certificates", erased.ledger, "--trust", VKEY, *options)
        assert (done.returncode, "all of a log" in " ".join(done.stderr.split())) == (2, True), done.stderr
