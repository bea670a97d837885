"""``unbroken prove``: a proof that others can check, or the reason why there is none."""

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.database.planted_tree import sign
from tests.system.cli import Cli, conversation
from unbroken.core.checkpoint import Checkpoint, key_name, opened
from unbroken.core.note import SigningKey
from unbroken.core.proof import EntryProof
from unbroken.core.tree.hashing import leaf_hash
from unbroken.ledger.ledger import Ledger

KEY = SigningKey.generate(key_name(LOG))


@pytest.fixture
def head(database: Database, ledger: Ledger) -> Checkpoint:
    """The log's checkpoint: of eight entries, with two more after it."""
    for session in ("s-1", "s-2"):
        ledger.record(conversation(session))
    checkpoint = sign(database, KEY)
    ledger.record(conversation("s-3")[:2])
    return checkpoint


def as_login(database: Database, login: str, tmp_path: Path) -> Cli:
    return Cli(database.conninfo(login), tmp_path / "state", {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "a test"})


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    return as_login(database, "compliance", tmp_path)


def test_who_is_given_the_proof_and_the_line_needs_nothing_else(cli: Cli, head: Checkpoint, tmp_path: Path) -> None:
    line = tmp_path / "line.json"
    done = cli("prove", 3, "--trust", KEY.verifier, "--line", line)
    assert (done.returncode, done.stderr) == (0, "")
    proof = EntryProof.parse(done.stdout)
    checkpoint, _ = opened(proof.note, [KEY.verifier], origin=f"{LOG}~1")
    assert (checkpoint, proof.index) == (head, 2)
    proof.verify(leaf_hash(line.read_bytes()), checkpoint)
    assert json.loads(line.read_bytes())["seq"] == 3


def test_the_line_is_a_read_and_the_proof_is_none(
    database: Database, cli: Cli, head: Checkpoint, tmp_path: Path
) -> None:
    def reads() -> list[str]:
        asked = database.admin.execute("select event_type from unbroken.entries where seq > 10 order by seq")
        return [row[0] for row in asked.fetchall()]

    assert cli("prove", 3).returncode == 0
    assert reads() == []
    assert cli("prove", 3, "--line", tmp_path / "line").returncode == 0
    assert reads() == ["log.read", "log.read_completed"]


def test_json_says_the_same(cli: Cli, head: Checkpoint) -> None:
    given = cli("prove", 8, "--json", "--trust", KEY.verifier)
    said = json.loads(given.stdout)
    assert (said["log"], said["seq"], said["size"], said["root"]) == (f"{LOG}~1", 8, 8, head.root.hex())
    assert said["signed_by"] == [str(KEY.verifier)]
    proof = EntryProof.parse(said["proof"])
    assert (said["index"], said["hashes"], said["checkpoint"]) == (7, [each.hex() for each in proof.hashes], proof.note)
    proof.verify(bytes.fromhex(said["leaf"]), head)


def test_an_entry_is_found_by_its_id_for_the_verifier(database: Database, head: Checkpoint, tmp_path: Path) -> None:
    row = database.admin.execute("select id::text from unbroken.entries where seq = 5").fetchone()
    assert row is not None
    by_id = as_login(database, "verifier", tmp_path)("prove", row[0].upper())
    assert by_id.returncode == 0
    assert EntryProof.parse(by_id.stdout).index == 4
    assert "duty verifier" in as_login(database, "compliance", tmp_path)("prove", row[0]).stderr
    unknown = as_login(database, "verifier", tmp_path)("prove", "00000000-0000-0000-0000-000000000000")
    assert (unknown.returncode, "has the id" in unknown.stderr) == (2, True)


def test_an_older_checkpoint_can_be_asked_for(database: Database, cli: Cli, head: Checkpoint) -> None:
    newer = sign(database, KEY)
    assert newer.size > head.size
    assert EntryProof.parse(cli("prove", 3).stdout).stated() == newer
    assert EntryProof.parse(cli("prove", 3, "--size", 8).stdout).stated() == head
    missing = cli("prove", 3, "--size", 7)
    assert (missing.returncode, missing.stdout) == (3, "")


def test_what_no_checkpoint_covers_is_not_proved(cli: Cli, head: Checkpoint) -> None:
    for entry, words in ((9, "not covered yet"), (99, "not covered yet")):
        done = cli("prove", entry)
        assert (done.returncode, done.stdout) == (3, "")
        assert words in done.stderr


def test_before_the_first_checkpoint_nothing_is(cli: Cli, ledger: Ledger) -> None:
    ledger.record(conversation("s-1"))
    done = cli("prove", 1)
    assert (done.returncode, done.stdout) == (3, "")
    assert "no checkpoint yet" in done.stderr


def test_who_signed_is_said_where_nobody_is_believed(cli: Cli, head: Checkpoint) -> None:
    done = cli("prove", 1)
    assert done.returncode == 0
    assert "was not verified" in done.stderr


@pytest.mark.parametrize("name", [key_name(LOG), "other.example/log"])
def test_another_key_is_not_believed(cli: Cli, head: Checkpoint, name: str) -> None:
    done = cli("prove", 1, "--trust", SigningKey.generate(name).verifier)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no trusted key signed this" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        "update unbroken.entries set hash = sha256('x') where seq = 4",
        "delete from unbroken.entries where seq = 4",
        "update unbroken.checkpoints set root = sha256('x')",
        "update unbroken.checkpoints set note = replace(note, E'~1\\n8\\n', E'~1\\n7\\n')",
    ],
)
def test_nothing_is_proved_from_what_was_changed(cli: Cli, head: Checkpoint, database: Database, change: str) -> None:
    database.disarm()
    database.admin.execute(change)
    done = cli("prove", 3)
    assert (done.returncode, done.stdout) == (1, "")


def test_a_line_that_was_changed_is_not_written(cli: Cli, head: Checkpoint, database: Database, tmp_path: Path) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set event = replace(event, 'u-17', 'u-18') where seq = 3")
    done = cli("prove", 3, "--line", tmp_path / "line")
    assert (done.returncode, done.stdout) == (1, "")
    assert not (tmp_path / "line").exists()


@pytest.mark.parametrize("entry", ["0", "-1", "x", "1.0", "01"])
def test_what_names_no_entry_is_refused(cli: Cli, head: Checkpoint, entry: str) -> None:
    assert cli("prove", "--", entry).returncode == 2


def test_a_writer_proves_nothing(database: Database, head: Checkpoint, tmp_path: Path) -> None:
    done = as_login(database, "writer", tmp_path)("prove", 1)
    assert (done.returncode, done.stdout) == (2, "")


# ---- checking one ----


@dataclass(frozen=True)
class Given:
    """What somebody was handed: a proof and a line, and a command without any log."""

    cli: Cli
    proof: Path
    line: Path

    def check(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return self.cli("prove", "--check", self.proof, "--line", self.line, *arguments)


@pytest.fixture
def given(cli: Cli, head: Checkpoint, tmp_path: Path) -> Given:
    handed = Given(Cli(str(tmp_path / "nowhere"), tmp_path / "other"), tmp_path / "proof", tmp_path / "line")
    done = cli("prove", 3, "--line", handed.line)
    handed.proof.write_text(done.stdout)
    return handed


def test_whoever_has_a_key_checks_without_the_log(given: Given, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"# of the notary\n{SigningKey.generate('other').verifier}\n{KEY.verifier}\n")
    for trust in (KEY.verifier, keys):
        done = given.check("--trust", trust)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Proven: this line is entry 3 of {LOG}~1, in a tree of 8 entries")
    said = json.loads(given.check("--trust", keys, "--json").stdout)
    assert (said["verdict"], said["seq"], said["signed_by"]) == ("proven", 3, str(KEY.verifier))


@pytest.mark.parametrize("trust", [[], ["--trust", SigningKey.generate(key_name(LOG)).verifier]], ids=["none", "other"])
def test_without_the_key_its_origin_is_unproven(given: Given, trust: list[object]) -> None:
    done = given.check(*trust)
    assert (done.returncode, done.stdout.partition(":")[0]) == (5, "Origin unproven")


def test_what_was_changed_is_refuted(given: Given) -> None:
    proof, line = given.proof.read_text(), given.line.read_bytes()
    lines = proof.splitlines(keepends=True)
    signature = base64.b64decode(lines[-1].split()[-1])
    forged = base64.b64encode(signature[:-1] + bytes([signature[-1] ^ 1])).decode()
    changes = [
        (proof, line + b" "),
        (proof, line.replace(b"u-17", b"u-18")),
        (proof.replace("index 2", "index 3"), line),
        (proof.replace("\n8\n", "\n9\n"), line),
        (proof.replace(f"{LOG}~1\n", f"{LOG}~2\n"), line),
        ("".join([*lines[:2], lines[3], lines[2], *lines[4:]]), line),
        ("".join([*lines[:-1], lines[-1].replace(lines[-1].split()[-1], forged)]), line),
        ("", line),
    ]
    for text, content in changes:
        assert (text, content) != (proof, line)
        given.proof.write_text(text)
        given.line.write_bytes(content)
        done = given.check("--trust", KEY.verifier)
        assert (done.returncode, done.stdout) == (1, ""), text


def test_another_log_is_not_the_one_that_was_meant(given: Given) -> None:
    assert given.check("--trust", KEY.verifier, "--log", f"{LOG}~1").returncode == 0
    done = given.check("--trust", KEY.verifier, "--log", "other.example/log")
    assert (done.returncode, "not of other.example/log" in done.stderr) == (1, True)


def test_what_is_missing_for_a_check_is_said(given: Given) -> None:
    assert given.cli("prove", "--check", given.proof).returncode == 2
    assert given.check("3").returncode == 2
    assert given.cli("prove").returncode == 2
    given.line.unlink()
    assert given.check().returncode == 2
