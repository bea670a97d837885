"""Retention with the commands: policies chosen, simulated, put into force by two, explained and counted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.disposing import Disposing
from tests.database.held import issue
from tests.database.losing import continued
from tests.database.policies import AT_ONCE, TEXT, proposed, put_in_force, tell
from tests.database.raw import append, sent
from tests.database.vaulting import Vault, record_about
from tests.system.cli import Cli

BECAUSE = ("--reason", "records schedule 2026")


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    with database.connect("writer") as writer:
        account = {"domains": ["accounts"], "scope": ["account=1"]}
        append(writer, [sent({"inputs": '"a"'}, session_id="s-1", **account) for _ in range(3)])
        append(writer, [sent({"inputs": '"b"'}, domains=["hipaa"]), sent({"inputs": '"c"'}), sent()])
    return Cli(database.conninfo("compliance"), tmp_path, {"UNBROKEN_LOG": LOG})


def as_login(cli: Cli, database: Database, login: str) -> Cli:
    return replace(cli, store=database.conninfo(login))


def written(tmp_path: Path, text: str = AT_ONCE) -> Path:
    path = tmp_path / "retention.toml"
    path.write_text(text)
    return path


def explained(cli: Cli, entry: int | str) -> Any:
    return cli.json("retention", "explain", entry)


def test_policies_take_two_people_and_are_simulated_by_both(cli: Cli, database: Database, tmp_path: Path) -> None:
    tell(database)
    path = written(tmp_path)
    counts = cli.json("retention", "simulate", path)["simulated"]["counts"]
    assert (counts["entries"], counts["newly_due"]) == (5, 3)
    done = cli.json("retention", "propose", path, *BECAUSE, "--yes")
    assert done["proposed"]["version"] == 1
    assert "retention confirm 1" in done["proposed"]["confirm"]
    alone = cli("retention", "confirm", 1, "--yes")
    assert (alone.returncode, "second person" in alone.stderr) == (2, True)
    other = as_login(cli, database, "legal")
    shown = other("retention", "confirm", 1, "--yes")
    assert shown.returncode == 0
    assert "3  would be due at once, and are not now" in shown.stdout
    assert "new: keep 1y, gone by 2y, from account_closed of account=…" in shown.stdout
    assert "Version 1 is in force" in shown.stdout
    assert cli.json("retention", "policies")["policies"]["simulated"] == counts


def test_a_proposal_is_withdrawn_and_then_waits_for_nobody(cli: Cli, database: Database, tmp_path: Path) -> None:
    cli("retention", "propose", written(tmp_path), *BECAUSE, "--yes")
    assert as_login(cli, database, "dpo")("retention", "withdraw", 1).returncode == 0
    late = as_login(cli, database, "legal")("retention", "confirm", 1, "--yes")
    assert (late.returncode, "it is withdrawn" in late.stderr) == (2, True)


def test_without_a_word_nothing_is_proposed(cli: Cli, tmp_path: Path) -> None:
    asked = cli("retention", "propose", written(tmp_path), *BECAUSE)
    assert (asked.returncode, "say --yes" in asked.stderr) == (2, True)
    assert cli.json("retention", "policies", "--versions")["versions"] == []


def test_a_wrong_file_is_named_with_what_is_wrong(cli: Cli, tmp_path: Path) -> None:
    done = cli("retention", "simulate", written(tmp_path, 'use = ["hipaa.all"]'))
    assert done.returncode == 2
    assert "retention.toml: there is no policy hipaa.all" in done.stderr


def test_the_catalogue_needs_no_log(tmp_path: Path) -> None:
    found = Cli(str(tmp_path / "none"), tmp_path).json("retention", "policies", "--catalogue")["catalogue"]
    assert {"hipaa.ephi_access", "euaia.documentation", "default.one_year"} <= {each["id"] for each in found}


def test_an_entry_is_explained(cli: Cli, database: Database, tmp_path: Path) -> None:
    assert "no policies are in force" in explained(cli, 1)["explanation"]
    put_in_force(database, 'use = ["hipaa.ephi_access"]' + AT_ONCE)
    waits = explained(cli, 1)
    assert "account_closed of account=1, which has not been told" in waits["explanation"]
    assert (waits["due"], waits["due_from"]) == (False, None)
    tell(database)
    due = explained(cli, 1)
    assert (due["due"], due["keep_until"]) == (True, "2016-03-02T00:00:00Z")
    assert "had to be kept to the end of 2016-03-01, 1 year from account_closed" in due["explanation"]
    assert "hipaa.ephi_access, version 1 (45 CFR 164.312(b) with 164.316(b))" in explained(cli, 4)["explanation"]
    assert "default.one_year" in explained(cli, 5)["explanation"]
    assert "never held anything" in explained(cli, 6)["explanation"]
    assert explained(cli, 7)["own"]
    with database.connect("verifier") as verifier:
        row = verifier.execute("select id::text from unbroken.entries where seq = 4").fetchone()
    assert row is not None
    assert explained(cli, row[0])["seq"] == 4
    shown = cli("retention", "explain", 4).stdout
    assert "45 CFR 164.312(b) with 164.316(b)" in shown.splitlines()[-1]


PARTS = """
[[policy]]
id = "own.raw"
title = "What it was before redaction"
citation = "a test"
basis = "organisation"
jurisdiction = "any"
ceiling = "90d"
parts = ["originals"]
domains = ["clinic"]
"""


def test_parts_that_have_policies_of_their_own_are_told_apart(cli: Cli, database: Database, tmp_path: Path) -> None:
    with database.connect("dpo") as dpo, database.connect("writer") as writer:
        Vault().refill(dpo, 2)
        seq = record_about(writer, "p-" + "a" * 32, {"inputs": "Ann"}, domains=["clinic"]).seq
        append(writer, [sent({"inputs": '"b"'}, subjects=["p-" + "a" * 32], domains=["clinic"])])
    assert "parts" not in explained(cli, seq)
    changes = cli.json("retention", "simulate", written(tmp_path, PARTS))["simulated"]["changes"]
    (change,) = (each for each in changes if each.get("part") == "originals")
    assert (change["policies_after"], change["entries"]) == (["own.raw"], 1)
    put_in_force(database, PARTS)
    found = explained(cli, seq)
    assert "due" not in found
    payload, original = found["parts"]
    assert (payload["part"], [each["policy"] for each in payload["floors"]]) == ("payloads", ["default.one_year"])
    assert (original["part"], [each["policy"] for each in original["ceilings"]]) == ("originals", ["own.raw"])
    assert [each["part"] for each in explained(cli, seq + 1)["parts"]] == ["payloads"]
    assert "parts" not in explained(cli, 5)
    stood = cli.json("retention", "status")
    assert stood["total"]["entries"] == 8
    clinic = {each["part"]: each for each in stood["classes"] if each["domains"] == ["clinic"]}
    counted = {part: (each["entries"], each["payloads"], each["originals"]) for part, each in clinic.items()}
    assert counted == {"payloads": (2, 2, 0), "originals": (1, 0, 1)}
    assert all("part" not in each for each in stood["classes"] if each["domains"] != ["clinic"])
    assert "request (originals)" in cli("retention", "status").stdout
    assert "originals of clinic" in cli("retention", "policies").stdout
    assert cli.json("retention", "policies")["policies"]["policies"][-1]["parts"] == ["originals"]


def test_what_is_no_entry(cli: Cli) -> None:
    found = cli.all(f"retention explain {entry}" for entry in ("99", "x", "0192f6a4-0000-7000-8000-000000000000"))
    assert {done.returncode for done in found.values()} == {2}


def test_a_hold_is_named_to_whom_may_know_of_it(cli: Cli, database: Database) -> None:
    with database.connect("legal") as legal:
        hold = issue(legal, {"sessions": ["s-1"]})
    known = explained(cli, 1)
    assert (known["held"], [each["hold"] for each in known["holds"]]) == (True, [hold])
    unknown = as_login(cli, database, "retention")("retention", "explain", 1, "--json").stdout
    assert json.loads(unknown)["holds"] is None
    assert json.loads(unknown)["explanation"].endswith("A legal hold keeps it, whatever the policies say.")
    assert hold not in unknown
    assert known["holds"][0]["matter"] not in unknown


def test_status_counts_and_says_in_its_exit_code_whether_somebody_is_wanted(cli: Cli, database: Database) -> None:
    assert cli("retention", "status").returncode == 1
    put_in_force(database, AT_ONCE)
    done = cli("retention", "status")
    assert done.returncode == 0
    assert "entries: 5, due: 0, unknown start: 3, conflicts: 0, past ceiling: 0, held: 0" in done.stdout
    tell(database)
    past = as_login(cli, database, "retention")("retention", "status")
    assert past.returncode == 1
    assert "due: 3, unknown start: 0, conflicts: 0, past ceiling: 3" in past.stdout
    with database.connect("legal") as legal:
        issue(legal, {"sessions": ["s-1"]})
    held = cli.json("retention", "status", "--classes")
    assert held["total"] == {
        **dict.fromkeys(("originals", "due", "unknown", "conflicts", "past"), 0),
        "entries": 5,
        "payloads": 5,
        "held": 3,
    }
    scopes = [each["scope"] for each in held["classes"]]
    assert sorted(scopes) == [[], [], ["account=1"]]


def test_what_waits_for_whom(cli: Cli, database: Database, tmp_path: Path) -> None:
    cli("retention", "propose", written(tmp_path), *BECAUSE, "--yes")
    (waiting,) = as_login(cli, database, "retention").json("retention", "status")["waiting"]
    assert waiting["for"] == "somebody other than compliance"
    assert "retention confirm 1" in waiting["command"]


def test_a_disposal_that_waits_is_named_with_who_has_to_go_on(cli: Cli, database: Database) -> None:
    put_in_force(database, AT_ONCE)
    tell(database)
    on = Disposing(database)
    disposal = on.proposed()
    (waiting,) = cli.json("retention", "status")["waiting"]
    assert waiting["for"] == "compliance, legal or dpo"
    assert waiting["what"].startswith(f"disposal {disposal}: waits to be reviewed")
    on.review(disposal)
    (waiting,) = cli.json("retention", "status")["waiting"]
    assert waiting["for"] == "compliance, legal or dpo, other than compliance"
    on.close()


def test_policies_and_what_was_told_go_on_where_a_log_was_continued(cli: Cli, database: Database) -> None:
    put_in_force(database, AT_ONCE)
    tell(database)
    with database.connect("dpo") as dpo:
        late = proposed(dpo, TEXT.replace("1y", "3y"))
    continued(database)
    with database.connect("writer") as writer:
        append(writer, [sent({"inputs": '"d"'}, domains=["accounts"], scope=["account=1"])])
    found = cli.json("retention", "status")
    assert (found["policies_version"], found["total"]["entries"], found["total"]["due"]) == (1, 6, 4)
    assert as_login(cli, database, "legal").json("retention", "confirm", late, "--yes")["version"] == late
    assert cli.json("retention", "status")["policies_version"] == late
    assert put_in_force(database, AT_ONCE) == late + 1
    told = cli.json("retention", "started", "account_closed", "account=1", "--at", "2016-01-01", "--evidence", "x")
    assert told["log"] == f"{LOG}~2"
    first = replace(cli, settings={"UNBROKEN_LOG": f"{LOG}~1"})
    assert explained(first, 1)["floors"][0]["start"] == "2016-01-01T00:00:00Z"


def test_what_happened_is_told_masked_and_warned_about_where_no_policy_starts_with_it(
    cli: Cli, database: Database
) -> None:
    put_in_force(database, AT_ONCE)
    words = ("--at", "2026-03-31", "--evidence", "letter from dana@clinic.example")
    done = cli("retention", "started", "account_closed", "account=1", *words)
    assert (done.returncode, done.stderr) == (0, "")
    odd = cli("retention", "started", "account_shut", "account=1", *words)
    assert odd.returncode == 0
    assert "those that do are account_closed account=…" in odd.stderr
    with database.connect("verifier") as verifier:
        rows = verifier.execute("select evidence from unbroken.start_events order by kind").fetchall()
    assert all("dana@" not in evidence for (evidence,) in rows)
    assert explained(cli, 1)["floors"][0]["start"] == "2026-03-31T00:00:00Z"


def test_what_is_told_wrong_is_refused(cli: Cli) -> None:
    wrong = ("account --at 2026-03-31", "account=1 --at yesterday", "account=1 --at 1850-01-01")
    found = cli.all(f"retention started account_closed {words} --evidence letter" for words in wrong)
    assert {done.returncode for done in found.values()} == {2}


def test_approvals_in_advance_take_two_people_and_one_ends_them(cli: Cli, database: Database) -> None:
    put_in_force(database, AT_ONCE)
    asked = cli.json("retention", "standing", "ask", "own.account", *BECAUSE, "--yes")
    alone = cli("retention", "standing", "confirm", asked["approval"], "--yes")
    assert (alone.returncode, "second person" in alone.stderr) == (2, True)
    other = as_login(cli, database, "dpo")
    assert other("retention", "standing", "confirm", asked["approval"], "--yes").returncode == 0
    put_in_force(database, AT_ONCE.replace('floor = "1y"', 'floor = "2d"'))
    assert "own.account (changed since: void)" in cli("retention", "standing", "list").stdout
    assert cli("retention", "standing", "end", asked["approval"], *BECAUSE).returncode == 0
    assert cli.json("retention", "standing", "list")["approvals"] == []
    ended = cli.json("retention", "standing", "list", "--all")["approvals"]
    assert [(each["state"], each["void"]) for each in ended] == [("ended", ["own.account"])]


def test_others_see_nothing_of_it(cli: Cli, database: Database) -> None:
    for login in ("ops", "subjects"):
        done = as_login(cli, database, login)("retention", "status")
        assert (done.returncode, done.stdout) == (2, "")
