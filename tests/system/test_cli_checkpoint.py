"""``unbroken checkpoint`` and ``unbroken keys``, as whoever runs a notary meets them."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database.notaries import forget_start, record, types
from tests.system.cli import Cli
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import VerifierKey

SOON_S = 60.0


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    settings = {
        "UNBROKEN_LOG": LOG,
        "UNBROKEN_NOTARY_STATE": str(tmp_path / "notary"),
        "UNBROKEN_NOTARY_KEY": f"file:{tmp_path / 'notary.key'}",
    }
    made = Cli(database.conninfo("notary"), tmp_path / "state", settings)
    assert made("keys", "new", tmp_path / "notary.key").returncode == 0
    return made


@contextmanager
def running(cli: Cli, *arguments: object) -> "Iterator[subprocess.Popen[str]]":
    process = cli.start("checkpoint", "run", *arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def soon(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def size(database: Database) -> int:
    row = database.admin.execute("select max(size) from unbroken.checkpoints").fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def take_back(database: Database, upto: int) -> None:
    database.disarm()
    database.admin.execute("delete from unbroken.payloads where seq > %s", (upto,))
    database.admin.execute("delete from unbroken.entries where seq > %s", (upto,))
    database.admin.execute("delete from unbroken.checkpoints where size > %s", (upto,))


def test_a_notary_signs_confirms_and_can_be_killed(database: Database, cli: Cli, tmp_path: Path) -> None:
    record(database, 3)
    figures = tmp_path / "m.prom"
    with running(cli, "--every", "1s", "--metrics", figures) as process:
        soon(lambda: size(database) == 4)
        record(database, 2)
        soon(lambda: size(database) == 6)
        soon(lambda: f'unbroken_checkpoint_entries{{log="{LOG}"}} 6' in figures.read_text())
        assert f'unbroken_log_takes_entries{{log="{LOG}"}} 1' in figures.read_text()
        # A second one on the same folder is kept out.
        second = cli("checkpoint", "run", "--once")
        assert (second.returncode, "another process signs" in second.stderr) == (2, True)
        # A server that was started anew waits for its notary, and not for long.
        forget_start(database)
        with pytest.raises(psycopg.Error, match="until its notary"):
            record(database, 1)
        soon(lambda: is_confirmed(database))
        record(database, 1)
        soon(lambda: size(database) == 7)
        process.kill()
        assert process.wait(SOON_S) == -signal.SIGKILL
    with running(cli, "--every", "1s") as process:
        record(database, 1)
        soon(lambda: size(database) == 8)
        process.terminate()
        assert process.wait(SOON_S) == 128 + signal.SIGTERM
    assert types(database).count("log.key_stated") == 1
    assert len(types(database)) == 8


def is_confirmed(database: Database) -> bool:
    with database.connect("notary") as connection:
        row = connection.execute("select is_confirmed from unbroken.notary_state(%s)", (LOG,)).fetchone()
        return row is not None and bool(row[0])


def test_a_lost_end_is_refused_loudly_and_the_log_closed(database: Database, cli: Cli, tmp_path: Path) -> None:
    record(database, 5)
    assert cli("checkpoint", "run", "--once").returncode == 0
    take_back(database, 3)
    figures = tmp_path / "m.prom"
    refused = cli("checkpoint", "run", "--once", "--metrics", figures)
    assert refused.returncode == 1
    assert f'unbroken_notary_refuses{{log="{LOG}"}} 1' in figures.read_text()
    figures.unlink()
    assert "6 entries were signed, and this database holds 3" in refused.stderr
    with pytest.raises(psycopg.Error, match="unbroken recover"):
        record(database, 1)
    with running(cli, "--every", "1s", "--metrics", figures) as process:
        soon(lambda: figures.exists() and f'unbroken_notary_refuses{{log="{LOG}"}} 1' in figures.read_text())
        process.terminate()
        _, told = process.communicate(timeout=SOON_S)
    watching = Cli(database.conninfo("ops"), cli.state, {"UNBROKEN_LOG": LOG})
    assert "holds 3" in json.loads(watching("status", "--json").stdout)["logs"][0]["checkpoint"]["closed_because"]
    assert (done := watching("status")).returncode == 1
    assert "takes no entries any more" in done.stdout
    # Once, and not every two seconds.
    assert told.count("is closed") == 1
    assert size(database) == 0 or size(database) <= 3


def test_a_recovered_log_is_signed_by_the_notary_that_closed_it(database: Database, cli: Cli, tmp_path: Path) -> None:
    record(database, 5)
    assert cli("checkpoint", "run", "--once").returncode == 0
    take_back(database, 3)
    with running(cli, "--every", "1s"):
        soon(lambda: is_closed(database))
        operator = Cli(database.conninfo("postgres"), cli.state, {"UNBROKEN_LOG": LOG})
        recovered = operator(
            *("recover", "--no-erasures", "--yes", "--reason", "an old backup"),
            *("--notary-state", cli.settings["UNBROKEN_NOTARY_STATE"]),
        )
        assert recovered.returncode == 0, recovered.stderr
        soon(lambda: signed_of(database, 2) > 0)
    record(database, 1)
    assert cli("checkpoint", "run", "--once").stdout.startswith("20")
    trusted = cli("keys", "show").stdout.strip()
    assert cli.json("checkpoint", "show", "--trust", trusted)["log"] == f"{LOG}~2"
    assert [each["change"] for each in cli.json("keys", "history")["keys"]] == ["first"]


def is_closed(database: Database) -> bool:
    row = database.admin.execute("select 1 from unbroken.continuity where closed_because is not null").fetchone()
    return row is not None


def signed_of(database: Database, incarnation: int) -> int:
    row = database.admin.execute(
        "select max(size) from unbroken.checkpoints join unbroken.logs using (log) where incarnation = %s",
        (incarnation,),
    ).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def test_a_quiet_log_is_signed_again_without_an_entry(database: Database, cli: Cli) -> None:
    record(database, 2)
    first = json.loads(cli("checkpoint", "run", "--once", "--json").stdout)
    soon(lambda: int(time.time()) > _seconds(first["signed_at"]))
    second = json.loads(cli("checkpoint", "run", "--once", "--json").stdout)
    assert (first["size"], first["new"], second["size"], second["new"]) == (3, 3, 3, 0)
    assert first["root"] == second["root"]
    assert second["signed_at"] > first["signed_at"]
    assert len(types(database)) == 3
    assert [each["size"] for each in cli.json("checkpoint", "list")["checkpoints"]] == [3]


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_checkpoints_are_shown_as_far_as_they_are_believed(database: Database, cli: Cli, tmp_path: Path) -> None:
    assert cli("checkpoint", "show").returncode == 3
    assert "There is no checkpoint" in cli("checkpoint", "list").stdout
    record(database, 2)
    cli("checkpoint", "run", "--once")
    record(database, 2)
    cli("checkpoint", "run", "--once")
    shown = cli.json("checkpoint", "show", 3)
    assert (shown["size"], shown["believed"], shown["stored_by"]) == (3, [], "notary")
    trusted = cli("keys", "show").stdout.strip()
    assert cli.json("checkpoint", "show", "--trust", trusted)["believed"] == [trusted]
    record(database, 1)
    status = Cli(database.conninfo("ops"), cli.state, {"UNBROKEN_LOG": LOG})("status")
    assert re.search(r"checkpoint +5 entries signed, .* ago, 1 entry since", status.stdout)
    assert cli("checkpoint", "show", "--note").stdout.startswith(f"{LOG}~1\n5\n")
    cli("keys", "new", tmp_path / "other.key")
    other = cli("keys", "show", "--key", f"file:{tmp_path / 'other.key'}").stdout.strip()
    assert cli("checkpoint", "show", "--trust", other).returncode == 1
    database.disarm()
    database.admin.execute("update unbroken.checkpoints set root = sha256(root) where size = 3")
    assert cli("checkpoint", "show", 3).returncode == 1


def test_keys_are_rotated_and_lost(database: Database, cli: Cli, tmp_path: Path) -> None:
    record(database, 2)
    cli("checkpoint", "run", "--once")
    keys = [cli("keys", "show").stdout.strip()]
    for number, change in enumerate(("rotate", "lost")):
        new = f"file:{tmp_path / f'{number}.key'}"
        cli("keys", "new", tmp_path / f"{number}.key")
        keys.append(cli("keys", "show", "--key", new).stdout.strip())
        assert cli("keys", change, "--to", new).returncode == 2, "nobody was there to agree"
        done = cli("keys", change, "--to", new, "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        old = cli("checkpoint", "run", "--once")
        assert (old.returncode, "keys rotate" in old.stderr) == (2, True)
        cli.settings["UNBROKEN_NOTARY_KEY"] = new
        assert cli("checkpoint", "run", "--once").returncode == 0
    listed = cli.json("keys", "history", "--trust", keys[0])["keys"]
    assert [(each["change"], each["key"], each["believed"]) for each in listed] == [
        ("first", keys[0], True), ("rotated", keys[1], True), ("lost", keys[2], False),
    ]  # fmt: skip
    read = KeyHistory.of([each["statement"] for each in listed], [VerifierKey.from_text(keys[2])], LOG)
    assert [str(key) for key in read.keys] == [keys[2]]
    assert types(database).count("log.key_stated") == 3


def test_a_lost_folder_is_begun_anew_from_what_is_known_outside(database: Database, cli: Cli, tmp_path: Path) -> None:
    record(database, 2)
    cli("checkpoint", "run", "--once")
    anchored = cli("checkpoint", "show", "--note").stdout
    record(database, 2)
    cli("checkpoint", "run", "--once")
    trusted = cli("keys", "show").stdout.strip()
    cli.settings["UNBROKEN_NOTARY_STATE"] = str(tmp_path / "another")
    lost = cli("checkpoint", "run", "--once")
    assert (lost.returncode, "checkpoint adopt" in lost.stderr) == (2, True)
    assert cli("checkpoint", "adopt", "-", given=anchored).returncode == 2, "without a key to believe"
    changed = cli("checkpoint", "adopt", "-", "--trust", trusted, "--yes", given=anchored.replace("\n3\n", "\n4\n"))
    assert changed.returncode == 1
    adopted = cli("checkpoint", "adopt", "-", "--trust", trusted, "--yes", given=anchored)
    assert (adopted.returncode, "5 entries" in adopted.stdout) == (0, True), adopted.stderr
    assert cli("checkpoint", "adopt", "-", "--trust", trusted, "--yes", given=anchored).returncode == 2, "it is there"
    assert cli("checkpoint", "run", "--once").returncode == 0
    assert types(database).count("log.key_stated") == 1


def test_what_a_database_does_not_hold_is_not_adopted(database: Database, cli: Cli, tmp_path: Path) -> None:
    record(database, 5)
    cli("checkpoint", "run", "--once")
    anchored, trusted = cli("checkpoint", "show", "--note").stdout, cli("keys", "show").stdout.strip()
    database.disarm()
    database.admin.execute("update unbroken.entries set hash = sha256(hash) where seq = 2")
    cli.settings["UNBROKEN_NOTARY_STATE"] = str(tmp_path / "another")
    refused = cli("checkpoint", "adopt", "-", "--trust", trusted, "--yes", given=anchored)
    assert (refused.returncode, "Nothing was done" in refused.stderr) == (1, True)
    assert not (tmp_path / "another" / "notary.json").exists()


def test_checkpoints_go_to_the_anchors(database: Database, cli: Cli, tmp_path: Path) -> None:
    for name in ("nas", "backup"):
        (tmp_path / name).mkdir()
    anchors = tmp_path / "anchors.toml"
    trusted = cli("keys", "show").stdout.strip()
    places = "".join(
        f'[[anchor]]\nname = "{name}"\nkind = "{kind}"\npath = "{tmp_path / name}"\n'
        for name, kind in (("nas", "directory"), ("backup", "file"))
    )
    anchors.write_text(f'log = "{LOG}"\ntrust = ["{trusted}"]\n{places}')
    assert cli("anchor", "init", anchors, "--yes").returncode == 0
    record(database, 2)
    figures = tmp_path / "m.prom"
    done = cli("checkpoint", "run", "--once", "--anchors", anchors, "--metrics", figures)
    assert (done.returncode, done.stderr) == (0, "")
    assert f'unbroken_anchor_size{{anchor="nas",log="{LOG}~1"}} 3' in figures.read_text()
    row = database.admin.execute("select array_agg(anchor order by anchor) from unbroken.anchorings").fetchone()
    assert row == (["backup", "nas"],)
    record(database, 1)
    with running(cli, "--every", "1s", "--anchors", anchors, "--metrics", figures):
        soon(lambda: f'unbroken_anchor_size{{anchor="nas",log="{LOG}~1"}} 4' in figures.read_text())
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(anchors.read_text().replace(f'log = "{LOG}"', 'log = "another"'))
    assert cli("checkpoint", "run", "--once", "--anchors", wrong).returncode == 2


def test_what_is_missing_is_named(cli: Cli, database: Database, tmp_path: Path) -> None:
    for name, option in (("UNBROKEN_NOTARY_STATE", "--state"), ("UNBROKEN_NOTARY_KEY", "--key")):
        settings = {key: value for key, value in cli.settings.items() if key != name}
        done = Cli(cli.store, cli.state, settings)("checkpoint", "run", "--once")
        assert (done.returncode, option in done.stderr) == (2, True)
    reader = Cli(database.conninfo("verifier"), cli.state, cli.settings)
    done = reader("checkpoint", "run", "--once")
    assert (done.returncode, "duty notary" in done.stderr) == (2, True)
    inside = Cli(str(tmp_path), cli.state, cli.settings)("checkpoint", "run", "--once")
    assert (inside.returncode, "folder of the database itself" in inside.stderr) == (2, True)
    assert not (tmp_path / "notary" / "notary.json").exists()
