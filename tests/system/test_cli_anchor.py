"""``unbroken anchor``: a first file, what stands outside, and what is odd there, in text, JSON and exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anchors.serving import served
from tests.anchors.witnessing import WITNESS_KEY, LoopbackWitness
from tests.conftest import LOG, Database
from tests.database.notarised import DIRECTORY, FILE, FULL, KEY, Notarised, witness_at
from tests.system.cli import Cli
from unbroken.anchors.anchor import Receipt, TrustedLog
from unbroken.anchors.configuration import AnchorsFile
from unbroken.core.checkpoint import key_name
from unbroken.core.note import SigningKey, parse


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[Notarised]:
    """A directory, a file and a witness that have all entries, and a log that went on by two."""
    made = Notarised(database, tmp_path)
    with served(LoopbackWitness(log=TrustedLog(FULL, (KEY.verifier,))).answer) as url:
        made.write([DIRECTORY, FILE, witness_at(url)])
        with made.at_work() as work:
            for _ in range(2):
                made.record(4)
                work.round()
        made.record(2)
        yield made


@pytest.fixture
def cli(log: Notarised, tmp_path: Path) -> Cli:
    return as_login("verifier", log, tmp_path)


def as_login(login: str, log: Notarised, tmp_path: Path) -> Cli:
    return Cli(log.database.conninfo(login), tmp_path / "cli", {"UNBROKEN_ANCHORS": str(log.file)})


def test_status_shows_the_window_and_what_each_has(cli: Cli) -> None:
    done = cli("anchor", "status")
    assert (done.returncode, done.stderr) == (0, "")
    said = cli.json("anchor", "status")
    size = said["anchored"]
    assert said["window"] == {"first": size + 1, "last": size + 2}
    assert (said["exit_code"], said["quorum"], said["is_late"], said["is_odd"]) == (0, 2, False, False)
    assert [(each["name"], each["size"], each["is_asked"], each["clock"]) for each in said["anchors"]] == [
        *(("nas", size, True, "log"), ("site", size, True, "log"), ("w1", size, False, "anchor")),
    ]
    assert f"entries {size + 1} to {size + 2} could be changed unseen (2 entries)" in done.stdout
    assert "by 3 of 3 anchors, 2 are wanted" in done.stdout
    for kind in ("directory: ", "file: ", "witness: somebody who remembers saw no other history"):
        assert kind in done.stdout


def test_status_tells_late_and_says_why(cli: Cli, log: Notarised) -> None:
    late = log.file.read_text().replace('renew = "1s"', 'renew = "1s"\nallowed_age = "2s"')
    log.file.write_text(late.replace("quorum", "#quorum"))
    for name in ("nas", "site"):
        (log.folder / name).rename(log.folder / f"{name} away")
    log.database.disarm()
    log.database.admin.execute("delete from unbroken.anchorings where anchor <> 'w1'")
    done = cli("anchor", "status")
    assert done.returncode == 1
    assert "late: a quorum has had nothing newer for more than 2 s" in done.stderr
    assert "it is not mounted, or was never prepared" in done.stderr
    assert cli.json("anchor", "status")["is_late"] is True


def test_a_contradiction_comes_first(cli: Cli, log: Notarised) -> None:
    log.database.disarm()
    log.database.admin.execute("update unbroken.entries set hash = sha256(hash) where seq = 1")
    done = cli("anchor", "status")
    assert done.returncode == 1
    assert done.stderr.startswith("unbroken: the anchor 'nas' contradicts the log: it has another tree of ")
    assert done.stdout.count("CONTRADICTS THE LOG") == 3
    assert cli.json("anchor", "status")["anchored"] == 0


def test_check_reads_all_and_tells_what_is_odd(cli: Cli, log: Notarised) -> None:
    done = cli("anchor", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Looked at 6 checkpoints and receipts: as they should be." in done.stdout
    (folder,) = (each for each in (log.folder / "nas").iterdir())
    (folder / "note.txt").write_text("mine")
    done = cli("anchor", "check")
    assert (done.returncode, done.stderr) == (1, "unbroken: the anchor 'nas': foreign: note.txt\n")


def test_check_wants_every_anchor_to_answer(cli: Cli, log: Notarised) -> None:
    (log.folder / "nas").rename(log.folder / "away")
    assert cli("anchor", "status").returncode == 0
    assert cli("anchor", "check").returncode == 1


def test_list_shows_each_receipt_and_gives_the_notes(cli: Cli, log: Notarised) -> None:
    done = cli("anchor", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1 + 6
    said = cli.json("anchor", "list", "w1")
    assert said["log"] == FULL
    assert [(each["anchor"], each["clock"], each["odd"]) for each in said["checkpoints"]] == [
        ("w1", "anchor", None)
    ] * 2
    newest = said["checkpoints"][0]
    assert parse(newest["note"]).text.split("\n")[1] == str(newest["size"])
    assert Receipt.from_bytes(newest["receipt"].encode()).note == newest["note"]
    assert len(cli.json("anchor", "list", "--limit", "1")["checkpoints"]) == 3
    log.database.disarm()
    log.database.admin.execute("update unbroken.anchorings set receipt = '{}', digest = sha256('{}') where size < 9")
    done = cli("anchor", "list")
    assert done.returncode == 1
    assert "this is no receipt of this anchor" in done.stdout


def test_list_held_asks_the_anchors_and_no_database(log: Notarised, tmp_path: Path) -> None:
    without = Cli("postgresql://nobody@127.0.0.1:1/none", tmp_path / "cli", {"UNBROKEN_ANCHORS": str(log.file)})
    assert without("anchor", "list").returncode == 2
    said = without.json("anchor", "list", "--held")
    assert [each["anchor"] for each in said["checkpoints"]] == ["nas", "nas", "site", "site"]
    done = without("anchor", "list", "w1", "--held")
    assert (done.returncode, "can't be asked what it holds" in done.stderr) == (2, True)
    done = without("anchor", "list", "nobody")
    assert (done.returncode, "only nas, site, w1" in done.stderr) == (2, True)


def test_a_first_file_is_written_and_then_made_ready(tmp_path: Path) -> None:
    cli = Cli(str(tmp_path / "none"), tmp_path / "cli")
    file = tmp_path / "anchors.toml"
    assert cli("anchor", "init", file).returncode == 2
    assert not file.exists()
    done = cli("anchor", "init", file, "--log", LOG, "--trust", KEY.verifier)
    assert (done.returncode, done.stderr) == (0, "")
    read = AnchorsFile.read(file)
    assert (read.log, read.trust, read.names) == (LOG, (KEY.verifier,), ())
    lines = file.read_text().splitlines()
    filled = [line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line for line in lines]
    (tmp_path / "mount").mkdir()
    text = (
        "\n".join(filled)
        .replace("/mnt/nas/checkpoints", "mount")
        .replace("witness.example/w1+...", str(WITNESS_KEY.verifier))
    )
    file.write_text(text)
    assert AnchorsFile.read(file).names == ("nas", "store", "tsa", "w1")
    file.write_text(text.partition("# An object store")[0])
    done = cli("anchor", "init", file)
    assert (done.returncode, "say --yes" in done.stderr) == (2, True)
    assert list((tmp_path / "mount").iterdir()) == []
    for _ in range(2):
        assert cli("anchor", "init", file, "--yes").returncode == 0
    assert cli("anchor", "init", file, "--incarnation", "2", "--yes").returncode == 0
    assert sorted(each.name for each in (tmp_path / "mount").iterdir()) == [
        "clinic.example%2Fagents~1",
        "clinic.example%2Fagents~2",
    ]


def test_a_log_named_with_a_quote_is_written_as_toml(tmp_path: Path) -> None:
    odd = 'clinic "north"\\agents'
    key = SigningKey(key_name(odd), b"q" * 32)
    cli = Cli(str(tmp_path / "none"), tmp_path / "cli")
    assert cli("anchor", "init", tmp_path / "a.toml", "--log", odd, "--trust", key.verifier).returncode == 0
    assert AnchorsFile.read(tmp_path / "a.toml").log == odd


def test_who_may_not_look_is_told_which_duty_it_takes(log: Notarised, tmp_path: Path) -> None:
    for login in ("writer", "subjects"):
        done = as_login(login, log, tmp_path)("anchor", "status")
        assert done.returncode == 2
        assert "takes a login with the duty notary, verifier" in done.stderr


def test_without_a_file_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = Cli(str(tmp_path), tmp_path / "cli")("anchor", "status")
    assert (done.returncode, "anchor init FILE" in done.stderr) == (2, True)


def test_before_the_first_checkpoint_everything_is_window(database: Database, tmp_path: Path) -> None:
    made = Notarised(database, tmp_path)
    made.write([DIRECTORY, FILE])
    made.record(3)
    done = as_login("verifier", made, tmp_path)("anchor", "status")
    assert done.returncode == 1
    assert "nothing yet: 2 are wanted" in done.stdout
    assert "entries 1 to 3 could be changed unseen" in done.stdout
    assert json.loads(as_login("verifier", made, tmp_path)("anchor", "list", "--json").stdout)["checkpoints"] == []
