"""Reading is on record: before the first row who and what for, after the last how much and how it ended."""

import hashlib
import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database, add_log, add_login
from tests.database.standby import Pair, primary_and_standby
from tests.faults.installation import Installation
from tests.faults.waiting import eventually
from tests.system.cli import UNBROKEN, Cli, conversation, read_until
from unbroken.cli import tail as tail_command
from unbroken.cli.reading import open_read
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.errors import UnbrokenError
from unbroken.ledger.ledger import Ledger
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader

PURPOSE = "complaint of 3 March"
Entries = Callable[[], list[StoredEntry]]


@pytest.fixture
def cli(database: Database, ledger: Ledger, tmp_path: Path) -> Cli:
    """Somebody who reads a log of two sessions whose entries alternate: odd numbers are the first one's."""
    for one, other in zip(conversation("call-1"), conversation("call-2"), strict=True):
        ledger.record([one, other])
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": PURPOSE}
    return Cli(database.conninfo("compliance"), tmp_path / "state", settings)


def as_login(cli: Cli, database: Database, login: str, **settings: str) -> Cli:
    return Cli(database.conninfo(login), cli.state, {"UNBROKEN_LOG": LOG, **settings})


def told(entries: list[StoredEntry]) -> list[tuple[str, dict[str, Any]]]:
    """What the log's own entries tell: the type and the details of each."""
    return [
        (event.event_type, json.loads(entry.details))
        for entry in entries
        if (event := decode_event(entry.event)).recorder is None and entry.details is not None
    ]


def outcomes(entries: list[StoredEntry]) -> list[str]:
    return [details["outcome"] for kind, details in told(entries) if kind == "log.read_completed"]


# ---- a read is two entries ----


@pytest.mark.parametrize(
    ("command", "shown", "scope"),
    [
        ("show call-1", [1, 3, 5, 7], {"what": "show", "session": "call-1"}),
        ("show call-2 --json", [2, 4, 6, 8], {"what": "show", "session": "call-2"}),
        ("tail --no-follow -n 3", [6, 7, 8], {"what": "tail --no-follow", "limit": "3"}),
        ("tail --no-follow -n 9 --json", range(1, 9), {"what": "tail --no-follow", "limit": "9"}),
        ("tail --no-follow -n 0", [], {"what": "tail --no-follow", "limit": "0"}),
        ("show nothing", [], {"what": "show", "session": "nothing"}),
    ],
)
def test_a_read_is_two_entries_with_count_and_digest(
    command: str, shown: list[int], scope: dict[str, str], cli: Cli, entries: Entries
) -> None:
    cli(*command.split())
    found = entries()
    opened, completed = found[8:10]
    (kind, read), (kind_after, end) = told([opened, completed])
    assert (kind, kind_after) == ("log.read", "log.read_completed")
    assert decode_event(opened.event).actor_id == "compliance"
    assert {key: read[key] for key in ("duty", "purpose", "scope")} == {
        "duty": "compliance",
        "purpose": PURPOSE,
        "scope": scope,
    }
    digest = hashlib.sha256(b"".join(found[seq - 1].hash for seq in shown)).hexdigest()
    assert end == {"ticket": read["ticket"], "outcome": "complete", "count": len(shown), "digest": digest}


@pytest.mark.parametrize(
    ("command", "shown"),
    [("sessions", [2, 8, 1, 7]), ("sessions --limit 1", [2, 8]), ("approvals list", [])],
)
def test_a_list_is_a_read_of_the_entries_that_it_is_made_of(
    command: str, shown: list[int], cli: Cli, entries: Entries
) -> None:
    assert cli(*command.split()).returncode == 0
    found = entries()
    (kind, read), (kind_after, end) = told(found[8:])
    assert (kind, kind_after) == ("log.read", "log.read_completed")
    assert read["scope"]["what"] == command.partition(" --")[0]
    digest = hashlib.sha256(b"".join(found[seq - 1].hash for seq in shown)).hexdigest()
    assert (end["outcome"], end["count"], end["digest"]) == ("complete", len(shown), digest)


def test_operations_are_shown_rows_and_no_entries(cli: Cli, database: Database, entries: Entries) -> None:
    assert as_login(cli, database, "ops", UNBROKEN_PURPOSE=PURPOSE)("sessions").returncode == 0
    (_, end) = told(entries())[-1]
    assert (end["outcome"], end["count"], end["digest"]) == ("complete", 2, hashlib.sha256().hexdigest())


@pytest.mark.parametrize(
    "command", ["verify", "verify --session call-1", "verify --range 1..4", "status", "login list"]
)
def test_what_shows_nobody_anything_adds_nothing(command: str, cli: Cli, database: Database, entries: Entries) -> None:
    assert as_login(cli, database, "verifier")(*command.split()).stderr == ""
    assert len(entries()) == 8


def test_the_beginning_of_an_id_takes_a_second_read(cli: Cli, ledger: Ledger, entries: Entries) -> None:
    ledger.record(conversation("visit-9"))
    assert "session visit-9 " in cli("show", "vis").stdout
    (_, one), (_, end_of_one), (_, other), (_, end_of_other) = told(entries()[12:])
    assert one["scope"] == {"what": "show", "session": "vis"}
    assert other["scope"] == {"what": "show: sessions that begin with vis"}
    assert [end_of_one["count"], end_of_other["count"]] == [0, 4]


def test_the_read_of_one_session_opens_no_other(cli: Cli, database: Database) -> None:
    scope = {"what": "show", "session": "call-1"}
    with open_read(cli.store, LOG, scope=scope, purpose=PURPOSE) as reading:
        assert [entry.seq for lot in reading.reader.entries() for entry in lot] == [1, 3, 5, 7]
        assert list(reading.reader.entries(session="call-2")) == []
        assert [entry.seq for entry in reading.reader.entries_at([1, 2, 3])] == [1, 3]
        assert reading.reader.sessions_beginning("call", limit=9) == ["call-1"]
        with database.connect("compliance") as connection:
            seen = "select array_agg(distinct seq order by seq) from unbroken.payloads"
            assert connection.execute(seen).fetchone() == ([1, 3, 5, 7],), "over any connection of this login"
        assert cli("show", "call-2").returncode == 0, "which is a read of its own"
        assert list(reading.reader.entries(session="call-2")) == [], "and opens nothing to this one"


# ---- following ----


def test_a_tail_is_one_read_and_never_shows_itself(cli: Cli, ledger: Ledger, entries: Entries) -> None:
    tail = cli.start("tail", "-n", "1")
    printed = read_until(tail, "call-2\n")
    ledger.record(conversation("call-3"))
    printed += read_until(tail, "response ")
    cli("sessions", "--purpose", "another look")
    printed += read_until(tail, "complete, 6 shown\n")
    tail.send_signal(signal.SIGINT)
    printed += tail.communicate(timeout=60)[0]
    assert tail.returncode == 0
    numbers = [int(line.split()[0]) for line in printed.splitlines()]
    assert numbers == [8, 10, 11, 12, 13, 14, 15], "but for 9, itself"
    assert "log.read              compliance  sessions, compliance: another look" in printed
    found = entries()
    assert [kind for kind, _ in told(found)] == ["log.read"] * 2 + ["log.read_completed"] * 2
    _, end = told(found)[-1]
    digest = hashlib.sha256(b"".join(found[seq - 1].hash for seq in numbers)).hexdigest()
    assert (end["outcome"], end["count"], end["digest"]) == ("complete", len(numbers), digest)


@pytest.mark.parametrize(
    ("told_by", "code", "outcome"),
    [(signal.SIGINT, 0, "complete"), (signal.SIGTERM, 143, "complete"), (signal.SIGHUP, 129, "interrupted")],
)
def test_a_tail_that_is_told_to_end_says_that_it_has(
    told_by: signal.Signals, code: int, outcome: str, cli: Cli, entries: Entries
) -> None:
    tail = cli.start("tail")
    read_until(tail, "call-2\n")
    tail.send_signal(told_by)
    _, complaints = tail.communicate(timeout=60)
    assert (tail.returncode, complaints) == (code, "")
    assert outcomes(entries()) == [outcome]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_tail_that_nobody_reads_ends(form: tuple[str, ...], cli: Cli, entries: Entries) -> None:
    tail = cli.start("tail", *form)
    read_until(tail, "call-2")
    assert tail.stdout is not None
    tail.stdout.close()
    assert tail.wait(60) == 141
    assert tail.stderr is not None
    assert tail.stderr.read() == "", "and nothing had to be recorded for it to notice"
    tail.stderr.close()
    assert outcomes(entries()) == ["interrupted"]


def test_a_tail_whose_time_is_up_says_so(
    cli: Cli, entries: Entries, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tail_command, "LONGEST", timedelta(seconds=2))
    with pytest.raises(UnbrokenError, match="has lasted 2 s, and no longer was it opened for: begin another"):
        tail_command.tail(number=1, follow=True, purpose=PURPOSE, case=None, json=False, store=cli.store, log=LOG)
    assert capsys.readouterr().out.count("\n") == 1
    assert outcomes(entries()) == ["interrupted"]


def test_a_tail_ends_when_its_grant_does(cli: Cli, database: Database) -> None:
    tail = cli.start("tail")
    read_until(tail, "call-2\n")
    with connect(database.conninfo("access")) as connection:
        administration.revoke(connection, LOG, "compliance", duty="compliance", reason="left")
    _, complaints = tail.communicate(timeout=60)
    assert tail.returncode == 2
    unrecorded, why = complaints.splitlines()
    assert "this read was ended: the login may not read this log any more" in why
    assert "stands as not completed" in unrecorded


# ---- however it ends ----


def test_an_interrupt_in_the_middle_of_an_answer_is_told_over_another_connection(cli: Cli, entries: Entries) -> None:
    def interrupted() -> None:
        with open_read(cli.store, LOG, scope={"what": "x"}, purpose=PURPOSE) as reading:
            reading.shown(next(reading.reader.entries())[0])
            reading.reader.close()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (_, end) = told(entries())[-1]
    assert (end["outcome"], end["count"]) == ("interrupted", 1)


def test_a_read_that_fails_says_so(cli: Cli, entries: Entries) -> None:
    with pytest.raises(ZeroDivisionError), open_read(cli.store, LOG, scope={"what": "x"}, purpose=PURPOSE):
        _ = 1 // 0
    assert outcomes(entries()) == ["failed"]


def test_a_server_that_is_gone_leaves_the_read_open_and_that_is_told(cli: Cli, database: Database) -> None:
    tail = cli.start("tail")
    read_until(tail, "call-2\n")
    database.server.execute("alter database {} allow_connections false", database.name)
    try:
        ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = %s and datname = %s"
        assert database.admin.execute(ended, ("compliance", database.name)).fetchone() == (1,)
        _, complaints = tail.communicate(timeout=60)
    finally:
        database.server.execute("alter database {} allow_connections true", database.name)
    assert tail.returncode == 2
    assert "that this read has ended could not be recorded, so it stands as not completed" in complaints


# ---- whoever may not ----


OTHER = "clinic.example/other"


@pytest.fixture
def other(database: Database) -> LogReader:
    """The verifier of a log that nobody but its writer and verifier is granted."""
    add_log(database.admin, OTHER)
    return LogReader(database.conninfo("verifier"), OTHER)


@pytest.mark.parametrize("command", ["show call-1", "tail --no-follow", "sessions", "approvals list"])
def test_a_read_of_a_log_that_was_not_granted_is_recorded_in_it_by_and_by(
    command: str, cli: Cli, other: LogReader
) -> None:
    done = cli(*command.split(), "--log", OTHER)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no such log, or this login may not read it; that it tried is noted" in done.stderr
    assert "takes a login with the duty compliance, legal" in done.stderr
    nowhere = cli(*command.split(), "--log", "clinic.example/nowhere")
    assert (nowhere.returncode, nowhere.stderr) == (2, done.stderr), "whether it is there is not told"
    with other:
        assert list(other.entries()) == [], "a stranger does not get to write"
        other.open_ticket(purpose="whatever it is", scope={"what": "x"})
        (kind, details), (kind_after, _) = told([entry for lot in other.entries() for entry in lot])
    assert (kind, kind_after) == ("log.read_denied", "log.read"), "but to be told of to the next who may"
    assert details == {"login": "compliance", "duty": "compliance", "refused": "no grant", "attempts": 1}


@pytest.mark.parametrize(
    ("login", "options", "refused", "said"),
    [
        ("compliance", ["--purpose", " "], "no purpose", "say what this read is for"),
        ("compliance", ["--purpose", "x" * 2001], "bad length", "a purpose is up to 2000 bytes"),
        ("legal", ["--purpose", PURPOSE], "no case", "this duty reads for a case only"),
        ("dpo", ["--purpose", PURPOSE], "no case", "this duty reads for a case only"),
    ],
)
def test_a_denied_read_is_recorded_and_told(
    login: str, options: list[str], refused: str, said: str, cli: Cli, database: Database, entries: Entries
) -> None:
    done = as_login(cli, database, login)("tail", "--no-follow", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n"), said in done.stderr) == (2, "", 1, True)
    assert told(entries()) == [("log.read_denied", {"login": login, "duty": login, "refused": refused, "attempts": 1})]


def test_rows_that_a_duty_does_not_open_end_its_read_as_refused(cli: Cli, database: Database, entries: Entries) -> None:
    done = as_login(cli, database, "ops", UNBROKEN_PURPOSE=PURPOSE)("show", "call-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the duty ops does not open this; that it was tried is recorded" in done.stderr
    (_, read), (_, end) = told(entries())
    assert (read["duty"], end["outcome"], end["count"]) == ("ops", "refused", 0)


def test_a_case_is_recorded(cli: Cli, database: Database, entries: Entries) -> None:
    legal = as_login(cli, database, "legal", UNBROKEN_PURPOSE=PURPOSE, UNBROKEN_CASE="C-12")
    assert legal("show", "call-1").returncode == 0
    (_, read), _ = told(entries())
    assert (read["duty"], read["case"]) == ("legal", "C-12")


# ---- what for ----


def at_a_terminal(cli: Cli, *arguments: str, typed: str) -> tuple[int, str, str]:
    """The command where somebody sits who types; its code, its output in a file, and what the terminal shows."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed.encode())
        done = subprocess.run(
            [UNBROKEN, *arguments],
            env=cli.environment,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            timeout=60,
            check=False,
        )
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout, shown


@pytest.fixture
def silent(cli: Cli, database: Database) -> Cli:
    """The same without a purpose."""
    return as_login(cli, database, "compliance", CI="")


@pytest.mark.parametrize("command", ["show call-1", "tail --no-follow", "sessions --json", "approvals list"])
def test_at_a_terminal_the_purpose_is_asked_for(command: str, silent: Cli, entries: Entries) -> None:
    code, out, shown = at_a_terminal(silent, *command.split(), typed="\nwho booked it?\n")
    assert code == 0
    assert shown.count("What is this read for? It is recorded") == 2, "asked again where nothing was said"
    assert "recorded: " not in out, "the question goes where it disturbs no output"
    (_, read), _ = told(entries())
    assert read["purpose"] == "who booked it?"


@pytest.mark.parametrize("command", ["show call-1", "tail --no-follow", "tail", "sessions --json", "approvals list"])
def test_elsewhere_a_purpose_is_required(command: str, silent: Cli, entries: Entries) -> None:
    done = silent(*command.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--purpose (or UNBROKEN_PURPOSE)" in done.stderr
    assert len(entries()) == 8


# ---- a standby ----


@pytest.fixture(scope="module", params=["embedded", pytest.param("debian15", marks=pytest.mark.long)])
def pair(request: pytest.FixtureRequest, _installations: Callable[[str], Installation]) -> Iterator[Pair]:
    with primary_and_standby(_installations(request.param)) as made:
        with made.primary.admin() as admin:
            add_login(admin, "reader", duty="compliance")
        with made.standby.admin() as standby:
            there = "select count(*) = 1 from unbroken.grants where login = 'reader'"
            eventually(lambda: standby.execute(there).fetchone() == (True,), "the standby followed")
        yield made


def test_a_standby_says_why_it_is_not_read_from(pair: Pair, tmp_path: Path) -> None:
    alone = Cli(pair.standby.conninfo("reader"), tmp_path, {"UNBROKEN_PURPOSE": PURPOSE})
    for command in ("tail --no-follow", "sessions", "show x", "approvals list"):
        done = alone(*command.split())
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert "every read is recorded, so it takes the server that records" in done.stderr
    asked_for = Cli(f"{alone.store} target_session_attrs=standby", tmp_path, alone.settings)("sessions")
    assert (asked_for.returncode, "every read is recorded" in asked_for.stderr) == (2, True), asked_for.stderr
    assert Cli(pair.standby.conninfo("verifier"), tmp_path)("verify").returncode == 3
    assert Cli(pair.standby.conninfo("verifier"), tmp_path)("status").returncode == 0


def test_of_several_servers_the_one_that_records_is_read_from(pair: Pair, tmp_path: Path) -> None:
    hosts = f"host={pair.standby.folder},{pair.primary.folder} port={pair.standby.port},{pair.primary.port}"
    done = Cli(f"{hosts} user=reader dbname=postgres", tmp_path, {"UNBROKEN_PURPOSE": PURPOSE})("sessions")
    assert (done.returncode, done.stdout, done.stderr) == (0, "No sessions yet.\n", "")
