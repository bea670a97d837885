"""What the log's own entries tell, in words: only theirs, whatever stands in them, and nothing a terminal obeys."""

import json
from typing import Any

import pytest

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.core.ids import new_id
from unbroken.investigate.own_entries import told_by_the_log
from unbroken.investigate.retention_entries import RETENTION_WORDS


def told(event_type: str, details: object, **fields: Any) -> str:
    value = details if isinstance(details, bytes) or details is None else json.dumps(details).encode()
    entry = StoredEntry("l~1", 1, None, "", "w", None, b"", b"", b"", details=value)
    ts = "2026-01-31T09:30:00.000000Z"
    event = Event(id=new_id(), ts=ts, actor_id="u", actor_type="system", event_type=event_type, **fields)
    return told_by_the_log(entry, event)


ONE_HASH = "k1:" + "ab" * 32
DAY = "2026-03-01"
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
            "log.disposed",
            {"disposal": "d-1", "payloads": "3-7,9", "originals": "", "kept": "8", "keys": ["v-1"]},
            "disposal d-1, payloads of 3-7,9, 1 key, kept 8",
        ),
        (
            "log.disposed",
            {"disposal": "d-1", "complete": True, "payloads": 6, "originals": 1, "keys": 0, "kept": 1200},
            "disposal d-1, complete, 6 payloads, 1 original, 1,200 kept",
        ),
        (
            "log.disposal_proposed",
            {"disposal": "d-1", "standing": True, "entries": 31, "upto": 900},
            "disposal d-1, 31 entries up to 900, by standing approval",
        ),
        (
            "log.disposal_decided",
            {
                "disposal": "d-1",
                "decision": "extend",
                "numbers": "3-7",
                "until": f"{DAY}T00:00:00.000000Z",
                "reason": "audit",
            },
            f"disposal d-1, extend of 3-7 until {DAY}: audit",
        ),
        (
            "log.disposal_decided",
            {"disposal": "d-1", "decision": "relabel", "classes": [4], "domains": ["hipaa", "pci"]},
            "disposal d-1, relabel of classes to hipaa, pci",
        ),
        ("log.disposal_reviewed", {"disposal": "d-1", "reason": "looked through"}, "disposal d-1: looked through"),
        ("log.disposal_withdrawn", {"disposal": "d-1"}, "disposal d-1"),
        ("log.disposal_approved", {"disposal": "d-1"}, "disposal d-1"),
        ("log.disposing", {"disposal": "d-1"}, "disposal d-1"),
        ("log.policies_proposed", {"version": 3, "reason": "a new law"}, "version 3: a new law"),
        ("log.policies_confirmed", {"version": 3}, "version 3"),
        (
            "log.start_told",
            {"kind": "closed", "item": "account=1", "at": f"{DAY}T00:00"},
            f"closed of account=1 on {DAY}",
        ),
        (
            "log.standing_asked",
            {"policies": ["a", "b"], "valid_until": f"{DAY}T09:00", "reason": "each week"},
            f"of a, b until {DAY}: each week",
        ),
        ("log.standing_ended", {"approval": "a-1", "reason": "no more"}, "standing approval a-1: no more"),
        ("log.hold_issued", {"hold": "h-1", "kind": "litigation", "matter": "M-7"}, "litigation, matter M-7"),
        (
            "log.hold_counted",
            {"hold": "h-1", "preserved": 12, "originals": 1, "gone": 3},
            "hold h-1, 12 payloads and 1 original preserved, 3 payloads gone before",
        ),
        ("log.hold_reviewed", {"hold": "h-1", "reason": "still open"}, "hold h-1: still open"),
        ("log.hold_change_asked", {"hold": "h-1", "kind": "narrow", "reason": "agreed"}, "to narrow hold h-1: agreed"),
        (
            "log.hold_changed",
            {"hold": "h-1", "kind": "release", "ends_at": f"{DAY}T09:00"},
            f"hold h-1 released, its scope before covers until {DAY}",
        ),
        ("log.hold_change_withdrawn", {"request": "r-1"}, "request r-1"),
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


@pytest.mark.parametrize(
    "event_type", ["access_granted", "log.read", "log.gap", "log.erased", "model_changed", *RETENTION_WORDS]
)
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
