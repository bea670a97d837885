"""``unbroken checkpoint tiles``: a folder that others' tools read, what writing it puts on record, and serving it."""

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.planted_tree import sign
from tests.system.cli import Cli, conversation, read_until
from unbroken.core.checkpoint import Checkpoint, key_name, opened
from unbroken.core.note import SigningKey
from unbroken.core.tree.bundles import Bundle, unbundled
from unbroken.core.tree.proving import root_of
from unbroken.core.tree.tile import tiles_of
from unbroken.ledger.ledger import Ledger
from unbroken.tiles.folder import TileFolder

KEY = SigningKey.generate(key_name(LOG))


@pytest.fixture
def head(database: Database, ledger: Ledger) -> Checkpoint:
    ledger.record(conversation("s-1") + conversation("s-2"))
    return sign(database, KEY)


def as_login(database: Database, login: str, tmp_path: Path) -> Cli:
    return Cli(database.conninfo(login), tmp_path / "state", {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "a test"})


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    return as_login(database, "compliance", tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "static"


def own_entries(database: Database) -> list[str]:
    rows = database.admin.execute("select event_type from unbroken.entries where event_type like 'log.%' order by seq")
    return [row[0] for row in rows.fetchall()]


def lines_in(folder: Path, head: Checkpoint) -> list[Any]:
    """The entries as somebody reads them who has the folder and the key alone."""
    reader, found = TileFolder(folder), []
    note = (folder / "checkpoint").read_text()
    assert opened(note, [KEY.verifier], origin=f"{LOG}~1")[0] == head
    assert root_of(head.size, reader) == head.root
    for tile in tiles_of(head.size):
        if tile.level == 0:
            content = (folder / Bundle(tile).path).read_bytes()
            found += unbundled(content, hashes=reader.read_tiles([tile])[0])
    return [json.loads(line) for line in found]


def test_who_has_the_folder_and_the_key_reads_the_log(
    cli: Cli, head: Checkpoint, folder: Path, database: Database
) -> None:
    done = cli("checkpoint", "tiles", folder, "--trust", KEY.verifier)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line["seq"] for line in lines_in(folder, head)] == list(range(1, 9))
    assert own_entries(database) == ["log.read", "log.exported", "log.read_completed"]


def test_what_was_handed_out_is_on_record(cli: Cli, head: Checkpoint, folder: Path, database: Database) -> None:
    assert cli("checkpoint", "tiles", folder).returncode == 0
    row = database.admin.execute(
        "select p.details::json from unbroken.payloads p join unbroken.entries e using (log, seq)"
        " where e.event_type = 'log.exported'"
    ).fetchone()
    assert row is not None
    (details,) = row
    assert details["selection"] == {"kind": "tiles", "after": "0", "upto": "8"}
    assert (details["entries"], details["root"]) == (8, head.root.hex())


def test_going_on_hands_out_only_what_is_new(
    cli: Cli, head: Checkpoint, folder: Path, database: Database, ledger: Ledger
) -> None:
    assert cli.json("checkpoint", "tiles", folder, "--trust", KEY.verifier)["entries"] == 8
    assert cli.json("checkpoint", "tiles", folder, "--trust", KEY.verifier)["entries"] == 0
    assert own_entries(database).count("log.exported") == 1
    ledger.record(conversation("s-3"))
    newer = sign(database, KEY)
    assert cli.json("checkpoint", "tiles", folder, "--trust", KEY.verifier)["size"] == newer.size
    assert [line["seq"] for line in lines_in(folder, newer)] == list(range(1, newer.size + 1))


@pytest.mark.parametrize("login", ["ops", "verifier"])
def test_hashes_alone_are_for_all_who_may_know_of_the_log_and_leave_no_entry(
    database: Database, head: Checkpoint, folder: Path, tmp_path: Path, login: str
) -> None:
    cli = as_login(database, login, tmp_path)
    assert cli("checkpoint", "tiles", folder).returncode == 2
    assert not (folder / "checkpoint").exists()
    before = own_entries(database)
    assert cli("checkpoint", "tiles", folder, "--hashes-only").returncode == 0
    assert own_entries(database) == before
    assert root_of(head.size, TileFolder(folder)) == head.root
    assert not (folder / "tile" / "entries").exists()


def test_before_the_first_checkpoint_there_is_nothing_to_publish(cli: Cli, ledger: Ledger, folder: Path) -> None:
    ledger.record(conversation("s-1"))
    done = cli("checkpoint", "tiles", folder)
    assert (done.returncode, "no checkpoint yet" in done.stderr) == (3, True)


def test_another_signature_is_not_published(cli: Cli, head: Checkpoint, folder: Path) -> None:
    other = SigningKey.generate(key_name(LOG)).verifier
    assert cli("checkpoint", "tiles", folder, "--trust", other).returncode == 1
    assert not (folder / "checkpoint").exists()


def test_what_does_not_lead_to_the_signed_root_is_not_published(
    cli: Cli, head: Checkpoint, folder: Path, database: Database
) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set hash = sha256('x') where seq = 4")
    done = cli("checkpoint", "tiles", folder)
    assert (done.returncode, "Nothing was published" in done.stderr) == (1, True)
    assert not (folder / "checkpoint").exists()


def test_a_line_that_is_not_the_trees_is_not_handed_out(
    cli: Cli, head: Checkpoint, folder: Path, database: Database
) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set event = replace(event, 'u-17', 'u-18') where seq = 4")
    assert cli("checkpoint", "tiles", folder).returncode == 1
    assert not (folder / "checkpoint").exists()
    assert not (folder / "tile" / "entries").exists()


def test_it_is_served_until_it_is_told_to_end(cli: Cli, head: Checkpoint, folder: Path) -> None:
    process = cli.start("checkpoint", "tiles", folder, "--hashes-only", "--serve", 0)
    try:
        address = read_until(process, " until interrupted").split("Serving ")[1].split()[0]
        with urllib.request.urlopen(f"{address}checkpoint", timeout=10) as answer:  # noqa: S310
            assert answer.read() == (folder / "checkpoint").read_bytes()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
