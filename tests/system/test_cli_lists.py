"""Lists say what the lines of their entries say, and tell where the database says something else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.system.cli import Cli
from unbroken.capture.trail import Trail
from unbroken.errors import NotApprovedError


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "a test"}
    return Cli(database.conninfo("compliance"), tmp_path / "state", settings)


@pytest.fixture
def recorded(trail: Trail) -> Trail:
    """A session in which something is asked for, and approved."""

    @trail.tool(side_effect=True, requires_approval=True)
    def wire(iban: str) -> str:
        return iban

    with (
        trail.session("s-1", actor="u-7", agent="teller") as session,
        session.turn("pay"),
        pytest.raises(NotApprovedError) as asked,
    ):
        wire("NL-1")
    assert asked.value.request_id is not None
    trail.decide(asked.value.request_id, "approve", by="alice")
    return trail


def listed(cli: Cli, *command: str) -> tuple[int, dict[str, Any], list[str]]:
    """The exit code, the only row, and the kinds of findings."""
    done = cli(*command, "--json")
    found = json.loads(done.stdout)
    (row,) = found["sessions" if command[0] == "sessions" else "approvals"]
    return done.returncode, row, [finding["kind"] for finding in found["findings"]]


def test_what_is_listed_is_what_was_recorded(cli: Cli, recorded: Trail) -> None:
    code, session, findings = listed(cli, "sessions")
    assert (code, findings) == (0, [])
    assert (session["actor_id"], session["agent_id"]) == ("u-7", "teller")
    code, request, findings = listed(cli, "approvals", "list", "--all")
    assert (code, findings) == (0, [])
    assert (request["actor_id"], request["decided_by"], request["state"]) == ("u-7", "alice", "approved")


def test_a_column_that_says_something_else_is_told_and_not_believed(
    cli: Cli, recorded: Trail, database: Database
) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set actor_id = 'mallory' where event_type <> 'tool_call'")
    code, session, findings = listed(cli, "sessions")
    assert (code, set(findings)) == (1, {"column_disagrees"})
    assert session["actor_id"] == "u-7"
    code, request, findings = listed(cli, "approvals", "list", "--all")
    assert (code, set(findings)) == (1, {"column_disagrees"})
    assert (request["actor_id"], request["decided_by"]) == ("u-7", "alice")


def test_a_rewritten_line_is_told(cli: Cli, recorded: Trail, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set event = replace(event, 'alice', 'mallory')")
    assert listed(cli, "approvals", "list", "--all")[2] == ["altered_entry"]
    database.admin.execute("update unbroken.entries set event = replace(event, 'u-7', 'u-8')")
    assert listed(cli, "sessions")[2] == ["altered_entry", "altered_entry"]


@pytest.mark.parametrize("column", ["entries", "last_seq"])
def test_a_count_that_the_last_line_refutes_is_told(cli: Cli, recorded: Trail, database: Database, column: str) -> None:
    database.disarm()
    database.admin.execute("update unbroken.sessions set @ = @ - 1".replace("@", column).encode())
    code, _, findings = listed(cli, "sessions")
    assert (code, findings) == (1, ["column_disagrees"])


def test_a_decision_that_was_turned_round_is_told(cli: Cli, recorded: Trail, database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.approvals set outcome = 'denied'")
    code, request, findings = listed(cli, "approvals", "list", "--all")
    assert (code, request["state"], findings) == (1, "denied", ["column_disagrees"])


def test_operators_are_not_told_who(database: Database, recorded: Trail, cli: Cli) -> None:
    ops = Cli(database.conninfo("ops"), cli.state, cli.settings)
    code, session, findings = listed(ops, "sessions")
    assert (code, session["actor_id"], session["agent_id"], findings) == (0, None, "teller", [])
