"""Letting go with the commands: what is due is proposed, two people agree, and what is gone is certified."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.database.disposing import Disposing
from tests.database.policies import ask_standing
from tests.database.raw import report
from tests.system.disposing import KEY, Office
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.files import create

Entries = Callable[[], list[StoredEntry]]


ADVANCE = f"{LOG}~1, approved in advance"


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    made = Office(database, tmp_path)
    made.set_up()
    return made


def own(entries: Entries) -> list[str]:
    """The types of the log's own entries about disposals, in order."""
    kinds = [decode_event(entry.event).event_type for entry in entries()]
    return [kind for kind in kinds if kind.startswith("log.dispos")]


def test_from_what_is_due_to_its_certificate(office: Office, entries: Entries) -> None:
    numbers = office.record(12)
    proposed = office.run()
    assert (proposed.returncode, proposed.stderr) == (1, "")
    assert "unbroken disposal review" in proposed.stdout
    disposal = office.as_login("compliance").json("disposal", "list")["disposals"][0]["disposal"]

    shown = office.as_login("compliance")("disposal", "show", disposal)
    assert "own.account" in shown.stdout
    early = office.as_login("legal")("disposal", "approve", disposal, "--yes")
    assert (early.returncode, "nobody has reviewed this list yet" in early.stderr) == (2, True), early.stderr
    extend = "disposal", "extend", disposal, "--until", "2100-01-01", "--reason", "an audit"
    nothing = office.as_login("compliance")(*extend)
    assert (nothing.returncode, "say which candidates" in nothing.stderr) == (2, True), nothing.stderr
    kept = office.as_login("compliance")(*extend, "--entries", str(numbers[0]))
    assert kept.returncode == 0, kept.stderr
    reviewed = office.as_login("compliance")("disposal", "review", disposal, "--reason", "looked through", "--yes")
    assert "unbroken disposal approve" in reviewed.stdout
    alone = office.as_login("compliance")("disposal", "approve", disposal, "--yes")
    assert alone.returncode == 2
    assert "a second person approves" in alone.stderr
    assert office.run().returncode == 1
    assert "log.disposing" not in own(entries)
    assert office.as_login("legal")("disposal", "approve", disposal, "--yes").returncode == 0

    destroyed = office.run()
    assert destroyed.returncode == 1, destroyed.stderr
    assert "11 payloads, 0 originals and 0 keys destroyed, 1 left" in destroyed.stdout
    assert "unbroken db vacuum" in destroyed.stdout
    assert Disposing(office.database).holding() == numbers[:1]
    assert "waits for" in office.as_login("retention")("retention", "run").stdout
    office.vacuum()
    assert "look whether it is gone" in office.as_login("retention")("retention", "run").stdout
    certified = office.run()
    assert (certified.returncode, certified.stderr) == (0, "")
    assert "certified" in certified.stdout
    checked = office.as_login("verifier")("disposal", "certificate", disposal, "--trust", KEY.verifier, "--in-log")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert own(entries) == [
        *("log.disposal_proposed", "log.disposal_decided", "log.disposal_reviewed", "log.disposal_approved"),
        *("log.disposing", "log.disposed", "log.disposed"),
    ]
    assert report(office.database).findings_total == 0
    assert "No disposal is under way" in office.as_login("legal")("disposal", "list").stdout


def test_without_policies_it_waits_for_them(database: Database, tmp_path: Path) -> None:
    office = Office(database, tmp_path)
    done = office.as_login("retention")("retention", "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "policies to be in force" in done.stdout
    assert "unbroken retention propose" in done.stdout
    assert ("look for" in done.stdout, "--execute" in done.stdout) == (False, False)
    assert [each["waits_for"] for each in office.as_login("retention").json("retention", "run")["rounds"]] == [
        None,
        "policies",
    ]


def test_without_execute_nothing_is_done(office: Office, entries: Entries) -> None:
    office.record(3)
    before = entries()
    done = office.as_login("retention")("retention", "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing was done" in done.stdout
    assert "look for what is due" in done.stdout
    assert entries() == before
    assert office.database.admin.execute("select from unbroken.disposals").fetchall() == []
    disposal = office.agreed()
    assert office.as_login("retention").json("retention", "run")["rounds"][1]["disposal"]["state"] == "approved"
    assert Disposing(office.database).holding() != []
    assert office.as_login("dpo")("disposal", "withdraw", disposal, "--reason", "not yet").returncode == 0


def test_a_ledger_that_can_not_be_relied_on_is_refused_before_anything_is_destroyed(office: Office) -> None:
    office.record(2)
    disposal = office.agreed()
    create(office.ledger, b"not a line of a ledger\n")
    done = office.run()
    assert (done.returncode, str(office.ledger) in done.stderr) == (2, True)
    assert office.as_login("retention").json("retention", "run")["rounds"][1]["disposal"]["state"] == "approved"
    assert len(Disposing(office.database).holding()) == 2
    office.ledger.unlink()
    assert office.round()[1]["disposal"]["disposal"] == disposal


def test_what_was_approved_in_advance_takes_one_round_and_a_vacuum(office: Office, tmp_path: Path) -> None:
    with office.database.connect("legal") as legal, office.database.connect("compliance") as compliance:
        approval = ask_standing(legal, ["own.account"])
        compliance.execute("select unbroken.confirm_standing(%s, %s)", (LOG, approval))
    office.record(4)
    assert ADVANCE in office.as_login("retention")("retention", "run").stdout
    asked = office.as_login("retention")("retention", "run", "--execute", "--backups-kept", "30")
    assert (asked.returncode, "what is due under approvals in advance" in asked.stdout) == (2, True), asked.stdout
    metrics = tmp_path / "retention.prom"
    under, by_people = office.round("--metrics", str(metrics))
    assert (under["steps"], under["waits_for"]) == (["proposed", "begun", "emptied"], "vacuum")
    assert under["disposal"]["approvals"] == [approval]
    assert (by_people["steps"], by_people["disposal"]) == ([], None)
    assert f'unbroken_disposal_payloads{{log="{LOG}~1",standing="true"}} 4' in metrics.read_text()
    office.vacuum()
    assert office.round()[0]["steps"] == ["gone", "certified"]
    assert office.round()[0]["disposal"] is None
    with office.database.connect("legal") as legal:
        legal.execute("select unbroken.end_standing(%s, %s, 'no more')", (LOG, approval))
    shown = office.as_login("retention")("retention", "run").stdout
    assert (ADVANCE in shown, "candidates" in shown) == (False, False)
    assert "nothing was due" in office.as_login("legal")("disposal", "list", "--all").stdout


def test_a_reason_is_masked_before_it_is_recorded(office: Office, entries: Entries) -> None:
    office.record(1)
    disposal = str(office.round()[1]["disposal"]["disposal"])
    reason = "dana@clinic.example asked"
    done = office.as_login("dpo")("disposal", "review", disposal, "--reason", reason, "--yes")
    assert done.returncode == 0, done.stderr
    assert not [entry for entry in entries() if b"dana@clinic.example" in (entry.details or b"")]


def test_candidates_are_relabelled_and_looked_at_anew(office: Office) -> None:
    office.record(2)
    disposal = str(office.round()[1]["disposal"]["disposal"])
    words = ("disposal", "relabel", disposal, "--class", "1", "--domain", "health", "--reason", "wrongly labelled")
    assert office.as_login("dpo")(*words).returncode == 0
    assert office.as_login("dpo")("disposal", "relabel", disposal, "--class", "1", "--reason", "x").returncode == 2
    shown = office.as_login("dpo").json("disposal", "show", disposal)
    assert [each["domains"] for each in shown["taken_out"]] == [["health"]]


@pytest.mark.parametrize("login", ["ops", "dpo", "writer"])
def test_the_round_is_the_retention_service_s(office: Office, login: str) -> None:
    office.record(1)
    done = office.as_login(login)("retention", "run", "--execute", "--yes", "--backups-kept", "0")
    assert done.returncode == 2
    assert "retention" in done.stderr
