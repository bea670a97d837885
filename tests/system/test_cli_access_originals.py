"""``unbroken access report`` on originals, the vault and erasures: who, when, under which read, and what came of it."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.system.cli import Cli
from tests.system.erasing import Clinic
from tests.system.test_cli_original import DANA, KEK, LEE, Recorded, as_login
from unbroken.privacy.vault.local_key import create_file


@pytest.fixture(name="kek")
def _kek(tmp_path: Path) -> Path:
    path = tmp_path / "vault.keys"
    create_file(path, KEK)
    return path


def reviewer(database: Database, tmp_path: Path, kek: Path) -> Cli:
    return as_login(database, "compliance", tmp_path, kek, COLUMNS="200")


def rows_of(reviewer: Cli, kind: str) -> list[dict[str, str]]:
    done = reviewer("access", "report", "--csv", "-")
    assert done.stderr == ""
    return [row for row in csv.DictReader(io.StringIO(done.stdout, newline="")) if row["row"] == kind]


def findings(report: Any) -> list[tuple[str, int | None]]:
    """Of the report's findings those that are not about the grants, which this log has without entries."""
    return [(each["kind"], each["seq"]) for each in report["findings"] if each["kind"] != "grant_disagrees"]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_who_opened_or_matched_originals_stands_under_their_reads(
    database: Database, tmp_path: Path, kek: Path
) -> None:
    dpo, review = as_login(database, "dpo", tmp_path, kek), reviewer(database, tmp_path, kek)
    with database.connect("writer") as writer, database.connect("dpo") as connection:
        recorded = Recorded(writer, connection)
        recorded.vault.refill(connection, 5)
        seqs = [recorded.about(who).seq for who in (DANA, DANA, LEE)]
        database.disarm()
        database.admin.execute("delete from unbroken.originals where seq = %s", (seqs[1],))
        assert dpo("original", "open", *seqs).returncode == 1
        (tmp_path / "said").write_text("another")
        assert dpo("original", "match", seqs[2], tmp_path / "said", "--text").returncode == 1
        given = ("clinic.example/agents", "to see", "C-32", '{"what": "psql"}')
        ticket = _one(connection, "select ticket from unbroken.open_ticket(%s, %s, %s, %s, '5 minutes')", given)
        asked = (given[0], ticket, seqs[:1])
        _one(connection, "select unbroken.ask_originals(%s, %s, 'open', %s)", asked)
        closing = "select unbroken.close_ticket(%s, %s, 'complete', 0, repeat('a', 64))"
        _one(connection, closing, (given[0], ticket))
    report = review.json("access", "report")
    assert findings(report) == []
    opened, matched, third = (read["openings"] for read in report["reads"] if read["duty"] == "dpo")
    (first,) = opened
    assert (first["login"], first["kind"], first["entries"], first["count"]) == (
        *("dpo", "open"),
        *(f"{seqs[0]}-{seqs[2]}", 3),
    )
    assert (first["state"], first["ended"]["opened"], first["ended"]["failed"]) == ("ended", 2, 1)
    assert [(each["kind"], each["entries"]) for each in matched] == [("match", str(seqs[2]))]
    assert [(each["state"], each["ended"]) for each in third] == [("never ended", None)]
    text = flat(review("access", "report").stdout)
    assert f"opened originals of entries {seqs[0]}-{seqs[2]} (3), entry {first['seq']}: 2 opened, 1 did not" in text
    assert f"held something against entry {seqs[2]} (1)" in text
    assert "never ended, so what was opened is not known" in text
    rows = rows_of(review, "original")
    assert [(row["login"], row["case"], row["scope"], row["shown"], row["failed"]) for row in rows] == [
        ("dpo", "C-31", f"open={seqs[0]}-{seqs[2]}", "2", "1"),
        ("dpo", "C-31", f"match={seqs[2]}", "1", "0"),
        ("dpo", "C-32", f"open={seqs[0]}", "", ""),
    ]
    changed = "update unbroken.openings set seqs = %s where asked_seq = %s"
    database.admin.execute(changed, (seqs[2:], first["seq"]))
    assert findings(review.json("access", "report")) == [("opening_disagrees", first["seq"])]


def test_who_filled_the_vault_and_wrapped_its_keys_anew_is_listed(
    database: Database, tmp_path: Path, kek: Path
) -> None:
    dpo, review = as_login(database, "dpo", tmp_path, kek), reviewer(database, tmp_path, kek)
    with database.connect("writer") as writer, database.connect("dpo") as connection:
        Recorded(writer, connection).vault.refill(connection, 4)
    dpo("vault", "key", kek, "--add", "--id", "2027")
    assert dpo("vault", "rotate", "--yes").returncode == 0
    report = review.json("access", "report")
    assert findings(report) == []
    filled, wrapped = report["vault"]
    assert (filled["work"], filled["login"], filled["keys"], filled["key_encryption"]) == ("refilled", "dpo", 4, "2026")
    assert (wrapped["work"], wrapped["keys"], wrapped["others"], wrapped["state"]) == ("rewrapped", 4, 0, "ended")
    text = flat(review("access", "report").stdout)
    assert "dpo: 4 keys added, wrapped by 2026" in text
    assert f"wrapping anew by 2027 4 keys under it, 0 under others, entry {wrapped['ended_seq']}" in text
    assert [(row["scope"], row["shown"]) for row in rows_of(review, "vault")] == [
        ("refilled=2026", "4"),
        ("rewrapped=2027", "4"),
    ]


def test_who_asked_for_erasures_confirmed_carried_out_and_withdrew_is_listed(
    database: Database, tmp_path: Path
) -> None:
    clinic = Clinic(database, tmp_path)
    clinic.record("Dana Osterkamp", times=3, session_id="s-1")
    clinic.record("Lee Ang", times=2, session_id="s-1")
    done, withdrawn = clinic.confirmed("Dana Osterkamp"), clinic.ask("Lee Ang")
    clinic.carry_out(done)
    assert clinic.as_login("compliance")("subject", "withdraw", withdrawn).returncode == 0
    review = clinic.as_login("compliance", UNBROKEN_PURPOSE="a review", COLUMNS="200")
    report = review.json("access", "report")
    assert (findings(report), report["restored"]) == ([], [])
    first, second = report["erasures"]
    assert (first["erasure"], first["state"], first["subjects"]) == (done, "done", [clinic.known["Dana Osterkamp"]])
    assert [first[step]["by"] for step in ("requested", "confirmed", "begun", "done")] == ["dpo", "legal", "dpo", "dpo"]
    assert (first["payloads"], first["originals"], first["keys"], first["planned"]["payloads"]) == (3, 3, 1, 3)
    assert (second["erasure"], second["state"], second["withdrawn"]["by"]) == (withdrawn, "withdrawn", "compliance")
    text = flat(review("access", "report").stdout)
    for words in (
        "Erasures (2)",
        f"done {done} case C-31 asked on 3 March",
        "asked for by dpo, ",
        "confirmed by legal, ",
        "begun by dpo, ",
        "withdrawn by compliance, ",
        "destroyed: 3 payloads, 3 originals and 1 key",
    ):
        assert words in text, text
    rows = rows_of(review, "erasure")
    assert [(row["state"], row["by"], row["confirmed_by"], row["login"], row["ended_by"]) for row in rows] == [
        ("done", "dpo", "legal", "dpo", "dpo"),
        ("withdrawn", "dpo", "", "", "compliance"),
    ]
    database.disarm()
    database.admin.execute("update unbroken.erasures set confirmed_by = 'mallory' where erasure = %s", (done,))
    assert findings(review.json("access", "report")) == [("erasure_disagrees", first["requested"]["seq"])]


def _one(connection: Any, statement: str, given: tuple[Any, ...]) -> Any:
    """Each in a transaction of its own: what is asked for is given from the next one on."""
    row = connection.execute(statement, given).fetchone()
    connection.commit()
    return row[0]
