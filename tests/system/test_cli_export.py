"""``unbroken export`` and ``unbroken verify BUNDLE`` as people run them, and the independent verifier beside them."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, SHARED, Database
from tests.database.exporting import KEY, notary_at_work
from tests.faults.waiting import eventually
from tests.plain import import_chat
from tests.system.cli import Cli, conversation
from tests.system.documents import ROOT
from tests.system.test_cli_names import DANA, People
from tests.system.test_cli_names import KEY as LOG_KEY
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.ledger.ledger import Ledger

AIRLINE = SHARED / "data" / "airline" / "conversations.json"
Entries = Callable[[], list[StoredEntry]]


@pytest.fixture
def cli(database: Database, ledger: Ledger, tmp_path: Path) -> Cli:
    """Somebody who exports from a log of two sessions, with the key file that names are found by."""
    for one, other in zip(conversation("call-1"), conversation("call-2"), strict=True):
        ledger.record([one, other])
    (tmp_path / "log.key").write_text(LOG_KEY.to_text())
    (tmp_path / "notary.vkey").write_text(f"# the notary's\n\n{KEY.verifier}\n")
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "complaint", "UNBROKEN_KEY_FILE": str(tmp_path / "log.key")}
    return Cli(database.conninfo("compliance"), tmp_path / "state", settings)


@pytest.fixture
def notary(database: Database, tmp_path: Path) -> Iterator[Path]:
    """One at work; gives the file with the key to trust."""
    with notary_at_work(database, tmp_path / "notary"):
        yield tmp_path / "notary.vkey"


def independent(
    bundle: Path, *arguments: object, verifier: Path = ROOT / "spec" / "verify.py"
) -> "subprocess.CompletedProcess[str]":
    """The verifier of the standard library alone, cut off from everything that is installed."""
    command = [sys.executable, "-I", str(verifier), str(bundle), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")


def types(entries: Entries) -> list[str]:
    return [decode_event(each.event).event_type for each in entries()]


def test_from_the_log_to_somebody_who_trusts_the_notary(
    cli: Cli, notary: Path, tmp_path: Path, entries: Entries
) -> None:
    out = tmp_path / "call-1.zip"
    made = cli("export", "--session", "call-1", "--out", out, "--case", "31")
    (seq,) = [each.seq for each in entries() if decode_event(each.event).event_type == "log.exported"]
    assert (made.returncode, f"entry {seq} of the log" in made.stdout) == (0, True), made.stderr
    for trust, verdict, code in ((["--trust", notary], "proven", 0), ([], "origin unproven", 5)):
        ours, theirs = cli("verify", out, *trust), independent(out, *trust)
        assert (ours.returncode, ours.stderr) == (code, "")
        assert (theirs.returncode, theirs.stderr) == (code, "")
        assert ours.stdout.startswith(f"{verdict}  4 entries of {LOG}~1")
        assert verdict in theirs.stdout
    said, other = cli.json("verify", out, "--trust", notary), json.loads(independent(out, "--json").stdout)
    assert other.keys() <= said.keys()
    for name in ("log", "draft", "size", "entries", "selected", "withheld", "erased", "findings"):
        assert said[name] == other[name]
    assert said["exported"] | {"at": 0, "ticket": 0, "software": 0} == {
        "at": 0, "by": "compliance", "duty": "compliance", "purpose": "complaint", "case": "31", "ticket": 0,
        "seq": seq, "software": 0,
    }  # fmt: skip
    assert [(each["key"], each["trusted"]) for each in said["signed"]] == [(str(KEY.verifier), True)]


def test_one_changed_letter_is_found_by_both(cli: Cli, notary: Path, tmp_path: Path) -> None:
    out, forged = tmp_path / "call-1.zip", tmp_path / "forged.zip"
    assert cli("export", "--session", "call-1", "--out", out).returncode == 0
    with zipfile.ZipFile(out) as good, zipfile.ZipFile(forged, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b"monday", b"tuesday"))
    ours, theirs = cli.json("verify", forged, "--trust", notary), independent(forged, "--trust", notary, "--json")
    told = sorted((each["kind"], each["seq"], each["part"]) for each in ours["findings"])
    assert [each for each in told if each[1]] == [("altered_payload", 3, "inputs")]
    assert {each[2] for each in told if each[0] == "altered_file"} == {"entries.jsonl", "entries.csv"}
    assert (ours["verdict"], theirs.returncode, json.loads(theirs.stdout)["verdict"]) == ("findings", 1, "findings")
    assert cli("verify", forged).returncode == 1


def test_nobody_is_told_who_stands_behind_a_pseudonym(
    cli: Cli, ledger: Ledger, notary: Path, tmp_path: Path, database: Database, entries: Entries
) -> None:
    people = People(ledger)
    first = people.record(DANA)
    second = people.record_as(people.second_pseudonym(database, DANA))
    people.record("somebody else")
    out = tmp_path / "dana.zip"
    made = cli("export", "--actor", DANA, "--out", out, "--purpose", "for dana@clinic.example", "--with-range")
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(out) as archive:
        everything = b"".join(map(archive.read, archive.namelist()))
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["selected"] == [[first, second]]
    assert len(manifest["selection"]["ids"]) == 2
    assert b"Osterkamp" not in everything
    assert b"dana@clinic" not in everything
    assert b"Osterkamp" not in b"".join(each.event + (each.details or b"") for each in entries())
    assert independent(out, "--trust", notary).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "x.zip"], "say what it is about"),
        (["--session", "call-1"], "Missing option '--out'"),
        (["--session", "call-1", "--actor", "u-1", "--out", "x.zip"], "say one of"),
        (["--all", "--from", "2026-01-01", "--out", "x.zip"], "--from does not go with --all"),
        (["--query", "actions", "--actor", "u-1", "--out", "x.zip"], "--query actions needs --agent"),
        (["--from", "2026-02-01", "--to", "2026-01-01", "--out", "x.zip"], "--from has to be before --to"),
        (["--session", "call-1", "--out", "there.zip"], "is there already"),
        (["--session", "call-1", "--out", "nowhere/x.zip"], "there is no folder"),
        (["--session", "call-1", "--out", "x.zip", "--wait", "soon"], "a length is"),
        (["--session", "", "--out", "x.zip"], "at least one character"),
    ],
)
def test_what_can_not_be_asked_for_leaves_no_trace(
    arguments: list[str], words: str, cli: Cli, tmp_path: Path, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.zip").write_text("mine")
    before = types(entries)
    done = cli("export", *arguments)
    assert (done.returncode, words in " ".join(done.stderr.split())) == (2, True), done.stderr
    assert types(entries) == before
    assert not (tmp_path / "x.zip").exists()
    assert (tmp_path / "there.zip").read_text() == "mine"


def test_what_is_no_bundle_is_unverifiable_and_what_is_not_there_is_a_mistake(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK but no archive")
    done = cli("verify", tmp_path / "no.zip")
    assert (done.returncode, done.stdout.partition("\n")[0]) == (4, "unverifiable")
    assert independent(tmp_path / "no.zip").returncode == 4
    assert cli("verify", tmp_path / "nothing.zip").returncode == 2
    for wrong in (["--session", "x"], ["--range", "1..2"], ["--expect", "0:" + "0" * 64]):
        assert cli("verify", tmp_path / "no.zip", *wrong).returncode == 2


def test_who_is_interrupted_leaves_nothing_behind_and_is_told_what_the_log_says(
    cli: Cli, database: Database, tmp_path: Path, entries: Entries
) -> None:
    with notary_at_work(database, tmp_path / "notary"):
        pass
    folder = tmp_path / "out"
    folder.mkdir()
    process = cli.start("export", "--session", "call-1", "--out", folder / "call-1.zip", "--wait", "10m")
    eventually(lambda: "log.exported" in types(entries), "the export is on record")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "say that this was exported, and nothing was" in told.replace("says", "say")
    assert list(folder.iterdir()) == []
    ended = [json.loads(each.details) for each in entries() if each.details][-1]
    assert ended["outcome"] == "interrupted"


@pytest.mark.skipif(not AIRLINE.exists(), reason=f"the airline conversations are not at {AIRLINE}")
def test_a_hundred_conversations_are_proven_where_nothing_is_installed(
    cli: Cli, ledger: Ledger, notary: Path, tmp_path: Path
) -> None:
    import_chat(ledger, [AIRLINE], side_effects=[], agent="airline-desk")
    out = tmp_path / "airline.zip"
    made = cli("export", "--all", "--out", out, "--json")
    assert made.returncode == 0, made.stderr
    manifest: Any = json.loads(made.stdout)["manifest"]
    assert manifest["entries"] > 5000
    with zipfile.ZipFile(out) as archive:
        (tmp_path / "taken").mkdir()
        archive.extractall(tmp_path / "taken")
    own = tmp_path / "taken" / "verify.py"
    assert own.read_bytes() == (ROOT / "spec" / "verify.py").read_bytes()
    for bundle in (out, tmp_path / "taken"):
        done = independent(bundle, "--trust", notary, "--json", verifier=own)
        said = json.loads(done.stdout)
        assert (done.returncode, done.stderr, said["verdict"]) == (0, "", "proven")
        assert said["entries"] == manifest["entries"]
    assert os.fspath(ROOT) not in out.read_bytes().decode("latin-1")
