"""What was disposed of is shown as such by every command that reads, and never as damage."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.disposing import DUE, Disposing, due_at_once
from tests.database.held import issue
from tests.plain import draft
from tests.system.cli import Cli, conversation
from unbroken.ledger.ledger import Ledger


@pytest.fixture
def disposal(database: Database, ledger: Ledger) -> str:
    """Two conversations. All of the first was due, and went but for its last entry, which a hold keeps."""
    due_at_once(database)
    who: dict[str, Any] = {"actor_id": "u-17", "actor_type": "user", "agent_id": "desk", "session_id": "call-1", **DUE}
    ledger.record(
        [
            draft("request", inputs="book it", **who),
            draft("tool_call", tool="book", call_id="c1", side_effect=True, inputs={"day": "monday"}, **who),
            draft("response", outputs="booked", **who),
        ]
    )
    ledger.record(conversation("call-2", actor="u-18"))
    with database.connect("legal") as legal:
        issue(legal, {"event_types": ["response"]})
    disposing = Disposing(database)
    done = disposing.done()
    disposing.close()
    return done


@pytest.fixture
def told(database: Database, disposal: str) -> int:
    """The entry that tells of the payloads."""
    row = database.admin.execute("select min(seq) from unbroken.entries where event_type = 'log.disposed'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def reader(database: Database, disposal: str, tmp_path: Path) -> Cli:
    settings = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "complaint of 3 March"}
    return Cli(database.conninfo("compliance"), tmp_path / "state", settings)


def test_a_session_is_shown_with_what_was_disposed_of_in_it(reader: Cli, disposal: str, told: int) -> None:
    done = reader("show", "call-1", "--full")
    assert (done.returncode, done.stderr) == (0, "")
    words = " ".join(done.stdout.split())
    assert words.count("[disposed of]") == 2
    assert words.count(f"under disposal {disposal}, as entry {told} tells") == 2
    assert "booked" in words
    assert "FINDING" not in words
    assert "the content of 2 entries was disposed of, on record" in words
    items = reader.json("show", "call-1")["items"]
    assert [(item["disposed_with"], item["erased_with"]) for item in items] == [(told, None)] * 2 + [(None, None)]


def test_the_newest_entries_are_shown_with_what_was_disposed_of(reader: Cli, disposal: str, told: int) -> None:
    done = reader("tail", "--no-follow", "-n", "50")
    assert (done.returncode, done.stderr) == (0, "")
    assert "FINDING" not in done.stdout
    assert done.stdout.count(f"[disposed of] with entry {told}") == 2
    assert re.search(f"disposal {disposal}, payloads of [0-9]+-[0-9]+\n", done.stdout)
    assert f"disposal {disposal}, complete, 2 payloads" in done.stdout


def test_an_export_is_verified_as_far_as_it_tells_of_the_disposal(reader: Cli, told: int, tmp_path: Path) -> None:
    lines = reader("tail", "--no-follow", "--json", "-n", "50").stdout.splitlines()
    for some, verdict, disposed in ((lines, "consistent", 2), (lines[: told - 1], "findings", 0)):
        file = tmp_path / "export.jsonl"
        file.write_text("\n".join(some))
        report = json.loads(reader("verify", "--file", file, "--json").stdout)
        assert (report["verdict"], report["accounted"]["payloads"]) == (verdict, disposed)
