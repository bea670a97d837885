"""Erasing by command what a legal hold or a law keeps: it is counted, shown, refused, and done once it is free."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.database.held import issue, release
from tests.database.policies import put_in_force
from tests.system.erasing import SIGNING, Clinic, as_it_is_now, close_reads
from unbroken.destruction.ledger import DestructionLedger

DANA, LEE = "Dana Osterkamp", "Lee Ang"
VKEY = str(SIGNING.verifier)
LAW = """
[[policy]]
id = "own.records"
title = "records of care"
citation = "a test"
basis = "law"
jurisdiction = "any"
floor = "6y"
domains = ["care"]
"""


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Clinic:
    made = Clinic(database, tmp_path)
    made.record(DANA, times=3, session_id="s-1")
    made.record(DANA, session_id="s-2", domains=["care"])
    made.record(LEE, session_id="s-1")
    return made


@pytest.fixture
def yesterday(clinic: Clinic) -> Iterator[Clinic]:
    yield from as_it_is_now(clinic)


@contextmanager
def held(clinic: Clinic, *, log: str = LOG) -> Iterator[None]:
    """A hold over the session s-1, which two logins release at the end."""
    with clinic.database.connect("legal") as legal, clinic.database.connect("compliance") as compliance:
        hold = issue(legal, {"sessions": ["s-1"]}, log=log)
        yield
        release(legal, compliance, hold, log=log)


def words(text: str) -> str:
    return " ".join(text.split())


def test_what_a_hold_keeps_is_shown_and_not_carried_out_before_it_is_over(clinic: Clinic) -> None:
    dpo = clinic.as_login("dpo")
    with held(clinic):
        dry = dpo("subject", "erase", DANA, "--case", "C-31")
        assert (dry.returncode, dry.stderr) == (0, "")
        assert "3 entries kept by a legal hold" in words(dry.stdout)
        assert dpo.json("subject", "erase", DANA, "--case", "C-31")["found"]["held"] == 3
        asked = dpo("subject", "erase", DANA, "--case", "C-31", "--reason", "x", "--ask", "--yes")
        assert (asked.returncode, "not carried out before the hold is over" in words(asked.stderr)) == (0, True)
        (row,) = clinic.as_login("verifier").json("subject", "list")["erasures"]
        assert (row["planned"]["held"], row["despite_floors"]) == (3, False)
        assert "; 3 entries held" in clinic.as_login("legal", COLUMNS="300")("subject", "list").stdout
        shown = clinic.as_login("legal")("subject", "confirm", row["erasure"], "--yes")
        assert (shown.returncode, "3 entries kept by a legal hold" in words(shown.stdout)) == (0, True)
        for options in ((), ("--json",)):
            refused = dpo("subject", "carry-out", row["erasure"], "--backups-kept", "0", "--yes", *options)
            assert (refused.returncode, "a legal hold keeps 3" in words(refused.stderr)) == (2, True)
        # Nor does the ledger order what a restore would have carried out.
        assert not clinic.ledger.exists()
    clinic.carry_out(row["erasure"])
    checked = clinic.as_login("verifier").json(
        "subject", "check-certificate", clinic.certificate(row["erasure"]), "--trust", VKEY, "--in-log"
    )
    assert checked["holds"]
    assert checked["certificate"]["left"]["held"] == 0
    assert clinic.as_login("verifier")("verify").returncode == 3


def test_what_a_law_keeps_is_asked_for_by_saying_so(clinic: Clinic) -> None:
    put_in_force(clinic.database, LAW)
    dpo = clinic.as_login("dpo")
    ask = ("subject", "erase", DANA, "--case", "C-31", "--reason", "x", "--ask", "--yes")
    dry = dpo("subject", "erase", DANA, "--case", "C-31")
    assert "1 entry still to be kept by a law" in words(dry.stdout)
    refused = dpo(*ask)
    assert (refused.returncode, "--despite-floors" in refused.stderr) == (2, True)
    assert clinic.count("erasures") == 0

    erasure = dpo.json(*ask, "--despite-floors")["asked"]["erasure"]
    shown = words(clinic.as_login("legal")("subject", "confirm", erasure, "--yes").stdout)
    assert "what a law keeps destroyed despite that" in shown
    assert "1 entry still to be kept by a law" in shown
    clinic.carry_out(erasure)
    file = clinic.certificate(erasure)
    checked = clinic.as_login("verifier")(
        "subject", "check-certificate", file, "--trust", VKEY, "--ledger", clinic.ledger, "--in-log"
    )
    assert checked.returncode == 0, checked.stdout
    assert "1 entry of it, when it was ordered; asked for and confirmed despite that" in words(checked.stdout)
    report = clinic.as_login("compliance")("access", "report", "--purpose", "a test")
    assert "although a law asks to keep" in words(report.stdout)
    assert "erasure_disagrees" not in report.stdout


def test_a_law_that_came_into_force_since_it_was_asked_for_stops_it(clinic: Clinic) -> None:
    erasure = clinic.confirmed(DANA)
    put_in_force(clinic.database, LAW)
    done = clinic.as_login("dpo")("subject", "carry-out", erasure, "--backups-kept", "0", "--yes")
    assert (done.returncode, "ask anew with --despite-floors" in words(done.stderr)) == (2, True)
    assert not clinic.ledger.exists()
    assert clinic.count("originals") == 5


# ---- after a restore ----


def test_recovering_leaves_what_a_hold_keeps_and_says_so(clinic: Clinic, yesterday: Clinic) -> None:
    erasure = clinic.confirmed(DANA)
    clinic.carry_out(erasure)
    another = clinic.confirmed(LEE)
    clinic.carry_out(another)
    close_reads(yesterday)
    owner = yesterday.as_login("postgres")
    with yesterday.database.connect("legal") as legal, yesterday.database.connect("compliance") as compliance:
        hold = issue(legal, {"sessions": ["s-2"]})
        dry = owner("recover", "--dry-run")
        assert (dry.returncode, "a legal hold keeps" in words(dry.stdout)) == (1, True)
        done = owner("recover", "--yes")
        assert (done.returncode, f"such as {erasure}" in words(done.stderr)) == (1, True)
        answer = json.loads(owner("recover", "--yes", "--json").stdout)
        assert (answer["waiting_for_holds"], answer["reads_open"]) == ([erasure], True)
        # The other one was erased again, people read, and nothing of the held one went.
        assert (yesterday.count("originals"), yesterday.count("identities")) == (4, 1)
        assert yesterday.as_login("dpo")("subject", "erase", DANA, "--case", "C-31").returncode == 0
        assert yesterday.as_login("verifier")("verify").returncode == 3
        release(legal, compliance, hold)
    assert owner("recover", "--dry-run").returncode == 1
    assert owner("recover", "--yes").returncode == 0
    assert (yesterday.count("originals"), yesterday.count("identities")) == (0, 0)
    assert owner("recover", "--dry-run").returncode == 0
    assert len(DestructionLedger(clinic.ledger).notes()) == 6


def test_a_log_is_continued_though_a_hold_keeps_what_the_ledger_says(clinic: Clinic, yesterday: Clinic) -> None:
    clinic.carry_out(clinic.confirmed(DANA))
    close_reads(yesterday)
    owner, dana = yesterday.as_login("postgres"), yesterday.known[DANA]
    with held(yesterday):
        done = owner("recover", "--yes", "--continue", "--reason", "the disk failed")
        assert (done.returncode, "goes on as" in done.stdout) == (1, True)
        assert yesterday.count("originals") == 5
        known = yesterday.database.admin.execute(
            "select l.incarnation from unbroken.identities i join unbroken.logs l using (log) where i.pseudonym = %s",
            (dana,),
        )
        assert known.fetchall() == [(1,)]
    assert owner("recover", "--yes").returncode == 0
    assert yesterday.count("originals") == 1
    for log in (f"{LOG}~1", f"{LOG}~2"):
        assert yesterday.as_login("verifier")("verify", "--log", log).returncode == 3
