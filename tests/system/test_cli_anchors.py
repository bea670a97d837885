"""``unbroken verify --anchors`` as its users run it: verdicts, what is kept from night to night, forks for others."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.rewriting import ORIGIN, Rewritable
from tests.system.cli import Cli
from unbroken.core.note import SigningKey


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Rewritable:
    """Sixty entries, the first forty anchored; no guards."""
    (tmp_path / "outside").mkdir()
    made = Rewritable(database, tmp_path / "outside")
    made.grant("writer", "notary", "verifier")
    made.record(37)
    made.notarise()
    made.record(20)
    database.disarm()
    return made


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    """The verifier's, with a state directory of its own."""
    return Cli(database.conninfo("verifier"), tmp_path / "state")


def verdict(report: Any) -> tuple[str, int, int, list[int] | None]:
    proven = report["against"]["proven_to"]
    return report["verdict"], report["exit_code"], proven["size"] if proven else 0, report["against"]["window"]


def kinds(report: Any) -> list[tuple[str, int]]:
    return [(finding["kind"], finding["seq"]) for finding in report["findings"]]


def words(text: str) -> str:
    """A text that was wrapped, on one line."""
    return " ".join(text.split())


def test_what_is_proven_and_what_is_not_anchored_is_said(log: Rewritable, cli: Cli) -> None:
    done = cli("verify", "--anchors", log.file)
    assert done.returncode == 3
    assert f"proven to 40, entries 41 to 60 not anchored yet  {ORIGIN}, 60 entries read" in done.stdout
    assert "kept by nas, site and the database as of 20" in words(done.stdout)
    assert verdict(cli.json("verify", "--anchors", log.file)) == ("consistent", 3, 40, [41, 60])
    log.notarise()
    done = cli("verify", "--anchors", log.file)
    assert (done.returncode, "proven to 60" in done.stdout) == (0, True)
    assert "nobody can know" in done.stdout


def test_a_rewrite_is_told_with_the_checkpoint_that_no_longer_fits(log: Rewritable, cli: Cli) -> None:
    cli("verify", "--anchors", log.file)
    log.rewrite(12)
    done = cli("verify", "--anchors", log.file)
    assert done.returncode == 1
    assert "rewritten at entry 1" in done.stdout
    assert "a signed checkpoint of 40 entries, kept by this verifier, nas, site and the database" in words(done.stdout)


def test_a_fork_is_shown_whole_and_anybody_can_check_its_proof(log: Rewritable, cli: Cli, tmp_path: Path) -> None:
    log.rewrite(12)
    log.do("delete from unbroken.checkpoints")
    log.do("delete from unbroken.tiles")
    log.do("delete from unbroken.continuity")
    other = log.notarise(publish=())
    proof = tmp_path / "fork.json"
    done = cli("verify", "--anchors", log.file, "--proof", proof)
    assert (done.returncode, "forked at entry 1" in done.stdout) == (1, True)
    for line in other.strip().split("\n"):
        assert f"  {line}\n" in done.stdout
    assert str(proof) in done.stderr
    anywhere = Cli("no-store", tmp_path / "elsewhere")
    key = log.key.verifier
    accepted = anywhere("verify", "--fork", proof, "--trust", key)
    assert accepted.returncode == 0
    assert f"two histories of {ORIGIN} were signed" in accepted.stdout
    assert anywhere.json("verify", "--fork", proof, "--trust", key)["sizes"] == [40, 60]
    assert anywhere("verify", "--fork", proof, "--trust", key, "--log", "another/log").returncode == 1
    stranger = SigningKey.generate(key.name).verifier
    assert anywhere("verify", "--fork", proof, "--trust", stranger).returncode == 1
    changed = json.loads(proof.read_text())
    changed["root"] = changed["root"][::-1]
    proof.write_text(json.dumps(changed, separators=(",", ":"), ensure_ascii=False) + "\n")
    assert anywhere("verify", "--fork", proof, "--trust", key).returncode == 1
    assert anywhere("verify", "--fork", proof).returncode == 2


def test_nights_read_what_is_new_and_go_on_record(log: Rewritable, cli: Cli) -> None:
    first = cli.json("verify", "--anchors", log.file, "--nightly", "--record")
    assert (verdict(first), first["recorded_seq"], first["again"]) == (("consistent", 3, 40, [41, 60]), 61, None)
    told = log.told(61)
    assert (told["run"], told["verdict"], told["proven_to"], told["window"]) == ("nightly", "consistent", 40, "41-60")
    assert told["head"] == first["head"]
    log.notarise()
    second = cli.json("verify", "--anchors", log.file, "--nightly", "--record")
    assert (verdict(second), second["entries"]) == (("proven", 0, 61, None), 61), "a small log is read whole"
    assert cli.heads()["stores"], "what the next night goes on from is the verifier's own"


def test_what_was_seen_outside_is_kept_by_the_verifier(log: Rewritable, cli: Cli) -> None:
    cli("verify", "--anchors", log.file)
    for name in ("nas", "site"):
        shutil.rmtree(log.folder / name)
    report = cli.json("verify", "--anchors", log.file)
    assert verdict(report) == ("consistent", 3, 40, [41, 60])
    assert "this verifier" in report["against"]["proven_to"]["by"]
    log.rewrite(12)
    log.empty("checkpoints")
    assert ("rewritten", 1) in kinds(cli.json("verify", "--anchors", log.file))
    assert cli("verify", "--forget", "--yes").returncode == 0
    assert cli("verify", "--anchors", log.file).returncode == 4


def test_an_unrecorded_run_still_gives_its_verdict(log: Rewritable, cli: Cli) -> None:
    log.do("update unbroken.continuity set closed_because = 'a test', closed_at = now(), closed_by = 'x'")
    done = cli("verify", "--anchors", log.file, "--record")
    assert (done.returncode, "could not be put on record" in done.stderr) == (3, True)
    assert "proven to 40" in done.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        "--nightly",
        "--record",
        "--proof p",
        "--anchors {file} --session a",
        "--anchors {file} --range 1..2",
        "--anchors {file} --fork {file}",
        "--anchors {folder}/nothing.toml",
        "--anchors {file} --log another/log",
        "--fork {file} --trust nonsense",
    ],
)
def test_wrong_usage_is_told(log: Rewritable, cli: Cli, wrong: str) -> None:
    done = cli("verify", *wrong.format(file=log.file, folder=log.folder).split())
    assert (done.returncode, done.stdout, done.stderr != "") == (2, "", True)
    assert LOG not in done.stderr or "Traceback" not in done.stderr
