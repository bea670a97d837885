"""``unbroken vault``: set up, its pool filled up, its keys wrapped anew; what is missing is said beforehand."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database.raw import Connection
from tests.database.vaulting import keys_for
from tests.system.cli import Cli
from tests.system.processes import open_folder
from tests.system.test_cli_approvals import on_terminal
from tests.unit.transit_emulator import Transit, served
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.keyed import LogKey
from unbroken.privacy.vault.kek import encryptions_at, place_of
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.local_key import LocalKey, create_file, from_file
from unbroken.privacy.vault.pool import endorse
from unbroken.privacy.vault.rotation import rotate
from unbroken.store import embedded
from unbroken.store.log_reader import LogReader
from unbroken.store.vault import VaultDoor

LOG_KEY = LogKey("1", bytes(range(32)))
Entries = Callable[[], list[StoredEntry]]


@pytest.fixture(name="kek")
def _kek(tmp_path: Path) -> Path:
    path = tmp_path / "vault.keys"
    create_file(path, LocalKey("2026", b"n" * 32))
    return path


@pytest.fixture(name="log_key")
def _log_key(tmp_path: Path) -> Path:
    path = tmp_path / "log.key"
    path.write_text(LOG_KEY.to_text())
    return path


@pytest.fixture(name="dpo")
def _dpo(database: Database, tmp_path: Path, kek: Path, log_key: Path) -> Cli:
    settings = {"UNBROKEN_VAULT_KEK": f"file:{kek}", "UNBROKEN_KEY_FILE": str(log_key)}
    return as_login(database, "dpo", tmp_path, **settings)


@pytest.fixture(name="writer")
def _writer(database: Database) -> Iterator[Connection]:
    with database.connect("writer") as connection:
        yield connection


def as_login(database: Database, login: str, tmp_path: Path, **settings: str) -> Cli:
    return Cli(database.conninfo(login), tmp_path / "state", {"UNBROKEN_LOG": LOG, **settings})


def filled(dpo: Cli, free: int = 3) -> Any:
    return dpo.json("vault", "refill", "--free", free, "--yes")


def told(entries: Entries) -> list[tuple[str, dict[str, Any]]]:
    found = [(decode_event(entry.event).event_type, json.loads(entry.details or b"{}")) for entry in entries()]
    return [each for each in found if each[0].startswith("log.vault")]


# ---- setting up and filling ----


def test_the_first_time_it_asks_and_nothing_is_done_before(dpo: Cli, entries: Entries) -> None:
    assert dpo("vault", "status").returncode == 3
    dry = dpo("vault", "refill", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert "1,000" in dry.stdout
    assert "from then on keep what they mask" in dry.stdout
    refused = dpo("vault", "refill")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "say --yes" in refused.stderr
    assert told(entries) == []
    assert on_terminal(dpo, "vault", "refill", "--free", "2", answer="n")[1].rstrip().endswith("Nothing was added.")
    assert told(entries) == []
    assert on_terminal(dpo, "vault", "refill", "--free", "2", answer="y")[0] == 0
    assert told(entries) == [("log.vault_refilled", {"count": 2, "wrapped_by": "2026"})]


def test_the_pool_is_filled_up_and_then_left(dpo: Cli, entries: Entries, writer: Connection, kek: Path) -> None:
    assert filled(dpo, 3)["added"] == 3
    assert keys_for(writer, ("subject", "p-1"))[0] is not None
    again = dpo("vault", "refill", "--free", 5)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == f"Added 3 keys to {LOG}~1, wrapped by 2026: 5 free.\n"
    enough = dpo("vault", "refill", "--free", 5)
    assert (enough.returncode, enough.stdout) == (0, "The pool holds 5 free keys: nothing to add.\n")
    assert [details["count"] for _, details in told(entries)] == [3, 3]
    assert dpo.json("vault", "status", "--least", 5) == {
        "log": f"{LOG}~1",
        "exit_code": 0,
        "free": 5,
        "assigned": 1,
        "destroyed": 0,
        "wraps": "2026",
        "keks": [{"id": "2026", "free": 5, "assigned": 1, "at_hand": True}],
    }


def test_what_is_added_is_endorsed_and_opens_with_the_file(
    database: Database, dpo: Cli, writer: Connection, kek: Path
) -> None:
    filled(dpo, 1)
    (public,) = keys_for(writer, ("subject", "p-1"))
    assert public is not None
    row = database.admin.execute(
        "select k.endorsement, w.wrapped from unbroken.subject_keys k join unbroken.wrapped_keys w using (log, key_id)"
    ).fetchone()
    assert row is not None
    assert row[0] == endorse(public, log_key=LOG_KEY, log=LOG)
    assert from_file(kek).unwrap(row[1], key_id=public.id, log=LOG).public == public


def test_another_key_encryption_key_than_before_is_asked_about(dpo: Cli, tmp_path: Path) -> None:
    filled(dpo)
    other = tmp_path / "other.keys"
    create_file(other, LocalKey("typo", b"t" * 32))
    asked = dpo("vault", "refill", "--free", 9, "--kek", f"file:{other}")
    assert asked.returncode == 2
    assert "say --yes" in asked.stderr
    assert dpo.json("vault", "refill", "--free", 9, "--kek", f"file:{other}", "--yes")["wrapped_by"] == "typo"
    status = dpo("vault", "status", "--least", 0)
    assert status.returncode == 1
    assert "what is wrapped by typo can't be opened here" in status.stderr


def test_what_is_missing_is_said_and_nothing_is_added(dpo: Cli, entries: Entries, tmp_path: Path) -> None:
    def without(name: str) -> Cli:
        return Cli(dpo.store, dpo.state, {key: value for key, value in dpo.settings.items() if key != name})

    for cli, options, words in (
        (without("UNBROKEN_KEY_FILE"), (), "--key (or UNBROKEN_KEY_FILE)"),
        (without("UNBROKEN_VAULT_KEK"), (), "--kek (or UNBROKEN_VAULT_KEK)"),
        (dpo, ("--kek", f"file:{tmp_path}/none"), "can't be read"),
        (dpo, ("--kek", "vault.keys"), "file:PATH, env:VARIABLE"),
    ):
        done = cli("vault", "refill", "--yes", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    assert told(entries) == []


@pytest.mark.parametrize("login", ["writer", "compliance", "ops", "verifier", "legal"])
def test_who_may_fill_and_who_may_look(
    database: Database, dpo: Cli, entries: Entries, tmp_path: Path, login: str
) -> None:
    filled(dpo)
    cli = as_login(database, login, tmp_path, **{k: v for k, v in dpo.settings.items() if k != "UNBROKEN_LOG"})
    other = tmp_path / "other.keys"
    create_file(other, LocalKey("2027", b"7" * 32))
    moved = ("rotate", "--kek", dpo.settings["UNBROKEN_VAULT_KEK"], "--kek", f"file:{other}")
    for command in (("refill", "--free", "9"), moved):
        refused = cli("vault", *command, "--yes")
        assert refused.returncode == 2
        assert "takes a login with the duty dpo" in refused.stderr
    assert len(told(entries)) == 1
    assert cli("vault", "status").returncode == (2 if login == "writer" else 1)


def test_a_pool_that_runs_empty_says_what_that_means(dpo: Cli, writer: Connection) -> None:
    filled(dpo, 2)
    few = dpo("vault", "status")
    assert few.returncode == 1
    assert "2 free keys left" in few.stderr
    keys_for(writer, ("subject", "p-1"), ("session", "s-1"))
    empty = dpo("vault", "status", "--least", 0)
    assert empty.returncode == 0
    assert "The pool is empty" in empty.stderr
    assert "unbroken vault refill" in empty.stderr
    assert filled(dpo, 2)["free"] == 2


# ---- wrapping anew ----


def test_everything_is_wrapped_anew_after_it_was_shown(
    database: Database, dpo: Cli, entries: Entries, kek: Path, writer: Connection
) -> None:
    filled(dpo, 4)
    keys_for(writer, ("subject", "p-1"))
    before = dict(database.admin.execute("select key_id, public from unbroken.subject_keys").fetchall())
    added = dpo.json("vault", "key", kek, "--add", "--id", "2027")
    assert added == {"file": str(kek), "id": "2027", "retired": ["2026"]}
    dry = dpo("vault", "rotate", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert "to be wrapped by 2027" in dry.stdout
    assert "say --yes" in dpo("vault", "rotate").stderr
    assert len(told(entries)) == 1
    done = dpo("vault", "rotate", "--yes")
    assert done.returncode == 0
    assert f"4 keys of {LOG}~1 wrapped by 2027." in done.stdout
    assert "2026 wraps nothing here any more" in done.stdout
    assert [kind for kind, _ in told(entries)[1:]] == ["log.vault_rewrapping", "log.vault_rewrapped"]
    only = KeyEncryptions(LocalKey("2027", from_file(kek).current.secret))  # type: ignore[attr-defined]
    for key_id, wrapped in database.admin.execute("select key_id, wrapped from unbroken.wrapped_keys").fetchall():
        assert only.unwrap(wrapped, key_id=key_id, log=LOG).public.raw == before[key_id]
    again = dpo.json("vault", "rotate")
    assert (again["rewrapped"], again["to_rewrap"]) == (0, 0)


def test_without_the_old_key_nothing_is_begun(dpo: Cli, entries: Entries, tmp_path: Path) -> None:
    filled(dpo)
    new = tmp_path / "new.keys"
    create_file(new, LocalKey("2027", b"7" * 32))
    done = dpo("vault", "rotate", "--kek", f"file:{new}", "--yes")
    assert done.returncode == 2
    assert "wrapped by 2026, which is not at hand" in done.stderr
    assert len(told(entries)) == 1


def test_a_key_that_does_not_unwrap_stays_and_is_told(database: Database, dpo: Cli, kek: Path) -> None:
    filled(dpo, 3)
    database.disarm()
    database.admin.execute(
        "update unbroken.wrapped_keys set wrapped = substr(wrapped, 1, 20)"
        " where key_id = (select min(key_id) from unbroken.wrapped_keys)"
    )
    dpo("vault", "key", kek, "--add", "--id", "2027")
    done = dpo("vault", "rotate", "--yes")
    assert done.returncode == 1
    assert "2 keys" in done.stdout
    assert "stays as it was" in done.stderr
    status = dpo.json("vault", "status")
    assert {each["id"]: each["free"] for each in status["keks"]} == {"2026": 1, "2027": 2}


def test_keys_move_into_a_transit_engine_and_back(dpo: Cli, kek: Path) -> None:
    filled(dpo, 3)
    transit = Transit()
    with served(transit) as address:
        there = Cli(dpo.store, dpo.state, {**dpo.settings, "VAULT_ADDR": address, "VAULT_TOKEN": "root-token"})
        moved = there("vault", "rotate", "--kek", f"file:{kek}", "--kek", "transit:t-1=vault-keys", "--yes")
        assert (moved.returncode, "3 keys" in moved.stdout) == (0, True)
        assert there.json("vault", "refill", "--free", 5, "--kek", "transit:t-1=vault-keys")["added"] == 2
        transit.key["derived"] = False
        bad = there("vault", "refill", "--free", 9, "--kek", "transit:t-1=vault-keys")
        assert (bad.returncode, "derived=true" in bad.stderr) == (2, True)
        transit.key["derived"], transit.sealed = True, True
        sealed = there("vault", "rotate", "--kek", "transit:t-1=vault-keys", "--kek", f"file:{kek}", "--yes")
        assert sealed.returncode == 2
        assert "sealed" in sealed.stderr
        assert "0 keys of 5 wrapped anew" in sealed.stderr
        transit.sealed = False
        back = there.json("vault", "rotate", "--kek", "transit:t-1=vault-keys", "--kek", f"file:{kek}", "--yes")
        assert back["rewrapped"] == 5
    assert dpo("vault", "status", "--least", 5).returncode == 0


def test_keys_move_into_kms(database: Database, dpo: Cli, kek: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moto, boto3 = pytest.importorskip("moto"), pytest.importorskip("boto3")
    filled(dpo, 3)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws(), LogReader(database.conninfo("dpo"), LOG, writes=True) as reader:
        arn = boto3.client("kms", region_name="eu-central-1").create_key()["KeyMetadata"]["Arn"]
        places = [place_of(f"file:{kek}"), place_of(f"aws-kms:kms-1={arn}")]
        done = rotate(VaultDoor(reader), wrapping=encryptions_at(places))
    assert (done.rewrapped, done.failed) == (3, {})
    status = dpo.json("vault", "status")
    assert status["keks"] == [{"id": "kms-1", "free": 3, "assigned": 0, "at_hand": False}]


# ---- a key in a file ----


def test_a_file_is_made_once_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    alone = Cli(str(tmp_path / "none"), tmp_path / "state")
    path = tmp_path / "new.keys"
    done = alone("vault", "key", path)
    assert done.returncode == 0
    assert f"--kek file:{path}" in done.stdout
    assert path.stat().st_mode & 0o777 == 0o600
    assert from_file(path).ids[0] in done.stdout
    assert from_file(path).current.secret.hex() not in done.stdout  # type: ignore[attr-defined]
    before = path.read_bytes()
    again = alone("vault", "key", path)
    assert (again.returncode, path.read_bytes()) == (2, before)
    assert "--add" in again.stderr
    assert alone("vault", "key", tmp_path / "missing", "--add").returncode == 2
    assert alone("vault", "key").returncode == 2


# ---- in a folder ----


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Iterator[Cli]:
    with open_folder() as folder:
        cli = Cli(str(folder / "store"), tmp_path / "state")
        assert cli("init").returncode == 0
        yield cli


def test_a_folder_has_its_own_key_made_at_the_first_refill(folder: Cli) -> None:
    own = Path(folder.store) / "vault.keys"
    assert folder("vault", "status").returncode == 3
    assert folder("vault", "refill", "--dry-run").returncode == 0
    assert not own.exists()
    done = folder("vault", "refill", "--free", 5, "--yes")
    assert done.returncode == 0
    assert f"to {own}: copy it" in done.stderr
    assert "whoever loses it has lost all originals" in done.stderr
    assert own.stat().st_mode & 0o777 == 0o600
    assert folder.json("vault", "status", "--least", 5)["exit_code"] == 0
    kept = own.read_bytes()
    own.unlink()
    for command in (("refill", "--free", 9, "--yes"), ("rotate", "--yes")):
        lost = folder("vault", *command)
        assert lost.returncode == 2
        assert "bring it back" in lost.stderr
    assert not own.exists()
    own.write_bytes(kept)
    os.chmod(own, 0o600)  # noqa: PTH101
    assert folder.json("vault", "key", "--add")["retired"] == [from_file(own).ids[1]]
    assert folder.json("vault", "rotate", "--yes")["rewrapped"] == 5


def test_a_folder_of_an_earlier_release_says_how_it_gets_its_login(folder: Cli) -> None:
    with embedded.enter(folder.store) as server, psycopg.connect(server.conninfo("postgres"), autocommit=True) as admin:
        admin.execute("alter role dpo rename to another")
    for command in (
        "vault status",
        "vault refill --yes",
        "vault rotate --kek env:K",
        "original open 1 --case C-1 --kek env:K",
    ):
        done = Cli(folder.store, folder.state, {"K": LocalKey("1", b"1" * 32).to_text()})(*command.split())
        assert done.returncode == 2
        assert f"unbroken init --store {folder.store}" in done.stderr
    assert folder("init").returncode == 0
    assert folder("vault", "refill", "--free", 1, "--yes").returncode == 0
