"""The commands on a PostgreSQL given by its connection string: set-up, logins, and what verification finds."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, Server
from tests.system.cli import Cli, conversation
from unbroken.errors import LogRewoundError
from unbroken.ledger.ledger import Ledger


@pytest.fixture
def verifier(database: Database, ledger: Ledger, tmp_path: Path) -> Cli:
    """As the login that verifies, of a log with two sessions whose entries alternate."""
    for one, other in zip(conversation("call-1"), conversation("call-2"), strict=True):
        ledger.record([one, other])
    return Cli(database.conninfo("verifier"), tmp_path / "state")


def _cli(database: Database, login: str, tmp_path: Path) -> Cli:
    return Cli(database.conninfo(login), tmp_path / "state", {"UNBROKEN_LOG": LOG})


def test_an_altered_payload_is_found_and_named(verifier: Cli, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.payloads set outputs = '\"boooked\"' where seq = 7")
    done = verifier("verify")
    assert done.returncode == 1
    lines = [line.strip() for line in done.stdout.splitlines()]
    place = lines.index("altered_payload at entry 7")
    assert [line.split()[0] for line in lines[place + 1 :]] == ["log", "seq", "session", "part", "expected", "found"]
    assert lines[place + 3 : place + 5] == ["session   call-1", "part      outputs"]
    (finding,) = verifier.json("verify")["findings"]
    assert (finding["kind"], finding["log"], finding["seq"], finding["session"], finding["part"]) == (
        "altered_payload",
        f"{LOG}~1",
        7,
        "call-1",
        "outputs",
    )
    assert verifier("verify", "--session", "call-2").returncode == 3
    assert verifier("verify", "--range", "1..6").returncode == 3
    assert verifier("status").returncode == 1


def test_show_and_tail_mark_what_is_wrong_where_it_is(verifier: Cli, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set event = replace(event, 'u-17', 'u-18') where seq = 5")
    database.admin.execute("update unbroken.entries set tool = E'\\x1b[2Jbuk' where seq = 3")
    shown = verifier.json("show", "call-1")
    marked = {item["seq"]: [text.split(":")[0] for text in item["findings"]] for item in shown["items"]}
    assert marked == {1: [], 3: ["column_disagrees"], 5: ["altered_entry"], 7: []}
    done = verifier("show", "call-1")
    assert (done.returncode, done.stdout.count("FINDING: ")) == (1, 2)
    assert done.stdout.endswith("2 findings: this is not what was recorded\n")
    lines = verifier("tail", "--no-follow").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "FINDING", "4", "5", "FINDING", "6", "7", "8"]
    lines = verifier("tail", "--no-follow", "--json").stderr.splitlines()
    assert [line.split(":")[1] for line in lines] == [" finding at entry 3", " finding at entry 5"]


def test_tail_shows_a_gap(verifier: Cli, database: Database) -> None:
    database.disarm()
    database.admin.execute("delete from unbroken.entries where seq = 4")
    lines = verifier("tail", "--no-follow").stdout.splitlines()
    assert next(line.split()[:5] for line in lines if "FINDING" in line) == ["FINDING", "at", "entry", "4:", "missing:"]


def _cut_off_after(database: Database, seq: int) -> None:
    database.disarm()
    for table in ("entries", "payloads", "event_ids"):
        database.admin.execute(sql.SQL("delete from unbroken.{} where seq > %s").format(sql.Identifier(table)), (seq,))
    database.admin.execute(
        "update unbroken.sessions s set (entries, last_seq) ="
        " (select count(*), max(seq) from unbroken.entries e where e.session_id = s.session_id)"
    )


def test_a_cut_off_end_is_known_by_the_head_that_was_kept(verifier: Cli, database: Database) -> None:
    head = verifier.json("verify")["head"]
    assert verifier.json("verify")["kept_head"] == head
    _cut_off_after(database, 6)
    lost = verifier("status")
    assert (lost.returncode, "is not the log's any more" in lost.stdout) == (1, True)
    for _ in range(2):
        done = verifier("verify")
        assert (done.returncode, "truncated at entry 7" in done.stdout) == (1, True)
        assert "`unbroken verify --forget`" in done.stdout
    assert verifier("verify", "--forget", "--yes").returncode == 0
    assert verifier("verify").returncode == 3
    assert verifier("verify", "--expect", head).returncode == 1


def test_a_rewritten_end_is_known_by_the_head_that_was_kept(verifier: Cli, database: Database, ledger: Ledger) -> None:
    verifier("verify")
    _cut_off_after(database, 6)
    with pytest.raises(LogRewoundError):  # but the events are recorded
        ledger.record(conversation("call-3")[:2])
    assert verifier("status").returncode == 1
    assert "forked at entry 8" in verifier("verify").stdout


def test_several_processes_verify_a_log(verifier: Cli, ledger: Ledger) -> None:
    for number in range(10):
        ledger.record([event for turn in range(60) for event in conversation(f"s-{number}-{turn}")])
    report = verifier.json("verify", "--workers", 2)
    assert (report["verdict"], report["entries"]) == ("consistent", 2408)


def test_a_login_that_may_not_is_told_which_one_may(verifier: Cli, database: Database, tmp_path: Path) -> None:
    ops = _cli(database, "ops", tmp_path)
    for command in ("verify", "show call-1", "tail --no-follow", "verify --session call-1", "verify --range 1..2"):
        done = ops(*command.split())
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "needs a login with the role verifier" in done.stderr
    assert ops("sessions").returncode == 0
    assert ops("status").returncode == 3
    writer = _cli(database, "writer", tmp_path)
    assert (writer("verify").returncode, writer("status").returncode) == (2, 2)


def test_no_password_is_kept_or_shown(verifier: Cli) -> None:
    with_password = Cli(f"{verifier.store} password=hush-hush", verifier.state)
    assert with_password("verify").returncode == 3
    assert "hush" not in verifier.heads_file.read_text()
    assert "verifier" not in verifier.heads_file.read_text()
    assert verifier("status").returncode == 0, "the same database, whatever the login"
    assert "hush" not in json.dumps(with_password.json("status"))


@pytest.mark.parametrize("role", ["writer", "verifier", "ops"])
def test_a_login_is_added_for_one_duty(role: str, database: Database, tmp_path: Path) -> None:
    admin = _cli(database, "postgres", tmp_path)
    name = f"login-{uuid.uuid4().hex[:8]}"
    try:
        added = admin("login", "add", name, "--role", role, "--generate-password")
        assert (added.returncode, added.stderr) == (0, "")
        password = added.stdout.splitlines()[1].partition(": ")[2]
        assert len(password) >= 32
        _assert_password_works(database, name, password)
        again = admin("login", "add", name, "--role", role, "--password-stdin", given="another\n")
        assert "There was already the login" in again.stdout
        assert "password was left as it is" in again.stdout
        _assert_password_works(database, name, password)
        assert (role == "writer") == (name in admin("login", "list").stdout)
        database.connect(name).close()
    finally:
        database.admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
    if role == "writer":
        assert "no such login any more" in admin("login", "list").stdout


def _assert_password_works(database: Database, name: str, password: str) -> None:
    """Every login of the test servers is trusted, so that what is stored is compared instead."""
    row = database.admin.execute("select rolpassword from pg_authid where rolname = %s", (name,)).fetchone()
    assert row is not None
    kind, rest = row[0].split("$", 1)
    iterations, salt = rest.split("$")[0].split(":")
    assert (kind, _scram(password, salt=salt, iterations=int(iterations))) == ("SCRAM-SHA-256", rest.split("$")[1])


def _scram(password: str, *, salt: str, iterations: int) -> str:
    """Stored and server key as RFC 5803 writes them."""
    import base64
    import hashlib
    import hmac

    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    keys = (hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256"))
    return ":".join(base64.b64encode(key).decode() for key in keys)


def test_a_password_comes_from_standard_input(database: Database, tmp_path: Path) -> None:
    admin = _cli(database, "postgres", tmp_path)
    name = f"login-{uuid.uuid4().hex[:8]}"
    none = admin("login", "add", name, "--role", "ops", "--password-stdin")
    assert (none.returncode, "no password" in none.stderr) == (2, True)
    added = admin("login", "add", name, "--role", "ops", "--password-stdin", given="söcret\n")
    try:
        assert (added.returncode, "söcret" in added.stdout) == (0, False)
        _assert_password_works(database, name, "söcret")
    finally:
        database.admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_writer_needs_a_log(database: Database, tmp_path: Path) -> None:
    admin = Cli(database.conninfo("postgres"), tmp_path)
    done = admin("login", "add", "somebody", "--role", "writer")
    assert (done.returncode, "--log" in done.stderr) == (2, True)
    assert database.admin.execute("select from pg_roles where rolname = 'somebody'").fetchone() is None


@pytest.fixture
def installer(server: Server) -> Iterator[str]:
    """The connection string of a login with CREATEROLE, no superuser, for an empty database in which it may create.

    The roles are there already, as they belong to the cluster; from PostgreSQL 16 on, who made them decides about them.
    """
    name = f"inst_{uuid.uuid4().hex[:12]}"
    server.execute("create role {} login createrole", name)
    server.execute("create database {}", name)
    server.execute("grant create on database {} to {}", name, name)
    for role in ("unbroken_owner", "unbroken_writer", "unbroken_verifier", "unbroken_ops"):
        server.execute("grant {} to {} with admin option", role, name)
    yield server.conninfo(name, name)
    server.execute("drop database {} with (force)", name)
    server.execute("drop owned by {} cascade", name)
    server.execute("drop role {}", name)


def test_init_needs_no_superuser(installer: str, tmp_path: Path) -> None:
    cli = Cli(installer, tmp_path / "state")
    unnamed = cli("init")
    assert (unnamed.returncode, "--log" in unnamed.stderr) == (2, True)
    key = tmp_path / "log.key"
    done = cli("init", "--log", LOG, "--key-file", key)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Installed unbroken's schema in postgresql://")
    assert "the guards that refuse ALTER and DROP in the schema were left out" in done.stdout
    assert f"Wrote a new log key, 1, to {key}." in done.stdout
    assert key.stat().st_mode & 0o777 == 0o600
    secret = key.read_text()
    again = cli("init", "--log", LOG, "--key-file", key)
    assert again.stdout.startswith("The schema in postgresql://")
    assert "holds a key already" in again.stdout
    assert key.read_text() == secret
    name = f"login-{uuid.uuid4().hex[:8]}"
    added = cli("login", "add", name, "--role", "verifier")
    assert (added.returncode, added.stderr) == (0, "")
    verifier = Cli(
        installer.replace(f"user={psycopg.conninfo.conninfo_to_dict(installer)['user']}", f"user={name}"), tmp_path
    )
    assert verifier("verify").stdout.startswith(f"consistent to 0, end unproven  {LOG}~1")
    with psycopg.connect(installer, autocommit=True) as connection:
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_database_without_a_schema_says_what_to_do(server: Server, tmp_path: Path) -> None:
    for command in ("verify", "status", "sessions"):
        done = Cli(server.conninfo("postgres", "postgres"), tmp_path)(command)
        assert (done.returncode, "run `unbroken init`" in done.stderr) == (2, True)
