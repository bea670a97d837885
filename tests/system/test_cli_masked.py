"""What people read of redacted records: short forms at the terminal, everything in JSON, and what was found where."""

import csv
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database, add_login
from tests.system.cli import UNBROKEN, Cli
from tests.system.documents import ROOT, blocks, commands
from tests.system.processes import open_folder
from tests.system.test_cli_query import on_terminal
from unbroken.capture import trail as capture
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.keyed import LogKey
from unbroken.privacy.redaction.placeholders import PlaceholderKey
from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor
from unbroken.store.connection import connect

NORA, TOMAS = f"p-{'3f9a2c1b' * 4}", f"p-{'3f9a2c1b' + 'e' * 24}"
REDACTOR = Redactor(BALANCED, key=PlaceholderKey("7", b"x" * 32))
PLACEHOLDER = re.compile(r"\[[A-Z_]+:k7:[0-9a-f]{32}\]")
UNTIL = "valid_until=2099-01-01T00:00:00.000000Z"


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "a test"}
    return Cli(database.conninfo("compliance"), tmp_path / "state", settings)


def record(trail: capture.Trail, event_type: str, actor: str = NORA, **fields: Any) -> str:
    """Records an event as redaction leaves it; returns its id."""
    parts: dict[str, Any] = {name: fields.pop(name) for name in ("inputs", "outputs", "details") if name in fields}
    done = REDACTOR.redact(parts)
    counts = [f"{kind}:{count}" for kind, count in done.counts.items()]
    given = {"actor_id": actor, "actor_type": "user", "agent_id": "desk", "session_id": "s-1"}
    masked = {"rules": REDACTOR.rules_version, "redactions": counts or None}
    return trail.record(event_type, **{**given, **masked, **done.values, **fields}).id


@pytest.fixture
def recorded(trail: capture.Trail) -> capture.Trail:
    """A session of one person, and an event of another in a session of its own."""
    record(trail, "request", inputs="I am jane@example.com", classification="confidential", domains=["gdpr"])
    record(
        trail,
        "tool_call",
        tool="refund",
        side_effect=True,
        inputs={"to": "jane@example.com", "card": "4012888888881881"},
        classification="restricted",
        domains=["gdpr", "pci"],
    )
    record(trail, "tool_result", tool="refund", status="ok", outputs={"done": True})
    record(trail, "request", TOMAS, session_id="s-2", inputs="medical record number 00123456", domains=["hipaa"])
    record(trail, "request", TOMAS, session_id="s-2", inputs={"password": "hunter2hunter2"})
    return trail


def test_a_session_is_shown_in_short_forms(cli: Cli, recorded: capture.Trail) -> None:
    done = cli("show", "s-1")
    assert (done.returncode, done.stderr) == (0, "")
    mails = re.findall(r"\[e-mail [0-9a-f]{6}\]", done.stdout)
    assert (len(mails), len(set(mails))) == (2, 1)
    assert "actor     p-3f9a2c1b (user)" in done.stdout
    assert "restricted · gdpr, pci · masked: card and personal data" in done.stdout
    assert not PLACEHOLDER.search(done.stdout)


def test_in_full_and_in_json_nothing_is_shortened(cli: Cli, recorded: capture.Trail) -> None:
    full = re.sub(r"\s+", "", cli("show", "s-1", "--full").stdout)
    assert NORA in full
    assert len(PLACEHOLDER.findall(full)) >= 3
    assert "restricted·gdpr,pci·containscard,personal" in full
    shown = cli.json("show", "s-1")
    call = shown["items"][1]
    assert call["actor"] == f"{NORA} (user)"
    assert call["redactions"] == {"CREDIT_CARD": 1, "EMAIL_ADDRESS": 1}
    assert (call["contains"], call["classification"], call["domains"]) == (
        ["card", "personal"],
        "restricted",
        ["gdpr", "pci"],
    )
    assert len(PLACEHOLDER.findall(json.dumps(call["lines"]))) == 2
    assert cli.json("sessions")["sessions"][0]["actor_id"] == TOMAS


def test_lists_tell_people_apart_whose_pseudonyms_begin_alike(cli: Cli, recorded: capture.Trail) -> None:
    lines = cli("sessions").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["s-2", "p-3f9a2c1be"], ["s-1", "p-3f9a2c1b3"]]
    tail = cli("tail", "--no-follow", "-n", "50").stdout.splitlines()
    told = [line for line in tail if " desk" in line]
    assert [" p-3f9a2c1b > desk" in line for line in told] == [True] * 3 + [False] * 2
    assert "SIDE EFFECT  masked: 1 card, 1 e-mail address" in told[1]
    actions = cli("query", "actions", "--agent", "desk", "--user", NORA)
    assert actions.returncode == 0
    assert "tool_call" in actions.stdout


# ---- where is what ----


def test_it_says_where_what_was_found(cli: Cli, recorded: capture.Trail) -> None:
    answer = cli.json("query", "contains", "card")
    (row,) = answer["rows"]
    assert (row["seq"], row["contains"], row["redactions"]) == (
        2,
        ["card", "personal"],
        ["CREDIT_CARD:1", "EMAIL_ADDRESS:1"],
    )
    assert (row["actor_id"], row["tool"], row["domains"], row["findings"]) == (NORA, "refund", ["gdpr", "pci"], [])
    assert (answer["query"], answer["parameters"]["contains"], answer["findings"]) == ("contains", "card", [])

    def seqs(*flags: str) -> list[int]:
        return [row["seq"] for row in cli.json("query", "contains", *flags)["rows"]]

    assert (seqs("personal"), seqs("health"), seqs("secret")) == ([1, 2, 4], [4], [5])
    assert (seqs("card", "health"), seqs("health", "secret", "health")) == ([2, 4], [4, 5])
    assert cli("query", "contains", "gossip").returncode == 2
    assert cli("query", "contains").returncode == 2


def test_its_table_is_in_words_and_its_csv_in_full(cli: Cli, recorded: capture.Trail, tmp_path: Path) -> None:
    text = cli("query", "contains", "card", "health").stdout
    assert re.search(r"^ *2 .* card, personal +1 card, 1 e-mail address +tool_call", text, re.MULTILINE)
    assert "p-3f9a2c1b3 > desk" in text
    assert "This is read from 2 entries, each of them recomputed" in text
    (row,) = csv.DictReader(io.StringIO(cli("query", "contains", "card", "--csv", "-").stdout, newline=""))
    assert (row["contains"], row["redactions"]) == ("card, personal", "CREDIT_CARD:1, EMAIL_ADDRESS:1")
    assert row["actor_id"] == NORA


def test_pages_and_times(cli: Cli, recorded: capture.Trail) -> None:
    found, command = [], ["query", "contains", "personal", "secret", "--limit", "3"]
    while command:
        found += [row["seq"] for row in cli.json(*command)["rows"]]
        pages = [line for line in cli(*command).stdout.splitlines() if line.startswith("Next page: ")]
        assert len(found) <= 4
        command = shlex.split(pages[0].removeprefix("Next page: unbroken ")) if pages else []
    assert found == [1, 2, 4, 5]
    rows = cli.json("query", "contains", "personal")["rows"]
    assert [
        row["seq"] for row in cli.json("query", "contains", "personal", "--from", rows[1]["recorded_at"])["rows"]
    ] == [
        2,
        4,
    ]
    assert [
        row["seq"] for row in cli.json("query", "contains", "personal", "--to", rows[1]["recorded_at"])["rows"]
    ] == [1]


def test_it_is_a_read_and_takes_a_duty_for_it(
    cli: Cli, recorded: capture.Trail, database: Database, entries: Callable[[], list[StoredEntry]]
) -> None:
    cli("query", "contains", "health", "card")
    opened = next(entry for entry in entries() if decode_event(entry.event).event_type == "log.read")
    told = json.loads(opened.details or b"")
    assert told["scope"]["what"] == "query contains card health"
    for login in ("ops", "writer"):
        done = Cli(database.conninfo(login), cli.state, cli.settings)("query", "contains", "health")
        assert (done.returncode, done.stdout) == (2, "")


def test_a_column_that_says_otherwise_is_a_finding(cli: Cli, recorded: capture.Trail, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set contains = '{card}' where seq = 3")
    done = cli("query", "contains", "card", "--json")
    rows = {row["seq"]: row for row in json.loads(done.stdout)["rows"]}
    assert done.returncode == 1
    assert [finding["kind"] for finding in rows[3]["findings"]] == ["column_disagrees"]
    assert (rows[3]["contains"], rows[2]["findings"]) == ([], [])


# ---- deciding on what is masked ----


@pytest.fixture
def approver(database: Database, trail: capture.Trail, tmp_path: Path) -> Cli:
    """A login that decides, another to read with, and the log's key."""
    with connect(database.server.conninfo("postgres", database.name)) as connection:
        add_login(connection, "approver", duty="writer")
    key = tmp_path / "log.key"
    assert trail.ledger.key is not None
    key.write_text(trail.ledger.key.to_text())
    settings = {
        "UNBROKEN_LOG": LOG,
        "UNBROKEN_READER": database.conninfo("compliance"),
        "UNBROKEN_KEY_FILE": str(key),
    }
    return Cli(database.conninfo("approver"), tmp_path / "state", settings)


def asked(trail: capture.Trail, given: Any, call: str = "c1", **fields: Any) -> str:
    key = trail.ledger.key
    assert isinstance(key, LogKey)
    bound = {"decision": {"arguments_hash": key.hash(given)}, "scope": [UNTIL]}
    return record(trail, "approval_requested", tool="wire", call_id=call, **{"inputs": given, **bound, **fields})


def test_who_decides_is_told_what_is_masked(approver: Cli, cli: Cli, trail: capture.Trail) -> None:
    request = asked(trail, {"to": "jane@example.com", "card": "4012888888881881", "amount": 5})
    done = approver("approvals", "decide", request, "approve", "--by", "alice", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"amount": 5' in done.stdout
    assert re.search(r'"to": "\[e-mail [0-9a-f]{6}\]"', done.stdout)
    assert "(shown redacted, so not compared with what an approval is bound to)" in done.stdout
    assert "WARNING: you don't see all of what you decide on; masked: 1 card, 1 e-mail address." in done.stdout
    assert not PLACEHOLDER.search(done.stdout)
    (line,) = [line for line in cli("approvals", "list", "--all").stdout.splitlines() if request in line]
    assert " p-3f9a2c1b > desk " in line
    assert cli.json("approvals", "list", "--all")["approvals"][0]["actor_id"] == NORA


def test_unmasked_arguments_are_compared_still(approver: Cli, trail: capture.Trail) -> None:
    plain = approver("approvals", "decide", asked(trail, {"amount": 5}), "approve", "--by", "alice", "--yes")
    assert plain.returncode == 0
    assert "not compared" not in plain.stdout
    assert "WARNING" not in plain.stdout
    for number, fields in enumerate(({}, {"redactions": ["EMAIL_ADDRESS:1"]}), 2):
        other = asked(trail, {"amount": 5000}, f"c{number}", inputs={"amount": 5}, **fields)
        done = approver("approvals", "decide", other, "approve", "--by", "alice", "--yes")
        assert (done.returncode, "other arguments" in done.stderr) == (2, True)


def test_reading_what_is_masked_finds_nothing_wrong(
    approver: Cli, cli: Cli, recorded: capture.Trail, database: Database
) -> None:
    """Redaction leaves a record that every reader and the verifier finds unaltered."""
    request = asked(recorded, {"to": "jane@example.com"}, call="c9")
    assert approver("approvals", "decide", request, "deny", "--by", "alice").returncode == 0
    for command in ("show s-1", "sessions", "approvals list --all", "tail --no-follow", "query unapproved"):
        assert cli(*command.split()).returncode == 0, command
    verifier = Cli(database.conninfo("verifier"), cli.state, cli.settings)
    assert verifier("verify").returncode == 3, "consistent, and no head to hold it against"


# ---- docs/reading-redacted.md ----

DOCUMENT = ROOT / "docs" / "reading-redacted.md"
_CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d "), "<day> "),
    (re.compile(r"\b\d\d:\d\d:\d\d\b|\d+ ms|\d+[.]\ds"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b"), "<request>"),
    (re.compile(r"\bp-[0-9a-f]{8,9}\b"), "<person>"),
    (re.compile(r" [0-9a-f]{6,7}\]"), " <value>]"),
    (re.compile(r"[+]<time>"), ""),
    (re.compile(r"(?<=<time>)( UTC)? to (<day> )?<time>"), ""),
    (re.compile(r"(?<=<time>) UTC|(?<=agent ) *<time>"), ""),
)


def settled(text: str) -> str:
    """``text`` without what differs from run to run."""
    text = re.sub(r"[ ]+$", "", text, flags=re.MULTILINE)
    for pattern, instead in _CHANGING:
        text = pattern.sub(instead, text)
    # Lines break elsewhere where a time takes longer.
    return " ".join(text.split())


def test_the_sessions_in_the_document_are_what_appears() -> None:
    with open_folder() as folder:
        (folder / "example.py").write_text("\n".join(blocks(DOCUMENT, "python")))
        cli = Cli("audit", folder / "state", {"COLUMNS": "100"})
        subprocess.run([sys.executable, "example.py"], cwd=folder, env=cli.environment, check=True, timeout=60)
        listed = [command for block in blocks(DOCUMENT, "console") for command in commands(block)]
        assert len(listed) == 2
        for command in listed:
            shown = on_terminal(cli, *shlex.split(command.line)[1:], columns=100, cwd=folder)
            assert settled(shown) == settled(command.output), command.line
        (asked,) = json.loads(in_folder(cli, folder, "approvals", "list", "--json"))["approvals"]
        decided = in_folder(cli, folder, "approvals", "decide", asked["request"], "approve", "--by", "alice", "--yes")
        (told,) = re.findall(r"^    arguments .*?masked: [^.]*[.]", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
        assert settled(told) in settled(decided)


def in_folder(cli: Cli, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [UNBROKEN, *arguments], cwd=folder, env=cli.environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout
