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
CUT = "erasure e-1, payloads of 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23…"
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
        ("log.verified", {"run": "whole", "verdict": "findings", "findings": 2}, "whole, findings"),
        (
            "log.verified",
            {"run": "nightly", "verdict": "consistent", "proven_to": 60},
            "nightly, consistent, proven to 60",
        ),
        ("log.vault_refilled", {"count": 500, "wrapped_by": "local-1"}, "500 keys, wrapped by local-1"),
        ("log.vault_rewrapping", {"opening": "o", "to": "kms-2"}, "keys to kms-2"),
        ("log.vault_rewrapped", {"opening": "o", "to": "kms-2", "keys": 12}, "12 keys to kms-2"),
        ("log.original_asked", {"kind": "open", "seqs": "3-7,9"}, "to open the originals of 3-7,9"),
        ("log.original_asked", {"kind": "match", "seqs": "3"}, "to hold something against the originals of 3"),
        ("log.original_opened", {"opened": 5, "failed": 0}, "5 opened"),
        ("log.original_opened", {"opened": 5, "failed": 1}, "5 opened, 1 not"),
        (
            "log.erasure_requested",
            {"erasure": "e-1", "subjects": ["p-1", "p-2"], "case": "C-1", "reason": "art. 17", "with_acted": False},
            "of p-1, p-2, case C-1: art. 17",
        ),
        (
            "log.erasure_requested",
            {"erasure": "e-1", "subjects": ["p-1"], "case": "C-1", "with_acted": True},
            "of p-1, also what they did to others, case C-1",
        ),
        ("log.erasure_confirmed", {"erasure": "e-1"}, "erasure e-1"),
        (
            "log.erased",
            {"erasure": "e-1", "keys": ["v-1", "v-2"], "pseudonyms": ["p-1"]},
            "erasure e-1, 2 keys, 1 name",
        ),
        (
            "log.erased",
            {"erasure": "e-1", "payloads": "3-7,9", "originals": "3"},
            "erasure e-1, payloads of 3-7,9, originals of 3",
        ),
        (
            "log.erased",
            {"erasure": "e-1", "complete": True, "payloads": 6, "originals": 1, "keys": 2},
            "erasure e-1, complete, 6 payloads, 1 original, 2 keys",
        ),
        ("log.erased", {"erasure": "e-1", "payloads": ",".join(map(str, range(1, 99)))}, CUT),
        (
            "log.restored",
            {"system_identifier": "7", "timeline": 2, "erasures": 3},
            "server 7, time line 2, 3 erasures done",
        ),
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


@pytest.mark.parametrize("event_type", ["access_granted", "log.read", "log.gap", "log.erased", "model_changed"])
@pytest.mark.parametrize(
    "details", [None, b"", b"\xff", b"[1]", b"[" * 10_000, {"scope": 1, "login": {}, "keys": {}, "payloads": []}]
)
def test_what_can_not_be_read_is_left_out(event_type: str, details: object) -> None:
    assert "{" not in told(event_type, details)


def test_nothing_in_it_reaches_the_terminal_as_a_command() -> None:
    words = told("log.read", READ | {"purpose": "\x1b[2J", "scope": {"what": "a\nb", "session": "\u202e"}})
    assert words.isprintable()
    assert "[2J" in words


def test_other_events_have_no_such_words() -> None:
    assert told("request", {"text": "hello"}) == ""
