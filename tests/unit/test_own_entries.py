"""What the log's own entries tell, in words: only theirs, whatever stands in them, and nothing a terminal obeys."""

import json
from typing import Any

import pytest

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.core.ids import new_id
from unbroken.investigate.own_entries import told_by_the_log


def told(event_type: str, details: object, **fields: Any) -> str:
    value = details if isinstance(details, bytes) or details is None else json.dumps(details).encode()
    entry = StoredEntry("l~1", 1, None, "", "w", None, b"", b"", b"", details=value)
    ts = "2026-01-31T09:30:00.000000Z"
    event = Event(id=new_id(), ts=ts, actor_id="u", actor_type="system", event_type=event_type, **fields)
    return told_by_the_log(entry, event)


ONE_HASH = "k1:" + "ab" * 32
READ = {"duty": "legal", "purpose": "why", "case": "C-1", "scope": {"what": "show", "session": "s-1"}}
OF_TWO = {"login": "clara", "duty": "compliance", "basis": "two people", "reason": "audit", "requested_by": "anna"}


@pytest.mark.parametrize(
    ("event_type", "details", "words"),
    [
        ("access_granted", OF_TWO, "compliance to clara, two people: audit"),
        ("access_granted", OF_TWO | {"basis": "migration", "reason": None}, "compliance to clara, migration"),
        ("access_granted", OF_TWO | {"basis": "x", "reason": "x"}, "compliance to clara, x"),
        ("access_revoked", OF_TWO, "compliance from clara: audit"),
        ("log.access_requested", OF_TWO, "compliance for clara: audit"),
        ("log.access_withdrawn", {"request": "r-1"}, "request r-1"),
        ("log.names_asked", {"pseudonyms": ["p-1", "p-2"], "lookup": "x"}, "of p-1, p-2"),
        ("log.names_asked", {"pseudonyms": ["a", "b", "c", "d", "e"]}, "of a, b, c and 2 more"),
        ("log.names_asked", {"pseudonyms": "p-1"}, "of "),
        ("log.registry_loaded", {"version": 3, "reason": "a new tool"}, "version 3: a new tool"),
        ("log.read", READ, "show s-1, legal, case C-1: why"),
        ("log.read", {"duty": "ops", "purpose": "why", "scope": {"what": "tail"}}, "tail, ops: why"),
        ("log.read_completed", {"outcome": "complete", "count": 0}, "complete, 0 shown"),
        ("log.read_denied", {"login": "x", "refused": "no case", "duty": "dpo", "attempts": 1}, "x, dpo: no case"),
        (
            "log.read_denied",
            {"login": "x", "refused": "several duties", "attempts": 7},
            "x: several duties, 7 attempts",
        ),
        ("log.recorder_stopped", {"recorder": "r", "count": 12}, "after number 12"),
        ("log.gap", {"reason": "outage", "first": 3, "last": 9}, "outage, numbers 3 to 9"),
        ("log.unlocked", {"login": "agent", "pid": 7}, "ended a session of agent"),
        (
            "prompt_changed",
            {"from": "3", "to": "4", "seq": 1200, "template": "triage"},
            "template triage, 3 → 4, with entry 1,200",
        ),
        ("prompt_changed", {"from": ONE_HASH, "to": "x", "seq": 7}, "k1:abababab… → x, with entry 7"),
        ("model_changed", {"from": "m-1", "to": "m-2\x1b", "seq": 7}, "m-1 → m-2␛, with entry 7"),
    ],
)
def test_each_kind_is_told_in_words(event_type: str, details: object, words: str) -> None:
    assert told(event_type, details) == words


def test_what_a_recorder_says_is_not_told_as_the_logs_own() -> None:
    assert told("access_granted", OF_TWO, recorder=new_id(), recorder_seq=1) == ""


@pytest.mark.parametrize("event_type", ["access_granted", "log.read", "log.read_completed", "log.gap", "model_changed"])
@pytest.mark.parametrize("details", [None, b"", b"\xff", b"[1]", b"[" * 10_000, {"scope": 1, "login": {}, "count": []}])
def test_what_can_not_be_read_is_left_out(event_type: str, details: object) -> None:
    assert "{" not in told(event_type, details)


def test_nothing_in_it_reaches_the_terminal_as_a_command() -> None:
    words = told("log.read", READ | {"purpose": "\x1b[2J", "scope": {"what": "a\nb", "session": "\u202e"}})
    assert words.isprintable()
    assert "[2J" in words


def test_other_events_have_no_such_words() -> None:
    assert told("request", {"text": "hello"}) == ""
