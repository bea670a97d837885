"""``unbroken query``: four questions, answered from verified lines, as text, JSON and CSV."""

import csv
import hashlib
import io
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import plain
from tests.conftest import LOG, Database, add_login
from tests.system.cli import UNBROKEN, Cli
from tests.system.documents import ROOT, blocks, commands
from unbroken.capture import Trail
from unbroken.core.entry import StoredEntry, hash_of
from unbroken.core.event import decode_event
from unbroken.core.times import format_time
from unbroken.ledger.ledger import Ledger
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter

U17: dict[str, Any] = {"actor_id": "u-17", "actor_type": "user", "agent_id": "desk", "session_id": "s-1"}
TELLER: dict[str, Any] = {
    "actor_id": "u-7",
    "actor_type": "user",
    "agent_id": "teller",
    "session_id": "s-2",
    "tool": "wire",
}
ACCOUNT: dict[str, Any] = {"resource_type": "account", "resource_id": "NL-1"}
UNTIL = "valid_until=2099-01-01T00:00:00.000000Z"
ARGUMENTS = {"iban": "NL-1", "amount": 5}


class Scene:
    """Calls with and without approval, recorded through two logins."""

    def __init__(self, agents: Trail, approvers: Trail) -> None:
        assert agents.ledger.key is not None
        self._key = agents.ledger.key
        self.agents, self.approvers = agents, approvers

    def asked(self, call: str, arguments: Any = ARGUMENTS) -> str:
        """A request; returns its id."""
        decision = {"arguments_hash": self._key.hash(arguments)}
        fields = {**TELLER, **ACCOUNT, "call_id": call, "inputs": arguments, "decision": decision, "scope": [UNTIL]}
        return self.agents.record("approval_requested", **fields).id

    def decided(
        self,
        request: str,
        call: str,
        outcome: str = "approved",
        *,
        by: str = "alice",
        own: bool = False,
        arguments: Any = ARGUMENTS,
    ) -> dict[str, Any]:
        """A decision, through the approvers' login unless ``own``; returns what a call says that uses it."""
        decision = {
            "arguments_hash": self._key.hash(arguments),
            "at": format_time(datetime.now(UTC)),
            "by": by,
            "outcome": outcome,
            "request": request,
        }
        scope = {"scope": [UNTIL]} if outcome == "approved" else {}
        trail = self.agents if own else self.approvers
        fields = {**TELLER, "actor_id": by, "call_id": call, "decision": decision, **scope}
        trail.record("approval_decided", **{name: value for name, value in fields.items() if name != "agent_id"})
        return decision

    def called(self, call: str, **fields: Any) -> None:
        """A call with a side effect."""
        made = {**TELLER, **ACCOUNT, "call_id": call, "side_effect": True, "inputs": ARGUMENTS, **fields}
        self.agents.record("tool_call", **made)


@pytest.fixture
def scene(database: Database, ledger: Ledger) -> Iterator[Scene]:
    with connect(database.server.conninfo("postgres", database.name)) as connection:
        add_login(connection, "approver", duty="writer")
    approving = Ledger(lambda _: LogWriter(database.conninfo("approver"), LOG), key=ledger.key)
    yield Scene(plain.Trail(ledger), plain.Trail(approving))
    approving.close()


@pytest.fixture
def calls(scene: Scene) -> Scene:
    """One call that was approved, and one for each reason why one was not."""
    scene.called("c1", decision=scene.decided(scene.asked("c1"), "c1"))
    scene.called("c2")
    scene.decided(scene.asked("c3"), "c3", "denied", by="bob")
    scene.called("c3")
    scene.called("c4", decision=scene.decided(scene.asked("c4"), "c4", own=True))
    scene.called("c5")
    scene.decided(scene.asked("c5"), "c5")
    scene.decided(scene.asked("c6", {"amount": 6}), "c6", arguments={"amount": 6})
    scene.called("c6")
    scene.decided(scene.asked("c7"), "c7")
    scene.called("c7", actor_id="alice")
    scene.decided(scene.asked("c8"), "c8")
    scene.called("c8")
    return scene


DOCUMENT = ROOT / "docs" / "investigations.md"
COMPLETENESS = (
    "That these are all, and that none was rewritten together with its hash, is the database's word:"
    " `unbroken verify` checks it."
)
WHY = {
    "c2": ("no_decision", None),
    "c3": ("denied", "bob"),
    "c4": ("self_attested", "alice"),
    "c5": ("after_the_fact", "alice"),
    "c6": ("other_arguments", "alice"),
    "c7": ("by_caller", "alice"),
    "c8": ("not_claimed", "alice"),
}


@pytest.fixture
def ask(database: Database, tmp_path: Path) -> Cli:
    return as_login(database, "compliance", tmp_path)


def as_login(database: Database, login: str, tmp_path: Path, **settings: str) -> Cli:
    known = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "inspection 7"}
    return Cli(database.conninfo(login), tmp_path / "state", {**known, **settings})


def own(entries: Callable[[], list[StoredEntry]], event_type: str) -> list[dict[str, Any]]:
    """The details of the log's own entries of a type."""
    events = [(entry, decode_event(entry.event)) for entry in entries()]
    return [json.loads(entry.details or b"{}") for entry, event in events if event.event_type == event_type]


def rewrite(database: Database, seq: int, **fields: Any) -> None:
    """Changes an entry together with its hash, as whoever owns the database could; only the chain knows then."""
    with LogReader(database.conninfo("verifier"), LOG) as reader:
        (entry,) = reader.entries_at([seq])
    entry = msgspec.structs.replace(entry, **fields)
    database.admin.execute(
        "update unbroken.entries set recorded_at = %s, hash = %s where seq = %s",
        (entry.recorded_at, hash_of(entry.line), seq),
    )


# ---- the four answers ----


def test_every_reason_why_a_call_was_not_approved(ask: Cli, calls: Scene) -> None:
    answer = ask.json("query", "unapproved")
    assert {row["call_id"]: (row["reason"], row["decided_by"]) for row in answer["rows"]} == WHY
    assert (answer["query"], answer["log"], answer["findings"], answer["next"]) == ("unapproved", f"{LOG}~1", [], None)
    done = ask("query", "unapproved")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:8]] == ["entry", *(str(row["seq"]) for row in answer["rows"])]
    assert "denied (bob, entry 6)" in lines[2]
    assert "self-attested" in lines[3]


def test_what_an_agent_did_for_a_user(ask: Cli, scene: Scene) -> None:
    scene.called("c1")
    ts = format_time(datetime.now(UTC))
    scene.agents.record("tool_call", **U17, tool="book", side_effect=True, ts=ts)
    scene.agents.record("tool_result", **U17, tool="book", status="ok", outputs="done")
    scene.agents.record("request", **{**U17, "actor_id": "u-18"}, inputs="another user")
    scene.agents.record("request", **{**U17, "agent_id": "other"}, inputs="another agent")
    answer = ask.json("query", "actions", "--agent", "desk", "--user", "u-17")
    assert [(row["seq"], row["event_type"], row["status"]) for row in answer["rows"]] == [
        (2, "tool_call", None),
        (3, "tool_result", "ok"),
    ]
    row = answer["rows"][0]
    assert (row["writer"], row["side_effect"], row["ts"]) == ("writer", True, ts)
    lines = ask("query", "actions", "--agent", "desk", "--user", "u-17").stdout.splitlines()
    assert lines[1].split()[:1] + lines[1].split()[3:] == ["2", "tool_call", "book", "SIDE", "EFFECT", "s-1"]


def test_a_span_begins_with_its_first_time_and_ends_before_its_last(ask: Cli, scene: Scene) -> None:
    for _ in range(3):
        scene.agents.record("request", **U17, inputs="x")
    command = ("query", "actions", "--agent", "desk", "--user", "u-17")
    first, second, third = (row["recorded_at"] for row in ask.json(*command)["rows"])

    def seqs(*span: str) -> list[int]:
        return [row["seq"] for row in ask.json(*command, *span)["rows"]]

    assert seqs("--from", second) == [2, 3]
    assert seqs("--to", second) == [1]
    assert seqs("--from", first, "--to", third) == [1, 2]
    today = datetime.fromisoformat(first)
    assert seqs("--from", f"{today:%Y-%m-%d}") == [1, 2, 3]
    assert seqs("--to", f"{today:%Y-%m-%d}") == []


def test_who_touched_a_resource_and_who_approved(ask: Cli, calls: Scene) -> None:
    calls.agents.record("data_accessed", **{**U17, "tool": "look"}, resource_type="loan", resource_id="NL-1")
    rows = ask.json("query", "access", "--resource", "NL-1")["rows"]
    told = [(row["role"], row["call_id"], row["decided_by"], row["decided_outcome"]) for row in rows]
    assert told[:4] == [
        ("approved", "c1", "alice", "approved"),
        ("touched", "c1", "alice", "approved"),
        ("touched", "c2", None, None),
        ("denied", "c3", "bob", "denied"),
    ]
    assert told[-1] == ("touched", None, None, None)
    assert [row["seq"] for row in ask.json("query", "access", "--resource", "NL-1", "--type", "loan")["rows"]] == [23]
    assert "approved (alice, entry 2)" in ask("query", "access", "--resource", "NL-1").stdout


def errors_in_minutes(scene: Scene, database: Database) -> datetime:
    """Three errors in one minute, two in the next; returns the first minute."""
    for number in range(5):
        who = U17 if number < 2 else TELLER
        scene.agents.record("error", **who, status="error", details={"number": number})
    database.disarm()
    first = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
    for seq in range(1, 6):
        rewrite(database, seq, recorded_at=format_time(first + timedelta(seconds=15 * seq + (30 if seq > 3 else 0))))
    return first


def test_errors_by_the_minute(ask: Cli, scene: Scene, database: Database) -> None:
    first = errors_in_minutes(scene, database)
    minutes = [format_time(first + timedelta(minutes=number)) for number in (1, 0)]
    answer = ask.json("query", "errors")
    assert answer["findings"] == []
    assert [list(row.values())[:-1] for row in answer["rows"]] == [
        [minutes[0], 2, 1, 1, 4, 5],
        [minutes[1], 3, 2, 2, 1, 3],
    ]
    assert [row["errors"] for row in ask.json("query", "errors", "--least", "3")["rows"]] == [3]
    page = ask.json("query", "errors", "--limit", "1")
    assert ([row["errors"] for row in page["rows"]], page["next"]) == ([2], minutes[0].replace(".000000", ""))
    (line,) = [
        line for line in ask("query", "errors", "--limit", "1").stdout.splitlines() if line.startswith("Next page: ")
    ]
    following = shlex.split(line.removeprefix("Next page: unbroken "))
    assert "--from" in following, "another time would ask about other 24 hours"
    assert [row["errors"] for row in ask.json(*following)["rows"]] == [3]
    assert ask.json("query", "errors", "--to", page["next"])["rows"] == ask.json(*following)["rows"]
    assert ask.json("query", "errors", "--from", format_time(datetime.now(UTC)))["rows"] == []


def test_errors_that_were_altered_do_not_count(ask: Cli, scene: Scene, database: Database, tmp_path: Path) -> None:
    errors_in_minutes(scene, database)
    database.admin.execute("update unbroken.entries set event_type = 'error_' where seq = 2")
    database.admin.execute("update unbroken.entries set event = replace(event, 'u-7', 'u-9') where seq = 4")
    done = ask("query", "errors", "--json")
    newer, older = json.loads(done.stdout)["rows"]
    assert done.returncode == 1
    assert (newer["errors"], {finding["kind"] for finding in newer["findings"]}) == (
        1,
        {"altered_entry", "column_disagrees"},
    )
    assert (older["errors"], older["findings"]) == (2, []), (
        "what is hidden is missing: completeness is the database's word"
    )
    assert as_login(database, "verifier", tmp_path)("verify").returncode == 1


# ---- pages ----


def test_the_pages_together_are_the_whole_answer(ask: Cli, calls: Scene) -> None:
    whole = [row["seq"] for row in ask.json("query", "unapproved", "--all")["rows"]]
    found, command = [], ["query", "unapproved", "--limit", "3"]
    while command:
        found += [row["seq"] for row in ask.json(*command)["rows"]]
        shown = ask(*command).stdout.splitlines()
        commands = [line for line in shown if line.startswith("Next page: ")]
        assert len(found) <= len(whole)
        command = shlex.split(commands[0].removeprefix("Next page: unbroken ")) if commands else []
    assert (found, len(found)) == (whole, len(WHY))


def test_a_full_page_that_is_the_last_names_no_next(ask: Cli, calls: Scene) -> None:
    assert ask.json("query", "unapproved", "--limit", len(WHY))["next"] is None
    assert ask.json("query", "unapproved", "--limit", len(WHY) - 1)["next"] is not None


def test_the_command_for_the_next_page_survives_a_shell(ask: Cli, scene: Scene, tmp_path: Path) -> None:
    name = 'it\'s $HOME; `x` "y"'
    for _ in range(2):
        scene.agents.record("request", **{**U17, "agent_id": name}, inputs="x")
    command = ("query", "actions", "--agent", name, "--user", "u-17", "--limit", "1", "--store", ask.store)
    (line,) = [line for line in ask(*command).stdout.splitlines() if line.startswith("Next page: ")]
    assert "--store … " in line, "a connection string may hold a password"
    following = shlex.split(line.removeprefix("Next page: unbroken ").replace("--store … ", ""))
    assert [row["seq"] for row in ask.json(*following)["rows"]] == [2]


def test_rows_that_come_again_are_no_answer(ask: Cli, calls: Scene, database: Database) -> None:
    database.disarm()
    database.admin.execute(
        "create or replace function unbroken.agent_actions(p_log text, p_agent text, p_actor text, p_from timestamptz,"
        " p_to timestamptz, p_after bigint, p_limit integer) returns table (seq bigint, recorded_at timestamptz,"
        " event_type text, session_id text, tool text, side_effect boolean, outcome text, resource_type text,"
        " resource_id text) language sql stable as $$ select e.seq, e.recorded_at, e.event_type, e.session_id, e.tool,"
        " e.side_effect, e.outcome, e.resource_type, e.resource_id from unbroken.entries e, generate_series(1, 1000)"
        " where e.seq = 3 $$"
    )
    done = ask("query", "actions", "--agent", "teller", "--user", "u-7", "--all")
    assert (done.returncode, done.stdout, "twice or out of order" in done.stderr) == (2, "", True)


# ---- what is verified ----


def test_what_was_altered_is_found_beside_its_row(ask: Cli, calls: Scene, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set event = replace(event, 'u-7', 'u-8') where seq = 7")
    database.admin.execute("update unbroken.entries set event = replace(event, 'alice', 'clare') where seq = 13")
    database.admin.execute("update unbroken.entries set tool = E'\\x1b[2Jwire' where seq = 4")
    database.admin.execute("update unbroken.approvals set self_attested = true where used_seq = 3")
    answer = ask.json("query", "unapproved")
    marked = {row["seq"]: [(found["kind"], found["seq"]) for found in row["findings"]] for row in answer["rows"]}
    assert {seq: found for seq, found in marked.items() if found} == {
        3: [("column_disagrees", 3)],
        4: [("column_disagrees", 4)],
        7: [("altered_entry", 7)],
        11: [("altered_entry", 13)],
    }
    rows = {row["seq"]: row for row in answer["rows"]}
    assert (rows[4]["tool"], rows[7]["tool"], rows[11]["decided_by"]) == ("wire", None, None)
    assert answer["findings_total"] == 4
    for form in ((), ("--csv", "-")):
        done = ask("query", "unapproved", *form)
        assert (done.returncode, (done.stdout + done.stderr).count("FINDING")) == (1, 4)
        assert "\x1b" not in done.stdout + done.stderr
        assert "4 findings: this is not what was recorded." in done.stdout + done.stderr


def test_an_entry_that_is_gone_is_found(ask: Cli, calls: Scene, database: Database) -> None:
    database.disarm()
    database.admin.execute("delete from unbroken.entries where seq = 2")
    answer = ask.json("query", "access", "--resource", "NL-1")
    assert [row["seq"] for row in answer["rows"] if row["findings"]] == [1, 3]
    assert [(finding["kind"], finding["seq"]) for finding in answer["findings"]] == [("missing", 2)]
    assert answer["findings_total"] == 1


def test_a_call_that_only_claims_its_approval_is_told_as_such(ask: Cli, calls: Scene, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.approvals set used_seq = null where used_seq = 3")
    first = ask.json("query", "unapproved")["rows"][0]
    assert (first["seq"], first["reason"], first["outcome"], first["findings"]) == (3, "not_claimed", "approved", [])
    assert "though the call says that it was approved" in ask("query", "unapproved").stdout


def test_the_answer_says_what_it_is_worth(ask: Cli, calls: Scene) -> None:
    lines = ask("query", "unapproved", "--limit", "1").stdout.splitlines()
    assert lines[-4:] == [
        "This is read from 1 entry that was recomputed: its hash is the one that the log states.",
        COMPLETENESS,
        "This read is entry 23.",
        "Next page: unbroken query unapproved --limit 1 --after 4",
    ]
    nothing = ask("query", "access", "--resource", "nobody's").stdout.splitlines()
    assert nothing[0].startswith("Nothing found, as the database says.")
    assert nothing[-1] == "This read is entry 25."


# ---- CSV and JSON ----


def test_csv_holds_what_json_holds(ask: Cli, calls: Scene, tmp_path: Path) -> None:
    rows = ask.json("query", "unapproved")["rows"]
    done = ask("query", "unapproved", "--csv", "-")
    assert done.returncode == 0
    path = tmp_path / "out.csv"
    assert ask("query", "unapproved", "--all", "--csv", path).stdout.splitlines()[0] == "7 rows written"
    for text in (done.stdout, path.read_text(encoding="utf-8")):
        header, *records = csv.reader(io.StringIO(text, newline=""), strict=True)
        assert header == ["log", *rows[0]]
        for row, record in zip(rows, records, strict=True):
            values = {True: "true", False: "false", None: ""}
            texts = [
                values.get(value, str(value)) if value is None or value is True else str(value)
                for value in row.values()
            ]
            assert record == [f"{LOG}~1", *texts[:-1], ""]


def test_a_formula_in_the_log_is_a_text_in_csv(ask: Cli, scene: Scene) -> None:
    hostile = '=HYPERLINK("http://evil.example";A1)\r\n\0\x1b[2J'.replace("\0", "")
    scene.agents.record("request", **{**U17, "resource_type": "x", "resource_id": hostile}, inputs="x")
    done = ask("query", "access", "--resource", hostile, "--csv", "-")
    header, record = csv.reader(io.StringIO(done.stdout, newline=""), strict=True)
    cell = dict(zip(header, record, strict=True))["resource_id"]
    assert cell == '\'=HYPERLINK("http://evil.example";A1)\\u000d\\u000a\\u001b[2J'
    assert "\x1b" not in ask("query", "access", "--resource", hostile).stdout


def test_a_session_that_fails_leaves_no_csv(ask: Cli, database: Database, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    done = as_login(database, "ops", tmp_path)("query", "unapproved", "--csv", path)
    assert (done.returncode, path.exists(), list(tmp_path.glob(".out*"))) == (2, False, [])


# ---- who may ask, and what is on record ----


@pytest.mark.parametrize("login", ["compliance", "verifier", "legal", "dpo"])
def test_those_may_ask_who_may_read(login: str, database: Database, calls: Scene, tmp_path: Path) -> None:
    ask = as_login(database, login, tmp_path, UNBROKEN_CASE="matter 9")
    answer = ask.json("query", "unapproved")
    assert {row["call_id"] for row in answer["rows"]} == WHY.keys()


@pytest.mark.parametrize("login", ["ops", "writer", "access"])
def test_others_are_told_who_may(login: str, database: Database, calls: Scene, tmp_path: Path) -> None:
    done = as_login(database, login, tmp_path)("query", "access", "--resource", "NL-1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "takes a login with the duty compliance, legal, dpo or verifier" in done.stderr


def test_a_read_is_on_record_with_what_was_looked_for_and_shown(
    ask: Cli, calls: Scene, entries: Callable[[], list[StoredEntry]]
) -> None:
    answer = ask.json("query", "access", "--resource", "NL-1", "--limit", "2")
    (opened,), (closed,) = own(entries, "log.read"), own(entries, "log.read_completed")
    assert answer["ticket"] == 23
    assert (opened["purpose"], opened["duty"], opened["scope"]["what"]) == (
        "inspection 7",
        "compliance",
        "query access",
    )
    assert opened["scope"]["resource"].startswith("p:")
    assert "NL-1" not in json.dumps(opened)
    shown = [entry.hash for entry in entries() if entry.seq in (1, 2, 3)]
    digest = hashlib.sha256(shown[0] + shown[1] + shown[2]).hexdigest()
    assert (closed["outcome"], closed["count"], closed["digest"]) == ("complete", 3, digest)


def test_a_user_is_on_record_under_a_pseudonym(
    ask: Cli, scene: Scene, entries: Callable[[], list[StoredEntry]]
) -> None:
    ask("query", "actions", "--agent", "desk", "--user", "u-17", "--from", "2026-01-01")
    (opened,) = own(entries, "log.read")
    assert (opened["scope"]["agent"], opened["scope"]["from"]) == ("desk", "2026-01-01T00:00:00Z")
    assert opened["scope"]["actor"].startswith("p:")
    assert "u-17" not in json.dumps(opened)


def test_a_refused_read_is_on_record(
    database: Database, calls: Scene, tmp_path: Path, entries: Callable[[], list[StoredEntry]]
) -> None:
    as_login(database, "ops", tmp_path)("query", "unapproved")
    assert [closed["outcome"] for closed in own(entries, "log.read_completed")] == ["refused"]


def test_nobody_reads_without_saying_why(database: Database, calls: Scene, tmp_path: Path) -> None:
    ask = Cli(database.conninfo("compliance"), tmp_path / "state", {"UNBROKEN_LOG": LOG})
    done = ask("query", "unapproved")
    assert (done.returncode, "--purpose" in done.stderr) == (2, True)
    assert ask("query", "unapproved", "--purpose", "inspection").returncode == 0


def test_somebody_in_psql_gets_the_same_rows(ask: Cli, calls: Scene, database: Database) -> None:
    rows = ask.json("query", "unapproved")["rows"]
    with database.connect("compliance") as connection:
        connection.execute("select unbroken.open_ticket(%s, 'by hand', null, '{}', interval '1 min')", (LOG,))
        found = connection.execute(
            "select seq, reason, decided_seq from unbroken.unapproved_calls(%s, null, null, null, 1000)", (LOG,)
        ).fetchall()
    assert found == [(row["seq"], row["reason"], row["decided_seq"]) for row in rows]


WRONG = {
    "actions --user u-17": "--agent",
    "actions --agent '' --user u-17": "at least one character",
    "actions --agent a --user b --from yesterday": "a date such as 2026-01-31",
    "actions --agent a --user b --from 2026-01-31T09:30:00": "time zone",
    "actions --agent a --user b --from 2026-02-01 --to 2026-02-01": "--from has to be before --to",
    "unapproved --to 2026-02-30": "no such time",
    "unapproved --csv - --json": "--csv and --json exclude each other",
    "unapproved --all --limit 5": "--all and --limit exclude each other",
    "unapproved --limit 1001": "1000",
    "unapproved --csv /nowhere/at/all.csv": "can't be written",
    "errors --after 5": "a date such as 2026-01-31",
    "errors --least 0": "--least",
    "access": "--resource",
    "access --resource ''": "at least one character",
}


def test_wrong_usage_is_said_and_reads_nothing(
    ask: Cli, scene: Scene, entries: Callable[[], list[StoredEntry]]
) -> None:
    for command, done in ask.all(f"query {command}" for command in WRONG).items():
        assert (done.returncode, done.stdout) == (2, ""), command
        assert WRONG[command.removeprefix("query ")] in " ".join(done.stderr.split()), command
    assert entries() == []


# ---- as a person sees it ----


def on_terminal(cli: Cli, *arguments: object, columns: int, cwd: Path | None = None) -> str:
    """What a terminal of so many columns shows, without colours."""
    ours, theirs = pty.openpty()
    environment = {**cli.environment, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    with subprocess.Popen(
        [UNBROKEN, *map(str, arguments)], env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=theirs
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert process.returncode in (0, 1)
    plain = re.sub(r"\x1b\[[0-9;]*m|\r", "", shown.decode())
    return re.sub(r"[ ]+$", "", plain, flags=re.MULTILINE)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.parametrize("columns", [80, 150])
def test_a_table_fits_the_terminal(columns: int, ask: Cli, calls: Scene, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set tool = E'\\x1b[2Jwire' where seq = 4")
    calls.agents.record("error", **TELLER, status="error")
    for command in (("unapproved",), ("access", "--resource", "NL-1"), ("errors",)):
        lines = on_terminal(ask, "query", *command, columns=columns).splitlines()
        assert max(map(len, lines)) <= columns
        assert sum("about" in line for line in lines[:1]) == (columns < 130)
    shown = on_terminal(ask, "query", "unapproved", columns=columns)
    assert shown.count("FINDING at entry 4") == 1
    assert "\x1b" not in shown


def settled(text: str) -> str:
    """``text`` without what differs from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "<time>", text)
    return re.sub(r"\bp-[0-9a-f]{8}\b", "<person>", re.sub(r" [0-9a-f]{6}\]", " <value>]", text)).strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ub-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


def test_the_sessions_in_the_document_are_what_appears(folder: Path) -> None:
    (folder / "example.py").write_text("\n".join(blocks(DOCUMENT, "python")))
    cli = Cli("audit", folder / "state")
    subprocess.run([sys.executable, "example.py"], cwd=folder, env=cli.environment, check=True, timeout=60)
    listed = [command for block in blocks(DOCUMENT, "console") for command in commands(block)]
    assert len(listed) == 4
    for command in listed:
        shown = on_terminal(cli, *shlex.split(command.line)[1:], columns=100, cwd=folder)
        assert settled(shown) == settled(command.output), command.line


def test_the_sql_in_the_document_runs(calls: Scene, database: Database) -> None:
    (block,) = blocks(DOCUMENT, "sql")
    opening, *questions = block.split(";\n")
    with database.connect("compliance") as connection:
        opened = connection.execute(opening.encode()).fetchone()
        assert opened is not None
        assert opened[2] is None
        found = [connection.execute(question.encode()).fetchall() for question in questions if question.strip()]
    assert [len(rows) for rows in found] == [0, 7, 0, 0]
