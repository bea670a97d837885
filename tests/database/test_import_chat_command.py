"""``unbroken import chat``: what it prints and how it ends."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from unbroken.cli import import_
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.ledger.ledger import Ledger

ASK = {"role": "user", "content": "book it"}
BOOK = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": "{}"}}
CONVERSATION = [ASK, {"role": "assistant", "content": None, "tool_calls": [BOOK]}]


@pytest.fixture
def run(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(import_, "open_ledger", lambda *_: nullcontext(ledger))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(import_.app, ["chat", *map(str, arguments)])

    return run


def test_a_clean_import_says_what_it_did(
    run: Callable[..., Result], tmp_path: Path, entries: Callable[[], list[StoredEntry]]
) -> None:
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(CONVERSATION))
    done = run(path, "--side-effect", "book", "--side-effect", "pay", "--agent", "desk")
    assert done.exit_code == 0, done.output
    assert done.stdout == "1 conversation, 6 events added, 0 there already, in clinic.example/agents~1\n"
    again = run(path)
    assert again.stdout == "1 conversation, 0 events added, 6 there already, in clinic.example/agents~1\n"
    events = [decode_event(entry.event) for entry in entries()]
    assert {event.agent_id for event in events} == {"desk"}
    assert [event.side_effect for event in events if event.tool] == [True]


def test_broken_records_are_listed_and_the_exit_code_is_1(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "chat\x1b[2J.jsonl"
    path.write_text("broken\n" * 30 + json.dumps(CONVERSATION) + "\n")
    done = run(path)
    assert done.exit_code == 1
    assert "1 conversation, 6 events added" in done.stdout
    assert "30 records could not be read and were left out:" in done.stdout
    assert ", line 20: not JSON" in done.stdout
    assert ", line 21: not JSON" not in done.stdout
    assert "and 10 more" in done.stdout
    assert "\x1b" not in done.stdout


def test_the_report_as_json_lists_every_place(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text("broken\n" * 30 + json.dumps(CONVERSATION) + "\n")
    done = run(path, "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert (report["conversations"], report["events_added"], report["events_already_there"]) == (1, 6, 0)
    assert [broken["line"] for broken in report["broken"]] == list(range(1, 31))
    assert report["conflicts"] == []


def test_a_missing_file_is_a_mistake_in_usage(run: Callable[..., Result], tmp_path: Path) -> None:
    done = run(tmp_path / "absent.json")
    assert done.exit_code == 2
