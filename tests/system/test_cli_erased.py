"""What was erased is shown as erased by every command that reads, and never as damage."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.test_vault_door import erase
from tests.system.cli import Cli, conversation
from unbroken.ledger.ledger import Ledger


@pytest.fixture
def erased(database: Database, ledger: Ledger) -> list[int]:
    """Two conversations of two people whose entries alternate, the first erased; the entries that tell of payloads."""
    for one, other in zip(conversation("call-1"), conversation("call-2", actor="u-18"), strict=True):
        ledger.record([one, other])
    with database.connect("dpo") as dpo:
        erase(database, dpo, "u-17")
    told = database.admin.execute(
        "select seq from unbroken.entries join unbroken.payloads using (log, seq)"
        " where event_type = 'log.erased' and details like '%\"payloads\":\"%' order by seq"
    )
    return [row[0] for row in told]


@pytest.fixture
def verifier(database: Database, erased: list[int], tmp_path: Path) -> Cli:
    return Cli(database.conninfo("verifier"), tmp_path / "state", {"UNBROKEN_LOG": LOG})


@pytest.fixture
def reader(database: Database, erased: list[int], tmp_path: Path) -> Cli:
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "complaint of 3 March"}
    return Cli(database.conninfo("compliance"), tmp_path / "state", settings)


def do(database: Database, statement: str) -> None:
    database.disarm()
    database.admin.execute(statement.encode())


def test_verification_lists_what_was_erased(verifier: Cli, database: Database) -> None:
    done = verifier("verify")
    assert done.returncode == 3
    assert "Erased and accounted for: 4 payloads, by 1 erasure" in done.stdout
    report = verifier.json("verify")
    accounted = report["accounted"]
    assert (report["findings"], accounted["payloads"], accounted["erasures_total"]) == ([], 4, 1)
    (erasure,) = accounted["erasures"]
    (asked,) = database.admin.execute("select erasure::text, begun_seq, done_seq from unbroken.erasures").fetchall()
    assert (erasure["erasure"], erasure["first_seq"], erasure["last_seq"], erasure["complete"]) == (*asked, True)


@pytest.mark.parametrize(("part", "payloads"), [("--session call-1", 4), ("--range 3..6", 2), ("--session call-2", 0)])
def test_so_does_the_verification_of_a_part(verifier: Cli, part: str, payloads: int) -> None:
    report = verifier.json("verify", *part.split())
    assert (report["verdict"], report["accounted"]["payloads"]) == ("consistent", payloads)


def test_the_same_absence_without_an_entry_is_a_finding(verifier: Cli, database: Database) -> None:
    do(database, "delete from unbroken.payloads where seq = 2")
    done = verifier("verify")
    assert done.returncode == 1
    assert "missing at entry 2" in done.stdout
    assert "4 payloads" in done.stdout


def test_what_was_put_back_is_a_finding_that_names_the_way_out(verifier: Cli, database: Database) -> None:
    do(
        database,
        "insert into unbroken.payloads (log, seq, inputs, inputs_salt) select log, 1, inputs, inputs_salt"
        " from unbroken.payloads where seq = 2",
    )
    done = verifier("verify")
    assert done.returncode == 1
    assert "not_erased at entry 1" in done.stdout
    assert "altered_payload at entry 1" in done.stdout


def test_a_session_is_shown_with_what_was_erased_in_it(reader: Cli, erased: list[int]) -> None:
    done = reader("show", "call-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("[erased]") == 4
    assert f"erased, as entry {erased[0]} tells" in done.stdout
    assert "FINDING" not in done.stdout
    assert "the content of 4 entries was erased, on record" in done.stdout
    assert "[erased]" not in reader("show", "call-2").stdout


def test_in_json_each_entry_names_the_one_that_tells(reader: Cli, erased: list[int]) -> None:
    told = reader.json("show", "call-1")
    assert (told["verdict"], told["findings"]) == ("consistent", [])
    assert [item["erased_with"] for item in told["items"]] == [erased[0]] * 3 + [erased[-1]]
    assert [item["findings"] for item in told["items"]] == [[]] * 4


def test_content_that_is_missing_is_shown_as_such_in_the_same_session(reader: Cli, database: Database) -> None:
    do(database, "delete from unbroken.payloads where seq = 4")
    done = reader("show", "call-2")
    assert done.returncode == 1
    assert "FINDING: missing (inputs)" in done.stdout
    assert "(content not held)" in done.stdout


def test_the_newest_entries_are_shown_with_what_was_erased(reader: Cli, erased: list[int]) -> None:
    done = reader("tail", "--no-follow", "-n", "50")
    assert (done.returncode, done.stderr) == (0, "")
    assert "FINDING" not in done.stdout
    assert done.stdout.count("[erased] with entry") == 4
    assert f"[erased] with entry {erased[-1]}" in done.stdout
    assert "payloads of 1,3,5" in done.stdout
    assert "complete, 4 payloads" in done.stdout


def test_an_export_is_verified_as_far_as_it_tells_of_the_erasure(reader: Cli, tmp_path: Path) -> None:
    exported = reader("tail", "--no-follow", "--json", "-n", "50")
    assert exported.stderr == ""
    lines = exported.stdout.splitlines()
    for some, verdict in ((lines, "consistent"), (lines[:8], "findings")):
        file = tmp_path / "export.jsonl"
        file.write_text("\n".join(some))
        assert json.loads(reader("verify", "--file", file, "--json").stdout)["verdict"] == verdict


@pytest.mark.parametrize("command", ["sessions", "query actions --agent desk --user u-17", "query unapproved"])
def test_lists_and_answers_take_no_offence(reader: Cli, command: str) -> None:
    told: Any = reader.json(*command.split())
    assert told["findings"] == []
    assert "call-1" in json.dumps(told)
