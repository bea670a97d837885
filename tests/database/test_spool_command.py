"""``unbroken spool``: what waits on this machine, sending it, and what was refused."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.plain import draft
from tests.system.cli import Cli
from unbroken.core.entry import StoredEntry
from unbroken.core.ids import id_of
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import Identity
from unbroken.ledger.spool import spooling
from unbroken.ledger.spool.place import SpoolPlace
from unbroken.store.log_writer import LogWriter

Entries = Callable[[], list[StoredEntry]]


def note(text: object, **fields: Any) -> Draft:
    return draft("request", actor_id="u-1", actor_type="user", inputs=text, **fields)


def unreachable(wait_s: float) -> LogWriter:
    return LogWriter("host=/nonexistent user=writer dbname=none", LOG, wait_s=wait_s)


def cut_off(folder: Path, *, log: str = LOG) -> Ledger:
    return Ledger(unreachable, spool=SpoolPlace(folder, log), deadline_s=1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "PATIENCE_S", 0.1)
    monkeypatch.setattr(spooling, "GLANCE_S", 0.1)
    monkeypatch.setattr(spooling, "DRAIN_S", 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def left(folder: Path) -> str:
    """A dead recorder with three events."""
    with closing(cut_off(folder)) as ledger:
        ledger.record([note("one"), note("two")])
        ledger.record([note("three")])
        return ledger.recorder


@pytest.fixture
def living(folder: Path) -> Iterator[Ledger]:
    with closing(cut_off(folder)) as ledger:
        ledger.record([note("the living one's")])
        yield ledger


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    return Cli(database.conninfo("writer"), tmp_path / "state", {"UNBROKEN_LOG": LOG})


def said(entries: Entries) -> list[Any]:
    return [json.loads(entry.inputs) for entry in entries() if entry.inputs is not None]


def test_an_empty_folder_needs_nobody(cli: Cli, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    done = cli("spool", "status", folder)
    assert (done.returncode, done.stdout) == (0, "Nothing is kept here.\n")
    assert cli.json("spool", "status", folder) == {"folder": str(folder), "spools": []}


def test_a_folder_that_is_not_there_is_no_empty_one(cli: Cli, folder: Path) -> None:
    for command in ("status", "refused", "drain"):
        done = cli("spool", command, folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert str(folder) in done.stderr


def test_status_tells_the_living_from_the_dead(cli: Cli, folder: Path, left: str, living: Ledger) -> None:
    done = cli("spool", "status", folder)
    assert done.returncode == 1
    rows = {line.split()[0]: line for line in done.stdout.splitlines()[1:]}
    assert set(rows) == {left, living.recorder}
    assert "dead" in rows[left]
    assert "lives, pid" in rows[living.recorder]
    assert "3 events of dead recorders" in done.stderr
    found = {Path(spool["path"]).stem: spool for spool in cli.json("spool", "status", folder)["spools"]}
    assert [(found[name]["alive"], found[name]["events"]) for name in (left, living.recorder)] == [
        (False, 3),
        (True, 1),
    ]
    assert {spool["log"] for spool in found.values()} == {LOG}


def test_the_living_alone_need_nobody(cli: Cli, folder: Path, living: Ledger) -> None:
    assert cli("spool", "status", folder).returncode == 0


def test_drain_makes_known_who_came_in_the_outage(cli: Cli, folder: Path, entries: Entries, database: Database) -> None:
    identity = Identity("p-" + "1" * 32, b"l" * 32, b"sealed")
    with closing(cut_off(folder)) as ledger:
        for text in ("one", "two"):
            made = draft("request", actor_id=identity.pseudonym, actor_type="user", inputs=text)
            ledger.record([replace(made, identities=(identity,))])
    assert cli("spool", "drain", folder).returncode == 0
    assert said(entries) == ["one", "two"]
    rows = database.admin.execute("select pseudonym, lookup, sealed from unbroken.identities").fetchall()
    assert rows == [(identity.pseudonym, identity.lookup, identity.sealed)]


def test_drain_sends_what_the_dead_left(cli: Cli, folder: Path, left: str, living: Ledger, entries: Entries) -> None:
    done = cli("spool", "drain", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Sent 3 events to {LOG}.\nLeft to living recorders: 1 file.\n"
    assert said(entries) == ["one", "two", "three"]
    assert cli.json("spool", "drain", folder) == {"log": LOG, "sent": 0, "refused": 0, "faults": []}
    assert [Path(spool["path"]).stem for spool in cli.json("spool", "status", folder)["spools"]] == [living.recorder]


def test_drain_leaves_another_logs_files(cli: Cli, folder: Path, entries: Entries) -> None:
    with closing(cut_off(folder, log="other.example/log")) as ledger:
        ledger.record([note("not for here")])
    assert cli.json("spool", "drain", folder)["sent"] == 0
    assert entries() == []
    assert [spool["events"] for spool in cli.json("spool", "status", folder)["spools"]] == [1]


def test_drain_without_the_log_keeps_everything(cli: Cli, folder: Path, left: str) -> None:
    before = cli.json("spool", "status", folder)
    done = cli("spool", "drain", folder, "--store", "host=/nonexistent user=writer dbname=none connect_timeout=2")
    assert (done.returncode, done.stdout) == (2, "")
    assert cli.json("spool", "status", folder) == before


def test_refused_events_are_listed(cli: Cli, folder: Path, ledger: Ledger, entries: Entries, tmp_path: Path) -> None:
    taken = id_of(b"an id that is used twice")
    with closing(cut_off(folder)) as gone:
        gone.record([note("one"), note("mine", id=taken)])
    ledger.record([note("theirs", id=taken)])
    done = cli("spool", "drain", folder)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[1].startswith("Refused and set aside: 1")
    assert said(entries) == ["theirs", "one"]
    assert taken in cli("spool", "refused", folder).stdout
    (refused,) = cli.json("spool", "refused", folder)["refused"]
    assert (refused["id"], refused["log"]) == (taken, LOG)
    assert cli("spool", "status", folder).returncode == 1
    assert cli("spool", "drain", folder).returncode == 0
    assert cli.json("spool", "drain", folder)["sent"] == 0
    Path(refused["path"]).rename(tmp_path / "seen to")
    assert cli("spool", "status", folder).returncode == 0
    assert cli("spool", "refused", folder).stdout == "Nothing was refused.\n"


def test_a_damaged_file_is_named_and_the_others_are_sent(cli: Cli, folder: Path, left: str, entries: Entries) -> None:
    broken = folder / f"{id_of(b'somebody')}.spool"
    broken.write_bytes(b"torn")
    done = cli("spool", "status", folder)
    assert (done.returncode, str(broken) in done.stderr) == (1, True)
    done = cli("spool", "drain", folder)
    assert (done.returncode, str(broken) in done.stderr) == (1, True)
    assert said(entries) == ["one", "two", "three"]
    assert broken.read_bytes() == b"torn"
