"""The commands on a PostgreSQL given by its connection string: set-up, logins, and what verification finds."""

import json
import shlex
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.conftest import LOG, Database, Server
from tests.system.cli import Cli, conversation
from unbroken.errors import LogRewoundError
from unbroken.ledger.ledger import Ledger
from unbroken.store import administration
from unbroken.store.connection import connect

NEW = "clinic.example/new"


@pytest.fixture
def verifier(database: Database, ledger: Ledger, tmp_path: Path) -> Cli:
    """As the login that verifies, of a log with two sessions whose entries alternate."""
    for one, other in zip(conversation("call-1"), conversation("call-2"), strict=True):
        ledger.record([one, other])
    return Cli(database.conninfo("verifier"), tmp_path / "state")


@pytest.fixture
def compliance(verifier: Cli, database: Database, tmp_path: Path) -> Cli:
    """As somebody who reads the same log, and says what for."""
    return Cli(database.conninfo("compliance"), tmp_path / "state", {"UNBROKEN_PURPOSE": "complaint of 3 March"})


def _cli(database: Database, login: str, tmp_path: Path) -> Cli:
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "a test", "UNBROKEN_CASE": "C-1"}
    return Cli(database.conninfo(login), tmp_path / "state", settings)


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


def test_show_and_tail_mark_what_is_wrong_where_it_is(compliance: Cli, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set event = replace(event, 'u-17', 'u-18') where seq = 5")
    database.admin.execute("update unbroken.entries set tool = E'\\x1b[2Jbuk' where seq = 3")
    shown = compliance.json("show", "call-1")
    marked = {item["seq"]: [text.split(":")[0] for text in item["findings"]] for item in shown["items"]}
    assert marked == {1: [], 3: ["column_disagrees"], 5: ["altered_entry"], 7: []}
    done = compliance("show", "call-1")
    assert (done.returncode, done.stdout.count("FINDING: ")) == (1, 2)
    assert done.stdout.endswith("2 findings: this is not what was recorded\n")
    lines = compliance("tail", "--no-follow", "-n", 100).stdout.splitlines()
    reads = ["9", "10", "11", "12"]
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "FINDING", "4", "5", "FINDING", "6", "7", "8", *reads]
    lines = compliance("tail", "--no-follow", "-n", 100, "--json").stderr.splitlines()
    assert [line.split(":")[1] for line in lines] == [" finding at entry 3", " finding at entry 5"]


def test_tail_shows_a_gap(compliance: Cli, database: Database) -> None:
    database.disarm()
    database.admin.execute("delete from unbroken.entries where seq = 4")
    lines = compliance("tail", "--no-follow").stdout.splitlines()
    assert next(line.split()[:5] for line in lines if "FINDING" in line) == ["FINDING", "at", "entry", "4:", "missing:"]


def _cut_off_after(database: Database, seq: int) -> None:
    database.disarm()
    for table in ("entries", "payloads", "event_ids"):
        database.admin.execute(sql.SQL("delete from unbroken.{} where seq > %s").format(sql.Identifier(table)), (seq,))
    database.admin.execute(
        "update unbroken.sessions s set (entries, last_seq) ="
        " (select count(*), max(seq) from unbroken.entries e where e.session_id = s.session_id)"
    )
    database.admin.execute(
        "delete from unbroken.retention_classes c"
        " where not exists (select from unbroken.entries e where e.log = c.log and e.class = c.class)"
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
    assert (report["verdict"], report["entries"]) == ("consistent", 8 + 10 * 60 * 4)


READING = "show call-1", "tail --no-follow", "approvals list"
VERIFYING = "verify", "verify --session call-1", "verify --range 1..2", "verify --forget --yes"


@pytest.mark.parametrize(
    ("login", "commands", "duties"),
    [
        ("ops", READING, "compliance, legal or dpo"),
        ("writer", (*READING, "sessions"), "compliance, legal"),
        ("subjects", READING, "compliance, legal or dpo"),
        ("retention", READING, "compliance, legal or dpo"),
        ("access", (*READING, "sessions"), "compliance, legal"),
        ("ops", VERIFYING[:3], "verifier"),
        ("writer", VERIFYING, "verifier"),
        ("compliance", VERIFYING[:3], "verifier"),
        ("writer", ("status", "login list"), "verifier, ops, compliance"),
        ("dpo", ("login list",), "verifier, ops, compliance or access"),
    ],
)
def test_a_login_that_may_not_is_told_which_one_may(
    login: str, commands: tuple[str, ...], duties: str, verifier: Cli, database: Database, tmp_path: Path
) -> None:
    for command, done in _cli(database, login, tmp_path).all(commands).items():
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), command
        assert f" takes a login with the duty {duties}" in done.stderr, command
        assert "`unbroken login add` and `unbroken grant`" in done.stderr, command
        assert done.stderr.count("duty") <= 2, "said once, and of this login that its duty is another one"
        for word in ("permission", "table", "unbroken.", "ticket: "):
            assert word not in done.stderr, "nothing of the inside"


@pytest.mark.parametrize("login", ["compliance", "legal", "dpo", "verifier"])
def test_whoever_reads_may_use_every_reading_command(
    login: str, verifier: Cli, database: Database, tmp_path: Path
) -> None:
    for command, done in _cli(database, login, tmp_path).all([*READING, "sessions"]).items():
        assert (done.returncode, done.stderr) == (0, ""), command


@pytest.mark.parametrize("login", ["ops", "compliance", "legal", "dpo", "retention", "access", "verifier"])
def test_everybody_but_recorders_may_ask_how_a_log_is_doing(
    login: str, verifier: Cli, database: Database, tmp_path: Path
) -> None:
    cli = _cli(database, login, tmp_path)
    told = cli("status")
    assert (told.returncode, told.stderr) == (3, "")
    (log,) = cli.json("status")["logs"]
    assert log["head"].startswith("8:"), "asking adds nothing"
    if login in ("legal", "dpo", "retention"):
        assert "writers     (this login's duty does not show them)" in told.stdout
        assert log["writers"] is None
    else:
        assert [writer["login"] for writer in log["writers"]] == ["server", "writer"]


def test_operations_list_sessions_and_no_people(verifier: Cli, database: Database, tmp_path: Path) -> None:
    ops = _cli(database, "ops", tmp_path)
    (newest, oldest) = ops.json("sessions")["sessions"]
    assert [(each["session_id"], each["entries"], each["agent_id"]) for each in (newest, oldest)] == [
        ("call-2", 4, "desk"),
        ("call-1", 4, "desk"),
    ]
    assert newest["actor_id"] is None
    assert "u-17" not in ops("sessions").stdout
    full = _cli(database, "compliance", tmp_path).json("sessions")["sessions"]
    assert [dict(each, actor_id=None) for each in full] == [newest, oldest]
    assert [each["actor_id"] for each in full] == ["u-17", "u-17"]


def test_no_password_is_kept_or_shown(verifier: Cli) -> None:
    with_password = Cli(f"{verifier.store} password=hush-hush", verifier.state)
    assert with_password("verify").returncode == 3
    assert "hush" not in verifier.heads_file.read_text()
    assert "verifier" not in verifier.heads_file.read_text()
    assert verifier("status").returncode == 0, "the same database, whatever the login"
    assert "hush" not in json.dumps(with_password.json("status"))


@pytest.fixture
def admin(database: Database, tmp_path: Path) -> Cli:
    """Whoever installs, and a log that has no access administrators yet."""
    administration.create_log(database.admin, NEW)
    return Cli(database.conninfo("postgres"), tmp_path / "state", {"UNBROKEN_LOG": NEW})


@pytest.fixture
def name(database: Database) -> Iterator[str]:
    """The name of a login that is gone after the test."""
    made = f"login-{uuid.uuid4().hex[:8]}"
    yield made
    database.admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(made)))


@pytest.mark.parametrize("role", ["writer", "verifier", "compliance"])
def test_a_login_is_added_for_one_duty(role: str, name: str, admin: Cli, database: Database) -> None:
    added = admin("login", "add", name, "--role", role, "--generate-password")
    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout.startswith(f"Added the login {name}; it may ")
    password = _password_in(added.stdout)
    assert len(password) >= 32
    _assert_password_works(database, name, password)
    again = admin("login", "add", name, "--role", role, "--password-stdin", given="another\n")
    assert "There was already the login" in again.stdout
    assert "password was left as it is" in again.stdout
    _assert_password_works(database, name, password)
    assert [name, role] in [line.split()[:2] for line in admin("login", "list").stdout.splitlines()]
    assert [login for login, duty in _granted(database) if (login, duty) == (name, role)] == [name], "once, not twice"


def test_a_login_that_is_gone_is_still_listed(name: str, admin: Cli, database: Database) -> None:
    admin("login", "add", name, "--role", "writer")
    assert "no such login any more" not in admin("login", "list").stdout
    database.admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
    assert "no such login any more" in admin("login", "list").stdout


@pytest.mark.parametrize("role", administration.DUTIES)
def test_until_there_are_access_administrators_a_login_is_granted_its_duty(
    role: str, name: str, admin: Cli, database: Database
) -> None:
    added = admin("login", "add", name, "--role", role)
    assert (added.returncode, added.stderr, added.stdout.count("\n")) == (0, "", 1)
    assert added.stdout.endswith(f" {NEW}.\n")
    assert _granted(database) == [(name, role)]


@pytest.mark.parametrize("role", administration.DUTIES)
def test_afterwards_it_is_told_how_to_have_it_granted(role: str, name: str, database: Database, tmp_path: Path) -> None:
    admin = _cli(database, "postgres", tmp_path)  # of a log with two access administrators
    before = _granted(database, LOG)
    added = admin("login", "add", name, "--role", role, "--generate-password")
    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout.splitlines()[:3] == [
        f"Added the login {name}.",
        f"It may do nothing yet: {LOG} has access administrators, who grant it with",
        f"  unbroken grant {name} {role} --log {LOG}",
    ]
    _assert_password_works(database, name, _password_in(added.stdout))
    assert _granted(database, LOG) == before


def _password_in(told: str) -> str:
    return next(line for line in told.splitlines() if line.startswith("Its password")).partition(": ")[2]


def _granted(database: Database, log: str = NEW) -> list[tuple[str, str]]:
    """Who holds what for a log, those first who were granted it first."""
    statement = "select login, duty from unbroken.grants join unbroken.logs using (log) where origin = %s"
    return [(row[0], row[1]) for row in database.admin.execute(f"{statement} order by granted_at, login", (log,))]


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


def test_a_password_comes_from_standard_input(name: str, admin: Cli, database: Database) -> None:
    none = admin("login", "add", name, "--role", "ops", "--password-stdin")
    assert (none.returncode, "no password" in none.stderr) == (2, True)
    added = admin("login", "add", name, "--role", "ops", "--password-stdin", given="söcret\n")
    assert (added.returncode, "söcret" in added.stdout) == (0, False)
    _assert_password_works(database, name, "söcret")


@pytest.mark.parametrize("role", administration.DUTIES)
def test_every_login_needs_a_log(role: str, database: Database, tmp_path: Path) -> None:
    admin = Cli(database.conninfo("postgres"), tmp_path)
    done = admin("login", "add", "somebody", "--role", role)
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
    for role in ("owner", *administration.DUTIES):
        server.execute("grant {} to {} with admin option", f"unbroken_{role}", name)
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


def test_what_init_says_comes_next_works_in_this_order(installer: str, tmp_path: Path) -> None:
    cli, suffix = Cli(installer, tmp_path / "state"), uuid.uuid4().hex[:8]
    steps = [
        shlex.split(line) for line in cli("init", "--log", LOG).stdout.splitlines() if "unbroken login add" in line
    ]
    made = {f"{words[3]}_{suffix}": words[words.index("--role") + 1] for words in steps}
    assert list(made.values()) == ["writer", "verifier", "compliance", "access", "access"]
    try:
        told = [cli("login", "add", name, "--role", duty, "--log", LOG) for name, duty in made.items()]
        assert [(done.returncode, done.stderr) for done in told] == [(0, "")] * 5
        assert all("; it may " in done.stdout for done in told[:4])
        request = told[4].stdout.partition("has to confirm it: unbroken access confirm ")[2].strip()
        _recorder, verifier, auditor, anna, _bert = made
        with connect(_as(installer, anna)) as connection:
            administration.confirm(connection, LOG, request)
        assert Cli(_as(installer, verifier), tmp_path)("verify").stdout.startswith(
            f"consistent to 6, end unproven  {LOG}~1"
        )
        read = Cli(_as(installer, auditor), tmp_path)("tail", "--no-follow", "--purpose", "first look")
        assert [line.split()[3] for line in read.stdout.splitlines()] == [
            *["access_granted"] * 4,
            "log.access_requested",
            "access_granted",
        ]
        late = cli("login", "add", f"late_{suffix}", "--role", "ops", "--log", LOG)
        assert f"unbroken grant late_{suffix} ops" in late.stdout, "from then on they alone grant"
    finally:
        with psycopg.connect(installer, autocommit=True) as connection_to_drop:
            for name in (*made, f"late_{suffix}"):
                connection_to_drop.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


def _as(conninfo: str, login: str) -> str:
    return make_conninfo(conninfo, user=login)


def test_a_database_without_a_schema_says_what_to_do(server: Server, tmp_path: Path) -> None:
    for command in ("verify", "status", "sessions"):
        done = Cli(server.conninfo("postgres", "postgres"), tmp_path, {"UNBROKEN_PURPOSE": "a look"})(command)
        assert (done.returncode, "run `unbroken init`" in done.stderr) == (2, True)
