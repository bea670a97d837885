"""``unbroken approvals``: what waits is listed for those who read, and decided by those who write."""

import json
import os
import pty
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import unbroken
from tests.conftest import LOG, Database, add_login
from tests.system.cli import UNBROKEN, Cli
from unbroken import wiring
from unbroken.capture import Trail
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.keyed import LogKey
from unbroken.errors import NotApprovedError
from unbroken.ledger.approval import Approval
from unbroken.ledger.ledger import Ledger
from unbroken.store.connection import connect

UNKNOWN = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    """Somebody who reads, and says what for."""
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "what waits"}
    return Cli(database.conninfo("compliance"), tmp_path / "state", settings)


@pytest.fixture
def trail(ledger: Ledger) -> Trail:
    """As an agent has it: people become pseudonyms."""
    return Trail(ledger, protection=wiring.protection_of(ledger))


@pytest.fixture
def approver(database: Database, ledger: Ledger, tmp_path: Path) -> Cli:
    """A login of its own that may record and not read, with the log's key."""
    with connect(database.server.conninfo("postgres", database.name)) as connection:
        add_login(connection, "approver", duty="writer")
    assert ledger.key is not None
    (tmp_path / "log.key").write_text(ledger.key.to_text())
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_KEY_FILE": str(tmp_path / "log.key")}
    return Cli(database.conninfo("approver"), tmp_path / "state", settings)


def ask(trail: Trail, number: int = 1, **how: Any) -> Approval:
    with trail.session("s-1", actor="u-7", agent="teller") as session, session.turn() as turn:
        asked = turn.request_approval(
            tool="wire", call_id=f"call_{number}", arguments={"order": "A-\x1b[31m1", "amount": 5}, **how
        )
        turn.respond()
    return asked


def use(trail: Trail, number: int = 1) -> None:
    tool = trail.tool(name="wire", requires_approval=True)(_wire)
    with trail.session("s-1", actor="u-7", agent="teller"), trail.called_as(f"call_{number}"):
        tool("A-\x1b[31m1", 5)


def _wire(order: str, amount: int) -> None: ...


def on_terminal(cli: Cli, *arguments: str, answer: str) -> tuple[int, str]:
    """The command with somebody at a terminal, who gives one answer."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [UNBROKEN, *arguments],
            env=cli.environment,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout


def test_the_list_shows_what_waits(cli: Cli, trail: Trail) -> None:
    assert cli("approvals", "list").stdout == "Nothing waits for a decision.\n"
    assert cli("approvals", "list", "--all").stdout == "No requests yet.\n"
    first, second = ask(trail), ask(trail, 2)
    lines = cli("approvals", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["request", second.request, first.request]
    assert lines[1].split()[1:4] == ["wire", "call_2", "s-1"]
    assert re.fullmatch("p-[0-9a-f]{8} > teller", " ".join(lines[1].split()[4:7]))
    assert lines[1].split()[-1] == "pending"
    (newest,) = cli.json("approvals", "list", "--limit", "1")["approvals"]
    assert (newest["request"], newest["state"], newest["call_id"]) == (second.request, "pending", "call_2")
    assert newest["valid_until"] == second.valid_until
    assert (newest["decided_by"], newest["decided_at"], newest["self_attested"]) == (None, None, None)


def test_every_state_is_listed_as_the_writer_sees_it(cli: Cli, approver: Cli, trail: Trail) -> None:
    pending, approved, denied, used, expired, late = (
        ask(trail, number, **({"valid_for": timedelta(milliseconds=1)} if number == 4 else {})) for number in range(6)
    )
    for request in (approved, used):
        assert approver("approvals", "decide", request.request, "approve", "--by", "alice", "--yes").returncode == 0
    trail.decide(denied, "deny", by="bob")
    trail.decide(late, "approve", by="bob", valid_for=timedelta(milliseconds=1))
    use(trail, 3)
    listed = {each["request"]: each for each in cli.json("approvals", "list", "--all")["approvals"]}
    states = {
        each.request: trail.approval(each.request).state for each in (pending, approved, denied, used, expired, late)
    }
    assert {request: each["state"] for request, each in listed.items()} == states
    assert sorted(states.values()) == ["approved", "denied", "expired", "expired", "pending", "used"]
    assert {listed[each.request]["self_attested"] for each in (approved, used)} == {False}
    assert {listed[each.request]["self_attested"] for each in (denied, late)} == {True}
    text = cli("approvals", "list", "--all").stdout
    for words in (
        "approved by p-[0-9a-f]{8,9}",
        "used, approved by p-[0-9a-f]{8,9}",
        "denied by p-[0-9a-f]{8,9}, self-attested",
        "expired, approved by p-[0-9a-f]{8,9}, self-attested",
    ):
        assert re.search(f"  {words} *$", text, re.MULTILINE)
    assert [each["request"] for each in cli.json("approvals", "list")["approvals"]] == [pending.request]


def test_an_approval_lets_the_call_run(cli: Cli, approver: Cli, trail: Trail) -> None:
    asked = ask(trail)
    done = approver("approvals", "decide", asked.request, "approve", "--by", "alice", "--valid-for", "30m", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    facts = dict(line.split(None, 1) for line in done.stdout.splitlines() if not line.startswith(("asked", "Recorded")))
    assert facts["tool"].strip() == "wire"
    assert facts["arguments"].strip() == "(this login can't read them)"
    assert re.search("\nRecorded: approved by alice [(]p-[0-9a-f]{8}[)], to be used until ", done.stdout)
    assert "self-attested" not in done.stdout
    use(trail)
    with pytest.raises(NotApprovedError):
        use(trail)
    decided = next(item for item in cli.json("show", "s-1")["items"] if item["kind"] == "approval_decided")
    person = decided["title"].removeprefix("approved by ")
    assert re.fullmatch("p-[0-9a-f]{32}", person)
    assert decided["actor"] == f"{person} (user)"


def test_a_denial_needs_no_confirmation_and_gives_its_reason(cli: Cli, approver: Cli, trail: Trail) -> None:
    asked = ask(trail)
    done = approver("approvals", "decide", asked.request, "deny", "--by", "alice", "--reason", "unknown payee")
    assert re.search("Recorded: denied by alice [(]p-[0-9a-f]{8}[)][.]\n$", done.stdout)
    decided = next(item for item in cli.json("show", "s-1")["items"] if item["kind"] == "approval_decided")
    assert decided["lines"] == ["unknown payee"]
    with pytest.raises(NotApprovedError, match="denied"):
        use(trail)


def test_nobody_approves_without_being_asked(approver: Cli, trail: Trail) -> None:
    asked = ask(trail)
    command = ("approvals", "decide", asked.request, "approve", "--by", "alice")
    done = approver(*command)
    assert (done.returncode, done.stderr.count("--yes")) == (2, 1)
    assert trail.approval(asked.request).state == "pending"
    code, printed = on_terminal(approver, *command, answer="n")
    assert (code, printed.endswith("Nothing was decided.\n")) == (0, True)
    assert trail.approval(asked.request).state == "pending"
    code, printed = on_terminal(approver, *command, answer="y")
    assert (code, "Recorded: approved by alice (p-" in printed) == (0, True)
    assert trail.approval(asked.request).state == "approved"


def test_what_can_not_be_decided_is_one_line_and_2(approver: Cli, trail: Trail) -> None:
    asked = ask(trail).request
    refused: list[tuple[tuple[str, ...], str]] = [
        ((UNKNOWN, "deny", "--by", "alice"), "holds no request"),
        (("nonsense\x1b[2J", "deny", "--by", "alice"), "holds no request"),
        ((asked, "approve", "--by", "u-7", "--yes"), "can't approve"),
        ((asked, "approve", "--by", "alice", "--yes", "--valid-for", "500d"), "366 days"),
    ]
    for arguments, said in refused:
        done = approver("approvals", "decide", *arguments)
        assert (done.returncode, done.stderr.count("\n"), said in done.stderr) == (2, 1, True), (arguments, done.stderr)
        assert "\x1b" not in done.stderr
    for wrong in (("maybe", "--by", "alice"), ("deny", "--by", "alice", "--valid-for", "soon")):
        assert approver("approvals", "decide", asked, *wrong).returncode == 2
    assert trail.approval(asked).state == "pending"


def test_the_agent_that_asked_can_not_approve_under_its_own_id(approver: Cli, trail: Trail) -> None:
    asked = ask(trail).request
    done = approver("approvals", "decide", asked, "approve", "--by", "teller", "--yes")
    assert (done.returncode, "can't approve" in done.stderr) == (2, True)
    assert trail.approval(asked).state == "pending"


def test_each_command_needs_its_login(
    cli: Cli, approver: Cli, database: Database, tmp_path: Path, trail: Trail
) -> None:
    asked = ask(trail).request
    ops = Cli(database.conninfo("ops"), tmp_path / "state", cli.settings)
    assert cli("approvals", "list").returncode == 0
    for other in (approver, ops):
        done = other("approvals", "list", "--purpose", "what waits")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "takes a login with the duty compliance, legal or dpo" in done.stderr
    for reader in (cli, ops):
        done = reader("approvals", "decide", asked, "deny", "--by", "alice")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert trail.approval(asked).state == "pending"


# ---- whoever may read sees the arguments ----


@pytest.fixture
def reading_approver(database: Database, approver: Cli) -> Cli:
    """The approver's login, and another to read with."""
    return Cli(
        approver.store, approver.state, {**approver.settings, "UNBROKEN_READER": database.conninfo("compliance")}
    )


def test_arguments_are_shown_and_compared_with_the_key(reading_approver: Cli, trail: Trail, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    other.write_text(LogKey.generate("9").to_text())
    another_key = Cli(
        reading_approver.store, reading_approver.state, {**reading_approver.settings, "UNBROKEN_KEY_FILE": str(other)}
    )
    without = another_key("approvals", "decide", ask(trail).request, "deny", "--by", "alice").stdout
    assert '"amount": 5,' in without
    assert "not compared" in without
    assert "\x1b" not in without
    asked = ask(trail, 2).request
    shown = reading_approver("approvals", "decide", asked, "approve", "--by", "alice", "--yes").stdout
    assert '"amount": 5,' in shown
    assert "not compared" not in shown
    assert "WARNING" not in shown


def test_without_the_key_nobody_can_be_named(approver: Cli, trail: Trail) -> None:
    settings = {name: value for name, value in approver.settings.items() if name != "UNBROKEN_KEY_FILE"}
    asked = ask(trail).request
    done = Cli(approver.store, approver.state, settings)("approvals", "decide", asked, "deny", "--by", "alice")
    assert (done.returncode, done.stdout, "UNBROKEN_KEY_FILE" in done.stderr) == (2, "", True)
    assert trail.approval(asked).state == "pending"


def test_a_request_that_shows_other_arguments_than_it_binds_is_not_decided(reading_approver: Cli, trail: Trail) -> None:
    key = trail.ledger.key
    assert key is not None
    forged = trail.record(
        "approval_requested",
        actor_id="u-7",
        actor_type="user",
        tool="wire",
        call_id="c1",
        inputs={"amount": 5},
        decision={"arguments_hash": key.hash({"amount": 5000})},
        scope=["valid_until=2099-01-01T00:00:00.000000Z"],
    )
    done = reading_approver("approvals", "decide", forged.id, "approve", "--by", "alice", "--yes")
    assert (done.returncode, "other arguments" in done.stderr) == (2, True)
    assert trail.approval(forged.id).state == "pending"


def test_that_the_arguments_were_looked_at_is_on_record(
    reading_approver: Cli, trail: Trail, entries: Callable[[], list[StoredEntry]]
) -> None:
    asked = ask(trail)
    reading_approver("approvals", "decide", asked.request, "deny", "--by", "alice")
    opened, completed, decided, _stopped = entries()[-4:]
    kinds = [decode_event(entry.event).event_type for entry in (opened, completed, decided)]
    assert kinds == ["log.read", "log.read_completed", "approval_decided"]
    assert opened.details is not None
    told = json.loads(opened.details)
    assert told["purpose"] == "to decide on a request for approval"
    assert told["scope"] == {"what": "approvals decide", "request": asked.request}
    assert completed.details is not None
    assert json.loads(completed.details)["count"] == 1


@pytest.mark.parametrize(
    ("login", "said"),
    [("legal", "this duty reads for a case only"), ("ops", "takes a login with the duty compliance, legal or dpo")],
)
def test_a_reader_that_may_not_read_says_why(
    login: str, said: str, approver: Cli, database: Database, trail: Trail
) -> None:
    asked = ask(trail)
    command = ("approvals", "decide", asked.request, "deny", "--by", "alice", "--reader", database.conninfo(login))
    done = approver(*command)
    assert (done.returncode, said in " ".join(done.stdout.split())) == (0, True)
    assert '"amount"' not in done.stdout
    if login == "legal":
        other = ask(trail, 2)
        done = approver(*command[:2], other.request, *command[3:], "--case", "C-12")
        assert '"amount": 5,' in done.stdout


def test_a_request_that_was_altered_is_not_decided(reading_approver: Cli, database: Database, trail: Trail) -> None:
    asked = ask(trail)
    database.disarm()
    database.admin.execute(
        "update unbroken.payloads set inputs = replace(inputs, '5', '4') where inputs like '%%amount%%'"
    )
    done = reading_approver("approvals", "decide", asked.request, "approve", "--by", "alice", "--yes")
    assert (done.returncode, "was altered" in done.stderr) == (2, True)
    assert trail.approval(asked.request).state == "pending"


# ---- a folder ----


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    path.chmod(0o755)
    yield path / "store"
    shutil.rmtree(path)


def test_in_a_folder_the_one_writer_attests_itself(folder: Path, tmp_path: Path) -> None:
    cli = Cli(str(folder), tmp_path / "state")
    with unbroken.open(folder) as trail:
        asked = ask(trail)
        done = cli("approvals", "decide", asked.request, "approve", "--by", "alice", "--yes")
        assert done.stdout.endswith("It is self-attested: the request came through the same login.\n")
        assert '"amount": 5,' in done.stdout
        assert "not compared" not in done.stdout
        use(trail)
    (listed,) = json.loads(cli("approvals", "list", "--all", "--json").stdout)["approvals"]
    assert (listed["state"], listed["self_attested"]) == ("used", True)
