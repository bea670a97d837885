"""Approvals, calls that did not run and notes, as a reader of a session sees them."""

from typing import Any

import pytest

from tests.unit.test_timeline import ESCAPES, HOSTILE, entries, event, items, shown, stored
from unbroken.investigate.timeline import timeline_of
from unbroken.ledger.draft import Draft

HASH = f"k1:{'ab' * 32}"
UNTIL = "valid_until=2026-01-31T10:30:00.000000Z"


def asked(**fields: Any) -> Draft:
    given = {"tool": "wire", "call_id": "c1", "inputs": {"amount": 5}, "scope": ["system=core", UNTIL]}
    return event("approval_requested", **{"decision": {"arguments_hash": HASH}, **given, **fields})


def decided(request: Draft, outcome: str = "approved", **fields: Any) -> Draft:
    decision = {"arguments_hash": HASH, "by": "alice", "outcome": outcome, "request": request.event.id}
    given = {"tool": "wire", "call_id": "c1", "actor_id": "alice", "parent_id": request.event.id}
    return event("approval_decided", decision=decision, **{**given, **fields})


def by_writer(draft: Draft, seq: int, writer: str) -> Any:
    entry = stored(draft, seq)
    entry.writer = writer
    return entry


def test_a_request_says_what_until_when_and_under_which_id() -> None:
    request = asked(details={"reason": "a large one"}, decision={"arguments_hash": HASH, "policy": "four eyes"})
    (item,) = items(request)
    assert item.title == "wire(amount=5)"
    assert item.facts == (
        "policy four eyes",
        "to be decided until 2026-01-31 10:30:00 UTC",
        f"request {request.event.id}",
    )
    assert (item.lines, item.marks, item.depth) == (("a large one",), (), 1)


def test_a_decision_says_who_decided_what_and_where_it_was_asked_for() -> None:
    request = asked()
    told = timeline_of(
        [
            by_writer(request, 1, "agents"),
            by_writer(decided(request, scope=[UNTIL], details={"reason": "fine"}), 2, "desk as approvers"),
            by_writer(decided(request, "denied"), 3, "desk"),
        ]
    ).items
    assert told[1].title == "approved by alice"
    assert told[1].facts == ("wire", "asked for in entry 1", "to be used until 2026-01-31 10:30:00 UTC")
    assert told[1].lines == ("fine",)
    assert (told[2].title, told[2].facts) == ("denied by alice", ("wire", "asked for in entry 1"))


@pytest.mark.parametrize("writer", ["agents", "agents as desk"])
def test_a_decision_through_the_requests_login_is_told_as_such_whatever_it_says(writer: str) -> None:
    request = asked()
    told = timeline_of([by_writer(request, 1, "agents as app"), by_writer(decided(request), 2, writer)]).items
    assert told[1].facts[-1] == "self-attested: asked for and decided through one login"


def test_a_decision_whose_request_is_elsewhere_says_what_it_says_itself() -> None:
    told = items(decided(asked(), details={"self_attested": True}), decided(asked()))
    assert told[0].facts == ("wire", "self-attested: asked for and decided through one login")
    assert told[1].facts == ("wire",)


def test_a_call_says_under_which_decision_it_ran() -> None:
    decision = {"by": "alice", "outcome": "approved"}
    told = items(
        event("tool_call", tool="wire", decision=decision, details={"self_attested": True}, side_effect=True),
        event("tool_call", tool="wire", decision=decision),
    )
    assert told[0].facts == ("approved by alice", "self-attested")
    assert told[1].facts == ("approved by alice",)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("denied", "its approval was denied"),
        ("expired", "its approval had expired"),
        ("used", "its approval had been used"),
        ("unchecked", "its approval could not be checked"),
        ("mismatch", "no approval holds for this call"),
        (None, "no approval holds for this call"),
    ],
)
def test_a_refusal_says_why(state: str | None, why: str) -> None:
    request = asked()
    details = {"approval": state, "request": request.event.id}
    _, item = items(request, event("error", status="refused", tool="wire", resource_id="NL-1", details=details))
    assert item.title == f"wire was not run: {why}"
    assert (item.facts, item.lines) == (("NL-1", "asked for in entry 1"), ())


def _call(**fields: Any) -> Draft:
    return event("tool_call", **{"tool": "pay", "call_id": "c1", "side_effect": True, "inputs": {"n": 1}, **fields})


def test_a_call_that_did_not_run_is_no_side_effect_and_waits_for_no_result() -> None:
    call = _call()
    note = event("annotated", status="not_executed", tool="pay", call_id="c1", parent_id=call.event.id)
    told = timeline_of(entries(call, note))
    assert told.items[0].marks == ("not run",)
    assert told.items[1].title == "pay was asked for and not run before the turn ended"
    assert (told.items[1].facts, told.items[1].marks, told.items[1].depth) == (("asked for in entry 1",), (), 1)
    assert told.summary.side_effects == 0


def test_a_call_that_was_made_otherwise_stands_beside_it() -> None:
    call = _call()
    own = _call(inputs={"n": 2}, parent_id=call.event.id)
    told = timeline_of(entries(call, own, event("tool_result", parent_id=own.event.id, call_id="c1")))
    assert [item.marks for item in told.items] == [("run separately",), ("side effect",), ()]
    assert told.items[1].facts == ("otherwise than asked for in entry 1",)
    assert [item.depth for item in told.items] == [1, 1, 1]
    assert told.summary.side_effects == 1


def test_a_call_that_a_forked_process_made_stands_beside_it() -> None:
    call = _call()
    told = items(call, _call(parent_id=call.event.id))
    assert told[1].facts == ("asked for in entry 1",)


def test_a_call_that_another_process_made_was_run() -> None:
    call = _call()
    note: dict[str, Any] = {"status": "not_executed", "parent_id": call.event.id, "details": {"carried": True}}
    told = timeline_of(entries(call, _call(), event("annotated", tool="pay", **note)))
    assert [item.marks for item in told.items] == [("run separately",), ("side effect", "no result"), ()]
    assert told.items[2].title == "pay was asked for and not run in this process before the turn ended"
    assert told.summary.side_effects == 1
    other_turn = timeline_of(entries(call, _call(turn_id="t-2"), event("annotated", tool="pay", **note)))
    assert other_turn.items[0].marks == ("not run",)


def test_a_call_inside_a_tool_is_not_one_in_its_place() -> None:
    outer = _call()
    told = items(outer, _call(tool="find", parent_id=outer.event.id), _call(call_id="c2", parent_id=outer.event.id))
    assert [item.marks for item in told] == [("side effect", "no result")] * 3
    assert [item.depth for item in told] == [1, 2, 2]


@pytest.mark.parametrize(
    ("status", "details", "title"),
    [
        ("no_response", None, "the turn ended without a response"),
        ("paused", {"error_type": "x"}, "the turn ended to wait for an approval"),
        ("handoff", {"from": "triage", "to": "billing"}, "triage hands over to billing"),
        ("handoff", {"to": "billing"}, "it hands over to billing"),
        ("handoff", [1], "it hands over to another agent"),
    ],
)
def test_notes_are_told_in_words(status: str, details: object, title: str) -> None:
    given: dict[str, Any] = {} if details is None else {"details": details}
    (item,) = items(event("annotated", status=status, latency_ms=3, **given))
    assert (item.title, item.marks, item.lines) == (title, (), ())


def test_an_annotation_of_somebody_else_is_told_as_it_is() -> None:
    (item,) = items(event("annotated", status="checked", details={"why": "sample"}))
    assert (item.title, item.marks) == ("", ("checked",))
    assert item.lines == ('details: {"why": "sample"}',)


def test_a_conversation_that_is_gone_on_with_is_told_as_such() -> None:
    first, again = stored(event("conversation_started"), 1), stored(event("conversation_started"), 2)
    imported = stored(event("conversation_started", details={"source": {"file": "a.json"}}), 3)
    unnumbered = stored(event("conversation_started"), 4)
    unnumbered.session_seq = None
    told = timeline_of([first, again, imported, unnumbered]).items
    assert [item.facts for item in told] == [
        (),
        ("conversation resumed",),
        ("conversation resumed", "from a.json"),
        (),
    ]


def test_hostile_decisions_reach_no_terminal() -> None:
    request = asked(
        tool=HOSTILE, inputs={HOSTILE: HOSTILE}, details={"reason": HOSTILE}, scope=[f"valid_until={HOSTILE}"]
    )
    made = [
        request,
        decided(request, HOSTILE, tool=HOSTILE, details={"reason": HOSTILE}),
        event("error", status="refused", tool=HOSTILE, details={"approval": HOSTILE, "request": HOSTILE}),
        event("annotated", status="not_executed", tool=HOSTILE),
        event("annotated", status="handoff", details={"from": HOSTILE, "to": HOSTILE}),
        event("annotated", status=HOSTILE),
    ]
    for full in (False, True):
        text = ESCAPES.sub("", shown(timeline_of(entries(*made), full=full), terminal=True, width=300))
        assert not set(text) & {"\x1b", "\x9b", "\x07", "\r", "\u202e"}
        assert "[bold]markup[/bold]" in text


@pytest.mark.parametrize("value", [b"[" * 100_000, b"{", b"\xff\xfe", b"", b"null", b"7", b'{"reason": [1]}'])
@pytest.mark.parametrize(
    ("event_type", "status"),
    [
        ("approval_requested", None),
        ("approval_decided", None),
        ("error", "refused"),
        ("annotated", "handoff"),
        ("annotated", "not_executed"),
        ("tool_call", None),
    ],
)
def test_details_of_any_shape_are_told(event_type: str, status: str | None, value: bytes) -> None:
    entry = stored(event(event_type, status=status, inputs=1, details=1), 1)
    entry.inputs = entry.details = value
    for full in (False, True):
        assert shown(timeline_of([entry], full=full))


def test_a_view_of_all_this_needs_no_terminal() -> None:
    request = asked()
    text = shown(timeline_of(entries(request, decided(request), event("annotated", status="paused"))), width=160)
    rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    assert [word for row, word in zip(rows, ("asks", "decided", "note"), strict=True) if word not in row[1:3]] == []


def test_a_result_names_its_call_where_something_stands_between() -> None:
    one, two = _call(), _call(call_id="c2")
    told = items(
        one,
        two,
        event("tool_result", tool="pay", parent_id=two.event.id),
        event("tool_result", tool="pay", parent_id=one.event.id),
        event("tool_result", tool="pay", call_id="c9"),
    )
    assert [item.facts for item in told[2:]] == [(), ("pay, called in entry 1",), ()]
